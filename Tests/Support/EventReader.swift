/// A client that reads a stream as it comes, HTTP chunk by HTTP chunk.
package final class EventReader {
    package let socket: LoopbackSocket
    package private(set) var head = ""

    /// Sends a request and reads the head of its reply.
    package init(
        port: UInt16, _ method: String, _ path: String, headers: [(String, String)] = [],
        json: String? = nil, receiveBufferBytes: Int32 = 0
    ) throws(LoopbackError) {
        socket = try LoopbackSocket(port: port, receiveBufferBytes: receiveBufferBytes)
        var text = "\(method) \(path) HTTP/1.1\r\nHost: a\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let json { text += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n" }
        try socket.send(text + "\r\n" + (json ?? ""))
    }

    /// Reads the reply's head, without its last line end.
    package func readHead() throws(LoopbackError) {
        let mark = Array("\r\n\r\n".utf8)
        while true {
            let bytes = socket.received
            if bytes.count >= 4, let end = (0...bytes.count - 4).first(where: { Array(bytes[$0..<$0 + 4]) == mark }) {
                head = String(decoding: bytes[..<end], as: UTF8.self)
                socket.received.removeFirst(end + 4)
                return
            }
            guard try socket.receive() else { throw LoopbackError.closed(received: "") }
        }
    }

    /// The next chunk; nil at the end of the body.
    package func next() throws(LoopbackError) -> String? {
        if head.isEmpty { try readHead() }
        while true {
            if let lineEnd = socket.received.firstIndex(of: 10) {
                let digits = String(decoding: socket.received[..<(lineEnd - 1)], as: UTF8.self)
                guard let size = Int(digits, radix: 16) else { throw LoopbackError.malformedReply(digits) }
                if socket.received.count >= lineEnd + 1 + size + 2 {
                    let chunk = socket.received[(lineEnd + 1)..<(lineEnd + 1 + size)]
                    socket.received.removeFirst(lineEnd + 1 + size + 2)
                    return size == 0 ? nil : String(decoding: chunk, as: UTF8.self)
                }
            }
            guard try socket.receive() else { throw LoopbackError.closed(received: "") }
        }
    }

    /// All chunks that are left.
    package func rest() throws(LoopbackError) -> [String] {
        var chunks: [String] = []
        while let chunk = try next() { chunks.append(chunk) }
        return chunks
    }
}

/// The JSON text of an event.
package func eventText(_ chunk: String) throws(LoopbackError) -> [UInt8] {
    let bytes = Array(chunk.utf8)
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: true)
    guard let line = lines.first(where: { $0.starts(with: "data: ".utf8) }), chunk.hasSuffix("\n\n") else {
        throw .malformedReply(chunk)
    }
    return Array(line.dropFirst(6))
}

/// The id of an event; empty if it has none.
package func eventID(_ chunk: String) -> String {
    guard chunk.hasPrefix("id: ") else { return "" }
    return String(chunk.dropFirst(4).prefix { $0 != "\n" })
}
