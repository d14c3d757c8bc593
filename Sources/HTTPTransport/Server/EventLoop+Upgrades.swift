internal import CMicroHTTPD
internal import Glibc

// Connections that leave HTTP.
//
// The library would keep an upgraded connection, its 24 KiB of memory included, and walk over it whenever any suspended
// connection is resumed. So the socket is taken away from it:
//   1. its descriptor is duplicated; the duplicate is ours, in the loop's own epoll set;
//   2. the descriptor that the library has is made another name of the loop's eventfd, so that nothing that the library
//      does with it reaches the client;
//   3. the library is told that the upgrade is over. It closes that descriptor and frees its connection.
//
// Over TLS the keys are inside the library, and what it offers there does not hold up (docs/decisions/0003), so an upgrade
// over TLS is refused (`ResponseWriter`).
//
// Invariants: a socket is in `sockets` from `adopt` to `closeSockets`; the counts of the gate go with it from the
// moment on that it is out of the library (`isDetached`), until then with the connection.
extension EventLoop {
    /// - Parameters:
    ///   - descriptor: the connection's own.
    ///   - early: bytes that came together with the request.
    func adopt(_ connection: Connection, _ descriptor: Int32, early: [UInt8], _ handle: OpaquePointer) {
        guard let delegate = connection.upgrade else { return unsafe cmhd_close_upgraded(handle) }
        connection.upgrade = nil
        connection.phase = .upgraded
        connection.deadline = nil
        let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard own >= 0, dup3(wake, descriptor, O_CLOEXEC) >= 0 else {
            // Out of descriptors. Nothing was sent but the 101; the client sees a close.
            if own >= 0 { close(own) }
            return unsafe cmhd_close_upgraded(handle)
        }
        connection.isDetached = true
        unsafe cmhd_close_upgraded(handle)
        // The library leaves the delay on, and two small messages in a row would wait 40 ms for each other.
        var on: Int32 = 1
        _ = unsafe setsockopt(own, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let socket = UpgradedSocket(
            loop: self, descriptor: own, token: makeToken(), client: connection.client, id: connection.requestID,
            early: early, delegate: delegate)
        sockets[socket.token] = socket
        let interest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
        if !System.watch(epoll, own, events: interest, token: socket.token) { socket.close() }
        socket.didOpen()
    }

    /// Closes what was marked for it in this turn, and tells the delegates.
    func closeSockets() {
        // A delegate may close further sockets, of this very list.
        while let socket = closing.popLast() {
            sockets[socket.token] = nil
            System.unwatch(epoll, socket.descriptor)
            close(socket.descriptor)
            release(socket.client)
            socket.didClose()
        }
    }

    // MARK: timers

    /// Sees to it that the queue has an entry for the socket that is not later than its deadline.
    func timerChanged(_ socket: UpgradedSocket) {
        guard let deadline = socket.deadline else { return }
        if let queued = socket.queuedTimer, queued <= deadline { return }
        socket.queuedTimer = deadline
        timers.insert(.init(due: deadline, token: socket.token))
    }

    func fireTimers() {
        let now = System.coarseMilliseconds()
        while let entry = timers.takeDue(at: now) {
            // Gone, or replaced by an earlier one.
            guard let socket = sockets[entry.token], socket.queuedTimer == entry.due else { continue }
            socket.queuedTimer = nil
            guard let deadline = socket.deadline else { continue }
            if deadline > now {
                timerChanged(socket)
            } else {
                socket.deadline = nil
                socket.handleTimer()
            }
        }
    }
}
