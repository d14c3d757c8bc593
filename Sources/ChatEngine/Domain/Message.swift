package import LogStore

/// A message as its writer gives it: every attribute that one of the surfaces has. What the store itself keeps (sequence,
/// creation time, time of the last edit) is in `StoredMessage`, not here.
package struct Message: Hashable, Sendable {
    package enum Role: UInt8, Sendable {
        case user = 1
        case assistant = 2
        case system = 3
    }
    package enum Direction: UInt8, Sendable {
        case incoming = 1
        case outgoing = 2
    }
    package enum SenderType: UInt8, Sendable {
        case teacher = 1
        case guardian = 2
        case student = 3
        case system = 4
        case assistant = 5
    }

    package var id: MessageID
    package var role: Role?
    package var direction: Direction?
    package var senderType: SenderType?
    package var senderID: UTF8Text?
    /// text, image, file, action, system, alert or what else a surface's clients send; nil = text.
    package var type: UTF8Text?
    package var content: UTF8Text
    /// nil = `{}`.
    package var metadata: RawJSON?
    package var parentID: MessageID?
    package var tokenCount: UInt32?
    /// What agents found out; nil for most messages.
    package var analysis: MessageAnalysis?

    package init(id: MessageID, role: Role? = nil, content: UTF8Text, metadata: RawJSON? = nil) {
        self.id = id
        self.role = role
        self.content = content
        self.metadata = metadata
    }
}

/// How a message was understood and answered (poc's processing columns).
package struct MessageAnalysis: Hashable, Sendable {
    package var processing: RawJSON?
    package var agentInfo: RawJSON?
    package var intent: UTF8Text?
    package var entities: RawJSON?
    package var sentiment: UTF8Text?
    /// 0…1.
    package var confidence: Double?
    package var processingTimeMilliseconds: UInt64?
    package var errorInfo: RawJSON?
    package init() {}
}

/// A message and what the store assigned to it.
package struct StoredMessage: Hashable, Sendable {
    package var message: Message
    /// 1, 2, 3 … within the session, without gaps.
    package var sequence: SequenceNumber
    package var createdAt: Timestamp
    /// nil = never edited.
    package var editedAt: Timestamp?

    package init(message: Message, sequence: SequenceNumber, createdAt: Timestamp, editedAt: Timestamp? = nil) {
        self.message = message
        self.sequence = sequence
        self.createdAt = createdAt
        self.editedAt = editedAt
    }
}

// MARK: Codec (docs/format.md, "Message")

extension Message {
    enum Tag {
        static let id: UInt64 = 1
        static let verbatimID: UInt64 = 2
        static let role: UInt64 = 3
        static let content: UInt64 = 4
        static let metadata: UInt64 = 5
        static let direction: UInt64 = 6
        static let type: UInt64 = 7
        static let senderID: UInt64 = 8
        static let senderType: UInt64 = 9
        static let parentID: UInt64 = 10
        static let verbatimParentID: UInt64 = 11
        static let tokenCount: UInt64 = 12
        static let processing: UInt64 = 13
        static let agentInfo: UInt64 = 14
        static let intent: UInt64 = 15
        static let entities: UInt64 = 16
        static let sentiment: UInt64 = 17
        static let confidence: UInt64 = 18
        static let processingTime: UInt64 = 19
        static let errorInfo: UInt64 = 20
    }
    static let version: UInt8 = 1

    /// The payload of the message's store entry.
    package var encoded: [UInt8] {
        var out = TaggedFieldWriter(
            version: Self.version, reserving: content.bytes.count + (metadata?.bytes.count ?? 0) + 48)
        Self.append(id, Tag.id, Tag.verbatimID, to: &out)
        if let role { out.append(Tag.role, UInt64(role.rawValue)) }
        out.append(Tag.content, content.bytes)
        out.append(Tag.metadata, metadata)
        if let direction { out.append(Tag.direction, UInt64(direction.rawValue)) }
        out.append(Tag.type, type)
        out.append(Tag.senderID, senderID)
        if let senderType { out.append(Tag.senderType, UInt64(senderType.rawValue)) }
        if let parentID { Self.append(parentID, Tag.parentID, Tag.verbatimParentID, to: &out) }
        if let tokenCount { out.append(Tag.tokenCount, UInt64(tokenCount)) }
        if let analysis { Self.append(analysis, to: &out) }
        return out.bytes
    }

