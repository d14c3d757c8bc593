internal import ChatEngine
internal import LogStore

/// What `init --demo` puts into a store: a few users with conversations, as clients would have made them.
///
/// Session ids are fixed, and a conversation is a list of turns in order, so what is there already says what is missing:
/// filling goes on where an earlier attempt was cut short, and does nothing to a store that has it all.
enum DemoStore {
    struct Conversation: Sendable {
        let tenant: TenantName
        let ids: IdentifierFormat
        let id: String
        let owner: String
        /// With it orion clients begin a session; it is not stored as a message.
        let opening: UTF8Text
        let turns: [Turn]
    }

    struct Turn: Sendable {
        let role: Message.Role
        let content: String
        /// What an answer cost; nil for a question.
        let tokens: Int?

        static func user(_ content: String) -> Turn { Turn(role: .user, content: content, tokens: nil) }

        static func assistant(_ content: String, tokens: Int) -> Turn {
            Turn(role: .assistant, content: content, tokens: tokens)
        }

        var metadata: RawJSON? {
            guard let tokens else { return nil }
            var object = JSONObject()
            object["tokens"] = .number(Double(tokens))
            object["provider"] = .string("demo")
            return RawJSON(.object(object))
        }
    }

    /// How much was added by one filling.
    struct Outcome: Sendable, Equatable {
        var sessions = 0
        var messages = 0
    }

    /// Adds what is missing.
    /// - Returns: nil, and nothing is added, if the store has sessions and they are not the demo's.
    static func fill(_ engine: ChatEngine) throws(ChatError) -> Outcome? {
        if engine.status.sessionsCreated > 0, let first = conversations.first {
            guard try session(first, engine) != nil else { return nil }
        }
        try fillAccounts(engine)
        var outcome = Outcome()
        for conversation in conversations {
            let access = Access.operator(tenant: conversation.tenant)
            var stored = 0
            if let session = try session(conversation, engine) {
                stored = session.messageCount
            } else {
                _ = try engine.createSession(draft(conversation), access)
                outcome.sessions += 1
            }
            for turn in conversation.turns.dropFirst(stored) {
                let message = MessageDraft(
                    ids: conversation.ids, role: turn.role, content: UTF8Text(turn.content),
                    metadata: turn.metadata)
                _ = try engine.saveMessage(message, to: conversation.id, access)
                outcome.messages += 1
            }
        }
        return outcome
    }

    /// The organisations and users of the originals' seeds.
    private static func fillAccounts(_ engine: ChatEngine) throws(ChatError) {
        if try !engine.passwordAccounts().contains(where: { $0.username == login.username }),
            let password = PasswordHash(of: login.password)
        {
            _ = try engine.addPasswordAccount(username: login.username, password: password, userID: login.username)
        }
        let present = Set(try engine.organisations().map(\.id))
        for organisation in organisations where !present.contains(organisation.id) {
            _ = try engine.addOrganisation(name: organisation.name, slug: organisation.slug, id: organisation.id)
        }
        for organisation in organisations {
            let present = Set(try engine.accounts(of: organisation.id).map(\.id))
            for account in accounts where account.organisation == organisation.id && !present.contains(account.id) {
                _ = try engine.addAccount(
                    to: organisation.id, email: account.email, name: account.name, role: account.role, id: account.id)
            }
        }
    }

    private static func session(
        _ conversation: Conversation, _ engine: ChatEngine
    ) throws(ChatError) -> Session? {
        do throws(ChatError) {
            return try engine.session(conversation.id, .operator(tenant: conversation.tenant)).session
        } catch .sessionNotFound {
            return nil
        }
    }

    private static func draft(_ conversation: Conversation) -> SessionDraft {
        var state = SessionState()
        state.title = SessionTitle.derived(from: conversation.opening)
        state.firstMessage = conversation.opening
        return SessionDraft(ids: conversation.ids, id: conversation.id, owner: conversation.owner, state: state)
    }
}

