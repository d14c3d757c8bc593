internal import Synchronization

// Listing sessions of a user or a tenant.
//
// Rows are clustered by tenant and user and sorted by creation, so a list is one range of the index runs with the
// heads' changes laid over. There is no second index to keep consistent. Only the fixed part of each row is decoded, and
// kept for the next list (`ListCache`); the page's rows are decoded whole at the end. A list of several users is that of
// all their ranges, of one moment. A list with an offset counts too, so there what is deleted with its owner or expired
// is taken out before.

extension Lookup {
    func sessions(of user: UserKey, _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        try sessions(of: [user], query)
    }

    func sessions(of users: [UserKey], _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        try list(users.map { IndexKey.rows(of: $0) }, filtered: true, query) { head, body in
            for user in users { head.forEachSession(of: user, body) }
        }
    }

    func sessions(ofTenant tenant: TenantOrdinal, _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        try list([IndexKey.rows(of: tenant)], filtered: false, query) { head, body in
            for session in head.sessions where session.key.tenant == tenant { body(session) }
        }
    }

    private struct Candidate {
        var key: SessionKey
        var value: Int64
        var updatedAt: Int64
        var retentionClass: UInt8
    }

    private func list(
        _ prefixes: [[UInt8]], filtered: Bool, _ query: SessionQuery,
        _ headSessions: (Head, (Head.HeadSession) -> Void) -> Void
    ) throws(LogStoreError) -> SessionPage {
        guard query.limit > 0 else { return SessionPage(sessions: [], next: nil) }
        let (deltas, version, anyDead) = state.lock.withLock { s in
            var deltas: [SessionKey: SessionDelta] = [:]
            if let frozen = s.frozen { headSessions(frozen) { deltas[$0.key] = $0.delta } }
            headSessions(s.active) { deltas[$0.key, default: SessionDelta()].merge($0.delta) }
            return (deltas, s.version, s.active.counters.deadOwners > 0)
        }
        var candidates: [Candidate] = []
        let consider = { (key: SessionKey, summary: SessionRow.Summary) in
            guard summary.tags & query.tagMask == query.tagValue else { return }
            if let from = query.createdFrom, summary.createdAt < from.microseconds { return }
            if let to = query.createdTo, summary.createdAt > to.microseconds { return }
            let value = query.sort == .createdAt ? summary.createdAt : summary.updatedAt
            if let cursor = query.cursor {
                let place = (value, key.session)
                let mark = (cursor.value.microseconds, cursor.session)
                guard query.ascending ? place > mark : place < mark else { return }
            }
            candidates.append(
                Candidate(
                    key: key, value: value, updatedAt: summary.updatedAt, retentionClass: summary.retentionClass))
        }
        var inTables: Set<SessionKey> = []
        for prefix in prefixes {
            let rows = try tableRows(prefix, filtered: filtered, version)
            let tenant = TenantOrdinal(UInt32(truncatingIfNeeded: IndexKey.bigEndian(prefix, 1, 4)))
            for row in rows.rows {
                let key = SessionKey(tenant: tenant, user: row.user, session: row.session)
                var summary = row.summary
                if !deltas.isEmpty, let delta = deltas[key] {
                    inTables.insert(key)
                    if delta.isDeleted { continue }
                    summary.updatedAt = delta.updatedAt ?? summary.updatedAt
                    summary.tags = delta.tags ?? summary.tags
                }
                consider(key, summary)
            }
        }
        for (key, delta) in deltas where !inTables.contains(key) {
            guard let c = delta.creation, !delta.isDeleted else { continue }
            consider(
                key,
                .init(
                    createdAt: c.createdAt, updatedAt: delta.updatedAt ?? c.createdAt, tags: delta.tags ?? 0,
                    retentionClass: c.retentionClass))
        }
        guard let offset = query.offset else {
            return try page(&candidates, query, deltas, version, anyDead: anyDead)
        }
        try removeGone(&candidates, anyDead: anyDead)
        let total = candidates.count
        let start = min(total, max(0, offset))
        Self.sort(&candidates, ascending: query.ascending, needed: start + min(query.limit, total - start))
        candidates = Array(candidates[start...].prefix(query.limit))
        var found = try page(&candidates, query, deltas, version, anyDead: anyDead)
        found.total = total
        return found
    }

