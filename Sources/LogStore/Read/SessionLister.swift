internal import Synchronization

// Listing sessions of a user or a tenant.
//
// 1. Under the state lock, once: what the heads say of the owner's sessions, and the version. Both heads are folded into
//    one row a session, ascending, as the tables' rows are.
// 2. Rows are clustered by tenant and user and sorted by creation, so a list is one range of the index runs with the
//    heads' changes laid over: two ascending sequences, walked together. There is no second index to keep consistent.
//    Only the fixed part of each row is decoded, and kept for the next list (`ListCache`).
// 3. What the query wants is sorted as far as the page needs it.
// 4. The page's sessions are read whole (`ListedSessionReader`): rows, and if asked for state documents and the newest
//    entries, of the moment of step 1.
//
// A list of several users is that of all their ranges. A list with an offset counts too, so there what is deleted with its
// owner or expired is taken out before.

/// A session of a list, with what its line shows.
package struct ListedSession: Sendable {
    package var info: SessionInfo
    /// The state document; empty unless it was asked for.
    package var state: [UInt8] = []
    /// The newest entry, if it was asked for and there is one.
    package var newest: Entry?
}

/// A page of sessions.
package struct ListedPage: Sendable {
    package var sessions: [ListedSession] = []
    /// Where the next page begins; nil if nothing is left.
    package var next: SessionCursor?
    /// Sessions that fit the query wherever the page is; nil unless it has an offset.
    package var total: Int?

    package init() {}
}

/// What is read of each session of a page.
package struct ListedParts: OptionSet, Sendable {
    package var rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let state = ListedParts(rawValue: 1)
    package static let newestEntry = ListedParts(rawValue: 2)
}

extension Lookup {
    func sessions(of user: UserKey, _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        try sessions(of: [user], query)
    }

    func sessions(of users: [UserKey], _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        SessionPage(try list(of: users, query, []))
    }

    func sessions(ofTenant tenant: TenantOrdinal, _ query: SessionQuery) throws(LogStoreError) -> SessionPage {
        SessionPage(try list(ofTenant: tenant, query, []))
    }

    func list(
        of users: [UserKey], _ query: SessionQuery, _ parts: ListedParts
    ) throws(LogStoreError) -> ListedPage {
        try list(users.map { IndexKey.rows(of: $0) }, filtered: true, query, parts) { head in
            users.count == 1 ? head.slots(of: users[0]) : users.flatMap { head.slots(of: $0) }
        }
    }

    func list(
        ofTenant tenant: TenantOrdinal, _ query: SessionQuery, _ parts: ListedParts
    ) throws(LogStoreError) -> ListedPage {
        try list([IndexKey.rows(of: tenant)], filtered: false, query, parts) { head in
            head.sessions.indices.filter { head.sessions[$0].key.tenant == tenant }
        }
    }

    private func list(
        _ prefixes: [[UInt8]], filtered: Bool, _ query: SessionQuery, _ parts: ListedParts,
        _ slots: (Head) -> [Int]
    ) throws(LogStoreError) -> ListedPage {
        guard query.limit > 0 else { return ListedPage() }
        let (changed, version, anyDead) = state.lock.withLock { s in
            var changed: [HeadRow] = []
            if let frozen = s.frozen { HeadRow.append(frozen, slots(frozen), parts, to: &changed) }
            HeadRow.append(s.active, slots(s.active), parts, to: &changed)
            return (changed, s.version, s.active.counters.deadOwners > 0)
        }
        var list = SessionList(
            lookup: self, query: query, parts: parts, heads: HeadRow.folded(changed), version: version,
            owners: OwnerCheck(lookup: self, anyDead: anyDead))
        for prefix in prefixes { try list.collect(prefix, try tableRows(prefix, filtered: filtered, version)) }
        list.collectCreated()
        return try list.page(prefixes, filtered: filtered)
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
}

extension SessionPage {
    init(_ page: ListedPage) { self.init(sessions: page.sessions.map(\.info), next: page.next, total: page.total) }
}

/// Whose owners were deleted; each is looked up once a list.
struct OwnerCheck {
    let lookup: Lookup
    /// Owners were ever deleted.
    let anyDead: Bool
    private var known: [UserKey: Bool] = [:]

    init(lookup: Lookup, anyDead: Bool) {
        self.lookup = lookup
        self.anyDead = anyDead
    }

    mutating func isDead(_ key: SessionKey) throws(LogStoreError) -> Bool {
        guard anyDead else { return false }
        if let known = known[key.owner] { return known }
        let isDead = try lookup.ownerIsDead(key)
        known[key.owner] = isDead
        return isDead
    }
}

/// A list on its way: what fits the query, then the page.
private struct SessionList {
    private struct Candidate {
        var key: SessionKey
        var value: Int64
        var updatedAt: Int64
        var retentionClass: UInt8
        /// Its place in `heads`; -1: it is in the tables only.
        var head: Int
    }

    let lookup: Lookup
    let query: SessionQuery
    let parts: ListedParts
    /// Ascending by key.
    let heads: [HeadRow]
    let version: Version
    var owners: OwnerCheck
    private var candidates: [Candidate] = []
    /// Which of `heads` the tables have a row of.
    private var inTables: [Bool]

    init(
        lookup: Lookup, query: SessionQuery, parts: ListedParts, heads: [HeadRow], version: Version, owners: OwnerCheck
    ) {
        self.lookup = lookup
        self.query = query
        self.parts = parts
        self.heads = heads
        self.version = version
        self.owners = owners
        inTables = [Bool](repeating: false, count: heads.count)
    }

