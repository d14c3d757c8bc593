import ChatEngine
import Glibc
import LogStore
import TestSupport
import Testing

@testable import chat_server

@Suite struct BackupVerbTests {
    private func run(_ arguments: String...) -> (code: ExitCode, output: String, error: String) {
        let output = Lines()
        let error = Lines()
        let console = Console(output: { output.append($0) }, error: { error.append($0) })
        let code = Dispatcher(verbs: Verb.all, environment: [:], console: console).run(arguments)
        return (code, output.text, error.text)
    }

    private static func open(_ path: String) throws -> LogStore {
        var options = StoreOptions()
        options.reserveBytes = 0
        options.softLimitBytes = 0
        options.logFileBytes = 32 << 10
        return try LogStore.open(
            disk: try LiveDisk(path: path, createIfMissing: true), clock: LiveClock(), random: SystemRandom(),
            options: options, execution: .inline)
    }

    /// A batch with one message of `bytes` bytes, in a new session of its own.
    @discardableResult
    private static func write(_ store: LogStore, _ id: String, bytes: Int = 3000) throws -> CommitReceipt {
        var batch = Batch()
        let session = batch.createSession(id: id, tenant: "t", user: "ann")
        batch.append([UInt8](repeating: 120, count: bytes), to: session)
        return try store.commit(batch)
    }

    private static func has(_ path: String, _ id: String) throws -> Bool {
        let store = try open(path)
        let tenant = try #require(try store.tenant(named: "t"))
        let found = try store.session(id: id, in: tenant) != nil
        try store.close()
        return found
    }

    private static func flip(_ path: String, at offset: Int) throws {
        let descriptor = Glibc.open(path, O_RDWR)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var byte: UInt8 = 0
        try #require(pread(descriptor, &byte, 1, offset) == 1)
        byte ^= 0x40
        try #require(pwrite(descriptor, &byte, 1, offset) == 1)
    }

    private static func inode(_ path: String) -> UInt64 {
        var raw = stat()
        return stat(path, &raw) == 0 ? UInt64(raw.st_ino) : 0
    }

    private static func files(_ path: String, _ suffix: String) throws -> [String] {
        try FlatDirectory(path).names().filter { $0.hasSuffix(suffix) }
    }

    @Test func backupBesideAWriterIsIncremental() throws {
        let base = TestSupport.TemporaryDirectory()
        let (data, dest) = (base.path + "/data", base.path + "/backup")
        let store = try Self.open(data)
        _ = try ServerSecret.loadOrMake(in: data)
        for i in 0..<20 { try Self.write(store, "a\(i)") }
        try store.flush()
        try Self.write(store, "log")
        let first = run("backup", data, dest)
        #expect(first.code == .success, "\(first.error)")
        #expect(first.output.contains("holds LSN 21 of 20"))
        #expect(first.output.contains("the server's secret is in it"))
        #expect(access(data + "/backup.pin", F_OK) != 0)
        var raw = stat()
        #expect(stat(dest + "/server-secret", &raw) == 0 && raw.st_mode & 0o777 == 0o600)
        #expect(stat(dest, &raw) == 0 && raw.st_mode & 0o777 == 0o700)
        let table = try #require(try Self.files(data, ".seg").first)
        #expect(Self.inode("\(data)/\(table)") == Self.inode("\(dest)/\(table)"))
        #expect(Self.inode(data + "/FORMAT") != Self.inode(dest + "/FORMAT"))

        for i in 0..<20 { try Self.write(store, "b\(i)") }
        try store.compact()
        let second = run("backup", data, dest, "--copy")
        #expect(second.code == .success, "\(second.error)")
        #expect(second.output.contains("holds LSN 41 of 20"))
        #expect(!second.output.contains(" 0 unchanged"))
        let merged = try #require(try Self.files(data, ".seg").first { $0 != table })
        #expect(Self.inode("\(data)/\(merged)") != Self.inode("\(dest)/\(merged)"))
        #expect(run("verify", dest).code == .success)
        try store.close()

        // Somebody else's pin stays.
        try FlatDirectory(data).write(Array("mine".utf8), to: "backup.pin")
        #expect(run("backup", data, dest).code == .success)
        #expect(access(data + "/backup.pin", F_OK) == 0)

        // A copy that lived on is no backup any more.
        #expect(try Self.has(dest, "b19"))
        let refused = run("backup", data, dest)
        #expect(refused.code == .unsupported && refused.error.contains("a store of its own"))
    }

