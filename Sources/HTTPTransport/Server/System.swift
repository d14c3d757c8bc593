internal import CMicroHTTPD
internal import Glibc

/// The system calls of this module, each retried on EINTR.
enum System {
    static let newSocketFlags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

    static func retrying(_ body: () -> Int32) -> Int32 {
        while true {
            let result = body()
            if result == -1 && errno == EINTR { continue }
            return result
        }
    }

    static func message(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }

    static func makeEpoll() throws(HTTPServerError) -> Int32 {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system(call: "epoll_create1", errno: errno) }
        return descriptor
    }

    static func makeEventDescriptor() throws(HTTPServerError) -> Int32 {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .system(call: "eventfd", errno: errno) }
        return descriptor
    }

    /// Makes a waiter on an event descriptor return. Never blocks: a counter at its maximum is as readable as one at 1.
    static func signal(_ descriptor: Int32) {
        var one: UInt64 = 1
        while unsafe write(descriptor, &one, 8) == -1 && errno == EINTR {}
    }

    static func watch(_ epoll: Int32, _ descriptor: Int32, events: UInt32, token: UInt64) -> Bool {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = token
        return unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0
    }

    static func rewatch(_ epoll: Int32, _ descriptor: Int32, events: UInt32, token: UInt64) {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = token
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
    }

    static func unwatch(_ epoll: Int32, _ descriptor: Int32) {
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// Milliseconds of the monotonic clock, at the kernel's tick (1 to 10 ms): for timeouts, not for measuring.
    static func coarseMilliseconds() -> UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// How many bytes the peer of a TCP connection has acknowledged since its beginning.
    static func acknowledgedBytes(_ descriptor: Int32) -> UInt64 {
        // `tcpi_bytes_acked` of the kernel's `struct tcp_info`; the one in glibc's header ends before it.
        var info = InlineArray<32, UInt64>(repeating: 0)
        let offset = 120
        var size = socklen_t(MemoryLayout.size(ofValue: info))
        let code = unsafe withUnsafeMutableBytes(of: &info) { bytes in
            unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, bytes.baseAddress, &size)
        }
        return code == 0 ? info[offset / 8] : 0
    }

    /// A non-blocking listening TCP socket and the port it got.
    static func listen(host: String, port: UInt16) throws(HTTPServerError) -> (descriptor: Int32, port: UInt16) {
        guard let address = IPAddress(host == "localhost" ? "127.0.0.1" : host) else { throw .invalidAddress(host) }
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let descriptor = socket(
            family, Int32(SOCK_STREAM.rawValue) | newSocketFlags, 0)
        guard descriptor >= 0 else { throw .system(call: "socket", errno: errno) }
        var on: Int32 = 1
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        // An IPv6 wildcard listener also takes IPv4, whatever the system's default is.
        if !address.isIPv4 {
            var off: Int32 = 0
            _ = unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, 4)
        }
        var storage = SocketAddress(address, port: port)
        let bound = unsafe storage.withPointer { pointer, length in unsafe bind(descriptor, pointer, length) }
        guard bound == 0 else {
            let code = errno
            close(descriptor)
            switch code {
            case EADDRINUSE: throw .addressInUse(host: host, port: port)
            case EACCES, EPERM: throw .permissionDenied(host: host, port: port)
            case EADDRNOTAVAIL: throw .addressNotAvailable(host: host, port: port)
            default: throw .system(call: "bind", errno: code)
            }
        }
        guard Glibc.listen(descriptor, 4096) == 0 else {
            let code = errno
            close(descriptor)
            // Two sockets with SO_REUSEADDR may bind one address; the second one is told here.
            if code == EADDRINUSE { throw .addressInUse(host: host, port: port) }
            throw .system(call: "listen", errno: code)
        }
        _ = unsafe storage.withMutablePointer { pointer, length in unsafe getsockname(descriptor, pointer, length) }
        return (descriptor, storage.port)
    }
}

/// Room for any TCP socket address.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private(set) var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    init() {}

    init(_ address: IPAddress, port: UInt16) {
        if address.isIPv4 {
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            unsafe withUnsafeMutableBytes(of: &storage) { target in
                unsafe withUnsafeBytes(of: v4) { unsafe target.copyMemory(from: $0) }
            }
        } else {
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_addr = unsafe unsafeBitCast((address.high.bigEndian, address.low.bigEndian), to: in6_addr.self)
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            unsafe withUnsafeMutableBytes(of: &storage) { target in
                unsafe withUnsafeBytes(of: v6) { unsafe target.copyMemory(from: $0) }
            }
        }
    }

    var port: UInt16 {
        unsafe withUnsafeBytes(of: storage) { bytes in
            // The port is at the same place in both families.
            UInt16(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    var address: IPAddress {
        unsafe withUnsafeBytes(of: storage) { bytes in
            if Int32(storage.ss_family) == AF_INET {
                return IPAddress(ipv4: unsafe bytes.loadUnaligned(as: sockaddr_in.self).sin_addr)
            }
            return IPAddress(ipv6: unsafe bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr)
        }
    }

    mutating func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        let length = length
        return unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    mutating func withMutablePointer<R>(_ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R)
        -> R
    {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe withUnsafeMutablePointer(to: &length) { unsafe body(address, $0) }
            }
        }
    }
}

/// A thread of our own: event loops block, which nothing on Swift's cooperative pool may do.
@safe
final class SystemThread: @unchecked Sendable {
    // Unchecked: `handle` is written before any other thread can see the object and only read afterwards.
    private let handle: pthread_t

    init(name: String, _ body: @escaping @Sendable () -> Void) throws(HTTPServerError) {
        var handle = pthread_t()
        let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, run: body))
        let code = unsafe pthread_create(
            &handle, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                let body = unsafe Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue()
                unsafe pthread_setname_np(pthread_self(), body.name)
                body.run()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            unsafe box.release()
            throw .system(call: "pthread_create", errno: code)
        }
        self.handle = handle
    }

    /// Waits until the thread's body has returned. Called once.
    func join() {
        pthread_join(handle, nil)
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void
    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }
}
