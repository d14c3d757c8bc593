import ChatEngine
import HTTPTransport
import Synchronization
import TestSupport

/// A small OpenAI-compatible server on a free port. It answers each request by the next script, the last one for ever.
final class FakeModel: Sendable {
    enum Step: Sendable {
        /// One event with this text.
        case token(String)
        /// Bytes as they are.
        case raw(String)
        /// Waits until the test says `goOn`.
        case pause
        /// The end of the stream, with the usage if one is given.
        case done(usage: (Int, Int)?)
        /// Breaks the connection off.
        case disconnect
    }

    enum Script: Sendable {
        case stream([Step])
        /// No reply until its client goes.
        case silence
        /// A reply in one piece.
        case whole(Int, String, headers: [(String, String)] = [])
    }

    private struct State {
        var scripts: [Script]
        var requests: [Request] = []
        var gone = 0
        var waiting: [@Sendable () -> Void] = []
    }

    /// The handler's too, which must not hold the server.
    private let shared: Shared
    private let server: HTTPServer
    let port: UInt16
    private let scheme: String

    /// - Parameter tls: makes it an HTTPS server.
    init(_ scripts: [Script], tls: TLSCertificate? = nil) throws {
        let shared = Shared(State(scripts: scripts))
        self.shared = shared
        var settings = HTTPServer.Configuration()
        settings.loops = 1
        settings.tls = tls
        scheme = tls == nil ? "http" : "https"
        server = try HTTPServer(configuration: settings)
        port = try server.listen(host: "127.0.0.1", port: 0, tls: tls != nil) { request, exchange in
            Self.answer(request, exchange, shared)
        }
    }

    private final class Shared: Sendable {
        let state: Mutex<State>
        init(_ state: consuming State) { self.state = Mutex(state) }
    }

    deinit { server.drain(deadline: .zero) }

    var baseURL: String { "\(scheme)://127.0.0.1:\(port)/v1" }
    var requests: [Request] { shared.state.withLock { $0.requests } }
    /// Streams whose client went before their end.
    var gone: Int { shared.state.withLock { $0.gone } }

    /// Ends every pause that has begun.
    /// - Returns: how many there were.
    @discardableResult
    func goOn() -> Int {
        let waiting = shared.state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for action in waiting { action() }
        return waiting.count
    }

    private static func answer(_ request: Request, _ exchange: any Exchange, _ shared: Shared) {
        let script = shared.state.withLock { state in
            state.requests.append(request)
            return state.scripts.count > 1 ? state.scripts.removeFirst() : state.scripts[0]
        }
        switch script {
        case .silence:
            exchange.onDisconnect {
                shared.state.withLock { $0.gone += 1 }
                exchange.respond(Response(status: 500))
            }
        case .whole(let status, let body, let headers):
            exchange.respond(
                Response(
                    status: status, headers: [("Content-Type", "application/json")] + headers.map { ($0.0, $0.1) },
                    body: .bytes(Array(body.utf8))))
        case .stream(let steps):
            let stream = BodyStream()
            stream.onDisconnect { shared.state.withLock { $0.gone += 1 } }
            exchange.respond(
                Response(status: 200, headers: [("Content-Type", "text/event-stream")], body: .stream(stream)))
            play(steps[...], stream, shared)
        }
    }

    private static func play(_ steps: ArraySlice<Step>, _ stream: BodyStream, _ shared: Shared) {
        var steps = steps
        while let step = steps.popFirst() {
            switch step {
            case .token(let text):
                _ = stream.offer(Array("data: {\"choices\":[{\"delta\":{\"content\":\(text.quoted)}}]}\n\n".utf8))
            case .raw(let text): _ = stream.offer(Array(text.utf8))
            case .pause:
                let rest = steps
                return shared.state.withLock { $0.waiting.append { play(rest, stream, shared) } }
            case .done(let usage):
                if let (input, output) = usage {
                    let counts = "{\"prompt_tokens\":\(input),\"completion_tokens\":\(output)}"
                    _ = stream.offer(Array("data: {\"choices\":[],\"usage\":\(counts)}\n\n".utf8))
                }
                _ = stream.offer(Array("data: [DONE]\n\n".utf8))
                return stream.finish()
            case .disconnect: return stream.fail()
            }
        }
        stream.finish()
    }
}
