internal import ChatEngine

extension Flag {
    static let slug = Flag("--slug", "SLUG", summary: "the short name of the organisation; else made of its name")
    static let identifier = Flag(
        "--id", "ID", summary: "its id: a UUID, or any text for a user with a password; else new")
    static let organisation = Flag("--org", "SLUG|ID", summary: "the organisation (llm)")
    static let username = Flag("--username", "NAME", summary: "a user that logs in with a password (poc)")
    static let personName = Flag("--name", "NAME", summary: "the name of the organisation's user")
    static let role = Flag(
        "--role", "ROLE", summary: "in an organisation owner, admin or member (usual), else admin or user (usual)")
}

extension Verb {
    /// Organisations of the llm surface.
    static let organisations = Verb(
        "org", "add, list or remove organisations",
        positionals: [
            Positional("ACTION", "add, list or remove"),
            Positional("NAME", isRequired: false, "the name for add; the slug or id for remove"),
        ],
        flags: [.dataDirectory, .adminOfServer, .slug, .identifier],
        notes: [
            "`remove` also removes the organisation's users and everything that they have stored.",
            "With --data-dir no server may run on the directory; with --admin the running server is told.",
        ]
    ) { invocation throws(CommandFailure) in
        let positionals = invocation.arguments.positionals
        switch (positionals[0], positionals.count) {
        case ("add", 2):
            var order: JSONObject = ["name": .string(positionals[1])]
            order["slug"] = invocation.text(.slug)
            order["id"] = invocation.text(.identifier)
            let added = try invocation.order("POST", "/organisations", order, mayMake: true)
            invocation.console.output(AccountText.organisation(added))
        case ("list", 1):
            let reply = try invocation.order("GET", "/organisations")
            for organisation in reply["organisations"]?.elements ?? [] {
                invocation.console.output(AccountText.organisation(organisation))
            }
        case ("remove", 2):
            let order: JSONObject = ["organisation": .string(positionals[1])]
            let users = try invocation.order("DELETE", "/organisations", order)["users"]?.number ?? 0
            invocation.console.output("removed \(positionals[1]) with \(Int(users)) users")
        default: throw CommandFailure(.usage, "org wants `add NAME`, `list` or `remove SLUG`")
        }
        return .success
    }

    /// Users of organisations (llm), and users with a password (poc).
    static let users = Verb(
        "user", "add, list or remove users, or change a password",
        positionals: [
            Positional("ACTION", "add, list, remove or passwd"),
            Positional("EMAIL", isRequired: false, "the address of an organisation's user; its id will do for remove"),
        ],
        flags: [.dataDirectory, .adminOfServer, .organisation, .username, .personName, .role, .identifier],
        notes: [
            "Of an organisation: user add EMAIL --org SLUG, user list --org SLUG, user remove EMAIL --org SLUG.",
            "With a password: user add --username NAME, user list, user remove --username NAME, user passwd --username "
                + "NAME. The password is asked for on a terminal, else it is the first line of the input; only its hash "
                + "is stored, or sent to a server.",
            "`remove` takes the account away, not what its user has stored: `erase` does that.",
            "With --data-dir no server may run on the directory; with --admin the running server is told.",
        ]
    ) { invocation throws(CommandFailure) in
        switch (invocation.value(.organisation), invocation.value(.username)) {
        case (let organisation?, nil): try invocation.changeMembers(of: organisation)
        case (nil, let username?): try invocation.changeUser(username)
        case (nil, nil):
            guard invocation.arguments.positionals == ["list"] else {
                throw CommandFailure(.usage, "user needs --org SLUG (llm) or --username NAME (poc)")
            }
            try invocation.refuse([.personName, .role, .identifier])
            for user in try invocation.order("GET", "/users")["users"]?.elements ?? [] {
                invocation.console.output(AccountText.user(user))
            }
        default:
            throw CommandFailure(
                .usage, "--org is for users of an organisation, --username for users with a password; give one of them")
        }
        return .success
    }
}

