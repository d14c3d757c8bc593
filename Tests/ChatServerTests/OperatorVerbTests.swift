import ChatEngine
import Glibc
import LogStore
import TestSupport
import Testing

@testable import chat_server

/// `export`, `import`, `erase`, `erasures` and `hold`, on directories and against the real server.
@Suite struct OperatorVerbTests {
    private func run(_ arguments: String...) -> (code: ExitCode, output: String, error: String) {
        let output = Lines()
        let error = Lines()
        let console = Console(output: { output.append($0) }, error: { error.append($0) })
        let code = Dispatcher(verbs: Verb.all, environment: [:], console: console).run(arguments)
        return (code, output.text, error.text)
    }

    private func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        try #require(descriptor >= 0, "\(path)")
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = Glibc.read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    /// Demo store → file → new store → file, offline and over a running server in turn: the same bytes each time.
    @Test func theDemoGoesRoundThroughEveryDoor() async throws {
        try await onOwnThread {
            let demo = try TemporaryDirectory()
            let copy = try TemporaryDirectory()
            let files = try TemporaryDirectory()
            #expect(run("init", "--data-dir", demo.path, "--demo").code == .success)
            let first = files.path + "/first"
            #expect(run("export", demo.path, "--format", "jsonl", "--output", first).code == .success)
            let expected = try read(first)
            #expect(expected.count > 4000)
            #expect(run("export", demo.path, "--output", first).code == .failure)

            let server = try ServerProcess(directory: copy.path, arguments: ["--admin", "127.0.0.1:0"])
            let url = "http://127.0.0.1:\(try #require(server.adminPort))"
            let imported = run("import", url, first)
            #expect(imported.error.isEmpty)
            #expect(imported.output.hasPrefix("imported \(DemoStore.conversations.count) sessions, "))
            #expect(run("import", url + "/", first).output.hasPrefix("imported 0 sessions, 0 messages and 0 documents"))
            let second = files.path + "/second"
            #expect(run("export", url, "--output", second).code == .success)
            #expect(try read(second) == expected)
            let part = files.path + "/part"
            let owner = ["--tenant", "orion", "--user", "bob@example.com"]
            #expect(run("export", url, owner[0], owner[1], owner[2], owner[3], "--output", part).code == .success)
            let lines = try read(part).split(separator: 0x0A)
            #expect(lines.count == 1 + 1 + 4 + 1)
            #expect(run("export", url, "--tenant", "none").error.contains("there is no such tenant"))
            // What was imported is what clients see.
            let list = try server.client().json("GET", "/api/sessions/list?userId=alice@example.com")
            #expect(list.body["count"]?.number == 3)
            #expect(try server.stop() == .exited(0))

            let third = files.path + "/third"
            #expect(run("export", copy.path, "--output", third).code == .success)
            #expect(try read(third) == expected)
            let again = try TemporaryDirectory()
            #expect(run("import", again.path + "/", first).code == .success)
            let fourth = files.path + "/fourth"
            #expect(run("export", again.path, "--output", fourth).code == .success)
            #expect(try read(fourth) == expected)
        }
    }