extension DemoStore {
    /// The user of the poc surface; known to everybody, so a demo is no store for real data.
    static let login = (username: "test", password: "test123")

    static let organisations: [(id: String, slug: String, name: String)] = [
        ("00000000-0000-0000-0000-000000000001", "acme-corp", "Acme Corp"),
        ("00000000-0000-0000-0000-000000000002", "tech-startup", "Tech Startup Inc"),
    ]

    static let accounts: [(id: String, organisation: String, email: String, name: String, role: Account.Role)] = [
        ("00000000-0000-0000-0001-000000000001", organisations[0].id, "admin@acme.com", "Alice Admin", .admin),
        ("00000000-0000-0000-0001-000000000002", organisations[0].id, "user@acme.com", "Bob User", .member),
        (
            "00000000-0000-0000-0001-000000000003", organisations[1].id, "founder@techstartup.com", "Charlie Founder",
            .owner
        ),
    ]

    /// The first one is how a store is recognised as the demo's.
    static let conversations: [Conversation] = [
        Conversation(
            tenant: .orion, ids: .orion, id: "session_1760000000001_demo0000001", owner: "alice@example.com",
            opening: "What is a write-ahead log?",
            turns: [
                .assistant(
                    "A file that is only appended to. A change is written there and synced before it is acknowledged; "
                        + "after a crash the log is read again.", tokens: 31),
                .user("And when the machine dies in the middle of a write?"),
                .assistant(
                    "Then the last record does not match its checksum. Nobody was told that it had been saved, so it "
                        + "is dropped.", tokens: 27),
            ]),
        Conversation(
            tenant: .orion, ids: .orion, id: "session_1760000000002_demo0000002", owner: "alice@example.com",
            opening: "Plan a long weekend in Lisbon for two people who like tiles, trams and custard tarts",
            turns: [
                .assistant("Day 1: Alfama on foot, tram 28 before nine. Day 2: the tile museum, Belém.", tokens: 25),
                .user("Is Sintra worth half a day? 🚂"),
                .assistant("Yes: the train from Rossio takes 40 minutes. Go early and book Pena ahead.", tokens: 22),
            ]),
        Conversation(
            tenant: .orion, ids: .orion, id: "session_1760000000003_demo0000003", owner: "alice@example.com",
            opening: "Übersetze bitte: »Der frühe Vogel fängt den Wurm«",
            turns: [.assistant("“The early bird catches the worm.”", tokens: 9)]),
        Conversation(
            tenant: .orion, ids: .orion, id: "session_1760000000004_demo0000004", owner: "bob@example.com",
            opening: "Why is my SQL query slow?",
            turns: [
                .assistant("Show me the query and its plan (EXPLAIN ANALYZE).", tokens: 13),
                .user("EXPLAIN ANALYZE\nSELECT * FROM orders WHERE customer = 42;\n-- Seq Scan on orders, 812 ms"),
                .assistant("There is no index on orders(customer), so every row is read. Create one.", tokens: 19),
                .user("4 ms now. Thank you!"),
            ]),
        Conversation(
            tenant: .orion, ids: .orion, id: "session_1760000000005_demo0000005", owner: "carol@example.com",
            opening: "Remind me what we decided about backups", turns: []),
        Conversation(
            tenant: .llm(organisation: organisations[0].id), ids: .uuid, id: "5d0c2f0e-6d0a-4c55-9a53-0d2f5a1b7c01",
            owner: accounts[0].id,
            opening: "Summarise the release notes",
            turns: [
                .user("Summarise the release notes"),
                .assistant("Two fixes and one new setting; nothing to migrate.", tokens: 11),
            ]),
        Conversation(
            tenant: .aivo(tenant: "demo"), ids: .uuid, id: "5d0c2f0e-6d0a-4c55-9a53-0d2f5a1b7c02", owner: "learner-1",
            opening: "Fractions",
            turns: [
                .user("Why is 1/2 more than 1/3?"),
                .assistant("Cut a cake into two pieces, then into three: which piece is larger?", tokens: 17),
            ]),
    ]
}
