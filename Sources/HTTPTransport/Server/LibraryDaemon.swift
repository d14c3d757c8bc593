internal import CMicroHTTPD
internal import Glibc

/// One daemon of the library, in external-epoll mode and without a listening socket, and its way back: the C callbacks
/// that find their loop and their connection and call them. Everything happens on the loop's thread.
@safe
final class LibraryDaemon {
    private let handle: OpaquePointer

    /// - Parameter loop: unowned; it must outlive the daemon.
    init(loop: EventLoop, tls: TLSCertificate?) throws(HTTPServerError) {
        let limits = loop.limits
        var settings = unsafe cmhd_settings()
        unsafe settings.handler = handleRequest
        unsafe settings.completed = requestCompleted
        unsafe settings.connection = connectionChanged
        unsafe settings.target = targetReceived
        unsafe settings.unescape = leaveEscaped
        unsafe settings.log = complained
        unsafe settings.closure = Unmanaged.passUnretained(loop).toOpaque()
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
        unsafe handle = started
    }

    deinit { unsafe MHD_stop_daemon(handle) }

    var epollDescriptor: Int32 { unsafe cmhd_epoll_descriptor(handle) }

    /// Reads, parses, calls back and writes, as far as it goes without waiting.
    func run() { unsafe MHD_run(handle) }

    /// How long it may be left alone; nil for ever.
    var timeoutMilliseconds: UInt64? {
        var pending: UInt64 = 0
        return unsafe MHD_get_timeout(handle, &pending) == MHD_Result.YES ? pending : nil
    }

    /// Takes a connected socket over. On failure the library closes it by itself.
    func add(_ descriptor: Int32, _ address: inout SocketAddress) -> Bool {
        unsafe address.withPointer { pointer, length in
            unsafe MHD_add_connection(handle, descriptor, pointer, length) == MHD_Result.YES
        }
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
    if loop.staysParked(connection) { return MHD_Result.YES }
    loop.hasUnseenEvent = false
    switch connection.phase {
    case .head: return unsafe loop.begin(connection, handle, target, method, version)
    case .body:
        let count = unsafe uploadBytes.pointee
        guard count > 0 else { return unsafe loop.dispatch(connection, handle, isComplete: true) }
        unsafe uploadBytes.pointee = 0
        return unsafe loop.receive(connection, UnsafeRawBufferPointer(start: upload, count: count))
            ? MHD_Result.YES : MHD_Result.NO
    case .handling: return unsafe loop.finish(connection, handle)
    case .idle, .replying, .upgraded: return MHD_Result.NO
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

/// What the library has to complain about is not logged. One complaint is a cue: see `refuseBrokenLengths`.
private let complained: MHD_LogCallback = { closure, format, _ in
    guard let closure = unsafe closure, let format = unsafe format, unsafe strstr(format, "Content-Length") != nil
    else { return }
    unsafe object(closure, EventLoop.self).refuseBrokenLengths()
}

/// The head of a 101 has been sent, and the connection has left HTTP.
let connectionUpgraded: MHD_UpgradeHandler = { _, _, context, early, earlyBytes, descriptor, handle in
    guard let context = unsafe context, let handle = unsafe handle else { return }
    let connection = unsafe object(context, Connection.self)
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: early, count: early == nil ? 0 : earlyBytes))
    unsafe connection.loop.adopt(connection, descriptor, early: bytes, handle)
}
