internal import ChatEngine
internal import LogStore

/// The surface's objects on the wire, keys in their order, written straight into the reply's one buffer.
extension Array where Element == UInt8 {
    /// `"name":"2026-…"` with the comma before it.
    mutating func append(llmTime name: StaticString, _ time: Timestamp) {
        append(key: #",""#)
        append(key: name)
        append(key: #"":""#)
        append(isoMilliseconds: time)
        append(UInt8(ascii: "\""))
    }

    mutating func append(llmTitle title: UTF8Text?) {
        append(key: #","title":"#)
        if let title { append(jsonString: title.bytes) } else { append(key: "null") }
    }

    /// A chat of a list.
    mutating func append(llmChat session: Session, withOwner: Bool = false) {
        append(key: #"{"id":"#)
        append(jsonString: session.id)
        append(llmTitle: session.state.title)
        if withOwner {
            append(key: #","user_id":"#)
            append(jsonString: session.owner)
        }
        append(llmTime: "created_at", session.createdAt)
        append(llmTime: "updated_at", session.updatedAt)
        append(UInt8(ascii: "}"))
    }

    mutating func append(llmMessage stored: StoredMessage, withTokenCount: Bool = false) {
        let message = stored.message
        append(key: #"{"id":""#)
        message.id.write(to: &self)
        switch message.role {
        case .assistant: append(key: #"","role":"assistant","content":"#)
        case .system: append(key: #"","role":"system","content":"#)
        case .user, nil: append(key: #"","role":"user","content":"#)
        }
        append(jsonString: message.content.bytes)
        if withTokenCount {
            append(key: #","token_count":"#)
            if let count = message.tokenCount { append(decimal: Int64(count)) } else { append(key: "null") }
        }
        append(llmTime: "created_at", stored.createdAt)
        append(UInt8(ascii: "}"))
    }

    mutating func append(llmMessages messages: [StoredMessage], withTokenCount: Bool = false) {
        append(key: #","messages":["#)
        for (index, stored) in messages.enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            append(llmMessage: stored, withTokenCount: withTokenCount)
        }
        append(UInt8(ascii: "]"))
    }

    /// `"org":…,"user":{…}` with the comma before it.
    mutating func append(llmIdentity account: Account) {
        append(key: #","org":"#)
        append(jsonString: account.organisation)
        append(key: #","user":{"id":"#)
        append(jsonString: account.id)
        append(key: #","email":"#)
        append(jsonString: account.email)
        append(key: #","role":"#)
        append(jsonString: account.role.name)
        append(UInt8(ascii: "}"))
    }
}
