/// A set of changes that commit together: all of them or none, at one LSN, at one time.
///
/// A batch is built by a caller, then handed to `LogStore.commit`. Ordinals, sequence numbers and the time are assigned
/// by the store before the batch is logged; the receipt carries them back.
///
///     var batch = Batch()
///     let chat = batch.createSession(id: "session_1", tenant: "orion", user: "ann", state: Array("{}".utf8))
///     batch.append(Array("hello".utf8), to: chat)
///     let receipt = try store.commit(batch)
package struct Batch: Sendable {
    /// When a commit is acknowledged and visible.
    package enum Durability: Sendable {
        /// After fdatasync of the batch's group: survives a power cut.
        case durable
        /// After the write: survives the death of the process, not a power cut.
        case buffered
    }

    package var durability: Durability
    /// Replays of a batch with the same key and session return the first receipt and change nothing.
    private(set) var idempotency: Idempotency?
    private(set) var operations: [Operation] = []
    private(set) var preconditions: [Precondition] = []
    private(set) var createdCount = 0

    package init(durability: Durability = .durable) { self.durability = durability }

    package var isEmpty: Bool { operations.isEmpty }

    // MARK: Sessions

    /// A new session. Tenant and user come to exist with it. Throws at commit: `sessionExists` if a live session of the
    /// tenant has that external id.
    /// - Parameters:
    ///   - state: the caller's document of the session; opaque bytes.
    ///   - tags: 32 bits that lists can filter by.
    ///   - retentionClass: which of the store's retention classes its messages belong to.
    package mutating func createSession(
        id: String, tenant: String, user: String, state: [UInt8] = [], tags: UInt32 = 0, retentionClass: UInt8 = 0
    ) -> SessionTarget {
        operations.append(
            .createSession(
                NewSession(
                    id: id, tenant: tenant, user: user, state: state, tags: tags, retentionClass: retentionClass)))
        createdCount += 1
        return .created(createdCount - 1)
    }

    /// Replaces the state document and/or the tags; nil leaves a part as it is. `touch` moves `updatedAt`.
    package mutating func update(
        _ session: SessionTarget, state: [UInt8]? = nil, tags: UInt32? = nil, touch: Bool = true
    ) {
        operations.append(.update(session, state: state, tags: tags, touch: touch))
    }

    /// The session, its messages and its keys disappear at once; its numbers are never used again.
    package mutating func deleteSession(_ key: SessionKey) { operations.append(.deleteSession(key)) }

    /// All sessions of the user disappear at once. The name may come back as a new user.
    package mutating func deleteUser(_ key: UserKey) { operations.append(.deleteUser(key)) }

    /// Deletes the subject, enters it into the erasure ledger, and has its bytes removed from every file
    /// (`LogStore.erasures` tells how far that is). Throws at commit: `sessionNotFound`, `invalid`, `held`.
    package mutating func erase(_ subject: ErasureSubject) { operations.append(.erase(subject)) }

    /// Places or lifts a legal hold: while it is there neither the subject nor anything of it is deleted or erased, and
    /// nothing of it expires.
    package mutating func setHold(_ subject: ErasureSubject, _ isHeld: Bool) {
        operations.append(.setHold(subject, isHeld))
    }

    /// Deletes the session if it has expired and is not held.
    mutating func expireSession(_ key: SessionKey) { operations.append(.expireSession(key)) }

    /// No byte of the subject is left.
    mutating func finishErasure(_ record: ErasureRecord) { operations.append(.finishErasure(record)) }

    /// All users, sessions and documents of the tenant disappear at once. The name may come back as a new tenant.
    package mutating func deleteTenant(_ tenant: TenantOrdinal) { operations.append(.deleteTenant(tenant)) }

    // MARK: Entries

    /// Appends one entry (a message) and moves the session's `updatedAt` if `touch`.
    package mutating func append(_ payload: [UInt8], to session: SessionTarget, touch: Bool = true) {
        operations.append(.append(session, payload: payload, crc: payload.crc32c, touch: touch))
    }

    /// Replaces an entry's payload. The sequence and creation time stay. Throws at commit: `entryNotFound`.
    package mutating func amend(_ sequence: SequenceNumber, of session: SessionTarget, payload: [UInt8]) {
        operations.append(.amend(session, sequence, payload: payload, crc: payload.crc32c))
    }

    /// Removes an entry. Throws at commit: `entryNotFound`.
    package mutating func deleteEntry(_ sequence: SequenceNumber, of session: SessionTarget) {
        operations.append(.deleteEntry(session, sequence))
    }

    // MARK: Imports

    /// Gives the session these times instead of the batch's. `createdAt` only of a session that the batch creates. Throws
    /// at commit: `invalid`.
    package mutating func setTimes(
        of session: SessionTarget, createdAt: Timestamp? = nil, updatedAt: Timestamp? = nil
    ) {
        operations.append(.setSessionTimes(session, createdAt: createdAt, updatedAt: updatedAt))
    }

    /// Gives an entry these times instead of the batch's: `createdAt` of one that the batch appends, `amendedAt` of one
    /// that it amends. Throws at commit: `invalid`.
    package mutating func setTimes(
        of sequence: SequenceNumber, in session: SessionTarget, createdAt: Timestamp? = nil,
        amendedAt: Timestamp? = nil
    ) {
        operations.append(.setEntryTimes(session, sequence, createdAt: createdAt, amendedAt: amendedAt))
    }

    // MARK: Documents

    /// Sets a document of the tenant (created if it does not exist).
    package mutating func put(_ key: DocumentKey, _ value: [UInt8]) { operations.append(.putDocument(key, value)) }

    /// Removes a document; no error if there is none.
    package mutating func remove(_ key: DocumentKey) { operations.append(.removeDocument(key)) }

    /// Sets a document of the session (`SessionDocument`). Throws at commit: `sessionNotFound`.
    /// - Parameter name: 1 to 255 bytes.
    package mutating func put(name: [UInt8], part: [UInt8] = [], _ value: [UInt8], of session: SessionTarget) {
        operations.append(.putSessionDocument(session, name: name, part: part, value: value))
    }

    /// Removes a document of the session; no error if there is none, or no session.
    package mutating func remove(name: [UInt8], part: [UInt8] = [], of session: SessionKey) {
        operations.append(.removeSessionDocument(session, name: name, part: part))
    }

    /// Moves a consumer of the change feed: everything up to and including `lsn` has been handled by it. Log files are
    /// kept for it from there on. nil forgets the consumer.
    package mutating func setPosition(of consumer: String, to lsn: LSN?) {
        operations.append(.setPosition(consumer: consumer, lsn))
    }

    /// Tells consumers of the feed something about the changes before it, in bytes that the store does not read and keeps
    /// in its log only.
    package mutating func annotate(_ note: [UInt8]) { operations.append(.annotate(note)) }

    // MARK: Conditions

    /// The batch commits only if all its conditions hold at its place in the order; else `LogStoreError.conflict`.
    package mutating func require(_ condition: Precondition) { preconditions.append(condition) }

    /// Makes the batch idempotent under `key` (1…255 bytes of UTF-8) in `session`, permanently.
    package mutating func idempotencyKey(_ key: String, in session: SessionTarget) {
        idempotency = Idempotency(session: session, key: key)
    }

    var ordersErasure: Bool {
        operations.contains { if case .erase = $0 { true } else { false } }
    }

    struct Idempotency: Sendable {
        var session: SessionTarget
        var key: String
    }

    struct NewSession: Sendable {
        var id: String
        var tenant: String
        var user: String
        var state: [UInt8]
        var tags: UInt32
        var retentionClass: UInt8
    }

    enum Operation: Sendable {
        case createSession(NewSession)
        case update(SessionTarget, state: [UInt8]?, tags: UInt32?, touch: Bool)
        case deleteSession(SessionKey)
        case expireSession(SessionKey)
        case deleteUser(UserKey)
        case deleteTenant(TenantOrdinal)
        case erase(ErasureSubject)
        case finishErasure(ErasureRecord)
        case setHold(ErasureSubject, Bool)
        case append(SessionTarget, payload: [UInt8], crc: UInt32, touch: Bool)
        case amend(SessionTarget, SequenceNumber, payload: [UInt8], crc: UInt32)
        case deleteEntry(SessionTarget, SequenceNumber)
        case setSessionTimes(SessionTarget, createdAt: Timestamp?, updatedAt: Timestamp?)
        case setEntryTimes(SessionTarget, SequenceNumber, createdAt: Timestamp?, amendedAt: Timestamp?)
        case putDocument(DocumentKey, [UInt8])
        case removeDocument(DocumentKey)
        case putSessionDocument(SessionTarget, name: [UInt8], part: [UInt8], value: [UInt8])
        case removeSessionDocument(SessionKey, name: [UInt8], part: [UInt8])
        case setPosition(consumer: String, LSN?)
        case annotate([UInt8])
    }
}

