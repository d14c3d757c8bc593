/// The un-flushed part of the state: a fold over the log since the last flush.
///
/// Batches are applied in LSN order, by the writer after their group is durable or by recovery. Applying reads nothing
/// but the batch. A head is read and changed only under `LogStore`'s state lock until it is frozen, then only read.
final class Head: @unchecked Sendable {  // confined by LogStore.state, immutable once frozen
    struct HeadEntry: Sendable {
        var createdAt: Int64
        var crc: UInt32
        var payload: [UInt8]
    }

    struct HeadSession: Sendable {
        var key: SessionKey
        var delta = SessionDelta()
        /// Entries by sequence: `entries[i]` is `firstSequence + i`.
        var firstSequence: SequenceNumber = 0
        var entries: [HeadEntry] = []
        /// The state document, if it was set here.
        var state: (bytes: [UInt8], version: LSN)?
    }

    private(set) var sessions: [HeadSession] = []
    private var slots: [SessionKey: Int] = [:]
    private var slotsByUser: [UserKey: [Int]] = [:]
    private(set) var index = SortedBytesMap()
    /// What it holds, roughly as it will be flushed; decides when to freeze.
    private(set) var bytes = 0
    /// The batches in it: (first - 1, last].
    private(set) var firstLSN = LSN.zero
    /// Time of the first; decides when an idle head is flushed.
    private(set) var firstTime: Int64 = 0
    private(set) var lastLSN = LSN.zero
    /// What in the log no writer can have written, although its hashes hold. Recovery refuses it.
    private(set) var inconsistency: String?
    /// Ordinals in use after `lastLSN`.
    var counters: StoreCounters

    /// - Parameter sessions: of how many there will be changes, about.
    init(counters: StoreCounters, sessions count: Int = 0) {
        self.counters = counters
        // An empty dictionary that is asked for room for nothing allocates.
        guard count > 0 else { return }
        sessions.reserveCapacity(count)
        slots.reserveCapacity(count)
    }

    var isEmpty: Bool { lastLSN == .zero }

    func session(_ key: SessionKey) -> HeadSession? { slots[key].map { sessions[$0] } }
    func delta(_ key: SessionKey) -> SessionDelta? { slots[key].map { sessions[$0].delta } }

    /// Where in `sessions` those of a user are that were changed here, in no order.
    func slots(of user: UserKey) -> [Int] { slotsByUser[user] ?? [] }

    // MARK: Applying

    func apply(_ batch: LoggedBatch) {
        let time = batch.time.microseconds
        if firstLSN == .zero {
            firstLSN = batch.lsn
            firstTime = time
        }
        lastLSN = batch.lsn
        counters.lastTime = max(counters.lastTime, time)
        for change in batch.changes { apply(change, batch.lsn, time) }
    }

