package import HTTPTransport
internal import Synchronization

/// One client in one namespace. Its calls may be made from any thread; what it sends leaves in the order of the calls of
/// one thread.
package final class SocketIOSocket: Sendable {
    /// 20 characters; also the name of a room that only this socket is in.
    package let id: String
    package let namespace: SocketIONamespace
    /// The request that opened the session: address, headers and query of the client.
    package let request: Request
    /// The payload of the CONNECT packet, a JSON object.
    package let auth: [UInt8]
    private let client: SocketIOClient
    private let storage: Mutex<(any Sendable)?>

    init(
        id: String, namespace: SocketIONamespace, request: Request, auth: [UInt8], client: SocketIOClient,
        userData: (any Sendable)?
    ) {
        self.id = id
        self.namespace = namespace
        self.request = request
        self.auth = auth
        self.client = client
        storage = Mutex(userData)
    }

    /// What the application keeps for this socket; begins with what its `accept` was given.
    package var userData: (any Sendable)? {
        get { storage.withLock { $0 } }
        set { storage.withLock { $0 = newValue } }
    }

    package func emit(_ name: String, _ arguments: EventArguments = EventArguments()) {
        let packet = SocketPacket(namespace: namespace.name, body: .event(name: name, arguments))
        emit(encoded: packet.encoded())
    }

    func emit(encoded: [WebSocketMessage]) {
        client.perform { client in client.emit(self, encoded: encoded) }
    }

    /// - Parameter acknowledged: called once, among the calls of this client: with what it answered, or with nil if the
    /// time ran out or it is gone.
    package func emit(
        _ name: String, _ arguments: EventArguments, timeoutMilliseconds: Int,
        acknowledged: @escaping @Sendable (EventArguments?) -> Void
    ) {
        let waiter = AcknowledgementWaiter(acknowledged)
        client.perform { client in
            client.emit(self, name, arguments, timeoutMilliseconds: timeoutMilliseconds, waiter)
        }
    }

    package func join(_ room: String) { namespace.join(self, room) }
    package func leave(_ room: String) { namespace.leave(self, room) }
    package var rooms: Set<String> { namespace.rooms(of: self) }

    /// Puts the client out of this namespace; with `closingSession` its whole session ends.
    package func disconnect(closingSession: Bool = false) {
        client.perform { client in client.disconnect(self, closingSession: closingSession) }
    }

    /// False from the call of `disconnected` on.
    package var isConnected: Bool { namespace.contains(self) }
}

/// The client wants to know of an event: answer once, from any thread.
package final class Acknowledgement: Sendable {
    private let client: SocketIOClient
    private let socket: SocketIOSocket
    private let id: UInt64
    private let isUsed = Atomic<Bool>(false)

    init(client: SocketIOClient, socket: SocketIOSocket, id: UInt64) {
        self.client = client
        self.socket = socket
        self.id = id
    }

    /// A second call does nothing.
    package func respond(_ arguments: EventArguments = EventArguments()) {
        guard !isUsed.exchange(true, ordering: .relaxed) else { return }
        let (socket, id) = (socket, id)
        client.perform { client in client.acknowledge(socket, id, arguments) }
    }
}

/// Calls back exactly once, at the latest when it goes: work for a session that has ended is dropped.
final class AcknowledgementWaiter: Sendable {
    private let completion: Mutex<(@Sendable (EventArguments?) -> Void)?>

    init(_ completion: @escaping @Sendable (EventArguments?) -> Void) { self.completion = Mutex(completion) }

    deinit { complete(nil) }

    func complete(_ arguments: EventArguments?) {
        let completion = completion.withLock { completion in
            defer { completion = nil }
            return completion
        }
        completion?(arguments)
    }
}

/// What a client says when it wants to enter a namespace.
package struct ConnectRequest: Sendable {
    package let namespace: String
    /// The payload of the CONNECT packet, a JSON object.
    package let auth: [UInt8]
    /// The request that opened the session.
    package let request: Request
}

/// The answer to a `ConnectRequest`: the first call counts, from any thread. Dropped without a call it rejects.
package final class ConnectDecision: Sendable {
    private let completion: Mutex<(@Sendable (Outcome) -> Void)?>

    enum Outcome: Sendable {
        case accepted((any Sendable)?)
        case rejected(error: [UInt8])
    }

    init(_ completion: @escaping @Sendable (Outcome) -> Void) { self.completion = Mutex(completion) }

    deinit { reject(message: "Connection refused") }

    package func accept(userData: (any Sendable)? = nil) { complete(.accepted(userData)) }

    /// - Parameters:
    ///   - message: the `message` of the client's `connect_error`.
    ///   - data: a JSON text for its `data`.
    package func reject(message: String, data: [UInt8]? = nil) {
        var error = Array("{\"message\":".utf8)
        JSONText.append(string: message, to: &error)
        if let data { error += Array(",\"data\":".utf8) + data }
        error.append(UInt8(ascii: "}"))
        complete(.rejected(error: error))
    }

    private func complete(_ outcome: Outcome) {
        let completion = completion.withLock { completion in
            defer { completion = nil }
            return completion
        }
        completion?(outcome)
    }
}
