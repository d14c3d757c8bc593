import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// Many at once, and those who mean no good: the surface stays up and loses nothing.
@Suite(.serialized, .timeLimit(.minutes(3))) struct POCHostileTests {
    static let user = "user_12345"

    /// Turns of one session that overlap are all stored and all counted.
    @Test func overlappingTurnsAreAllCounted() async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 { group.addTask { try await fixture.say("hello \(number)", in: sid) } }
            try await group.waitForAll()
        }
        let shown = try await fixture.call("GET", "/api/sessions/\(sid)").json
        #expect(shown["session"]?["statistics"]?["messageCount"]?.number == 40)
        let rows = try await fixture.history(sid, "&limit=100")
        #expect(rows.count == 80)
        #expect(Set(rows.compactMap { $0["id"]?.string }).count == 80)
    }

    /// Creates that overlap leave no more sessions than the limit.
    @Test func overlappingSessionsKeepTheLimit() async throws {
        let fixture = try POCFixture(.socket)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<30 { group.addTask { _ = try await fixture.session() } }
            try await group.waitForAll()
        }
        #expect(try await fixture.call("GET", "/api/users/ann/sessions").json["count"]?.number == 5)
        #expect(fixture.surface.lifeCycle.currentCounts.active == 5)
    }

    @Test func failingAgentsLoseNoMessage() async throws {
        let agents = try MockAgents()
        agents.isDown = true
        let fixture = try POCFixture(agents: agents.configuration)
        let sid = try await fixture.session()
        let answer = try await fixture.say("what is my balance?", in: sid)
        #expect(answer["agent"]?["type"]?.string == "fallback")
        #expect(answer["response"]?["content"]?.string?.hasPrefix("I understand your message.") == true)
        let rows = try await fixture.history(sid)
        #expect(rows.map { $0["content"]?.string }.first == "what is my balance?")
        let statistics = try await fixture.call("GET", "/api/sessions/\(sid)").json["session"]?["statistics"]
        #expect((statistics?["errorsEncountered"]?.number ?? 0) > 0)
        // Services that answer again are asked again.
        agents.isDown = false
        fixture.clock.advance(microseconds: 61_000_000)
        let next = try await fixture.say("what is my balance?", in: sid)
        #expect(next["response"]?["content"]?.string == "Your account balance is $5,432.10")
    }

    @Test func wrongNamespacesAndFramesEndTheClientAlone() async throws {
        let fixture = try POCFixture(.socket)
        let port = try #require(fixture.port)
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let good = try POCSocket(fixture)
            try good.authenticate(fixture)
            try good.join(sid)
            let lost = try POCSocket(port)
            try lost.web.send("40/elsewhere,")
            #expect(try lost.web.receiveText() == #"44/elsewhere,{"message":"Invalid namespace"}"#)
            // More than 1 MB, no packet, no JSON: each ends its connection.
            for text in [String(repeating: "x", count: 1_100_000), "9", #"42["sendMessage""#] {
                let bad = try POCSocket(fixture)
                try? bad.web.send(text)
                _ = try? bad.web.closeCode()
            }
            // Half-open: a handshake that stops, and one that never enters the namespace.
            let silent = try LoopbackSocket(port: port)
            try silent.send("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n")
            let idle = try POCSocket(port)
            try good.emit("sendMessage", #"{"content":"hello"}"#)
            try good.expect("messageReceived")
            try good.expect("newMessage")
            withExtendedLifetime((silent, idle)) {}
        }
    }

    /// A socket of the room that does not read holds nobody up, and is sent away when its queue is full.
    @Test func aSlowReaderSlowsNobody() async throws {
        let fixture = try POCFixture(.socket) { $0.messageRate = 0 }
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let slow = try POCSocket(fixture)
            let quick = try POCSocket(fixture)
            for socket in [slow, quick] {
                try socket.authenticate(fixture)
                try socket.join(sid)
            }
            let text = String(repeating: "a long message ", count: 120)
            for _ in 0..<300 {
                try quick.emit("sendMessage", #"{"content":"\#(text)"}"#)
                try quick.expect("messageReceived")
                try quick.expect("newMessage")
            }
            withExtendedLifetime(slow) {}
        }
        #expect(try await fixture.history(sid, "&offset=590", as: Self.user).count == 10)
    }

    /// Floods are refused one by one, and the refusals cost no session anything.
    @Test func aFloodIsRefused() async throws {
        let fixture = try POCFixture(.socket)
        let (sid, other) = (try await fixture.session(Self.user), try await fixture.session(Self.user))
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            try socket.authenticate(fixture)
            try socket.join(sid)
            for _ in 0..<2000 { try socket.emit("sendMessage", "{}") }
            var errors: [String: Int] = [:]
            for _ in 0..<2000 { errors[try socket.expect("messageError")["error"]?.string ?? "", default: 0] += 1 }
            #expect(errors == ["Message content required": 60, "Rate limit exceeded": 1940])
        }
        try await fixture.say("hello", in: other, as: Self.user)
        let health = try await fixture.send("GET", "/health").json
        #expect(health["services"]?["socketHandler"]?["rateLimitedClients"]?.number == 0)
    }
}
