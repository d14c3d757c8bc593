package import LogStore

// Pages by offset, with totals. A page of sessions costs a pass over the 40 bytes that the list cache keeps of each
// session in question; no document is read but those of the page. A page of messages costs O(page) at any offset and
// between any times: sequence numbers have no gaps but for deletions, which are counted from the session's amendments,
// and times rise with them, so they are searched by halving.

/// Which sessions to list, the one changed last first.
package struct SessionPageQuery: Sendable {
    /// nil = all that the access value reaches.
    package var owner: String?
    package var limit: Int
    package var offset: Int

    package init(owner: String? = nil, limit: Int, offset: Int = 0) {
        self.owner = owner
        self.limit = limit
        self.offset = offset
    }
}

package struct CountedSessions: Sendable {
    package var sessions: [Session]
    /// Of the query without limit and offset.
    package var total: Int
}

/// Which messages of a session to read.
package struct MessagePageQuery: Sendable {
    /// Bounds on the time of creation, both exclusive.
    package var after: Timestamp?
    package var before: Timestamp?
    package var limit: Int
    package var offset: Int
    package var order: EntryQuery.Order

    package init(
        after: Timestamp? = nil, before: Timestamp? = nil, limit: Int, offset: Int = 0,
        order: EntryQuery.Order = .descending
    ) {
        self.after = after
        self.before = before
        self.limit = limit
        self.offset = offset
        self.order = order
    }
}

package struct CountedMessages: Sendable {
    package var messages: [StoredMessage]
    /// Between the query's times, wherever the page is.
    package var total: Int
}

extension ChatEngine {
    // MARK: Sessions

    /// A page of the sessions that the access value reaches. Unknown users and tenants have none.
    /// - Throws: `forbidden` if the owner is out of reach.
    package func page(_ query: SessionPageQuery, _ access: Access) throws(ChatError) -> CountedSessions {
        try page(query, access, .blocking)
    }

    /// A page of the sessions that the access value reaches.
    package func page(
        _ query: SessionPageQuery, _ access: Access, completion: @escaping Completion<CountedSessions>
    ) {
        read(completion) { [self] policy throws(ChatError) in try page(query, access, policy) }
    }

    private func page(
        _ query: SessionPageQuery, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> CountedSessions {
        if let owner = query.owner, !access.reaches(owner: owner) { throw .forbidden }
        var storeQuery = SessionQuery(limit: query.limit, offset: query.offset)
        storeQuery.tagMask = SessionFlags.deletedBit
        var names: [UserKey: String] = [:]
        let found: SessionPage
        do throws(LogStoreError) {
            guard let tenant = try store.tenant(named: access.tenant.name, policy: policy) else {
                return CountedSessions(sessions: [], total: 0)
            }
            if let owners = Self.owners(query, access) {
                for owner in owners {
                    if let user = try store.user(named: owner, in: tenant, policy: policy) { names[user] = owner }
                }
                found = try store.sessions(of: Array(names.keys), storeQuery, policy: policy)
            } else {
                found = try store.sessions(ofTenant: tenant, storeQuery, policy: policy)
            }
        } catch {
            throw ChatError(error)
        }
        var sessions: [Session] = []
        sessions.reserveCapacity(found.sessions.count)
        for info in found.sessions {
            do throws(ChatError) {
                sessions.append(try load(info, owner: names[info.key.owner], policy))
            } catch .sessionNotFound {
                // Deleted since the page was read.
            }
        }
        return CountedSessions(sessions: sessions, total: found.total ?? sessions.count)
    }

    /// nil: everybody of the tenant.
    private static func owners(_ query: SessionPageQuery, _ access: Access) -> [String]? {
        if let owner = query.owner { return [owner] }
        switch access.reach {
        case .tenant: return nil
        case .user(let name): return [name]
        case .users(let names): return Array(names)
        }
    }

    // MARK: Messages

    /// A page of a session's messages.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func page(
        of id: String, _ query: MessagePageQuery, _ access: Access
    ) throws(ChatError) -> CountedMessages {
        try page(of: id, query, access, .blocking)
    }

    /// A page of a session's messages.
    package func page(
        of id: String, _ query: MessagePageQuery, _ access: Access, completion: @escaping Completion<CountedMessages>
    ) {
        read(completion) { [self] policy throws(ChatError) in try page(of: id, query, access, policy) }
    }

    private func page(
        of id: String, _ query: MessagePageQuery, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> CountedMessages {
        let info = try resolve(id, access, policy)
        let walker = MessageWalker(engine: self, info: info, policy: policy)
        var (low, high) = (SequenceNumber(0), info.lastSequence == .max ? .max : info.lastSequence + 1)
        // Times are whole microseconds: behind `after` is at the next one or later.
        if let after = query.after { low = try walker.first(at: after.microseconds &+ 1) - 1 }
        if let before = query.before { high = try walker.first(at: before.microseconds) }
        guard low + 1 < high else { return CountedMessages(messages: [], total: 0) }
        let isWhole = query.after == nil && query.before == nil
        let total = isWhole ? Int(info.entryCount) : try walker.count(after: low, before: high)
        guard query.offset < total, query.limit > 0 else { return CountedMessages(messages: [], total: total) }
        switch query.order {
        case .descending: high = try walker.skip(query.offset, before: high)
        case .ascending: low = try walker.skip(query.offset, after: low)
        }
        let range = EntryQuery(after: low, before: high, limit: query.limit, order: query.order)
        return CountedMessages(messages: try entries(of: info.key, range, policy), total: total)
    }
}

/// Finds places among a session's messages.
private struct MessageWalker {
    let engine: ChatEngine
    let info: SessionInfo
    let policy: ReadPolicy

    /// The least sequence number of a message of that time or later; behind the last if there is none.
    func first(at microseconds: Int64) throws(ChatError) -> SequenceNumber {
        var low: SequenceNumber = 1
        var high = info.lastSequence == .max ? .max : info.lastSequence + 1
        while low < high {
            let middle = low + (high - low) / 2
            let probe = try engine.entries(
                of: info.key, EntryQuery(after: middle - 1, before: high, limit: 1), policy
            ).first
            if let probe, probe.createdAt.microseconds < microseconds {
                low = probe.sequence + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Messages between two sequence numbers, both exclusive.
    func count(after: SequenceNumber, before: SequenceNumber) throws(ChatError) -> Int {
        do throws(LogStoreError) {
            return Int(try engine.store.entryCount(of: info.key, after: after, before: before, policy: policy))
        } catch {
            throw ChatError(error)
        }
    }

    /// The sequence number before which a page begins that leaves out so many of the newest. There are that many.
    func skip(_ count: Int, before high: SequenceNumber) throws(ChatError) -> SequenceNumber {
        var (place, rest) = (high, SequenceNumber(count))
        while rest > 0, place > rest {
            let next = place - rest
            rest -= SequenceNumber(try self.count(after: next - 1, before: place))
            place = next
        }
        return place
    }

    /// The sequence number behind which a page begins that leaves out so many of the oldest. There are that many.
    func skip(_ count: Int, after low: SequenceNumber) throws(ChatError) -> SequenceNumber {
        // What has expired at the front is passed over at once.
        guard count > 0, let first = try engine.entries(of: info.key, EntryQuery(after: low, limit: 1), policy).first
        else { return low }
        var (place, rest) = (first.sequence - 1, SequenceNumber(count))
        while rest > 0, place < .max - rest {
            let next = place + rest
            rest -= SequenceNumber(try self.count(after: place, before: next + 1))
            place = next
        }
        return place
    }
}
