internal import LogStore

/// Organisations and their users, kept as documents of the tenant `llmAccounts`:
///
///     organisation/<id>            the organisation
///     slug/<slug>                  its id
///     user/<id>                    the user
///     member/<organisation>/<address>   the user's id
///
/// What has to be unique is a key of its own, and a batch that adds one requires that the key is not there: two
/// processes of thought cannot add the same slug or address. The tenant of an organisation comes to exist with its first
/// session.
extension ChatEngine {
    // MARK: Organisations

    /// Adds an organisation.
    /// - Parameters:
    ///   - id: a UUID; nil makes one.
    ///   - slug: nil derives it from the name.
    /// - Throws: `invalid`, `accountExists`.
    package func addOrganisation(
        name: String, slug: String? = nil, id: String? = nil
    ) throws(ChatError) -> Organisation {
        var batch = Batch()
        let organisation = try Self.organisation(
            name: name, slug: slug, id: id ?? UUIDValue(random: random).string, at: clock.now())
        Self.add(organisation, to: &batch)
        try add(batch)
        return organisation
    }

    private static func organisation(
        name: String, slug: String?, id: String, at time: Timestamp
    ) throws(ChatError) -> Organisation {
        guard let id = UUIDValue(text: id)?.string else {
            throw .invalid(field: "id", reason: "is not a UUID")
        }
        guard !name.isEmpty, name.unicodeScalars.count <= AccountLimits.nameCharacters else {
            throw .invalid(field: "name", reason: "must have 1 to \(AccountLimits.nameCharacters) characters")
        }
        let slug = slug ?? Organisation.slug(of: name)
        guard Organisation.isSlug(slug) else {
            throw .invalid(
                field: "slug", reason: "must have 1 to \(AccountLimits.slugBytes) small letters, digits and hyphens")
        }
        return Organisation(id: id, slug: slug, name: name, createdAt: time)
    }

    private static func add(_ organisation: Organisation, to batch: inout Batch) {
        let (key, slug) = (AccountKey.organisation(organisation.id), AccountKey.slug(organisation.slug))
        batch.require(.documentVersion(key, nil))
        batch.require(.documentVersion(slug, nil))
        batch.put(key, organisation.encoded)
        batch.put(slug, Array(organisation.id.utf8))
    }

    /// All organisations, by id.
    package func organisations() throws(ChatError) -> [Organisation] {
        var found: [Organisation] = []
        for document in try accountDocuments("organisation/") {
            let id = String(decoding: document.key.dropFirst("organisation/".utf8.count), as: UTF8.self)
            found.append(
                try Self.decoding { () throws(MalformedRecord) in try Organisation(decoding: document.value, id: id) })
        }
        return found
    }

    /// The organisation of an id or a slug.
    /// - Throws: `organisationNotFound`.
    package func organisation(_ name: String) throws(ChatError) -> Organisation {
        var id = UUIDValue(text: name)?.string
        if id == nil, let document = try accountDocument(AccountKey.slug(name), .blocking) {
            id = String(decoding: document.value, as: UTF8.self)
        }
        guard let id, let document = try accountDocument(AccountKey.organisation(id), .blocking) else {
            throw .organisationNotFound
        }
        return try Self.decoding { () throws(MalformedRecord) in try Organisation(decoding: document.value, id: id) }
    }

    /// Removes an organisation with its users and everything that they have stored.
    /// - Returns: how many users it had.
    /// - Throws: `organisationNotFound`.
    package func removeOrganisation(_ name: String) throws(ChatError) -> Int {
        let organisation = try organisation(name)
        let members = try accountDocuments("member/\(organisation.id)/")
        var batch = Batch()
        batch.remove(AccountKey.organisation(organisation.id))
        batch.remove(AccountKey.slug(organisation.slug))
        for member in members {
            batch.remove(DocumentKey(tenant: TenantName.llmAccounts.name, key: member.key))
            batch.remove(AccountKey.user(String(decoding: member.value, as: UTF8.self)))
        }
        do throws(LogStoreError) {
            if let tenant = try store.tenant(named: organisation.tenant.name) { batch.deleteTenant(tenant) }
        } catch {
            throw ChatError(error)
        }
        try change(batch)
        return members.count
    }

    // MARK: Users

    /// Adds a user to an organisation, which is named by its id or slug.
    /// - Throws: `organisationNotFound`, `invalid`, `accountExists`.
    package func addAccount(
        to organisation: String, email: String, name: String, role: Account.Role = .member, id: String? = nil
    ) throws(ChatError) -> Account {
        let organisation = try self.organisation(organisation)
        guard let id = UUIDValue(text: id ?? UUIDValue(random: random).string)?.string else {
            throw ChatError.invalid(field: "id", reason: "is not a UUID")
        }
        let account = Account(
            id: id, organisation: organisation.id, email: email, name: name, role: role, createdAt: clock.now())
        try Self.check(account)
        var batch = Batch()
        Self.add(account, to: &batch)
        try add(batch)
        return account
    }

