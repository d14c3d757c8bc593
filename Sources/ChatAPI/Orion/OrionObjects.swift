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

    /// Message: 6 keys.
    mutating func append(orionMessage stored: StoredMessage, session: some Collection<UInt8>) {
        let message = stored.message
        append(key: #"{"id":""#)
        // Ids of this surface's own form need no escapes; others are strings like any other.
        if case .verbatim(let text) = message.id {
            removeLast()
            append(jsonString: text.bytes)
        } else {
            message.id.write(to: &self)
            append(UInt8(ascii: "\""))
        }
        append(key: #","sessionId":"#)
        append(jsonString: session)
        append(key: message.role == .assistant ? #","role":"assistant","content":"# : #","role":"user","content":"#)
        append(jsonString: message.content.bytes)
        append(key: #","timestamp":""#)
        append(isoMilliseconds: stored.createdAt)
        append(key: #"","metadata":"#)
        append(contentsOf: (message.metadata ?? .emptyObject).bytes)
        append(UInt8(ascii: "}"))
    }
}
