internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

// One event loop: one thread, one library daemon (two with TLS), its connections.
//
// A turn of the loop:
//   1. wait on an epoll set that holds the daemons' own epoll descriptors, an eventfd, and the sockets of suspended
//      streams (to see a client go while the library does not look);
//   2. take the mailbox: new connections from the acceptor, connections whose reply came from another thread;
//   3. hand the new ones to the library, resume the others, and let it run: it reads, parses and calls back;
//   4. now and then look for connections whose time is over.
//
// Invariants:
//   - everything but `mailbox` and `load` is touched on the loop's thread only;
//   - whoever makes the mailbox non-empty writes the eventfd, nobody else does: a burst of replies costs one wake-up;
//   - a connection is resumed only while `isSuspended`, once for each suspension, so a late or double post does no
//   harm;
//   - no connection is suspended when a daemon stops (the library would abort).
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
        var drains = false
        var aborts = false
    }

    private enum Token {
        static let mailbox: UInt64 = 0
        static let plain: UInt64 = 1
        static let tls: UInt64 = 2
        static let firstStream: UInt64 = 3
    }

    let limits: HTTPLimits
    let decodesContent: Bool
    /// Connections handed to this loop and not yet closed; the acceptor picks the loop with the fewest.
    let load = Atomic<Int>(0)
    private let gate: ConnectionGate

    private let epoll: Int32
    private let wake: Int32
    private let mailbox = Mutex(Mailbox())
    private let idBase: UInt64
    private var nextID: UInt64 = 0
    private var daemon: OpaquePointer?
    private var tlsDaemon: OpaquePointer?
    private var connections: [Connection] = []
    private var watched: [UInt64: Connection] = [:]
    private var nextToken = Token.firstStream
    /// The connection that is being handed to the library right now.
    private var arriving: Connection?
    private var isDraining = false
    private var nextSweep: UInt64 = 0
    /// Swapped with the mailbox's lists and a reply's header block, so that their memory is reused.
    private var acceptedScratch: [Accepted] = []
    private var finishedScratch: [Connection] = []
    private var blockScratch = HeaderBlock()

    private static let sweepMilliseconds: UInt64 = 250

    init(index: Int, limits: HTTPLimits, decodesContent: Bool, tls: TLSCertificate?, gate: ConnectionGate)
        throws(HTTPServerError)
    {
        self.limits = limits
        self.decodesContent = decodesContent
        self.gate = gate
        idBase = UInt64(index) << 48
        epoll = try System.makeEpoll()
        wake = try System.makeEventDescriptor()
        _ = System.watch(epoll, wake, events: EPOLLIN.rawValue, token: Token.mailbox)
        unsafe daemon = try start(tls: nil)
        if let tls { unsafe tlsDaemon = try start(tls: tls) }
    }

    deinit {
        if let daemon = unsafe daemon { unsafe MHD_stop_daemon(daemon) }
        if let tlsDaemon = unsafe tlsDaemon { unsafe MHD_stop_daemon(tlsDaemon) }
        close(wake)
        close(epoll)
    }

    private func start(tls: TLSCertificate?) throws(HTTPServerError) -> OpaquePointer {
        var settings = unsafe cmhd_settings()
        unsafe settings.handler = handleRequest
        unsafe settings.completed = requestCompleted
        unsafe settings.connection = connectionChanged
        unsafe settings.target = targetReceived
        unsafe settings.unescape = leaveEscaped
        unsafe settings.closure = Unmanaged.passUnretained(self).toOpaque()
        unsafe settings.memory_bytes = limits.connectionMemoryBytes
        // The gate holds the limit; the library's must only never be the lower one.
        unsafe settings.connection_limit = UInt32(clamping: limits.connections + 64)
        unsafe settings.timeout_seconds = UInt32(clamping: limits.idleTimeoutSeconds)
        let started: OpaquePointer?
        if let tls {
            unsafe started = cmhd_start_tls(&settings, tls.certificatePEM, tls.keyPEM)
        } else {
            unsafe started = cmhd_start(&settings)
        }
        guard let started = unsafe started else {
            if tls != nil { throw .invalidCertificate("not a PEM certificate with its key") }
            throw .system(call: "MHD_start_daemon", errno: errno)
        }
        let descriptor = unsafe cmhd_epoll_descriptor(started)
        let token = tls == nil ? Token.plain : Token.tls
        guard System.watch(epoll, descriptor, events: EPOLLIN.rawValue, token: token) else {
            let code = errno
            unsafe MHD_stop_daemon(started)
            throw .system(call: "epoll_ctl", errno: code)
        }
        return unsafe started
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
            let capacity = unsafe Int32(events.count)
            let count = unsafe epoll_wait(epoll, &events, capacity, timeout)
            for index in 0..<max(0, Int(count)) { unsafe handle(token: events[index].data.u64) }
            takeMailbox()
            unsafe MHD_run(daemon)
            if unsafe tlsDaemon != nil { unsafe MHD_run(tlsDaemon) }
            sweep()
            if isDraining, connections.isEmpty, isMailboxEmpty { return }
        }
    }

    private var isMailboxEmpty: Bool { mailbox.withLock { $0.accepted.isEmpty && $0.finished.isEmpty } }

    private func waitMilliseconds() -> Int32 {
        var shortest: UInt64 = connections.isEmpty ? UInt64(Int32.max) : EventLoop.sweepMilliseconds
        var pending: UInt64 = 0
        if unsafe MHD_get_timeout(daemon, &pending) == MHD_Result.YES { shortest = min(shortest, pending) }
        if unsafe tlsDaemon != nil, unsafe MHD_get_timeout(tlsDaemon, &pending) == MHD_Result.YES {
            shortest = min(shortest, pending)
        }
        return connections.isEmpty && shortest >= UInt64(Int32.max) ? -1 : Int32(shortest)
    }

    private func handle(token: UInt64) {
        switch token {
        case Token.mailbox: System.clear(wake)
        case Token.plain, Token.tls: break
        default:
            guard let connection = watched[token] else { return }
            unwatch(connection)
            connection.stream?.disconnect()
            resume(connection)
        }
    }

    private func takeMailbox() {
        let (drains, aborts) = mailbox.withLock { mailbox in
            swap(&mailbox.accepted, &acceptedScratch)
            swap(&mailbox.finished, &finishedScratch)
            mailbox.isSignalled = false
            return (mailbox.drains, mailbox.aborts)
        }
        for accepted in acceptedScratch { take(accepted) }
        acceptedScratch.removeAll(keepingCapacity: true)
        for connection in finishedScratch { resume(connection) }
        finishedScratch.removeAll(keepingCapacity: true)
        if drains, !isDraining { beginDraining() }
        if aborts { abortConnections() }
    }

    private func take(_ accepted: Accepted) {
        var address = accepted.address
        let client = ClientAddress(address: address.address, port: address.port)
        let connection = Connection(
            loop: self, listener: accepted.listener, client: client, descriptor: accepted.descriptor)
        arriving = connection
        // On failure the library closes the socket itself; `started` has then not been called, or `closed` has too.
        let added = unsafe address.withPointer { pointer, length in
            unsafe MHD_add_connection(
                accepted.listener.isTLS ? tlsDaemon : daemon, accepted.descriptor, pointer, length)
        }
        arriving = nil
        if added != MHD_Result.YES, !connection.hasStarted { release(client) }
    }

    private func release(_ client: ClientAddress) {
        load.subtract(1, ordering: .relaxed)
        gate.leave(client.address)
    }

    private func resume(_ connection: Connection) {
        guard connection.isSuspended, let handle = unsafe connection.handle else { return }
        connection.isSuspended = false
        unsafe MHD_resume_connection(handle)
    }

    private func suspend(_ connection: Connection) {
        guard let handle = unsafe connection.handle else { return }
        connection.isSuspended = true
        unsafe MHD_suspend_connection(handle)
    }

    /// Suspends a connection whose stream has nothing to send, and watches for the client's going away.
    func suspendForStream(_ connection: Connection) {
        suspend(connection)
        guard connection.watchToken == nil else { return }
        let token = nextToken
        nextToken += 1
        // One-shot: after it has fired there is nothing more to learn.
        let interest = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLONESHOT.rawValue
        guard System.watch(epoll, connection.descriptor, events: interest, token: token) else { return }
        connection.watchToken = token
        watched[token] = connection
    }

    private func unwatch(_ connection: Connection) {
        guard let token = connection.watchToken else { return }
        System.unwatch(epoll, connection.descriptor)
        watched[token] = nil
        connection.watchToken = nil
    }

    /// Ends connections whose phase has lasted too long. A client that trickles bytes never trips the library's idle
    /// timeout; these deadlines count from the phase's start.
    private func sweep() {
        guard !connections.isEmpty else { return }
        let now = System.coarseMilliseconds()
        guard now >= nextSweep else { return }
        nextSweep = now + EventLoop.sweepMilliseconds
        for connection in connections {
            guard let deadline = connection.deadline, now >= deadline else { continue }
            connection.deadline = nil
            if !connection.listener.isTLS { RawReply.requestTimeout.send(to: connection.descriptor) }
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
        }
    }

    // MARK: draining

    private func beginDraining() {
        isDraining = true
        // What a client has sent already is still read; the connection ends after its reply, or at once where it is
        // idle.
        for connection in connections where connection.phase == .idle {
            shutdown(connection.descriptor, Int32(SHUT_RD))
        }
    }

    private func abortConnections() {
        for connection in connections where !connection.isAborted {
            connection.isAborted = true
            connection.stream?.disconnect()
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
            resume(connection)
        }
    }

    // MARK: the library's callbacks, all on the loop's thread

    fileprivate func started(_ handle: OpaquePointer) -> UnsafeMutableRawPointer? {
        guard let connection = arriving else { return nil }
        connection.hasStarted = true
        unsafe connection.handle = handle
        connection.index = connections.count
        connection.deadline = System.coarseMilliseconds() + UInt64(limits.headerTimeoutMilliseconds)
        connections.append(connection)
        return unsafe Unmanaged.passRetained(connection).toOpaque()
    }

    fileprivate func closed(_ connection: Connection) {
        endRequest(connection)
        unsafe connection.handle = nil
        let last = connections.removeLast()
        if last !== connection {
            connections[connection.index] = last
            last.index = connection.index
        }
        release(connection.client)
    }

    fileprivate func endRequest(_ connection: Connection) {
        connection.endReply()
        unwatch(connection)
        connection.stream?.disconnect()
        connection.stream = nil
        connection.isSuspended = false
        connection.head = nil
        connection.body = []
        connection.bodyPlan = .collect
        connection.bodyError = nil
        connection.phase = .idle
        let allowance = limits.idleTimeoutSeconds * 1000 + limits.headerTimeoutMilliseconds
        connection.deadline = System.coarseMilliseconds() + UInt64(allowance)
    }

    /// The reply has left. One that was queued before draining began promised to keep the connection; it ends all the
    /// same, after what the client has sent already.
    fileprivate func replied(_ connection: Connection) {
        endRequest(connection)
        if isDraining { shutdown(connection.descriptor, Int32(SHUT_RD)) }
    }

    /// The head is complete.
    fileprivate func begin(
        _ connection: Connection, _ handle: OpaquePointer, _ target: UnsafePointer<CChar>,
        _ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>
    ) -> MHD_Result {
        let result = unsafe RequestReader.read(
            handle, method: method, target: target, version: version, rawTarget: connection.target,
            headBytes: cmhd_header_bytes(handle), limit: limits.headerBytes)
        switch result {
        case .refused(let status):
            connection.deadline = nil
            var response = Response(status: status)
            response.closesConnection = true
            return unsafe queue(response, connection, handle)
        case .head(let parsed):
            connection.head = parsed.head
            connection.phase = .body
            switch parsed.bodyLength {
            case .none:
                connection.deadline = nil
                return MHD_Result.YES
            case .chunked: break
            case .bytes(let count) where count > UInt64(limits.bodyBytes):
                connection.bodyError = .tooLarge(limit: limits.bodyBytes)
                connection.bodyPlan = .discard(left: limits.discardedBodyBytes + limits.bodyBytes)
                // Answered before the body is read, the library closes the connection after the reply.
                if parsed.expectsContinue || count > UInt64(limits.discardedBodyBytes + limits.bodyBytes) {
                    return unsafe dispatch(connection, handle)
                }
            case .bytes(let count): connection.body.reserveCapacity(Int(count))
            }
            connection.deadline = System.coarseMilliseconds() + UInt64(limits.bodyTimeoutMilliseconds)
            return MHD_Result.YES
        }
    }

    /// Some of the body is here. False closes the connection.
    fileprivate func receive(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) -> Bool {
        switch connection.bodyPlan {
        case .collect:
            if connection.body.count + bytes.count <= limits.bodyBytes {
                unsafe connection.body.append(contentsOf: bytes)
                return true
            }
            connection.body = []
            connection.bodyError = .tooLarge(limit: limits.bodyBytes)
            connection.bodyPlan = .discard(left: limits.discardedBodyBytes)
            return true
        case .discard(let left):
            guard left >= bytes.count else { return false }
            connection.bodyPlan = .discard(left: left - bytes.count)
            return true
        }
    }

    /// The request is complete: calls the handler and queues the reply, or suspends until there is one.
    fileprivate func dispatch(_ connection: Connection, _ handle: OpaquePointer) -> MHD_Result {
        connection.phase = .handling
        connection.deadline = nil
        callHandler(connection)
        return unsafe finish(connection, handle)
    }

    /// A function of its own so that the exchange, where the handler kept none, is gone when it returns.
    @inline(never)
    private func callHandler(_ connection: Connection) {
        guard let head = connection.head else { return }
        var body: [UInt8] = []
        swap(&body, &connection.body)
        nextID += 1
        var request = Request(
            head: head, body: body, bodyError: connection.bodyError, client: connection.client, id: idBase | nextID,
            listener: connection.listener.index, isTLS: connection.listener.isTLS)
        if decodesContent, !request.body.isEmpty { request.decodeContent(limit: limits.bodyBytes) }
        let exchange = ServerExchange(connection: connection, generation: connection.beginReply())
        connection.listener.handler(request, exchange)
    }

    /// Queues the reply if there is one, else suspends the connection.
    fileprivate func finish(_ connection: Connection, _ handle: OpaquePointer) -> MHD_Result {
        guard let response = connection.takeReplyOrSuspend(into: &blockScratch) else {
            suspend(connection)
            return MHD_Result.YES
        }
        return unsafe queue(response, connection, handle)
    }

    private func queue(_ response: Response, _ connection: Connection, _ handle: OpaquePointer) -> MHD_Result {
        defer { blockScratch.removeAll() }
        let made = unsafe ResponseWriter.make(
            response, block: &blockScratch, connection: connection, isHEAD: connection.head?.method == "HEAD",
            closes: isDraining)
        guard let (reply, status) = unsafe made else { return MHD_Result.NO }
        connection.phase = .replying
        let queued = unsafe MHD_queue_response(handle, status, reply)
        unsafe MHD_destroy_response(reply)
        return queued
    }
}

