internal import HTTPTransport

// What performs the actions of `SocketClient`: one object for each Engine.IO session.
//
// Confinement: everything but `perform` runs among the calls of the session (`EngineConnection.perform`), which never
// overlap, so the application's handlers do not either.
final class SocketIOClient: EngineApplication, @unchecked Sendable {
    // Unchecked: see "Confinement"; `connection` is written once, in `engineDidOpen`, before any socket is known to others.
    private let namespaces: [String: SocketIONamespace]
    private let now: @Sendable () -> UInt64
    private var machine: SocketClient
    private var connection: EngineConnection?
    private var sockets: [String: SocketIOSocket] = [:]
    private var waiters: [UInt64: AcknowledgementWaiter] = [:]
    /// By namespace, while its decision is awaited.
    private var auths: [String: [UInt8]] = [:]

    init(
        namespaces: [String: SocketIONamespace], now: @escaping @Sendable () -> UInt64, machine: SocketClient
    ) {
        self.namespaces = namespaces
        self.now = now
        self.machine = machine
    }

    /// From any thread; dropped once the session has ended.
    func perform(_ work: @escaping @Sendable (SocketIOClient) -> Void) {
        connection?.perform { _ in
            work(self)
            self.performActions()
        }
    }

    // MARK: what sockets ask for

    func emit(_ socket: SocketIOSocket, encoded: [WebSocketMessage]) {
        if isCurrent(socket) { machine.emit(socket.namespace.name, encoded: encoded) }
    }

    func emit(
        _ socket: SocketIOSocket, _ name: String, _ arguments: EventArguments, timeoutMilliseconds: Int,
        _ waiter: AcknowledgementWaiter
    ) {
        guard isCurrent(socket) else { return }
        let due = now() + UInt64(max(0, timeoutMilliseconds))
        if let id = machine.emit(socket.namespace.name, name: name, arguments, due: due) { waiters[id] = waiter }
    }

    func acknowledge(_ socket: SocketIOSocket, _ id: UInt64, _ arguments: EventArguments) {
        if isCurrent(socket) { machine.acknowledge(socket.namespace.name, id: id, arguments) }
    }

    func disconnect(_ socket: SocketIOSocket, closingSession: Bool) {
        guard isCurrent(socket) else { return }
        machine.disconnect(socket.namespace.name)
        if closingSession {
            performActions()
            connection?.close(.forcedClose)
        }
    }

    /// A client that enters a namespace again gets a new socket; the old one has no say any more.
    private func isCurrent(_ socket: SocketIOSocket) -> Bool { sockets[socket.namespace.name] === socket }

    // MARK: the session's calls

    var deadline: UInt64? { machine.deadline }

    func engineDidOpen(_ connection: EngineConnection) { self.connection = connection }

    func engine(_ connection: EngineConnection, didReceive message: WebSocketMessage) {
        machine.received(message)
        performActions()
    }

    func engineTimerFired(_ connection: EngineConnection, now: UInt64) {
        machine.timerFired(now: now)
        performActions()
    }

    func engineDidClose(_ connection: EngineConnection, _ reason: DisconnectReason) {
        machine.sessionEnded(reason)
        performActions()
        auths = [:]
    }

    // MARK: actions

    private func performActions() {
        while true {
            let actions = machine.takeActions()
            if actions.isEmpty { return }
            for action in actions { perform(action) }
        }
    }

    private func perform(_ action: SocketClient.Action) {
        switch action {
        case .send(let message): connection?.send(message)
        case .authorize(let namespace, let auth): authorize(namespace, auth)
        case .event(let namespace, let name, let arguments, let id):
            guard let socket = sockets[namespace] else { return }
            let acknowledgement = id.map { Acknowledgement(client: self, socket: socket, id: $0) }
            socket.namespace.handlers.event(socket, name, arguments, acknowledgement)
        case .acknowledged(let id, let arguments): waiters.removeValue(forKey: id)?.complete(arguments)
        case .unanswered(let id): waiters.removeValue(forKey: id)?.complete(nil)
        case .disconnected(let namespace, let reason):
            guard let socket = sockets.removeValue(forKey: namespace) else { return }
            socket.namespace.remove(socket)
            socket.namespace.handlers.disconnected(socket, reason)
        case .close(let reason): connection?.close(reason)
        }
    }

    private func authorize(_ name: String, _ auth: [UInt8]) {
        guard let namespace = namespaces[name], let connection else { return }
        auths[name] = auth
        guard let authorize = namespace.handlers.authorize else { return enter(namespace, userData: nil) }
        let request = ConnectRequest(namespace: name, auth: auth, request: connection.request)
        authorize(
            request,
            ConnectDecision { [weak self] outcome in
                self?.perform { client in
                    switch outcome {
                    case .accepted(let userData): client.enter(namespace, userData: userData)
                    case .rejected(let error):
                        client.auths[name] = nil
                        client.machine.reject(name, error: error)
                    }
                }
            })
    }

    private func enter(_ namespace: SocketIONamespace, userData: (any Sendable)?) {
        let id = SessionID.make()
        guard let connection, let auth = auths.removeValue(forKey: namespace.name),
            machine.accept(namespace.name, sid: id)
        else { return }
        let socket = SocketIOSocket(
            id: id, namespace: namespace, request: connection.request, auth: auth, client: self, userData: userData)
        sockets[namespace.name] = socket
        namespace.add(socket)
        namespace.handlers.connected(socket)
    }
}