    // MARK: Candidates

    /// Takes the rows of a prefix, with the heads' changes.
    mutating func collect(_ prefix: [UInt8], _ rows: OwnerRows) throws(LogStoreError) {
        guard let first = rows.rows.first else { return }
        let tenant = TenantOrdinal(UInt32(truncatingIfNeeded: IndexKey.bigEndian(prefix, 1, 4)))
        candidates.reserveCapacity(candidates.count + rows.rows.count)
        var head = lowerBound(SessionKey(tenant: tenant, user: first.user, session: first.session))
        for row in rows.rows {
            let key = SessionKey(tenant: tenant, user: row.user, session: row.session)
            while head < heads.count, heads[head].key < key { head += 1 }
            guard head < heads.count, heads[head].key == key else {
                consider(key, row.summary, head: -1)
                continue
            }
            inTables[head] = true
            if heads[head].delta.isDeleted { continue }
            var summary = row.summary
            summary.updatedAt = heads[head].delta.updatedAt ?? summary.updatedAt
            summary.tags = heads[head].delta.tags ?? summary.tags
            consider(key, summary, head: head)
        }
    }

    /// Takes what the tables do not have. Call last.
    mutating func collectCreated() {
        for head in heads.indices where !inTables[head] && !heads[head].delta.isDeleted {
            guard let creation = heads[head].delta.creation else { continue }
            let delta = heads[head].delta
            consider(
                heads[head].key,
                .init(
                    createdAt: creation.createdAt, updatedAt: delta.updatedAt ?? creation.createdAt,
                    tags: delta.tags ?? 0, retentionClass: creation.retentionClass),
                head: head)
        }
    }

    private mutating func consider(_ key: SessionKey, _ summary: SessionRow.Summary, head: Int) {
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
                key: key, value: value, updatedAt: summary.updatedAt, retentionClass: summary.retentionClass,
                head: head))
    }

    private func lowerBound(_ key: SessionKey) -> Int {
        var low = 0
        var high = heads.count
        while low < high {
            let middle = (low + high) / 2
            if heads[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Page

    mutating func page(_ prefixes: [[UInt8]], filtered: Bool) throws(LogStoreError) -> ListedPage {
        var page = ListedPage()
        if let offset = query.offset {
            try removeGone()
            page.total = candidates.count
            let start = min(candidates.count, max(0, offset))
            sort(needed: start + min(query.limit, candidates.count - start))
            candidates = Array(candidates[start...].prefix(query.limit))
        }
        var runs: [TableReader] = []
        for run in version.index {
            for prefix in prefixes where try run.mayHold(prefix, filtered: filtered, lookup.policy) {
                runs.append(run)
                break
            }
        }
        let reader = ListedSessionReader(lookup: lookup, version: version, runs: runs, heads: heads, parts: parts)
        var sorted = min(candidates.count, query.limit == .max ? .max : query.limit + 1)
        sort(needed: sorted)
        var last: Candidate?
        var i = 0
        while i < candidates.count {
            // Few of those at the front were not there after all: the rest is needed too.
            if i == sorted {
                sorted = candidates.count
                sort(needed: sorted)
            }
            if page.sessions.count == query.limit, let last {
                if try owners.isDead(candidates[i].key) {
                    i += 1
                    continue
                }
                page.next = SessionCursor(value: Timestamp(microseconds: last.value), session: last.key.session)
                break
            }
            let end = i + min(query.limit - page.sessions.count, sorted - i)
            var wanted: [(key: SessionKey, head: Int)] = []
            wanted.reserveCapacity(end - i)
            var places: [Int] = []
            places.reserveCapacity(end - i)
            while i < end {
                if try !owners.isDead(candidates[i].key) {
                    wanted.append((candidates[i].key, candidates[i].head))
                    places.append(i)
                }
                i += 1
            }
            var found = try reader.read(wanted)
            page.sessions.reserveCapacity(page.sessions.count + found.count)
            for place in found.indices {
                guard let session = found[place].take() else { continue }
                page.sessions.append(session)
                last = candidates[places[place]]
            }
        }
        return page
    }

    /// Takes out what was deleted with its owner or has expired.
    private mutating func removeGone() throws(LogStoreError) {
        let retention = lookup.state.retention
        let expires = !retention.policy.isEmpty
        guard owners.anyDead || expires else { return }
        // Nearly all sessions of a list are of one class.
        var known: (kind: UInt8, cutoff: Int64)?
        var kept = 0
        for candidate in candidates {
            if try owners.isDead(candidate.key) { continue }
            if expires {
                let kind = candidate.retentionClass
                let cutoff =
                    known.flatMap { $0.kind == kind ? $0.cutoff : nil }
                    ?? (retention.policy.lastingSessions.contains(kind)
                        ? nil : retention.cutoff(kind, candidate.key.tenant)) ?? .min
                known = (kind, cutoff)
                if candidate.updatedAt < cutoff, try !lookup.isHeld(candidate.key) { continue }
            }
            candidates[kept] = candidate
            kept += 1
        }
        candidates.removeLast(candidates.count - kept)
    }

    /// Sorts, at least so far that the first `needed` are in their places.
    private mutating func sort(needed: Int) {
        let ascending = query.ascending
        func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
            let (first, second) = ascending ? (a, b) : (b, a)
            return first.value != second.value
                ? first.value < second.value : first.key.session < second.key.session
        }
        guard needed < candidates.count / 8 else {
            // They come in the order of creation: turned round they are nearly sorted, which the sort makes use of.
            if !ascending { candidates.reverse() }
            return candidates.sort(by: precedes)
        }
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
