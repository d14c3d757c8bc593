// SocketIO: Engine.IO 4 and Socket.IO 5, and the WebSockets below them. It knows nothing of chat.
//
//     var handlers = NamespaceHandlers()
//     handlers.authorize = { request, decision in
//         isGood(request.auth) ? decision.accept(userData: user) : decision.reject(message: "Authentication failed")
//     }
//     handlers.connected = { socket in socket.join("lobby") }
//     handlers.event = { socket, name, arguments, acknowledgement in
//         socket.namespace.emit("news", arguments, to: "lobby", except: socket)
//         acknowledgement?.respond()
//     }
//     let sockets = SocketIOServer(namespaces: ["/": handlers])
//     try server.listen(host: "127.0.0.1", port: 3006, handler: sockets.handler(otherwise: restHandler))
//     …
//     sockets.shutDown()
//     server.drain(deadline: .seconds(10))
//
// Where to go next:
//   Server/     SocketIOServer, SocketIONamespace, SocketIOSocket: what an application uses
//   Packet/     SocketClient, the state machine of Socket.IO; packets; as much of JSON as they need
//   EngineIO/   EngineSession, the state machine of Engine.IO; EngineServer and EngineConnection, which drive it
//   WebSocket/  WebSocketCodec (framing by wslay), WebSocketConnection (queue, back-pressure, closing handshake)
//
// Rules:
//   - The state machines (WebSocketCodec, EngineSession, SocketClient) have no socket, clock or thread: events in, actions
//     out.
//   - Handlers of one client are called one at a time, on event loops mostly, without a lock held; they must not block.
//   - Everything that a client can make the server keep has a limit: WebSocketLimits, EngineConfiguration,
//     SocketIOConfiguration.
