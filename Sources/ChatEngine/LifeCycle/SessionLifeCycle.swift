package import LogStore
internal import Synchronization

/// Sessions that end: by a call, because their owner has too many, or because nothing has happened in them for a time.
///
/// A session is live while it is active and its last activity (`Session.updatedAt`) is less than `idleMicroseconds` ago.
/// What finds the others is an index by time, documents `expiry/<time><session id>` of the session's tenant:
///
/// 1. Making or resuming a session puts its entry there, at the time it would expire if nothing more happened
///    (`SessionState.expiresAt` says which). Messages do not touch it, so activity costs nothing.
/// 2. A sweep reads the entries whose time has come, oldest first. A session that has been active since then gets a
///    later entry, one that has not ends as expired. So a sweep costs what is due, however many sessions there are.
/// 3. Ending a session removes its entry. Whoever finds a session that has expired ends it there and then (`expire`), so
///    its clients need not wait for the sweep.
///
/// Invariant: an active session has exactly one entry, an inactive one none; one that was imported without its entry gets
/// it with the first change, or is ended when somebody asks for it. Each step is one batch that requires what it
/// has read, so it survives crashes, and a session that was active an instant ago cannot expire.
package final class SessionLifeCycle: Sendable {
    package struct Settings: Sendable {
        /// A session without activity expires after this time; at least 1.
        package var idleMicroseconds: UInt64
        /// Live sessions that an owner may have; 0 is no limit.
        package var sessionsPerOwner: Int

        package init(idleMicroseconds: UInt64 = 3_600_000_000, sessionsPerOwner: Int = 5) {
            precondition(idleMicroseconds > 0)
            self.idleMicroseconds = idleMicroseconds
            self.sessionsPerOwner = sessionsPerOwner
        }
    }

    /// Since the start, except for `active`.
    package struct Counts: Hashable, Sendable {
        /// Sessions that have not ended; those that have expired count until they are swept.
        package var active = 0
        package var opened = 0
        package var ended = 0
        package var expired = 0
        /// Of those that ended, from making to end.
        package var endedMicroseconds: UInt64 = 0
    }

    /// Reasons for an end that are not a client's.
    package static let expired: UTF8Text = "expired"
    package static let limitExceeded: UTF8Text = "limit_exceeded"

    package let engine: ChatEngine
    package let tenant: TenantName
    package let settings: Settings
    let counts = Mutex(Counts())
    private let observer = Mutex(Observer { _ in })

    /// In a structure: a mutex of a bare closure wraps it anew at every use.
    private struct Observer: Sendable {
        let action: @Sendable (Session) -> Void
    }

    package init(engine: ChatEngine, tenant: TenantName, settings: Settings = Settings()) {
        self.engine = engine
        self.tenant = tenant
        self.settings = settings
    }

    package var currentCounts: Counts { counts.withLock { $0 } }

    /// Called for every session that has ended, whyever, when that is durable; on any thread.
    package func onEnd(_ action: @escaping @Sendable (Session) -> Void) {
        observer.withLock { $0 = Observer(action: action) }
    }

    func hasEnded(_ session: Session) {
        counts.withLock { counts in
            counts.active = max(0, counts.active - 1)
            counts.ended += 1
            if session.flags.status == .expired { counts.expired += 1 }
            let end = session.state.endedAt ?? session.updatedAt
            counts.endedMicroseconds += UInt64(max(0, end.microseconds - session.createdAt.microseconds))
        }
        observer.withLock { $0 }.action(session)
    }

    // MARK: Times

    /// When the session expires if nothing more happens.
    package func expiry(of session: Session) -> Timestamp { later(session.updatedAt) }

    package func isLive(_ session: Session) -> Bool {
        session.flags.isActive && engine.clock.now() < expiry(of: session)
    }

    func later(_ time: Timestamp) -> Timestamp {
        Timestamp(microseconds: time.microseconds &+ Int64(clamping: settings.idleMicroseconds))
    }

    // MARK: Making and ending

    /// Makes a session, then ends the oldest ones of its owner that are more than the limit.
    package func open(
        _ draft: SessionDraft, _ access: Access, completion: @escaping ChatEngine.Completion<Session>
    ) {
        engine.commit(
            { [self] (result: Result<Session, ChatError>) in
                guard case .success(let session) = result else { return completion(result) }
                counts.withLock { counts in
                    counts.active += 1
                    counts.opened += 1
                }
                // The session is there, whether or not the others could be ended; the next one's opening tries again.
                trim(session.owner, access) { _ in completion(.success(session)) }
            },
            prepare: { [self] _ throws(ChatError) in
                guard access.reaches(owner: draft.owner) else { throw ChatError.forbidden }
                var draft = draft
                let now = engine.clock.now()
                draft.id = draft.id ?? draft.ids.sessionID(at: now, random: engine.random)
                draft.state.expiresAt = later(now)
                var batch = Batch(durability: engine.durability)
                let id = draft.id ?? ""
                _ = batch.createSession(
                    id: id, tenant: tenant.name, user: draft.owner, state: draft.state.encoded, tags: draft.flags.tags,
                    retentionClass: tenant.retentionClass.rawValue)
                batch.put(ExpiryKey.key(tenant, draft.state.expiresAt ?? now, id), [])
                return (batch, draft)
            },
            finish: { receipt, draft in
                Session(
                    created: receipt.sessions[0], id: draft.id ?? "", owner: draft.owner, flags: draft.flags,
                    state: draft.state, at: receipt.time, version: receipt.lsn)
            })
    }

    /// Ends an active session.
    /// - Throws: `sessionNotFound` if there is none, or if it has ended already; `forbidden`.
    package func end(
        _ id: String, reason: UTF8Text, _ access: Access, completion: @escaping ChatEngine.Completion<Session>
    ) {
        change(
            id, access,
            { [self] session, batch throws(ChatError) in
                guard session.flags.isActive else { throw ChatError.sessionNotFound }
                end(&session, reason, &batch)
                return .quiet
            },
            completion: { [self] result in
                if case .success(let changed) = result { hasEnded(changed.session) }
                completion(result.map(\.session))
            })
    }

    /// Ends a session that was found to have expired, if it still has; in the background, as whoever found it has been
    /// answered. Nothing happens to others.
    package func expire(_ session: Session) {
        guard session.flags.isActive, !isLive(session) else { return }
        change(
            session.id, .operator(tenant: tenant),
            { [self] session, batch throws(ChatError) in
                guard session.flags.isActive, !isLive(session) else { throw ChatError.sessionNotFound }
                // A message that comes now keeps it alive.
                batch.require(.lastSequence(session.key, session.lastSequence))
                end(&session, Self.expired, &batch)
                return .quiet
            },
            completion: { [self] result in
                if case .success(let changed) = result { hasEnded(changed.session) }
            })
    }

    func end(_ session: inout Session, _ reason: UTF8Text, _ batch: inout Batch) {
        session.flags.isActive = false
        session.flags.status = reason == Self.expired ? .expired : .terminated
        session.state.endedAt = engine.clock.now()
        session.state.endedReason = reason
        if let indexed = session.state.expiresAt { batch.remove(ExpiryKey.key(tenant, indexed, session.id)) }
        session.state.expiresAt = nil
    }

    /// The owner's sessions beyond the limit, oldest first, end.
    ///
    /// Looks at the newest `window` behind the limit, and again while there may be more: overlapping creates all see one
    /// another's sessions, and those that have expired and wait for the sweep stand between live ones.
    private func trim(
        _ owner: String, _ access: Access, window: Int = SessionLifeCycle.trimmedAtOnce,
        completion: @escaping ChatEngine.Completion<Void>
    ) {
        guard settings.sessionsPerOwner > 0 else { return completion(.success(())) }
        let limit = settings.sessionsPerOwner + window
        let query = SessionListQuery(
            owner: owner,
            query: SessionQuery(
                sort: .createdAt, tagMask: SessionFlags.inactiveBit, tagValue: 0,
                limit: limit))
        engine.sessions(query, access) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let list):
                let live = list.sessions.map(\.session).filter(isLive)
                let excess = live.dropFirst(settings.sessionsPerOwner)
                endAll(excess.reversed(), access) { [self] ended in
                    guard case .success = ended, list.sessions.count == limit else { return completion(ended) }
                    trim(owner, access, window: excess.isEmpty ? window * 2 : window, completion: completion)
                }
            }
        }
    }

    private static let trimmedAtOnce = 16

    private func endAll(
        _ sessions: [Session], _ access: Access, _ completion: @escaping ChatEngine.Completion<Void>
    ) {
        guard let first = sessions.first else { return completion(.success(())) }
        end(first.id, reason: Self.limitExceeded, access) { [self] result in
            switch result {
            case .success, .failure(.sessionNotFound): endAll(Array(sessions.dropFirst()), access, completion)
            case .failure(let error): completion(.failure(error))
            }
        }
    }

    // MARK: Changing

    /// Makes a session live again under its id, whyever it had ended.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func resume(_ id: String, _ access: Access, completion: @escaping ChatEngine.Completion<Session>) {
        // `change` may try more than once; the last try counts.
        let revived = Flag()
        change(
            id, access,
            { session, _ throws(ChatError) in
                revived.isSet.store(!session.flags.isActive, ordering: .relaxed)
                if !session.flags.isActive {
                    // `change` puts it into the index again.
                    session.flags.isActive = true
                    session.flags.status = .active
                    session.state.endedAt = nil
                    session.state.endedReason = nil
                }
                return .activity
            },
            completion: { [self] result in
                if case .success = result, revived.isSet.load(ordering: .relaxed) {
                    counts.withLock { $0.active += 1 }
                }
                completion(result.map(\.session))
            })
    }

    /// Marks a session as resolved; it stays active. Doing it again replaces the notes.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func resolve(
        _ id: String, notes: UTF8Text?, _ access: Access, completion: @escaping ChatEngine.Completion<Session>
    ) {
        change(
            id, access,
            { [self] session, _ throws(ChatError) in
                session.flags.isResolved = true
                session.flags.status = .resolved
                session.state.resolutionNotes = notes
                session.state.endedAt = engine.clock.now()
                return .quiet
            },
            completion: { result in completion(result.map(\.session)) })
    }
}

private final class Flag: Sendable {
    let isSet = Atomic<Bool>(false)
}

/// Keys of the index by expiry: `expiry/`, 8 bytes of microseconds, big-endian, the session's id.
enum ExpiryKey {
    static let prefix = Array("expiry/".utf8)

    static func key(_ tenant: TenantName, _ time: Timestamp, _ session: String) -> DocumentKey {
        var key = prefix
        let bits = UInt64(clamping: time.microseconds)
        for shift in stride(from: 56, through: 0, by: -8) {
            key.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        key += session.utf8
        return DocumentKey(tenant: tenant.name, key: key)
    }

    /// nil for a key of another form.
    static func parse(_ key: [UInt8]) -> (time: Timestamp, session: String)? {
        guard key.count > prefix.count + 8, key.starts(with: prefix) else { return nil }
        let bits = key[prefix.count..<prefix.count + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (
            Timestamp(microseconds: Int64(clamping: bits)),
            String(decoding: key[(prefix.count + 8)...], as: UTF8.self)
        )
    }
}
