import ChatEngine
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import chat_server

extension WriteLoad {
    /// How much each client had been told is saved.
    func acknowledgedCounts() -> [Int] { journals.map { $0.withLock { $0.acknowledged.count } } }

    /// Compares what a server on a copy has with the journals: each session must hold the messages that were acknowledged
    /// when the copy began, and behind them only further ones in their order, whole.
    /// - Returns: messages found in all.
    func check(_ client: LoopbackClient, atLeast counts: [Int]) throws -> Int {
        var found = 0
        for (index, box) in journals.enumerated() {
            let (session, acknowledged, pending) = box.withLock { ($0.session, $0.acknowledged, $0.pending) }
            guard let session, counts[index] > 0 else { continue }
            let listed = try client.json("GET", "/api/sessions/messages?sessionId=\(session)")
            try #require(listed.status == 200, "client \(index): \(listed.status)")
            let contents = (listed.body["messages"]?.array ?? []).map { $0["content"]?.string ?? "" }
            try #require(
                contents.count >= counts[index],
                "client \(index): \(counts[index]) acknowledged before the copy, \(contents.count) in it")
            let history = acknowledged.map(\.content) + [pending].compactMap { $0 }
            try #require(Array(history.prefix(contents.count)) == contents, "client \(index): other messages")
            found += contents.count
        }
        return found
    }
}

/// Copies of the directory of the real server, made by real tools while clients write.
@Suite struct LiveCopyBinaryTests {
    private enum Tool: CaseIterable, Sendable {
        case cp, rsync, tar, backup, backupCopy

        func run(from source: String, to copy: String) throws -> (ending: Ending, error: String) {
            let command =
                switch self {
                case .cp: ["cp", "-r", source, copy]
                case .rsync: ["rsync", "-a", source + "/", copy]
                case .tar: ["sh", "-c", "mkdir \(copy) && tar -C \(source) -cf - . | tar -C \(copy) -xf -"]
                case .backup: [try ServerBinary.path(), "backup", source, copy]
                case .backupCopy: [try ServerBinary.path(), "backup", source, copy, "--copy"]
                }
            let child = try ChildProcess(command)
            return (try child.wait(), child.standardError)
        }
    }

    private struct Copy: Sendable {
        var tool: Tool
        var path: String
        var counts: [Int]
        var seconds: Double
        var ending: Ending
        var error: String
    }

    /// Writes with six clients; each time another 150 messages are saved one client makes a copy, while the others
    /// go on. Behind the last copy the server is killed.
    private func copies(
        _ tools: [Tool], of directory: String, into base: String, settings: [String], _ load: WriteLoad
    ) throws -> [Copy] {
        let server = try ServerProcess(directory: directory, settings: settings)
        let pid = server.process.pid
        let made = Mutex<[Result<Copy, any Error>]>([])
        load.run(port: server.port, seed: 7) { count in
            guard count % 150 == 0, count / 150 <= tools.count else { return }
            let index = count / 150 - 1
            let counts = load.acknowledgedCounts()
            let started = ChildProcess.now
            let path = "\(base)/copy-\(index)"
            let result = Result {
                let (ending, error) = try tools[index].run(from: directory, to: path)
                return Copy(
                    tool: tools[index], path: path, counts: counts, seconds: ChildProcess.now - started,
                    ending: ending, error: error)
            }
            let isLast = made.withLock {
                $0.append(result)
                return $0.count == tools.count
            }
            if isLast { kill(pid, SIGKILL) }
        }
        try #require(try server.process.wait() == .killed(signal: SIGKILL))
        return try made.withLock { $0 }.map { try $0.get() }
    }

    private static let copyMessage = "this directory is a copy"

    /// Serves a copy twice, the second time strictly.
    private func judge(_ copy: Copy, _ load: WriteLoad) throws -> Int {
        let server = try ServerProcess(directory: copy.path)
        let found = try load.check(server.client(), atLeast: copy.counts)
        try #require(try server.stop() == .exited(0))
        #expect(server.process.standardError.contains(Self.copyMessage), "\(copy.tool)")
        let again = try ServerProcess(directory: copy.path)
        #expect(try load.check(again.client(), atLeast: copy.counts) == found)
        try #require(try again.stop() == .exited(0))
        #expect(!again.process.standardError.contains(Self.copyMessage), "\(copy.tool): a copy twice")
        let verified = try ServerBinary.run(["verify", copy.path])
        #expect(verified.ending == .exited(0), "\(copy.tool): \(verified.error)")
        return found
    }

