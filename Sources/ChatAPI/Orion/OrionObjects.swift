internal import ChatEngine
internal import LogStore

/// Orion's objects on the wire, keys in their order, written straight into the reply's one buffer.
extension Array where Element == UInt8 {
    /// A key with its colon; the comma before it unless it is the object's first.
    mutating func append(key: StaticString) {
        key.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Session: 9 keys.
    mutating func append(orionSession summary: SessionSummary) {
        let session = summary.session
        let first = session.state.firstMessage ?? .empty
        append(key: #"{"sessionId":"#)
        append(jsonString: session.id)
        append(key: #","userId":"#)
        append(jsonString: session.owner)
        append(key: #","title":"#)
        append(jsonString: (session.state.title ?? .empty).bytes)
        append(key: #","firstMessage":"#)
        append(jsonString: first.bytes)
        append(key: #","lastMessage":"#)
        append(jsonString: (summary.lastMessage?.message.content ?? first).bytes)
        append(key: #","messageCount":"#)
        // The first message counts although it is not stored as one: clients rely on it.
        append(decimal: Int64(session.messageCount + (first.isEmpty ? 0 : 1)))
        append(key: #","createdAt":""#)
        append(isoMilliseconds: session.createdAt)
        append(key: #"","updatedAt":""#)
        append(isoMilliseconds: session.updatedAt)
        append(key: #"","metadata":"#)
        append(contentsOf: (session.state.metadata ?? .emptyObject).bytes)
        append(UInt8(ascii: "}"))
    }

    /// The same of a session whose fields are still in its stored bytes.
    /// - Parameter owner: the JSON literal of its user.
    mutating func append(orionSession listed: ListedSession, owner: [UInt8]) throws(ChatError) {
        let fields = try SessionStateFields(decoding: listed.state)
        let state = listed.state.span
        let first = state.extracting(fields.firstMessage)
        guard let newest = listed.newest else { return append(orionSession: listed, fields, owner, last: first) }
        let last = try MessageFields(decoding: newest.payload)
        append(orionSession: listed, fields, owner, last: newest.payload.span.extracting(last.content))
    }

    private mutating func append(
        orionSession listed: ListedSession, _ fields: SessionStateFields, _ owner: [UInt8], last: Span<UInt8>
    ) {
        let id = listed.info.id.utf8.span
        let state = listed.state.span
        let first = state.extracting(fields.firstMessage)
        let metadata = state.extracting(fields.metadata ?? 0..<0)
        let (derived, hasDots) =
            fields.derivesTitle
            ? SessionTitle.parts(of: UTF8Text(valid: listed.state[fields.firstMessage])) : (.empty, false)
        let title = fields.derivesTitle ? derived.bytes.span : state.extracting(fields.title ?? 0..<0)
        let idCount = JSONString.escapedCount(id)
        let titleCount = JSONString.escapedCount(title)
        let firstCount = JSONString.escapedCount(first)
        let lastCount = JSONString.escapedCount(last)
        let bound = 256 + idCount + owner.count + titleCount + firstCount + lastCount + metadata.count
        append(upTo: bound) { out in
            out.put(#"{"sessionId":""#)
            out.put(escaping: id, escapedCount: idCount)
            out.put(#"","userId":"#)
            out.put(owner.span)
            out.put(#","title":""#)
            out.put(escaping: title, escapedCount: titleCount)
            if hasDots { out.put("...") }
            out.put(#"","firstMessage":""#)
            out.put(escaping: first, escapedCount: firstCount)
            out.put(#"","lastMessage":""#)
            out.put(escaping: last, escapedCount: lastCount)
            out.put(#"","messageCount":"#)
            // The first message counts although it is not stored as one: clients rely on it.
            out.put(decimal: Int64(listed.info.entryCount) + (first.isEmpty ? 0 : 1))
            out.put(#","createdAt":""#)
            out.put(isoMilliseconds: listed.info.createdAt)
            out.put(#"","updatedAt":""#)
            out.put(isoMilliseconds: listed.info.updatedAt)
            out.put(#"","metadata":"#)
            if metadata.isEmpty { out.put("{}") } else { out.put(metadata) }
            out.put(UInt8(ascii: "}"))
        }
    }

    /// Message: 6 keys.
    mutating func append(orionMessage stored: StoredMessage, session: String) {
        let message = stored.message
        var idText = UTF8Text.empty
        let id: MessageFields.ID
        switch message.id {
        case .timed(let milliseconds, let suffix): id = .timed(milliseconds, suffix)
        case .uuid(let uuid): id = .uuid(uuid)
        case .verbatim(let text):
            idText = text
            id = .verbatim(0..<text.bytes.count)
        }
        let metadata = message.metadata?.bytes ?? []
        append(
            orionMessage: id, in: idText.bytes.span, session: Self(orionSessionKey: session), role: message.role,
            content: message.content.bytes.span, createdAt: stored.createdAt, metadata: metadata.span)
    }

    /// The same of a message whose fields are still in its stored bytes.
    /// - Parameter session: `Self(orionSessionKey:)`.
    mutating func append(orionMessage entry: Entry, session: [UInt8]) throws(ChatError) {
        let fields = try MessageFields(decoding: entry.payload)
        let payload = entry.payload.span
        append(
            orionMessage: fields.id, in: payload, session: session, role: fields.role,
            content: payload.extracting(fields.content), createdAt: entry.createdAt,
            metadata: payload.extracting(fields.metadata ?? 0..<0))
    }

    /// - Parameters:
    ///   - text: where a verbatim id points into.
    ///   - metadata: empty: `{}`.
    private mutating func append(
        orionMessage id: MessageFields.ID, in text: Span<UInt8>, session: [UInt8], role: Message.Role?,
        content: Span<UInt8>, createdAt: Timestamp, metadata: Span<UInt8>
    ) {
        let contentCount = JSONString.escapedCount(content)
        // Ids of this surface's own form need no escapes; others are strings like any other.
        var verbatim: Range<Int>?
        if case .verbatim(let place) = id { verbatim = place }
        if let verbatim {
            append(key: #"{"id":"#)
            append(jsonString: text.extracting(verbatim))
            removeLast()
        }
        let bound = MessageFields.ID.textBound + session.count + contentCount + metadata.count + 128
        append(upTo: bound) { out in
            if verbatim == nil {
                out.put(#"{"id":""#)
                out.put(id)
            }
            out.put(session.span)
            out.put(role == .assistant ? #","role":"assistant","content":""# : #","role":"user","content":""#)
            out.put(escaping: content, escapedCount: contentCount)
            out.put(#"","timestamp":""#)
            out.put(isoMilliseconds: createdAt)
            out.put(#"","metadata":"#)
            if metadata.isEmpty { out.put("{}") } else { out.put(metadata) }
            out.put(UInt8(ascii: "}"))
        }
    }

    /// What every message of a session has behind its id, from the id's closing quote to the session's id.
    init(orionSessionKey session: String) {
        self = Array(#"","sessionId":"#.utf8)
        append(jsonString: session)
    }
}
