internal import ChatEngine
internal import HTTPTransport

/// Orders about accounts: organisations and their users (llm), and users with a password (poc). A request that names an
/// organisation is about its users, any other about those with a password.
///
/// A password never comes here, only its hash.
struct AdminAccounts: Sendable {
    let engine: ChatEngine
    let logger: Logger?

    private typealias Work = @Sendable () throws(ChatError) -> JSONValue

    func perform(_ request: Request, _ exchange: any Exchange) throws(OperationRefusal) {
        let work: Work
        switch request.path {
        case "/organisations": work = try organisations(request)
        case "/users": work = try users(request)
        default: work = try newPassword(request)
        }
        let isChange = request.method != "GET"
        AdminOperations(engine: engine, logger: logger).run(exchange) { [logger] () throws(ChatError) in
            let reply = try work()
            if isChange {
                logger?.info("an account was changed", [("order", .string("\(request.method) \(request.path)"))])
            }
            return reply
        }
    }

    private func organisations(_ request: Request) throws(OperationRefusal) -> Work {
        switch request.method {
        case "GET":
            _ = try AdminOperations.texts(request, [])
            return { [engine] () throws(ChatError) in
                .object(["organisations": .array(try engine.organisations().map(Self.object))])
            }
        case "POST":
            let given = try AdminOperations.texts(request, ["name", "slug", "id"])
            let name = try Self.required("name", given)
            return { [engine] () throws(ChatError) in
                Self.object(try engine.addOrganisation(name: name, slug: given["slug"], id: given["id"]))
            }
        default:
            let name = try Self.required("organisation", try AdminOperations.texts(request, ["organisation"]))
            return { [engine] () throws(ChatError) in
                .object(["users": .number(Double(try engine.removeOrganisation(name)))])
            }
        }
    }

    private func users(_ request: Request) throws(OperationRefusal) -> Work {
        let given = try AdminOperations.texts(
            request, ["organisation", "user", "email", "name", "role", "id", "username", "password"])
        if let organisation = given["organisation"] { return try members(request.method, organisation, given) }
        switch request.method {
        case "GET":
            try Self.allow([], given)
            return { [engine] () throws(ChatError) in
                .object(["users": .array(try engine.passwordAccounts().map(Self.object))])
            }
        case "POST":
            try Self.allow(["username", "password", "role", "id"], given)
            let username = try Self.required("username", given)
            let (password, role) = (try Self.hash(given), try Self.role(given, PasswordAccount.Role.user))
            return { [engine] () throws(ChatError) in
                Self.object(
                    try engine.addPasswordAccount(
                        username: username, password: password, role: role, userID: given["id"]))
            }
        default:
            try Self.allow(["username"], given)
            let username = try Self.required("username", given)
            return { [engine] () throws(ChatError) in Self.object(try engine.removePasswordAccount(username)) }
        }
    }

    /// Users of an organisation.
    private func members(
        _ method: String, _ organisation: String, _ given: [String: String]
    ) throws(OperationRefusal) -> Work {
        switch method {
        case "GET":
            try Self.allow(["organisation"], given)
            return { [engine] () throws(ChatError) in
                .object(["users": .array(try engine.accounts(of: organisation).map(Self.object))])
            }
        case "POST":
            try Self.allow(["organisation", "email", "name", "role", "id"], given)
            let (email, role) = (try Self.required("email", given), try Self.role(given, Account.Role.member))
            return { [engine] () throws(ChatError) in
                Self.object(
                    try engine.addAccount(
                        to: organisation, email: email, name: given["name"] ?? "", role: role, id: given["id"]))
            }
        default:
            try Self.allow(["organisation", "user"], given)
            let user = try Self.required("user", given)
            return { [engine] () throws(ChatError) in
                Self.object(try engine.removeAccount(user, from: organisation))
            }
        }
    }

    private func newPassword(_ request: Request) throws(OperationRefusal) -> Work {
        let given = try AdminOperations.texts(request, ["username", "password"])
        let (username, password) = (try Self.required("username", given), try Self.hash(given))
        return { [engine] () throws(ChatError) in
            try engine.changePassword(of: username, to: password)
            return .object(["username": .string(username)])
        }
    }

    // MARK: Parameters

    private static func required(_ name: String, _ given: [String: String]) throws(OperationRefusal) -> String {
        guard let value = given[name] else { throw OperationRefusal(400, "\(name) is missing") }
        return value
    }

    private static func allow(_ names: [String], _ given: [String: String]) throws(OperationRefusal) {
        if let other = given.keys.sorted().first(where: { !names.contains($0) }) {
            throw OperationRefusal(400, "\(other) has no meaning here")
        }
    }

    private static func hash(_ given: [String: String]) throws(OperationRefusal) -> PasswordHash {
        guard let hash = PasswordHash(text: try required("password", given)) else {
            throw OperationRefusal(400, "password is not a hash such as pbkdf2-sha256$ITERATIONS$SALT$DIGEST")
        }
        return hash
    }

    private static func role<Role: NamedRole>(
        _ given: [String: String], _ usual: Role
    ) throws(OperationRefusal) -> Role {
        guard let name = given["role"] else { return usual }
        guard let role = Role(name: name) else {
            let names = Role.allCases.map(\.name).joined(separator: ", ")
            throw OperationRefusal(400, "role \"\(name)\" is not one of \(names)")
        }
        return role
    }

    // MARK: Replies

    private static func object(_ organisation: Organisation) -> JSONValue {
        .object([
            "id": .string(organisation.id), "slug": .string(organisation.slug), "name": .string(organisation.name),
        ])
    }

    private static func object(_ account: Account) -> JSONValue {
        .object([
            "id": .string(account.id), "organisation": .string(account.organisation), "email": .string(account.email),
            "role": .string(account.role.name), "name": .string(account.name),
        ])
    }

    private static func object(_ account: PasswordAccount) -> JSONValue {
        .object([
            "id": .string(account.userID), "username": .string(account.username), "role": .string(account.role.name),
            "createdAt": .string(account.createdAt.isoMilliseconds),
        ])
    }
}

/// The roles of both kinds of accounts, as orders name them.
private protocol NamedRole: CaseIterable {
    var name: String { get }
    init?(name: String)
}

extension Account.Role: NamedRole {}
extension PasswordAccount.Role: NamedRole {}
