package import LogStore

/// A session as a caller sees it: what the store keeps about it, and its state document.
package struct Session: Hashable, Sendable {
    package var key: SessionKey
    /// The external id.
    package var id: String
    /// The user it belongs to (aivo: the learner).
    package var owner: String
    package var createdAt: Timestamp
    /// The last append or change: poc's last activity.
    package var updatedAt: Timestamp
    /// Messages that are stored and not deleted.
    package var messageCount: Int
    package var lastSequence: SequenceNumber
    package var flags: SessionFlags
    package var state: SessionState
    /// What an update must name to change the state it has seen.
    package var version: LSN

    /// A session that was just made.
    init(
        created key: SessionKey, id: String, owner: String, flags: SessionFlags, state: SessionState,
        at time: Timestamp,
        version: LSN
    ) {
        self.key = key
        self.id = id
        self.owner = owner
        createdAt = time
        updatedAt = time
        messageCount = 0
        lastSequence = 0
        self.flags = flags
        self.state = state
        self.version = version
    }

    init(_ info: SessionInfo, owner: String, state: SessionState) {
        key = info.key
        id = info.id
        self.owner = owner
        createdAt = info.createdAt
        updatedAt = info.updatedAt
        messageCount = Int(info.entryCount)
        lastSequence = info.lastSequence
        flags = SessionFlags(tags: info.tags)
        self.state = state
        version = info.stateVersion
    }
}

/// What lists can filter by: the store keeps it as 32 tag bits in the session's directory row.
package struct SessionFlags: Hashable, Sendable {
    package enum Status: UInt32, Sendable, CaseIterable {
        case active = 0
        case pending = 1
        case resolved = 2
        case expired = 3
        case terminated = 4
    }

    package var status: Status
    /// poc keeps this apart from the status: a resolved session stays active until it ends.
    package var isActive: Bool
    package var isResolved: Bool
    /// Soft delete: the session is hidden everywhere, its data stays until erased.
    package var isDeleted: Bool

    package init(
        status: Status = .active, isActive: Bool = true, isResolved: Bool = false, isDeleted: Bool = false
    ) {
        self.status = status
        self.isActive = isActive
        self.isResolved = isResolved
        self.isDeleted = isDeleted
    }

    static let statusMask: UInt32 = 7
    static let inactiveBit: UInt32 = 8
    static let resolvedBit: UInt32 = 16
    static let deletedBit: UInt32 = 32

    /// Unknown status values of newer versions read as active.
    package init(tags: UInt32) {
        status = Status(rawValue: tags & Self.statusMask) ?? .active
        isActive = tags & Self.inactiveBit == 0
        isResolved = tags & Self.resolvedBit != 0
        isDeleted = tags & Self.deletedBit != 0
    }

    package var tags: UInt32 {
        status.rawValue | (isActive ? 0 : Self.inactiveBit) | (isResolved ? Self.resolvedBit : 0)
            | (isDeleted ? Self.deletedBit : 0)
    }
}

/// The part of a session that its surface defines: the store's state document. Every attribute that one of the surfaces
/// has; absent ones cost nothing.
package struct SessionState: Hashable, Sendable {
    package var title: UTF8Text?
    package var description: UTF8Text?
    /// The text that a session was begun with. It is counted as a message by orion but is not stored as one.
    package var firstMessage: UTF8Text?
    package var metadata: RawJSON?
    /// Who made it, where that is not the owner (aivo).
    package var createdBy: UTF8Text?
    package var resolutionNotes: UTF8Text?
    package var expiresAt: Timestamp?
    package var endedAt: Timestamp?
    package var endedReason: UTF8Text?
    package var deletedAt: Timestamp?
    package var conversationContext: RawJSON?
    /// poc's `state` column.
    package var progress: RawJSON?
    package var statistics: RawJSON?
    package var security: RawJSON?
    package var userData: RawJSON?
    /// User agent, address, device: what the client said of itself.
    package var clientInfo: RawJSON?

    package init() {}
}

// MARK: Codec (docs/format.md, "Session state")

