import Glibc
import HTTPTransport
import SocketIO

// What public suites and real clients are run against (Tests/Conformance/README.md): on one port,
//   /            a WebSocket that echoes messages of up to 16 MiB
//   /engine.io/  a bare Engine.IO echo
//   /socket.io/  Socket.IO in `/` and `/custom`: `message` comes back as `message-back`, `message-with-ack` as its
//                acknowledgement, and on connect `auth` brings the payload of CONNECT; `/guarded` wants the token `good`
//
//     conformance-server [port] [pingInterval pingTimeout]
//
// Prints its port, and ends when its input does.

final class EchoSocket: WebSocketHandler {
    func webSocketDidOpen(_ connection: WebSocketConnection) {}
    func webSocket(_ connection: WebSocketConnection, didReceive message: WebSocketMessage) { connection.send(message) }
    func webSocketWasWoken(_ connection: WebSocketConnection) {}
    func webSocketDidEnd(_ connection: WebSocketConnection, _ end: WebSocketEnd) {}
}

final class EchoEngine: EngineApplication {
    var deadline: UInt64? { nil }
    func engineDidOpen(_ connection: EngineConnection) {}
    func engine(_ connection: EngineConnection, didReceive message: WebSocketMessage) { connection.send(message) }
    func engineDidClose(_ connection: EngineConnection, _ reason: DisconnectReason) {}
    func engineTimerFired(_ connection: EngineConnection, now: UInt64) {}
}

@main
enum ConformanceServer {
    static func main() throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        var configuration = SocketIOConfiguration()
        configuration.engine.timings.pingIntervalMilliseconds = numbers.count > 2 ? numbers[1] : 300
        configuration.engine.timings.pingTimeoutMilliseconds = numbers.count > 2 ? numbers[2] : 200
        // The public suite waits for it.
        configuration.connectTimeoutMilliseconds = numbers.count > 2 ? 45_000 : 1000
        configuration.cors = CORS(origins: .only(exact: [], patterns: ["http://localhost:*", "http://127.0.0.1:*"]))

        let sockets = SocketIOServer(configuration: configuration, namespaces: namespaces())
        let engine = EngineServer(configuration: configuration.engine) { _ in EchoEngine() }
        var http = HTTPServer.Configuration()
        http.limits.connections = 30_000
        let server = try HTTPServer(configuration: http)
        let handler = sockets.handler { request, exchange in
            if request.path.hasPrefix("/engine.io") { return engine.handle(request, exchange) }
            echo(request, exchange)
        }
        let wanted = UInt16(exactly: numbers.first ?? 0) ?? 0
        print(try server.listen(host: "127.0.0.1", port: wanted, handler: handler))
        fflush(nil)
        while readLine() != nil {}
        sockets.shutDown()
        engine.shutDown()
        server.drain(deadline: .seconds(2))
    }

    static func echo(_ request: Request, _ exchange: any Exchange) {
        switch WebSocketHandshake.check(request, allowsOrigin: { _ in true }) {
        case .refused(let response): exchange.respond(response)
        case .accepted(let fields):
            var limits = WebSocketLimits()
            limits.messageBytes = 16 << 20
            limits.queueBytes = 32 << 20
            let socket = WebSocketConnection(limits: limits, handler: EchoSocket())
            exchange.respond(.upgrade(to: "websocket", headers: fields, delegate: socket))
        }
    }

    static func namespaces() -> [String: NamespaceHandlers] {
        var open = NamespaceHandlers()
        open.connected = { socket in socket.emit("auth", EventArguments(json: [socket.auth])) }
        open.event = { socket, name, arguments, acknowledgement in
            switch name {
            case "message": socket.emit("message-back", arguments)
            case "message-with-ack": acknowledgement?.respond(arguments)
            case "ask":
                socket.emit("question", arguments, timeoutMilliseconds: 5000) { answer in
                    socket.emit("answered", answer ?? EventArguments(json: "null"))
                }
            case "kick": socket.disconnect(closingSession: arguments.count > 0)
            case "broadcast": socket.namespace.emit("news", arguments)
            default: break
            }
        }
        var guarded = open
        guarded.authorize = { request, decision in
            if request.auth.elementsEqual(#"{"token":"good"}"#.utf8) { return decision.accept() }
            decision.reject(message: "Authentication failed", data: Array(#"{"code":401}"#.utf8))
        }
        return ["/": open, "/custom": open, "/guarded": guarded]
    }
}
