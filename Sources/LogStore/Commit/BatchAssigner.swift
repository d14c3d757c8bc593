internal import Synchronization

/// Turns batches into logged batches: checks them against the state at their place in the order and assigns ordinals,
/// sequence numbers and times.
///
/// The state is the heads and tables, plus `pending`: what the group's earlier batches will have changed once the group
/// is durable. Confined to the committer.
struct BatchAssigner {
    let lookup: Lookup
    let pending: Head
    let limits: StoreLimits

    /// A session as the batch being assigned has it so far.
    private struct Working {
        var key: SessionKey
        var lastSequence: SequenceNumber
        var deletedCount: UInt32?
        var isNew: Bool
    }

    enum Outcome {
        case assigned(LoggedBatch, CommitReceipt)
        case replay(CommitReceipt)
    }

    func assign(_ batch: Batch, lsn: LSN, time: Timestamp) throws(LogStoreError) -> Outcome {
        try Self.check(batch, limits)
        var work = Work(logged: LoggedBatch(lsn: lsn, time: time), receipt: CommitReceipt(lsn: lsn, time: time))
        work.counters = pending.counters
        if let idempotency = batch.idempotency, case .existing(let key) = idempotency.session {
            if let receipt = try earlierReceipt(idempotency.key, key) { return .replay(receipt) }
        }
        for condition in batch.preconditions { try check(condition) }
        work.logged.changes.reserveCapacity(batch.operations.count + 2)
        for operation in batch.operations { try assign(operation, &work) }
        if let idempotency = batch.idempotency {
            let key = try session(idempotency.session, &work).key
            work.logged.changes.append(
                .idempotencyKeyUsed(
                    key, key: idempotency.key, sessions: work.receipt.sessions, sequences: work.receipt.sequences))
        }
        return .assigned(work.logged, work.receipt)
    }

    private struct Work {
        var logged: LoggedBatch
        var receipt: CommitReceipt
        var sessions: [Working] = []
        var counters = StoreCounters()
        var tenants: [String: TenantOrdinal] = [:]
        var users: [(tenant: TenantOrdinal, name: String, key: UserKey)] = []
        var amended: [(SessionKey, SequenceNumber, isDeleted: Bool)] = []
    }

    // MARK: Operations

    private func assign(_ operation: Batch.Operation, _ work: inout Work) throws(LogStoreError) {
        switch operation {
        case .createSession(let new): try create(new, &work)
        case .append(let target, let payload, let crc, let touch):
            let i = try workingIndex(target, &work)
            guard work.sessions[i].lastSequence < .max else {
                throw .tooLarge(what: "session", bytes: Int(SequenceNumber.max), limit: Int(SequenceNumber.max))
            }
            work.sessions[i].lastSequence += 1
            let sequence = work.sessions[i].lastSequence
            work.receipt.sequences.append(sequence)
            work.logged.changes.append(
                .entryAppended(work.sessions[i].key, sequence, payload: payload, crc: crc, touch: touch))
        case .update(let target, let state, let tags, let touch):
            let key = try session(target, &work).key
            work.logged.changes.append(.sessionUpdated(key, state: state, tags: tags, touch: touch))
        case .amend(let target, let sequence, let payload, let crc):
            let key = try session(target, &work).key
            let createdAt = try liveEntryTime(key, sequence, work)
            work.amended.append((key, sequence, isDeleted: false))
            work.logged.changes.append(
                .entryAmended(key, sequence, payload: payload, crc: crc, createdAt: createdAt))
        case .deleteEntry(let target, let sequence):
            let i = try workingIndex(target, &work)
            let key = work.sessions[i].key
            _ = try liveEntryTime(key, sequence, work)
            let deleted: UInt32
            if let known = work.sessions[i].deletedCount {
                deleted = known + 1
            } else {
                deleted = (try row(key)?.deletedCount ?? 0) + 1
            }
            work.sessions[i].deletedCount = deleted
            work.amended.append((key, sequence, isDeleted: true))
            work.logged.changes.append(.entryDeleted(key, sequence, deletedCount: deleted))
        case .deleteSession(let key): _ = try delete(.session(key), &work)
        case .expireSession(let key):
            let version = lookup.state.lock.withLock { $0.version }
            // Touched, held or deleted since it was found: then it stays, or is gone.
            guard let row = try lookup.storedRow(key, folded(key), version), try lookup.hasExpired(key, row) else {
                return
            }
            work.logged.changes.append(.sessionDeleted(key, id: row.id))
        case .deleteUser(let user): _ = try delete(.user(user), &work)
        case .deleteTenant(let tenant): _ = try delete(.tenant(tenant), &work)
        case .erase(let subject):
            let count = try count(subject)
            let name = try delete(subject, &work)
            work.logged.changes.append(
                .erasureOrdered(
                    subject, nameHash: IndexKey.hash(name), sessions: count.sessions, entries: count.entries))
        case .finishErasure(let record): work.logged.changes.append(.erasureFinished(record))
        case .setHold(let subject, let isHeld): work.logged.changes.append(.holdSet(subject, isHeld))
        case .setSessionTimes, .setEntryTimes: try assignTimes(operation, &work)
        case .putDocument(let key, let value):
            let tenant = try tenantOrCreate(key.tenant, &work)
            work.logged.changes.append(.documentPut(tenant, key: key.key, value: value))
        case .removeDocument(let key):
            var tenant = work.tenants[key.tenant]
            if tenant == nil { tenant = try self.tenant(named: key.tenant) }
            guard let tenant else { return }
            work.logged.changes.append(.documentRemoved(tenant, key: key.key))
        case .putSessionDocument(let target, let name, let part, let value):
            let key = try session(target, &work).key
            work.logged.changes.append(
                .documentPut(key.tenant, key: SessionDocumentKey.make(key, name, part), value: value))
        case .removeSessionDocument(let key, let name, let part):
            work.logged.changes.append(.documentRemoved(key.tenant, key: SessionDocumentKey.make(key, name, part)))
        case .setPosition(let consumer, let lsn):
            work.logged.changes.append(.positionSet(consumer: consumer, lsn))
        case .annotate(let note): work.logged.changes.append(.annotated(note))
        }
    }

