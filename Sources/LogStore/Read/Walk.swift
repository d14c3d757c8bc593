internal import Synchronization

// Going through everything that the store holds, a page at a time, in the order of the keys: tenants, then their users,
// then their sessions, each in the order of creation. For exports: memory holds one page, whatever the store's size.

extension LogStore {
    /// Every live tenant, by number.
    package func tenants() throws(LogStoreError) -> [(tenant: TenantOrdinal, name: String)] {
        var tenants: [(tenant: TenantOrdinal, name: String)] = []
        try lookup(.blocking).scan(prefix: IndexKey.tenants) { (key, value) throws(LogStoreError) in
            if let name = IndexValue.decodeName(value) { tenants.append((IndexKey.tenant(from: key, at: 1), name)) }
            return true
        }
        return tenants
    }

    /// Live sessions of a tenant or a user in key order behind `after`, at most `limit`, each as it stands now. Sessions
    /// that were created since the last flush are not met: who wants all of them flushes first.
    /// - Complexity: O(page), and two reads a session when nothing is cached.
    package func walk(
        _ scope: ErasureSubject, after: SessionKey? = nil, limit: Int
    ) throws(LogStoreError) -> [SessionInfo] {
        let lookup = lookup(.blocking)
        let prefix: [UInt8] =
            switch scope {
            case .tenant(let tenant): IndexKey.rows(of: tenant)
            case .user(let user): IndexKey.rows(of: user)
            case .session(let session): IndexKey.row(session)
            }
        var sessions: [SessionInfo] = []
        try lookup.scan(prefix: prefix, from: after.map { IndexKey.row($0) + [0] }) { (key, _) throws(LogStoreError) in
            guard let session = IndexKey.sessionKey(from: key) else { return true }
            if let row = try lookup.row(session) { sessions.append(row.info(session)) }
            return sessions.count < limit
        }
        return sessions
    }

    /// Whether a session that was last touched then would have expired. For imports, which should not bring back what is
    /// past its retention.
    /// - Parameter tenant: nil: one that does not exist yet.
    package func isPastRetention(
        _ tenant: TenantOrdinal?, retentionClass: UInt8, updatedAt: Timestamp
    ) -> Bool {
        if retention.policy.lastingSessions.contains(retentionClass) { return false }
        let cutoff = retention.cutoff(retentionClass, tenant ?? TenantOrdinal(0))
        return cutoff.map { updatedAt.microseconds < $0 } ?? false
    }
}