    @Test func everyToolsCopyHoldsWhatWasAcknowledged() async throws {
        try await onOwnThread {
            var made = 0
            var acknowledged = 0
            var found = 0
            for _ in 0..<(isTorture ? 100 : 1) {
                let directory = TestSupport.TemporaryDirectory()
                let load = WriteLoad(clients: 6)
                let copies = try copies(
                    Tool.allCases, of: directory.path + "/data", into: directory.path, settings: [], load)
                try #require(copies.count == Tool.allCases.count)
                for copy in copies {
                    #expect(copy.ending == .exited(0) || copy.tool == .tar, "\(copy.tool): \(copy.error)")
                    found += try judge(copy, load)
                }
                made += copies.count
                acknowledged += load.acknowledged
            }
            print(
                "live copies by cp, rsync, tar and backup: \(made), \(acknowledged) messages acknowledged,",
                "\(found) found in the copies, none of those acknowledged before missing")
        }
    }

    /// With files that go after a second: what took less is whole, what took longer is whole or refused.
    @Test func copiesWithAShortGrace() async throws {
        try await onOwnThread {
            var made = 0
            var refused = 0
            for _ in 0..<(isTorture ? 50 : 1) {
                let directory = TestSupport.TemporaryDirectory()
                let load = WriteLoad(clients: 6)
                let copies = try copies(
                    [.cp, .backup, .cp, .backup], of: directory.path + "/data", into: directory.path,
                    settings: ["store.deletion-grace=1s"], load)
                made += copies.count
                for copy in copies {
                    if copy.tool == .backup { #expect(copy.ending == .exited(0), "\(copy.error)") }
                    do {
                        _ = try judge(copy, load)
                    } catch let error as ChildError {
                        refused += 1
                        #expect(copy.seconds >= 1 && copy.tool == .cp, "refused after \(copy.seconds) s: \(error)")
                    }
                }
            }
            print("live copies with a grace of 1 s: \(made), \(refused) refused")
        }
    }

    /// A restore that is killed leaves no directory, or the whole one; the next one completes.
    @Test func killedRestores() async throws {
        try await onOwnThread {
            let directory = TestSupport.TemporaryDirectory()
            let load = WriteLoad(clients: 6)
            let copy = try #require(
                try copies(
                    [.backup], of: directory.path + "/data", into: directory.path, settings: [], load
                ).first)
            let to = directory.path + "/restored"
            let started = ChildProcess.now
            try #require(try ServerBinary.run(["restore", copy.path, "--to", to]).ending == .exited(0))
            let seconds = ChildProcess.now - started
            var random = SplitMix64(seed: 3)
            var killed = 0
            var complete = 0
            for round in 1...(isTorture ? 200 : 8) {
                let to = "\(directory.path)/restored-\(round)"
                let child = try ChildProcess([try ServerBinary.path(), "restore", copy.path, "--to", to])
                let moment = ChildProcess.now + seconds * Double(random.next() % 1000) / 1000
                while ChildProcess.now < moment {}
                child.kill(SIGKILL)
                if try child.wait() != .exited(0) { killed += 1 }
                if access(to, F_OK) == 0 {
                    complete += 1
                } else {
                    let again = try ServerBinary.run(["restore", copy.path, "--to", to])
                    try #require(again.ending == .exited(0), "\(again.error)")
                }
                #expect(access(to + ".restoring", F_OK) != 0)
                let server = try ServerProcess(directory: to)
                _ = try load.check(server.client(), atLeast: copy.counts)
                #expect(!server.process.standardError.contains(Self.copyMessage))
                try #require(try server.stop() == .exited(0))
            }
            print("killed restores: \(killed), \(complete) complete when killed; a restore took \(seconds) s")
        }
    }

