internal import CMicroHTTPD
internal import Synchronization

/// What one TCP connection is doing, and the reply of its current request.
///
/// Confinement: every field but `reply` belongs to the connection's event loop and is touched only on its thread.
/// `reply` is the one place where other threads come in, and only through `ServerExchange`.
///
/// One object serves every request of the connection, so that its buffers are allocated once. `generation` tells the
/// requests apart: an exchange that answers after its request has ended finds another generation and does nothing.
@safe
final class Connection: @unchecked Sendable {
    enum Phase {
        /// Between requests, or before the request line is complete.
        case idle
        /// The request line is in; the headers are coming.
        case head
        /// The headers are in; the body is coming.
        case body
        /// The handler has the request.
        case handling
        /// A reply is queued.
        case replying
        /// No longer HTTP; `UpgradedSocket` has it.
        case upgraded
    }

    /// How far a client had come with its reply when the current window of its pace began.
    struct ReplyWindow {
        var end: UInt64
        var acknowledged: UInt64
    }

    /// What to do with a body that is coming.
    enum BodyPlan {
        case collect
        /// Over the limit: read `left` more bytes and throw them away.
        case discard(left: Int)
    }

    struct Reply: Sendable {
        var generation: UInt64 = 0
        var phase = ReplyPhase.none
        var head = HeaderBlock()
        var response: Response?
        /// What the loop is to do before it looks for the reply.
        var work: (@Sendable () -> Void)?
        /// Called if the client goes before there is a reply.
        var onDisconnect: (@Sendable () -> Void)?
    }

    enum ReplyPhase {
        /// No request, or its reply has been taken.
        case none
        /// The handler runs on the loop; a reply given now is picked up when it returns.
        case running
        /// The connection is parked or suspended; a reply must wake the loop.
        case waiting
        /// There is a reply.
        case ready
    }

    unowned let loop: EventLoop
    let listener: Listener
    let client: ClientAddress
    let descriptor: Int32
    /// The library's connection; set while it is alive.
    var handle: OpaquePointer?

    var phase = Phase.idle
    /// The raw target, kept before the library cuts it up in place.
    var target: [UInt8] = []
    var head: RequestHead?
    var body: [UInt8] = []
    var bodyPlan = BodyPlan.collect
    var bodyError: BodyError?
    var isSuspended = false
    /// How often the library may still ask for the reply before the connection is suspended; 0 where it is not parked.
    var patience = 0
    var isParked: Bool { patience > 0 }
    /// The number of the current request.
    var requestID: UInt64 = 0
    var replyWindow: ReplyWindow?
    /// Who gets the socket once the 101 that is being sent is out.
    var upgrade: (any UpgradedSocketDelegate)?
    /// Whether an upgraded socket has been taken out of the library, which then only has an empty shell to close.
    var isDetached = false
    /// The stream being sent, if any.
    var stream: BodyStream?
    /// Its token while `descriptor` is in the loop's own epoll set, watched for the client's going away.
    var watchToken: UInt64?
    /// Whether the library has taken the connection over.
    var hasStarted = false
    /// When the phase's time is over, in `System.coarseMilliseconds`; nil where the library's idle timeout is enough.
    var deadline: UInt64?
    /// Set to have the library close the connection at the next callback.
    var isAborted = false
    /// The place in the loop's table.
    var index = 0

    let reply = Mutex(Reply())

    init(loop: EventLoop, listener: Listener, client: ClientAddress, descriptor: Int32) {
        self.loop = loop
        self.listener = listener
        self.client = client
        self.descriptor = descriptor
    }

    /// Opens the reply of a new request.
    func beginReply() -> UInt64 {
        reply.withLock { reply in
            reply.generation &+= 1
            reply.phase = .running
            reply.head.removeAll()
            reply.response = nil
            reply.work = nil
            reply.onDisconnect = nil
            return reply.generation
        }
    }