extension Invocation {
    func value(_ flag: Flag) -> String? { arguments.values[flag.name]?.last }

    fileprivate func text(_ flag: Flag) -> JSONValue? { value(flag).map { .string($0) } }

    /// Flags that mean nothing for the action.
    fileprivate func refuse(_ flags: [Flag]) throws(CommandFailure) {
        if let flag = flags.first(where: { arguments.has($0) }) {
            throw CommandFailure(.usage, "\(flag.name) has no meaning for \(verb.name) \(arguments.positionals[0])")
        }
    }

    fileprivate func order(
        _ method: String, _ target: String, _ body: JSONObject? = nil, mayMake: Bool = false
    ) throws(CommandFailure) -> JSONValue {
        try AdminTarget.run(self, mayMake: mayMake) { place throws(CommandFailure) in
            try place.order(method, target, body)
        }
    }

    /// `user … --org ORGANISATION`.
    fileprivate func changeMembers(of organisation: String) throws(CommandFailure) {
        var order: JSONObject = ["organisation": .string(organisation)]
        let positionals = arguments.positionals
        switch (positionals[0], positionals.count) {
        case ("add", 2):
            order["email"] = .string(positionals[1])
            order["name"] = text(.personName)
            order["role"] = text(.role)
            order["id"] = text(.identifier)
            console.output(AccountText.member(try self.order("POST", "/users", order)))
        case ("list", 1):
            try refuse([.personName, .role, .identifier])
            let query = "?organisation=" + AdminClient.percentEncoded(organisation)
            for user in try self.order("GET", "/users" + query)["users"]?.elements ?? [] {
                console.output(AccountText.member(user))
            }
        case ("remove", 2):
            try refuse([.personName, .role, .identifier])
            order["user"] = .string(positionals[1])
            let user = try self.order("DELETE", "/users", order)
            let (id, tenant) = (user["id"]?.string ?? "", "llm:" + (user["organisation"]?.string ?? ""))
            console.output("removed \(user["email"]?.string ?? ""); its chats stay")
            console.output("`chat-server erase --tenant \(tenant) --user \(id)` erases them")
        default: throw CommandFailure(.usage, "user with --org wants `add EMAIL`, `list` or `remove EMAIL`")
        }
    }

    /// `user … --username NAME`.
    fileprivate func changeUser(_ username: String) throws(CommandFailure) {
        var order: JSONObject = ["username": .string(username)]
        switch arguments.positionals {
        case ["add"]:
            try refuse([.personName])
            order["role"] = text(.role)
            order["id"] = text(.identifier)
            order["password"] = .string(try PasswordPrompt.hash(console))
            console.output(AccountText.user(try self.order("POST", "/users", order, mayMake: true)))
        case ["passwd"]:
            try refuse([.personName, .role, .identifier])
            order["password"] = .string(try PasswordPrompt.hash(console))
            _ = try self.order("POST", "/users/password", order)
            console.output("\(username) has a new password; tokens that were given out stay good until they expire")
        case ["remove"]:
            try refuse([.personName, .role, .identifier])
            let user = try self.order("DELETE", "/users", order)
            console.output("removed \(username); its chats stay, and its tokens are good until they expire")
            console.output("`chat-server erase --tenant poc --user \(user["id"]?.string ?? "")` erases the chats")
        default:
            throw CommandFailure(.usage, "user with --username wants `add`, `passwd` or `remove`, and no address")
        }
    }
}

private enum AccountText {
    static func organisation(_ object: JSONValue) -> String { line(object, ["id", "slug", "name"]) }
    static func member(_ object: JSONValue) -> String { line(object, ["id", "organisation", "email", "role", "name"]) }
    static func user(_ object: JSONValue) -> String { line(object, ["id", "username", "role", "createdAt"]) }

    private static func line(_ object: JSONValue, _ names: [String]) -> String {
        names.map { object[$0]?.string ?? "" }.joined(separator: "  ")
    }
}
