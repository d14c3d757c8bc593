import ChatEngine
import Glibc
import LogStore
import Testing

@testable import chat_server

@Suite struct StoreVerbTests {
    private func run(_ arguments: String...) -> (code: ExitCode, output: String, error: String) {
        let output = Lines()
        let error = Lines()
        let console = Console(output: { output.append($0) }, error: { error.append($0) })
        let code = Dispatcher(verbs: Verb.all, environment: [:], console: console).run(arguments)
        return (code, output.text, error.text)
    }

    @Test func initMakesAStoreAndKeepsIt() throws {
        let directory = try TemporaryDirectory()
        let first = run("init", "--data-dir", directory.path)
        #expect(first.code == .success)
        #expect(first.output.hasPrefix("store "))
        let secret = try ServerSecret.loadOrMake(in: directory.path)
        #expect(secret.count == 32)
        let second = run("init", "--data-dir", directory.path)
        #expect(second.output == first.output)
        #expect(try ServerSecret.loadOrMake(in: directory.path) == secret)
        #expect(run("init").code == .usage)
    }

    @Test func theDemoIsThereOnce() throws {
        let directory = try TemporaryDirectory()
        let first = run("init", "--data-dir", directory.path, "--demo")
        #expect(first.code == .success)
        let sessions = DemoStore.conversations.count
        let messages = DemoStore.conversations.reduce(0) { $0 + $1.turns.count }
        #expect(first.output.contains("\nadded \(sessions) sessions and \(messages) messages;"))
        let second = run("init", "--data-dir", directory.path, "--demo")
        #expect(second.code == .success)
        #expect(second.output.hasSuffix("\nthe demo is there already\n"))

        try withEngine(directory.path) { engine in
            for conversation in DemoStore.conversations {
                let access = Access.operator(tenant: conversation.tenant)
                let page = try engine.history(of: conversation.id, HistoryQuery(limit: 100), access)
                #expect(page.messages.map(\.message.content.string) == conversation.turns.map(\.content))
            }
        }
    }

    @Test func aDemoThatWasCutShortIsCompleted() throws {
        let directory = try TemporaryDirectory()
        let first = DemoStore.conversations[0]
        try withEngine(directory.path) { engine in
            let access = Access.operator(tenant: first.tenant)
            _ = try engine.createSession(SessionDraft(ids: .orion, id: first.id, owner: first.owner), access)
            let turn = MessageDraft(ids: .orion, role: .assistant, content: UTF8Text(first.turns[0].content))
            _ = try engine.saveMessage(turn, to: first.id, access)
        }
        let rest = run("init", "--data-dir", directory.path, "--demo")
        let messages = DemoStore.conversations.reduce(0) { $0 + $1.turns.count }
        #expect(
            rest.output.contains(
                "\nadded \(DemoStore.conversations.count - 1) sessions and \(messages - 1) messages;"))
    }

    @Test func theDemoDoesNotMixWithOtherSessions() throws {
        let directory = try TemporaryDirectory()
        try withEngine(directory.path) { engine in
            _ = try engine.createSession(SessionDraft(ids: .orion, owner: "ann"), .operator(tenant: .orion))
        }
        let refused = run("init", "--data-dir", directory.path, "--demo")
        #expect(refused.code == .failure)
        #expect(refused.error.hasSuffix("has sessions of its own; --demo fills an empty store only\n"))
        try withEngine(directory.path) { #expect($0.status.sessionsCreated == 1) }
    }

    private func withEngine(_ path: String, _ body: (ChatEngine) throws -> Void) throws {
        let store = try LogStore.open(disk: try LiveDisk(path: path), clock: LiveClock(), random: SystemRandom())
        let engine = ChatEngine(store: store, clock: LiveClock(), random: SystemRandom())
        defer { engine.close() }
        try body(engine)
        try store.close()
    }

    @Test func secretThatOthersReadIsRefused() throws {
        let directory = try TemporaryDirectory()
        _ = try ServerSecret.loadOrMake(in: directory.path)
        #expect(chmod(directory.path + "/" + ServerSecret.fileName, 0o644) == 0)
        #expect(throws: CommandFailure.self) { try ServerSecret.loadOrMake(in: directory.path) }
    }

    @Test func verifyAndStats() throws {
        let directory = try TemporaryDirectory()
        let made = run("init", "--data-dir", directory.path)
        let clean = run("verify", directory.path)
        #expect(clean.code == .success)
        #expect(clean.output.hasPrefix(made.output))
        #expect(clean.output.hasSuffix("no damage found\n"))
        let stats = run("stats", directory.path)
        #expect(stats.code == .success)
        #expect(stats.output.contains("sessionsCreated  0\n"))
        let json = run("stats", directory.path, "--json")
        let id = made.output.dropFirst("store ".count).dropLast()
        #expect(json.output.hasPrefix("{\"store\":\"\(id)\","))
        #expect(json.output.hasSuffix("}]}\n"))

        try directory.write("not a manifest", to: "m-0000000000000001.man", mode: 0o600)
        let damaged = run("verify", directory.path)
        #expect(damaged.code == .damaged)
        #expect(damaged.error.contains("\(directory.path)/m-0000000000000001.man offset 0: "))
        #expect(run("stats", directory.path).code == .damaged)
    }

    @Test func directoriesThatHoldNoStore() throws {
        let directory = try TemporaryDirectory()
        try directory.write("x", to: "notes.txt", mode: 0o600)
        for verb in ["verify", "stats"] {
            #expect(run(verb, directory.path).code == .unsupported)
            #expect(run(verb, directory.path + "/missing").code == .failure)
        }
        #expect(run("init", "--data-dir", directory.path).code == .unsupported)
    }

    @Test func aStoreInUseNamesItsHolder() throws {
        let directory = try TemporaryDirectory()
        let store = try LogStore.open(
            disk: try LiveDisk(path: directory.path), clock: LiveClock(), random: SystemRandom())
        let refused = run("verify", directory.path)
        #expect(refused.code == .inUse)
        #expect(refused.error.contains("pid \(getpid())"))
        #expect(run("stats", directory.path).code == .success)
        try store.close()
    }

    @Test(arguments: [
        (LogStoreError.newerFormat(file: "FORMAT", detail: "2"), ExitCode.unsupported, "d/FORMAT"),
        (.notAStore("no FORMAT"), .unsupported, "no FORMAT"),
        (.corrupt(file: "w-1", offset: 4096, detail: "x"), .damaged, "d/w-1 is damaged at offset 4096"),
        (.locked(path: "d", holder: "pid 7"), .inUse, "pid 7"),
        (.io(DiskError(.readOnly, operation: "create", file: "w-1")), .failure, "mount it writable"),
        (.io(DiskError(.permission, operation: "open", file: "d")), .failure, "no permission to open d;"),
        (.io(DiskError(.noSpace, operation: "create", file: "w-1")), .failure, "free space"),
    ])
    func failures(_ error: LogStoreError, _ code: ExitCode, _ part: String) {
        let failure = CommandFailure(error, directory: "d")
        #expect(failure.exitCode == code)
        #expect(failure.messages.joined(separator: "\n").contains(part))
    }
}

