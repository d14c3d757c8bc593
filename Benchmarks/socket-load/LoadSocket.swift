import CMicroHTTPD
import Glibc
import TestSupport

/// A Socket.IO client over a WebSocket that does not block, for one thread that has thousands of them.
final class LoadSocket {
    let descriptor: Int32
    private var input: [UInt8] = []
    private var isUpgraded = false
    /// Deaf: its bytes stay where they are.
    var reads = true

    init?(port: UInt16, receiveBufferBytes: Int32 = 0) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
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
            close(descriptor)
            return nil
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        send(
            Array(
                ("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                    + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8))
    }

    deinit { close(descriptor) }

    func send(text: String) { send(Frame.text(text)) }

    private func send(_ bytes: [UInt8]) {
        let sent = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) }
        precondition(sent == bytes.count, "a client's small message did not fit the kernel's buffer")
    }

    /// Reads what is there. Texts go to `body`; pings are answered here.
    /// - Returns: false at the end of the connection.
    func receive(_ buffer: inout [UInt8], _ body: (String) -> Void) -> Bool {
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return false }
            if count < 0 {
                if errno == EAGAIN || errno == EWOULDBLOCK { return true }
                if errno == EINTR { continue }
                return false
            }
            input += buffer[..<count]
            if !isUpgraded {
                guard let end = input.firstRange(of: Array("\r\n\r\n".utf8)) else { continue }
                guard input.starts(with: Array("HTTP/1.1 101 ".utf8)) else { return false }
                input.removeFirst(end.upperBound)
                isUpgraded = true
            }
            while let frame = Frame.take(&input) {
                guard frame.opcode == 1 else { return false }
                if frame.payload == [0x32] { send(text: "3") } else { body(frame.text) }
            }
            if input.isEmpty { input = [] }
        }
    }
}

/// Which sockets have something to read.
final class Poller {
    private let descriptor = epoll_create1(0)
    private var events = [epoll_event](repeating: epoll_event(), count: 1024)

    func add(_ socket: LoadSocket, _ index: Int) {
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(index)))
        precondition(epoll_ctl(descriptor, EPOLL_CTL_ADD, socket.descriptor, &event) == 0)
    }

    func remove(_ socket: LoadSocket) { epoll_ctl(descriptor, EPOLL_CTL_DEL, socket.descriptor, nil) }

    func wait(milliseconds: Int32) -> [Int] {
        let count = epoll_wait(descriptor, &events, Int32(events.count), milliseconds)
        return count > 0 ? events[..<Int(count)].map { Int($0.data.u64) } : []
    }

    deinit { close(descriptor) }
}
