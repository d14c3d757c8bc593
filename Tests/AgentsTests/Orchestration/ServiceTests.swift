import Agents
import ChatEngine
import Synchronization
import TestSupport
import Testing

/// Timers that stand still until a test fires them.
final class StillTimers: Timers {
    private let waiting = Mutex<[(due: UInt64, action: @Sendable () -> Void)]>([])

    func schedule(afterMicroseconds delay: UInt64, _ action: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append((delay, action)) }
    }

    /// Fires all that were asked for at least so late, waiting until there is one.
    func fire(atLeast delay: UInt64) async {
        while true {
            let due = waiting.withLock { waiting in
                let due = waiting.filter { $0.due >= delay }
                waiting.removeAll { $0.due >= delay }
                return due
            }
            for entry in due { entry.action() }
            if !due.isEmpty { return }
            await Task.yield()
        }
    }

    var delays: [UInt64] { waiting.withLock { $0.map(\.due) } }
}

@Suite struct ServiceTests {
    private static let reply = #"{"response":"from afar","confidence":0.9}"#

    private func fixture(_ service: FakeService, timers: (any Timers)? = nil) throws -> AgentsFixture {
        try AgentsFixture({ $0.bankingServiceURL = service.url }, timers: timers)
    }

    @Test func oneFailureIsTriedAgain() async throws {
        let service = try FakeService { _, number in number == 1 ? .json(503, "{}") : .json(200, Self.reply) }
        let result = await (try fixture(service)).answer("what is my balance")
        #expect(result.content == "from afar")
        #expect(result.errors == 0)
        #expect(service.calls.count == 2)
    }

    @Test func twoFailuresAreAFailedStep() async throws {
        let service = try FakeService { _, _ in .json(500, "{}") }
        let fixture = try fixture(service)
        let result = await fixture.answer("what is my balance")
        #expect(result.source == .fallback)
        #expect(result.agentsInvolved == ["nlp", "nlu"])
        #expect(result.intent == "banking.balance.check")
        #expect(result.errors == 1)
        #expect(service.calls.count == 2)
        #expect(fixture.events.lines == ["banking-assistant: status 500"])
    }

