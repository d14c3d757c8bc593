import ChatAPI
import ChatEngine
import HTTPTransport
import TestSupport
import Testing

/// The golden cases 1 to 35 of the contract, in process and over a socket, in their order against one fresh surface whose
/// agents are HTTP services.
@Suite(.timeLimit(.minutes(3))) struct POCGoldenTests {
    /// As the original: no token is asked for.
    @Test(arguments: Route.allCases) func allCases(_ route: Route) async throws {
        try await play(route) { _ in
        } configuration: {
            $0.enforcesAuthentication = false
        }
    }

    /// With tokens a session that is made for a message is the caller's own.
    @Test(arguments: Route.allCases) func allCasesWithTokens(_ route: Route) async throws {
        try await play(route) { golden in
            if golden["n"] == 17 { golden.set("user_12345", at: ["body", "message", "userId"]) }
            if golden["n"] == 24 { golden.set(2, at: ["body", "count"]) }
            if golden["n"] == 24 { golden.set("$arr", at: ["body", "sessions"]) }
        } configuration: { _ in
        }
    }

    private func play(
        _ route: Route, adapting: (inout JSONValue) -> Void, configuration: (inout POCConfiguration) -> Void
    ) async throws {
        let agents = try MockAgents()
        let fixture = try POCFixture(route, agents: agents.configuration, change: configuration)
        _ = try fixture.engine.addPasswordAccount(
            username: "test", password: try #require(PasswordHash(of: "test123")), userID: "user_test")
        var run = POCGoldenRun(fixture)
        let cases = try POCGoldenRun.cases()
        #expect(cases.count == 26)
        for golden in cases {
            var golden = golden
            adapting(&golden)
            agents.isDown = golden["agents"]?.string == "down"
            // Decision 3: `agentsInvolved` names the agents that answered.
            if agents.isDown { golden.set("$arr", at: ["body", "agent", "agentsInvolved"]) }
            if golden["n"] == 31 {
                try await checkRateLimit(golden, run)
            } else {
                try await run.check(golden)
            }
        }
        let banking = try #require(agents.requests.first { $0.path == "/banking/api/process" })
        #expect(banking.headers["X-Agent-Type"] == "ai")
        #expect(banking.headers["X-Session-ID"] == run.saved["sid"])
    }

    private func checkRateLimit(_ golden: JSONValue, _ run: POCGoldenRun) async throws {
        let token = ["Authorization": "Bearer \(run.saved["tok"] ?? "")"].map { ($0, $1) }
        let made = try await run.fixture.call(
            "POST", "/api/sessions", #"{"userId":"user_12345"}"#, as: nil, headers: token)
        let id = try #require(try made.json["sessionId"]?.string)
        var reply: LoopbackReply?
        for number in 1...61 {
            let sent = try await run.fixture.call(
                "POST", "/api/chat/message", #"{"message":"hi"}"#, as: nil, headers: token + [("X-Session-ID", id)])
            #expect(sent.status == (number <= 60 ? 200 : 429))
            reply = sent
        }
        let refused = try #require(reply)
        try run.compareReply(golden, refused, "case 31")
        #expect(refused.header("Retry-After").flatMap { Int($0) } != nil)
    }

    /// The last line of case 30.
    @Test(arguments: Route.allCases) func anEndedSessionIsReplaced(_ route: Route) async throws {
        let fixture = try POCFixture(route) { $0.enforcesAuthentication = false }
        let id = try await fixture.session("user_12345")
        _ = try await fixture.call("DELETE", "/api/sessions/\(id)")
        let reply = try await fixture.call(
            "POST", "/api/chat/message", #"{"message":"hi"}"#, as: nil,
            headers: [("X-Session-ID", id), ("X-User-ID", "hdr")])
        #expect(reply.status == 200)
        #expect(try reply.json["message"]?["userId"]?.string == "hdr")
        let auto = try #require(try reply.json["sessionId"]?.string)
        #expect(auto != id)
        // The note of case 17.
        let made = try await fixture.call("GET", "/api/sessions/\(auto)", as: nil).json
        #expect(made["session"]?["metadata"]?["autoCreated"] == .bool(true))
        #expect(made["session"]?["metadata"]?["requestedSessionId"]?.string == id)
    }

    /// The note of case 28, and of case 11.
    @Test func resolvedInLists() async throws {
        let fixture = try POCFixture()
        let id = try await fixture.session()
        let shown = try await fixture.call("GET", "/api/sessions/\(id)").json["session"]
        let created = try #require(shown?["createdAt"]?.string)
        let expires = try #require(shown?["expiresAt"]?.string)
        #expect(created.dropFirst(14) == expires.dropFirst(14) && created != expires)
        _ = try await fixture.call("POST", "/api/sessions/\(id)/resolve", #"{"notes":"User query fully answered"}"#)
        #expect(try await fixture.call("GET", "/api/users/ann/sessions?type=unresolved").json["count"]?.number == 0)
        let recent = try await fixture.call("GET", "/api/users/ann/sessions?type=recent").json["sessions"]?.elements
        #expect(recent?.first?["status"]?.string == "resolved")
    }
}

extension JSONValue {
    /// Replaces what is at a path.
    mutating func set(_ value: JSONValue, at path: [String]) {
        guard let first = path.first else {
            self = value
            return
        }
        guard case .object(var object) = self else { return }
        var inner = object[first] ?? .object([:])
        inner.set(value, at: Array(path.dropFirst()))
        object[first] = inner
        self = .object(object)
    }
}