    /// Ends the request: whatever exchange is still out there is now too late.
    func endReply() {
        // The response is destroyed outside the lock: it may hold the last reference to anything.
        let (response, work, action) = reply.withLock { reply in
            defer {
                reply.generation &+= 1
                reply.phase = .none
                reply.response = nil
                reply.work = nil
                reply.onDisconnect = nil
            }
            return (reply.response, reply.work, reply.onDisconnect)
        }
        work?()
        action?()
        if case .stream(let stream) = response?.body { stream.disconnect() }
    }

    /// The reply if there is one, after the work that was left to the loop; else marks the request as waiting and says
    /// whether somebody wants to hear of the client's going away.
    func takeReplyOrWait(into head: inout HeaderBlock) -> (response: Response?, isWatchedFor: Bool) {
        let work = reply.withLock { reply in
            defer { reply.work = nil }
            if reply.work != nil, reply.phase == .waiting { reply.phase = .running }
            return reply.work
        }
        work?()
        return reply.withLock { reply in
            guard reply.phase == .ready else {
                reply.phase = .waiting
                return (nil, reply.onDisconnect != nil)
            }
            reply.phase = .none
            swap(&reply.head, &head)
            let response = reply.response
            reply.response = nil
            reply.onDisconnect = nil
            return (response, false)
        }
    }

    /// The client has gone, and there may be no reply yet.
    func clientLeft() {
        let action = reply.withLock { reply in
            defer { reply.onDisconnect = nil }
            return reply.onDisconnect
        }
        action?()
    }
}

/// The exchange of a request that came over a socket.
final class ServerExchange: Exchange {
    private let connection: Connection
    private let generation: UInt64

    init(connection: Connection, generation: UInt64) {
        self.connection = connection
        self.generation = generation
    }

    deinit {
        respond(Response(status: 500))
    }

    func addHeader(_ name: String, _ value: String) {
        connection.reply.withLock { reply in
            guard reply.generation == generation, reply.phase == .running || reply.phase == .waiting else { return }
            reply.head.append(name, value)
        }
    }

    func addHeaders(_ block: HeaderBlock) {
        connection.reply.withLock { reply in
            guard reply.generation == generation, reply.phase == .running || reply.phase == .waiting else { return }
            reply.head.append(block)
        }
    }

    func removeHeaders() {
        connection.reply.withLock { reply in
            guard reply.generation == generation, reply.phase == .running || reply.phase == .waiting else { return }
            reply.head.removeAll()
        }
    }

    func onDisconnect(_ action: @escaping @Sendable () -> Void) {
        let (isWaiting, isOver) = connection.reply.withLock { reply -> (Bool, Bool) in
            guard reply.generation == generation else { return (false, true) }
            guard reply.phase == .running || reply.phase == .waiting else { return (false, false) }
            reply.onDisconnect = action
            return (reply.phase == .waiting, false)
        }
        if isOver { action() }
        // The loop looks again, finds no reply, and suspends the connection watching.
        if isWaiting { connection.loop.post(connection) }
    }

    func onLoop(_ work: @escaping @Sendable () -> Void) {
        let isQueued = connection.reply.withLock { reply in
            guard reply.generation == generation, reply.phase == .waiting, reply.work == nil else { return false }
            reply.work = work
            return true
        }
        if isQueued { connection.loop.post(connection) } else { work() }
    }

    func respond(_ response: Response) {
        enum Outcome { case taken, takenWhileWaiting, tooLate }
        let outcome = connection.reply.withLock { reply -> Outcome in
            guard reply.generation == generation else { return .tooLate }
            switch reply.phase {
            case .running:
                reply.response = response
                reply.phase = .ready
                return .taken
            case .waiting:
                reply.response = response
                reply.phase = .ready
                return .takenWhileWaiting
            case .none, .ready: return .tooLate
            }
        }
        switch outcome {
        case .taken: break
        case .takenWhileWaiting: connection.loop.post(connection)
        case .tooLate: if case .stream(let stream) = response.body { stream.disconnect() }
        }
    }
}