extension SessionState {
    enum Tag {
        static let title: UInt64 = 1
        static let description: UInt64 = 2
        static let firstMessage: UInt64 = 3
        static let metadata: UInt64 = 4
        static let createdBy: UInt64 = 5
        static let resolutionNotes: UInt64 = 6
        static let expiresAt: UInt64 = 7
        static let endedAt: UInt64 = 8
        static let endedReason: UInt64 = 9
        static let deletedAt: UInt64 = 10
        static let conversationContext: UInt64 = 11
        static let progress: UInt64 = 12
        static let statistics: UInt64 = 13
        static let security: UInt64 = 14
        static let userData: UInt64 = 15
        static let clientInfo: UInt64 = 16
        /// The title is what `SessionTitle` makes of the first message: not stored a second time.
        static let titleOfFirstMessage: UInt64 = 17
    }
    static let version: UInt8 = 1

    package var encoded: [UInt8] {
        var out = TaggedFieldWriter(version: Self.version, reserving: 64 + (firstMessage?.bytes.count ?? 0))
        if let title, title == SessionTitle.derived(from: firstMessage ?? .empty) {
            out.append(Tag.titleOfFirstMessage, 1)
        } else {
            out.append(Tag.title, title)
        }
        out.append(Tag.description, description)
        out.append(Tag.firstMessage, firstMessage)
        out.append(Tag.metadata, metadata)
        out.append(Tag.createdBy, createdBy)
        out.append(Tag.resolutionNotes, resolutionNotes)
        out.append(Tag.expiresAt, expiresAt)
        out.append(Tag.endedAt, endedAt)
        out.append(Tag.endedReason, endedReason)
        out.append(Tag.deletedAt, deletedAt)
        out.append(Tag.conversationContext, conversationContext)
        out.append(Tag.progress, progress)
        out.append(Tag.statistics, statistics)
        out.append(Tag.security, security)
        out.append(Tag.userData, userData)
        out.append(Tag.clientInfo, clientInfo)
        return out.bytes
    }

    init(decoding document: [UInt8]) throws(MalformedRecord) {
        self.init()
        var reader = try TaggedFieldReader(document, version: Self.version)
        var derivesTitle = false
        while let field = try reader.next() {
            switch field.tag {
            case Tag.title: title = field.text
            case Tag.description: description = field.text
            case Tag.firstMessage: firstMessage = field.text
            case Tag.metadata: metadata = field.json
            case Tag.createdBy: createdBy = field.text
            case Tag.resolutionNotes: resolutionNotes = field.text
            case Tag.expiresAt: expiresAt = field.time
            case Tag.endedAt: endedAt = field.time
            case Tag.endedReason: endedReason = field.text
            case Tag.deletedAt: deletedAt = field.time
            case Tag.conversationContext: conversationContext = field.json
            case Tag.progress: progress = field.json
            case Tag.statistics: statistics = field.json
            case Tag.security: security = field.json
            case Tag.userData: userData = field.json
            case Tag.clientInfo: clientInfo = field.json
            case Tag.titleOfFirstMessage: derivesTitle = true
            default: break
            }
        }
        if derivesTitle { title = SessionTitle.derived(from: firstMessage ?? .empty) }
    }
}

/// The title that orion gives a session: the first 50 UTF-16 units of the trimmed text, and three dots if the *untrimmed*
/// text is longer than that; `New Chat` if it is blank.
package enum SessionTitle {
    package static let units = 50
    private static let blank: UTF8Text = "New Chat"

    package static func derived(from text: UTF8Text) -> UTF8Text {
        let (cut, isCut) = parts(of: text)
        return isCut ? UTF8Text(valid: Array(cut.bytes) + Array("...".utf8)) : cut
    }

    /// The title without its dots, and whether they follow.
    package static func parts(of text: UTF8Text) -> (text: UTF8Text, hasDots: Bool) {
        let trimmed = text.trimmed
        guard !trimmed.isEmpty else { return (blank, false) }
        return (trimmed.utf16Prefix(units), text.isLonger(thanUTF16: units))
    }
}
