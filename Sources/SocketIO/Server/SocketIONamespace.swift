internal import Synchronization

/// What an application does in a namespace. The calls for one client never overlap, come on any thread, and must not block.
package struct NamespaceHandlers: Sendable {
    /// Decides who may enter; everybody, where there is none.
    package var authorize: (@Sendable (ConnectRequest, ConnectDecision) -> Void)?
    package var connected: @Sendable (SocketIOSocket) -> Void = { _ in }
    /// The acknowledgement is nil where the client wants none.
    package var event: @Sendable (SocketIOSocket, _ name: String, EventArguments, Acknowledgement?) -> Void = {
        _, _, _, _ in
    }
    /// The last call for a socket.
    package var disconnected: @Sendable (SocketIOSocket, DisconnectReason) -> Void = { _, _ in }

    package init() {}
}

/// A namespace: its sockets and its rooms. Everything may be called from any thread.
///
/// The lock guards the two tables and is never held while something is sent.
package final class SocketIONamespace: Sendable {
    private struct State {
        /// Every socket with the rooms that it is in.
        var sockets: [String: (socket: SocketIOSocket, rooms: Set<String>)] = [:]
        /// Rooms with somebody in them, by the ids of their sockets.
        var rooms: [String: Set<String>] = [:]
    }

    package let name: String
    let handlers: NamespaceHandlers
    private let state = Mutex(State())

    init(name: String, handlers: NamespaceHandlers) {
        self.name = name
        self.handlers = handlers
    }

    // MARK: sending

    /// Sends to every socket, or to those in `room` (a room, or the id of a socket). Encoded once.
    ///
    /// - Complexity: O(sockets that get it)
    package func emit(
        _ name: String, _ arguments: EventArguments = EventArguments(), to room: String? = nil,
        except: SocketIOSocket? = nil
    ) {
        let targets = sockets(in: room)
        if targets.isEmpty { return }
        let packet = SocketPacket(namespace: self.name, body: .event(name: name, arguments))
        let encoded = packet.encoded()
        for socket in targets where socket !== except { socket.emit(encoded: encoded) }
    }

    /// The sockets of a room (or the one with that id), or all of them.
    package func sockets(in room: String? = nil) -> [SocketIOSocket] {
        state.withLock { state in
            guard let room else { return state.sockets.values.map(\.socket) }
            if let one = state.sockets[room] { return [one.socket] }
            return state.rooms[room, default: []].compactMap { state.sockets[$0]?.socket }
        }
    }

    package var socketCount: Int { state.withLock { $0.sockets.count } }

    // MARK: tables

    func add(_ socket: SocketIOSocket) { state.withLock { $0.sockets[socket.id] = (socket, []) } }

    func remove(_ socket: SocketIOSocket) {
        state.withLock { state in
            guard let entry = state.sockets.removeValue(forKey: socket.id) else { return }
            for room in entry.rooms { SocketIONamespace.take(socket.id, outOf: room, &state) }
        }
    }

    func contains(_ socket: SocketIOSocket) -> Bool { state.withLock { $0.sockets[socket.id] != nil } }

    /// Nothing happens where the socket has gone: a room never keeps one that is not there.
    func join(_ socket: SocketIOSocket, _ room: String) {
        state.withLock { state in
            guard state.sockets[socket.id] != nil else { return }
            state.sockets[socket.id]?.rooms.insert(room)
            state.rooms[room, default: []].insert(socket.id)
        }
    }

    func leave(_ socket: SocketIOSocket, _ room: String) {
        state.withLock { state in
            guard state.sockets[socket.id]?.rooms.remove(room) != nil else { return }
            SocketIONamespace.take(socket.id, outOf: room, &state)
        }
    }

    func rooms(of socket: SocketIOSocket) -> Set<String> { state.withLock { $0.sockets[socket.id]?.rooms ?? [] } }

    private static func take(_ id: String, outOf room: String, _ state: inout State) {
        state.rooms[room]?.remove(id)
        if state.rooms[room]?.isEmpty == true { state.rooms[room] = nil }
    }
}
