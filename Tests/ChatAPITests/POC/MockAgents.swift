import Agents
import ChatEngine
import HTTPTransport
import Synchronization
import TestSupport

/// The agents of the golden cases as HTTP services on one free port; they can be made to fail.
final class MockAgents: Sendable {
    private final class State: Sendable {
        let isDown = Atomic<Bool>(false)
        let requests = Mutex<[(path: String, headers: Headers, body: JSONValue)]>([])
    }

    private let state = State()
    private let server: HTTPServer
    let port: UInt16

    init() throws {
        var settings = HTTPServer.Configuration()
        settings.loops = 1
        server = try HTTPServer(configuration: settings)
        port = try server.listen(host: "127.0.0.1", port: 0) { [state] request, exchange in
            Self.answer(request, exchange, state)
        }
    }

    deinit { server.drain(deadline: .zero) }

    var isDown: Bool {
        get { state.isDown.load(ordering: .relaxed) }
        set { state.isDown.store(newValue, ordering: .relaxed) }
    }

    var requests: [(path: String, headers: Headers, body: JSONValue)] { state.requests.withLock { $0 } }

    var configuration: AgentsConfiguration {
        var configuration = AgentsConfiguration()
        configuration.bankingServiceURL = "http://127.0.0.1:\(port)/banking"
        configuration.nlpServiceURL = "http://127.0.0.1:\(port)/nlp"
        configuration.nluServiceURL = "http://127.0.0.1:\(port)/nlu"
        configuration.mcpServiceURL = "http://127.0.0.1:\(port)/tools"
        return configuration
    }

    private static func answer(_ request: Request, _ exchange: any Exchange, _ state: State) {
        guard !state.isDown.load(ordering: .relaxed) else { return exchange.respond(Response(status: 503)) }
        let body = (try? JSONValue(parsing: request.body)) ?? .null
        state.requests.withLock { $0.append((request.path, request.headers, body)) }
        let replies = [
            "/banking/api/process": #"{"response":"Your account balance is $5,432.10","confidence":0.95}"#,
            "/nlp/api/process": #"{"entities":{"money":[]},"sentiment":"neutral"}"#,
            "/nlu/api/process": #"{"intent":"account_balance"}"#,
            "/tools/api/process": #"{"response":"MCP says 4","toolsUsed":["calc"],"dataRetrieved":{"x":1}}"#,
        ]
        guard request.method == "POST", let reply = replies[request.path] else {
            return exchange.respond(Response(status: 404))
        }
        exchange.respond(Response(json: reply))
    }
}
