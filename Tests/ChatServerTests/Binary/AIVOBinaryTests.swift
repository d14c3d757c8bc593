import ChatEngine
import Glibc
import HTTPTransport
import LogStore
import TestSupport
import Testing

@testable import chat_server

/// The aivo surface as the program serves it.
@Suite struct AIVOBinaryTests {
    private func token(_ directory: TemporaryDirectory, _ arguments: String...) throws -> [(String, String)] {
        let minted = try ServerBinary.run(
            ["token", "mint", "--surface", "aivo", "--data-dir", directory.path, "--user", "u", "--tenant", "t"]
                + arguments)
        try #require(minted.ending == .exited(0), "\(minted.error)")
        return [("Authorization", "Bearer \(minted.output.dropLast())")]
    }

    /// Documentation follows the environment, unless a flag says otherwise.
    @Test(arguments: [
        ([], [], true), (["ENVIRONMENT=production"], [], false), (["ENVIRONMENT=production"], ["--docs", "on"], true),
        ([], ["--docs", "off"], false),
    ]) func documentation(_ variables: [String], _ flags: [String], _ isThere: Bool) async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(directory: directory.path, arguments: flags, wrapper: ["env"] + variables)
            let client = server.client()
            for path in ["/docs", "/openapi.json"] {
                #expect(try client.send("GET", path).status == (isThere ? 200 : 404), "\(path)")
            }
            #expect(try client.send("GET", "/api/v1/health").status == 200)
            #expect(try server.stop() == .exited(0))
        }
    }

    /// A token of `token mint` works; an export of the store takes threads, messages and the privacy log to another one;
    /// an open event stream does not keep the server from stopping.
    @Test func aDayInTheLife() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(directory: directory.path, settings: ["aivo.rate-limiting=false"])
            let client = server.client()
            #expect(server.process.standardError.contains("derived from the server's own"))
            let teacher = try token(directory, "--role", "teacher", "--learner", "l")
            let admin = try token(directory, "--role", "admin")
            let thread = try client.send(
                "POST", "/api/v1/threads", headers: teacher,
                json: #"{"learner_id":"l","title":"T","description":"d","metadata":{"a":[1,{"b":null}]}}"#)
            try #require(thread.status == 200, "\(thread.text)")
            let id = try #require(JSONValue(parsing: thread.body)["id"]?.string)
            for type in ["teacher", "assistant"] {
                let message = try client.send(
                    "POST", "/api/v1/threads/\(id)/messages", headers: teacher,
                    json:
                        "{\"content\":\"c\",\"sender_type\":\"\(type)\",\"message_type\":\"alert\",\"metadata\":{\"x\":1}}"
                )
                try #require(message.status == 200, "\(message.text)")
            }
            _ = try client.send(
                "POST", "/api/v1/privacy/export", headers: teacher, json: #"{"learner_id":"l","export_type":"full"}"#)
            func look(_ client: LoopbackClient) throws -> [String] {
                try ["/threads/\(id)", "/threads/\(id)/messages"].map {
                    try client.send("GET", "/api/v1" + $0, headers: teacher).text
                }
            }
            let before = try look(client)
            let stream = try EventReader(
                port: server.port, "GET", "/api/v1/events", headers: admin + [("Accept", "text/event-stream")])
            try stream.readHead()
            #expect(stream.head.hasPrefix("HTTP/1.1 200"))
            #expect(try server.stop() == .exited(0))
            #expect(try stream.next() == nil)

            let exported = try ServerBinary.run(["export", directory.path])
            #expect(exported.ending == .exited(0))
            let copy = try TemporaryDirectory()
            let file = copy.path + "/export.jsonl"
            try FlatDirectory(copy.path).write(Array(exported.output.utf8), to: "export.jsonl")
            let target = copy.path + "/data"
            #expect(try ServerBinary.run(["import", target, file]).ending == .exited(0))
            // The tokens are signed with a key of the first directory.
            try FlatDirectory(target).write(
                try #require(try FlatDirectory(directory.path).contents("server-secret")), to: "server-secret")
            let second = try ServerProcess(directory: target, settings: ["aivo.rate-limiting=false"])
            #expect(try look(second.client()) == before)
            let log = try second.client().send("GET", "/api/v1/privacy/log", headers: admin)
            #expect(try JSONValue(parsing: log.body)["entries"]?.array.count == 1)
            #expect(try second.stop() == .exited(0))
        }
    }
}
