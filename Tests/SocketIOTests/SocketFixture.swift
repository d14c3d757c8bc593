import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing

@testable import SocketIO

/// Milliseconds that stand still until a test moves them.
final class ManualClock: Sendable {
    private let time = Mutex<UInt64>(1000)
    var now: UInt64 { time.withLock { $0 } }
    func advance(_ milliseconds: UInt64) { time.withLock { $0 += milliseconds } }
}

/// A Socket.IO server on a free port. In `/` and `/custom`:
/// `message` comes back as `message-back`, `with-ack` as its acknowledgement, `join`, `leave` and `to-room` work with rooms,
/// `ask` makes the server ask and record the answer, `kick` disconnects, `hold` keeps the handler until the log says so. `/guarded` wants `{"token":"good"}`.
final class SocketFixture: Sendable {
    let sockets: SocketIOServer
    let server: HTTPServer
    let port: UInt16
    let clock = ManualClock()
    let log = Recorder()

    init(loops: Int = 2, connections: Int = 10_000, change: (inout SocketIOConfiguration) -> Void = { _ in }) throws {
        var configuration = SocketIOConfiguration()
        configuration.engine.now = { [clock] in clock.now }
        change(&configuration)
        let log = log
        var handlers = NamespaceHandlers()
        handlers.connected = { socket in
            log.add("connected \(socket.namespace.name)")
            socket.emit("auth", EventArguments(json: [socket.auth]))
        }
        handlers.event = { SocketFixture.event($0, $1, $2, $3, log) }
        handlers.disconnected = { log.add("disconnected \($0.namespace.name) \($1.rawValue) \($0.isConnected)") }
        var guarded = NamespaceHandlers()
        guarded.authorize = SocketFixture.authorize
        guarded.connected = { log.add("guarded \($0.userData as? String ?? "nobody")") }
        sockets = SocketIOServer(
            configuration: configuration, namespaces: ["/": handlers, "/custom": handlers, "/guarded": guarded])
        var http = HTTPServer.Configuration()
        http.loops = loops
        http.limits.connections = connections
        server = try HTTPServer(configuration: http)
        port = try server.listen(
            host: "127.0.0.1", port: 0,
            handler: sockets.handler { _, exchange in exchange.respond(Response(status: 404, text: "not a socket")) })
    }

    deinit {
        sockets.shutDown()
        server.drain(deadline: .zero)
    }

    /// Good tokens are let in from another thread, bad ones refused; without a token nobody decides.
    private static func authorize(_ request: ConnectRequest, _ decision: ConnectDecision) {
        let auth = String(decoding: request.auth, as: UTF8.self)
        if auth.contains("token") {
            TestThread.start {
                if auth.contains("good") { return decision.accept(userData: "good one") }
                decision.reject(message: "Authentication \"failed\"", data: Array(#"{"code":7}"#.utf8))
            }
        }
    }

    private static func event(
        _ socket: SocketIOSocket, _ name: String, _ arguments: EventArguments, _ acknowledgement: Acknowledgement?,
        _ log: Recorder
    ) {
        switch name {
        case "message": socket.emit("message-back", arguments)
        case "with-ack":
            acknowledgement?.respond(arguments)
            acknowledgement?.respond()
        case "join": socket.join(arguments.string(at: 0) ?? "")
        case "leave": socket.leave(arguments.string(at: 0) ?? "")
        case "rooms": socket.emit("rooms", EventArguments(json: "\(socket.rooms.sorted())"))
        case "to-room": socket.namespace.emit("news", arguments, to: arguments.string(at: 0), except: socket)
        case "to-all": socket.namespace.emit("news", arguments)
        case "ask":
            socket.emit("question", arguments, timeoutMilliseconds: 500) { answer in
                let text = answer.map { $0.values.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ";") }
                log.add("answer \(text ?? "none")")
            }
        case "hold":
            log.add("holding")
            while !log.lines.contains("release") { sched_yield() }
        case "kick": socket.disconnect(closingSession: arguments.count > 0)
        default: log.add("unknown \(name)")
        }
    }

    func waitForLog(_ line: String, count: Int = 1) {
        while log.lines.count(where: { $0 == line }) < count { sched_yield() }
    }

    /// A WebSocket that is in the main namespace, its greetings read.
    func connect(receiveBufferBytes: Int32 = 0) throws -> WebSocketClient {
        let client = try WebSocketClient(
            port: port, target: "/socket.io/?EIO=4&transport=websocket", receiveBufferBytes: receiveBufferBytes)
        #expect(try client.receiveText().hasPrefix("0{\"sid\":\""))
        try client.send("40")
        #expect(try client.receiveText().hasPrefix("40{\"sid\":\""))
        #expect(try client.receiveText() == #"42["auth",{}]"#)
        return client
    }
}

/// A detached thread.
enum TestThread {
    static func start(_ body: @escaping @Sendable () -> Void) {
        Task.detached { try await onOwnThread(body) }
    }
}

/// A session over polling.
final class PollingClient {
    let http: LoopbackClient
    let sid: String
    let handshake: LoopbackReply
    private var target: String { "/socket.io/?EIO=4&transport=polling&sid=\(sid)" }

    init(port: UInt16) throws {
        http = LoopbackClient(port: port)
        handshake = try http.send("GET", "/socket.io/?EIO=4&transport=polling")
        let parts = handshake.text.split(separator: "\"", omittingEmptySubsequences: false)
        sid = parts.count > 3 ? String(parts[3]) : ""
    }

    func post(_ payload: String) throws -> LoopbackReply {
        try http.send(
            "POST", target, headers: [("Content-Type", "text/plain;charset=UTF-8")], body: Array(payload.utf8))
    }

    func poll() throws -> LoopbackReply { try http.send("GET", target) }

    /// Sends a poll on a connection of its own without waiting for its reply.
    func beginPoll(port: UInt16) throws -> LoopbackClient {
        let client = LoopbackClient(port: port)
        try client.sendRaw("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        return client
    }
}
