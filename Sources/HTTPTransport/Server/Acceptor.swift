internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

// Accepts for every listener and gives each connection to the event loop that has the fewest.
//
// Why not one listening socket a loop (SO_REUSEPORT): the kernel spreads by hash, and with the tens of long-lived
// connections that a proxy in front keeps open, one loop gets half as many again as another and is the limit.
@safe
final class Acceptor: @unchecked Sendable {
    // Unchecked: the descriptors never change, `shared` is locked, and `reserve` belongs to the acceptor's thread.
    private struct Shared {
        var listeners: [Listener] = []
        var isStopped = false
    }

    private let epoll: Int32
    private let wake: Int32
    private let loops: [EventLoop]
    private let gate: ConnectionGate
    private let shared = Mutex(Shared())

    private static let wakeToken = UInt64.max

    init(loops: [EventLoop], gate: ConnectionGate) throws(HTTPServerError) {
        self.loops = loops
        self.gate = gate
        epoll = try System.makeEpoll()
        wake = try System.makeEventDescriptor()
        _ = System.watch(epoll, wake, events: EPOLLIN.rawValue, token: Acceptor.wakeToken)
    }

    deinit {
        close(wake)
        close(epoll)
    }

    /// - Returns: false where the acceptor has stopped; the socket is then still the caller's.
    func add(_ make: (_ index: Int) -> Listener) -> Bool {
        shared.withLock { shared in
            guard !shared.isStopped else { return false }
            let listener = make(shared.listeners.count)
            shared.listeners.append(listener)
            return System.watch(epoll, listener.descriptor, events: EPOLLIN.rawValue, token: UInt64(listener.index))
        }
    }

    func stop() {
        shared.withLock { $0.isStopped = true }
        System.signal(wake)
    }

    /// Runs until stopped, then closes the listening sockets. On the acceptor's own thread.
    func run() {
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 16)
        while true {
            let capacity = unsafe Int32(events.count)
            let count = unsafe epoll_wait(epoll, &events, capacity, -1)
            let (listeners, isStopped) = shared.withLock { ($0.listeners, $0.isStopped) }
            if isStopped {
                for listener in listeners { close(listener.descriptor) }
                return
            }
            for index in 0..<max(0, Int(count)) {
                let token = unsafe events[index].data.u64
                if token != Acceptor.wakeToken { accept(listeners[Int(token)]) }
            }
        }
    }

    private func accept(_ listener: Listener) {
        // Bounded, so that one busy listener does not keep the others waiting.
        for _ in 0..<64 {
            var address = SocketAddress()
            let descriptor = unsafe address.withMutablePointer { pointer, length in
                unsafe accept4(
                    listener.descriptor, pointer, length, System.newSocketFlags)
            }
            guard descriptor >= 0 else {
                switch errno {
                case EMFILE, ENFILE, ENOBUFS, ENOMEM:
                    // Out of descriptors: the backlog stays as it is. Wait a little rather than spin on a ready socket.
                    var nothing = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
                    _ = unsafe poll(&nothing, 1, 50)
                    return
                case EINTR, ECONNABORTED: continue
                default: return
                }
            }
            guard gate.enter(address.address) else {
                if !listener.isTLS { RawReply.overloaded.send(to: descriptor) }
                shutdown(descriptor, Int32(SHUT_WR))
                close(descriptor)
                continue
            }
            var on: Int32 = 1
            _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
            leastLoaded.add(EventLoop.Accepted(descriptor: descriptor, address: address, listener: listener))
        }
    }

    private var leastLoaded: EventLoop {
        var best = loops[0]
        var fewest = Int.max
        for loop in loops {
            let load = loop.load.load(ordering: .relaxed)
            if load < fewest { (best, fewest) = (loop, load) }
        }
        return best
    }
}