    /// Where links cannot reach, everything is copied.
    @Test func backupToAnotherFileSystem() throws {
        let base = TestSupport.TemporaryDirectory()
        let data = base.path + "/data"
        let store = try Self.open(data)
        for i in 0..<5 { try Self.write(store, "a\(i)") }
        try store.flush()
        try store.close()
        var here = stat()
        var there = stat()
        try #require(stat(data, &here) == 0)
        guard stat("/dev/shm", &there) == 0, here.st_dev != there.st_dev else { return }
        var template = Array("/dev/shm/chat-server-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let dest = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in (try? FlatDirectory(dest).names()) ?? [] { unlink("\(dest)/\(name)") }
            rmdir(dest)
        }
        let made = run("backup", data, dest)
        #expect(made.code == .success, "\(made.error)")
        #expect(made.output.contains("linked 0 (0 bytes)"))
        #expect(run("backup", data, dest).output.contains("copied 0 files"))
        #expect(run("restore", dest, "--to", base.path + "/new").code == .success)
        #expect(try Self.has(base.path + "/new", "a4"))
    }

    @Test func destinationsThatAreRefused() throws {
        let base = TestSupport.TemporaryDirectory()
        let (data, other) = (base.path + "/data", base.path + "/other")
        try Self.open(data).close()
        try Self.open(other).close()
        #expect(run("backup", data, other).error.contains("is of store"))
        #expect(run("backup", data, data).code == .usage)
        #expect(run("backup", data, data + "/inside").code == .usage)
        #expect(access(data + "/inside", F_OK) != 0)
        let notes = base.path + "/notes"
        mkdir(notes, 0o700)
        try FlatDirectory(notes).write([1], to: "letter.txt")
        #expect(run("backup", data, notes).error.contains("it has letter.txt; nothing was changed"))
        #expect(try FlatDirectory(notes).names() == ["letter.txt"])
        #expect(run("backup", notes, base.path + "/new").code == .unsupported)
    }

    @Test func restoreToATimeAndToABatch() throws {
        let base = TestSupport.TemporaryDirectory()
        let (data, dest) = (base.path + "/data", base.path + "/backup")
        let store = try Self.open(data)
        for i in 1...5 { try Self.write(store, "s\(i)") }
        #expect(run("backup", data, dest).code == .success)
        let sixth = try Self.write(store, "s6")
        for i in 7...9 { try Self.write(store, "s\(i)") }
        try store.close()

        let byBatch = run("restore", dest, "--to", base.path + "/three", "--at", "3")
        #expect(byBatch.code == .success, "\(byBatch.error)")
        #expect(byBatch.output.contains("restored to LSN 3 of") && byBatch.output.contains("more behind that"))
        #expect(try Self.has(base.path + "/three", "s3"))
        #expect(try !Self.has(base.path + "/three", "s4"))

        let tooNew = run("restore", dest, "--to", base.path + "/six", "--at", "6")
        #expect(tooNew.code == .failure && tooNew.error.contains("--log-from"))
        #expect(access(base.path + "/six", F_OK) != 0 && access(base.path + "/six.restoring", F_OK) != 0)
        let microseconds = sixth.time.microseconds
        var text: [UInt8] = []
        text.append(isoMicroseconds: Timestamp(microseconds: microseconds))
        let byTime = run(
            "restore", dest, "--to", base.path + "/six", "--at", String(decoding: text, as: UTF8.self),
            "--log-from", data)
        #expect(byTime.code == .success, "\(byTime.error)")
        #expect(byTime.output.contains("restored to LSN 6 of"))
        #expect(try Self.has(base.path + "/six", "s6"))
        #expect(try !Self.has(base.path + "/six", "s7"))

        #expect(run("restore", dest, "--to", base.path + "/six").code == .usage)
        #expect(run("restore", dest).code == .usage)
        #expect(run("restore", dest, "--to", base.path + "/x", "--at", "yesterday").code == .usage)
        #expect(run("restore", base.path, "--to", base.path + "/x").code == .unsupported)
    }

