// One client of Socket.IO 5 as a state machine over the messages of its Engine.IO session: no socket, no clock, no thread.
// Each event method appends the actions that the caller has to perform, in order.
//
//     client                      server
//     0 CONNECT ns, auth    →     .authorize, then accept (0 CONNECT {"sid"}) or reject (4 CONNECT_ERROR)
//     2 EVENT, 3 ACK        ⇄     only in a namespace that is connected
//     1 DISCONNECT          ⇄     leaves the namespace; the session stays
//
// Rules of the reference server that are kept: a packet that cannot be decoded, or is for a namespace that is not connected,
// ends the session; so does a client that has joined nothing within the connect timeout. An unknown namespace is told so,
// and the session stays.
//
// Invariants:
//   - for every `accept` there is exactly one `.disconnected`, with the reason that came first;
//   - every acknowledgement id given out ends in exactly one of `.acknowledged` and `.unanswered`.
struct SocketClient {
    enum Action: Equatable {
        case send(WebSocketMessage)
        /// `auth` is a JSON object, `{}` where the client sent none.
        case authorize(namespace: String, auth: [UInt8])
        case event(namespace: String, name: String, EventArguments, id: UInt64?)
        case acknowledged(UInt64, EventArguments)
        /// The time is over, or the namespace is left.
        case unanswered(UInt64)
        case disconnected(namespace: String, DisconnectReason)
        /// End the Engine.IO session.
        case close(DisconnectReason)
    }

    private enum Membership { case authorizing, connected }

    private struct Waiting {
        var namespace: String
        var due: UInt64
    }

    /// What a client may be and send.
    struct Limits: Sendable {
        var maximumAttachments = 10
        var attachmentBytes = 4 << 20
        var authBytes = 16 << 10
        var connectTimeoutMilliseconds = 45_000
    }

    private let known: Set<String>
    private let authBytes: Int
    private var decoder: SocketPacketDecoder
    private var memberships: [String: Membership] = [:]
    private var waiting: [UInt64: Waiting] = [:]
    /// Not later than any time in `waiting`.
    private var firstDue: UInt64?
    private var nextID: UInt64 = 0
    private var connectDue: UInt64?
    private var isClosed = false
    private var actions: [Action] = []

    /// - Parameter known: the namespaces that there are.
    init(known: Set<String>, limits: Limits = Limits(), now: UInt64) {
        self.known = known
        authBytes = limits.authBytes
        decoder = SocketPacketDecoder(
            maximumAttachments: limits.maximumAttachments, attachmentBytes: limits.attachmentBytes)
        connectDue = now + UInt64(limits.connectTimeoutMilliseconds)
    }

    /// What is to be done, in order; empty after it.
    mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    /// When `timerFired` wants to be called next.
    var deadline: UInt64? { [connectDue, firstDue].compactMap { $0 }.min() }

    func isConnected(_ namespace: String) -> Bool { memberships[namespace] == .connected }

    // MARK: from the client

    mutating func received(_ message: WebSocketMessage) {
        guard !isClosed else { return }
        do throws(SocketPacketDecoder.Failure) {
            if let packet = try decoder.decode(message) { received(packet) }
        } catch {
            close(.parseError)
        }
    }

    private mutating func received(_ packet: SocketPacket) {
        let namespace = packet.namespace
        if case .connect(let auth) = packet.body { return connect(namespace, auth ?? Array("{}".utf8)) }
        guard memberships[namespace] == .connected else { return close(.forcedClose) }
        switch packet.body {
        case .event(let name, let arguments):
            actions.append(.event(namespace: namespace, name: name, arguments, id: packet.id))
        case .acknowledgement(let arguments):
            guard let id = packet.id, waiting[id]?.namespace == namespace else { return }
            waiting[id] = nil
            actions.append(.acknowledged(id, arguments))
        case .disconnect: leave(namespace, .clientNamespaceDisconnect)
        // Only servers have a reason to send the second.
        case .connect, .connectError: break
        }
    }

