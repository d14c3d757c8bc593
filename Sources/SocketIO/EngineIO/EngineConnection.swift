package import HTTPTransport
internal import Synchronization

// One Engine.IO session with its sockets, requests and time: what performs the actions of `EngineSession`.
//
// Inputs come from many threads: polls and posts from the loops of their own connections, frames from the WebSocket's loop,
// the time from `DeadlineThread`, `perform` from anywhere. They go into a mailbox, and one thread at a time works on it,
// in order, without holding a lock; so the application's calls never overlap and may call back in here.
//
// Who works:
//   - while a WebSocket is attached, the thread of its loop only, because a WebSocket belongs to it; others wake it;
//   - otherwise whoever posts into a mailbox on which nobody works. When a WebSocket attaches meanwhile, that worker hands
//     over after the input at hand.
//
// What other threads want done waits in the mailbox too; past `maximumWork` of it the session ends as one that is too slow,
// because its loop is.
//
// A WebSocket is attached before its first input is posted and detached when its end has been worked on, so there is
// always somebody to take what is in the mailbox.

/// The protocol above Engine.IO, one object for each session. The calls of one session never overlap; they come on any
/// thread and must not block.
package protocol EngineApplication: AnyObject, Sendable {
    func engineDidOpen(_ connection: EngineConnection)
    func engine(_ connection: EngineConnection, didReceive message: WebSocketMessage)
    /// The last call.
    func engineDidClose(_ connection: EngineConnection, _ reason: DisconnectReason)
    /// When `engineTimerFired` is wanted; asked after every call.
    var deadline: UInt64? { get }
    func engineTimerFired(_ connection: EngineConnection, now: UInt64)
}