    @Test(arguments: [
        FakeService.Answer.json(400, "{}"), .json(200, "[1]"), .json(200, "no JSON"), .json(200, ""),
        .json(200, String(repeating: "[", count: 100_000)), .json(200, #"{"response":7}"#), .json(200, "{}"),
        .json(200, #"{"response":""}"#), .raw(302, headers: [("Location", "/")], ""),
        .json(200, "{\"response\":\"" + String(repeating: "x", count: 2 << 20) + "\"}"),
    ])
    func garbageIsNoReply(_ answer: FakeService.Answer) async throws {
        let service = try FakeService { _, _ in answer }
        let result = await (try fixture(service)).answer("what is my balance")
        #expect(result.source == .fallback)
        #expect(result.agentsInvolved == ["nlp", "nlu"])
    }

    /// A reply's numbers and lists are brought into their form.
    @Test func membersOfTheWrongTypeAreReplaced() async throws {
        let service = try FakeService { _, _ in
            .json(200, #"{"response":"yes","confidence":17,"suggestedActions":"x","quickReplies":["a"]}"#)
        }
        let result = await (try fixture(service)).answer("what is my balance")
        #expect(result.confidence == 1)
        #expect(result.suggestedActions == .array([]))
        #expect(result.quickReplies == .array([.string("a")]))
    }

    @Test func silenceEndsWithTheBudget() async throws {
        let service = try FakeService { _, _ in .silence }
        let timers = StillTimers()
        let fixture = try fixture(service, timers: timers)
        async let pending = fixture.answer("what is my balance")
        while timers.delays.isEmpty { await Task.yield() }
        fixture.clock.advance(microseconds: 5_000_000)
        await timers.fire(atLeast: 1_000_000)
        let result = await pending
        #expect(result.source == .fallback)
        #expect(fixture.events.lines == ["banking-assistant: no reply in time"])
    }

    /// nlp and nlu have half of the turn's five seconds, banking what is left.
    @Test func timeIsShared() async throws {
        let service = try FakeService { _, _ in .silence }
        let timers = StillTimers()
        let fixture = try AgentsFixture(
            { configuration in
                configuration.nluServiceURL = service.url
                configuration.bankingServiceURL = service.url
            }, timers: timers)
        async let pending = fixture.answer("my balance")
        while timers.delays.isEmpty { await Task.yield() }
        #expect(timers.delays == [2_499_000] || timers.delays == [2_500_000])
        fixture.clock.advance(microseconds: 2_500_000)
        await timers.fire(atLeast: 2_000_000)
        while timers.delays.isEmpty { await Task.yield() }
        let delay = try #require(timers.delays.max())
        #expect(delay > 2_400_000 && delay <= 2_500_000)
        fixture.clock.advance(microseconds: 2_500_000)
        await timers.fire(atLeast: 2_000_000)
        // The keywords of 11.3 stood in for the nlu.
        #expect(await pending.intent == "check_balance")
    }

    @Test func theBreakerOpensAndProbes() async throws {
        let service = try FakeService { _, _ in .json(404, "{}") }
        let fixture = try fixture(service)
        for _ in 0..<5 { _ = await fixture.answer("balance") }
        #expect(service.calls.count == 5)
        #expect(!fixture.orchestrator.statuses[0].isHealthy)
        let skipped = await fixture.answer("balance")
        #expect(service.calls.count == 5 && skipped.errors == 0 && skipped.source == .fallback)
        fixture.clock.advance(microseconds: 60_000_000)
        // One probe, which fails: closed to everybody for another minute.
        _ = await fixture.answer("balance")
        _ = await fixture.answer("balance")
        #expect(service.calls.count == 6)
    }

    @Test func aProbeThatSucceedsClosesTheBreaker() async throws {
        let service = try FakeService { _, number in number <= 5 ? .json(404, "{}") : .json(200, Self.reply) }
        let fixture = try fixture(service)
        for _ in 0..<6 { _ = await fixture.answer("balance") }
        fixture.clock.advance(microseconds: 60_000_000)
        #expect(await fixture.answer("balance").content == "from afar")
        #expect(fixture.orchestrator.statuses[0].isHealthy)
        #expect(await fixture.answer("balance").content == "from afar")
        #expect(service.calls.count == 7)
        let status = fixture.orchestrator.statuses[0]
        #expect(status.totalRequests == 7 && status.currentLoad == 0)
    }

    @Test func aBusyAgentIsSkipped() async throws {
        let service = try FakeService { _, _ in .wait(Self.reply) }
        let fixture = try fixture(service)
        async let busy = withTaskGroup(of: String.self) { group in
            for _ in 0..<5 { group.addTask { await fixture.answer("balance").content } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        while service.waitingCount < 5 { await Task.yield() }
        #expect(fixture.orchestrator.statuses[0].currentLoad == 5)
        let skipped = await fixture.answer("balance")
        #expect(skipped.source == .fallback && skipped.errors == 0)
        service.goOn()
        #expect(await busy == Array(repeating: "from afar", count: 5))
        #expect(fixture.orchestrator.statuses[0].currentLoad == 0)
    }

    @Test func nlpAndNluRunSideBySide() async throws {
        let service = try FakeService { call, _ in
            .wait(call.headers["X-Agent-Type"] == "nlp" ? #"{"sentiment":"positive"}"# : #"{"intent":"greeting"}"#)
        }
        let fixture = try AgentsFixture { configuration in
            configuration.nlpServiceURL = service.url
            configuration.nluServiceURL = service.url
        }
        async let pending = fixture.answer("hm")
        // Both have been asked before either has answered.
        while service.waitingCount < 2 { await Task.yield() }
        service.goOn()
        let result = await pending
        #expect(result.sentiment == "positive")
        #expect(result.intent == "greeting")
        // The intent without a confidence selects nobody; the default agent goes by it.
        #expect(result.agentsInvolved == ["nlp", "nlu", "banking"])
    }

    /// An nlu elsewhere may say what changes in the conversation.
    @Test func updatesOfAnNluAreTakenOver() async throws {
        let service = try FakeService { _, _ in
            .json(
                200,
                #"""
                {"intent":"banking.balance.check","confidence":0.8,"entities":[{"entity":"account_type","value":"savings"}],
                 "conversationContextUpdates":{"mood":"fine"}}
                """#)
        }
        let fixture = try AgentsFixture { $0.nluServiceURL = service.url }
        let result = await fixture.answer("hm")
        #expect(result.source == .banking)
        #expect(result.state["mood"] == .string("fine"))
        #expect(result.conversationContext["entities"] == .object(["account_type": .string("savings")]))
    }
}
