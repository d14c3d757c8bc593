package import LogStore

/// What happened, as other systems hear of it. The raw values are on disk.
package enum EventKind: UInt8, Sendable, CaseIterable {
    case threadCreated = 1
    case threadUpdated = 2
    case threadDeleted = 3
    case messageCreated = 4
    case messageUpdated = 5
    case messageDeleted = 6
    case exportRequested = 7
    case deletionRequested = 8

    /// `event_type` of the envelope.
    package var name: String {
        switch self {
        case .threadCreated: "CHAT_THREAD_CREATED"
        case .threadUpdated: "CHAT_THREAD_UPDATED"
        case .threadDeleted: "CHAT_THREAD_DELETED"
        case .messageCreated: "CHAT_MESSAGE_CREATED"
        case .messageUpdated: "CHAT_MESSAGE_UPDATED"
        case .messageDeleted: "CHAT_MESSAGE_DELETED"
        case .exportRequested: "CHAT_PRIVACY_EXPORT_REQUESTED"
        case .deletionRequested: "CHAT_PRIVACY_DELETION_REQUESTED"
        }
    }

    /// The topic, without the configured prefix and its dot.
    package var topic: String {
        switch self {
        case .threadCreated: "chat.thread.created"
        case .threadUpdated: "chat.thread.updated"
        case .threadDeleted: "chat.thread.archived"
        case .messageCreated: "chat.message.created"
        case .messageUpdated: "chat.message.updated"
        case .messageDeleted: "chat.message.deleted"
        case .exportRequested: "privacy.export.requested"
        case .deletionRequested: "privacy.deletion.requested"
        }
    }
}

/// What a change of an aivo tenant says about itself, logged with it as an annotation of the same batch.
///
/// It holds what the change itself does not and what could not be looked up any more once the learner is gone: names and
/// who did it. Content is not in it: a consumer takes that from the change before the annotation.
package struct EventNote: Hashable, Sendable {
    package var kind: EventKind
    /// As tokens name it, without the surface's prefix.
    package var tenant: String
    package var learner: String
    /// Who did it; nil: the operator.
    package var actor: String?
    /// Of threads and messages.
    package var thread: String?
    package var message: MessageID?
    /// Of privacy requests: the id of the export or deletion, and its type.
    package var request: String?
    package var requestType: String?

    package init(_ kind: EventKind, tenant: String, learner: String, actor: String?) {
        self.kind = kind
        self.tenant = tenant
        self.learner = learner
        self.actor = actor
    }
}

// MARK: Codec (docs/format.md, "Event notes")

extension EventNote {
    private enum Tag {
        static let kind: UInt64 = 1
        static let tenant: UInt64 = 2
        static let learner: UInt64 = 3
        static let actor: UInt64 = 4
        static let thread: UInt64 = 5
        static let message: UInt64 = 6
        static let request: UInt64 = 7
        static let requestType: UInt64 = 8
    }
    private static let version: UInt8 = 1

    var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version)
        out.append(Tag.kind, UInt64(kind.rawValue))
        out.append(Tag.tenant, tenant.utf8)
        out.append(Tag.learner, learner.utf8)
        if let actor { out.append(Tag.actor, actor.utf8) }
        if let thread { out.append(Tag.thread, thread.utf8) }
        if let message { out.append(Tag.message, message.string.utf8) }
        if let request { out.append(Tag.request, request.utf8) }
        if let requestType { out.append(Tag.requestType, requestType.utf8) }
        return out.bytes
    }

    /// - Returns: nil for a kind that a newer version has added.
    init?(decoding bytes: [UInt8]) throws(MalformedRecord) {
        var reader = try TaggedFieldReader(bytes, version: Self.version)
        var kind: EventKind?
        self.init(.threadCreated, tenant: "", learner: "", actor: nil)
        while let field = try reader.next() {
            switch field.tag {
            case Tag.kind: kind = EventKind(rawValue: UInt8(truncatingIfNeeded: field.number))
            case Tag.tenant: tenant = field.text.string
            case Tag.learner: learner = field.text.string
            case Tag.actor: actor = field.text.string
            case Tag.thread: thread = field.text.string
            case Tag.message: message = MessageID(field.text)
            case Tag.request: request = field.text.string
            case Tag.requestType: requestType = field.text.string
            default: break
            }
        }
        guard let kind else { return nil }
        self.kind = kind
    }
}

// MARK: Announcing

extension Batch {
    /// Publishes an event with the batch: it is about the change that was added last.
    package mutating func announce(_ note: EventNote) { annotate(note.encoded) }
}

extension TenantName {
    /// The name under which the tenant's changes are published; nil for tenants of surfaces that publish none.
    package var publishedName: String? {
        let prefix = TenantName.aivo(tenant: "").name
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
    }
}

extension ChatEngine {
    /// Announces the change that was just added to the batch, if the tenant's changes are published.
    /// - Parameter owner: the session's; nil: `key` says who it is.
    func announce(
        _ kind: EventKind, of thread: String, message: MessageID? = nil, owner: String? = nil, key: SessionKey? = nil,
        in batch: inout Batch, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) {
        guard let tenant = access.tenant.publishedName else { return }
        var learner = owner
        if learner == nil, let key {
            do throws(LogStoreError) { learner = try store.userName(key.owner, policy: policy) } catch {
                throw ChatError(error)
            }
        }
        guard let learner else { throw .sessionNotFound }
        var note = EventNote(kind, tenant: tenant, learner: learner, actor: access.user)
        note.thread = thread
        note.message = message
        batch.announce(note)
    }
}
