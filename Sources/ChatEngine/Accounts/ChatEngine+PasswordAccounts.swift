internal import LogStore

/// Users with a password, kept as documents of the tenant `passwordAccounts`:
///
///     user/<username>   the user
///     id/<user id>      its username
///
/// Both are unique because each is a key of its own. Only hashes come here, never a password.
extension ChatEngine {
    /// Adds a user.
    /// - Parameter userID: nil makes one.
    /// - Throws: `invalid`, `accountExists`.
    package func addPasswordAccount(
        username: String, password: PasswordHash, role: PasswordAccount.Role = .user, userID: String? = nil
    ) throws(ChatError) -> PasswordAccount {
        let account = PasswordAccount(
            userID: userID ?? UUIDValue(random: random).string, username: username, role: role, createdAt: clock.now(),
            password: password)
        try Self.check(account.username, "username")
        try Self.check(account.userID, "id")
        let (user, id) = (PasswordAccountKey.user(account.username), PasswordAccountKey.id(account.userID))
        var batch = Batch()
        batch.require(.documentVersion(user, nil))
        batch.require(.documentVersion(id, nil))
        batch.put(user, account.encoded)
        batch.put(id, Array(account.username.utf8))
        try add(batch)
        return account
    }

    private static func check(_ name: String, _ field: String) throws(ChatError) {
        let scalars = name.unicodeScalars
        guard (1...AccountLimits.usernameCharacters).contains(scalars.count),
            scalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else {
            throw .invalid(
                field: field,
                reason: "must have 1 to \(AccountLimits.usernameCharacters) characters, and no control characters")
        }
    }

    /// All of them, by username.
    package func passwordAccounts() throws(ChatError) -> [PasswordAccount] {
        var found: [PasswordAccount] = []
        for document in try accountDocuments("user/", of: .passwordAccounts) {
            let username = String(decoding: document.key.dropFirst("user/".utf8.count), as: UTF8.self)
            found.append(try Self.account(document, username))
        }
        return found
    }

    /// The user of a name; nil if there is none.
    package func passwordAccount(_ username: String, completion: @escaping Completion<PasswordAccount?>) {
        // A client's text: too long for a key, it is nobody's name.
        guard username.utf8.count <= 4 * AccountLimits.usernameCharacters else { return completion(.success(nil)) }
        read(completion) { [self] policy throws(ChatError) in
            guard let document = try accountDocument(PasswordAccountKey.user(username), policy) else { return nil }
            return try Self.account(document, username)
        }
    }

    /// Gives a user another password. Tokens that it has stay good until they expire.
    /// - Throws: `userNotFound`, `conflict`.
    package func changePassword(of username: String, to password: PasswordHash) throws(ChatError) {
        let (document, account) = try stored(username)
        var changed = account
        changed.password = password
        var batch = Batch()
        batch.require(.documentVersion(PasswordAccountKey.user(username), document.version))
        batch.put(PasswordAccountKey.user(username), changed.encoded)
        try change(batch)
    }

    /// Removes a user. What it has stored stays, and the name is free again.
    /// - Throws: `userNotFound`, `conflict`.
    package func removePasswordAccount(_ username: String) throws(ChatError) -> PasswordAccount {
        let (document, account) = try stored(username)
        var batch = Batch()
        batch.require(.documentVersion(PasswordAccountKey.user(username), document.version))
        batch.remove(PasswordAccountKey.user(username))
        batch.remove(PasswordAccountKey.id(account.userID))
        try change(batch)
        return account
    }

    private func stored(_ username: String) throws(ChatError) -> (Document, PasswordAccount) {
        guard let document = try accountDocument(PasswordAccountKey.user(username), .blocking) else {
            throw .userNotFound
        }
        return (document, try Self.account(document, username))
    }

    private static func account(_ document: Document, _ username: String) throws(ChatError) -> PasswordAccount {
        try decoding { () throws(MalformedRecord) in
            try PasswordAccount(decoding: document.value, username: username)
        }
    }
}

private enum PasswordAccountKey {
    static func user(_ username: String) -> DocumentKey { key("user/\(username)") }
    static func id(_ id: String) -> DocumentKey { key("id/\(id)") }

    private static func key(_ text: String) -> DocumentKey {
        DocumentKey(tenant: TenantName.passwordAccounts.name, key: Array(text.utf8))
    }
}
