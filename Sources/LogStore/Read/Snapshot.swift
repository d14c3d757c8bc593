internal import Synchronization

/// Looks things up in the heads and the tables: what readers and the writer share.
///
/// Each call takes what it needs of the heads and the current version under the state lock, once, then reads tables
/// without it. So one call sees one state: a batch wholly or not at all, a flush as if it were an instant.
struct Lookup: Sendable {
    let state: StateBox
    var policy: ReadPolicy

    // MARK: Index

    /// The newest value of an index key; nil if there is none or a tombstone.
    func value(_ key: [UInt8]) throws(LogStoreError) -> [UInt8]? {
        let (head, version) = state.lock.withLock { ($0.headValue(key), $0.version) }
        if let head { return IndexValue.isTombstone(head) ? nil : head }
        guard let value = try version.value(of: key, policy), !IndexValue.isTombstone(value) else { return nil }
        return value
    }

    /// Calls `body` with the live pairs under `prefix`, ascending, from `from` (inclusive), until it returns false.
    /// - Parameter filtered: `prefix` is one that the runs' filters know.
    func scan(
        prefix: [UInt8], from: [UInt8]? = nil, filtered: Bool = false,
        _ body: (_ key: [UInt8], _ value: [UInt8]) throws(LogStoreError) -> Bool
    ) throws(LogStoreError) {
        let pageSize = 512
        var start = [UInt8].later(prefix, from)
        while true {
            let (pairs, version) = state.lock.withLock {
                ($0.headPairs(prefix: prefix, from: start, limit: pageSize), $0.version)
            }
            // Behind the last pair of a full page the heads may know more: tables are believed up to there only.
            let horizon = pairs.count == pageSize ? pairs[pageSize - 1].key : nil
            let runs = try version.runs(withPrefix: prefix, filtered: filtered, policy)
            var cursor = try MergeCursor(runs, prefix: prefix, from: start, policy)
            var i = 0
            while true {
                let tableKey = cursor.isValid ? cursor.key : nil
                if i == pairs.count, horizon != nil { break }
                guard tableKey != nil || i < pairs.count else { return }
                let order = tableKey.map { i < pairs.count ? [UInt8].compare(pairs[i].key, $0) : 1 } ?? -1
                let (key, value) = order <= 0 ? pairs[i] : (cursor.key, cursor.value)
                if order >= 0 { try cursor.next() }
                if order <= 0 { i += 1 }
                if !IndexValue.isTombstone(value), try !body(key, value) { return }
            }
            guard let horizon else { return }
            start = horizon + [0]
        }
    }

    // MARK: Names

    func tenant(named name: String) throws(LogStoreError) -> TenantOrdinal? {
        let prefix = IndexKey.tenantsNamed(hash: IndexKey.hash(name))
        let key = try key(under: prefix, named: name)
        return key.map { TenantOrdinal(UInt32(truncatingIfNeeded: IndexKey.bigEndian($0, 9, 4))) }
    }

    func user(named name: String, in tenant: TenantOrdinal) throws(LogStoreError) -> UserKey? {
        if try isDead(tenant) { return nil }
        let prefix = IndexKey.usersNamed(tenant, hash: IndexKey.hash(name))
        let key = try key(under: prefix, named: name)
        return key.map { UserKey(tenant: tenant, user: IndexKey.bigEndian($0, 13, 5)) }
    }

    func userName(_ user: UserKey) throws(LogStoreError) -> String? {
        try isDead(user.tenant) ? nil : value(IndexKey.user(user)).flatMap(IndexValue.decodeName)
    }

    func tenantName(_ tenant: TenantOrdinal) throws(LogStoreError) -> String? {
        try value(IndexKey.tenant(tenant)).flatMap(IndexValue.decodeName)
    }

    /// The live key under a hash prefix whose value is the name.
    private func key(under prefix: [UInt8], named name: String) throws(LogStoreError) -> [UInt8]? {
        var found: [UInt8]?
        try scan(prefix: prefix, filtered: true) { (key, value) throws(LogStoreError) in
            guard IndexValue.isName(value, name) else { return true }
            found = key
            return false
        }
        return found
    }

    /// The ledger's entry of a subject.
    func erasure(of subject: ErasureSubject) throws(LogStoreError) -> ErasureRecord? {
        let key = IndexKey.ledger(subject)
        guard let bytes = try value(key) else { return nil }
        let record = try Self.decoding("ledger entry", key) { () throws(ByteReader.Malformed) in
            try ErasureRecord.decode(bytes, of: subject)
        }
        return record.map(progressing)
    }

    /// A ledger's entry with how far it is.
    func progressing(_ record: ErasureRecord) -> ErasureRecord {
        var record = record
        let begun = state.lock.withLock { $0.erasingThrough }
        record.progress =
            record.finishedAt != nil ? .completed : record.orderedAt.microseconds <= begun ? .processing : .pending
        return record
    }

    // MARK: Sessions

    /// The live session of an external id.
    func session(id: String, in tenant: TenantOrdinal) throws(LogStoreError) -> (SessionKey, SessionRow)? {
        var found: (SessionKey, SessionRow)?
        let prefix = IndexKey.sessionsByID(tenant, hash: IndexKey.hash(id))
        try scan(prefix: prefix, filtered: true) { (key, value) throws(LogStoreError) in
            guard IndexValue.isName(value, id) else { return true }
            let session = SessionKey(
                tenant: tenant, user: IndexKey.bigEndian(key, 13, 5), session: IndexKey.bigEndian(key, 18, 5))
            guard let row = try row(session) else { return true }
            found = (session, row)
            return false
        }
        return found
    }