    private func apply(_ change: LoggedBatch.Change, _ lsn: LSN, _ time: Int64) {
        switch change {
        case .tenantCreated(let t, let name):
            counters.nextTenant = max(counters.nextTenant, t.rawValue + 1)
            setIndex(IndexKey.tenantByName(t, hash: IndexKey.hash(name)), IndexValue.name(name))
            setIndex(IndexKey.tenant(t), IndexValue.name(name))
        case .userCreated(let u, let name):
            counters.nextUser = max(counters.nextUser, u.user + 1)
            setIndex(IndexKey.userByName(u, hash: IndexKey.hash(name)), IndexValue.name(name))
            setIndex(IndexKey.user(u), IndexValue.name(name))
        case .sessionCreated(let s, let id, let state, let tags, let retentionClass):
            counters.nextSession = max(counters.nextSession, s.session + 1)
            setIndex(IndexKey.sessionByID(s, hash: IndexKey.hash(id)), IndexValue.name(id))
            withSession(s) {
                $0.delta.creation = .init(id: id, createdAt: time, retentionClass: retentionClass)
                $0.delta.updatedAt = time
                $0.delta.tags = tags
                $0.delta.stateVersion = lsn.rawValue
                $0.state = (state, lsn)
            }
            bytes += 96 + id.utf8.count + state.count
        case .sessionUpdated(let s, let state, let tags, let touch):
            withSession(s) {
                $0.delta.stateVersion = lsn.rawValue
                if let tags { $0.delta.tags = tags }
                if touch { $0.delta.updatedAt = time }
                if let state { $0.state = (state, lsn) }
            }
            bytes += 64 + (state?.count ?? 0)
        case .entryAppended(let s, let sequence, let payload, let crc, let touch):
            withSession(s) {
                if $0.entries.isEmpty { $0.firstSequence = sequence }
                guard UInt64($0.firstSequence) + UInt64($0.entries.count) == UInt64(sequence) else {
                    return inconsistency = inconsistency ?? "entry \(sequence) of \(s) does not follow at LSN \(lsn)"
                }
                $0.entries.append(HeadEntry(createdAt: time, crc: crc, payload: payload))
                $0.delta.lastSequence = sequence
                if touch { $0.delta.updatedAt = time }
            }
            bytes += payload.count + 64
        case .entryDeleted(let s, let sequence, let deletedCount):
            setIndex(IndexKey.amendment(s, sequence), Amendment.deleted.encode())
            withSession(s) {
                $0.delta.flags.insert(.hasAmendments)
                $0.delta.deletedCount = deletedCount
            }
        case .entryAmended(let s, let sequence, let payload, let crc, let createdAt):
            let amendment = Amendment.edited(
                payload: payload, crc: crc, createdAt: createdAt, amendedAt: Timestamp(microseconds: time))
            setIndex(IndexKey.amendment(s, sequence), amendment.encode())
            withSession(s) { $0.delta.flags.insert(.hasAmendments) }
        case .idempotencyKeyUsed(let s, let key, let sessions, let sequences):
            let receipt = CommitReceipt(
                lsn: lsn, time: Timestamp(microseconds: time), sessions: sessions, sequences: sequences)
            setIndex(IndexKey.idempotency(s, key), IndexValue.idempotency(key, receipt))
            withSession(s) { $0.delta.flags.insert(.hasIdempotencyKeys) }
        case .sessionDeleted, .userDeleted, .tenantDeleted: applyDeletion(change, time)
        case .documentPut(let t, let key, let value):
            setDocument(IndexKey.document(t, key), IndexValue.versioned(value, version: lsn))
        case .documentRemoved(let t, let key): setDocument(IndexKey.document(t, key), IndexValue.tombstone)
        case .annotated: break
        case .positionSet(let consumer, let position):
            setIndex(
                IndexKey.consumer(consumer), position.map { IndexValue.number($0.rawValue) } ?? IndexValue.tombstone)
        case .erasureOrdered(let subject, let nameHash, let sessions, let entries):
            let record = ErasureRecord(
                subject: subject, nameHash: nameHash, orderedAt: Timestamp(microseconds: time), sessions: sessions,
                entries: entries)
            setIndex(IndexKey.ledger(subject), record.encode())
            setIndex(IndexKey.pendingErasure(subject), IndexValue.number(lsn.rawValue))
        case .erasureFinished(var record):
            record.finishedAt = Timestamp(microseconds: time)
            setIndex(IndexKey.ledger(record.subject), record.encode())
            setIndex(IndexKey.pendingErasure(record.subject), IndexValue.tombstone)
        case .holdSet(let subject, let isHeld):
            setIndex(IndexKey.hold(subject), isHeld ? IndexValue.number(lsn.rawValue) : IndexValue.tombstone)
        case .sessionTimesSet(let s, let createdAt, let updatedAt):
            withSession(s) {
                if let createdAt { $0.delta.creation?.createdAt = createdAt.microseconds }
                if let updatedAt { $0.delta.updatedAt = updatedAt.microseconds }
            }
        case .entryTimesSet(let s, let sequence, let createdAt, let amendedAt):
            if let createdAt, !setCreationTime(s, sequence, createdAt.microseconds) {
                return inconsistency = inconsistency ?? "time of entry \(sequence) of \(s) at LSN \(lsn)"
            }
            guard let amendedAt else { return }
            let key = IndexKey.amendment(s, sequence)
            guard case .edited(let payload, let crc, let created, _)?? = index[key].map({ try? Amendment.decode($0) })
            else { return inconsistency = inconsistency ?? "time of edit \(sequence) of \(s) at LSN \(lsn)" }
            let amendment = Amendment.edited(
                payload: payload, crc: crc, createdAt: createdAt ?? created, amendedAt: amendedAt)
            setIndex(key, amendment.encode())
        }
    }