    /// Times replace those of the batch's own changes only, so that what was acknowledged keeps its times.
    private func assignTimes(_ operation: Batch.Operation, _ work: inout Work) throws(LogStoreError) {
        switch operation {
        case .setSessionTimes(let target, let createdAt, let updatedAt):
            let session = try session(target, &work)
            guard createdAt == nil || session.isNew else { throw .invalid("createdAt of a session that was there") }
            work.logged.changes.append(.sessionTimesSet(session.key, createdAt: createdAt, updatedAt: updatedAt))
        case .setEntryTimes(let target, let sequence, let createdAt, let amendedAt):
            let key = try session(target, &work).key
            // It is nearly always the newest change.
            let isAppended = work.logged.changes.reversed().contains {
                if case .entryAppended(key, sequence, _, _, _) = $0 { true } else { false }
            }
            let isAmended = work.amended.contains { $0.0 == key && $0.1 == sequence && !$0.isDeleted }
            guard createdAt == nil || isAppended, amendedAt == nil || isAmended else {
                throw .invalid("times of an entry that the batch does not write")
            }
            work.logged.changes.append(
                .entryTimesSet(key, sequence, createdAt: createdAt, amendedAt: amendedAt))
        default: break
        }
    }

    // MARK: Deletions

    /// - Returns: the external id or name that becomes free.
    private func delete(_ subject: ErasureSubject, _ work: inout Work) throws(LogStoreError) -> String {
        if try isHeld(subject) { throw .held }
        switch subject {
        case .session(let key):
            guard let row = try row(key) else { throw .sessionNotFound }
            work.logged.changes.append(.sessionDeleted(key, id: row.id))
            return row.id
        case .user(let user):
            guard let name = try name(IndexKey.user(user)) else { throw .invalid("no such user") }
            work.logged.changes.append(.userDeleted(user, name: name))
            return name
        case .tenant(let tenant):
            guard let name = try name(IndexKey.tenant(tenant)) else { throw .invalid("no such tenant") }
            work.logged.changes.append(.tenantDeleted(tenant, name: name))
            return name
        }
    }

    /// A hold on the subject, on what it is part of, or on any part of it.
    private func isHeld(_ subject: ErasureSubject) throws(LogStoreError) -> Bool {
        let key = subject.key
        for above in [.user(key.owner), .tenant(key.tenant)] as [ErasureSubject] where above != subject {
            if try value(IndexKey.hold(above)) != nil { return true }
        }
        let prefix = IndexKey.holds(in: subject)
        var held = false
        var lifted: Set<[UInt8]> = []
        pending.index.scan(prefix: prefix) { pair in
            if IndexValue.isTombstone(pair.value) { lifted.insert(pair.key) } else { held = true }
            return !held
        }
        if held { return true }
        try lookup.scan(prefix: prefix) { (key, _) throws(LogStoreError) in
            held = !lifted.contains(key)
            return !held
        }
        return held
    }

