import Agents
import ChatEngine
import TestSupport
import Testing

/// Golden cases 14 to 17 of poc.md, with the bodies of its mock agents served over HTTP.
@Suite struct AgentGoldenTests {
    private final class Mocks: Sendable {
        let banking: FakeService
        let nlp: FakeService
        let nlu: FakeService
        let mcp: FakeService

        init() throws {
            banking = try FakeService { _, _ in
                .json(200, #"{"response":"Your account balance is $5,432.10","confidence":0.95}"#)
            }
            nlp = try FakeService { _, _ in .json(200, #"{"entities":{"money":[]},"sentiment":"neutral"}"#) }
            nlu = try FakeService { _, _ in .json(200, #"{"intent":"account_balance"}"#) }
            mcp = try FakeService { _, _ in
                .json(200, #"{"response":"MCP says 4","toolsUsed":["calc"],"dataRetrieved":{"x":1}}"#)
            }
        }

        func fixture() throws -> AgentsFixture {
            try AgentsFixture { configuration in
                configuration.bankingServiceURL = banking.url
                configuration.nlpServiceURL = nlp.url
                configuration.nluServiceURL = nlu.url + "/"
                configuration.mcpServiceURL = mcp.url
            }
        }
    }

    @Test func case14() async throws {
        let mocks = try Mocks()
        let fixture = try mocks.fixture()
        let state: JSONObject = ["currentStep": .string("initial")]
        let result = await fixture.answer(fixture.turn("What is my account balance?", state: state))
        #expect(result.content == "Your account balance is $5,432.10")
        #expect(result.source.rawValue == "banking")
        #expect(result.confidence == 0.95)
        #expect(result.agentsInvolved == ["nlp", "nlu", "banking"])
        #expect(result.agentIDs == ["nlp-processor", "nlu-intent", "banking-assistant"])
        #expect(result.metadata["intent"] == .string("account_balance"))
        #expect(result.metadata["entities"] == .object(["money": .array([])]))
        #expect(result.metadata["sentiment"] == .string("neutral"))
        #expect(result.conversationContext["currentIntent"] == .string("account_balance"))
        #expect(mocks.mcp.calls.isEmpty)
        let call = try #require(mocks.banking.calls.first)
        #expect(call.method == "POST" && call.path == "/api/process")
        #expect(call.headers["X-Agent-Type"] == "ai" && call.headers["X-Session-ID"] == "sess_1_a")
        #expect(call.headers["Content-Type"] == "application/json")
        #expect(call.body?["message"]?["content"]?.string == "What is my account balance?")
        #expect(call.body?["conversationContext"] == .object(state))
        #expect(call.body?["previousResults"]?["intentDetection"]?["intent"]?.string == "account_balance")
        #expect(call.body?["sessionInfo"]?["userId"]?.string == "ann")
        #expect(call.body?["sessionInfo"]?["timestamp"]?.string?.hasSuffix("Z") == true)
        #expect(mocks.nlu.calls.first?.path == "/api/process")
    }

    @Test func case15() async throws {
        let mocks = try Mocks()
        let fixture = try mocks.fixture()
        let result = await fixture.answer("please calculate 2+2")
        #expect(result.content == "MCP says 4")
        #expect(result.source.rawValue == "mcp")
        #expect(result.confidence == 0.7)
        #expect(result.agentsInvolved == ["nlp", "nlu", "mcp"])
        #expect(result.metadata["toolsUsed"] == .array([.string("calc")]))
        #expect(result.metadata["dataRetrieved"] == .object(["x": .number(1)]))
        #expect(mocks.banking.calls.isEmpty)
    }

    /// Both answer: banking speaks, both are named, and the tools have seen what banking said.
    @Test func case16() async throws {
        let mocks = try Mocks()
        let fixture = try mocks.fixture()
        let result = await fixture.answer("calculate the interest on my account")
        #expect(result.source.rawValue == "banking")
        #expect(result.agentsInvolved == ["nlp", "nlu", "banking", "mcp"])
        let call = try #require(mocks.mcp.calls.first)
        #expect(call.body?["previousResults"]?["bankingResult"]?["confidence"]?.number == 0.95)
        guard case .array(let responses)? = result.aggregate["responses"] else {
            Issue.record("no responses")
            return
        }
        #expect(responses.map { $0["agentType"]?.string } == ["nlp", "nlu", "ai", "mcp"])
        #expect(result.aggregate["finalResponse"]?["source"]?.string == "banking-assistant")
    }

    @Test func case17() async throws {
        let nobody = try FakeService.nobody()
        let fixture = try AgentsFixture { configuration in
            configuration.bankingServiceURL = nobody
            configuration.nlpServiceURL = nobody
            configuration.nluServiceURL = nobody
            configuration.mcpServiceURL = nobody
        }
        let result = await fixture.answer("hello")
        #expect(result.content == "I understand your message. How can I assist you with your banking needs today?")
        #expect(result.source.rawValue == "fallback")
        #expect(result.confidence == 0.5)
        #expect(
            result.metadata == [
                "intent": .string("general_inquiry"), "entities": .object([:]), "sentiment": .string("neutral"),
                "suggestedActions": .array([]), "quickReplies": .array([]),
            ])
        #expect(result.agentsInvolved == ["nlp", "nlu"])
        // nlp, nlu and the default agent have failed.
        #expect(result.errors == 3)
    }

    @Test func statusesAreThoseOfCase29() throws {
        let fixture = try AgentsFixture()
        let statuses = fixture.orchestrator.statuses
        #expect(
            statuses.map(\.name.id) == [
                "banking-assistant", "nlp-processor", "nlu-intent", "mcp-tools", "human-escalation",
            ])
        #expect(statuses.map(\.name.type) == ["ai", "nlp", "nlu", "mcp", "human"])
        #expect(statuses.count(where: \.isActive) == 4)
        #expect(statuses.allSatisfy { $0.isHealthy })
        let withHuman = try AgentsFixture { $0.agentFallbackEnabled = true }
        #expect(withHuman.orchestrator.statuses.count(where: \.isActive) == 5)
    }
}
