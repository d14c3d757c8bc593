package import HTTPTransport
internal import Synchronization

// Engine.IO 4 over HTTPTransport: which session a request belongs to, and what is refused how.
//
// A request is checked in the order of the reference server, so that each mistake gets the same error: transport, session,
// (with a session: its transport), (without one: method, version, permission). Errors are 400, but `forbidden`, with
// `{"code":…,"message":…}`; a WebSocket handshake that is refused gets the message alone as text/html.

package struct EngineConfiguration: Sendable {
    package var timings = EngineTimings()
    /// The longest body of a POST and the longest WebSocket message, as told to clients.
    package var maxPayload = 1_000_000
    /// What may wait for a client that polls, before its session ends.
    package var pollingBufferBytes = 1 << 20
    package var webSocket = WebSocketLimits()
    /// Sessions at a time; above it a new one gets 503.
    package var connections = 10_000
    /// Sessions of one IP address; 0 is no limit. A session that polls costs its client no open connection.
    package var connectionsPerIP = 0
    /// Asked with the `Origin` of a WebSocket handshake; nil where there is none. Polling is subject to CORS instead.
    package var allowsOrigin: @Sendable (String?) -> Bool = { _ in true }
    /// Asked before a session is opened; a text refuses it with that message (403, code 4).
    package var refusal: @Sendable (Request) -> String? = { _ in nil }
    /// Milliseconds that only rise.
    package var now: @Sendable () -> UInt64 = MonotonicClock.milliseconds

    package init() {}
}

