internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import SocketIO

/// The surface's sockets: who is let in, who hears of what.
///
/// Everything that concerns a session goes to its room, `session:<id>`: replies of whichever door, its end. A session
/// that ends empties its room, so a socket is in as many rooms as it has sessions that live. `POCSocketEvents` answers
/// what clients send.
final class POCSockets: Sendable {
    static let path = "/socket.io"

    private let server: SocketIOServer
    private let events: POCSocketEvents

    init(
        engine: ChatEngine, configuration: POCConfiguration, turns: POCTurns, tokens: POCTokens,
        passwords: PasswordChecker, timers: any Timers, loginLimiter: FixedWindowLimiter?
    ) {
        let events = POCSocketEvents(
            engine: engine, configuration: configuration, turns: turns, tokens: tokens, passwords: passwords,
            timers: timers, loginLimiter: loginLimiter)
        var handlers = NamespaceHandlers()
        handlers.authorize = { events.authorize($0, $1) }
        handlers.connected = { events.connected($0) }
        handlers.event = { events.event($0, $1, $2, $3) }
        handlers.disconnected = { socket, _ in events.disconnected(socket) }
        var settings = SocketIOConfiguration()
        settings.path = Self.path
        settings.engine.timings.pingIntervalMilliseconds = configuration.pingIntervalMilliseconds
        settings.engine.timings.pingTimeoutMilliseconds = configuration.pingTimeoutMilliseconds
        settings.engine.connections = configuration.sockets
        var cors = POCHeaders.cors(configuration)
        cors.methods = "GET,POST"
        settings.cors = cors
        let server = SocketIOServer(configuration: settings, namespaces: ["/": handlers])
        self.server = server
        self.events = events
        turns.pushes { session, event, object in
            guard let namespace = server.namespace("/") else { return }
            let room = Self.room(session)
            namespace.emit(event, Self.arguments(object), to: room)
            guard event == "sessionEnded" || event == "sessionExpired" else { return }
            for socket in namespace.sockets(in: room) {
                socket.leave(room)
                (socket.userData as? POCSocketClient)?.leave(session)
            }
        }
    }

    func handler(_ otherwise: @escaping Handler) -> Handler { server.handler(otherwise: otherwise) }

    static func takes(_ request: Request) -> Bool {
        let asked = request.path
        return asked == path || asked == path + "/"
    }

    func shutDown() { server.shutDown() }

    static func room(_ session: String) -> String { "session:" + session }

    static func arguments(_ object: JSONObject) -> EventArguments {
        EventArguments(json: [JSONValue.object(object).serialized])
    }

    /// What `/health` says of them.
    func health(uptime: JSONValue) -> JSONObject {
        let tally = events.tally
        return [
            "status": .string("healthy"),
            "connectedClients": .number(Double(server.namespace("/")?.socketCount ?? 0)),
            "authenticatedClients": .number(Double(tally.authenticated)),
            "activeTyping": .number(Double(tally.typing)), "rateLimitedClients": .number(Double(tally.limited)),
            "uptime": uptime,
        ]
    }
}