    /// A repair that is killed leaves each file as it was or whole; the next one completes it.
    @Test func killedRepairs() async throws {
        try await onOwnThread {
            let directory = TestSupport.TemporaryDirectory()
            let load = WriteLoad(clients: 6)
            let data = directory.path + "/data"
            let copy = try #require(
                try copies([.cp], of: data, into: directory.path, settings: [], load).first)
            // From here on nothing is written: the directory and its backup are the same.
            try #require(try ServerBinary.run(["compact", data]).ending == .exited(0))
            let backup = copy.path + "-2"
            try #require(try ServerBinary.run(["backup", data, backup, "--copy"]).ending == .exited(0))
            let victims = try FlatDirectory(data).names().filter { $0.hasSuffix(".seg") || $0.hasSuffix(".run") }
            try #require(victims.count >= 2)
            var random = SplitMix64(seed: 9)
            var halfway = 0
            for _ in 1...(isTorture ? 200 : 8) {
                for name in victims {
                    let file = open("\(data)/\(name)", O_WRONLY)
                    var wrong: UInt8 = 0xFF
                    try #require(pwrite(file, &wrong, 1, 200) == 1)
                    close(file)
                }
                let child = try ChildProcess([try ServerBinary.path(), "repair", data, "--from", backup])
                let moment = ChildProcess.now + Double(random.next() % 40_000) / 1_000_000
                while ChildProcess.now < moment {}
                child.kill(SIGKILL)
                if try child.wait() != .exited(0) { halfway += 1 }
                let again = try ServerBinary.run(["repair", data, "--from", backup])
                try #require(again.ending == .exited(0), "\(again.error)")
                try #require(try ServerBinary.run(["verify", data]).ending == .exited(0))
            }
            let server = try ServerProcess(directory: data)
            _ = try load.check(server.client(), atLeast: load.acknowledgedCounts())
            try #require(try server.stop() == .exited(0))
            print("killed repairs: \(halfway)")
        }
    }

    /// A backup that is killed leaves what is refused or whole; the next one completes it, also over an earlier one.
    @Test func killedBackups() async throws {
        try await onOwnThread {
            let directory = TestSupport.TemporaryDirectory()
            let load = WriteLoad(clients: 6)
            let data = directory.path + "/data"
            let first = try #require(
                try copies([.backup], of: data, into: directory.path, settings: [], load).first)
            var random = SplitMix64(seed: 5)
            var killed = 0
            for round in 1...(isTorture ? 200 : 8) {
                // Every other one is a first backup.
                let to = round % 2 == 0 ? first.path : "\(directory.path)/backup-\(round)"
                let child = try ChildProcess([try ServerBinary.path(), "backup", data, to, "--copy"])
                let moment = ChildProcess.now + Double(random.next() % 60_000) / 1_000_000
                while ChildProcess.now < moment {}
                child.kill(SIGKILL)
                if try child.wait() != .exited(0) { killed += 1 }
                let restored = "\(directory.path)/restored-\(round)"
                let partial = try ServerBinary.run(["restore", to, "--to", restored])
                if partial.ending == .exited(0) {
                    let server = try ServerProcess(directory: restored)
                    _ = try load.check(server.client(), atLeast: first.counts)
                    try #require(try server.stop() == .exited(0))
                } else {
                    #expect(round % 2 == 1, "the earlier backup was lost: \(partial.error)")
                    #expect(access(restored, F_OK) != 0)
                }
                let again = try ServerBinary.run(["backup", data, to, "--copy"])
                try #require(again.ending == .exited(0), "\(again.error)")
                #expect(access(data + "/backup.pin", F_OK) != 0, "the pin of a killed backup stays")
            }
            print("killed backups: \(killed)")
        }
    }
}

@Suite struct AdminCompactionTests {
    @Test func compactsWhileServing() async throws {
        try await onOwnThread {
            let directory = TestSupport.TemporaryDirectory()
            let server = try ServerProcess(directory: directory.path, arguments: ["--admin", "127.0.0.1:0"])
            let client = server.client()
            let made = try client.json("POST", "/api/sessions/create", #"{"userId":"ann"}"#)
            let session = try #require(made.body["sessionId"]?.string)
            let saved = try client.json(
                "POST", "/api/sessions/save-message", #"{"sessionId":"\#(session)","role":"user","content":"kept"}"#)
            try #require(saved.status == 201)
            let admin = LoopbackClient(port: try #require(server.adminPort))
            #expect(try admin.send("GET", "/compact").status == 405)
            #expect(try admin.send("POST", "/metrics").status == 405)
            #expect(try admin.send("POST", "/compact").status == 202)
            let event = try server.process.waitForLine("the compaction") {
                ServerProcess.event($0, "compaction finished")
            }
            #expect(event["tablesBefore"]?.number == 0 && event["tables"]?.number == 2)
            let listed = try client.json("GET", "/api/sessions/messages?sessionId=\(session)")
            #expect(listed.body["messages"]?.array.first?["content"]?.string == "kept")
            #expect(try server.stop() == .exited(0))
        }
    }
}
