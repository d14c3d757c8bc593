internal import ChatEngine
internal import LogStore

extension Flag {
    static let slug = Flag("--slug", "SLUG", summary: "the short name of the organisation; else made of its name")
    static let identifier = Flag("--id", "UUID", summary: "its id; else a new one")
    static let organisation = Flag("--org", "SLUG|ID", summary: "the organisation")
    static let personName = Flag("--name", "NAME", summary: "the user's name")
    static let role = Flag("--role", "ROLE", summary: "owner, admin or member; else member")
}

extension Verb {
    /// Organisations of the llm surface.
    static let organisations = Verb(
        "org", "add, list or remove organisations",
        positionals: [
            Positional("ACTION", "add, list or remove"),
            Positional("NAME", isRequired: false, "the name for add; the slug or id for remove"),
        ],
        flags: [.dataDirectory, .slug, .identifier],
        notes: [
            "`remove` also removes the organisation's users and everything that they have stored.",
            "The data directory must not be in use: stop the server first.",
        ]
    ) { invocation throws(CommandFailure) in
        let positionals = invocation.arguments.positionals
        switch (positionals[0], positionals.count) {
        case ("add", 2):
            try invocation.withEngine { engine throws(ChatError) in
                let organisation = try engine.addOrganisation(
                    name: positionals[1], slug: invocation.value(.slug), id: invocation.value(.identifier))
                invocation.console.output("\(organisation.id)  \(organisation.slug)  \(organisation.name)")
            }
        case ("list", 1):
            try invocation.withEngine { engine throws(ChatError) in
                for organisation in try engine.organisations() {
                    invocation.console.output("\(organisation.id)  \(organisation.slug)  \(organisation.name)")
                }
            }
        case ("remove", 2):
            try invocation.withEngine { engine throws(ChatError) in
                let users = try engine.removeOrganisation(positionals[1])
                invocation.console.output("removed \(positionals[1]) with \(users) users")
            }
        default: throw CommandFailure(.usage, "org wants `add NAME`, `list` or `remove SLUG`")
        }
        return .success
    }

    /// Users of the llm surface.
    static let users = Verb(
        "user", "add or list users of an organisation",
        positionals: [
            Positional("ACTION", "add or list"),
            Positional("EMAIL", isRequired: false, "the address of the user to add"),
        ],
        flags: [.dataDirectory, .organisation, .personName, .role, .identifier],
        notes: ["The data directory must not be in use: stop the server first."]
    ) { invocation throws(CommandFailure) in
        let positionals = invocation.arguments.positionals
        guard let organisation = invocation.value(.organisation) else {
            throw CommandFailure(.usage, "user needs \(Flag.organisation.synopsis)")
        }
        switch (positionals[0], positionals.count) {
        case ("add", 2):
            let word = invocation.value(.role) ?? "member"
            guard let role = Account.Role(name: word) else {
                throw CommandFailure(.usage, "--role: \"\(word)\" is not one of owner, admin, member")
            }
            try invocation.withEngine { engine throws(ChatError) in
                let account = try engine.addAccount(
                    to: organisation, email: positionals[1], name: invocation.value(.personName) ?? "", role: role,
                    id: invocation.value(.identifier))
                invocation.console.output(account.line)
            }
        case ("list", 1):
            try invocation.withEngine { engine throws(ChatError) in
                for account in try engine.accounts(of: organisation) { invocation.console.output(account.line) }
            }
        default: throw CommandFailure(.usage, "user wants `add EMAIL` or `list`")
        }
        return .success
    }
}

extension Account {
    fileprivate var line: String { "\(id)  \(organisation)  \(email)  \(role.name)  \(name)" }
}

extension Invocation {
    func value(_ flag: Flag) -> String? { arguments.values[flag.name]?.last }

    /// Opens the store of `--data-dir` for one piece of work.
    fileprivate func withEngine(_ body: (ChatEngine) throws(ChatError) -> Void) throws(CommandFailure) {
        guard let directory = arguments.overrides.last?.text else {
            throw CommandFailure(.usage, "\(verb.name) needs \(Flag.dataDirectory.synopsis)")
        }
        let store: LogStore
        do throws(LogStoreError) {
            store = try LogStore.open(
                disk: try LiveDisk(making: directory), clock: LiveClock(), random: SystemRandom())
        } catch {
            throw CommandFailure(error, directory: directory)
        }
        let engine = ChatEngine(
            store: store, clock: LiveClock(), random: SystemRandom(), readers: ReaderPool(threads: 1))
        var failure: CommandFailure?
        do throws(ChatError) { try body(engine) } catch { failure = CommandFailure(error, verb: verb.name) }
        engine.close()
        do throws(LogStoreError) { try store.close() } catch {
            failure = failure ?? CommandFailure(error, directory: directory)
        }
        if let failure { throw failure }
    }
}

extension CommandFailure {
    /// What the operator is told when an account cannot be changed.
    fileprivate init(_ error: ChatError, verb: String) {
        switch error {
        case .organisationNotFound: self.init(.failure, "there is no such organisation; `chat-server org list`")
        case .accountExists: self.init(.failure, "there is one with that id, slug or address already")
        case .invalid(let field, let reason): self.init(.usage, "\(field) \(reason)")
        default: self.init(.failure, "\(verb): \(error)")
        }
    }
}
