import BenchmarkSupport
import CLinux
import Glibc

// One message to every socket of a room.
//
// 1. So many WebSockets connect (Engine.IO 4, transport websocket only), open the namespace `/` and join the room.
// 2. `ready` is printed and a line of input awaited: the harness reads the server's memory meanwhile.
// 3. A round: the first socket sends `say`; it ends when every socket has read `said`. Times are from just before the
//    sending. One thread with epoll reads them all, for every server alike.

final class FanOutLoad {
    private struct Socket {
        var descriptor: Int32
        var received: [UInt8] = []
    }

    private let port: UInt16
    private let count: Int
    private let rounds: Int
    private var sockets: [Socket] = []
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    /// Text messages that have come and nobody has asked for yet, by what they begin with.
    private var arrived = 0

    init(port: UInt16, sockets: Int, rounds: Int) {
        self.port = port
        count = sockets
        self.rounds = rounds
    }

    func run() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for index in 0..<count { try connect(index) }
        try send("40", to: sockets.indices)
        try wait(for: "40")
        try send(#"42["join"]"#, to: sockets.indices)
        try wait(for: #"42["joined""#)
        print("ready")
        fflush(nil)
        _ = readLine()
        let text = String(repeating: "What is a write-ahead log? ", count: 8)
        var latency = Samples()
        var last = Samples()
        let begun = monotonic()
        for _ in 0..<rounds {
            let start = monotonic()
            try send("42[\"say\",\"\(text)\"]", to: 0..<1)
            try wait(for: #"42["said""#) { latency.add(monotonic() - start) }
            last.add(monotonic() - start)
        }
        let seconds = Double(monotonic() - begun) / 1e9
        record(
            "fanout",
            [
                ("sockets", .init(count)), ("rounds", .init(rounds)),
                ("deliveriesPerSecond", .number(Double(count * rounds) / seconds)),
                ("p50", .number(latency.percentile(0.5))), ("p99", .number(latency.percentile(0.99))),
                ("lastP50", .number(last.percentile(0.5))), ("lastP99", .number(last.percentile(0.99))),
            ])
        print(
            "\(count) sockets, \(rounds) messages: \(number(Double(count * rounds) / seconds)) deliveries/s; each "
                + "\(latency.summary); last of a message \(last.summary)")
        for socket in sockets { close(socket.descriptor) }
    }

    // MARK: Sockets

    private func connect(_ index: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("socket") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw failure("connect") }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        let request =
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        try write(Array(request.utf8), to: descriptor)
        var socket = Socket(descriptor: descriptor)
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = socket.received.firstRange(of: end) {
                guard socket.received.starts(with: "HTTP/1.1 101".utf8) else {
                    throw BenchmarkFailure(
                        description: "no upgrade: \(String(decoding: socket.received, as: UTF8.self))")
                }
                socket.received.removeFirst(range.upperBound)
                break
            }
            try read(&socket)
        }
        sockets.append(socket)
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = UInt64(index)
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw failure("epoll_ctl") }
    }

    private func send(_ text: String, to indices: Range<Int>) throws {
        let payload = Array(text.utf8)
        // A mask of zeros leaves the text as it is.
        var frame: [UInt8] = [0x81]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        }
        frame += [0, 0, 0, 0] + payload
        for index in indices { try write(frame, to: sockets[index].descriptor) }
    }

    /// Reads until every socket has got one message that begins so; others are passed over, pings are answered.
    private func wait(for prefix: String, each: () -> Void = {}) throws {
        let prefix = Array(prefix.utf8)
        var isMissing = [Bool](repeating: true, count: count)
        var missing = count
        // What came with the reply to the upgrade.
        for index in sockets.indices where isMissing[index] {
            if try take(index, prefix) {
                isMissing[index] = false
                missing -= 1
                each()
            }
        }
        var events = [epoll_event](repeating: epoll_event(), count: 512)
        while missing > 0 {
            let ready = epoll_wait(epoll, &events, Int32(events.count), 30_000)
            if ready < 0 && errno == EINTR { continue }
            guard ready > 0 else { throw BenchmarkFailure(description: "\(missing) sockets got nothing in 30 s") }
            for place in 0..<Int(ready) {
                let index = Int(events[place].data.u64)
                try read(&sockets[index])
                if isMissing[index], try take(index, prefix) {
                    isMissing[index] = false
                    missing -= 1
                    each()
                }
            }
        }
    }

    /// Takes whole frames up to and with the first that begins with `prefix`.
    private func take(_ index: Int, _ prefix: [UInt8]) throws -> Bool {
        while let payload = frame(&sockets[index].received) {
            if payload == [UInt8(ascii: "2")] { try send("3", to: index..<index + 1) }
            if payload.starts(with: prefix) { return true }
        }
        return false
    }

    private func frame(_ bytes: inout [UInt8]) -> [UInt8]? {
        guard bytes.count >= 2 else { return nil }
        var start = 2
        var length = Int(bytes[1] & 0x7F)
        if length == 126 {
            guard bytes.count >= 4 else { return nil }
            length = Int(bytes[2]) << 8 | Int(bytes[3])
            start = 4
        }
        guard bytes.count >= start + length else { return nil }
        defer { bytes.removeFirst(start + length) }
        return Array(bytes[start..<start + length])
    }

    private func read(_ socket: inout Socket) throws {
        let count = recv(socket.descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw failure("recv: a connection ended") }
        socket.received += buffer[..<count]
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw failure("send") }
            sent += count
        }
    }

    private func failure(_ call: String) -> BenchmarkFailure {
        BenchmarkFailure(description: "\(call): \(String(cString: strerror(errno)))")
    }
}
