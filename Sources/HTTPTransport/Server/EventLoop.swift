internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

// One event loop: one thread, one library daemon (two with TLS), its connections and its upgraded sockets.
//
// A turn of the loop:
//   1. wait on an epoll set that holds the daemons' own epoll descriptors, an eventfd, the upgraded sockets, and the
//      sockets of suspended streams (to see a client go while the library does not look);
//   2. take the mailbox: new connections from the acceptor, connections whose reply came from another thread, upgraded
//      sockets that another thread wants to have looked at;
//   3. hand the new ones to the library, resume the others, and let it run: it reads, parses and calls back;
//   4. fire timers, close what is to be closed, now and then look for connections whose time is over.
//
// Invariants:
//   - everything but `mailbox` and `load` is touched on the loop's thread only;
//   - whoever makes the mailbox non-empty writes the eventfd, nobody else does: a burst of replies costs one wake-up;
//   - a connection is resumed only while `isSuspended`, once for each suspension, so a late or double post does no
//   harm;
//   - no connection is suspended when a daemon stops (the library would abort).
//
// A request whose reply is not there yet is parked: the library keeps asking for the reply, in every turn, and is told to
// ask again. That costs less than a suspension (two changes of the epoll set, a read that finds nothing, a useless
// event), but it costs in every turn; so a parked connection is suspended once it was asked about `patience` times or a
// sweep has found it. While connections are parked the library always wants another turn at once; the loop gives it one
// only after a turn that may have left something undone (`wantsTurn`). Should anything else be undone, it waits for the
// next event or reply, and no longer than a sweep's interval.
//
// A request's way is in EventLoop+Requests.swift, upgraded sockets are in EventLoop+Upgrades.swift, the library's
// callbacks in LibraryDaemon.swift.
@safe
final class EventLoop: @unchecked Sendable {
    struct Accepted: Sendable {
        var descriptor: Int32
        var address: SocketAddress
        var listener: Listener
    }

    private struct Mailbox {
        var isSignalled = false
        var accepted: [Accepted] = []
        var finished: [Connection] = []
        var woken: [UpgradedSocket] = []
        var drains = false
        var aborts = false
    }

    private enum Token {
        static let mailbox: UInt64 = 0
        static let plain: UInt64 = 1
        static let tls: UInt64 = 2
        static let firstOther: UInt64 = 3
    }

    let limits: HTTPLimits
    let decodesContent: Bool
    /// Connections handed to this loop and not yet closed; the acceptor picks the loop with the fewest.
    let load = Atomic<Int>(0)
    private let gate: ConnectionGate

    let epoll: Int32
    let wake: Int32
    private let mailbox = Mutex(Mailbox())
    let idBase: UInt64
    var nextID: UInt64 = 0
    // Set once in `init`; optional because a daemon's callbacks need the loop.
    private var daemon: LibraryDaemon?
    private var tlsDaemon: LibraryDaemon?
    private(set) var connections: [Connection] = []
    /// Connections whose suspended stream is watched, and upgraded sockets, by their tokens in the epoll set.
    private var watched: [UInt64: Connection] = [:]
    var sockets: [UInt64: UpgradedSocket] = [:]
    private var nextToken = Token.firstOther
    var timers = TimerQueue()
    /// Upgraded sockets to be closed at the end of the turn.
    var closing: [UpgradedSocket] = []
    /// The connection that is being handed to the library right now.
    private var arriving: Connection?
    private(set) var isDraining = false
    private var nextSweep: UInt64 = 0
    /// Connections that are parked.
    private var parked = 0
    /// Whether this turn may have left something undone that no event will tell of: a reply half written, a body half
    /// read, a next request that came before the reply.
    var wantsTurn = false
    /// Whether a socket was ready and no callback has shown yet what for.
    var hasUnseenEvent = false
    /// Swapped with the mailbox's lists and a reply's header block, so that their memory is reused.
    private var acceptedScratch: [Accepted] = []
    private var finishedScratch: [Connection] = []
    private var wokenScratch: [UpgradedSocket] = []
    var blockScratch = HeaderBlock()

    private static let sweepMilliseconds: UInt64 = 250
    /// How often a parked connection is asked about before it is suspended: for about what a suspension costs.
    private static let patience = 32

    init(index: Int, limits: HTTPLimits, decodesContent: Bool, tls: TLSCertificate?, gate: ConnectionGate)
        throws(HTTPServerError)
    {
        self.limits = limits
        self.decodesContent = decodesContent
        self.gate = gate
        idBase = UInt64(index) << 48
        epoll = try System.makeEpoll()
        wake = try System.makeEventDescriptor()
        // Edge-triggered: every write is an event, and nobody has to read the counter.
        _ = System.watch(epoll, wake, events: EPOLLIN.rawValue | EPOLLET.rawValue, token: Token.mailbox)
        daemon = try start(tls: nil, token: Token.plain)
        if let tls { tlsDaemon = try start(tls: tls, token: Token.tls) }
    }

