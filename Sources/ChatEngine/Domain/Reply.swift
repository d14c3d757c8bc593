internal import LogStore

/// A reply that is or was streamed: where it belongs and, once it has ended, how. Kept as a document beside the message,
/// so that a client can come back for it by the message's id.
package struct Reply: Hashable, Sendable {
    package enum Ending: UInt8, Sendable {
        case completed = 1
        /// The client went away or asked for it.
        case aborted = 2
        /// The responder failed.
        case failed = 3
        /// The server went down, and the responder cannot go on where it was.
        case interrupted = 4
    }

    /// What a model counted.
    package struct Usage: Hashable, Sendable {
        package var inputTokens: Int
        package var outputTokens: Int
        /// Whether the numbers are the server's guess.
        package var isEstimated: Bool

        package init(inputTokens: Int, outputTokens: Int, isEstimated: Bool = false) {
            self.inputTokens = inputTokens
            self.outputTokens = outputTokens
            self.isEstimated = isEstimated
        }
    }

    /// The assistant message's id.
    package var id: UUIDValue
    package var organisation: String
    package var session: String
    /// The message that it answers.
    package var question: UUIDValue
    /// nil while it is streamed.
    package var ending: Ending?
    /// The responder's words, if it failed.
    package var failure: String?
    package var usage: Usage?
    /// Bytes of each token, once it has ended.
    package var tokenBytes: [Int] = []

    package init(id: UUIDValue, organisation: String, session: String, question: UUIDValue) {
        self.id = id
        self.organisation = organisation
        self.session = session
        self.question = question
    }

    package var tenant: TenantName { .llm(organisation: organisation) }
}

// MARK: Codec (docs/format.md, "Streamed replies")

extension Reply {
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version, reserving: 128 + tokenBytes.count)
        out.append(1, UTF8Text(organisation))
        out.append(2, UTF8Text(session))
        out.append(3, UTF8Text(question.string))
        if let ending { out.append(4, UInt64(ending.rawValue)) }
        if let failure { out.append(5, UTF8Text(failure)) }
        if let usage {
            out.append(6, UInt64(max(0, usage.inputTokens)))
            out.append(7, UInt64(max(0, usage.outputTokens)))
            out.append(8, usage.isEstimated ? 1 : 0)
        }
        if !tokenBytes.isEmpty {
            var counts: [UInt8] = []
            for count in tokenBytes { counts.append(varint: UInt64(count)) }
            out.append(9, counts)
        }
        return out.bytes
    }

    init(decoding bytes: [UInt8], id: UUIDValue) throws(MalformedRecord) {
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        var reply = Reply(id: id, organisation: "", session: "", question: id)
        var usage = Usage(inputTokens: 0, outputTokens: 0)
        var hasUsage = false
        while let field = try reader.next() {
            switch field.tag {
            case 1: reply.organisation = field.text.string
            case 2: reply.session = field.text.string
            case 3:
                guard let question = UUIDValue(text: field.text.string) else {
                    throw MalformedRecord(what: "message id", offset: field.bytes.startIndex)
                }
                reply.question = question
            case 4: reply.ending = Ending(rawValue: UInt8(truncatingIfNeeded: field.number)) ?? .completed
            case 5: reply.failure = field.text.string
            case 6:
                usage.inputTokens = Int(truncatingIfNeeded: field.number)
                hasUsage = true
            case 7: usage.outputTokens = Int(truncatingIfNeeded: field.number)
            case 8: usage.isEstimated = field.number != 0
            case 9: reply.tokenBytes = try Self.counts(field.bytes)
            default: break
            }
        }
        reply.usage = hasUsage ? usage : nil
        self = reply
    }

    private static func counts(_ bytes: ArraySlice<UInt8>) throws(MalformedRecord) -> [Int] {
        var counts: [Int] = []
        var value: UInt64 = 0
        var shift: UInt64 = 0
        for byte in bytes {
            guard shift < 42 else { throw MalformedRecord(what: "token bytes", offset: bytes.startIndex) }
            value |= UInt64(byte & 0x7F) << shift
            shift += 7
            guard byte < 0x80 else { continue }
            counts.append(Int(value))
            (value, shift) = (0, 0)
        }
        return counts
    }
}

extension Array where Element == UInt8 {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }
}