    private func setCreationTime(_ key: SessionKey, _ sequence: SequenceNumber, _ time: Int64) -> Bool {
        guard let slot = slots[key], sequence >= sessions[slot].firstSequence,
            Int(sequence - sessions[slot].firstSequence) < sessions[slot].entries.count
        else { return false }
        sessions[slot].entries[Int(sequence - sessions[slot].firstSequence)].createdAt = time
        return true
    }

    private func applyDeletion(_ change: LoggedBatch.Change, _ time: Int64) {
        switch change {
        case .sessionDeleted(let s, let id):
            setIndex(IndexKey.sessionByID(s, hash: IndexKey.hash(id)), IndexValue.tombstone)
            withSession(s) {
                $0.delta.isDeleted = true
                bytes -= $0.entries.reduce(0) { $0 + $1.payload.count }
                $0.entries = []
                $0.state = nil
            }
        case .userDeleted(let u, let name):
            counters.deadOwners += 1
            setIndex(IndexKey.userByName(u, hash: IndexKey.hash(name)), IndexValue.tombstone)
            setIndex(IndexKey.user(u), IndexValue.tombstone)
            setIndex(IndexKey.dead(u), IndexValue.number(UInt64(bitPattern: time)))
        case .tenantDeleted(let t, let name):
            counters.deadOwners += 1
            setIndex(IndexKey.tenantByName(t, hash: IndexKey.hash(name)), IndexValue.tombstone)
            setIndex(IndexKey.tenant(t), IndexValue.tombstone)
            setIndex(IndexKey.dead(t), IndexValue.number(UInt64(bitPattern: time)))
        default: preconditionFailure("not a deletion")
        }
    }

    /// The row of a session whose document changes is written with it (`SessionDocument`).
    private func setDocument(_ key: [UInt8], _ value: [UInt8]) {
        setIndex(key, value)
        if let session = SessionDocumentKey.session(of: key) { withSession(session) { _ in } }
    }

    private func setIndex(_ key: [UInt8], _ value: [UInt8]) {
        let old = index.set(key, value)
        bytes += old.map { value.count - $0.count } ?? key.count + value.count + 32
    }

    /// Changes a session's slot, made on first use.
    private func withSession(_ key: SessionKey, _ body: (inout HeadSession) -> Void) {
        let slot: Int
        if let found = slots[key] {
            slot = found
        } else {
            slot = sessions.count
            slots[key] = slot
            slotsByUser[key.owner, default: []].append(slot)
            sessions.append(HeadSession(key: key))
            bytes += 128
        }
        body(&sessions[slot])
    }
}

/// Ordinals and totals that a manifest keeps and the log continues.
package struct StoreCounters: Hashable, Sendable {
    var nextTenant: UInt32 = 1
    var nextUser: UInt64 = 1
    var nextSession: UInt64 = 1
    /// The newest batch's time.
    var lastTime: Int64 = 0
    /// Users and tenants ever deleted: while it is 0 nobody looks for tombstones of owners.
    var deadOwners: UInt64 = 0
}