    deinit {
        // Before the descriptors that they may still use.
        daemon = nil
        tlsDaemon = nil
        close(wake)
        close(epoll)
    }

    private func start(tls: TLSCertificate?, token: UInt64) throws(HTTPServerError) -> LibraryDaemon {
        let daemon = try LibraryDaemon(loop: self, tls: tls)
        guard System.watch(epoll, daemon.epollDescriptor, events: EPOLLIN.rawValue, token: token) else {
            throw .system(call: "epoll_ctl", errno: errno)
        }
        return daemon
    }

    // MARK: other threads

    func add(_ accepted: Accepted) {
        load.add(1, ordering: .relaxed)
        signal { $0.accepted.append(accepted) }
    }

    /// Has the loop look again at a suspended connection.
    func post(_ connection: Connection) {
        signal { $0.finished.append(connection) }
    }

    /// Has the loop call the socket's delegate.
    func post(_ socket: UpgradedSocket) {
        signal { $0.woken.append(socket) }
    }

    /// No new connections will come; end when the last one is gone.
    func drain() { signal { $0.drains = true } }

    /// Close what is left.
    func abort() { signal { $0.aborts = true } }

    private func signal(_ change: (inout Mailbox) -> Void) {
        let mustWake = mailbox.withLock { mailbox in
            change(&mailbox)
            defer { mailbox.isSignalled = true }
            return !mailbox.isSignalled
        }
        if mustWake { System.signal(wake) }
    }

    // MARK: the loop

