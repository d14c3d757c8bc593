// A session of Engine.IO 4 as a state machine: no socket, no clock, no thread. Each event method appends the actions that
// the caller has to perform, in order. Times are milliseconds of a clock that only rises.
//
// Phases: `open` → (`closing`: a poll is still to be told) → `closed`.
// Transports: polling (at most one poll waits at a time) or a WebSocket; a WebSocket that knocks on a polling session is
// the probe until its `5`:
//
//     client, by WebSocket   2probe                          5
//     server, by WebSocket           3probe                     (packets)
//     server, to a poll                      6 (noop, at once while the probe is answered)
//
// Invariants:
//   - every ticket given to `poll` or `post` is answered exactly once: by this call, a later one, or the end;
//   - packets leave in the order of `send`, over one transport at a time; the switch takes what is buffered with it;
//   - `.closed` is the last thing that the application hears, exactly once; after `.finished` there are only replies;
//   - what waits for a poll is at most `bufferBytes` and one packet, else the session ends.

/// Why an Engine.IO session ended, in the words of the reference server.
package enum DisconnectReason: String, Sendable, Equatable {
    case transportError = "transport error"
    case transportClose = "transport close"
    case pingTimeout = "ping timeout"
    case parseError = "parse error"
    case forcedClose = "forced close"
    case serverShuttingDown = "server shutting down"
    case clientNamespaceDisconnect = "client namespace disconnect"
    case serverNamespaceDisconnect = "server namespace disconnect"
}

package struct EngineTimings: Sendable {
    package var pingIntervalMilliseconds = 25_000
    package var pingTimeoutMilliseconds = 20_000
    package var upgradeTimeoutMilliseconds = 10_000

    package init() {}
}

struct EngineSession {
    /// Names an HTTP request that waits for its reply.
    typealias Ticket = UInt64
    /// Names a WebSocket.
    typealias SocketID = UInt64

    enum Reply: Equatable {
        /// 200 with a polling payload.
        case payload([UInt8])
        /// 200 `ok`.
        case accepted
        /// 400 without a body.
        case refused
        /// 400 with the body of an unknown session.
        case unknownSession
        /// 400 `Bad request`: a poll of a session that has moved to a WebSocket.
        case transportMismatch
    }

    enum Action: Equatable {
        case reply(Ticket, Reply)
        case send(SocketID, WebSocketMessage)
        case closeSocket(SocketID)
        case deliver(WebSocketMessage)
        case upgraded
        case closed(DisconnectReason)
        case finished
    }

    private enum Phase: Equatable { case open, closing, closed }

    /// Packets in one payload; python-engineio, for one, refuses more. The next poll gets the rest at once.
    static let payloadPackets = 16

    private let timings: EngineTimings
    private let bufferLimit: Int
    private var phase = Phase.open
    /// The WebSocket in use; nil while polling.
    private(set) var socket: SocketID?
    private var probe: SocketID?
    private var isProbeAnswered = false
    private var waitingPoll: Ticket?
    private var buffer: [EnginePacket] = []
    private var bufferBytes = 0
    private var pingDue: UInt64?
    private var pongDue: UInt64?
    private var probeDue: UInt64?
    private var closingDue: UInt64?
    private var actions: [Action] = []

    /// - Parameters:
    ///   - handshake: the data of the open packet, which leaves first.
    ///   - socket: the WebSocket that the session begins with; nil for polling.
    init(timings: EngineTimings, bufferBytes: Int, handshake: [UInt8], socket: SocketID?, now: UInt64) {
        self.timings = timings
        bufferLimit = bufferBytes
        self.socket = socket
        pingDue = now + UInt64(timings.pingIntervalMilliseconds)
        transmit(EnginePacket(.open, handshake))
    }

    /// What is to be done, in order; empty after it.
    mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    var isOpen: Bool { phase == .open }

    /// When `timerFired` wants to be called next.
    var deadline: UInt64? { [pingDue, pongDue, probeDue, closingDue].compactMap { $0 }.min() }

    // MARK: the application

    mutating func send(_ message: WebSocketMessage) {
        guard phase == .open else { return }
        transmit(EnginePacket(message))
    }

    /// Ends the session from this side; what was sent before still goes out.
    mutating func close(_ reason: DisconnectReason, now: UInt64) {
        guard phase == .open else { return }
        end(reason, last: .close, now: now)
    }

    // MARK: polling

    mutating func poll(_ ticket: Ticket, now: UInt64) {
        switch phase {
        case .closed: return actions.append(.reply(ticket, .unknownSession))
        case .closing:
            waitingPoll = ticket
            return tellTheRest()
        case .open: break
        }
        guard socket == nil else { return actions.append(.reply(ticket, .transportMismatch)) }
        guard waitingPoll == nil else {
            actions.append(.reply(ticket, .refused))
            return end(.transportError, last: .close, now: now)
        }
        waitingPoll = ticket
        if !buffer.isEmpty {
            answerPoll()
        } else if isProbeAnswered {
            transmit(EnginePacket(.noop))
        }
    }

    /// - Parameter payload: nil for a body that is not a text.
    mutating func post(_ ticket: Ticket, payload: [UInt8]?, now: UInt64) {
        guard phase == .open else { return actions.append(.reply(ticket, .unknownSession)) }
        guard socket == nil else { return actions.append(.reply(ticket, .transportMismatch)) }
        guard let payload else {
            actions.append(.reply(ticket, .refused))
            return end(.transportError, last: .close, now: now)
        }
        guard let packets = EnginePacket.decode(payload: payload) else {
            actions.append(.reply(ticket, .refused))
            return end(.parseError, last: .close, now: now)
        }
        for packet in packets where phase == .open { received(packet, now: now) }
        actions.append(.reply(ticket, .accepted))
    }

