import ChatEngine
import Glibc
import LogStore
import TestSupport
import Testing

@testable import chat_server

/// The verbs `org` and `user` as an operator calls them: with the server stopped and with it running.
@Suite struct AccountBinaryTests {
    typealias Outcome = (ending: Ending, output: String, error: String)

    /// Runs the program with `input` on its standard input, which is a pipe.
    private func run(_ arguments: [String], input: String = "") throws -> Outcome {
        try ServerBinary.run(arguments, wrapper: ["sh", "-c", "printf '%s' '\(input)' | \"$0\" \"$@\""])
    }

    private func users(_ directory: String) throws -> [PasswordAccount] {
        let store = try LogStore.open(
            disk: try LiveDisk(existing: directory), clock: LiveClock(), random: SystemRandom())
        let engine = ChatEngine(
            store: store, clock: LiveClock(), random: SystemRandom(), readers: ReaderPool(threads: 1))
        defer {
            engine.close()
            try? store.close()
        }
        return try engine.passwordAccounts()
    }

    /// All bytes of the directory's files.
    private func contents(_ directory: TemporaryDirectory) throws -> [[UInt8]] {
        try directory.names().map { name in
            let descriptor = open(directory.path + "/" + name, O_RDONLY)
            defer { close(descriptor) }
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
            return bytes
        }
    }

    @Test func usersWithAPassword() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let data = ["--data-dir", directory.path]
            let added = try run(
                ["user", "add", "--username", "ann", "--role", "admin", "--id", "u1"] + data,
                input: "correct horse\nbattery")
            #expect(added.ending == .exited(0), "\(added.error)")
            #expect(added.output.hasPrefix("u1  ann  admin  2"))
            // The line end does not belong to it, and need not be there.
            let other = try run(["user", "add", "--username", "Ann"] + data, input: "staple\r\n")
            #expect(other.output.contains("  Ann  user  "))
            #expect(try run(["user", "list"] + data).output == other.output + added.output)
            let stored = try users(directory.path)
            #expect(stored.map(\.username) == ["Ann", "ann"])
            #expect(stored[0].password.matches("staple") && stored[1].password.matches("correct horse"))

