package import LogStore

/// Whose data an erasure or a legal hold is about, in the tenant of the access value.
package enum DataSubject: Hashable, Sendable {
    case tenant
    case user(String)
    /// By external id; soft-deleted ones too.
    case session(String)
}

/// An entry of the erasure ledger, which outlives what it names.
package struct ErasureJob: Hashable, Sendable {
    package enum Kind: String, Sendable { case tenant, user, session }

    package var kind: Kind
    /// nil once the tenant itself is gone.
    package var tenant: String?
    /// The store's numbers of tenant, user and session: what tells two erased users apart when their names are gone.
    package var number: String
    package var orderedAt: Timestamp
    /// When no byte was left in any file; nil: some may be.
    package var finishedAt: Timestamp?
    package var progress: ErasureRecord.Progress
    package var sessions: UInt64
    package var messages: UInt64
}

/// Something under legal hold, by the names that it has.
package struct LegalHold: Hashable, Sendable {
    package var tenant: String
    package var user: String?
    package var session: String?
}

extension ChatEngine {
    // MARK: Erasure

    /// Deletes the subject at once and has its bytes removed from every file: of a user or an organisation of the llm
    /// surface with the accounts. `erasures` tells when that is done.
    /// - Throws: `sessionNotFound`, `userNotFound`, `tenantNotFound`, `forbidden`, `held`.
    package func erase(_ subject: DataSubject, _ access: Access) throws(ChatError) -> ErasureJob {
        let accounts = try accountKeys(of: subject, access)
        let target: ErasureSubject
        do throws(ChatError) {
            target = try find(subject, access)
        } catch {
            guard error == .userNotFound || error == .tenantNotFound, !accounts.isEmpty else { throw error }
            try bePresent(subject, access)
            target = try find(subject, access)
        }
        var batch = Batch(durability: .durable)
        for key in accounts { batch.remove(key) }
        batch.erase(target)
        if case .user(let name) = subject { try removeLedger(of: name, access.tenant, from: &batch) }
        do throws(LogStoreError) {
            try store.commit(batch)
            guard let record = try store.erasure(of: target) else { throw LogStoreError.sessionNotFound }
            return try job(record)
        } catch {
            throw ChatError(error)
        }
    }

    /// The documents of the accounts that go with a subject; none of other surfaces' tenants.
    private func accountKeys(of subject: DataSubject, _ access: Access) throws(ChatError) -> [DocumentKey] {
        guard let id = access.tenant.organisation else { return [] }
        switch subject {
        case .session: return []
        case .user(let name):
            guard let account = try account(name, .blocking), account.organisation == id else { return [] }
            return [AccountKey.user(name), AccountKey.member(id, account.email)]
        case .tenant:
            var keys: [DocumentKey] = []
            for member in try accountDocuments("member/\(id)/") {
                keys.append(DocumentKey(tenant: TenantName.llmAccounts.name, key: member.key))
                keys.append(AccountKey.user(String(decoding: member.value, as: UTF8.self)))
            }
            do throws(ChatError) {
                let organisation = try organisation(id)
                keys += [AccountKey.organisation(organisation.id), AccountKey.slug(organisation.slug)]
            } catch .organisationNotFound {}
            return keys
        }
    }

    /// Someone with an account who has stored nothing yet is no user of the store, and an erasure needs a number to go by:
    /// an empty session gives one, and goes with it.
    private func bePresent(_ subject: DataSubject, _ access: Access) throws(ChatError) {
        let owner = if case .user(let name) = subject { name } else { "" }
        guard access.reaches(owner: owner) else { throw .forbidden }
        var batch = Batch(durability: .durable)
        _ = batch.createSession(
            id: UUIDValue(random: random).string, tenant: access.tenant.name, user: owner,
            state: SessionState().encoded, retentionClass: access.tenant.retentionClass.rawValue)
        do throws(LogStoreError) { try store.commit(batch) } catch { throw ChatError(error) }
    }

    /// Every erasure that was ever ordered, by subject.
    package func erasures(_ access: StoreAccess) throws(ChatError) -> [ErasureJob] {
        do throws(LogStoreError) {
            var jobs: [ErasureJob] = []
            for record in try store.erasures() { jobs.append(try job(record)) }
            return jobs
        } catch {
            throw ChatError(error)
        }
    }

