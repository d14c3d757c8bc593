/// Tells what of a version's records is still of use.
///
/// Everything is judged by the tables of one version alone, never by the heads: a merge must leave the state at the
/// manifest's LSN as it was. What was deleted since is found dead once that deletion has been flushed.
///
/// The deletion of a session leaves tombstones of its row, state and external id, so a routine merge need not ask for
/// the row of each: the tombstone meets what it hides in some merge. Only amendments, idempotency keys and documents of the
/// session have none. A rewriting that is to leave nothing behind, however old (`asksForRows`), looks every row up, and
/// every document.
struct Liveness {
    private let lookup: Lookup
    private let version: Version
    private let asksForRows: Bool
    private let hasDeadOwners: Bool
    private var session: (key: SessionKey, row: SessionRow?)?
    private var amended: (key: SessionKey, sequences: Set<SequenceNumber>)?
    private var owners: [UserKey: Bool] = [:]
    /// Walks the rows beside the entries of segments, which have the same order.
    private var rows: MergeCursor?

    init(_ lookup: Lookup, _ version: Version, asksForRows: Bool) {
        self.lookup = lookup
        self.version = version
        self.asksForRows = asksForRows
        hasDeadOwners = version.manifest.counters.deadOwners > 0
    }

    // MARK: Entries, asked for in key order

    /// Whether an entry of a segment is what readers see: its session lives, it has not expired, and it was neither
    /// edited nor deleted. (An amendment holds all of an edited entry, so the segment need not.)
    mutating func isLive(
        _ key: SessionKey, _ sequence: SequenceNumber, createdAt: Int64
    ) throws(LogStoreError) -> Bool {
        if session?.key != key { session = (key, try isDead(key.owner) ? nil : nextRow(key)) }
        guard let row = session?.row else { return false }
        if let cutoff = try lookup.cutoff(key, row), createdAt < cutoff { return false }
        guard row.flags.contains(.hasAmendments) else { return true }
        if amended?.key != key { amended = (key, try amendments(key)) }
        return !amended!.sequences.contains(sequence)
    }

    /// How many rows are stepped over before it is cheaper to search.
    private static let steps = 32

    /// The row of a session behind the last one asked for.
    private mutating func nextRow(_ key: SessionKey) throws(LogStoreError) -> SessionRow? {
        let target = IndexKey.row(key)
        var step = 0
        while var cursor = rows, cursor.isValid, step < Self.steps, cursor.precedes(target) {
            rows = nil
            try cursor.next()
            rows = cursor
            step += 1
        }
        if rows == nil || step == Self.steps {
            rows = try MergeCursor(version.index, prefix: IndexKey.rows, from: target, .blocking, fillsCache: false)
        }
        guard let cursor = rows, cursor.isValid, cursor.key == target else { return nil }
        let value = cursor.value
        return try Lookup.decoding("row", target) { () throws(ByteReader.Malformed) in try SessionRow.decode(value) }
    }

    private func amendments(_ key: SessionKey) throws(LogStoreError) -> Set<SequenceNumber> {
        var sequences: Set<SequenceNumber> = []
        let prefix = IndexKey.amendments(key)
        let runs = try version.runs(withPrefix: prefix, filtered: true, .blocking)
        var cursor = try MergeCursor(runs, prefix: prefix, .blocking)
        while cursor.isValid {
            if !IndexValue.isTombstone(cursor.value) {
                sequences.insert(SequenceNumber(truncatingIfNeeded: IndexKey.bigEndian(cursor.key, 15, 4)))
            }
            try cursor.next()
        }
        return sequences
    }

    // MARK: Index records

    /// Whether an index record belongs to something that lives. Marks of deleted owners and the erasure ledger always do.
    mutating func isLive(_ indexKey: [UInt8]) throws(LogStoreError) -> Bool {
        switch IndexKey.Kind(rawValue: indexKey[0]) {
        case .amendment, .idempotency:
            guard let key = IndexKey.sessionKey(from: indexKey) else { return true }
            return try hasRow(key)
        case .row, .state:
            guard let key = IndexKey.sessionKey(from: indexKey) else { return true }
            return try asksForRows ? hasRow(key) : !isDead(key.owner)
        case .sessionByID:
            let key = IndexKey.sessionKey(ofID: indexKey)
            return try asksForRows ? hasRow(key) : !isDead(key.owner)
        case .user: return try !isDead(IndexKey.userKey(from: indexKey))
        case .userByName: return try !isDead(IndexKey.userKey(ofName: indexKey))
        case .document:
            if let session = SessionDocumentKey.session(of: indexKey) { return try hasRow(session) }
            if try isDead(IndexKey.tenant(from: indexKey, at: 1)) { return false }
            guard asksForRows else { return true }
            return try !version.hasRemoved(indexKey)
        case .tenant: return try !isDead(IndexKey.tenant(from: indexKey, at: 1))
        case .tenantByName: return try !isDead(IndexKey.tenant(from: indexKey, at: 9))
        default: return true
        }
    }

    private mutating func hasRow(_ key: SessionKey) throws(LogStoreError) -> Bool {
        if session?.key != key { session = (key, try isDead(key.owner) ? nil : lookup.tableRow(key, version)) }
        return session?.row != nil
    }

    private mutating func isDead(_ tenant: TenantOrdinal) throws(LogStoreError) -> Bool {
        try isDead(UserKey(tenant: tenant, user: 0))
    }

    private mutating func isDead(_ owner: UserKey) throws(LogStoreError) -> Bool {
        guard hasDeadOwners else { return false }
        if let known = owners[owner] { return known }
        var dead = try isMarked(owner)
        if !dead, owner.user != 0 { dead = try isMarked(UserKey(tenant: owner.tenant, user: 0)) }
        if owners.count > 4096 { owners.removeAll() }
        owners[owner] = dead
        return dead
    }

    private func isMarked(_ owner: UserKey) throws(LogStoreError) -> Bool {
        guard let value = try version.value(of: IndexKey.dead(owner), .blocking) else { return false }
        return !IndexValue.isTombstone(value)
    }
}

extension Version {
    /// Whether the newest record of a key is a tombstone.
    func hasRemoved(_ indexKey: [UInt8]) throws(LogStoreError) -> Bool {
        try value(of: indexKey, .blocking).map(IndexValue.isTombstone) ?? false
    }
}