            let taken = try run(["user", "add", "--username", "ann"] + data, input: "x")
            #expect(taken.ending == .exited(1))
            #expect(taken.error.contains("refused: there is one with that id, slug, address or name already"))
            for (input, reason) in [("", "1 to 1024 bytes"), ("\nx", "1 to 1024 bytes"), ("\\377", "not UTF-8")] {
                let refused = try ServerBinary.run(
                    ["user", "passwd", "--username", "ann"] + data,
                    wrapper: ["sh", "-c", "printf '\(input)' | \"$0\" \"$@\""])
                #expect(refused.ending == .exited(2), "\(input)")
                #expect(refused.error.contains(reason))
            }
            let long = try ServerBinary.run(
                ["user", "passwd", "--username", "ann"] + data,
                wrapper: ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x | \"$0\" \"$@\""])
            #expect(long.ending == .exited(2))

            let changed = try run(["user", "passwd", "--username", "ann"] + data, input: "new secret")
            #expect(changed.ending == .exited(0), "\(changed.error)")
            #expect(try users(directory.path)[1].password.matches("new secret"))
            #expect(try run(["user", "passwd", "--username", "bob"] + data, input: "x").ending == .exited(1))

            let removed = try run(["user", "remove", "--username", "ann"] + data)
            #expect(removed.output.hasPrefix("removed ann; its chats stay"))
            #expect(removed.output.contains("`chat-server erase --tenant poc --user u1`"))
            #expect(try users(directory.path).map(\.username) == ["Ann"])
            #expect(try run(["user", "remove", "--username", "ann"] + data).ending == .exited(1))
            // No password is in a file, or was ever printed.
            for bytes in try contents(directory) {
                let text = String(decoding: bytes, as: UTF8.self)
                for secret in ["correct horse", "staple", "new secret"] { #expect(!text.contains(secret)) }
            }
            for outcome in [added, other, changed] { #expect(!(outcome.output + outcome.error).contains("horse")) }
        }
    }

    @Test func callsThatAreWrong() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let data = ["--data-dir", directory.path]
            #expect(try ServerBinary.run(["init"] + data).ending == .exited(0))
            for arguments in [
                ["user", "add"], ["user", "add", "ann@x.example"], ["user", "passwd"], ["user", "paint"],
                ["user", "add", "ann@x.example", "--username", "ann"], ["user", "list", "--username", "ann"],
                ["user", "add", "--username", "ann", "--org", "a"],
                ["user", "add", "--username", "ann", "--name", "A"],
                ["user", "list", "--role", "admin"], ["user", "passwd", "--username", "ann", "--id", "x"],
                ["user", "add", "--username", "ann", "--role", "owner"], ["user", "add", "--username", "a\u{7}"],
            ] {
                let refused = try run(arguments + data, input: "secret")
                #expect(refused.ending == .exited(2), "\(arguments): \(refused.error)")
            }
            #expect(try users(directory.path).isEmpty)
            // A directory without a store is not made one by a list.
            let empty = try TemporaryDirectory()
            #expect(try run(["user", "list", "--data-dir", empty.path]).ending != .exited(0))
            #expect(try empty.names().isEmpty)
        }
    }

    @Test func accountsOfARunningServer() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(directory: directory.path, arguments: ["--admin", "127.0.0.1:0"])
            let port = try #require(server.adminPort)
            let admin = ["--admin", "127.0.0.1:\(port)"]
            let held = try run(["user", "list", "--data-dir", directory.path])
            #expect(held.ending == .exited(5))

            let organisation = try run(["org", "add", "Größe & Co."] + admin)
            #expect(organisation.output.contains("  gr-e-co  Größe & Co.\n"))
            #expect(try run(["org", "list"] + admin).output == organisation.output)
            #expect(try run(["org", "add", "x", "--slug", "Not A Slug"] + admin).ending == .exited(2))
            let member = try run(["user", "add", "ann@x.example", "--org", "gr-e-co", "--name", "Ann"] + admin)
            #expect(member.output.contains("  ann@x.example  member  Ann\n"))
            #expect(try run(["user", "list", "--org", "gr-e-co"] + admin).output == member.output)
            let (id, tenant) = (member.output.prefix(36), organisation.output.prefix(36))
            // It is there at once.
            let session = try server.client().send(
                "GET", "/chats", headers: [("x-org-id", String(tenant)), ("x-user-id", String(id))])
            #expect(session.status == 200)
            let removed = try run(["user", "remove", "ANN@x.example", "--org", "gr-e-co"] + admin)
            #expect(removed.output.contains("`chat-server erase --tenant llm:\(tenant) --user \(id)`"))
            #expect(try run(["user", "remove", "ann@x.example", "--org", "gr-e-co"] + admin).ending == .exited(1))

            let name = "o'neill&co=%20?"
            let user = try run(["user", "add", "--username", name, "--id", "u"] + admin, input: "pass-1")
            #expect(user.ending == .exited(0), "\(user.error)")
            #expect(try run(["user", "passwd", "--username", name] + admin, input: "pass-2").ending == .exited(0))
            #expect(try run(["user", "list"] + admin).output == user.output)
            // The listener takes hashes only, and tells them to nobody.
            let client = LoopbackClient(port: port)
            for password in ["pass-3", "pbkdf2-sha256$1$00$00"] {
                let refused = try client.json(
                    "POST", "/users/password", #"{"username":"\#(name)","password":"\#(password)"}"#)
                #expect(refused.status == 400)
            }
            #expect(try !client.send("GET", "/users").text.contains("pbkdf2"))
            #expect(try client.send("PUT", "/users", json: "{}").status == 405)
            #expect(try client.json("GET", "/users?user=u").status == 400)
            #expect(try run(["org", "remove", "gr-e-co"] + admin).output == "removed gr-e-co with 0 users\n")
            #expect(try server.stop() == .exited(0))
            #expect(try users(directory.path).map { $0.password.matches("pass-2") } == [true])
            #expect(!server.process.standardError.contains("pass-"))
            #expect(server.process.standardError.contains("an account was changed"))
        }
    }

    @Test func aPasswordIsTypedUnseen() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let terminal = try Terminal()
            func add(_ name: String, typing keys: [UInt8]) throws -> (ending: Ending, error: String) {
                let child = try ChildProcess(
                    ["sh", "-c", "exec \"$0\" \"$@\" <\(terminal.path)", try ServerBinary.path()]
                        + ["user", "add", "--username", name, "--data-dir", directory.path])
                _ = try child.waitForLine("the question") { $0 == "Password:" ? true : nil }
                terminal.type(keys)
                return (try child.wait(), child.standardError)
            }
            // With a slip of two bytes taken back, and a line begun anew.
            let keys = Array("seö".utf8) + [0x7F] + Array("cret\rxxx".utf8) + [0x15] + Array("secret\n".utf8)
            let added = try add("ann", typing: keys)
            #expect(added.ending == .exited(0), "\(added.error)")
            #expect(added.error == "Password:\nAgain:\n")
            #expect(try add("bob", typing: Array("secret\nSecret\n".utf8)).ending == .exited(2))
            // Interrupt and end of input leave the terminal as it was, too.
            for key: UInt8 in [0x03, 0x04] {
                #expect(try add("eve", typing: Array("sec".utf8) + [key]).ending == .exited(1))
            }
            #expect(terminal.shown.isEmpty)
            #expect(terminal.flags & tcflag_t(ECHO | ICANON | ISIG) == tcflag_t(ECHO | ICANON | ISIG))
            let stored = try users(directory.path)
            #expect(stored.map(\.username) == ["ann"])
            #expect(stored.first?.password.matches("secret") == true)
        }
    }

    @Test func theDemoHasALogin() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            for _ in 0..<2 {
                #expect(try ServerBinary.run(["init", "--data-dir", directory.path, "--demo"]).ending == .exited(0))
            }
            let stored = try users(directory.path)
            #expect(stored.map(\.username) == ["test"])
            #expect(stored.first?.password.matches("test123") == true)
            #expect(stored.first?.role == .user)
        }
    }
}

/// A terminal with nobody before it.
private final class Terminal {
    private let keyboard: Int32
    private let device: Int32
    let path: String

    init() throws {
        keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)
        var (number, isLocked): (Int32, Int32) = (0, 0)
        // TIOCSPTLCK and TIOCGPTN: macros that do not come over from C.
        guard keyboard >= 0, ioctl(keyboard, 0x4004_5431, &isLocked) == 0, ioctl(keyboard, 0x8004_5430, &number) == 0
        else { throw ChildError.system(call: "/dev/ptmx", code: errno) }
        path = "/dev/pts/\(number)"
        // Kept open, so that what is set outlives the programs.
        device = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard device >= 0 else { throw ChildError.system(call: "open \(path)", code: errno) }
    }

    deinit {
        close(device)
        close(keyboard)
    }

    func type(_ keys: [UInt8]) { writeAll(keys, to: keyboard) }

    /// What the screen shows and was not read before.
    var shown: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(keyboard, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }

    var flags: tcflag_t {
        var settings = termios()
        tcgetattr(device, &settings)
        return settings.c_lflag
    }
}