    private func job(_ record: ErasureRecord) throws(LogStoreError) -> ErasureJob {
        let (kind, tenant, number): (ErasureJob.Kind, TenantOrdinal, String) =
            switch record.subject {
            case .tenant(let t): (.tenant, t, "\(t.rawValue)")
            case .user(let u): (.user, u.tenant, "\(u.tenant.rawValue)/\(u.user)")
            case .session(let s): (.session, s.tenant, "\(s.tenant.rawValue)/\(s.user)/\(s.session)")
            }
        return ErasureJob(
            kind: kind, tenant: try store.tenantName(tenant), number: number, orderedAt: record.orderedAt,
            finishedAt: record.finishedAt, progress: record.progress, sessions: record.sessions,
            messages: record.entries)
    }

    // MARK: Legal hold

    /// Places or lifts a legal hold; nothing happens if it is so already.
    /// - Throws: `sessionNotFound`, `userNotFound`, `tenantNotFound`, `forbidden`.
    package func setHold(_ isHeld: Bool, on subject: DataSubject, _ access: Access) throws(ChatError) {
        let target = try find(subject, access)
        do throws(LogStoreError) {
            guard try store.isHeld(target) != isHeld else { return }
            var batch = Batch(durability: .durable)
            batch.setHold(target, isHeld)
            try store.commit(batch)
        } catch {
            throw ChatError(error)
        }
    }

    /// Everything that has a hold of its own.
    package func holds(_ access: StoreAccess) throws(ChatError) -> [LegalHold] {
        do throws(LogStoreError) {
            var holds: [LegalHold] = []
            for subject in try store.holds() {
                let (tenant, user, session): (TenantOrdinal, UserKey?, SessionKey?) =
                    switch subject {
                    case .tenant(let t): (t, nil, nil)
                    case .user(let u): (u.tenant, u, nil)
                    case .session(let s): (s.tenant, s.owner, s)
                    }
                var hold = LegalHold(tenant: try store.tenantName(tenant) ?? "#\(tenant.rawValue)")
                if let user { hold.user = try store.userName(user) ?? "#\(user.user)" }
                if let session { hold.session = try store.session(session)?.id ?? "#\(session.session)" }
                holds.append(hold)
            }
            return holds
        } catch {
            throw ChatError(error)
        }
    }

    /// - Throws: `held` if there is a legal hold on the session, its user or its tenant.
    func refuseIfHeld(_ key: SessionKey) throws(ChatError) {
        do throws(LogStoreError) {
            for subject in [.session(key), .user(key.owner), .tenant(key.tenant)] as [ErasureSubject] {
                if try store.isHeld(subject) { throw LogStoreError.held }
            }
        } catch {
            throw ChatError(error)
        }
    }

    // MARK: Finding

    private func find(_ subject: DataSubject, _ access: Access) throws(ChatError) -> ErasureSubject {
        switch subject {
        case .tenant:
            guard access.authority == .operator else { throw .forbidden }
            return .tenant(try tenant(access))
        case .user(let name):
            guard access.reaches(owner: name) else { throw .forbidden }
            let tenant = try tenant(access)
            do throws(LogStoreError) {
                guard let user = try store.user(named: name, in: tenant) else { throw LogStoreError.sessionNotFound }
                return .user(user)
            } catch .sessionNotFound {
                throw .userNotFound
            } catch {
                throw ChatError(error)
            }
        case .session(let id):
            let tenant = try tenant(access)
            let found: (key: SessionKey, owner: String?)?
            do throws(LogStoreError) {
                if let info = try store.session(id: id, in: tenant) {
                    found = (info.key, try store.userName(info.key.owner))
                } else {
                    found = nil
                }
            } catch {
                throw ChatError(error)
            }
            guard let found else { throw .sessionNotFound }
            guard let owner = found.owner, access.reaches(owner: owner) else { throw .forbidden }
            return .session(found.key)
        }
    }

    private func tenant(_ access: Access) throws(ChatError) -> TenantOrdinal {
        let tenant: TenantOrdinal?
        do throws(LogStoreError) { tenant = try store.tenant(named: access.tenant.name) } catch {
            throw ChatError(error)
        }
        guard let tenant else { throw .tenantNotFound }
        return tenant
    }
}