/// A session of a batch: one that exists, or the n-th one that the same batch creates.
package enum SessionTarget: Hashable, Sendable {
    case existing(SessionKey)
    case created(Int)
}

/// Names a document: a tenant and up to 512 bytes that sort as bytes. Documents are the store's key-value side: accounts,
/// settings, job records. They commit in the same batches as messages. The first byte is not 0.
package struct DocumentKey: Hashable, Sendable {
    package var tenant: String
    package var key: [UInt8]
    package init(tenant: String, key: [UInt8]) {
        self.tenant = tenant
        self.key = key
    }
}

/// What must hold when a batch's turn comes.
package enum Precondition: Hashable, Sendable {
    /// The session's state document and tags were last set at this LSN.
    case stateVersion(SessionKey, LSN)
    /// The session has fewer live entries than this.
    case entryCount(SessionKey, below: UInt32)
    /// This is the newest sequence number that was given in the session.
    case lastSequence(SessionKey, SequenceNumber)
    /// The document was last set at this LSN; nil: it does not exist.
    case documentVersion(DocumentKey, LSN?)
}

/// What the store assigned to a committed batch.
package struct CommitReceipt: Hashable, Sendable {
    package var lsn: LSN
    package var time: Timestamp
    /// Sessions created, in the order of the batch's `createSession` calls.
    package var sessions: [SessionKey] = []
    /// Sequence numbers of the appended entries, in the order of the batch's `append` calls.
    package var sequences: [SequenceNumber] = []
    /// True if an earlier batch had the same idempotency key: the receipt is that batch's and nothing was changed.
    package var isReplay = false
}
