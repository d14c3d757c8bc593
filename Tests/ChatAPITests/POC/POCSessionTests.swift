import ChatAPI
import ChatEngine
import LogStore
import TestSupport
import Testing

/// How sessions live and end, and who may reach them.
@Suite struct POCSessionTests {
    static let hour: UInt64 = 3_600_000_000

    // MARK: Ends

    @Test func theOldestOfTooManyEnds() async throws {
        let fixture = try POCFixture()
        var ids: [String] = []
        for _ in 0..<7 { ids.append(try await fixture.session()) }
        for (index, id) in ids.enumerated() {
            let reply = try await fixture.call("GET", "/api/sessions/\(id)")
            #expect(reply.status == (index < 2 ? 404 : 200))
        }
        let recent = try await fixture.call("GET", "/api/users/ann/sessions?type=recent").json
        #expect(recent["count"]?.number == 7)
        #expect(recent["sessions"]?.elements.last?["status"]?.string == "terminated")
        let other = try await fixture.session("bob")
        #expect(try await fixture.call("GET", "/api/sessions/\(other)", as: "bob").status == 200)
    }

    /// The largest metadata that a body can bring leave room for what the session's life adds to them.
    @Test func muchMetadata() async throws {
        let fixture = try POCFixture()
        let much = String(repeating: "y", count: 10_000_000)
        let id = try await fixture.session("ann", #","metadata":{"p":"\#(much)"}"#)
        let message = #"{"content":"transfer $50 from checking to savings"}"#
        #expect(try await fixture.call("POST", "/api/sessions/\(id)/messages", message).status == 200)
        #expect(try await fixture.history(id).count == 2)
        let notes = String(repeating: "z", count: 2000)
        #expect(
            try await fixture.call("POST", "/api/sessions/\(id)/resolve", #"{"notes":"\#(notes)"}"#).status == 200)
        #expect(
            try await fixture.call("DELETE", "/api/sessions/\(id)", #"{"reason":"\#(notes)"}"#).status == 200)
    }

    @Test func aSessionExpiresAnHourAfterTheLastMessage() async throws {
        let fixture = try POCFixture()
        let (idle, busy) = (try await fixture.session(), try await fixture.session())
        fixture.clock.advance(microseconds: Self.hour / 2)
        try await fixture.say("hello", in: busy)
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 0, expired: 0))
        fixture.clock.advance(microseconds: Self.hour / 2 + 1_000_000)
        // Before any sweep it is gone for clients.
        #expect(try await fixture.call("GET", "/api/users/ann/sessions").json["count"]?.number == 1)
        // The busy one is due, too, and moves on.
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 2, expired: 1))
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 0, expired: 0))
        #expect(try await fixture.call("GET", "/api/sessions/\(busy)").status == 200)
        #expect(try await fixture.call("GET", "/api/sessions/\(idle)").status == 404)
        let recent = try await fixture.call("GET", "/api/users/ann/sessions?type=recent").json
        #expect(recent["sessions"]?.elements.map { $0["status"]?.string } == ["active", "expired"])
        fixture.clock.advance(microseconds: Self.hour)
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 1, expired: 1))
    }

    /// One that was imported has no entry in the index by expiry until something happens in it.
    @Test func sessionsWithoutAnEntryGetOne() async throws {
        let fixture = try POCFixture()
        let draft = SessionDraft(ids: .poc, owner: "ann", state: SessionState())
        let imported = try fixture.engine.createSession(draft, .operator(tenant: .poc))
        try await fixture.say("hello", in: imported.id)
        fixture.clock.advance(microseconds: Self.hour + 1_000_000)
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 1, expired: 1))
    }

    /// A sweep reads what is due and nothing else.
    @Test func aSweepCostsWhatIsDue() async throws {
        let fixture = try POCFixture(lifeCycle: .init(sessionsPerOwner: 0))
        for _ in 0..<150 { _ = try await fixture.session() }
        fixture.clock.advance(microseconds: Self.hour + 1)
        for _ in 0..<150 { _ = try await fixture.session() }
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 150, expired: 150))
    }

    @Test func endingIsWithoutConditions() async throws {
        let fixture = try POCFixture()
        let id = try await fixture.session()
        let ended = try await fixture.call("DELETE", "/api/sessions/\(id)", #"{"reason":"user_request"}"#)
        #expect(try ended.json["reason"]?.string == "user_request")
        #expect(try await fixture.call("DELETE", "/api/sessions/\(id)").json["success"] == .bool(true))
        #expect(try await fixture.call("GET", "/api/sessions/\(id)").status == 404)
        #expect(try await fixture.call("POST", "/api/sessions/\(id)/messages", #"{"content":"x"}"#).status == 404)
    }

    // MARK: Resume and resolve

    @Test(arguments: ["terminated", "expired", "resolved"]) func anEndedSessionIsResumed(_ how: String) async throws {
        let fixture = try POCFixture()
        let id = try await fixture.session()
        try await fixture.say("hello", in: id)
        switch how {
        case "terminated": _ = try await fixture.call("DELETE", "/api/sessions/\(id)")
        case "expired":
            fixture.clock.advance(microseconds: Self.hour * 2)
            _ = try fixture.surface.lifeCycle.sweep()
        default: _ = try await fixture.call("POST", "/api/sessions/\(id)/resolve", "{}")
        }
        let reply = try await fixture.call("POST", "/api/sessions/\(id)/resume")
        #expect(reply.status == 200)
        let history = try #require(try reply.json["history"]?.elements)
        #expect(history.map { $0["direction"]?.string } == ["incoming", "outgoing"])
        #expect(history[0]["parent_message_id"] == .null)
        #expect(history[1]["entities"] == .null)
        #expect(try reply.json["session"]?["messageCount"]?.number == 2)
        // The same id goes on.
        let next = try await fixture.call(
            "POST", "/api/chat/message", #"{"message":"again"}"#, headers: [("X-Session-ID", id)])
        #expect(try next.json["sessionId"]?.string == id)
        #expect(try await fixture.history(id).count == 4)
        // And expires like any other.
        fixture.clock.advance(microseconds: Self.hour * 2)
        #expect(try fixture.surface.lifeCycle.sweep().expired == 1)
    }

    @Test func resolvedSessionsStayActive() async throws {
        let fixture = try POCFixture()
        let id = try await fixture.session()
        let reply = try await fixture.call("POST", "/api/sessions/\(id)/resolve", #"{"notes":"done"}"#)
        #expect(reply.status == 200)
        #expect(try await fixture.call("GET", "/api/users/ann/sessions?type=unresolved").json["count"]?.number == 0)
        let row = try await fixture.call("GET", "/api/users/ann/sessions").json["sessions"]?.elements.first
        #expect(row?["status"]?.string == "resolved")
        #expect(row?["isActive"] == .bool(true))
        #expect(row?["isResolved"] == .bool(true))
        #expect(try await fixture.call("POST", "/api/sessions/\(id)/resolve", "{}").status == 200)
        let missing = try await fixture.call("POST", "/api/sessions/nope/resolve", "{}")
        #expect(missing.status == 404)
        #expect(try missing.json["details"]?.string == "Session not found")
    }

    // MARK: Restart

    @Test func everythingSurvivesARestart() async throws {
        let disk = SimulatedDisk()
        let clock = SimulatedClock(stepMicroseconds: 7)
        var ids: [String] = []
        do {
            let fixture = try POCFixture(disk: disk, clock: clock)
            for _ in 0..<2 { ids.append(try await fixture.session()) }
            try await fixture.say("hello", in: ids[1])
            _ = try await fixture.call("POST", "/api/sessions/\(ids[1])/resolve", #"{"notes":"n"}"#)
        }
        let fixture = try POCFixture(disk: disk, clock: clock)
        #expect(try await fixture.call("GET", "/api/users/ann/sessions").json["count"]?.number == 2)
        #expect(try await fixture.history(ids[1]).count == 2)
        #expect(try await fixture.call("POST", "/api/sessions/\(ids[1])/resume").status == 200)
        let shown = try await fixture.call("GET", "/api/sessions/\(ids[1])").json
        #expect(shown["session"]?["statistics"]?["messageCount"]?.number == 1)
        #expect(shown["conversationContext"]?["currentIntent"]?.string == "greeting")
        clock.advance(microseconds: Self.hour * 2)
        #expect(try fixture.surface.lifeCycle.sweep() == SessionLifeCycle.Sweep(due: 2, expired: 2))
    }

    // MARK: Ownership

    @Test func aUserReachesTheOwnSessionsOnly() async throws {
        let fixture = try POCFixture()
        let id = try await fixture.session("ann")
        try await fixture.say("hello", in: id)
        let calls: [(String, String, String?)] = [
            ("GET", "/api/sessions/\(id)", nil), ("DELETE", "/api/sessions/\(id)", nil),
            ("POST", "/api/sessions/\(id)/resume", nil), ("POST", "/api/sessions/\(id)/resolve", "{}"),
            ("POST", "/api/sessions/\(id)/messages", #"{"content":"x"}"#),
            ("GET", "/api/sessions/\(id)/history", nil), ("GET", "/api/chat/history?sessionId=\(id)", nil),
            ("GET", "/api/users/ann/sessions", nil),
            ("POST", "/api/chat/message", #"{"message":"x","sessionId":"\#(id)"}"#),
        ]
        for (method, path, body) in calls {
            #expect(try await fixture.call(method, path, body, as: "bob").status == 404, "\(method) \(path)")
        }
        #expect(try await fixture.history(id).count == 2)
        let foreign = try await fixture.call("POST", "/api/sessions", #"{"userId":"ann"}"#, as: "bob")
        #expect(foreign.status == 403)
        #expect(try foreign.json["error"]?.string == "userId mismatch")
        let admin = try await fixture.call("GET", "/api/sessions/\(id)", as: "root", role: "admin")
        #expect(admin.status == 200)
        #expect(
            try await fixture.call("POST", "/api/sessions", #"{"userId":"ann"}"#, as: "root", role: "admin").status
                == 201)
    }

    @Test func tokensAreAskedFor() async throws {
        let fixture = try POCFixture()
        func error(_ headers: [(String, String)]) async throws -> String? {
            let reply = try await fixture.send("GET", "/api/agents", headers: headers)
            #expect(reply.status == 401)
            #expect(try reply.json["requestId"]?.string == reply.header("X-Request-ID"))
            return try reply.json["error"]?.string
        }
        #expect(try await error([]) == "No token provided")
        #expect(try await error([("Authorization", "Basic abc")]) == "No token provided")
        #expect(try await error([("Authorization", "Bearer abc")]) == "Invalid token")
        let old = fixture.token("ann", lifetimeSeconds: 60)
        fixture.clock.advance(microseconds: 61_000_000)
        #expect(try await error([("Authorization", "Bearer " + old)]) == "Token expired")
        #expect(try await fixture.call("GET", "/api/agents").status == 200)
        for path in ["/health", "/api/health", "/health/health", "/api/health/health", "/api", "/auth/status"] {
            #expect(try await fixture.send("GET", path).status == 200, "\(path)")
        }
        let open = try POCFixture { $0.enforcesAuthentication = false }
        #expect(try await open.send("GET", "/api/agents").status == 200)
    }
}
