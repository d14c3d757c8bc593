package import LogStore

/// A session to be made.
package struct SessionDraft: Sendable {
    /// How its id is formed, unless `id` names one.
    package var ids: IdentifierFormat
    package var id: String?
    package var owner: String
    package var state: SessionState
    package var flags: SessionFlags

    package init(
        ids: IdentifierFormat, id: String? = nil, owner: String, state: SessionState = SessionState(),
        flags: SessionFlags = SessionFlags()
    ) {
        self.ids = ids
        self.id = id
        self.owner = owner
        self.state = state
        self.flags = flags
    }
}

/// A session with the newest of its messages.
package struct SessionSummary: Sendable {
    package var session: Session
    /// Newest first; at most as many as the query asked for.
    package var recentMessages: [StoredMessage]
    /// nil if it has none, or if the query did not ask.
    package var lastMessage: StoredMessage? { recentMessages.first }

    package init(session: Session, recentMessages: [StoredMessage] = []) {
        self.session = session
        self.recentMessages = recentMessages
    }
}

/// Which sessions to list. The store's query with an owner; soft-deleted sessions are never listed.
package struct SessionListQuery: Sendable {
    /// nil = all users of the tenant, for an access value that reaches them.
    package var owner: String?
    package var query: SessionQuery
    /// How many of its newest messages come with each session.
    package var recentMessages: Int

    package init(owner: String?, query: SessionQuery, recentMessages: Int = 0) {
        self.owner = owner
        self.query = query
        self.recentMessages = recentMessages
    }
}

package struct SessionList: Sendable {
    package var sessions: [SessionSummary]
    /// Where the next page begins; nil if nothing is left.
    package var next: SessionCursor?
}

extension ChatEngine {
    // MARK: Create

    /// Makes a session.
    /// - Throws: `forbidden` if the owner is out of reach, `sessionExists` if the draft names an id that is taken.
    package func createSession(_ draft: SessionDraft, _ access: Access) throws(ChatError) -> Session {
        try commit(
            prepare: { policy throws(ChatError) in try prepareCreate(draft, access, policy) },
            finish: { Self.created(draft, $1, $0) })
    }

    /// Makes a session.
    package func createSession(
        _ draft: SessionDraft, _ access: Access, completion: @escaping Completion<Session>
    ) {
        commit(
            completion,
            prepare: { [self] policy throws(ChatError) in try prepareCreate(draft, access, policy) },
            finish: { Self.created(draft, $1, $0) })
    }

    private func prepareCreate(
        _ draft: SessionDraft, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> (Batch, String) {
        guard access.reaches(owner: draft.owner) else { throw .forbidden }
        let id = draft.id ?? draft.ids.sessionID(at: clock.now(), random: random)
        var batch = Batch(durability: durability)
        _ = batch.createSession(
            id: id, tenant: access.tenant.name, user: draft.owner, state: draft.state.encoded, tags: draft.flags.tags,
            retentionClass: access.tenant.retentionClass.rawValue)
        try announce(.threadCreated, of: id, owner: draft.owner, in: &batch, access, policy)
        return (batch, id)
    }

    private static func created(_ draft: SessionDraft, _ id: String, _ receipt: CommitReceipt) -> Session {
        Session(
            created: receipt.sessions[0], id: id, owner: draft.owner, flags: draft.flags, state: draft.state,
            at: receipt.time, version: receipt.lsn)
    }

    // MARK: Read

    /// One session.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func session(
        _ id: String, _ access: Access, includesLastMessage: Bool = false
    ) throws(ChatError) -> SessionSummary {
        try summary(id, access, includesLastMessage, .blocking)
    }

    /// One session.
    package func session(
        _ id: String, _ access: Access, includesLastMessage: Bool = false,
        completion: @escaping Completion<SessionSummary>
    ) {
        read(completion) { [self] policy throws(ChatError) in
            try summary(id, access, includesLastMessage, policy)
        }
    }