    /// More than one piece of a file, over a socket: lines that cross the pieces' borders and one of many pieces.
    @Test func aFileOfManyPiecesArrivesWhole() async throws {
        try await onOwnThread {
            let files = try TemporaryDirectory()
            let copy = try TemporaryDirectory()
            var text = #"{"type":"export","version":1}"# + "\n"
            text +=
                #"{"type":"session","tenant":"orion","user":"u","id":"s","createdAt":"2026-01-01T00:00:00.000001Z"}"#
            for i in 1...3000 {
                let content = String(repeating: "x", count: i == 1500 ? 3 << 20 : 700)
                text += "\n" + #"{"type":"message","tenant":"orion","session":"s","sequence":\#(i),"#
                text += #""createdAt":"2026-01-01T00:00:01Z","id":"m\#(i)","role":"user","content":"\#(content)"}"#
            }
            try files.write(text, to: "in", mode: 0o600)
            let server = try ServerProcess(directory: copy.path, arguments: ["--admin", "127.0.0.1:0"])
            let url = "http://127.0.0.1:\(try #require(server.adminPort))"
            let cut = run("import", url, files.path + "/in")
            #expect(cut.code == .failure)
            #expect(cut.output.contains("3000 messages"))
            #expect(cut.error.contains("was cut short"))
            #expect(run("export", url, "--output", files.path + "/out").code == .success)
            #expect(try read(files.path + "/out").count { $0 == 0x0A } == 3003)
            #expect(try server.stop() == .exited(0))
            // A bad line far behind is named by its number in the file.
            try files.write(text + "\nnonsense\n", to: "in", mode: 0o600)
            #expect(run("import", copy.path, files.path + "/in").error.contains("line 3003 is not JSON"))
        }
    }

