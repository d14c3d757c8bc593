internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import SocketIO
internal import Synchronization

/// Answers what clients send over sockets. A wrong or missing payload is the event's own error, never more.
final class POCSocketEvents: Sendable {
    /// How many sockets are what, for `/health`.
    struct Tally: Sendable {
        var authenticated = 0
        var typing = 0
        var limited = 0
    }

    let engine: ChatEngine
    let configuration: POCConfiguration
    let turns: POCTurns
    let tokens: POCTokens
    let passwords: PasswordChecker
    let timers: any Timers
    /// Of `/auth`: passwords cannot be tried faster here.
    let loginLimiter: FixedWindowLimiter?
    private let counts = Mutex(Tally())

    init(
        engine: ChatEngine, configuration: POCConfiguration, turns: POCTurns, tokens: POCTokens,
        passwords: PasswordChecker, timers: any Timers, loginLimiter: FixedWindowLimiter?
    ) {
        self.engine = engine
        self.configuration = configuration
        self.turns = turns
        self.tokens = tokens
        self.passwords = passwords
        self.timers = timers
        self.loginLimiter = loginLimiter
    }

    var tally: Tally { counts.withLock { $0 } }
    func count(_ change: (inout Tally) -> Void) { counts.withLock { change(&$0) } }
    var now: JSONValue { .string(engine.clock.now().isoMilliseconds) }

    // MARK: Life of a socket

    /// The token: `auth.token`, else the Authorization header's second word, else the query's `token`.
    func authorize(_ request: ConnectRequest, _ decision: ConnectDecision) {
        guard let token = token(of: request) else { return decision.reject(message: "Authentication token required") }
        do throws(POCTokens.Problem) {
            decision.accept(userData: POCSocketClient(try tokens.caller(of: token, at: engine.clock.now())))
        } catch {
            configuration.log(ServiceEvent(.warning, "a socket was refused"))
            decision.reject(message: "Authentication failed")
        }
    }

    private func token(of request: ConnectRequest) -> String? {
        if let token = (try? JSONValue(parsing: request.auth))?["token"]?.string, !token.isEmpty { return token }
        if let field = request.request.headers["Authorization"] {
            let words = field.split(separator: " ")
            if words.count > 1 { return String(words[1]) }
        }
        guard case .single(let token) = QueryParameters(request.request)["token"], !token.isEmpty else { return nil }
        return token
    }

    func connected(_ socket: SocketIOSocket) {
        emit(
            socket, "connected",
            [
                "message": .string("Connected to banking chat service"), "timestamp": now,
                "socketId": .string(socket.id),
            ])
    }

    func disconnected(_ socket: SocketIOSocket) {
        guard let client = socket.userData as? POCSocketClient else { return }
        let wasTyping = client.stopTyping()
        count { tally in
            if client.isAuthenticated { tally.authenticated -= 1 }
            if wasTyping { tally.typing -= 1 }
            if client.isLimited { tally.limited -= 1 }
        }
    }

    func emit(_ socket: SocketIOSocket, _ event: String, _ object: JSONObject) {
        socket.emit(event, POCSockets.arguments(object))
    }

    // MARK: Events

    func event(
        _ socket: SocketIOSocket, _ name: String, _ arguments: EventArguments, _ acknowledgement: Acknowledgement?
    ) {
        guard let client = socket.userData as? POCSocketClient else { return }
        let payload = arguments.values.first.flatMap { try? JSONValue(parsing: $0) }
        let call = POCSocketCall(
            events: self, socket: socket, client: client, payload: payload, acknowledgement: acknowledgement)
        switch name {
        case "authenticate": call.authenticate()
        case "createSession": call.createSession()
        case "joinSession": call.joinSession()
        case "sendMessage": call.sendMessage()
        case "typing": call.typing()
        case "stopTyping": call.stopTyping()
        case "uploadFile": call.uploadFile()
        case "endSession": call.endSession()
        case "ping": call.ping()
        case "chat:message": call.chatMessage()
        case "chat:history": call.chatHistory()
        default: break
        }
    }
}

/// One event of a socket.
struct POCSocketCall: Sendable {
    let events: POCSocketEvents
    let socket: SocketIOSocket
    let client: POCSocketClient
    /// nil: none, or no JSON.
    let payload: JSONValue?
    /// The client wants to know; the first answer goes to it too.
    let acknowledgement: Acknowledgement?

    var engine: ChatEngine { events.engine }
    var turns: POCTurns { events.turns }
    var now: JSONValue { events.now }
    var members: JSONObject { if case .object(let object)? = payload { object } else { [:] } }

    func answer(_ event: String, _ object: JSONObject) {
        events.emit(socket, event, object)
        acknowledgement?.respond(POCSockets.arguments(object))
    }

    func fail(_ event: String, _ text: String) { answer(event, ["error": .string(text)]) }

    /// The failure of an alias event.
    func fail(_ text: String, code: String) {
        answer(
            "error",
            ["message": .string(text), "error": .string(text), "code": .string(code), "timestamp": now])
    }

    func object(_ name: String) -> JSONObject? {
        if case .object(let object)? = members[name] { object } else { nil }
    }

    /// To the others in the session's room.
    func tellOthers(_ event: String, of session: String) {
        socket.namespace.emit(
            event, POCSockets.arguments(["userId": .string(client.caller.userID ?? ""), "timestamp": now]),
            to: POCSockets.room(session), except: socket)
    }

    /// What the client is.
    var clientInfo: JSONObject {
        var info: JSONObject = ["socketId": .string(socket.id)]
        info["userAgent"] = socket.request.headers["User-Agent"].map { .string($0) }
        info["ipAddress"] = .string(socket.request.clientIP(trusting: events.configuration.trustedProxies))
        return info
    }
}
