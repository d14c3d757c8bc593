internal import ChatEngine
internal import LogStore

/// The surface's objects on the wire, keys in their order, written straight into the reply's one buffer.
extension Array where Element == UInt8 {
    /// A time with its microseconds, which are left out when they are zero, as Python's `isoformat` does; in UTC, with `Z`.
    mutating func append(aivoTime time: Timestamp) {
        append(UInt8(ascii: "\""))
        append(isoMicroseconds: time)
        if time.microseconds % 1_000_000 == 0 {
            removeLast(".000000Z".utf8.count)
            append(UInt8(ascii: "Z"))
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func append(aivoText text: UTF8Text?) {
        if let text { append(jsonString: text.bytes) } else { append(key: "null") }
    }

    private mutating func append(aivoObject object: RawJSON?) {
        if let object { append(contentsOf: object.bytes) } else { append(key: "{}") }
    }

    /// The members of a thread, without the braces.
    mutating func append(aivoThreadMembers session: Session, tenant: String) {
        append(key: #""id":"#)
        append(jsonString: session.id)
        append(key: #","tenant_id":"#)
        append(jsonString: tenant)
        append(key: #","learner_id":"#)
        append(jsonString: session.owner)
        append(key: #","title":"#)
        append(jsonString: (session.state.title ?? .empty).bytes)
        append(key: #","description":"#)
        append(aivoText: session.state.description)
        append(key: #","metadata":"#)
        append(aivoObject: session.state.metadata)
        append(key: #","created_by":"#)
        append(jsonString: (session.state.createdBy ?? .empty).bytes)
        append(key: #","created_at":"#)
        append(aivoTime: session.createdAt)
        append(key: #","updated_at":"#)
        append(aivoTime: session.updatedAt)
    }

    mutating func append(aivoThread session: Session, tenant: String) {
        append(UInt8(ascii: "{"))
        append(aivoThreadMembers: session, tenant: tenant)
        append(UInt8(ascii: "}"))
    }

    /// The members of a message, without the braces.
    mutating func append(aivoMessageMembers stored: StoredMessage, thread: String, withContent: Bool = true) {
        let message = stored.message
        append(key: #""id":""#)
        message.id.write(to: &self)
        append(key: #"","thread_id":"#)
        append(jsonString: thread)
        if withContent {
            append(key: #","content":"#)
            append(jsonString: message.content.bytes)
        }
        append(key: #","sender_id":"#)
        append(jsonString: (message.senderID ?? .empty).bytes)
        append(key: #","sender_type":"#)
        append(jsonString: (message.senderType ?? .system).name)
        append(key: #","message_type":"#)
        append(jsonString: (message.type ?? "text").bytes)
        append(key: #","metadata":"#)
        append(aivoObject: message.metadata)
        append(key: #","created_at":"#)
        append(aivoTime: stored.createdAt)
        append(key: #","updated_at":"#)
        if let editedAt = stored.editedAt { append(aivoTime: editedAt) } else { append(key: "null") }
    }

    mutating func append(aivoMessage stored: StoredMessage, thread: String) {
        append(UInt8(ascii: "{"))
        append(aivoMessageMembers: stored, thread: thread)
        append(UInt8(ascii: "}"))
    }

    /// `"total":…,"limit":…,"offset":…}` with the comma before it: the end of a list.
    mutating func append(aivoTotal total: Int, limit: Int, offset: Int) {
        append(key: #","total":"#)
        append(decimal: Int64(total))
        append(key: #","limit":"#)
        append(decimal: Int64(limit))
        append(key: #","offset":"#)
        append(decimal: Int64(offset))
        append(UInt8(ascii: "}"))
    }
}

extension Message.SenderType {
    static let byName: [(name: String, value: Message.SenderType)] = [
        ("teacher", .teacher), ("guardian", .guardian), ("student", .student), ("system", .system),
        ("assistant", .assistant),
    ]

    var name: String { Self.byName.first { $0.value == self }?.name ?? "system" }

    /// What the message is to parts of the engine that know two sides of a conversation only.
    var role: Message.Role {
        switch self {
        case .assistant: .assistant
        case .system: .system
        case .teacher, .guardian, .student: .user
        }
    }
}