    /// kill -9 in the middle of an import: what was answered is there, and doing it again makes it whole.
    @Test func anImportSurvivesTheServersDeath() async throws {
        try await onOwnThread {
            let files = try TemporaryDirectory()
            let served = try TemporaryDirectory()
            let plain = try TemporaryDirectory()
            var text = #"{"type":"export","version":1}"# + "\n"
            for s in 0..<40 {
                text +=
                    #"{"type":"session","tenant":"orion","user":"u\#(s % 3)","id":"s\#(s)","createdAt":\#(s)}"# + "\n"
                for i in 1...200 {
                    text +=
                        #"{"type":"message","tenant":"orion","session":"s\#(s)","sequence":\#(i),"createdAt":\#(i),"#
                    text += #""id":"m\#(i)","content":"\#(String(repeating: "x", count: 300))"}"# + "\n"
                }
            }
            text += #"{"type":"end"}"# + "\n"
            try files.write(text, to: "in", mode: 0o600)
            let server = try ServerProcess(directory: served.path, arguments: ["--admin", "127.0.0.1:0"])
            let port = try #require(server.adminPort)
            let importer = try ChildProcess(
                [try ServerBinary.path(), "import", "http://127.0.0.1:\(port)", files.path + "/in"])
            let metrics = LoopbackClient(port: port)
            var batches = 0
            while batches < 3 {
                let line = try metrics.send("GET", "/metrics").text.split(separator: "\n")
                    .first { $0.hasPrefix("chat_store_batches_total ") }
                batches = Int(try #require(line).split(separator: " ")[1]) ?? 0
            }
            server.process.kill(SIGKILL)
            _ = try server.process.wait()
            #expect(try importer.wait() == .exited(1))
            let cut = try ServerBinary.run(["export", served.path])
            #expect(cut.ending == .exited(0))
            #expect(cut.output.split(separator: "\n").count > 500)
            #expect(run("import", served.path, files.path + "/in").code == .success)
            #expect(run("import", plain.path, files.path + "/in").code == .success)
            let whole = try ServerBinary.run(["export", plain.path])
            #expect(try ServerBinary.run(["export", served.path]).output == whole.output)
            #expect(whole.output.split(separator: "\n").count == 2 + 40 + 8000)
        }
    }

    /// A damaged table costs the sessions in it; the others are exported, and the exit code tells.
    @Test func damageIsNamedAndTheRestIsExported() throws {
        let directory = try TemporaryDirectory()
        let files = try TemporaryDirectory()
        #expect(run("init", "--data-dir", directory.path, "--demo").code == .success)
        #expect(run("export", directory.path, "--output", files.path + "/whole").code == .success)
        let class2 = try #require(try directory.names().first { $0.hasPrefix("s-02-") })
        var bytes = try read(directory.path + "/" + class2)
        bytes[200] ^= 1
        try directory.write(bytes, to: class2)
        let result = run("export", directory.path, "--output", files.path + "/rest")
        #expect(result.code == .damaged)
        #expect(result.error.contains("damaged data of 4 sessions is not in the export"))
        let lines = try read(files.path + "/rest").split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        #expect(lines.count { $0.hasPrefix(#"{"type":"damaged","tenant":"orion""#) } == 4)
        #expect(lines.count { $0.hasPrefix(#"{"type":"session""#) } == DemoStore.conversations.count)
        #expect(lines.count { $0.hasPrefix(#"{"type":"message""#) } == 4)
        #expect(lines.last == #"{"type":"end","sessions":7,"messages":4,"documents":12,"damaged":4}"#)
    }

    @Test func offlineErasureLeavesNoByte() throws {
        let directory = try TemporaryDirectory()
        #expect(run("init", "--data-dir", directory.path, "--demo").code == .success)
        let place = ["--data-dir", directory.path, "--tenant", "orion"]
        func order(_ verb: String, _ more: String...) -> (code: ExitCode, output: String, error: String) {
            let output = Lines()
            let error = Lines()
            let console = Console(output: { output.append($0) }, error: { error.append($0) })
            let code = Dispatcher(verbs: Verb.all, environment: [:], console: console)
                .run([verb] + more + place)
            return (code, output.text, error.text)
        }
        #expect(order("hold", "add", "--user", "bob@example.com").code == .success)
        #expect(order("hold", "list").output == "tenant orion, user bob@example.com\n")
        let refused = order("erase", "--user", "bob@example.com")
        #expect(refused.code == .failure)
        #expect(refused.error.contains("legal hold"))
        #expect(order("hold", "remove", "--learner", "bob@example.com").code == .success)
        #expect(order("hold", "list").output.isEmpty)
        let erased = order("erase", "--user", "bob@example.com", "--wait")
        #expect(erased.code == .success)
        #expect(erased.output.hasPrefix("completed: user "))
        #expect(erased.output.contains("1 sessions, 4 messages"))
        #expect(run("erasures", "--data-dir", directory.path).output == erased.output)
        #expect(order("erase", "--user", "bob@example.com").error.contains("there is no such user"))
        for name in try directory.names() {
            let bytes = try read(directory.path + "/" + name)
            #expect(!bytes.containsText("bob@example.com"), "\(name)")
            #expect(!bytes.containsText("EXPLAIN ANALYZE"), "\(name)")
        }
        #expect(run("verify", directory.path).code == .success)
    }

    @Test func aServerErasesWhileItServes() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(
                directory: directory.path, settings: ["store.deletion-grace=1s"],
                arguments: ["--admin", "127.0.0.1:0"])
            let admin = "127.0.0.1:\(try #require(server.adminPort))"
            let client = server.client()
            let canary = "q8Zr4vNw1LxYb7TkGm2PdJc9"
            let made = try client.json(
                "POST", "/api/sessions/create", #"{"userId":"eve","firstMessage":"\#(canary)"}"#)
            let id = try #require(made.body["sessionId"]?.string)
            let body = #"{"sessionId":"\#(id)","role":"user","content":"\#(canary)"}"#
            #expect(try client.json("POST", "/api/sessions/save-message", body).status / 100 == 2)
            #expect(run("hold", "add", "--admin", admin, "--tenant", "orion", "--session", id).code == .success)
            let held = run("erase", "--admin", admin, "--tenant", "orion", "--user", "eve")
            #expect(held.error.contains("legal hold"))
            let kept = try client.json("POST", "/api/sessions/delete", #"{"sessionId":"\#(id)"}"#)
            #expect(kept.status == 409)
            #expect(run("hold", "remove", "--admin", admin, "--tenant", "orion", "--session", id).code == .success)
            let erased = run("erase", "--admin", admin, "--tenant", "orion", "--user", "eve", "--wait", "--json")
            #expect(erased.error.isEmpty)
            let job = try JSONValue(parsing: Array(erased.output.utf8.dropLast()))
            #expect(job["status"]?.string == "completed")
            #expect(job["messages"]?.number == 1)
            for name in try directory.names() {
                #expect(try !read(directory.path + "/" + name).containsText(canary), "\(name)")
            }
            let metrics = try LoopbackClient(port: try #require(server.adminPort)).send("GET", "/metrics").text
            #expect(metrics.contains("\nchat_store_pending_erasures 0\n"))
            #expect(try server.stop() == .exited(0))
        }
    }

    /// Pages in a browser can reach a loopback address; what they can send is refused.
    @Test func pagesCannotGiveOrders() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(directory: directory.path, arguments: ["--admin", "127.0.0.1:0"])
            let client = LoopbackClient(port: try #require(server.adminPort))
            let json = ("Content-Type", "application/json")
            let body = Array(#"{"tenant":"orion"}"#.utf8)
            func status(_ method: String, _ path: String, _ headers: [(String, String)], _ body: [UInt8]? = nil) throws
                -> Int
            {
                try client.send(method, path, headers: headers, body: body).status
            }
            #expect(try status("POST", "/erase", [json], body) == 404)
            #expect(try status("POST", "/erase", [json, ("Origin", "http://localhost")], body) == 403)
            #expect(try status("POST", "/erase", [("Content-Type", "text/plain")], body) == 415)
            #expect(try status("GET", "/export", [("Host", "evil.example:80")]) == 403)
            #expect(try status("GET", "/export", [("Host", "localhost")]) == 200)
            #expect(try status("PUT", "/erase", [json], body) == 405)
            #expect(try status("POST", "/erase", [json], Array(#"{"tenant":"orion","usr":"x"}"#.utf8)) == 400)
            #expect(try status("POST", "/erase", [json], Array("[]".utf8)) == 400)
            #expect(try status("POST", "/retention/confirm", [json]) == 200)
            #expect(try status("DELETE", "/hold?tenant=orion&user=x&session=y", [json]) == 400)
            #expect(try server.stop() == .exited(0))
        }
    }

    @Test func mistakesOnTheCommandLine() throws {
        let directory = try TemporaryDirectory()
        #expect(run("erase", "--tenant", "orion").error.contains("needs --data-dir DIR"))
        #expect(run("erase", "--data-dir", directory.path).error.contains("needs --tenant"))
        #expect(run("hold", "ad", "--data-dir", directory.path).error.contains("did you mean add?"))
        #expect(
            run("hold", "add", "--data-dir", directory.path, "--tenant", "t", "--user", "u", "--learner", "u").code
                == .usage)
        #expect(run("erasures", "--data-dir", directory.path).code == .unsupported)
        #expect(run("export", directory.path).code == .unsupported)
        #expect(try directory.names().isEmpty)
        #expect(run("export", directory.path, "--format", "csv").code == .usage)
        #expect(run("export", directory.path, "--user", "u").code == .usage)
        #expect(run("export", directory.path, "--since", "soon").code == .usage)
        #expect(run("erasures", "--admin", "127.0.0.1:1").error.contains("no admin listener answers"))
        #expect(run("erasures", "--admin", "nowhere").code == .usage)
        #expect(run("import", directory.path, directory.path + "/none").error.contains("cannot be read"))
    }

    @Test(arguments: [
        (100, nil, 10.0, "100 messages, 10/s"), (100, 0.5, 10.0, "100 messages, 10/s, 0:10 left"),
        (100, 0.001, 10.0, "100 messages, 10/s, 2:46:30 left"), (0, 0, 0.0, "0 messages"),
    ])
    func progressIsTold(count: Int, share: Double?, seconds: Double, text: String) {
        #expect(Progress.text("messages", count, share, seconds: seconds) == text)
    }
}

extension TemporaryDirectory {
    func names() throws -> [String] {
        var names: [String] = []
        let entries = try #require(opendir(path))
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}

extension [UInt8] {
    func containsText(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        return indices.contains { self[$0] == wanted[0] && self[$0...].starts(with: wanted) }
    }
}
