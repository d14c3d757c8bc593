import ChatEngine
import HTTPTransport
import Synchronization
import TestSupport

/// A service on a free port that answers by a closure; it can keep requests waiting.
final class FakeService: Sendable {
    struct Call: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: JSONValue?
    }

    enum Answer: Sendable {
        case json(Int, String)
        case raw(Int, headers: [(String, String)], String)
        /// Never answered.
        case silence
        /// Answered when the test says so.
        case wait(String)
    }

    private struct State {
        var calls: [Call] = []
        var waiting: [@Sendable () -> Void] = []
        var silent: [any Exchange] = []
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared = Shared()
    private let server: HTTPServer
    let port: UInt16

    init(_ answer: @escaping @Sendable (Call, _ number: Int) -> Answer) throws {
        var settings = HTTPServer.Configuration()
        settings.loops = 1
        server = try HTTPServer(configuration: settings)
        let shared = shared
        port = try server.listen(host: "127.0.0.1", port: 0) { request, exchange in
            var headers: [String: String] = [:]
            for name in [
                "Content-Type", "Accept", "X-Agent-Type", "X-Session-ID", "Mcp-Session-Id", "MCP-Protocol-Version",
            ] {
                headers[name] = request.headers[name]
            }
            let call = Call(
                method: request.method, path: request.path, headers: headers,
                body: try? JSONValue(parsing: request.body))
            let number = shared.state.withLock { state in
                state.calls.append(call)
                return state.calls.count
            }
            Self.play(answer(call, number), exchange, shared)
        }
    }

    deinit { server.drain(deadline: .zero) }

    private static func play(_ answer: Answer, _ exchange: any Exchange, _ shared: Shared) {
        switch answer {
        case .json(let status, let body):
            exchange.respond(
                Response(
                    status: status, headers: [("Content-Type", "application/json")], body: .bytes(Array(body.utf8))))
        case .raw(let status, let headers, let body):
            exchange.respond(Response(status: status, headers: headers, body: .bytes(Array(body.utf8))))
        case .silence: shared.state.withLock { $0.silent.append(exchange) }
        case .wait(let body):
            shared.state.withLock { state in
                state.waiting.append {
                    exchange.respond(
                        Response(
                            status: 200, headers: [("Content-Type", "application/json")],
                            body: .bytes(Array(body.utf8))))
                }
            }
        }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var calls: [Call] { shared.state.withLock { $0.calls } }
    var waitingCount: Int { shared.state.withLock { $0.waiting.count } }

    func goOn() {
        let waiting = shared.state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for action in waiting { action() }
    }

    /// An address where nobody listens: of a service that is gone.
    static func nobody() throws -> String {
        let service = try FakeService { _, _ in .silence }
        let url = service.url
        service.server.drain(deadline: .zero)
        return url
    }
}