    private mutating func connect(_ namespace: String, _ auth: [UInt8]) {
        guard known.contains(namespace) else {
            return send(SocketPacket(namespace: namespace, body: .connectError(Array(Self.invalidNamespace.utf8))))
        }
        // It is kept for as long as the socket.
        guard auth.count <= authBytes else {
            return send(SocketPacket(namespace: namespace, body: .connectError(Array(Self.largeAuth.utf8))))
        }
        // A second CONNECT changes nothing.
        guard memberships[namespace] == nil else { return }
        memberships[namespace] = .authorizing
        actions.append(.authorize(namespace: namespace, auth: auth))
    }

    private static let invalidNamespace = #"{"message":"Invalid namespace"}"#
    private static let largeAuth = #"{"message":"Authentication payload too large"}"#

    // MARK: from the server

    /// - Parameter sid: the id that the client gets for its socket in this namespace.
    /// - Returns: false if the client has gone meanwhile.
    mutating func accept(_ namespace: String, sid: String) -> Bool {
        guard !isClosed, memberships[namespace] == .authorizing else { return false }
        memberships[namespace] = .connected
        connectDue = nil
        send(SocketPacket(namespace: namespace, body: .connect(Array("{\"sid\":\"\(sid)\"}".utf8))))
        return true
    }

    /// - Parameter error: a JSON object with `message`.
    mutating func reject(_ namespace: String, error: [UInt8]) {
        guard !isClosed, memberships[namespace] == .authorizing else { return }
        memberships[namespace] = nil
        send(SocketPacket(namespace: namespace, body: .connectError(error)))
    }

    /// Sends an event that was encoded once for many.
    mutating func emit(_ namespace: String, encoded: [WebSocketMessage]) {
        guard memberships[namespace] == .connected else { return }
        for message in encoded { actions.append(.send(message)) }
    }

    /// Sends an event whose acknowledgement is awaited until `due`.
    ///
    /// - Returns: the id; nil if the namespace is not connected.
    mutating func emit(_ namespace: String, name: String, _ arguments: EventArguments, due: UInt64) -> UInt64? {
        guard memberships[namespace] == .connected else { return nil }
        let id = nextID
        nextID += 1
        waiting[id] = Waiting(namespace: namespace, due: due)
        firstDue = min(firstDue ?? due, due)
        send(SocketPacket(namespace: namespace, id: id, body: .event(name: name, arguments)))
        return id
    }

    mutating func acknowledge(_ namespace: String, id: UInt64, _ arguments: EventArguments) {
        guard memberships[namespace] == .connected else { return }
        send(SocketPacket(namespace: namespace, id: id, body: .acknowledgement(arguments)))
    }

    /// Puts the client out of a namespace.
    mutating func disconnect(_ namespace: String) {
        guard memberships[namespace] == .connected else { return }
        send(SocketPacket(namespace: namespace, body: .disconnect))
        leave(namespace, .serverNamespaceDisconnect)
    }

    // MARK: time and end

    mutating func timerFired(now: UInt64) {
        guard !isClosed else { return }
        if let due = connectDue, now >= due { return close(.forcedClose) }
        for (id, entry) in waiting.sorted(by: { $0.key < $1.key }) where entry.due <= now {
            waiting[id] = nil
            actions.append(.unanswered(id))
        }
        firstDue = waiting.values.lazy.map(\.due).min()
    }

    /// The session has ended.
    mutating func sessionEnded(_ reason: DisconnectReason) {
        isClosed = true
        connectDue = nil
        for namespace in memberships.keys.sorted() { leave(namespace, reason) }
    }

    private mutating func close(_ reason: DisconnectReason) {
        isClosed = true
        connectDue = nil
        actions.append(.close(reason))
    }

    private mutating func leave(_ namespace: String, _ reason: DisconnectReason) {
        guard memberships.removeValue(forKey: namespace) == .connected else { return }
        for (id, entry) in waiting.sorted(by: { $0.key < $1.key }) where entry.namespace == namespace {
            waiting[id] = nil
            actions.append(.unanswered(id))
        }
        actions.append(.disconnected(namespace: namespace, reason))
    }

    private mutating func send(_ packet: SocketPacket) {
        for message in packet.encoded() { actions.append(.send(message)) }
    }
}
