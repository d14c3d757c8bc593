// From Engine.IO messages to packets. A binary packet is complete when its attachments have come; until then any text is an
// error. After an error the connection is to be closed: the decoder has no way back.

struct SocketPacketDecoder {
    enum Failure: Error, Equatable {
        case unknownType
        case malformedHeader
        case malformedPayload
        case tooManyAttachments
        /// A placeholder without its attachment.
        case wrongPlaceholder
        /// Text among the attachments of a packet, or an attachment of none.
        case unexpectedMessage
    }

    private struct Pending {
        var packet: SocketPacket
        var values: [[UInt8]]
        var attachments: [[UInt8]] = []
        var count: Int
    }

    private let maximumAttachments: Int
    private let attachmentBytes: Int
    private var pending: Pending?

    /// - Parameters:
    ///   - maximumAttachments: of one packet.
    ///   - attachmentBytes: all attachments of one packet together: what a client can make the server keep.
    init(maximumAttachments: Int, attachmentBytes: Int = 4 << 20) {
        self.maximumAttachments = maximumAttachments
        self.attachmentBytes = attachmentBytes
    }

    /// - Returns: the packet that is complete with this message; nil while attachments are missing.
    mutating func decode(_ message: WebSocketMessage) throws(Failure) -> SocketPacket? {
        switch message {
        case .text(let bytes):
            guard pending == nil else { throw .unexpectedMessage }
            return try decode(text: bytes)
        case .binary(let bytes):
            guard var waiting = pending else { throw .unexpectedMessage }
            waiting.attachments.append(bytes)
            guard waiting.attachments.reduce(0, { $0 + $1.count }) <= attachmentBytes else { throw .tooManyAttachments }
            guard waiting.attachments.count == waiting.count else {
                pending = waiting
                return nil
            }
            pending = nil
            let arguments = EventArguments(values: waiting.values, attachments: waiting.attachments)
            if case .event(let name, _) = waiting.packet.body {
                waiting.packet.body = .event(name: name, arguments)
            } else {
                waiting.packet.body = .acknowledgement(arguments)
            }
            return waiting.packet
        }
    }

    private mutating func decode(text: [UInt8]) throws(Failure) -> SocketPacket? {
        guard let first = text.first, let kind = SocketPacket.Kind(rawValue: first) else { throw .unknownType }
        var rest = text.dropFirst()
        var count = 0
        if kind.isBinary {
            guard let number = SocketPacketDecoder.takeNumber(&rest), rest.first == UInt8(ascii: "-") else {
                throw .malformedHeader
            }
            rest.removeFirst()
            guard number <= maximumAttachments else { throw .tooManyAttachments }
            count = Int(number)
        }
        var packet = SocketPacket(body: .disconnect)
        if rest.first == UInt8(ascii: "/") {
            let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
            packet.namespace = SocketPacketDecoder.path(rest[rest.startIndex..<end])
            rest = end < rest.endIndex ? rest[(end + 1)...] : rest[end...]
        }
        if let digit = rest.first, digit &- 0x30 < 10 {
            guard let id = SocketPacketDecoder.takeNumber(&rest) else { throw .malformedHeader }
            packet.id = id
        }
        return try finish(packet, kind, payload: rest, attachments: count)
    }

    private mutating func finish(
        _ packet: SocketPacket, _ kind: SocketPacket.Kind, payload: ArraySlice<UInt8>, attachments: Int
    ) throws(Failure) -> SocketPacket? {
        var packet = packet
        var scanner = JSONText(payload)
        switch kind {
        case .connect:
            guard payload.isEmpty || scanner.isWholeObject() else { throw .malformedPayload }
            packet.body = .connect(payload.isEmpty ? nil : Array(payload))
            return packet
        case .disconnect:
            guard payload.isEmpty else { throw .malformedPayload }
            return packet
        case .connectError:
            guard scanner.isWholeValue() else { throw .malformedPayload }
            packet.body = .connectError(Array(payload))
            return packet
        case .event, .binaryEvent:
            guard let elements = scanner.wholeArray(), let first = elements.first,
                let name = SocketPacketDecoder.eventName(first)
            else { throw .malformedPayload }
            packet.body = .event(name: name, EventArguments(json: elements.dropFirst().map { Array($0) }))
        case .acknowledgement, .binaryAcknowledgement:
            guard packet.id != nil, let elements = scanner.wholeArray() else { throw .malformedPayload }
            packet.body = .acknowledgement(EventArguments(json: elements.map { Array($0) }))
        }
        guard kind.isBinary else { return packet }
        guard let placeholders = scanner.placeholders, placeholders.allSatisfy({ $0 < attachments }) else {
            throw .wrongPlaceholder
        }
        if attachments == 0 { return packet }
        pending = Pending(packet: packet, values: packet.arguments.values, count: attachments)
        return nil
    }

    /// A string that is not reserved, or a number, whose text is the name then.
    private static func eventName(_ element: ArraySlice<UInt8>) -> String? {
        guard let first = element.first else { return nil }
        switch first {
        case UInt8(ascii: "\""):
            guard let name = JSONText.string(element), !SocketPacket.reservedEvents.contains(name) else { return nil }
            return name
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return String(decoding: element, as: UTF8.self)
        default: return nil
        }
    }

    /// The decimal digits at the start; nil if there are none, or more than fit in a JavaScript integer.
    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        let digits = rest.prefix { $0 &- 0x30 < 10 }
        guard !digits.isEmpty, digits.count <= 16 else { return nil }
        rest = rest[digits.endIndex...]
        return digits.reduce(0) { $0 * 10 + UInt64($1 - 0x30) }
    }

    /// A namespace without the query that some clients send with it.
    private static func path(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    }
}

extension SocketPacket {
    fileprivate var arguments: EventArguments {
        switch body {
        case .event(_, let arguments), .acknowledgement(let arguments): arguments
        default: EventArguments()
        }
    }
}