// The C entry points: each finds its object and calls it.

private func object<T: AnyObject>(_ pointer: UnsafeMutableRawPointer, _: T.Type) -> T {
    unsafe Unmanaged<T>.fromOpaque(pointer).takeUnretainedValue()
}

private let handleRequest: MHD_AccessHandlerCallback = {
    closure, handle, target, method, version, upload, uploadBytes, context in
    guard let closure = unsafe closure, let handle = unsafe handle, let target = unsafe target,
        let method = unsafe method, let version = unsafe version, let uploadBytes = unsafe uploadBytes,
        let pointer = unsafe context?.pointee
    else { return MHD_Result.NO }
    let loop = unsafe object(closure, EventLoop.self)
    let connection = unsafe object(pointer, Connection.self)
    if connection.isAborted { return MHD_Result.NO }
    switch connection.phase {
    case .head: return unsafe loop.begin(connection, handle, target, method, version)
    case .body:
        let count = unsafe uploadBytes.pointee
        guard count > 0 else { return unsafe loop.dispatch(connection, handle) }
        unsafe uploadBytes.pointee = 0
        return unsafe loop.receive(connection, UnsafeRawBufferPointer(start: upload, count: count))
            ? MHD_Result.YES : MHD_Result.NO
    case .handling: return unsafe loop.finish(connection, handle)
    case .idle, .replying: return MHD_Result.NO
    }
}