    /// The live sessions and messages of a subject as the ledger will have them; those of this group's earlier batches
    /// are not counted for a user or tenant.
    private func count(_ subject: ErasureSubject) throws(LogStoreError) -> (sessions: UInt64, entries: UInt64) {
        func entries(_ row: SessionRow) -> UInt64 { UInt64(row.lastSequence - min(row.deletedCount, row.lastSequence)) }
        if case .session(let key) = subject {
            guard let row = try row(key) else { throw .sessionNotFound }
            return (1, entries(row))
        }
        var query = SessionQuery(limit: 512)
        var total: (sessions: UInt64, entries: UInt64) = (0, 0)
        while true {
            let page =
                switch subject {
                case .user(let user): try lookup.sessions(of: user, query)
                default: try lookup.sessions(ofTenant: subject.key.tenant, query)
                }
            total.sessions += UInt64(page.sessions.count)
            total.entries += page.sessions.reduce(0) { $0 + UInt64($1.entryCount) }
            guard let next = page.next else { return total }
            query.cursor = next
        }
    }

    // MARK: Creations

    private func create(_ new: Batch.NewSession, _ work: inout Work) throws(LogStoreError) {
        let tenant = try tenantOrCreate(new.tenant, &work)
        let user = try userOrCreate(new.user, tenant, &work)
        let isTaken = work.logged.changes.contains {
            if case .sessionCreated(let key, let id, _, _, _) = $0 { return id == new.id && key.tenant == tenant }
            return false
        }
        if isTaken { throw .sessionExists(id: new.id) }
        // The batch may replace a session that it deletes.
        let isFreed = work.logged.changes.contains {
            if case .sessionDeleted(let key, let id) = $0 { return id == new.id && key.tenant == tenant }
            return false
        }
        if !isFreed, try sessionExists(new.id, tenant) { throw .sessionExists(id: new.id) }
        let key = SessionKey(tenant: tenant, user: user.user, session: work.counters.nextSession)
        work.counters.nextSession += 1
        work.receipt.sessions.append(key)
        work.sessions.append(Working(key: key, lastSequence: 0, deletedCount: 0, isNew: true))
        work.logged.changes.append(
            .sessionCreated(
                key, id: new.id, state: new.state, tags: new.tags, retentionClass: new.retentionClass))
    }

    private func tenantOrCreate(_ name: String, _ work: inout Work) throws(LogStoreError) -> TenantOrdinal {
        if let known = work.tenants[name] { return known }
        var tenant = try tenant(named: name)
        if tenant == nil {
            let new = TenantOrdinal(work.counters.nextTenant)
            work.counters.nextTenant += 1
            work.logged.changes.append(.tenantCreated(new, name: name))
            tenant = new
        }
        work.tenants[name] = tenant
        return tenant!
    }

    private func userOrCreate(
        _ name: String, _ tenant: TenantOrdinal, _ work: inout Work
    ) throws(LogStoreError) -> UserKey {
        if let known = work.users.first(where: { $0.tenant == tenant && $0.name == name }) { return known.key }
        let key: UserKey
        if let found = try user(named: name, tenant) {
            key = found
        } else {
            key = UserKey(tenant: tenant, user: work.counters.nextUser)
            work.counters.nextUser += 1
            work.logged.changes.append(.userCreated(key, name: name))
        }
        work.users.append((tenant, name, key))
        return key
    }

    // MARK: Sessions of the batch

    private func session(_ target: SessionTarget, _ work: inout Work) throws(LogStoreError) -> Working {
        work.sessions[try workingIndex(target, &work)]
    }