    @Test func erasuresAreAppliedAgain() throws {
        let base = TestSupport.TemporaryDirectory()
        let (data, dest) = (base.path + "/data", base.path + "/backup")
        let store = try Self.open(data)
        let key = try Self.write(store, "gone").sessions[0]
        try Self.write(store, "stays")
        #expect(run("backup", data, dest).code == .success)
        var erasure = Batch()
        erasure.erase(.session(key))
        try store.commit(erasure)

        // The directory is in use while its ledger is read.
        let restored = run("restore", dest, "--to", base.path + "/new", "--erasures-from", data)
        #expect(restored.code == .success, "\(restored.error)")
        #expect(restored.output.contains("1 erasures are known: 1 applied again"))
        #expect(try !Self.has(base.path + "/new", "gone"))
        #expect(try Self.has(base.path + "/new", "stays"))
        try store.close()

        // To a time before the erasure that the backup itself knows of.
        #expect(run("backup", data, dest).code == .success)
        let earlier = run("restore", dest, "--to", base.path + "/earlier", "--at", "2")
        #expect(earlier.code == .success, "\(earlier.error)")
        #expect(try !Self.has(base.path + "/earlier", "gone"))
    }

    @Test func repairTakesWholeFilesFromABackup() throws {
        let base = TestSupport.TemporaryDirectory()
        let (data, dest) = (base.path + "/data", base.path + "/backup")
        let store = try Self.open(data)
        for i in 0..<30 {
            try Self.write(store, "a\(i)")
            if i % 10 == 9 { try store.flush() }
        }
        try Self.write(store, "last")
        try store.close()
        #expect(run("backup", data, dest, "--copy").code == .success)
        #expect(run("repair", data, "--from", dest).output == "no damage found\n")

        let tables = try Self.files(data, ".seg")
        let logs = try Self.files(data, ".wal")
        let manifest = try #require(try Self.files(data, ".man").last)
        try Self.flip("\(data)/\(tables[0])", at: 300)
        #expect(unlink("\(data)/\(tables[1])") == 0)
        try Self.flip("\(data)/\(logs[0])", at: 5000)
        try Self.flip("\(data)/\(manifest)", at: 40)
        #expect(run("verify", data).code == .damaged)
        let mended = run("repair", data, "--from", dest)
        #expect(mended.code == .success, "\(mended.error)")
        for name in [tables[0], tables[1], logs[0], manifest] {
            #expect(mended.output.contains("replaced \(name)\n"))
        }
        #expect(run("verify", data).code == .success)

        // What is damaged in both stays as it is, and is told.
        try Self.flip("\(data)/\(tables[0])", at: 300)
        try Self.flip("\(dest)/\(tables[0])", at: 301)
        let inode = Self.inode("\(data)/\(tables[0])")
        let left = run("repair", data, "--from", dest)
        #expect(left.code == .damaged && left.error.contains(tables[0]) && !left.output.contains("replaced"))
        #expect(Self.inode("\(data)/\(tables[0])") == inode)
        #expect(run("repair", data).code == .usage)
    }

    @Test func repairDoesNotShortenTheLog() throws {
        let base = TestSupport.TemporaryDirectory()
        let (data, dest) = (base.path + "/data", base.path + "/backup")
        let store = try Self.open(data)
        try Self.write(store, "a1", bytes: 100)
        #expect(run("backup", data, dest).code == .success)
        for i in 2...5 { try Self.write(store, "a\(i)", bytes: 100) }
        try store.close()
        let log = try #require(try Self.files(data, ".wal").last)
        try Self.flip("\(data)/\(log)", at: 4096 + 80)
        let refused = run("repair", data, "--from", dest)
        #expect(refused.code == .damaged && !refused.output.contains("replaced"), "\(refused.output)")
    }

    @Test func compactMergesOffline() throws {
        let base = TestSupport.TemporaryDirectory()
        let data = base.path + "/data"
        let store = try Self.open(data)
        for i in 0..<4 {
            try Self.write(store, "a\(i)")
            try store.flush()
        }
        let inUse = run("compact", data)
        #expect(inUse.code == .inUse)
        try store.close()
        let done = run("compact", data)
        #expect(done.code == .success, "\(done.error)")
        #expect(done.output.contains("8 tables of ") && done.output.contains("are now 2 tables of "))
        #expect(run("compact", base.path).code == .unsupported)
        #expect(run("verify", data).code == .success)
    }
}
