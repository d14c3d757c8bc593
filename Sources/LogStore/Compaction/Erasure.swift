/// What an erasure is about: everything of a session, of a user with all sessions, or of a tenant.
package enum ErasureSubject: Hashable, Sendable {
    case session(SessionKey)
    case user(UserKey)
    case tenant(TenantOrdinal)

    /// In keys and in the log: numbers that are not meant are 0, which no user and no session has.
    var key: SessionKey {
        switch self {
        case .session(let key): key
        case .user(let key): SessionKey(tenant: key.tenant, user: key.user, session: 0)
        case .tenant(let tenant): SessionKey(tenant: tenant, user: 0, session: 0)
        }
    }

    init(_ key: SessionKey) {
        self = key.session != 0 ? .session(key) : key.user != 0 ? .user(key.owner) : .tenant(key.tenant)
    }
}

/// An entry of the erasure ledger. It names nobody: numbers, a hash of the name, times and counts.
package struct ErasureRecord: Hashable, Sendable {
    package var subject: ErasureSubject
    /// Of the session's external id, the user's or the tenant's name. After a restore to a time before the subject
    /// existed its number may be another's: then the hash differs.
    package var nameHash: UInt64
    package var orderedAt: Timestamp
    /// What is being done about it.
    package enum Progress: String, Sendable {
        /// Deleted, so nobody sees it; its bytes are where they were.
        case pending
        /// Its bytes are being removed, or wait for the grace of running copies.
        case processing
        /// No byte of it is left in any file.
        case completed
    }
    package internal(set) var progress = Progress.pending
    /// When no byte of it was left in any file; nil: not yet.
    package var finishedAt: Timestamp?
    /// What was erased: live sessions and messages when it was ordered.
    package var sessions: UInt64
    package var entries: UInt64
}

extension ErasureSubject {
    /// Whether a table holds a record of the subject that is more than a tombstone.
    ///
    /// An external id is recorded in the generation that has the session's first row, and both go in the same rewriting,
    /// so where there is no row of a user or tenant there is no external id of a session of theirs.
    func isIn(_ table: TableReader, nameHash: UInt64) throws(LogStoreError) -> Bool {
        if table.name.kind == .segment { return try Self.holds(table, IndexKey.entries(of: self)) }
        for prefix in IndexKey.erasurePrefixes(self, nameHash: nameHash) where try Self.holds(table, prefix) {
            return true
        }
        return false
    }

    private static func holds(_ table: TableReader, _ prefix: [UInt8]) throws(LogStoreError) -> Bool {
        guard table.overlaps(prefix, prefix.prefixEnd ?? table.properties.lastKey) else { return false }
        var cursor = try MergeCursor([table], prefix: prefix, .blocking, fillsCache: false)
        while cursor.isValid {
            if table.name.kind == .segment || !IndexValue.isTombstone(cursor.value) { return true }
            try cursor.next()
        }
        return false
    }
}
