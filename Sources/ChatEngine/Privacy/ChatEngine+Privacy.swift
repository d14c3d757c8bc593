internal import LogStore

// Privacy requests, up to where they are answered. What is left to do after that is `PrivacyJobs`'.
//
// A request is a row in the log of its tenant and a job, written in one batch. A deletion erases in the same batch where
// all of the learner's threads go. Where threads stay, each is erased and made anew under its id, in batches of some; a
// job that was killed in between goes on with those that still have messages.

extension ChatEngine {
    // MARK: Orders

    /// Writes down an export; the job is the caller's to run.
    /// - Throws: `forbidden`.
    func orderExport(
        of learner: String, _ scope: PrivacyRequest.Scope, _ access: Access
    ) throws(ChatError) -> PrivacyRequest {
        let request = try newRequest(.export, of: learner, scope, access)
        var batch = Batch(durability: .durable)
        Self.add(request, to: &batch, access.tenant)
        try privacyCommit(batch)
        return request
    }

    /// Has a learner's data disappear, and written down that its bytes are to go. Nobody sees it any more when this
    /// returns.
    /// - Throws: `forbidden`; `held`, and then nothing has changed.
    func orderDeletion(
        of learner: String, _ scope: PrivacyRequest.Scope, _ access: Access
    ) throws(ChatError) -> PrivacyRequest {
        var request = try newRequest(.deletion, of: learner, scope, access)
        request.subject = try userKey(learner, access.tenant)
        var batch = Batch(durability: .durable)
        guard let subject = request.subject else {
            request.isOrdered = true
            Self.add(request, to: &batch, access.tenant)
            try privacyCommit(batch)
            return request
        }
        guard scope == .messagesOnly else {
            request.isOrdered = true
            Self.add(request, to: &batch, access.tenant)
            batch.erase(.user(subject))
            try privacyCommit(batch)
            return request
        }
        try refuseIfHeld(anythingOf: subject)
        Self.add(request, to: &batch, access.tenant)
        try privacyCommit(batch)
        return try eraseMessages(request, access.tenant)
    }

    private func newRequest(
        _ kind: PrivacyRequest.Kind, of learner: String, _ scope: PrivacyRequest.Scope, _ access: Access
    ) throws(ChatError) -> PrivacyRequest {
        guard access.reaches(owner: learner) else { throw .forbidden }
        return PrivacyRequest(
            id: UUIDValue(random: random), kind: kind, scope: scope, learner: learner,
            requestedBy: access.user ?? "", requestedAt: clock.now())
    }

    private static func add(_ request: PrivacyRequest, to batch: inout Batch, _ tenant: TenantName) {
        batch.put(PrivacyKey.request(request.id, tenant), request.encoded)
        batch.put(PrivacyKey.log(request, tenant), [])
        batch.put(PrivacyKey.job(request.id), Array(tenant.name.utf8))
        guard let published = tenant.publishedName else { return }
        var note = EventNote(
            request.kind == .export ? .exportRequested : .deletionRequested, tenant: published,
            learner: request.learner, actor: request.requestedBy)
        note.request = request.id.string
        note.requestType = request.scope.name
        batch.announce(note)
    }

    // MARK: Messages without their threads

    /// Threads that one batch makes anew, and about the bytes of their states.
    private static let threadsOfBatch = 256
    private static let stateBytesOfBatch = 4 << 20

    /// Erases the messages of a learner's threads and writes down that it is done. May be begun again after a crash.
    func eraseMessages(_ request: PrivacyRequest, _ tenant: TenantName) throws(ChatError) -> PrivacyRequest {
        var request = request
        guard let subject = request.subject else { return request }
        do throws(LogStoreError) {
            var query = SessionQuery(sort: .createdAt, ascending: true, limit: Self.threadsOfBatch)
            while true {
                let page = try store.sessions(of: subject, query)
                var rest = page.sessions[...]
                while !rest.isEmpty {
                    let counts = try renew(&rest, owner: request.learner, tenant)
                    request.messages += counts
                }
                guard let next = page.next else { break }
                query.cursor = next
            }
        } catch {
            throw ChatError(error)
        }
        request.isOrdered = true
        try save(request, tenant)
        return request
    }

    /// Makes the first of some sessions anew, without their messages, in one batch.
    /// - Returns: how many messages they had.
    private func renew(
        _ sessions: inout ArraySlice<SessionInfo>, owner: String, _ tenant: TenantName
    ) throws(LogStoreError) -> UInt64 {
        var batch = Batch(durability: .durable)
        var bytes = 0
        var messages: UInt64 = 0
        while let info = sessions.first, bytes < Self.stateBytesOfBatch {
            sessions.removeFirst()
            // One that never had a message, or has been made anew already.
            guard info.lastSequence > 0, let (state, version) = try store.state(of: info.key) else { continue }
            bytes += state.count + 1
            messages += UInt64(info.entryCount)
            batch.require(.stateVersion(info.key, version))
            batch.erase(.session(info.key))
            let renewed = batch.createSession(
                id: info.id, tenant: tenant.name, user: owner, state: state, tags: info.tags,
                retentionClass: info.retentionClass)
            batch.setTimes(of: renewed, createdAt: info.createdAt, updatedAt: info.updatedAt)
        }
        guard !batch.isEmpty else { return 0 }
        try store.commit(batch)
        return messages
    }

