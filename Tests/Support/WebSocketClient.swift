/// Frames of RFC 6455 §5.2, put together by hand: as a client sends them, and as a server's are read.
package enum Frame {
    package static func client(
        _ opcode: UInt8, _ payload: [UInt8], fin: Bool = true, reserved: UInt8 = 0, mask: [UInt8]? = [1, 2, 3, 4]
    ) -> [UInt8] {
        var bytes: [UInt8] = [(fin ? 0x80 : 0) | reserved << 4 | opcode]
        let bit: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case 0..<126: bytes.append(bit | UInt8(payload.count))
        case 126..<65536: bytes += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            bytes.append(bit | 127)
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(payload.count >> shift & 255)) }
        }
        guard let mask else { return bytes + payload }
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    package static func text(_ text: String) -> [UInt8] { client(1, Array(text.utf8)) }
    package static func binary(_ bytes: [UInt8]) -> [UInt8] { client(2, bytes) }

    package struct Server: Equatable, CustomStringConvertible {
        package var opcode: UInt8
        package var payload: [UInt8]

        package init(opcode: UInt8, payload: [UInt8]) {
            self.opcode = opcode
            self.payload = payload
        }

        package var text: String { String(decoding: payload, as: UTF8.self) }
        /// The code of a close frame; 1005 for none.
        package var code: Int { payload.count < 2 ? 1005 : Int(payload[0]) << 8 | Int(payload[1]) }
        package var description: String { "\(opcode):\(text)" }
    }

    /// Takes one whole unfragmented frame off the front; nil if it is not all there.
    package static func take(_ bytes: inout [UInt8]) -> Server? {
        guard bytes.count >= 2 else { return nil }
        var start = 2
        var length = Int(bytes[1] & 0x7F)
        let wide = length == 126 ? 2 : length == 127 ? 8 : 0
        if wide > 0 {
            guard bytes.count >= 2 + wide else { return nil }
            length = bytes[2..<2 + wide].reduce(0) { $0 << 8 | Int($1) }
            start += wide
        }
        guard bytes.count >= start + length else { return nil }
        let frame = Server(opcode: bytes[0] & 15, payload: Array(bytes[start..<start + length]))
        bytes.removeFirst(start + length)
        return frame
    }

    package static func all(_ bytes: [UInt8]) -> [Server] {
        var rest = bytes
        var frames: [Server] = []
        while let frame = take(&rest) { frames.append(frame) }
        return frames
    }
}

/// A WebSocket of a test, blocking, every wait bounded.
package final class WebSocketClient {
    package let socket: LoopbackSocket
    package private(set) var status = ""

    /// - Parameter expectsRefusal: leaves an answer other than 101 in `status` and `rest`.
    package init(
        port: UInt16, target: String, headers: String = "", receiveBufferBytes: Int32 = 0, expectsRefusal: Bool = false
    ) throws {
        socket = try LoopbackSocket(port: port, receiveBufferBytes: receiveBufferBytes)
        try socket.send(
            "GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(headers)\r\n")
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = socket.received.firstRange(of: end) {
                let head = String(decoding: socket.received[..<range.lowerBound], as: UTF8.self)
                socket.received.removeFirst(range.upperBound)
                status = String(head.prefix { $0 != "\r\n" })
                guard status.hasPrefix("HTTP/1.1 101 ") || expectsRefusal else {
                    throw LoopbackError.malformedReply(head)
                }
                guard
                    expectsRefusal
                        || head.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=")
                else { throw LoopbackError.malformedReply(head) }
                return
            }
            guard try socket.receive() else {
                throw LoopbackError.closed(received: String(decoding: socket.received, as: UTF8.self))
            }
        }
    }

    package func send(_ text: String) throws { try socket.send(Frame.text(text)) }
    package func send(_ bytes: [UInt8]) throws { try socket.send(Frame.binary(bytes)) }

    /// The next frame; nil at the end of the connection.
    package func receive() throws -> Frame.Server? {
        while true {
            if let frame = Frame.take(&socket.received) { return frame }
            guard try socket.receive() else { return nil }
        }
    }

    package func receiveText() throws -> String {
        guard let frame = try receive() else { throw LoopbackError.closed(received: "") }
        guard frame.opcode == 1 else {
            throw LoopbackError.malformedReply("opcode \(frame.opcode), code \(frame.code), \(frame.text)")
        }
        return frame.text
    }

    /// The code of the close frame, past whatever comes before it; nil if the connection ends without.
    package func closeCode() throws -> Int? {
        while let frame = try receive() { if frame.opcode == 8 { return frame.code } }
        return nil
    }
}