    /// Removes a user from its organisation. What it has stored stays, and the address is free again.
    /// - Parameter name: its address, in any letters, or its id.
    /// - Throws: `organisationNotFound`, `userNotFound`.
    package func removeAccount(_ name: String, from organisation: String) throws(ChatError) -> Account {
        let organisation = try self.organisation(organisation)
        var id = UUIDValue(text: name)?.string
        if let member = try accountDocument(AccountKey.member(organisation.id, name), .blocking) {
            id = String(decoding: member.value, as: UTF8.self)
        }
        guard let id, let account = try account(id, .blocking), account.organisation == organisation.id else {
            throw .userNotFound
        }
        var batch = Batch()
        batch.remove(AccountKey.user(id))
        batch.remove(AccountKey.member(organisation.id, account.email))
        try change(batch)
        return account
    }

    private static func check(_ account: Account) throws(ChatError) {
        guard account.email.contains("@"), account.email.unicodeScalars.count <= AccountLimits.emailCharacters,
            account.email.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else {
            throw .invalid(field: "email", reason: "is not an address")
        }
        guard account.name.unicodeScalars.count <= AccountLimits.nameCharacters else {
            throw .invalid(field: "name", reason: "must have at most \(AccountLimits.nameCharacters) characters")
        }
    }

    private static func add(_ account: Account, to batch: inout Batch) {
        let (user, member) = (AccountKey.user(account.id), AccountKey.member(account.organisation, account.email))
        batch.require(.documentVersion(user, nil))
        batch.require(.documentVersion(member, nil))
        batch.put(user, account.encoded)
        batch.put(member, Array(account.id.utf8))
    }

    /// The users of an organisation, by address.
    /// - Throws: `organisationNotFound`.
    package func accounts(of organisation: String) throws(ChatError) -> [Account] {
        var found: [Account] = []
        for member in try accountDocuments("member/\(try self.organisation(organisation).id)/") {
            if let account = try account(String(decoding: member.value, as: UTF8.self), .blocking) {
                found.append(account)
            }
        }
        return found
    }

    /// The user of an id, for middleware that authenticates.
    /// - Parameter id: a canonical UUID.
    package func account(_ id: String, completion: @escaping Completion<Account?>) {
        read(completion) { [self] policy throws(ChatError) in try account(id, policy) }
    }

    /// The user of an id; where there is none, it is added, and so is its organisation. Both ids are canonical UUIDs.
    package func provisionAccount(_ id: String, organisation: String, completion: @escaping Completion<Account>) {
        blocking(completion) { [self] () throws(ChatError) in
            while true {
                if let account = try account(id, .blocking) { return account }
                let now = clock.now()
                let account = Account(
                    id: id, organisation: organisation, email: "\(id)@users.invalid", name: "", role: .member,
                    createdAt: now)
                var batch = Batch()
                if try accountDocument(AccountKey.organisation(organisation), .blocking) == nil {
                    Self.add(
                        try Self.organisation(name: organisation, slug: organisation, id: organisation, at: now),
                        to: &batch)
                }
                Self.add(account, to: &batch)
                do throws(ChatError) {
                    try add(batch)
                } catch .accountExists {
                    continue
                }
            }
        }
    }

    // MARK: Documents

    func account(_ id: String, _ policy: ReadPolicy) throws(ChatError) -> Account? {
        guard let document = try accountDocument(AccountKey.user(id), policy) else { return nil }
        return try Self.decoding { () throws(MalformedRecord) in try Account(decoding: document.value, id: id) }
    }

    func accountDocument(_ key: DocumentKey, _ policy: ReadPolicy) throws(ChatError) -> Document? {
        do throws(LogStoreError) { return try store.document(key, policy: policy) } catch { throw ChatError(error) }
    }

    /// All documents of a tenant whose keys begin with `prefix`, by key.
    func accountDocuments(
        _ prefix: String, of tenant: TenantName = .llmAccounts
    ) throws(ChatError) -> [Document] {
        let page = 1000
        var found: [Document] = []
        do throws(LogStoreError) {
            while true {
                let documents = try store.documents(
                    tenant: tenant.name, prefix: Array(prefix.utf8), after: found.last?.key, limit: page)
                found += documents
                if documents.count < page { return found }
            }
        } catch {
            throw ChatError(error)
        }
    }

    static func decoding<Value>(_ body: () throws(MalformedRecord) -> Value) throws(ChatError) -> Value {
        do throws(MalformedRecord) { return try body() } catch { throw ChatError(error) }
    }

    /// Commits a batch that adds accounts: a condition that does not hold means that a key is taken.
    func add(_ batch: Batch) throws(ChatError) {
        do throws(LogStoreError) {
            try store.commit(batch)
        } catch .conflict {
            throw .accountExists
        } catch {
            throw ChatError(error)
        }
    }

    /// Commits a batch that changes accounts: a condition that does not hold means that somebody else was first.
    func change(_ batch: Batch) throws(ChatError) {
        do throws(LogStoreError) { try store.commit(batch) } catch { throw ChatError(error) }
    }
}

enum AccountKey {
    static func organisation(_ id: String) -> DocumentKey { key("organisation/\(id)") }
    static func slug(_ slug: String) -> DocumentKey { key("slug/\(slug)") }
    static func user(_ id: String) -> DocumentKey { key("user/\(id)") }
    static func member(_ organisation: String, _ email: String) -> DocumentKey {
        key("member/\(organisation)/\(email.lowercased())")
    }

    private static func key(_ text: String) -> DocumentKey {
        DocumentKey(tenant: TenantName.llmAccounts.name, key: Array(text.utf8))
    }
}