    /// A hold on the user, its tenant, or one of its sessions.
    private func refuseIfHeld(anythingOf user: UserKey) throws(ChatError) {
        do throws(LogStoreError) {
            for subject in try store.holds() {
                switch subject {
                case .tenant(user.tenant), .user(user): throw LogStoreError.held
                case .session(let session) where session.owner == user: throw LogStoreError.held
                case .tenant, .user, .session: continue
                }
            }
        } catch {
            throw ChatError(error)
        }
    }

    // MARK: Looking

    /// A request of the access value's tenant.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func privacyRequest(
        _ id: UUIDValue, _ kind: PrivacyRequest.Kind, _ access: Access
    ) throws(ChatError) -> PrivacyRequest {
        guard let request = try storedRequest(id, access.tenant)?.request, request.kind == kind else {
            throw .sessionNotFound
        }
        guard access.reaches(owner: request.learner) else { throw .forbidden }
        return request
    }

    /// Requests of the tenant, the newest first.
    /// - Parameter after: the place of the page before.
    /// - Returns: the page, and its place; nil if nothing is left.
    /// - Throws: `forbidden` unless the access value reaches the whole tenant.
    package func privacyLog(
        after: [UInt8]? = nil, limit: Int, _ access: Access
    ) throws(ChatError) -> (requests: [PrivacyRequest], next: [UInt8]?) {
        guard case .tenant = access.reach else { throw .forbidden }
        let rows: [Document]
        do throws(LogStoreError) {
            rows = try store.documents(
                tenant: access.tenant.name, prefix: PrivacyKey.log, after: after.map { PrivacyKey.log + $0 },
                limit: limit + 1)
        } catch {
            throw ChatError(error)
        }
        var requests: [PrivacyRequest] = []
        for row in rows.prefix(limit) {
            guard let id = PrivacyKey.id(ofLog: row.key) else { continue }
            if let found = try storedRequest(id, access.tenant) { requests.append(found.request) }
        }
        let next = rows.count > limit ? rows[limit - 1].key.dropFirst(PrivacyKey.log.count) : nil
        return (requests, next.map(Array.init))
    }

    // MARK: Rows

    /// The request and the LSN at which its row was set last; nil if there is none.
    func storedRequest(
        _ id: UUIDValue, _ tenant: TenantName
    ) throws(ChatError) -> (request: PrivacyRequest, version: LSN)? {
        let document: Document?
        do throws(LogStoreError) { document = try store.document(PrivacyKey.request(id, tenant)) } catch {
            throw ChatError(error)
        }
        guard let document else { return nil }
        let request = try Self.decoding { () throws(MalformedRecord) in
            try PrivacyRequest(decoding: document.value, id: id)
        }
        return (request, document.version)
    }

    /// Sets a request's row.
    func save(_ request: PrivacyRequest, _ tenant: TenantName, endsJob: Bool = false) throws(ChatError) {
        var batch = Batch(durability: .durable)
        batch.put(PrivacyKey.request(request.id, tenant), request.encoded)
        if endsJob { batch.remove(PrivacyKey.job(request.id)) }
        try privacyCommit(batch)
    }

    /// Every job that is not done with, and its tenant.
    func privacyJobs() throws(ChatError) -> [(id: UUIDValue, tenant: TenantName)] {
        var jobs: [(id: UUIDValue, tenant: TenantName)] = []
        var last: [UInt8]?
        do throws(LogStoreError) {
            while true {
                let page = try store.documents(
                    tenant: TenantName.aivoJobs.name, prefix: PrivacyKey.jobs, after: last, limit: 1000)
                for document in page {
                    guard let id = PrivacyKey.id(ofJob: document.key) else { continue }
                    jobs.append((id, .stored(String(decoding: document.value, as: UTF8.self))))
                }
                guard page.count == 1000 else { return jobs }
                last = page.last?.key
            }
        } catch {
            throw ChatError(error)
        }
    }

    func privacyCommit(_ batch: Batch) throws(ChatError) {
        do throws(LogStoreError) { try store.commit(batch) } catch { throw ChatError(error) }
    }

    func userKey(_ name: String, _ tenant: TenantName) throws(ChatError) -> UserKey? {
        do throws(LogStoreError) {
            guard let found = try store.tenant(named: tenant.name) else { return nil }
            return try store.user(named: name, in: found)
        } catch {
            throw ChatError(error)
        }
    }
}
