import Glibc

/// Why a loopback exchange failed.
package enum LoopbackError: Error, Equatable {
    case system(call: String, errno: Int32)
    case timeout
    /// The peer closed before a whole reply was there; what had come is kept.
    case closed(received: String)
    case malformedReply(String)
}

/// A blocking TCP socket to 127.0.0.1 for tests: raw bytes out and in, every wait bounded by `poll`.
package final class LoopbackSocket {
    package let descriptor: Int32
    /// Bytes received and not yet taken.
    package var received: [UInt8] = []
    private var isOpen = true

    /// - Parameter receiveBufferBytes: the kernel's buffer for what nobody has read yet; 0 leaves the default.
    package init(port: UInt16, receiveBufferBytes: Int32 = 0) throws(LoopbackError) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(call: "socket", errno: errno) }
        if receiveBufferBytes > 0 {
            var size = receiveBufferBytes
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw .system(call: "connect", errno: code)
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    deinit { close() }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(descriptor)
    }

    /// Closes so that the peer gets a reset instead of an orderly end.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    package func send(_ text: String) throws(LoopbackError) { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws(LoopbackError) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(call: "send", errno: errno)
            }
            sent += count
        }
    }

    /// Reads once.
    ///
    /// - Returns: false at the end of the stream (a reset counts as one).
    package func receive(timeoutMilliseconds: Int32 = 10_000) throws(LoopbackError) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var ready: Int32
        repeat { ready = Glibc.poll(&poll, 1, timeoutMilliseconds) } while ready < 0 && errno == EINTR
        guard ready > 0 else { throw .timeout }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        received.append(contentsOf: buffer[..<count])
        return true
    }

    /// Everything up to the end of the stream, as text.
    package func receiveAll(timeoutMilliseconds: Int32 = 10_000) throws(LoopbackError) -> String {
        while try receive(timeoutMilliseconds: timeoutMilliseconds) {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }
}
