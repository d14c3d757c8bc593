package import LogStore

// Lists of messages and of sessions show a few fields of many stored values. Taking each value apart into a `Message` or
// a `SessionState`, to print it at once, costs more than everything else that such a list does. So the places of those
// fields are found in the stored bytes, and the reply is written from there.

/// Where in an entry's payload the fields are that lists of messages show.
package struct MessageFields: Sendable {
    /// `MessageID`, of which a verbatim one is a place too.
    package enum ID: Sendable {
        case timed(_ milliseconds: UInt64, _ suffix: Base36)
        case uuid(UUIDValue)
        case verbatim(Range<Int>)

        /// Enough bytes for the text of an id that is not verbatim.
        package static let textBound = 40

        /// A packed id (docs/format.md, "Message"); nil if it is none.
        init?(packed bytes: Span<UInt8>) {
            func number(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
            switch bytes.count {
            case 15:
                guard let suffix = Base36(value: number(7..<15), width: bytes[0]) else { return nil }
                self = .timed(number(1..<7), suffix)
            case 16: self = .uuid(UUIDValue(high: number(0..<8), low: number(8..<16)))
            default: return nil
            }
        }
    }

    package var id = ID.verbatim(0..<0)
    package var role: Message.Role?
    package var content = 0..<0
    /// nil = `{}`.
    package var metadata: Range<Int>?

    /// - Throws: `corrupt`.
    package init(decoding payload: [UInt8]) throws(ChatError) {
        do throws(MalformedRecord) {
            try read(payload)
        } catch {
            throw ChatError(error)
        }
    }

    private mutating func read(_ payload: [UInt8]) throws(MalformedRecord) {
        var reader = try TaggedFieldReader(payload, version: Message.version)
        while let field = try reader.nextPlace() {
            switch field.tag {
            case Message.Tag.id:
                guard let id = ID(packed: payload.span.extracting(field.range)) else {
                    throw MalformedRecord(what: "message id", offset: field.range.lowerBound)
                }
                self.id = id
            case Message.Tag.verbatimID: id = .verbatim(field.range)
            case Message.Tag.role: role = Message.Role(rawValue: UInt8(truncatingIfNeeded: field.number))
            case Message.Tag.content: content = field.range
            case Message.Tag.metadata: metadata = field.range
            default: break
            }
        }
    }
}

/// Where in a session's state document the fields are that lists of sessions show.
package struct SessionStateFields: Sendable {
    package var title: Range<Int>?
    /// The title is what `SessionTitle` makes of the first message.
    package var derivesTitle = false
    package var firstMessage = 0..<0
    /// nil = `{}`.
    package var metadata: Range<Int>?

    /// - Parameter document: empty: a state without attributes.
    /// - Throws: `corrupt`.
    package init(decoding document: [UInt8]) throws(ChatError) {
        guard !document.isEmpty else { return }
        do throws(MalformedRecord) {
            try read(document)
        } catch {
            throw ChatError(error)
        }
    }

    private mutating func read(_ document: [UInt8]) throws(MalformedRecord) {
        var reader = try TaggedFieldReader(document, version: SessionState.version)
        while let field = try reader.nextPlace() {
            switch field.tag {
            case SessionState.Tag.title: title = field.range
            case SessionState.Tag.firstMessage: firstMessage = field.range
            case SessionState.Tag.metadata: metadata = field.range
            case SessionState.Tag.titleOfFirstMessage: derivesTitle = true
            default: break
            }
        }
    }
}

extension TextWriter {
    /// An id that is not verbatim; at most `textBound` bytes.
    package mutating func put(_ id: MessageFields.ID) {
        switch id {
        case .timed(let milliseconds, let suffix):
            put("msg_")
            put(decimal: Int64(bitPattern: milliseconds))
            put(UInt8(ascii: "_"))
            put(base36: suffix.value, width: Int(suffix.width))
        case .uuid(let uuid): put(uuid)
        case .verbatim: preconditionFailure("a verbatim id has no text of its own")
        }
    }
}

/// A page of messages as they are stored; `MessageFields` finds its way about them.
package struct EncodedHistoryPage: Sendable {
    package var messages: [Entry]
    /// Where the next page of the same order begins; nil if this one ended what the query covers.
    package var next: HistoryQuery?
}
