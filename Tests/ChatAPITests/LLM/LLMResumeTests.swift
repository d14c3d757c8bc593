import ChatAPI
import ChatEngine
import TestSupport
import Testing

/// Replies that go on without their client.
@Suite struct LLMResumeTests {
    private static let accept = [("Accept", "text/event-stream")]

    @Test func everyTokenOnceOverManyConnections() async throws {
        let fixture = try LLMFixture(.socket, .unlimited, manual: true)
        let port = try #require(fixture.port)
        try await onOwnThread {
            var reader = try EventReader(
                port: port, "POST", "/chat/stream?resume=1", .alice, headers: Self.accept, json: #"{"message":"a  b"}"#)
            try reader.readHead()
            let id = String(try #require(reader.header("X-Message-ID")))
            var events: [String] = []
            while events.count < 27 {
                for _ in 0..<5 where events.count < 27 {
                    fixture.timers.fireNext()
                    events.append(try #require(try reader.next()))
                }
                reader.socket.close()
                reader = try EventReader(
                    port: port, "GET", "/chat/stream/\(id)?resume=1", .alice,
                    headers: Self.accept + [("Last-Event-ID", eventID(try #require(events.last)))])
                try reader.readHead()
            }
            fixture.timers.fireNext()
            fixture.timers.fireNext()
            events += try reader.rest()
            #expect(events.map(eventID) == (1...events.count).map { "\(id):\($0)" })
            let last = try eventData(try #require(events.last))
            #expect(last.object?.keys == ["token", "done", "fullText", "chat_id", "message_id"])
            let tokens = try events.dropLast().map { try eventData($0)["token"]?.string ?? "" }
            #expect(tokens.joined() == last["fullText"]?.string)
            #expect(tokens.suffix(3) == ["\"a ", " ", "b\""])

            // From the beginning, with and without ids; from the end.
            let again = try EventReader(port: port, "GET", "/chat/stream/\(id)?resume=1", .bob, headers: Self.accept)
            #expect(try again.rest() == events)
            let plain = try EventReader(port: port, "GET", "/chat/stream/\(id)", .alice)
            #expect(try plain.rest() == events.map { String($0.split(separator: "\n", maxSplits: 1)[1]) })
            let client = LoopbackClient(port: port)
            func status(_ caller: Caller, _ last: String) throws -> Int {
                try client.send(
                    "GET", "/chat/stream/\(id)?resume=1", headers: caller.headers + [("Last-Event-ID", last)]
                ).status
            }
            #expect(try status(.alice, "\(id):\(events.count)") == 204)
            #expect(try status(.alice, "11111111-1111-1111-1111-111111111111:3") == 400)
            #expect(try status(.alice, "\(id):-3") == 400)
            #expect(try status(.charlie, "\(id):3") == 404)
            #expect(try client.send("GET", "/chat/stream/zzz", headers: Caller.alice.headers).status == 404)
        }
    }

    /// Two clients read the same running reply.
    @Test func aRunningReplyIsReadFromTheBeginning() async throws {
        let fixture = try LLMFixture(.socket, .unlimited, manual: true)
        let port = try #require(fixture.port)
        try await onOwnThread {
            let first = try EventReader(
                port: port, "POST", "/chat/stream?resume=1", .alice, headers: Self.accept, json: #"{"message":"hi"}"#)
            try first.readHead()
            let id = String(try #require(first.header("X-Message-ID")))
            var begun: [String] = []
            for _ in 0..<9 {
                fixture.timers.fireNext()
                begun.append(try #require(try first.next()))
            }
            let second = try EventReader(port: port, "GET", "/chat/stream/\(id)?resume=1", .bob)
            for event in begun { #expect(try second.next() == event) }
            while fixture.timers.fire() {}
            #expect(try first.rest() == second.rest())
        }
    }

    /// The server stops in the middle, another one opens the same disk: the reply goes on where it was.
    @Test func theNextServerGoesOn() async throws {
        let disk = SimulatedDisk()
        var fixture: LLMFixture? = try LLMFixture(.socket, .unlimited, disk: disk, manual: true)
        let port = try #require(fixture?.port)
        let timers = try #require(fixture?.timers)
        let (id, begun) = try await onOwnThread {
            let reader = try EventReader(
                port: port, "POST", "/chat/stream?resume=1", .alice, headers: Self.accept, json: #"{"message":"hi"}"#)
            try reader.readHead()
            let id = String(try #require(reader.header("X-Message-ID")))
            var begun: [String] = []
            for _ in 0..<9 {
                timers.fireNext()
                begun.append(try #require(try reader.next()))
            }
            return (id, begun)
        }
        fixture = nil
        let next = try LLMFixture(.socket, .unlimited, disk: disk)
        let nextPort = try #require(next.port)
        try await onOwnThread {
            let reader = try EventReader(
                port: nextPort, "GET", "/chat/stream/\(id)?resume=1", .alice,
                headers: [("Last-Event-ID", eventID(try #require(begun.last)))])
            let events = begun + (try reader.rest())
            #expect(events.map(eventID) == (1...27).map { "\(id):\($0)" })
            let text = try events.dropLast().map { try eventData($0)["token"]?.string ?? "" }.joined()
            #expect(try eventData(events[26])["fullText"]?.string == text)
        }
        #expect(try next.engine.leftoverReplies().isEmpty)
    }

    /// A model cannot go on where it was: what came of its reply stays, and the client is told.
    @Test func aModelsReplyIsInterrupted() async throws {
        let disk = SimulatedDisk()
        let responder = ListResponder(["one ", "two ", "three"], ends: false)
        var fixture: LLMFixture? = try LLMFixture(.socket, .unlimited, disk: disk, responder: responder)
        let port = try #require(fixture?.port)
        let begun = try await onOwnThread {
            let reader = try EventReader(
                port: port, "POST", "/chat/stream?resume=1", .alice, headers: Self.accept, json: #"{"message":"hi"}"#)
            return try (0..<3).map { _ in try reader.next() ?? "" }
        }
        fixture = nil
        let next = try LLMFixture(.socket, .unlimited, disk: disk, responder: responder)
        let nextPort = try #require(next.port)
        try await onOwnThread {
            let last = eventID(begun[2])
            let path = "/chat/stream/\(last.prefix(36))?resume=1"
            let reader = try EventReader(port: nextPort, "GET", path, .alice, headers: [("Last-Event-ID", last)])
            #expect(try reader.nextData()["error"]?.string == "Stream failed")
            let again = try EventReader(port: nextPort, "GET", path, .alice)
            #expect(try again.rest().prefix(3) == begun[...])
        }
        #expect(try next.engine.leftoverReplies().isEmpty)
    }
}
