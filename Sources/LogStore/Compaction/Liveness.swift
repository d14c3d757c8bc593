/// Tells what of a version's records is still of use.
///
/// Everything is judged by the tables of one version alone, never by the heads: a merge must leave the state at the
/// manifest's LSN as it was. What was deleted since is found dead once that deletion has been flushed.
struct Liveness {
    private let lookup: Lookup
    private let version: Version
    private let hasDeadOwners: Bool
    private var session: (key: SessionKey, row: SessionRow?)?
    private var amended: (key: SessionKey, sequences: Set<SequenceNumber>)?
    private var owners: [UserKey: Bool] = [:]

    init(_ lookup: Lookup, _ version: Version) {
        self.lookup = lookup
        self.version = version
        hasDeadOwners = version.manifest.counters.deadOwners > 0
    }

    /// The session's row, nil if it is deleted or its owner is.
    mutating func row(_ key: SessionKey) throws(LogStoreError) -> SessionRow? {
        if let session, session.key == key { return session.row }
        let row = try isDead(key.owner) ? nil : lookup.tableRow(key, version)
        session = (key, row)
        return row
    }

    /// Whether an entry of a segment is what readers see: its session lives, it has not expired, and it was neither
    /// edited nor deleted. (An amendment holds all of an edited entry, so the segment need not.)
    mutating func isLive(
        _ key: SessionKey, _ sequence: SequenceNumber, createdAt: Int64
    ) throws(LogStoreError) -> Bool {
        guard let row = try row(key) else { return false }
        if let cutoff = try lookup.cutoff(key, row), createdAt < cutoff { return false }
        guard row.flags.contains(.hasAmendments) else { return true }
        if amended?.key != key {
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
            amended = (key, sequences)
        }
        return !amended!.sequences.contains(sequence)
    }

    /// Whether an index record belongs to something that lives. Marks of deleted owners and the erasure ledger always do.
    mutating func isLive(_ indexKey: [UInt8]) throws(LogStoreError) -> Bool {
        switch IndexKey.Kind(rawValue: indexKey[0]) {
        case .row, .state, .amendment, .idempotency:
            guard let key = IndexKey.sessionKey(from: indexKey) else { return true }
            return try row(key) != nil
        case .sessionByID:
            return try row(IndexKey.sessionKey(ofID: indexKey)) != nil
        case .user: return try !isDead(IndexKey.userKey(from: indexKey))
        case .userByName: return try !isDead(IndexKey.userKey(ofName: indexKey))
        case .document: return try !isDead(IndexKey.tenant(from: indexKey, at: 1))
        case .tenant: return try !isDead(IndexKey.tenant(from: indexKey, at: 1))
        case .tenantByName: return try !isDead(IndexKey.tenant(from: indexKey, at: 9))
        default: return true
        }
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
