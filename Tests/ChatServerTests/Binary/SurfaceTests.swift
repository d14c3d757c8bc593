import ChatEngine
import TestSupport
import Testing

@testable import chat_server

/// Which surfaces a listener of the real server answers for.
@Suite struct SurfaceTests {
    private static let alice = [
        ("x-org-id", "00000000-0000-0000-0000-000000000001"), ("x-user-id", "00000000-0000-0000-0001-000000000001"),
    ]

    @Test func aListenerServesWhatItIsToldTo() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            #expect(try ServerBinary.run(["init", "--data-dir", directory.path, "--demo"]).ending == .exited(0))
            let server = try ServerProcess(
                directory: directory.path,
                arguments: ["--listen", "127.0.0.1:0=llm", "--listen", "127.0.0.1:0=orion"])
            let ports = try server.ports(3)
            func status(_ port: UInt16, _ path: String, _ headers: [(String, String)] = []) throws -> Int {
                try LoopbackClient(port: port).send("GET", path, headers: headers).status
            }
            let list = "/api/sessions/list?userId=alice@example.com"
            // All surfaces: paths tell them apart, and for those that both have the identity headers.
            #expect(try status(ports[0], list) == 200)
            #expect(try status(ports[0], "/chats", Self.alice) == 200)
            #expect(try status(ports[0], "/chats") == 401)
            #expect(try LoopbackClient(port: ports[0]).json("GET", "/health").body["status"]?.string == "healthy")
            let known = try LoopbackClient(port: ports[0]).send("GET", "/health", headers: Self.alice)
            #expect(known.text.contains("admin@acme.com"))
            #expect(try status(ports[1], list, Self.alice) == 404)
            #expect(try status(ports[1], "/chats", Self.alice) == 200)
            #expect(try status(ports[2], list) == 200)
            #expect(try status(ports[2], "/chats", Self.alice) == 404)
            #expect(try server.stop() == .exited(0))
        }
    }

    /// `GET /api/sessions/:id` is orion's and poc's: the id tells.
    @Test func sessionsOfTwoSurfacesOnOneListener() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(
                directory: directory.path, settings: ["poc.insecure-tokens=on"],
                arguments: ["--listen", "127.0.0.1:0=poc"])
            let ports = try server.ports(2)
            let client = LoopbackClient(port: ports[0])
            func get(_ path: String, _ headers: [(String, String)] = []) throws -> LoopbackReply {
                try client.send("GET", path, headers: headers)
            }
            #expect(try get("/api/sessions/session_1_x").text.contains("Session not found"))
            #expect(try get("/api/sessions/list?userId=ann").status == 200)
            #expect(try get("/api/sessions/sess_1_x").text.contains("No token provided"))
            let token = try client.json("POST", "/auth/token", #"{"userId":"ann"}"#).body["token"]?.string ?? ""
            let known = try get("/api/sessions/sess_1_x", [("Authorization", "Bearer \(token)")])
            #expect(known.status == 404 && known.text.contains("sess_1_x"))
            // What only one of them can do with the path is that one's, and so is the preflight for it.
            let authorized = [("Authorization", "Bearer \(token)")]
            let ended = try client.send("DELETE", "/api/sessions/sess_1_x", headers: authorized)
            #expect(ended.status == 200 && ended.text.contains("api_request"))
            #expect(
                try client.send("DELETE", "/api/sessions/session_1_x", headers: authorized).text.contains(
                    "Cannot DELETE"))
            let preflight = try client.send(
                "OPTIONS", "/api/sessions/sess_1_x",
                headers: [("Origin", "http://localhost:8080"), ("Access-Control-Request-Method", "DELETE")])
            #expect(preflight.headers.contains { $0.value == "http://localhost:8080" })
            #expect(try get("/socket.io/?EIO=4&transport=polling").text.hasPrefix("0{"))
            #expect(try get("/health").text.contains("orion-chat-backend"))
            let own = try LoopbackClient(port: ports[1]).json("GET", "/health").body
            #expect(own["service"]?.string == "poc-chat-backend")
            #expect(own["dependencies"]?["database"]?["status"]?.string == "connected")
            #expect(try server.stop() == .exited(0))
        }
    }
}
