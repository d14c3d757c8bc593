internal import Synchronization

// Listing sessions of a user or a tenant.
//
// Rows are clustered by tenant and user and sorted by creation, so a list is one range of the index runs with the
// heads' changes laid over. There is no second index to keep consistent. Only the fixed part of each row is decoded;
// the page's rows are decoded whole at the end.

extension Lookup {
    func sessions(of user: UserKey, _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        try list(IndexKey.rows(of: user), filtered: true, query) { head, body in
            head.forEachSession(of: user, body)
        }
    }

    func sessions(ofTenant tenant: TenantOrdinal, _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        try list(IndexKey.rows(of: tenant), filtered: false, query) { head, body in
            for session in head.sessions where session.key.tenant == tenant { body(session) }
        }
    }

    private struct Candidate {
        var key: SessionKey
        var value: Int64
    }

    private func list(
        _ prefix: [UInt8], filtered: Bool, _ query: SessionQuery,
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
            candidates.append(Candidate(key: key, value: value))
        }
        var inTables: Set<SessionKey> = []
        let runs = try version.runs(withPrefix: prefix, filtered: filtered, policy)
        var cursor = try MergeCursor(runs, prefix: prefix, policy)
        while cursor.isValid {
            let (key, summary) = try summary(&cursor)
            if var summary {
                if let delta = deltas[key] {
                    inTables.insert(key)
                    if !delta.isDeleted {
                        summary.updatedAt = delta.updatedAt ?? summary.updatedAt
                        summary.tags = delta.tags ?? summary.tags
                        consider(key, summary)
                    }
                } else {
                    consider(key, summary)
                }
            }
            try cursor.next()
        }
        for (key, delta) in deltas where !inTables.contains(key) {
            guard let c = delta.creation, !delta.isDeleted else { continue }
            consider(
                key,
                .init(createdAt: c.createdAt, updatedAt: delta.updatedAt ?? c.createdAt, tags: delta.tags ?? 0))
        }
        return try page(&candidates, query, deltas, version, anyDead: anyDead)
    }

    private func summary(
        _ cursor: inout MergeCursor
    ) throws(LogStoreError) -> (SessionKey, SessionRow.Summary?) {
        let key = cursor.key
        guard let session = IndexKey.sessionKey(from: key) else {
            throw .corrupt(file: "index", offset: 0, detail: "row key \(key)")
        }
        let summary = try unsafe cursor.withRecord { (_, value) throws(LogStoreError) in
            try Self.decoding("row", key) { () throws(ByteReader.Malformed) in
                let span = unsafe RawSpan(_unsafeBytes: value)
                return try SessionRow.decodeSummary(span)
            }
        }
        return (session, summary)
    }

    private func page(
        _ candidates: inout [Candidate], _ query: SessionQuery, _ deltas: [SessionKey: SessionDelta],
        _ version: Version, anyDead: Bool
    ) throws(LogStoreError) -> SessionPage {
        if query.ascending {
            candidates.sort { ($0.value, $0.key.session) < ($1.value, $1.key.session) }
        } else {
            candidates.sort { ($0.value, $0.key.session) > ($1.value, $1.key.session) }
        }
        var sessions: [SessionInfo] = []
        var values: [Int64] = []
        for candidate in candidates {
            if anyDead, try ownerIsDead(candidate.key) { continue }
            if sessions.count == query.limit {
                let last = sessions[sessions.count - 1]
                let place = SessionCursor(
                    value: Timestamp(microseconds: values[values.count - 1]), session: last.key.session)
                return SessionPage(sessions: sessions, next: place)
            }
            guard let row = try row(candidate.key, deltas[candidate.key], version) else { continue }
            sessions.append(row.info(candidate.key))
            values.append(candidate.value)
        }
        return SessionPage(sessions: sessions, next: nil)
    }
}
