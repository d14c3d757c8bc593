import ChatEngine
import Synchronization

/// A Model Context Protocol server in process, over streamable HTTP: sessions, pages of tools, replies as JSON or as an
/// event stream with other traffic in it.
final class FakeProtocolServer: Sendable {
    struct Options: Sendable {
        var streams = false
        var version: String?
        /// Requests after which the session is forgotten, once.
        var forgetsSession = false
    }

    private struct State {
        var session = 0
        var isForgotten = false
        var initialized: Set<String> = []
        var methods: [String] = []
        var answers: [JSONValue] = []
        var arguments: [JSONValue] = []
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared = Shared()
    let service: FakeService

    init(_ options: Options = Options()) throws {
        let shared = shared
        service = try FakeService { call, _ in
            guard call.path == "/mcp", call.method == "POST", let message = call.body else { return .json(404, "{}") }
            return shared.state.withLock { Self.answer(call, message, options, &$0) }
        }
    }

    var url: String { service.url + "/mcp" }
    /// Methods in the order in which they came.
    var methods: [String] { shared.state.withLock { $0.methods } }
    /// What the client has answered to the server's own requests.
    var answers: [JSONValue] { shared.state.withLock { $0.answers } }
    /// Of each call of a tool.
    var arguments: [JSONValue] { shared.state.withLock { $0.arguments } }
    func forget() { shared.state.withLock { $0.isForgotten = true } }

    private static func answer(
        _ call: FakeService.Call, _ message: JSONValue, _ options: Options, _ state: inout State
    ) -> FakeService.Answer {
        guard message["jsonrpc"]?.string == "2.0", call.headers["Content-Type"] == "application/json",
            call.headers["Accept"] == "application/json, text/event-stream"
        else { return .json(400, "{}") }
        guard let method = message["method"]?.string else {
            state.answers.append(message)
            return .raw(202, headers: [], "")
        }
        state.methods.append(method)
        let id = message["id"]
        if method == "initialize" {
            state.session += 1
            state.isForgotten = false
            let version = options.version ?? message["params"]?["protocolVersion"]?.string ?? ""
            return reply(
                id,
                "{\"protocolVersion\":\"\(version)\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"x\"}}",
                options, [("Mcp-Session-Id", "session-\(state.session)")])
        }
        guard call.headers["MCP-Protocol-Version"] == options.version ?? "2025-11-25",
            let session = call.headers["Mcp-Session-Id"]
        else { return .json(400, "{}") }
        guard session == "session-\(state.session)", !state.isForgotten else { return .json(404, "{}") }
        if method == "notifications/initialized" {
            state.initialized.insert(session)
            return .raw(202, headers: [], "")
        }
        guard state.initialized.contains(session) else { return .json(400, "{}") }
        switch method {
        case "tools/list":
            let isSecond = message["params"]?["cursor"]?.string == "page-2"
            return reply(id, isSecond ? secondPage : firstPage, options)
        case "tools/call":
            let arguments = message["params"]?["arguments"] ?? .null
            state.arguments.append(arguments)
            return reply(id, result(message["params"]?["name"]?.string ?? "", arguments), options)
        default: return .json(400, "{}")
        }
    }

    private static func reply(
        _ id: JSONValue?, _ result: String, _ options: Options, _ headers: [(String, String)] = []
    ) -> FakeService.Answer {
        let number = Int(id?.number ?? 0)
        let result = result.filter { $0 != "\n" }
        let body =
            result.hasPrefix("error:")
            ? "{\"jsonrpc\":\"2.0\",\"id\":\(number),\"error\":{\"code\":-32602,\"message\":\"\(result.dropFirst(6))\"}}"
            : "{\"jsonrpc\":\"2.0\",\"id\":\(number),\"result\":\(result)}"
        guard options.streams else {
            return .raw(200, headers: headers + [("Content-Type", "application/json; charset=utf-8")], body)
        }
        // Comments, other events, requests of the server and an answer that is not ours, before the one that is; data
        // over two lines; all kinds of line ends.
        let stream = """
            : hello\r\n\r\nevent: message\nid: 7\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n
            data: {"jsonrpc":"2.0","id":"s1","method":"ping"}\r\n\r
            data: {"jsonrpc":"2.0","id":"s2","method":"sampling/createMessage","params":{}}\n
            data: {"jsonrpc":"2.0","id":\(number + 1000),"result":{}}\n
            event: message\ndata:\(body.prefix(16))\ndata: \(body.dropFirst(16))\n\n
            """
        return .raw(200, headers: headers + [("Content-Type", "text/event-stream")], stream)
    }

    private static let firstPage = #"""
        {"nextCursor":"page-2","tools":[
        {"name":"get_weather","description":"Current weather of a city","inputSchema":{"type":"object",
         "properties":{"city":{"type":"string"},"unit":{"enum":["celsius","fahrenheit"]}},"required":["city"]}},
        {"name":"add","description":"Adds two numbers","inputSchema":{"type":"object",
         "properties":{"a":{"type":"number"},"b":{"type":"number"}},"required":["a","b"]}}]}
        """#
    private static let secondPage = #"""
        {"tools":[
        {"name":"searchDocuments","description":"Full text search in the library","inputSchema":{"type":"object",
         "properties":{"query":{"type":"string"},"limit":{"type":"integer"}},"required":["query"]}},
        {"name":"explode","description":"A tool that always fails","inputSchema":{"type":"object"}},
        {"name":"refuse","description":"Answers by an error","inputSchema":{"type":"object"}}]}
        """#

    private static func result(_ name: String, _ arguments: JSONValue) -> String {
        switch name {
        case "add":
            let sum = (arguments["a"]?.number ?? 0) + (arguments["b"]?.number ?? 0)
            return
                "{\"content\":[{\"type\":\"text\",\"text\":\"The sum is \(Int(sum))\"}],\"structuredContent\":{\"sum\":\(Int(sum))}}"
        case "get_weather":
            let city = arguments["city"]?.string ?? ""
            return
                "{\"content\":[{\"type\":\"text\",\"text\":\"Sunny in \(city)\"},{\"type\":\"image\",\"data\":\"\"}]}"
        case "searchDocuments": return #"{"content":[],"structuredContent":{"hits":2}}"#
        case "explode": return #"{"isError":true,"content":[{"type":"text","text":"boom"}]}"#
        default: return "error:no such tool"
        }
    }
}