    /// The row of a live session.
    func row(_ key: SessionKey) throws(LogStoreError) -> SessionRow? {
        let (delta, version, anyDead) = state.lock.withLock {
            ($0.delta(key), $0.version, $0.active.counters.deadOwners > 0)
        }
        guard let row = try row(key, delta, version) else { return nil }
        if anyDead, try ownerIsDead(key) { return nil }
        return row
    }

    /// The row as the tables and a delta of the heads give it; nil if it has expired.
    func row(_ key: SessionKey, _ delta: SessionDelta?, _ version: Version) throws(LogStoreError) -> SessionRow? {
        guard let row = try storedRow(key, delta, version), try !hasExpired(key, row) else { return nil }
        return row
    }

    func storedRow(
        _ key: SessionKey, _ delta: SessionDelta?, _ version: Version
    ) throws(LogStoreError) -> SessionRow? {
        if let delta, delta.creation != nil || delta.isDeleted { return delta.applied(to: nil) }
        let base = try tableRow(key, version)
        return delta.map { $0.applied(to: base) } ?? base
    }

    /// What of a session is older has expired; nil: nothing has.
    func cutoff(_ key: SessionKey, _ row: SessionRow) throws(LogStoreError) -> Int64? {
        guard let cutoff = state.retention.cutoff(row.retentionClass, key.tenant), row.createdAt < cutoff,
            try !isHeld(key)
        else { return nil }
        return cutoff
    }

    func hasExpired(_ key: SessionKey, _ row: SessionRow) throws(LogStoreError) -> Bool {
        try hasExpired(row, cutoff(key, row))
    }

    /// - Parameter cutoff: that of the session.
    func hasExpired(_ row: SessionRow, _ cutoff: Int64?) -> Bool {
        guard let cutoff, row.updatedAt < cutoff else { return false }
        return !state.retention.policy.lastingSessions.contains(row.retentionClass)
    }

    /// A hold on the session, its user or its tenant.
    func isHeld(_ key: SessionKey) throws(LogStoreError) -> Bool {
        for subject in [.session(key), .user(key.owner), .tenant(key.tenant)] as [ErasureSubject] {
            if try value(IndexKey.hold(subject)) != nil { return true }
        }
        return false
    }

    func tableRow(_ key: SessionKey, _ version: Version) throws(LogStoreError) -> SessionRow? {
        let indexKey = IndexKey.row(key)
        guard let bytes = try version.value(of: indexKey, policy) else { return nil }
        return try Self.decoding("row", indexKey) { () throws(ByteReader.Malformed) in try SessionRow.decode(bytes) }
    }

    /// Whether the tenant was deleted: its users keep their records until they are merged away.
    private func isDead(_ tenant: TenantOrdinal) throws(LogStoreError) -> Bool {
        guard state.lock.withLock({ $0.active.counters.deadOwners }) > 0 else { return false }
        return try value(IndexKey.dead(tenant)) != nil
    }

    func ownerIsDead(_ key: SessionKey) throws(LogStoreError) -> Bool {
        if try value(IndexKey.dead(key.tenant)) != nil { return true }
        return try value(IndexKey.dead(key.owner)) != nil
    }

    func state(of key: SessionKey) throws(LogStoreError) -> (state: [UInt8], version: LSN)? {
        let (delta, head, version, anyDead) = state.lock.withLock {
            (
                $0.delta(key), $0.active.session(key)?.state ?? $0.frozen?.session(key)?.state, $0.version,
                $0.active.counters.deadOwners > 0
            )
        }
        guard let row = try row(key, delta, version) else { return nil }
        if anyDead, try ownerIsDead(key) { return nil }
        let stamp = LSN(row.stateVersion)
        if let head { return (head.bytes, stamp) }
        let indexKey = IndexKey.state(key)
        guard let bytes = try version.value(of: indexKey, policy) else { return ([], stamp) }
        let decoded = try Self.decoding("state", indexKey) { () throws(ByteReader.Malformed) in
            try IndexValue.decodeVersioned(bytes)
        }
        return (decoded?.bytes ?? [], stamp)
    }

    /// Bytes that verified but do not decode: a defect or a newer format, never a trap.
    static func decoding<R>(
        _ what: String, _ key: [UInt8], _ body: () throws(ByteReader.Malformed) -> R
    ) throws(LogStoreError) -> R {
        do throws(ByteReader.Malformed) {
            return try body()
        } catch {
            throw .corrupt(file: "index", offset: UInt64(error.offset), detail: "\(what) of key \(key): \(error.what)")
        }
    }
}

/// The state behind its lock, shared by reference.
final class StateBox: Sendable {
    let lock: Mutex<StoreState>
    let retention: Retention
    let lists: ListCache
    let feedIndex = FeedIndex()
    let observers = FeedObservers()
    init(_ state: consuming sending StoreState, _ retention: Retention, _ lists: ListCache) {
        lock = Mutex(state)
        self.retention = retention
        self.lists = lists
    }
}
