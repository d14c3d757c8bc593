internal import HTTPTransport

// Packets of Engine.IO 4 and their two encodings.
//
// As a WebSocket message: a text is the digit of the type and the data; a binary message is the data alone.
// As a polling payload: the texts of the packets with 0x1E between them; binary is `b` and base64.

struct EnginePacket: Equatable, Sendable {
    enum Kind: UInt8, Sendable {
        case open = 0x30
        case close, ping, pong, message, upgrade, noop
    }

    var kind: Kind
    var data: [UInt8]
    /// Only messages can be binary.
    var isBinary = false

    init(_ kind: Kind, _ data: [UInt8] = []) {
        self.kind = kind
        self.data = data
    }

    init(_ message: WebSocketMessage) {
        kind = .message
        data = message.bytes
        if case .binary = message { isBinary = true }
    }

    /// What a message carries.
    var message: WebSocketMessage { isBinary ? .binary(data) : .text(data) }

    // MARK: WebSocket

    /// - Returns: nil where the first character is no type.
    init?(frame: WebSocketMessage) {
        switch frame {
        case .binary: self.init(frame)
        case .text(let bytes):
            guard let first = bytes.first, let kind = Kind(rawValue: first) else { return nil }
            self.init(kind, Array(bytes.dropFirst()))
        }
    }

    var frame: WebSocketMessage { isBinary ? .binary(data) : .text([kind.rawValue] + data) }

    // MARK: polling

    private static let separator: UInt8 = 0x1E
    private static let binaryMark = UInt8(ascii: "b")

    /// How many bytes it takes in a payload, its separator included.
    var payloadBytes: Int { isBinary ? (data.count + 2) / 3 * 4 + 2 : data.count + 2 }

    /// - Returns: nil if any packet is empty, has no type, is not UTF-8 or not base64.
    static func decode(payload: [UInt8]) -> [EnginePacket]? {
        guard isUTF8(payload) else { return nil }
        var packets: [EnginePacket] = []
        for part in payload.split(separator: separator, omittingEmptySubsequences: false) {
            guard let first = part.first else { return nil }
            if first == binaryMark {
                guard let data = Base64.decode(String(decoding: part.dropFirst(), as: UTF8.self)) else { return nil }
                packets.append(EnginePacket(.binary(data)))
            } else {
                guard let kind = Kind(rawValue: first) else { return nil }
                packets.append(EnginePacket(kind, Array(part.dropFirst())))
            }
        }
        return packets
    }

    static func payload(_ packets: [EnginePacket]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(packets.reduce(0) { $0 + $1.payloadBytes })
        for packet in packets {
            if !bytes.isEmpty { bytes.append(separator) }
            if packet.isBinary {
                bytes.append(binaryMark)
                bytes += Base64.encode(packet.data).utf8
            } else {
                bytes.append(packet.kind.rawValue)
                bytes += packet.data
            }
        }
        return bytes
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        (try? UTF8Span(validating: bytes.span)) != nil
    }
}