    private func workingIndex(_ target: SessionTarget, _ work: inout Work) throws(LogStoreError) -> Int {
        let key: SessionKey
        switch target {
        case .existing(let k): key = k
        case .created(let n):
            guard n < work.receipt.sessions.count else { throw .invalid("session \(n) is not created yet") }
            key = work.receipt.sessions[n]
        }
        if let i = work.sessions.firstIndex(where: { $0.key == key }) { return i }
        // The heads usually know all that an append needs; a cold session's row comes from the tables.
        let delta = folded(key)
        if delta?.isDeleted == true { throw .sessionNotFound }
        if let delta, let last = delta.lastSequence, isFresh(delta),
            lookup.state.lock.withLock({ $0.active.counters.deadOwners }) == 0,
            pending.counters.deadOwners == 0
        {
            work.sessions.append(
                Working(key: key, lastSequence: last, deletedCount: delta.deletedCount, isNew: false))
        } else {
            guard let row = try row(key) else { throw .sessionNotFound }
            work.sessions.append(
                Working(key: key, lastSequence: row.lastSequence, deletedCount: row.deletedCount, isNew: false))
        }
        return work.sessions.count - 1
    }

    /// Touched so lately that it cannot have expired.
    private func isFresh(_ delta: SessionDelta) -> Bool {
        let retention = lookup.state.retention
        return retention.policy.isEmpty || delta.updatedAt.map { $0 >= retention.latestCutoff() } ?? false
    }

    // MARK: The state, pending included

    private func folded(_ key: SessionKey) -> SessionDelta? {
        let old = lookup.state.lock.withLock { $0.delta(key) }
        guard let new = pending.delta(key) else { return old }
        guard var delta = old else { return new }
        delta.merge(new)
        return delta
    }

    private func row(_ key: SessionKey) throws(LogStoreError) -> SessionRow? {
        let version = lookup.state.lock.withLock { $0.version }
        guard let row = try lookup.row(key, folded(key), version) else { return nil }
        if pending.counters.deadOwners > 0 {
            if pending.index[IndexKey.dead(key.tenant)] != nil || pending.index[IndexKey.dead(key.owner)] != nil {
                return nil
            }
            if try lookup.ownerIsDead(key) { return nil }
        }
        return row
    }

    private func value(_ key: [UInt8]) throws(LogStoreError) -> [UInt8]? {
        if let value = pending.index[key] { return IndexValue.isTombstone(value) ? nil : value }
        return try lookup.value(key)
    }

    private func name(_ key: [UInt8]) throws(LogStoreError) -> String? { try value(key).flatMap(IndexValue.decodeName) }

    private func pendingKey(_ prefix: [UInt8], named name: String) -> [UInt8]? {
        var found: [UInt8]?
        pending.index.scan(prefix: prefix) { pair in
            guard IndexValue.decodeName(pair.value) == name else { return true }
            found = pair.key
            return false
        }
        return found
    }

    private func tenant(named name: String) throws(LogStoreError) -> TenantOrdinal? {
        if let key = pendingKey(IndexKey.tenantsNamed(hash: IndexKey.hash(name)), named: name) {
            return TenantOrdinal(UInt32(truncatingIfNeeded: IndexKey.bigEndian(key, 9, 4)))
        }
        guard let tenant = try lookup.tenant(named: name) else { return nil }
        return pending.index[IndexKey.dead(tenant)] == nil ? tenant : nil
    }

    private func user(named name: String, _ tenant: TenantOrdinal) throws(LogStoreError) -> UserKey? {
        if let key = pendingKey(IndexKey.usersNamed(tenant, hash: IndexKey.hash(name)), named: name) {
            return UserKey(tenant: tenant, user: IndexKey.bigEndian(key, 13, 5))
        }
        guard let user = try lookup.user(named: name, in: tenant) else { return nil }
        return pending.index[IndexKey.dead(user)] == nil ? user : nil
    }

    private func sessionExists(_ id: String, _ tenant: TenantOrdinal) throws(LogStoreError) -> Bool {
        if let key = pendingKey(IndexKey.sessionsByID(tenant, hash: IndexKey.hash(id)), named: id) {
            let session = SessionKey(
                tenant: tenant, user: IndexKey.bigEndian(key, 13, 5), session: IndexKey.bigEndian(key, 18, 5))
            if try row(session) != nil { return true }
        }
        guard let (key, _) = try lookup.session(id: id, in: tenant) else { return false }
        return try row(key) != nil
    }

