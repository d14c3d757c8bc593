import ChatEngine
import Glibc
import LogStore
import TestSupport
import Testing

@testable import chat_server

/// What keeps the real server from starting: one clear line, the documented exit code, and a directory as it was.
@Suite struct StartFailureTests {
    /// Runs `serve` on a directory that it must leave alone, and compares what it says.
    private func expectRefusal(
        _ arguments: [String], in directory: TemporaryDirectory, wrapper: [String] = [], code: ExitCode,
        says text: String
    ) throws {
        let before = try DirectoryContents(directory.path)
        let result = try ServerBinary.run(
            ["serve", "--data-dir", directory.path] + arguments, wrapper: wrapper)
        #expect(result.ending == .exited(code.rawValue))
        // Warnings of the log may come before it.
        let sentences = result.error.split(separator: "\n").filter { !$0.hasPrefix("{\"timestamp\"") }
        #expect(sentences.count == 1 && result.output.isEmpty, "\(result.error)")
        #expect(sentences.last?.hasPrefix("chat-server: ") == true)
        #expect(sentences.last?.contains(text) == true, "\(result.error)")
        #expect(try DirectoryContents(directory.path) == before)
    }

    /// A directory with a store that has a message, and the message's session.
    private func store() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        try #require(
            try ServerBinary.run(["init", "--data-dir", directory.path, "--demo"]).ending == .exited(0))
        return directory
    }

    /// The store still has what it had.
    private func expectIntact(_ directory: TemporaryDirectory) throws {
        let server = try ServerProcess(directory: directory.path)
        let sessions = try server.client().json("GET", "/api/sessions/list?userId=alice@example.com")
        #expect(sessions.body["count"]?.number == 3)
        #expect(try server.stop() == .exited(0))
    }

    @Test func aSecondServerOnTheSameDirectory() async throws {
        try await onOwnThread {
            let directory = try store()
            let first = try ServerProcess(directory: directory.path)
            try expectRefusal(
                ["--listen", "127.0.0.1:0"], in: directory, code: .inUse, says: "in use by pid \(first.process.pid)")
            #expect(try first.client().send("GET", "/health").status == 200)
            #expect(try first.stop() == .exited(0))
            try expectIntact(directory)
        }
    }

    @Test(arguments: ["--listen", "--admin"])
    func aPortInUse(flag: String) async throws {
        try await onOwnThread {
            let first = try ServerProcess(directory: try TemporaryDirectory().path)
            let directory = try store()
            let address = "127.0.0.1:\(first.port)"
            let listen = flag == "--listen" ? [] : ["--listen", "127.0.0.1:0"]
            try expectRefusal(listen + [flag, address], in: directory, code: .inUse, says: "\(address) is in use")
            try expectIntact(directory)
        }
    }

    /// Mode 0555. Root may write all the same, so it gives that right up first.
    @Test func aDirectoryWithoutPermission() async throws {
        try await onOwnThread {
            let directory = try store()
            for name in DirectoryContents.names(directory.path) { chmod(directory.path + "/" + name, 0o400) }
            chmod(directory.path, 0o555)
            let rights = "-dac_override,-dac_read_search,-fowner"
            let wrapper = geteuid() == 0 ? ["setpriv", "--bounding-set", rights, "--inh-caps", rights] : []
            try expectRefusal(
                ["--listen", "127.0.0.1:0"], in: directory, wrapper: wrapper, code: .failure,
                says: "no permission to ")
            chmod(directory.path, 0o700)
            for name in DirectoryContents.names(directory.path) { chmod(directory.path + "/" + name, 0o600) }
            try expectIntact(directory)
        }
    }

    @Test(.enabled(if: MountNamespace.isAvailable, "needs the right to mount in a namespace of its own"))
    func aFileSystemMountedReadOnly() async throws {
        try await onOwnThread {
            let directory = try store()
            let remount =
                "mount --bind \(directory.path) \(directory.path) && mount -o remount,bind,ro \(directory.path)"
            try expectRefusal(
                ["--listen", "127.0.0.1:0"], in: directory, wrapper: MountNamespace.wrapper(after: remount),
                code: .failure, says: "mounted read-only; mount it writable, then try again")
            try expectIntact(directory)
        }
    }

    @Test func aDirectoryOfSomethingElse() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            try directory.write("mine", to: "notes.txt", mode: 0o600)
            try expectRefusal(
                ["--listen", "127.0.0.1:0"], in: directory, code: .unsupported,
                says: "notes.txt; nothing was changed")
        }
    }

    /// A file that is not the store's, beside a store, is told of and left alone.
    @Test func aForeignFileInAStore() async throws {
        try await onOwnThread {
            let directory = try store()
            try directory.write("mine", to: "notes.txt", mode: 0o600)
            let server = try ServerProcess(directory: directory.path)
            let warning = try server.process.waitForLine("the warning") {
                ServerProcess.event($0, "a file in the data directory is not the store's; it is left alone")
            }
            #expect(warning["file"]?.string == "notes.txt")
            #expect(try server.stop() == .exited(0))
            #expect(try DirectoryContents(directory.path).files["notes.txt"] == Array("mine".utf8))
            try expectIntact(directory)
        }
    }

    /// FORMAT says version 2, and its checksum is right (docs/format.md, "FORMAT").
    @Test func aStoreOfANewerFormat() async throws {
        try await onOwnThread {
            let directory = try store()
            let original = try #require(try DirectoryContents(directory.path).files["FORMAT"])
            var newer = original
            newer[8] = 2
            let hash = newer.dropLast(8).withUnsafeBytes { Checksum.xxh3($0, seed: 0) }
            withUnsafeBytes(of: hash.littleEndian) { newer.replaceSubrange((newer.count - 8)..., with: $0) }
            try directory.write(newer, to: "FORMAT")
            try expectRefusal(
                ["--listen", "127.0.0.1:0"], in: directory, code: .unsupported,
                says: "FORMAT was written by a newer version, so run that one: newer store format 2")
            try directory.write(original, to: "FORMAT")
            try expectIntact(directory)
        }
    }

    @Test(arguments: [
        (["--set", "store.cahce-bytes=1MiB"], ExitCode.configuration, "did you mean \"store.cache-bytes\"?"),
        (["--set", "orion.rate-limit=many"], .configuration, "orion.rate-limit: "),
        (["--orion-auth", "jwt"], .configuration, "ORION_SHARED_JWT_SECRET"),
        (["--lisen", "127.0.0.1:0"], .usage, "did you mean --listen?"),
        (["--listen", "127.0.0.1:0=orian"], .configuration, "did you mean orion?"),
        (["--admin", "0.0.0.0:0"], .configuration, "is not a loopback address"),
        (["--listen", "192.0.2.1:3999"], .failure, "this machine has no such address"),
        (["--tls-cert", "/dev/null", "--tls-key", "/dev/null"], .failure, "TLS certificate or key refused"),
        (["--config", "/nonexistent.json5"], .configuration, "/nonexistent.json5"),
    ])
    func wrongSettings(_ arguments: [String], _ code: ExitCode, _ text: String) async throws {
        try await onOwnThread {
            try expectRefusal(arguments, in: try store(), code: code, says: text)
        }
    }

    @Test func aSecretThatOthersCanRead() async throws {
        try await onOwnThread {
            let directory = try store()
            chmod(directory.path + "/" + ServerSecret.fileName, 0o644)
            let result = try ServerBinary.run(["serve", "--data-dir", directory.path, "--listen", "127.0.0.1:0"])
            #expect(result.ending == .exited(ExitCode.configuration.rawValue))
            #expect(
                result.error.hasSuffix("other users can read \(directory.path)/server-secret; run chmod 600 on it\n"))
            chmod(directory.path + "/" + ServerSecret.fileName, 0o600)
            try expectIntact(directory)
        }
    }
}

/// What a directory holds: every file with its bytes, but for LOCK, which tells who had the store last and is no part of
/// it.
struct DirectoryContents: Equatable {
    let files: [String: [UInt8]]

    init(_ path: String) throws {
        var files: [String: [UInt8]] = [:]
        for name in Self.names(path) where name != LiveDisk.lockName { files[name] = try Self.read(path + "/" + name) }
        self.files = files
    }

    static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    private static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw ChildError.system(call: "open \(path)", code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = Glibc.read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        return bytes
    }
}

/// A name space of mounts for one child process: what it mounts is gone with it, whatever becomes of the test.
enum MountNamespace {
    /// A command that does `setUp` and becomes the one behind it.
    static func wrapper(after setUp: String) -> [String] {
        ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", setUp + " && exec \"$0\" \"$@\""]
    }

    /// Root may, unless a container takes the right away.
    static let isAvailable: Bool = {
        let command = wrapper(after: "mount -t tmpfs -o size=1m tmpfs /mnt") + ["true"]
        return (try? ChildProcess(command).wait()) == .exited(0)
    }()
}
