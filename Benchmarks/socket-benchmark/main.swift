// Socket.IO fan-out: a server, and a load that speaks to any Socket.IO server over WebSockets.
//
//   socket-benchmark serve              prints its port; ends when its input does
//   socket-benchmark load PORT SOCKETS ROUNDS
//
// Server, and peers: `join` takes a socket into the room `chat` and answers `joined`; `say` sends its argument as `said` to the whole room.

import BenchmarkSupport
import Glibc
import HTTPTransport
import SocketIO

func serve() throws {
    var handlers = NamespaceHandlers()
    handlers.event = { socket, name, arguments, _ in
        switch name {
        case "join":
            socket.join("chat")
            socket.emit("joined")
        case "say": socket.namespace.emit("said", arguments, to: "chat")
        default: break
        }
    }
    var configuration = SocketIOConfiguration()
    configuration.cors = nil
    let sockets = SocketIOServer(configuration: configuration, namespaces: ["/": handlers])
    var http = HTTPServer.Configuration()
    http.limits.connections = 30_000
    let server = try HTTPServer(configuration: http)
    print(
        try server.listen(
            host: "127.0.0.1", port: 0,
            handler: sockets.handler { _, exchange in exchange.respond(Response(status: 404)) }))
    fflush(nil)
    while readLine() != nil {}
    sockets.shutDown()
    server.drain(deadline: .seconds(2))
}

do {
    let arguments = CommandLine.arguments.dropFirst()
    let numbers = arguments.dropFirst().compactMap { Int($0) }
    if arguments.first == "serve" {
        try serve()
    } else if arguments.first == "load", numbers.count == 3, let port = UInt16(exactly: numbers[0]) {
        try FanOutLoad(port: port, sockets: numbers[1], rounds: numbers[2]).run()
    } else {
        throw BenchmarkFailure(description: "socket-benchmark serve | load PORT SOCKETS ROUNDS")
    }
} catch {
    print("failed: \(error)")
    exit(1)
}
