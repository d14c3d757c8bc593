import ChatEngine
import TestSupport
import Testing

@testable import Agents

@Suite struct ProtocolTests {
    private func fixture(_ url: String) throws -> AgentsFixture { try AgentsFixture { $0.mcpServiceURL = url } }

    @Test(arguments: [false, true])
    func aToolIsChosenAndCalled(streams: Bool) async throws {
        let server = try FakeProtocolServer(.init(streams: streams))
        let fixture = try fixture(server.url)
        let result = await fixture.answer("please calculate 19 + 23")
        #expect(result.content == "The sum is 42")
        #expect(result.source == .mcp)
        #expect(result.confidence == 0.7)
        #expect(result.metadata["toolsUsed"] == .array([.string("add")]))
        #expect(result.metadata["dataRetrieved"] == .object(["sum": .number(42)]))
        #expect(result.agentsInvolved == ["nlp", "nlu", "mcp"])
        #expect(
            server.methods == [
                "initialize", "notifications/initialized", "tools/list", "tools/list", "tools/call",
            ])
        // The session is kept.
        _ = await fixture.answer("what is 1 + 2?")
        #expect(server.methods.count == 6)
        #expect(server.arguments.last == .object(["a": .number(1), "b": .number(2)]))
    }

    @Test func whatTheServerAsksIsAnswered() async throws {
        let server = try FakeProtocolServer(.init(streams: true))
        _ = await (try fixture(server.url)).answer("please calculate 19 + 23")
        // Answers go their own way, so they may come a little later: four replies asked twice each.
        while server.answers.count < 8 { await Task.yield() }
        let pings = server.answers.filter { $0["id"]?.string == "s1" }
        #expect(pings.count == 4 && pings.allSatisfy { $0["result"] == .object([:]) })
        let others = server.answers.filter { $0["id"]?.string == "s2" }
        #expect(others.count == 4 && others.allSatisfy { $0["error"]?["code"]?.number == -32601 })
    }

    @Test func aForgottenSessionIsBegunAnew() async throws {
        let server = try FakeProtocolServer()
        let fixture = try fixture(server.url)
        _ = await fixture.answer("calculate 1 + 1")
        server.forget()
        let result = await fixture.answer("calculate 2 + 2")
        #expect(result.content == "The sum is 4")
        #expect(result.errors == 0)
        #expect(server.methods.count(where: { $0 == "initialize" }) == 2)
    }

    @Test func theListIsReadAgainAfterAWhile() async throws {
        let server = try FakeProtocolServer()
        let fixture = try fixture(server.url)
        _ = await fixture.answer("calculate 1 + 1")
        fixture.clock.advance(microseconds: 300_000_000)
        _ = await fixture.answer("calculate 1 + 1")
        #expect(server.methods.count(where: { $0 == "tools/list" }) == 4)
        #expect(server.methods.count(where: { $0 == "initialize" }) == 1)
    }

    @Test func versions() async throws {
        let older = try FakeProtocolServer(.init(version: "2025-03-26"))
        #expect(await (try fixture(older.url)).answer("calculate 1 + 1").content == "The sum is 2")
        let unknown = try FakeProtocolServer(.init(version: "1999-01-01"))
        let fixture = try fixture(unknown.url)
        #expect(await fixture.answer("calculate 1 + 1").source == .fallback)
        #expect(fixture.events.lines == ["mcp-tools: the server speaks no version of the protocol that is known"])
    }

    @Test func errorsOfTools() async throws {
        let server = try FakeProtocolServer()
        let fixture = try fixture(server.url)
        let failed = await fixture.answer("use the tool explode")
        #expect(failed.content == "I couldn't do that: boom")
        #expect(failed.confidence == 0.3)
        let refused = await fixture.answer("use the tool refuse")
        #expect(refused.source == .fallback)
        #expect(fixture.events.lines == ["mcp-tools: error -32602: no such tool"])
        // Nothing fits: no reply, and no failure.
        let nothing = await fixture.answer("external stuff")
        #expect(nothing.source == .fallback && nothing.errors == 0)
    }

    @Test func argumentsOfAllKinds() async throws {
        let server = try FakeProtocolServer()
        let fixture = try fixture(server.url)
        let weather = await fixture.answer("lookup the weather in New York in fahrenheit?")
        #expect(weather.content == "Sunny in New York in fahrenheit")
        #expect(
            server.arguments.last
                == .object(["city": .string("New York in fahrenheit"), "unit": .string("fahrenheit")]))
        let search = await fixture.answer("search documents for \"Pride and Prejudice\", 3 at most")
        #expect(search.content == #"{"hits":2}"#)
        #expect(
            server.arguments.last == .object(["query": .string("Pride and Prejudice"), "limit": .number(3)]))
    }

    @Test func serversThatAreNone() async throws {
        for answer in [
            FakeService.Answer.json(200, "[]"), .json(200, "{}"), .json(500, ""), .json(405, ""),
            .raw(200, headers: [("Content-Type", "text/event-stream")], "data: nothing\n\n"),
            .raw(200, headers: [("Content-Type", "text/event-stream")], String(repeating: "x", count: 2 << 20)),
        ] {
            let service = try FakeService { _, _ in answer }
            let result = await (try fixture(service.url + "/mcp")).answer("calculate 1 + 1")
            #expect(result.source == .fallback && result.errors == 1)
        }
    }

    /// Bytes that come one by one give the same events.
    @Test func eventStreams() {
        let text = "data: a\r\ndata: b\n\n:c\n\ndata:d\r\n\r\nevent: x\rdata: e\r\rdata: f"
        var expected: [String] = []
        var position = 0
        expected += EventStream.events(in: Array(text.utf8), from: &position).map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(expected == ["a\nb", "d", "e"])
        var (pieces, place) = ([String](), 0)
        for end in 1...text.utf8.count {
            let events = EventStream.events(in: Array(text.utf8.prefix(end)), from: &place)
            pieces += events.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(pieces == expected)
    }

    private func choice(_ text: String, _ tools: String) -> String? {
        guard case .array(let list)? = JSONValue.reply(Array(tools.utf8)) else { return nil }
        let chooser = ToolChooser(text: text, analysis: LanguageAnalysis(text))
        return chooser.choose(among: list.compactMap(Tool.init)).map {
            $0.tool.name + String(decoding: JSONValue.object($0.arguments).serialized, as: UTF8.self)
        }
    }

    @Test func choices() {
        let tools = #"""
            [{"name":"convert_currency","description":"Converts an amount of money from one currency to another","inputSchema":
              {"properties":{"amount":{"type":"number"},"to":{"enum":["EUR","GBP"]}},"required":["amount","to"]}},
             {"name":"average","description":"The mean of a list","inputSchema":
              {"properties":{"values":{"type":"array","items":{"type":"number"}}},"required":["values"]}},
             {"name":"evaluate","description":"Evaluates an arithmetic expression","inputSchema":
              {"properties":{"expression":{"type":"string"}},"required":["expression"]}},
             {"name":"set_flag","description":"Sets the flag","inputSchema":
              {"properties":{"on":{"type":"boolean"},"note":{"type":["null","string"]}},"required":["on"]}},
             {"name":"echo","description":"","inputSchema":{"properties":{"message":{"type":"string"}},"required":["message"]}},
             {"name":"needsObject","description":"","inputSchema":{"properties":{"o":{"type":"object"}},"required":["o"]}}]
            """#
        #expect(choice("convert $20.50 currency to gbp", tools) == #"convert_currency{"amount":20.5,"to":"GBP"}"#)
        #expect(choice("average of 1, 2 and 6.5", tools) == #"average{"values":[1,2,6.5]}"#)
        #expect(choice("evaluate 2 * (3 + 4)", tools) == #"evaluate{"expression":"2 * (3 + 4)"}"#)
        #expect(choice("set the flag", tools) == #"set_flag{"on":true}"#)
        #expect(choice("Echo this, please", tools) == #"echo{"message":"Echo this, please"}"#)
        // What is required is not there.
        #expect(choice("convert currency", tools) == nil)
        #expect(choice("needs object", tools) == nil)
        #expect(choice("the moon", tools) == nil)
    }
}
