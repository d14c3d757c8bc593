internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

// A connection that has left HTTP (RFC 9110 §7.8), driven by the event loop that it came from: no thread of its own, no
// buffer of its own. Bytes go straight between the kernel and its delegate.
//
// The socket is taken out of the library altogether (`EventLoop.adopt`), which is possible without TLS only.
//
// Confinement: everything but `wake` belongs to the loop's thread, where all of the delegate's calls come, too.

/// Who drives an upgraded socket. Every call comes on the thread of the socket's event loop and must not block.
package protocol UpgradedSocketDelegate: AnyObject, Sendable {
    /// The 101 has been sent; the socket can be read and written from here on.
    func socketDidOpen(_ socket: UpgradedSocket)
    /// There are bytes, or the peer has ended. Called again as long as something is left to read.
    func socketIsReadable(_ socket: UpgradedSocket)
    /// There is room again after a `write` that was cut short.
    func socketIsWritable(_ socket: UpgradedSocket)
    /// The time given to `setTimer` has come.
    func socketTimerDidFire(_ socket: UpgradedSocket)
    /// Some thread called `wake`; several calls may have become one.
    func socketWasWoken(_ socket: UpgradedSocket)
    /// The server is stopping: say goodbye and close. A socket that is still open at the drain's deadline is aborted.
    func socketShouldEnd(_ socket: UpgradedSocket)
    /// The last call, exactly one for each `socketDidOpen`.
    func socketDidClose(_ socket: UpgradedSocket, _ reason: UpgradedSocket.CloseReason)
}

@safe
package final class UpgradedSocket: @unchecked Sendable {
    package enum CloseReason: Sendable, Equatable {
        /// `close` or `abort` was called, or the server's drain ran out of time.
        case local
        /// The peer has ended its side, in order.
        case peer
        /// Reset, or unreachable.
        case failed
    }

    package enum Read: Sendable, Equatable {
        case bytes(Int)
        /// Nothing now; `socketIsReadable` will be called.
        case wait
        /// The peer has ended or the connection is broken; the socket closes by itself.
        case ended
    }

    package let client: ClientAddress
    /// Unique in this process, and the number of the request that was upgraded.
    package let id: UInt64
    let loop: EventLoop
    let descriptor: Int32
    let token: UInt64
    private var delegate: (any UpgradedSocketDelegate)?
    /// Bytes that came together with the request.
    private var early: [UInt8]
    /// What the loop's epoll set watches for.
    private var interest: UInt32 = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
    private(set) var closeReason: CloseReason?
    private let isWoken = Atomic<Bool>(false)
    /// When the delegate wants to be called.
    var deadline: UInt64?
    /// The due time of this socket's valid entry in the loop's queue: never later than `deadline`.
    var queuedTimer: UInt64?

    init(
        loop: EventLoop, descriptor: Int32, token: UInt64, client: ClientAddress, id: UInt64, early: [UInt8],
        delegate: any UpgradedSocketDelegate
    ) {
        self.loop = loop
        self.descriptor = descriptor
        self.token = token
        self.client = client
        self.id = id
        self.early = early
        self.delegate = delegate
    }

    /// False from the call that closes it on.
    package var isOpen: Bool { closeReason == nil }

    /// Has `socketWasWoken` called on the loop's thread. From any thread, at any time; after the close it does nothing.
    package func wake() {
        if !isWoken.exchange(true, ordering: .acquiringAndReleasing) { loop.post(self) }
    }

    /// Reads what there is, at most `target.count` bytes. Never waits.
    package func read(into target: UnsafeMutableRawBufferPointer) -> Read {
        guard isOpen else { return .ended }
        if !early.isEmpty { return .bytes(unsafe takeEarly(target)) }
        while true {
            let count = unsafe recv(descriptor, target.baseAddress, target.count, Int32(MSG_DONTWAIT))
            if count > 0 { return .bytes(count) }
            if count == 0 {
                // Asked for nothing, one gets nothing: that is not the end.
                guard target.count > 0 else { return .bytes(0) }
                end(.peer)
                return .ended
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wait
            default:
                end(.failed)
                return .ended
            }
        }
    }

    private func takeEarly(_ target: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(target.count, early.count)
        unsafe target.copyBytes(from: early[..<count])
        early = count == early.count ? [] : Array(early[count...])
        return count
    }

    /// Gives the kernel as much of `bytes` as it takes. Never waits.
    ///
    /// - Returns: how many bytes were taken. Where that is fewer than given, `socketIsWritable` is called when there is
    /// room: keep the rest until then, and bound what is kept. On a closed or broken socket all of them, to no effect.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var sent = 0
        while isOpen, sent < bytes.count {
            let count = unsafe send(
                descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                watch(interest | EPOLLOUT.rawValue)
                return sent
            } else if errno != EINTR {
                end(.failed)
            }
        }
        return bytes.count
    }

    /// While it is false the socket is not read and its peer has to wait; nor is the peer's end seen.
    package var isReading: Bool {
        get { interest & EPOLLIN.rawValue != 0 }
        set {
            let reading = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
            watch(newValue ? interest | reading : interest & ~reading)
        }
    }

    /// Has `socketTimerDidFire` called once after so many milliseconds (give or take the kernel's tick); nil takes it
    /// back. A socket has one timer; setting it anew moves it.
    package func setTimer(milliseconds: Int?) {
        guard isOpen else { return }
        deadline = milliseconds.map { System.coarseMilliseconds() + UInt64(max(0, $0)) }
        loop.timerChanged(self)
    }

    /// Closes at the end of the loop's turn. What the kernel has taken is still sent.
    package func close() { end(.local) }

    /// Closes and throws away what the peer has not taken yet, so that it holds no memory.
    package func abort() {
        guard isOpen || closeReason == .local else { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size)
        end(.local)
    }

    private func end(_ reason: CloseReason) {
        guard isOpen else { return }
        closeReason = reason
        loop.closing.append(self)
    }

    private func watch(_ events: UInt32) {
        guard isOpen, events != interest else { return }
        interest = events
        System.rewatch(loop.epoll, descriptor, events: events, token: token)
    }

    // MARK: the loop's side

    func didOpen() {
        delegate?.socketDidOpen(self)
        while isOpen, !early.isEmpty, isReading {
            let left = early.count
            delegate?.socketIsReadable(self)
            if early.count == left { return }
        }
    }

    func handle(events: UInt32) {
        guard isOpen else { return }
        if events & EPOLLOUT.rawValue != 0 {
            watch(interest & ~EPOLLOUT.rawValue)
            delegate?.socketIsWritable(self)
        }
        guard isOpen else { return }
        if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0, isReading {
            delegate?.socketIsReadable(self)
        } else if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            end(.failed)
        }
    }

    func handleWake() {
        isWoken.store(false, ordering: .sequentiallyConsistent)
        if isOpen { delegate?.socketWasWoken(self) }
    }

    func handleTimer() {
        if isOpen { delegate?.socketTimerDidFire(self) }
    }

    func handleDrain() {
        if isOpen { delegate?.socketShouldEnd(self) }
    }

    func didClose() {
        let last = delegate
        delegate = nil
        last?.socketDidClose(self, closeReason ?? .failed)
    }
}