    /// Takes out what was deleted with its owner or has expired.
    private func removeGone(_ candidates: inout [Candidate], anyDead: Bool) throws(LogStoreError) {
        let expires = !state.retention.policy.isEmpty
        guard anyDead || expires else { return }
        var deadOwners: [UserKey: Bool] = [:]
        // Nearly all sessions of a list are of one class.
        var known: (kind: UInt8, cutoff: Int64)?
        var kept = 0
        for candidate in candidates {
            if anyDead {
                let owner = candidate.key.owner
                let isDead = if let known = deadOwners[owner] { known } else { try ownerIsDead(candidate.key) }
                deadOwners[owner] = isDead
                if isDead { continue }
            }
            if expires {
                let kind = candidate.retentionClass
                let cutoff =
                    known.flatMap { $0.kind == kind ? $0.cutoff : nil }
                    ?? state.retention.cutoff(kind, candidate.key.tenant) ?? .min
                known = (kind, cutoff)
                if candidate.updatedAt < cutoff, try !isHeld(candidate.key) { continue }
            }
            candidates[kept] = candidate
            kept += 1
        }
        candidates.removeLast(candidates.count - kept)
    }

    /// The live rows under a prefix, as the tables of a version have them.
    private func tableRows(
        _ prefix: [UInt8], filtered: Bool, _ version: Version
    ) throws(LogStoreError) -> OwnerRows {
        if let known = state.lists.lookup(prefix, version) { return known }
        var rows: [OwnerRows.Row] = []
        let runs = try version.runs(withPrefix: prefix, filtered: filtered, policy)
        var cursor = try MergeCursor(runs, prefix: prefix, policy)
        while cursor.isValid {
            try unsafe cursor.withRecord { (key, value) throws(LogStoreError) in
                guard key.count == 15 else {
                    throw .corrupt(file: "index", offset: 0, detail: "a row's key of \(key.count) bytes")
                }
                let summary = try Self.decoding("row", prefix) { () throws(ByteReader.Malformed) in
                    let span = unsafe RawSpan(_unsafeBytes: value)
                    return try SessionRow.decodeSummary(span)
                }
                if let summary {
                    rows.append(
                        OwnerRows.Row(
                            user: unsafe key.bigEndian(at: 5, width: 5),
                            session: unsafe key.bigEndian(at: 10, width: 5), summary: summary))
                }
            }
            try cursor.next()
        }
        let found = OwnerRows(rows, manifest: version.manifest.number)
        state.lists.insert(prefix, found)
        return found
    }

    private func page(
        _ candidates: inout [Candidate], _ query: SessionQuery, _ deltas: [SessionKey: SessionDelta],
        _ version: Version, anyDead: Bool
    ) throws(LogStoreError) -> SessionPage {
        Self.sort(&candidates, ascending: query.ascending, needed: query.limit + 1)
        var sessions: [SessionInfo] = []
        var values: [Int64] = []
        var i = 0
        while i < candidates.count {
            // Few of those at the front were not there after all: the rest is needed too.
            if i == query.limit + 1 { Self.sort(&candidates, ascending: query.ascending, needed: .max) }
            let candidate = candidates[i]
            i += 1
            if anyDead, try ownerIsDead(candidate.key) { continue }
            if sessions.count == query.limit {
                let last = sessions[sessions.count - 1]
                let place = SessionCursor(
                    value: Timestamp(microseconds: values[values.count - 1]), session: last.key.session)
                return SessionPage(sessions: sessions, next: place)
            }
            guard let row = try row(candidate.key, deltas[candidate.key], version) else { continue }
            sessions.append(try info(candidate.key, row))
            values.append(candidate.value)
        }
        return SessionPage(sessions: sessions, next: nil)
    }

    /// Sorts, at least so far that the first `needed` are in their places.
    private static func sort(_ candidates: inout [Candidate], ascending: Bool, needed: Int) {
        func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
            let order = (a.value, a.key.session) < (b.value, b.key.session)
            return ascending ? order : (b.value, b.key.session) < (a.value, a.key.session)
        }
        guard needed < candidates.count / 8 else { return candidates.sort(by: precedes) }
        // The best so far, sorted; most candidates are behind the last of them at once.
        var best = Array(candidates[..<needed])
        best.sort(by: precedes)
        var rest: [Candidate] = []
        rest.reserveCapacity(candidates.count - needed)
        for candidate in candidates[needed...] {
            guard precedes(candidate, best[needed - 1]) else {
                rest.append(candidate)
                continue
            }
            var low = 0
            var high = needed
            while low < high {
                let middle = (low + high) / 2
                if precedes(best[middle], candidate) { low = middle + 1 } else { high = middle }
            }
            best.insert(candidate, at: low)
            rest.append(best.removeLast())
        }
        candidates = best + rest
    }
}