    private func earlierReceipt(_ idempotencyKey: String, _ key: SessionKey) throws(LogStoreError) -> CommitReceipt? {
        let prefix = IndexKey.idempotencyKeys(key, hash: IndexKey.hash(idempotencyKey))
        var found: CommitReceipt?
        func consider(_ indexKey: [UInt8], _ bytes: [UInt8]) throws(LogStoreError) -> Bool {
            let decoded = try Lookup.decoding("idempotency key", indexKey) { () throws(ByteReader.Malformed) in
                try IndexValue.decodeIdempotency(bytes)
            }
            if let decoded, decoded.key == idempotencyKey { found = decoded.receipt }
            return found == nil
        }
        if let bytes = pending.index[IndexKey.idempotency(key, idempotencyKey)] { _ = try consider(prefix, bytes) }
        if found == nil { try lookup.scan(prefix: prefix, filtered: true, consider) }
        guard found != nil, try row(key) != nil else { return nil }
        return found
    }

    /// When a live entry was created; `entryNotFound` if it is not there or deleted.
    private func liveEntryTime(
        _ key: SessionKey, _ sequence: SequenceNumber, _ work: Work
    ) throws(LogStoreError) -> Timestamp {
        if work.amended.contains(where: { $0.0 == key && $0.1 == sequence && $0.isDeleted }) {
            throw .entryNotFound(sequence: sequence)
        }
        if let value = pending.index[IndexKey.amendment(key, sequence)], value.count > 1, value[1] == 1 {
            throw .entryNotFound(sequence: sequence)
        }
        var own: Timestamp?
        for change in work.logged.changes {
            if case .entryAppended(key, sequence, _, _, _) = change { own = work.logged.time }
            if case .entryTimesSet(key, sequence, let createdAt?, _) = change { own = createdAt }
        }
        if let own { return own }
        if let own = pending.session(key), !own.entries.isEmpty, sequence >= own.firstSequence {
            let i = Int(sequence - own.firstSequence)
            guard i < own.entries.count else { throw .entryNotFound(sequence: sequence) }
            return Timestamp(microseconds: own.entries[i].createdAt)
        }
        guard sequence > 0 else { throw .entryNotFound(sequence: sequence) }
        let query = EntryQuery(after: sequence - 1, limit: 1)
        guard let entry = try lookup.entries(of: key, query).first, entry.sequence == sequence else {
            throw .entryNotFound(sequence: sequence)
        }
        return entry.createdAt
    }

    // MARK: Conditions and limits

    private func check(_ condition: Precondition) throws(LogStoreError) {
        switch condition {
        case .stateVersion(let key, let expected):
            guard let row = try row(key) else { throw .sessionNotFound }
            guard row.stateVersion == expected.rawValue else {
                throw .conflict("state version \(row.stateVersion), not \(expected)")
            }
        case .entryCount(let key, let bound):
            guard let row = try row(key) else { throw .sessionNotFound }
            let count = row.lastSequence - row.deletedCount
            guard count < bound else { throw .conflict("\(count) entries, not below \(bound)") }
        case .lastSequence(let key, let expected):
            guard let row = try row(key) else { throw .sessionNotFound }
            guard row.lastSequence == expected else {
                throw .conflict("last sequence \(row.lastSequence), not \(expected)")
            }
        case .documentVersion(let key, let expected):
            var version: LSN?
            if let tenant = try tenant(named: key.tenant) {
                let indexKey = IndexKey.document(tenant, key.key)
                if let bytes = try value(indexKey) {
                    version = try Lookup.decoding("document", indexKey) { () throws(ByteReader.Malformed) in
                        try IndexValue.decodeVersioned(bytes)?.version
                    }
                }
            }
            guard version == expected else { throw .conflict("document version differs") }
        }
    }

