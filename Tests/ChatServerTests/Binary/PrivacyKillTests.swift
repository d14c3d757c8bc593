import ChatEngine
import Glibc
import HTTPTransport
import LogStore
import TestSupport
import Testing

@testable import chat_server

/// The real server, killed while it exports and erases.
@Suite struct PrivacyKillTests {
    private static let secret = "kill-secret-0123456789"
    private static let canary = "CANARY-51c9"

    /// What every request of an admin carries.
    private static var headers: [(String, String)] {
        let claims = #"{"sub":"a","tenant_id":"t","role":"admin"}"#
        let signed = Base64.encodeURL(Array(#"{"alg":"HS256"}"#.utf8)) + "." + Base64.encodeURL(Array(claims.utf8))
        let signature = Cryptography.hmacSHA256(key: Array(secret.utf8), Array(signed.utf8))
        return [("Authorization", "Bearer \(signed).\(Base64.encodeURL(signature))")]
    }

    private func start(_ directory: TemporaryDirectory) throws -> ServerProcess {
        try ServerProcess(
            directory: directory.path,
            settings: ["aivo.rate-limiting=false", "aivo.max-messages=0", "store.deletion-grace=1s"],
            wrapper: ["env", "JWT_SECRET_KEY=\(Self.secret)"])
    }

    private func call(
        _ client: LoopbackClient, _ method: String, _ path: String, _ json: String? = nil
    ) throws -> JSONValue {
        let reply =
            try json.map { try client.send(method, "/api/v1" + path, headers: Self.headers, json: $0) }
            ?? client.send(method, "/api/v1" + path, headers: Self.headers)
        try #require(reply.status == 200, "\(method) \(path): \(reply.text)")
        return try JSONValue(parsing: reply.body)
    }

    /// Threads with long messages, so that an export takes more than one piece.
    private func fill(_ client: LoopbackClient, learner: String) throws {
        let filler = String(repeating: "x", count: 20_000)
        for _ in 0..<3 {
            let thread = try call(client, "POST", "/threads", "{\"learner_id\":\"\(learner)\",\"title\":\"kept\"}")
            let id = try #require(thread["id"]?.string)
            for _ in 0..<40 {
                _ = try call(
                    client, "POST", "/threads/\(id)/messages",
                    "{\"content\":\"\(Self.canary) \(filler)\",\"sender_type\":\"teacher\"}")
            }
        }
    }

    /// To a moment within what the server is doing.
    private static func pass(milliseconds: Double) {
        let moment = ChildProcess.now + milliseconds / 1000
        while ChildProcess.now < moment {}
    }

    private func settled(_ client: LoopbackClient, _ path: String) throws -> JSONValue {
        let deadline = ChildProcess.now + 60
        while ChildProcess.now < deadline {
            let row = try call(client, "GET", path)
            if let status = row["status"]?.string, status == "completed" || status == "failed" { return row }
        }
        throw ChildError.timeout(waitingFor: path, standardError: "")
    }

    /// Killed at a random moment after an export was ordered: the next start completes it, and the bundle is whole.
    @Test func exports() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            var server = try start(directory)
            try fill(server.client(), learner: "l")
            for round in 0..<4 {
                let client = server.client()
                let order = try call(client, "POST", "/privacy/export", #"{"learner_id":"l","export_type":"full"}"#)
                let id = try #require(order["export_id"]?.string)
                Self.pass(milliseconds: Double(round) * 3)
                kill(server.process.pid, SIGKILL)
                #expect(try server.process.wait() == .killed(signal: SIGKILL))
                server = try start(directory)
                let row = try settled(server.client(), "/privacy/export/\(id)")
                #expect(row["status"]?.string == "completed")
                #expect(row["message_count"] == .number(120))
                let bundle = try server.client().send(
                    "GET", "/api/v1/privacy/export/\(id)/download", headers: Self.headers)
                let lines = bundle.body.split(separator: 10)
                #expect(lines.count == 124)
                let manifest = try JSONValue(parsing: Array(try #require(lines.last)))
                let before = Array(bundle.body.dropLast(lines[123].count + 1))
                let digest = Cryptography.sha256(before).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
                #expect(manifest["sha256"]?.string == digest.joined())
            }
            #expect(try server.stop() == .exited(0))
            #expect(try ServerBinary.run(["verify", directory.path]).ending == .exited(0))
        }
    }

    /// Killed at a random moment after an erasure was ordered: the data is not seen again, and when the next start says
    /// `completed`, no file has a byte of it.
    @Test(arguments: ["full", "messages_only"]) func erasures(_ type: String) async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            for round in 0..<3 {
                var server = try start(directory)
                let learner = "l\(round)"
                try fill(server.client(), learner: learner)
                let export = try call(
                    server.client(), "POST", "/privacy/export",
                    "{\"learner_id\":\"\(learner)\",\"export_type\":\"full\"}")
                _ = try settled(server.client(), "/privacy/export/\(try #require(export["export_id"]?.string))")
                let order = try call(
                    server.client(), "POST", "/privacy/delete",
                    "{\"learner_id\":\"\(learner)\",\"deletion_type\":\"\(type)\"}")
                let id = try #require(order["deletion_id"]?.string)
                Self.pass(milliseconds: Double(round) * 200)
                kill(server.process.pid, SIGKILL)
                #expect(try server.process.wait() == .killed(signal: SIGKILL))
                server = try start(directory)
                let threads = try call(server.client(), "GET", "/threads?learner_id=\(learner)")
                #expect(threads["total"] == .number(type == "full" ? 0 : 3))
                for thread in threads["threads"]?.array ?? [] {
                    let messages = try call(
                        server.client(), "GET", "/threads/\(try #require(thread["id"]?.string))/messages")
                    #expect(messages["total"] == .number(0))
                }
                let row = try settled(server.client(), "/privacy/delete/\(id)")
                #expect(row["status"]?.string == "completed")
                #expect(row["message_count"] == .number(120))
                #expect(try filesWithCanary(directory) == [])
                #expect(try server.stop() == .exited(0))
            }
            #expect(try ServerBinary.run(["verify", directory.path]).ending == .exited(0))
        }
    }

    /// By a program that knows nothing of ours. A file that goes in between is none.
    private func filesWithCanary(_ directory: TemporaryDirectory) throws -> [String] {
        let search = try ChildProcess(["grep", "-rlsaF", Self.canary, directory.path])
        _ = try search.wait()
        return search.standardOutput.split(separator: "\n").map(String.init)
    }

    /// A backup leaves bundles out and passes its check; `verify` and the next start take no notice of them.
    @Test func bundlesAreNoPartOfTheStore() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let copy = try TemporaryDirectory()
            let server = try start(directory)
            try fill(server.client(), learner: "l")
            let order = try call(
                server.client(), "POST", "/privacy/export", #"{"learner_id":"l","export_type":"full"}"#)
            let id = try #require(order["export_id"]?.string)
            _ = try settled(server.client(), "/privacy/export/\(id)")
            let name = "server-export-\(id).jsonl"
            var status = stat()
            #expect(stat("\(directory.path)/\(name)", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            #expect(try ServerBinary.run(["backup", directory.path, copy.path]).ending == .exited(0))
            #expect(try !FlatDirectory(copy.path).names().contains(name))
            #expect(try server.stop() == .exited(0))
            #expect(!server.process.standardError.contains("foreign"))
            #expect(try ServerBinary.run(["verify", directory.path]).ending == .exited(0))
            let again = try start(directory)
            #expect(try call(again.client(), "GET", "/privacy/export/\(id)")["available"] == .bool(true))
            #expect(try again.stop() == .exited(0))
        }
    }
}