    // MARK: WebSocket

    /// A WebSocket has opened for this session; it may become its transport.
    mutating func socketOpened(_ id: SocketID, now: UInt64) {
        guard phase == .open, socket == nil, probe == nil else { return actions.append(.closeSocket(id)) }
        probe = id
        probeDue = now + UInt64(timings.upgradeTimeoutMilliseconds)
    }

    mutating func socketReceived(_ id: SocketID, _ frame: WebSocketMessage, now: UInt64) {
        guard phase == .open else { return }
        if id == probe { return probeReceived(id, frame) }
        guard id == socket else { return }
        guard let packet = EnginePacket(frame: frame) else { return end(.parseError, last: nil, now: now) }
        received(packet, now: now)
    }

    private mutating func probeReceived(_ id: SocketID, _ frame: WebSocketMessage) {
        switch EnginePacket(frame: frame) {
        case EnginePacket(.ping, Array("probe".utf8)):
            actions.append(.send(id, .text(Array("3probe".utf8))))
            isProbeAnswered = true
            // The client waits for its poll before it switches.
            if waitingPoll != nil { transmit(EnginePacket(.noop)) }
        case EnginePacket(.upgrade) where isProbeAnswered:
            if waitingPoll != nil { transmit(EnginePacket(.noop)) }
            forgetProbe()
            socket = id
            let packets = buffer
            buffer = []
            bufferBytes = 0
            for packet in packets { transmit(packet) }
            actions.append(.upgraded)
        default:
            forgetProbe()
            actions.append(.closeSocket(id))
        }
    }

    mutating func socketEnded(_ id: SocketID, _ reason: DisconnectReason, now: UInt64) {
        if id == probe { forgetProbe() }
        guard id == socket else { return }
        socket = nil
        if phase == .open { end(reason, last: nil, now: now) }
    }

    private mutating func forgetProbe() {
        probe = nil
        probeDue = nil
        isProbeAnswered = false
    }

    // MARK: time

    mutating func timerFired(now: UInt64) {
        if let due = closingDue, now >= due { release() }
        guard phase == .open else { return }
        if let due = probeDue, now >= due, let late = probe {
            forgetProbe()
            actions.append(.closeSocket(late))
        }
        if let due = pongDue, now >= due { return end(.pingTimeout, last: .close, now: now) }
        if let due = pingDue, now >= due {
            pingDue = nil
            pongDue = now + UInt64(timings.pingTimeoutMilliseconds)
            transmit(EnginePacket(.ping))
        }
    }

    // MARK: packets

    private mutating func received(_ packet: EnginePacket, now: UInt64) {
        switch packet.kind {
        case .message: actions.append(.deliver(packet.message))
        case .pong:
            pongDue = nil
            pingDue = now + UInt64(timings.pingIntervalMilliseconds)
        case .close: end(.transportClose, last: .noop, now: now)
        // In version 4 the server pings.
        case .ping: end(.transportError, last: .close, now: now)
        case .open, .upgrade, .noop: break
        }
    }

    private mutating func transmit(_ packet: EnginePacket) {
        if let socket { return actions.append(.send(socket, packet.frame)) }
        buffer.append(packet)
        bufferBytes += packet.payloadBytes
        if waitingPoll != nil {
            answerPoll()
        } else if bufferBytes > bufferLimit + packet.payloadBytes {
            // Nobody fetches what is sent.
            pingDue = nil
            pongDue = nil
            actions.append(.closed(.transportError))
            release()
        }
    }

    private mutating func answerPoll() {
        guard let ticket = waitingPoll else { return }
        waitingPoll = nil
        let packets = buffer.prefix(EngineSession.payloadPackets)
        buffer.removeFirst(packets.count)
        bufferBytes -= packets.reduce(0) { $0 + $1.payloadBytes }
        actions.append(.reply(ticket, .payload(EnginePacket.payload(Array(packets)))))
    }

    // MARK: the end

    /// - Parameter last: what a polling client is told at last; nil where nobody listens any more.
    private mutating func end(_ reason: DisconnectReason, last: EnginePacket.Kind?, now: UInt64) {
        pingDue = nil
        pongDue = nil
        actions.append(.closed(reason))
        // Only a client that has done nothing wrong and does not know yet comes back for the news.
        let comesBack = last == .close && reason != .pingTimeout && reason != .parseError && reason != .transportError
        guard socket == nil, let last, waitingPoll != nil || comesBack else { return release() }
        phase = .closing
        closingDue = now + UInt64(timings.pingTimeoutMilliseconds)
        if let probe { actions.append(.closeSocket(probe)) }
        forgetProbe()
        buffer.append(EnginePacket(last))
        tellTheRest()
    }

    private mutating func tellTheRest() {
        if waitingPoll != nil { answerPoll() }
        if buffer.isEmpty { release() }
    }

    private mutating func release() {
        phase = .closed
        buffer = []
        if let ticket = waitingPoll { actions.append(.reply(ticket, .unknownSession)) }
        waitingPoll = nil
        closingDue = nil
        for id in [probe, socket].compactMap({ $0 }) { actions.append(.closeSocket(id)) }
        forgetProbe()
        socket = nil
        actions.append(.finished)
    }
}