    /// Bounds that need no state; checked before a batch is queued as well.
    static func check(_ batch: Batch, _ limits: StoreLimits) throws(LogStoreError) {
        func bound(_ what: String, _ bytes: Int, _ limit: Int) throws(LogStoreError) {
            if bytes > limit { throw .tooLarge(what: what, bytes: bytes, limit: limit) }
        }
        guard !batch.operations.isEmpty else { throw .invalid("an empty batch") }
        try bound("operations", batch.operations.count, limits.batchOperations)
        try bound("batch", batch.approximateBytes, limits.batchBytes)
        if let key = batch.idempotency?.key, key.utf8.isEmpty || key.utf8.count > 255 {
            throw .invalid("an idempotency key is 1 to 255 bytes")
        }
        for operation in batch.operations {
            switch operation {
            case .createSession(let new):
                guard !new.id.isEmpty, !new.tenant.isEmpty else { throw .invalid("empty id") }
                for name in [new.id, new.tenant, new.user] { try bound("id", name.utf8.count, limits.idBytes) }
                try bound("state", new.state.count, limits.stateBytes)
            case .append(_, let payload, _, _), .amend(_, _, let payload, _):
                try bound("payload", payload.count, limits.payloadBytes)
            case .update(_, let state, _, _): try bound("state", state?.count ?? 0, limits.stateBytes)
            case .putDocument(let key, let value):
                guard !key.tenant.isEmpty else { throw .invalid("empty tenant") }
                try bound("id", key.tenant.utf8.count, limits.idBytes)
                guard key.key.first != SessionDocumentKey.mark else {
                    throw .invalid("a document key that begins with 0")
                }
                try bound("document key", key.key.count, limits.documentKeyBytes)
                try bound("document", value.count, limits.documentBytes)
            case .putSessionDocument(_, let name, let part, let value):
                guard 1...255 ~= name.count else { throw .invalid("a document's name is 1 to 255 bytes") }
                try bound("document key", name.count + part.count + 12, limits.documentKeyBytes)
                try bound("document", value.count, limits.documentBytes)
            case .removeSessionDocument(_, let name, let part):
                guard 1...255 ~= name.count else { throw .invalid("a document's name is 1 to 255 bytes") }
                try bound("document key", name.count + part.count + 12, limits.documentKeyBytes)
            case .setPosition(let consumer, let lsn):
                guard !consumer.isEmpty else { throw .invalid("empty consumer") }
                guard (lsn?.rawValue ?? 0) < UInt64(1) << 63 else { throw .invalid("a position beyond every LSN") }
                try bound("consumer", consumer.utf8.count, limits.documentKeyBytes)
            case .removeDocument(let key):
                guard key.key.first != SessionDocumentKey.mark else {
                    throw .invalid("a document key that begins with 0")
                }
                try bound("document key", key.key.count, limits.documentKeyBytes)
            case .annotate(let note): try bound("annotation", note.count, limits.annotationBytes)
            case .setSessionTimes(_, let first, let second), .setEntryTimes(_, _, let first, let second):
                for time in [first, second] {
                    guard let time else { continue }
                    guard time.microseconds.magnitude < LoggedBatch.timeBound else {
                        throw .invalid("time \(time.microseconds)")
                    }
                }
            case .deleteEntry, .deleteSession, .expireSession, .deleteUser, .deleteTenant, .erase, .finishErasure,
                .setHold:
                break
            }
        }
    }
}

extension Batch {
    /// About the bytes that it will take in the log.
    var approximateBytes: Int {
        var n = 16 + (idempotency.map { 64 + 2 * $0.key.utf8.count } ?? 0)
        for operation in operations {
            switch operation {
            case .createSession(let new):
                n += 96 + new.id.utf8.count + 2 * new.tenant.utf8.count + 2 * new.user.utf8.count + new.state.count
            case .append(_, let payload, _, _), .amend(_, _, let payload, _): n += 40 + payload.count
            case .update(_, let state, _, _): n += 24 + (state?.count ?? 0)
            case .putDocument(let key, let value): n += 48 + 2 * key.tenant.utf8.count + key.key.count + value.count
            case .putSessionDocument(_, let name, let part, let value): n += 40 + name.count + part.count + value.count
            // Deletions log the name that they free: at most `StoreLimits.idBytes`.
            case .deleteSession, .expireSession, .deleteUser, .deleteTenant, .erase: n += 1200
            case .setPosition(let consumer, _): n += 32 + consumer.utf8.count
            case .annotate(let note): n += 8 + note.count
            case .setSessionTimes, .setEntryTimes: n += 40
            case .deleteEntry, .removeDocument, .removeSessionDocument, .finishErasure, .setHold: n += 600
            }
        }
        return n
    }

    /// Whether it adds data: what a nearly full disk refuses.
    var isAdditive: Bool {
        operations.contains {
            switch $0 {
            case .createSession, .append, .amend, .putDocument, .putSessionDocument: true
            case .update(_, let state, _, _): state != nil
            case .deleteEntry, .deleteSession, .expireSession, .deleteUser, .deleteTenant, .erase, .finishErasure,
                .setHold, .removeDocument, .removeSessionDocument, .setPosition, .setSessionTimes, .setEntryTimes,
                .annotate:
                false
            }
        }
    }
}