package final class EngineServer: Sendable {
    package struct Metrics: Sendable, Equatable {
        package var openConnections = 0
        package var openedConnections = 0
        package var upgrades = 0
        package var closedByReason: [String: Int] = [:]
        package var traffic = TrafficCounters.Snapshot()
    }

    private struct State {
        var connections: [String: EngineConnection] = [:]
        /// Kept where there is a limit for them.
        var connectionsByIP: [IPAddress: Int] = [:]
        var isDraining = false
        var metrics = Metrics()
    }

    /// The errors of the reference server.
    private enum Failure: Int {
        case unknownTransport, unknownSession, badMethod, badRequest, forbidden, unsupportedVersion

        var message: String {
            switch self {
            case .unknownTransport: "Transport unknown"
            case .unknownSession: "Session ID unknown"
            case .badMethod: "Bad handshake method"
            case .badRequest: "Bad request"
            case .forbidden: "Forbidden"
            case .unsupportedVersion: "Unsupported protocol version"
            }
        }
    }

    static let firstSocket: EngineSession.SocketID = 1

    private let configuration: EngineConfiguration
    private let makeApplication: @Sendable (Request) -> any EngineApplication
    private let state = Mutex(State())
    let deadlines: DeadlineThread
    let traffic = TrafficCounters()

    /// - Parameter makeApplication: called once for each session, with the request that opened it.
    package init(
        configuration: EngineConfiguration = EngineConfiguration(),
        makeApplication: @escaping @Sendable (Request) -> any EngineApplication
    ) {
        self.configuration = configuration
        self.makeApplication = makeApplication
        let reference = Reference()
        deadlines = DeadlineThread(now: configuration.now) { sid in
            reference.weak.withLock { $0 }?.server?.connection(sid)?.post(.timer)
        }
        reference.weak.withLock { $0 = Weak(server: self) }
    }

    deinit { deadlines.stop() }

    var now: @Sendable () -> UInt64 { configuration.now }

    package var metrics: Metrics {
        var metrics = state.withLock { state in
            state.metrics.openConnections = state.connections.count
            return state.metrics
        }
        metrics.traffic = traffic.snapshot
        return metrics
    }

    /// Has the clock read again; for clocks that tests move.
    package func timeHasPassed() { deadlines.signal() }

    /// Refuses new sessions and ends the present ones, whose clients are told. Returns at once; polls are answered and
    /// WebSockets say goodbye on their loops, which the drain of the HTTP server waits for.
    package func shutDown() {
        let connections = state.withLock { state in
            state.isDraining = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.close(.serverShuttingDown) }
    }

    // MARK: requests

    /// Answers a request of any path.
    package func handle(_ request: Request, _ exchange: any Exchange) {
        let query = request.queryItems
        func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }
        let isSocket = WebSocketHandshake.isAsked(by: request)
        let transport = parameter("transport")
        guard transport == "polling" || transport == "websocket" else {
            return refuse(.unknownTransport, isSocket, exchange)
        }
        if let sid = parameter("sid"), !sid.isEmpty {
            guard let connection = connection(sid) else { return refuse(.unknownSession, isSocket, exchange) }
            if isSocket {
                guard transport == "websocket" else { return refuse(.badRequest, isSocket, exchange) }
                return upgrade(request, exchange) { socket, handler in
                    handler.connect(connection)
                    guard !connection.attach(socket) else { return }
                    handler.connect(nil)
                    socket.close()
                }
            }
            guard transport == "polling" else { return refuse(.badRequest, isSocket, exchange) }
            return poll(connection, request, exchange)
        }
        guard request.method == "GET" else { return refuse(.badMethod, isSocket, exchange) }
        guard isSocket == (transport == "websocket") else { return refuse(.badRequest, isSocket, exchange) }
        if let message = configuration.refusal(request) { return refuse(.forbidden, isSocket, exchange, message) }
        guard parameter("EIO") == "4" else { return refuse(.unsupportedVersion, isSocket, exchange) }
        guard hasRoom(for: request) else {
            return exchange.respond(
                Response(status: 503, headers: [("Retry-After", "5"), ("Content-Type", "text/plain; charset=utf-8")]))
        }
        if isSocket {
            return upgrade(request, exchange) { [self] socket, handler in
                let connection = open(request, socket: socket)
                handler.connect(connection)
                begin(connection, on: socket)
            }
        }
        let connection = open(request, socket: nil)
        begin(connection, on: nil)
        connection.post(.poll(exchange))
    }

    private func poll(_ connection: EngineConnection, _ request: Request, _ exchange: any Exchange) {
        switch request.method {
        case "GET": connection.post(.poll(exchange))
        case "POST":
            if case .tooLarge? = request.bodyError { return exchange.respond(Response(status: 413)) }
            guard request.body.count <= configuration.maxPayload else { return exchange.respond(Response(status: 413)) }
            let type = request.headers["Content-Type"]?.lowercased() ?? ""
            let isText = request.bodyError == nil && !type.hasPrefix("application/octet-stream")
            connection.post(.post(exchange, isText ? request.body : nil))
        default: refuse(.badRequest, false, exchange)
        }
    }

    private func upgrade(
        _ request: Request, _ exchange: any Exchange,
        _ opened: @escaping @Sendable (WebSocketConnection, EngineSocket) -> Void
    ) {
        switch WebSocketHandshake.check(request, allowsOrigin: configuration.allowsOrigin) {
        case .refused(let response): exchange.respond(response)
        case .accepted(let fields):
            var limits = configuration.webSocket
            limits.messageBytes = configuration.maxPayload
            let socket = WebSocketConnection(limits: limits, handler: EngineSocket(opened: opened))
            exchange.respond(.upgrade(to: "websocket", headers: fields, delegate: socket))
        }
    }

    private func refuse(_ failure: Failure, _ isSocket: Bool, _ exchange: any Exchange, _ message: String? = nil) {
        let message = message ?? failure.message
        if isSocket {
            var response = Response(status: 400, text: message, contentType: "text/html")
            response.closesConnection = true
            return exchange.respond(response)
        }
        var body = Array("{\"code\":\(failure.rawValue),\"message\":".utf8)
        JSONText.append(string: message, to: &body)
        body.append(UInt8(ascii: "}"))
        exchange.respond(
            Response(
                status: failure == .forbidden ? 403 : 400, headers: [("Content-Type", "application/json")],
                body: .bytes(body)))
    }

    func response(_ reply: EngineSession.Reply) -> Response {
        switch reply {
        case .payload(let bytes):
            Response(
                status: 200,
                headers: [("Content-Type", "text/plain; charset=UTF-8"), ("cache-control", "no-store")],
                body: .bytes(bytes))
        case .accepted:
            Response(
                status: 200, headers: [("Content-Type", "text/html"), ("cache-control", "no-store")],
                body: .bytes(Array("ok".utf8)))
        case .refused: Response(status: 400)
        case .unknownSession: EngineServer.failure(.unknownSession)
        case .transportMismatch: EngineServer.failure(.badRequest)
        }
    }

    private static func failure(_ failure: Failure) -> Response {
        Response(
            status: 400, headers: [("Content-Type", "application/json")],
            body: .bytes(Array("{\"code\":\(failure.rawValue),\"message\":\"\(failure.message)\"}".utf8)))
    }

    // MARK: sessions

    private func hasRoom(for request: Request) -> Bool {
        state.withLock { state in
            guard !state.isDraining, state.connections.count < configuration.connections else { return false }
            let limit = configuration.connectionsPerIP
            return limit == 0 || state.connectionsByIP[request.client.address, default: 0] < limit
        }
    }

    private func connection(_ sid: String) -> EngineConnection? { state.withLock { $0.connections[sid] } }

    private func open(_ request: Request, socket: WebSocketConnection?) -> EngineConnection {
        let sid = SessionID.make()
        let timings = configuration.timings
        // The transport cannot upgrade a connection with TLS; a client that is told so does not try.
        let canUpgrade = socket == nil && !request.isTLS
        let handshake =
            "{\"sid\":\"\(sid)\",\"upgrades\":[\(canUpgrade ? "\"websocket\"" : "")],"
            + "\"pingInterval\":\(timings.pingIntervalMilliseconds),"
            + "\"pingTimeout\":\(timings.pingTimeoutMilliseconds),\"maxPayload\":\(configuration.maxPayload)}"
        let session = EngineSession(
            timings: timings, bufferBytes: configuration.pollingBufferBytes, handshake: Array(handshake.utf8),
            socket: socket == nil ? nil : EngineServer.firstSocket, now: now())
        let connection = EngineConnection(
            sid: sid, request: request, server: self, session: session, application: makeApplication(request),
            socket: socket)
        state.withLock { state in
            state.connections[sid] = connection
            state.metrics.openedConnections += 1
            if configuration.connectionsPerIP > 0 {
                state.connectionsByIP[request.client.address, default: 0] += 1
            }
        }
        return connection
    }

    private func begin(_ connection: EngineConnection, on socket: WebSocketConnection?) {
        connection.post(.opened, on: socket)
        // A drain that has begun since the session was let in has not seen it.
        if state.withLock({ $0.isDraining }) { connection.post(.close(.serverShuttingDown), on: socket) }
    }

    func remove(_ connection: EngineConnection) {
        state.withLock { state in
            guard state.connections.removeValue(forKey: connection.sid) != nil else { return }
            let address = connection.request.client.address
            guard let count = state.connectionsByIP[address] else { return }
            state.connectionsByIP[address] = count > 1 ? count - 1 : nil
        }
    }

    func upgraded() { state.withLock { $0.metrics.upgrades += 1 } }

    func closed(_ reason: DisconnectReason) {
        state.withLock { $0.metrics.closedByReason[reason.rawValue, default: 0] += 1 }
    }

    /// Held weakly, so that the thread does not keep the server alive.
    private struct Weak: Sendable {
        weak let server: EngineServer?
    }

    private final class Reference: Sendable {
        let weak = Mutex<Weak?>(nil)
    }
}

/// Names that cannot be guessed: 20 characters for 15 random bytes, like those of the reference server.
enum SessionID {
    static func make() -> String { Base64.encodeURL(Cryptography.randomBytes(15)) }
}