/// Called with the raw target, before the library cuts it up; what it returns is the request's context.
private let targetReceived:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
        _, target, handle in
        guard let handle = unsafe handle, let pointer = unsafe cmhd_socket_context(handle) else { return nil }
        let connection = unsafe object(pointer, Connection.self)
        connection.phase = .head
        connection.target.removeAll(keepingCapacity: true)
        if let target = unsafe target {
            unsafe connection.target.append(contentsOf: UnsafeRawBufferPointer(start: target, count: strlen(target)))
        }
        return unsafe pointer
    }

/// Targets and queries stay as they were sent.
private let leaveEscaped:
    @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafeMutablePointer<CChar>?) -> Int = { _, _, text in
        guard let text = unsafe text else { return 0 }
        return unsafe strlen(text)
    }

private let requestCompleted: MHD_RequestCompletedCallback = { closure, _, context, _ in
    guard let closure = unsafe closure, let pointer = unsafe context?.pointee else { return }
    unsafe object(closure, EventLoop.self).replied(object(pointer, Connection.self))
}

private let connectionChanged: MHD_NotifyConnectionCallback = { closure, handle, context, change in
    guard let closure = unsafe closure, let handle = unsafe handle, let context = unsafe context else { return }
    let loop = unsafe object(closure, EventLoop.self)
    if change == .CONNECTION_NOTIFY_STARTED {
        unsafe context.pointee = loop.started(handle)
    } else if let pointer = unsafe context.pointee {
        loop.closed(unsafe object(pointer, Connection.self))
        unsafe context.pointee = nil
        unsafe Unmanaged<Connection>.fromOpaque(pointer).release()
    }
}