    private func summary(
        _ id: String, _ access: Access, _ includesLast: Bool, _ policy: ReadPolicy
    ) throws(ChatError) -> SessionSummary {
        let info = try resolve(id, access, policy)
        let session = try load(info, owner: nil, policy)
        return SessionSummary(
            session: session, recentMessages: includesLast ? try entries(of: info.key, .last(1), policy) : [])
    }

    /// A page of sessions in the query's order. Unknown users and tenants have none.
    /// - Throws: `forbidden` if the owner is out of reach.
    /// - Complexity: O(page), one state document and, if asked for, one read of messages a session.
    package func sessions(_ query: SessionListQuery, _ access: Access) throws(ChatError) -> SessionList {
        try list(query, access, .blocking)
    }

    /// A page of sessions in the query's order.
    package func sessions(
        _ query: SessionListQuery, _ access: Access, completion: @escaping Completion<SessionList>
    ) {
        read(completion) { [self] policy throws(ChatError) in try list(query, access, policy) }
    }

    /// The same page as it is stored, with the newest message of each session: for replies that are written from the bytes.
    package func encodedSessions(
        _ query: SessionListQuery, _ access: Access, completion: @escaping Completion<ListedPage>
    ) {
        read(completion) { [self] policy throws(ChatError) in
            try storePage(query, access, [.state, .newestEntry], policy)
        }
    }

    private func list(
        _ query: SessionListQuery, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> SessionList {
        let page = try storePage(
            query, access, query.recentMessages == 1 ? [.state, .newestEntry] : .state, policy)
        var list = SessionList(sessions: [], next: page.next)
        list.sessions.reserveCapacity(page.sessions.count)
        var owners: [UserKey: String] = [:]
        for listed in page.sessions {
            let info = listed.info
            var owner = query.owner ?? owners[info.key.owner]
            do throws(LogStoreError) {
                if owner == nil { owner = try store.userName(info.key.owner, policy: policy) }
            } catch {
                throw ChatError(error)
            }
            // A user who was deleted since the page was read has no sessions any more.
            guard let owner else { continue }
            if query.owner == nil { owners[info.key.owner] = owner }
            let state: SessionState
            do throws(LogStoreError) {
                state = try Self.decodeState(listed.state)
            } catch {
                throw ChatError(error)
            }
            var recent: [StoredMessage] = []
            if query.recentMessages > 1 {
                recent = try entries(of: info.key, .last(query.recentMessages), policy)
            } else if let newest = listed.newest {
                recent = [try Self.stored(newest)]
            }
            list.sessions.append(
                SessionSummary(session: Session(info, owner: owner, state: state), recentMessages: recent))
        }
        return list
    }

    /// A page of the store's, after the checks of access; empty for users and tenants that are not known.
    private func storePage(
        _ query: SessionListQuery, _ access: Access, _ parts: ListedParts, _ policy: ReadPolicy
    ) throws(ChatError) -> ListedPage {
        if let owner = query.owner {
            guard access.reaches(owner: owner) else { throw .forbidden }
        } else {
            guard case .tenant = access.reach else { throw .forbidden }
        }
        var storeQuery = query.query
        storeQuery.tagMask |= SessionFlags.deletedBit
        storeQuery.tagValue &= ~SessionFlags.deletedBit
        do throws(LogStoreError) {
            guard storeQuery.limit > 0, let tenant = try store.tenant(named: access.tenant.name, policy: policy) else {
                return ListedPage()
            }
            guard let owner = query.owner else {
                return try store.list(ofTenant: tenant, storeQuery, parts, policy: policy)
            }
            guard let user = try store.user(named: owner, in: tenant, policy: policy) else { return ListedPage() }
            return try store.list(of: user, storeQuery, parts, policy: policy)
        } catch {
            throw ChatError(error)
        }
    }

    // MARK: Change

    /// Changes a session's state and flags: reads them, lets `change` work on them and commits, again if somebody else
    /// was faster.
    /// - Parameter touches: whether the change counts as activity (`updatedAt`).
    /// - Throws: `sessionNotFound`, `forbidden`, what `change` throws.
    package func updateSession(
        _ id: String, _ access: Access, touches: Bool = true,
        change: (inout SessionState, inout SessionFlags) throws(ChatError) -> Void
    ) throws(ChatError) -> Session {
        while true {
            let info = try resolve(id, access, .blocking)
            var session = try load(info, owner: nil, .blocking)
            try change(&session.state, &session.flags)
            var batch = Batch(durability: durability)
            batch.require(.stateVersion(info.key, session.version))
            batch.update(
                .existing(info.key), state: session.state.encoded, tags: session.flags.tags, touch: touches)
            try announce(.threadUpdated, of: id, owner: session.owner, in: &batch, access, .blocking)
            do throws(LogStoreError) {
                let receipt = try store.commit(batch)
                session.version = receipt.lsn
                if touches { session.updatedAt = receipt.time }
                return session
            } catch .conflict {
                continue
            } catch {
                throw ChatError(error)
            }
        }
    }

    /// Changes a session's state and flags, on a reader thread.
    package func updateSession(
        _ id: String, _ access: Access, touches: Bool = true,
        change: @escaping @Sendable (inout SessionState, inout SessionFlags) throws(ChatError) -> Void,
        completion: @escaping Completion<Session>
    ) {
        blocking(completion) { [self] () throws(ChatError) in
            try updateSession(id, access, touches: touches, change: change)
        }
    }

    // MARK: Delete

    /// The session and its messages disappear at once.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func deleteSession(_ id: String, _ access: Access) throws(ChatError) {
        try commit(
            prepare: { policy throws(ChatError) in try prepareDelete(id, access, policy) }, finish: { _, _ in })
    }