    private static func append(_ analysis: MessageAnalysis, to out: inout TaggedFieldWriter) {
        out.append(Tag.processing, analysis.processing)
        out.append(Tag.agentInfo, analysis.agentInfo)
        out.append(Tag.intent, analysis.intent)
        out.append(Tag.entities, analysis.entities)
        out.append(Tag.sentiment, analysis.sentiment)
        // Byte-swapped, because the low bytes of most fractions that agents report are zero.
        if let confidence = analysis.confidence { out.append(Tag.confidence, confidence.bitPattern.byteSwapped) }
        if let time = analysis.processingTimeMilliseconds { out.append(Tag.processingTime, time) }
        out.append(Tag.errorInfo, analysis.errorInfo)
    }

    /// Reads an entry's payload. The result's byte fields are slices of it.
    init(decoding payload: [UInt8]) throws(MalformedRecord) {
        var reader = try TaggedFieldReader(payload, version: Self.version)
        var message = Message(id: .verbatim(.empty), content: .empty)
        while let field = try reader.next() {
            switch field.tag {
            case Tag.id: message.id = try Self.packedID(field.bytes)
            case Tag.verbatimID: message.id = .verbatim(field.text)
            case Tag.role: message.role = Role(rawValue: UInt8(truncatingIfNeeded: field.number))
            case Tag.content: message.content = field.text
            case Tag.metadata: message.metadata = field.json
            case Tag.direction: message.direction = Direction(rawValue: UInt8(truncatingIfNeeded: field.number))
            case Tag.type: message.type = field.text
            case Tag.senderID: message.senderID = field.text
            case Tag.senderType: message.senderType = SenderType(rawValue: UInt8(truncatingIfNeeded: field.number))
            case Tag.parentID: message.parentID = try Self.packedID(field.bytes)
            case Tag.verbatimParentID: message.parentID = .verbatim(field.text)
            case Tag.tokenCount: message.tokenCount = UInt32(exactly: field.number)
            case Tag.processing...Tag.errorInfo:
                var analysis = message.analysis ?? MessageAnalysis()
                Self.read(field, into: &analysis)
                message.analysis = analysis
            default: break
            }
        }
        self = message
    }

    private static func read(_ field: TaggedFieldReader.Field, into analysis: inout MessageAnalysis) {
        switch field.tag {
        case Tag.processing: analysis.processing = field.json
        case Tag.agentInfo: analysis.agentInfo = field.json
        case Tag.intent: analysis.intent = field.text
        case Tag.entities: analysis.entities = field.json
        case Tag.sentiment: analysis.sentiment = field.text
        case Tag.confidence: analysis.confidence = Double(bitPattern: field.number.byteSwapped)
        case Tag.processingTime: analysis.processingTimeMilliseconds = field.number
        case Tag.errorInfo: analysis.errorInfo = field.json
        default: break
        }
    }

    // MARK: Ids
    //
    // A packed id is: the suffix' width (1…12), the milliseconds as 6 bytes and the suffix as 8, big-endian; or 16 bytes
    // of a UUID. The lengths (15, 16) tell them apart.

    private static func append(_ id: MessageID, _ packed: UInt64, _ verbatim: UInt64, to out: inout TaggedFieldWriter) {
        switch id {
        case .timed(let milliseconds, let suffix) where milliseconds < 1 << 48:
            out.varint(packed << 1 | 1)
            out.varint(15)
            out.bigEndian(UInt64(suffix.width), width: 1)
            out.bigEndian(milliseconds, width: 6)
            out.bigEndian(suffix.value, width: 8)
        case .uuid(let uuid):
            out.varint(packed << 1 | 1)
            out.varint(16)
            out.bigEndian(uuid.high, width: 8)
            out.bigEndian(uuid.low, width: 8)
        case .timed, .verbatim:
            var text: [UInt8] = []
            id.write(to: &text)
            out.append(verbatim, text)
        }
    }

    private static func packedID(_ bytes: ArraySlice<UInt8>) throws(MalformedRecord) -> MessageID {
        switch MessageFields.ID(packed: bytes.span) {
        case .timed(let milliseconds, let suffix): return .timed(milliseconds: milliseconds, suffix: suffix)
        case .uuid(let uuid): return .uuid(uuid)
        case .verbatim, nil: throw MalformedRecord(what: "message id", offset: bytes.startIndex)
        }
    }
}

extension TaggedFieldWriter {
    /// The low `width` bytes, most significant first.
    mutating func bigEndian(_ value: UInt64, width: Int) {
        for index in (0..<width).reversed() { raw(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
}