package final class EngineConnection: @unchecked Sendable {
    // Unchecked: what is not in the mailbox belongs to who works on it; the mailbox's lock orders one worker after another.
    enum Input {
        case opened
        case poll(any Exchange)
        case post(any Exchange, [UInt8]?)
        case socketReceived(WebSocketMessage)
        case socketOpened
        case socketEnded(DisconnectReason)
        case timer
        case close(DisconnectReason)
        case work(@Sendable (EngineConnection) -> Void)
    }

    private struct Mailbox {
        var inputs: [Input] = []
        var taken = 0
        var isWorkedOn = false
        var isOverrun = false
        var socket: WebSocketConnection?
    }

    package let sid: String
    /// The request that opened the session.
    package let request: Request
    private let mailbox: Mutex<Mailbox>
    /// The server's table of sessions and this make a cycle for as long as the session lasts.
    private let server: EngineServer
    private var session: EngineSession
    private var application: (any EngineApplication)?
    private var exchanges: [EngineSession.Ticket: any Exchange] = [:]
    private var nextTicket: EngineSession.Ticket = 0
    /// Counts the WebSockets of this session; the number of the attached one is its id for the state machine.
    private var socketID: EngineSession.SocketID = 0
    private var queuedTimer: UInt64?

    init(
        sid: String, request: Request, server: EngineServer, session: EngineSession,
        application: any EngineApplication, socket: WebSocketConnection?
    ) {
        self.sid = sid
        self.request = request
        self.server = server
        self.session = session
        self.application = application
        mailbox = Mutex(Mailbox(socket: socket))
    }

    // MARK: for the application

    /// Runs `work` among the application's calls, never at the same time as one of them. From any thread. After the end
    /// of the session it is dropped.
    package func perform(_ work: @escaping @Sendable (EngineConnection) -> Void) {
        let (isOverrun, isNews) = mailbox.withLock { box in
            let was = box.isOverrun
            if box.inputs.count - box.taken >= EngineConnection.maximumWork { box.isOverrun = true }
            return (box.isOverrun, box.isOverrun && !was)
        }
        guard isOverrun else { return post(.work(work)) }
        if isNews { post(.close(.transportError)) }
    }

    /// Far above what a room's burst leaves waiting for the turn of a loop; a few MB at most.
    static let maximumWork = 16_384

    /// Only from within the application's calls and `perform`.
    package func send(_ message: WebSocketMessage) {
        server.traffic.sent(message.bytes.count)
        session.send(message)
    }

    /// Ends the session; what was sent before still goes out. From any thread.
    package func close(_ reason: DisconnectReason = .forcedClose) { post(.close(reason)) }

    /// `polling` or `websocket`. Only from within the application's calls and `perform`.
    package var transport: String { session.socket == nil ? "polling" : "websocket" }

    // MARK: mailbox

    /// Takes a WebSocket in, on its loop's thread; false if there is one already.
    func attach(_ socket: WebSocketConnection) -> Bool {
        let isAttached = mailbox.withLock { box in
            guard box.socket == nil else { return false }
            box.socket = socket
            return true
        }
        if isAttached { post(.socketOpened, on: socket) }
        return isAttached
    }

    /// - Parameter socket: the WebSocket on whose loop's thread this is called.
    func post(_ input: Input, on socket: WebSocketConnection? = nil) {
        mailbox.withLock { $0.inputs.append(input) }
        work(on: socket)
    }

    /// Works on the mailbox, or sees to it that somebody does.
    func work(on socket: WebSocketConnection?) {
        var isFirst = true
        while true {
            let (input, elsewhere): (Input?, WebSocketConnection?) = mailbox.withLock { box in
                if isFirst, box.isWorkedOn { return (nil, nil) }
                guard box.taken < box.inputs.count else {
                    box.inputs = []
                    box.taken = 0
                    box.isWorkedOn = false
                    return (nil, nil)
                }
                if let attached = box.socket, attached !== socket {
                    box.isWorkedOn = false
                    return (nil, attached)
                }
                box.isWorkedOn = true
                defer { box.taken += 1 }
                return (box.inputs[box.taken], nil)
            }
            elsewhere?.wake()
            guard let input else { return }
            isFirst = false
            handle(input)
        }
    }

    private var attachedSocket: WebSocketConnection? { mailbox.withLock { $0.socket } }

    private func handle(_ input: Input) {
        let now = server.now()
        switch input {
        case .opened:
            if session.socket != nil { socketID = EngineServer.firstSocket }
            application?.engineDidOpen(self)
        case .poll(let exchange): session.poll(keep(exchange), now: now)
        case .post(let exchange, let payload): session.post(keep(exchange), payload: payload, now: now)
        case .socketOpened:
            socketID += 1
            session.socketOpened(socketID, now: now)
        case .socketReceived(let message): session.socketReceived(socketID, message, now: now)
        case .socketEnded(let reason):
            session.socketEnded(socketID, reason, now: now)
            mailbox.withLock { $0.socket = nil }
        case .timer:
            queuedTimer = nil
            session.timerFired(now: now)
            if let application, let due = application.deadline, due <= now {
                application.engineTimerFired(self, now: now)
            }
        case .close(let reason): session.close(reason, now: now)
        case .work(let work): if session.isOpen { work(self) }
        }
        performActions()
        scheduleTimer()
    }

    private func keep(_ exchange: any Exchange) -> EngineSession.Ticket {
        nextTicket += 1
        exchanges[nextTicket] = exchange
        return nextTicket
    }

    private func performActions() {
        // Delivering makes the application send, which makes further actions.
        while true {
            let actions = session.takeActions()
            if actions.isEmpty { return }
            for action in actions { perform(action) }
        }
    }

    private func perform(_ action: EngineSession.Action) {
        switch action {
        case .reply(let ticket, let reply): exchanges.removeValue(forKey: ticket)?.respond(server.response(reply))
        case .send(let id, let message): if id == socketID { attachedSocket?.send(message) }
        case .closeSocket(let id): if id == socketID { attachedSocket?.close() }
        case .deliver(let message):
            server.traffic.received(message.bytes.count)
            application?.engine(self, didReceive: message)
        case .upgraded: server.upgraded()
        case .closed(let reason):
            server.closed(reason)
            application?.engineDidClose(self, reason)
            application = nil
        case .finished: server.remove(self)
        }
    }

    private func scheduleTimer() {
        guard let due = [session.deadline, application?.deadline].compactMap({ $0 }).min() else { return }
        if let queuedTimer, queuedTimer <= due { return }
        queuedTimer = due
        server.deadlines.schedule(sid, at: due)
    }
}

/// Between a WebSocket and its session.
final class EngineSocket: WebSocketHandler {
    private let opened: @Sendable (WebSocketConnection, EngineSocket) -> Void
    private let connection = Mutex<EngineConnection?>(nil)

    /// - Parameter opened: makes or finds the session once the WebSocket is open.
    init(opened: @escaping @Sendable (WebSocketConnection, EngineSocket) -> Void) { self.opened = opened }

    func connect(_ connection: EngineConnection?) { self.connection.withLock { $0 = connection } }

    func webSocketDidOpen(_ socket: WebSocketConnection) { opened(socket, self) }

    func webSocket(_ socket: WebSocketConnection, didReceive message: WebSocketMessage) {
        current?.post(.socketReceived(message), on: socket)
    }

    func webSocketWasWoken(_ socket: WebSocketConnection) { current?.work(on: socket) }

    func webSocketDidEnd(_ socket: WebSocketConnection, _ end: WebSocketEnd) {
        let reason: DisconnectReason =
            switch end {
            case .peer, .local, .lost: .transportClose
            case .violation, .slowReader: .transportError
            case .goingAway: .serverShuttingDown
            }
        current?.post(.socketEnded(reason), on: socket)
        connect(nil)
    }

    private var current: EngineConnection? { connection.withLock { $0 } }
}