    /// The session and its messages disappear at once.
    package func deleteSession(_ id: String, _ access: Access, completion: @escaping Completion<Void>) {
        commit(
            completion,
            prepare: { [self] policy throws(ChatError) in try prepareDelete(id, access, policy) }, finish: { _, _ in })
    }

    private func prepareDelete(
        _ id: String, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> (Batch, Bool) {
        let info = try resolve(id, access, policy)
        var batch = Batch(durability: durability)
        batch.deleteSession(info.key)
        try announce(.threadDeleted, of: id, key: info.key, in: &batch, access, policy)
        return (batch, true)
    }

    /// All sessions of a user disappear at once.
    /// - Throws: `userNotFound`, `forbidden`.
    package func deleteUser(_ name: String, _ access: Access) throws(ChatError) {
        try commit(
            prepare: { policy throws(ChatError) in try prepareDeleteUser(name, access, policy) }, finish: { _, _ in })
    }

    /// All sessions of a user disappear at once.
    package func deleteUser(_ name: String, _ access: Access, completion: @escaping Completion<Void>) {
        commit(
            completion,
            prepare: { [self] policy throws(ChatError) in try prepareDeleteUser(name, access, policy) },
            finish: { _, _ in })
    }

    private func prepareDeleteUser(
        _ name: String, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> (Batch, Bool) {
        guard access.reaches(owner: name) else { throw .forbidden }
        do throws(LogStoreError) {
            guard let tenant = try store.tenant(named: access.tenant.name, policy: policy),
                let user = try store.user(named: name, in: tenant, policy: policy)
            else { throw LogStoreError.sessionNotFound }
            var batch = Batch(durability: durability)
            batch.deleteUser(user)
            return (batch, true)
        } catch .sessionNotFound {
            throw .userNotFound
        } catch {
            throw ChatError(error)
        }
    }

    /// Runs `body` on a reader thread.
    package func blocking<Value: Sendable>(
        _ completion: @escaping Completion<Value>, _ body: @escaping @Sendable () throws(ChatError) -> Value
    ) {
        let accepted = readers.submit {
            do throws(ChatError) {
                completion(.success(try body()))
            } catch {
                completion(.failure(error))
            }
        }
        if !accepted { completion(.failure(.overloaded(retryAfterSeconds: 1))) }
    }
}