    /// Runs until drained. On the loop's own thread.
    func run() {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let timeout = waitMilliseconds()
            wantsTurn = false
            hasUnseenEvent = false
            let capacity = unsafe Int32(events.count)
            let count = unsafe epoll_wait(epoll, &events, capacity, timeout)
            for index in 0..<max(0, Int(count)) {
                unsafe handle(token: events[index].data.u64, events: events[index].events)
            }
            takeMailbox()
            daemon?.run()
            tlsDaemon?.run()
            if !timers.isEmpty { fireTimers() }
            if !closing.isEmpty { closeSockets() }
            sweep()
            if isDraining, connections.isEmpty, sockets.isEmpty, isMailboxEmpty { return }
        }
    }

    private var isMailboxEmpty: Bool { mailbox.withLock { $0.accepted.isEmpty && $0.finished.isEmpty } }

    private func waitMilliseconds() -> Int32 {
        var shortest = connections.isEmpty ? UInt64(Int32.max) : EventLoop.sweepMilliseconds
        if let pending = daemon?.timeoutMilliseconds, parked == 0 || wantsTurn || hasUnseenEvent {
            shortest = min(shortest, pending)
        }
        if let pending = tlsDaemon?.timeoutMilliseconds { shortest = min(shortest, pending) }
        if let due = timers.earliest {
            let now = System.coarseMilliseconds()
            shortest = min(shortest, due > now ? due - now : 0)
        }
        return shortest >= UInt64(Int32.max) ? -1 : Int32(shortest)
    }

    private func handle(token: UInt64, events: UInt32) {
        switch token {
        case Token.mailbox: break
        case Token.plain, Token.tls: hasUnseenEvent = true
        default:
            if let socket = sockets[token] { return socket.handle(events: events) }
            guard let connection = watched[token] else { return }
            unwatch(connection)
            connection.stream?.disconnect()
            connection.clientLeft()
            resume(connection)
        }
    }

    private func takeMailbox() {
        let (drains, aborts) = mailbox.withLock { mailbox in
            swap(&mailbox.accepted, &acceptedScratch)
            swap(&mailbox.finished, &finishedScratch)
            swap(&mailbox.woken, &wokenScratch)
            mailbox.isSignalled = false
            return (mailbox.drains, mailbox.aborts)
        }
        for accepted in acceptedScratch { take(accepted) }
        acceptedScratch.removeAll(keepingCapacity: true)
        for connection in finishedScratch { lookAgain(at: connection) }
        finishedScratch.removeAll(keepingCapacity: true)
        for socket in wokenScratch { socket.handleWake() }
        wokenScratch.removeAll(keepingCapacity: true)
        if drains, !isDraining { beginDraining() }
        if aborts { abortConnections() }
    }

    // MARK: connections

    private func take(_ accepted: Accepted) {
        var address = accepted.address
        let client = ClientAddress(address: address.address, port: address.port)
        let connection = Connection(
            loop: self, listener: accepted.listener, client: client, descriptor: accepted.descriptor)
        arriving = connection
        // On failure `started` has not been called, or `closed` has too.
        let isAdded = (accepted.listener.isTLS ? tlsDaemon : daemon)?.add(accepted.descriptor, &address) ?? false
        arriving = nil
        if !isAdded, !connection.hasStarted { release(client) }
    }

    /// Takes a connection off the counts, once it and what it was upgraded to are gone.
    func release(_ client: ClientAddress) {
        load.subtract(1, ordering: .relaxed)
        gate.leave(client.address)
    }

    func started(_ handle: OpaquePointer) -> UnsafeMutableRawPointer? {
        guard let connection = arriving else { return nil }
        connection.hasStarted = true
        unsafe connection.handle = handle
        connection.index = connections.count
        connection.deadline = System.coarseMilliseconds() + UInt64(limits.headerTimeoutMilliseconds)
        connections.append(connection)
        return unsafe Unmanaged.passRetained(connection).toOpaque()
    }

    func closed(_ connection: Connection) {
        endRequest(connection)
        unsafe connection.handle = nil
        let last = connections.removeLast()
        if last !== connection {
            connections[connection.index] = last
            last.index = connection.index
        }
        if !connection.isDetached { release(connection.client) }
    }

    /// There may be a reply, or a wish to hear of the client's going away.
    private func lookAgain(at connection: Connection) {
        guard connection.isParked, let handle = unsafe connection.handle else { return resume(connection) }
        // Where it cannot go on the library asks again, is told no, and closes.
        if unsafe !answerParked(connection, handle) { connection.isAborted = true }
    }

    /// Has the library ask again for the reply in every turn, for a while.
    func park(_ connection: Connection) {
        connection.patience = EventLoop.patience
        parked += 1
    }

    func unpark(_ connection: Connection) {
        guard connection.isParked else { return }
        connection.patience = 0
        parked -= 1
    }

    private func resume(_ connection: Connection) {
        guard connection.isSuspended, let handle = unsafe connection.handle else { return }
        connection.isSuspended = false
        unsafe MHD_resume_connection(handle)
    }

    func suspend(_ connection: Connection) {
        guard let handle = unsafe connection.handle else { return }
        connection.isSuspended = true
        unsafe MHD_suspend_connection(handle)
    }

    /// Suspends a connection that has nothing to send, and watches for the client's going away.
    func suspendWatching(_ connection: Connection) {
        suspend(connection)
        guard connection.watchToken == nil else { return }
        let token = makeToken()
        // One-shot: after it has fired there is nothing more to learn.
        let interest = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLONESHOT.rawValue
        guard System.watch(epoll, connection.descriptor, events: interest, token: token) else { return }
        connection.watchToken = token
        watched[token] = connection
    }

    func unwatch(_ connection: Connection) {
        guard let token = connection.watchToken else { return }
        System.unwatch(epoll, connection.descriptor)
        watched[token] = nil
        connection.watchToken = nil
    }

    func makeToken() -> UInt64 {
        defer { nextToken += 1 }
        return nextToken
    }

    // MARK: time limits

    /// Ends connections whose phase has lasted too long. A client that trickles bytes never trips the library's idle
    /// timeout; these deadlines count from the phase's start.
    private func sweep() {
        guard !connections.isEmpty else { return }
        let now = System.coarseMilliseconds()
        guard now >= nextSweep else { return }
        nextSweep = now + EventLoop.sweepMilliseconds
        for connection in connections {
            if connection.isParked { connection.patience = 1 }
            if connection.phase == .replying, !keepsPace(connection, now) {
                connection.stream?.disconnect()
                shutdown(connection.descriptor, Int32(SHUT_RDWR))
            }
            guard let deadline = connection.deadline, now >= deadline else { continue }
            connection.deadline = nil
            if !connection.listener.isTLS { RawReply.requestTimeout.send(to: connection.descriptor) }
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
        }
    }

    /// Whether the client takes its reply fast enough, see `HTTPLimits.replyBytesPerWindow`.
    private func keepsPace(_ connection: Connection, _ now: UInt64) -> Bool {
        guard limits.replyBytesPerWindow > 0, !connection.isSuspended else {
            connection.replyWindow = nil
            return true
        }
        guard let window = connection.replyWindow else {
            connection.replyWindow = .init(
                end: now + UInt64(limits.replyWindowMilliseconds),
                acknowledged: System.acknowledgedBytes(connection.descriptor))
            return true
        }
        guard now >= window.end else { return true }
        connection.replyWindow = nil
        let acknowledged = System.acknowledgedBytes(connection.descriptor)
        return acknowledged >= window.acknowledged + UInt64(limits.replyBytesPerWindow)
    }

    // MARK: draining

    private func beginDraining() {
        isDraining = true
        // What a client has sent already is still read; the connection ends after its reply, or at once where it is
        // idle.
        for connection in connections where connection.phase == .idle {
            shutdown(connection.descriptor, Int32(SHUT_RD))
        }
        for socket in Array(sockets.values) { socket.handleDrain() }
    }

    private func abortConnections() {
        for socket in sockets.values { socket.abort() }
        closeSockets()
        for connection in connections where !connection.isAborted {
            connection.isAborted = true
            connection.stream?.disconnect()
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
            resume(connection)
        }
    }
}