@Suite struct AccountVerbTests {
    private func run(_ arguments: String...) -> (code: ExitCode, output: String, error: String) {
        let output = Lines()
        let error = Lines()
        let console = Console(output: { output.append($0) }, error: { error.append($0) })
        let code = Dispatcher(verbs: Verb.all, environment: [:], console: console).run(arguments)
        return (code, output.text, error.text)
    }

    @Test func organisationsAndUsersAreManaged() throws {
        let directory = try TemporaryDirectory()
        let data = ["--data-dir", directory.path]
        let added = run("org", "add", "Größe & Co.", data[0], data[1])
        #expect(added.code == .success)
        let id = String(added.output.prefix(36))
        #expect(added.output == "\(id)  gr-e-co  Größe & Co.\n")
        #expect(run("org", "list", data[0], data[1]).output == added.output)
        #expect(run("org", "add", "Other", "--slug", "gr-e-co", data[0], data[1]).code == .failure)
        #expect(run("org", "add", "Other", "--slug", "Not A Slug", data[0], data[1]).code == .usage)

        let user = run("user", "add", "ann@x.example", "--org", "gr-e-co", "--role", "admin", data[0], data[1])
        #expect(user.code == .success)
        #expect(user.output.contains("  \(id)  ann@x.example  admin  "))
        #expect(run("user", "list", "--org", id, data[0], data[1]).output == user.output)
        #expect(run("user", "add", "Ann@x.example", "--org", id, data[0], data[1]).code == .failure)
        #expect(run("user", "add", "bob@x.example", "--org", "nobody", data[0], data[1]).code == .failure)
        #expect(run("user", "add", "b@x.example", "--org", id, "--role", "king", data[0], data[1]).code == .usage)

        #expect(run("org", "remove", "gr-e-co", data[0], data[1]).output == "removed gr-e-co with 1 users\n")
        #expect(run("org", "list", data[0], data[1]).output.isEmpty)
        #expect(run("org", "remove", "gr-e-co", data[0], data[1]).code == .failure)
        #expect(run("org", "list").code == .usage)
        #expect(run("org", "paint", data[0], data[1]).code == .usage)
    }
}
