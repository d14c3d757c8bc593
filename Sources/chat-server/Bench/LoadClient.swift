internal import CLinux
internal import Glibc
internal import Synchronization

/// One thread of load: connections to a server on the loopback address, each with one request on its way at any time.
///
/// An epoll loop. Every connection repeats its own request (`requests[index]`): sent at once, the reply's length read from
/// its head, then the next one goes out. The time from the first byte sent to the last byte read is recorded while
/// `phase` is `measuring`. As each connection waits for its reply, a slow server is asked less often: latencies are those
/// of N patient clients, not of an arrival rate. Confined to its thread but for `phase`.
final class LoadClient: Sendable {
    enum Phase: UInt8 { case warming, measuring, done }

    struct Outcome: Sendable {
        var latency = LatencyHistogram()
        /// Why it ended early.
        var failure: String?
    }

    /// Shared by all clients of a run.
    struct Plan: Sendable {
        var port: UInt16
        /// The status that every reply must have.
        var expectedStatus: Int
    }

    private let plan: Plan
    private let requests: [[UInt8]]
    private let phase = Atomic<UInt8>(Phase.warming.rawValue)
    private let outcome = Mutex(Outcome())

    init(_ plan: Plan, requests: [[UInt8]]) {
        self.plan = plan
        self.requests = requests
    }

    func enter(_ phase: Phase) { self.phase.store(phase.rawValue, ordering: .releasing) }

    var result: Outcome { outcome.withLock { $0 } }

    /// Runs until `enter(.done)`, or until a connection fails.
    func run() {
        var loop = LoadLoop(plan, requests)
        defer { loop.close() }
        var failure = loop.open()
        while failure == nil, let phase = Phase(rawValue: phase.load(ordering: .acquiring)), phase != .done {
            failure = loop.turn(measures: phase == .measuring)
        }
        outcome.withLock { $0 = Outcome(latency: loop.latency, failure: failure) }
    }
}

/// What the thread owns.
private struct LoadLoop {
    private struct Connection {
        var descriptor: Int32
        var sent = 0
        /// The socket takes no more for now: its room is watched for, not its replies.
        var isBlocked = false
        var startedAt: UInt64 = 0
        /// Of the reply: what has come of its head, then how many bytes of its body are still to come.
        var head: [UInt8] = []
        var bodyLeft: Int?
    }

    private let plan: LoadClient.Plan
    private let requests: [[UInt8]]
    private var connections: [Connection] = []
    private var epoll: Int32 = -1
    private var events = [epoll_event](repeating: epoll_event(), count: 256)
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private(set) var latency = LatencyHistogram()

    private static let headLimit = 16 << 10

    init(_ plan: LoadClient.Plan, _ requests: [[UInt8]]) {
        self.plan = plan
        self.requests = requests
    }

    /// Connects, and sends every connection's first request.
    /// - Returns: what went wrong.
    mutating func open() -> String? {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { return system("epoll_create1") }
        for index in requests.indices {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { return system("socket") }
            connections.append(Connection(descriptor: descriptor))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = plan.port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let connected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard connected == 0 else { return system("connect") }
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u64 = UInt64(index)
            guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { return system("epoll_ctl") }
            connections[index].startedAt = Monotonic.nanoseconds
            if let failure = send(index) { return failure }
        }
        return nil
    }

    func close() {
        for connection in connections { Glibc.close(connection.descriptor) }
        if epoll >= 0 { Glibc.close(epoll) }
    }

    /// Waits at most 50 ms, so that the end of the run is seen.
    mutating func turn(measures: Bool) -> String? {
        let count = epoll_wait(epoll, &events, Int32(events.count), 50)
        if count < 0 { return errno == EINTR ? nil : system("epoll_wait") }
        for place in 0..<Int(count) {
            let index = Int(events[place].data.u64)
            if let failure = connections[index].isBlocked ? send(index) : receive(index, measures) { return failure }
        }
        return nil
    }

    private mutating func send(_ index: Int) -> String? {
        while connections[index].sent < requests[index].count {
            let sent = connections[index].sent
            let count = requests[index].withUnsafeBytes {
                Glibc.send(connections[index].descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                connections[index].sent += count
            } else if errno == EAGAIN {
                return watch(index, isBlocked: true)
            } else if errno != EINTR {
                return system("send")
            }
        }
        return watch(index, isBlocked: false)
    }

    private mutating func watch(_ index: Int, isBlocked: Bool) -> String? {
        guard connections[index].isBlocked != isBlocked else { return nil }
        connections[index].isBlocked = isBlocked
        var event = epoll_event()
        event.events = isBlocked ? EPOLLOUT.rawValue : EPOLLIN.rawValue
        event.data.u64 = UInt64(index)
        return epoll_ctl(epoll, EPOLL_CTL_MOD, connections[index].descriptor, &event) == 0 ? nil : system("epoll_ctl")
    }

    private mutating func receive(_ index: Int, _ measures: Bool) -> String? {
        let count = recv(connections[index].descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return nil }
            return "the server closed a connection"
        }
        if let left = connections[index].bodyLeft {
            connections[index].bodyLeft = left - count
        } else {
            connections[index].head += buffer[..<count]
            if let failure = readHead(index) { return failure }
        }
        guard let left = connections[index].bodyLeft, left <= 0 else { return nil }
        guard left == 0 else { return "a reply was longer than it said" }
        let now = Monotonic.nanoseconds
        if measures { latency.record(now - connections[index].startedAt) }
        connections[index].head.removeAll(keepingCapacity: true)
        connections[index].bodyLeft = nil
        connections[index].sent = 0
        connections[index].startedAt = now
        return send(index)
    }

    /// Finds the reply's length once its head is there.
    private mutating func readHead(_ index: Int) -> String? {
        let bytes = connections[index].head
        guard let end = ReplyHead.end(of: bytes) else {
            return bytes.count > Self.headLimit ? "a reply's head has no end" : nil
        }
        guard let head = ReplyHead(bytes[..<end]) else { return "a reply that is not HTTP/1.1 with a length" }
        guard head.status == plan.expectedStatus else {
            let text = String(decoding: bytes[end...].prefix(200), as: UTF8.self)
            return "the server answered \(head.status): \(text)"
        }
        connections[index].bodyLeft = head.contentLength - (bytes.count - end)
        return nil
    }

    private func system(_ call: String) -> String { "\(call): \(String(cString: strerror(errno)))" }
}

/// The two things that a load needs to know of a reply's head.
struct ReplyHead {
    let status: Int
    let contentLength: Int

    /// Where the body begins; nil while the head is not complete.
    static func end(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for place in 3..<bytes.count
        where bytes[place] == 0x0A && bytes[place - 1] == 0x0D && bytes[place - 2] == 0x0A && bytes[place - 3] == 0x0D {
            return place + 1
        }
        return nil
    }

    /// nil for a head that does not begin with HTTP/1.1 and a status, or has no Content-Length.
    init?(_ head: ArraySlice<UInt8>) {
        guard head.starts(with: "HTTP/1.1 ".utf8), let status = Self.number(head.dropFirst(9)) else { return nil }
        self.status = status
        let name = Array("content-length:".utf8)
        for line in head.split(separator: 0x0A) where line.count > name.count {
            guard zip(line, name).allSatisfy({ $0 | 0x20 == $1 || $0 == $1 }) else { continue }
            guard let length = Self.number(line.dropFirst(name.count).drop { $0 == 0x20 }) else { return nil }
            contentLength = length
            return
        }
        return nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty, digits.count < 16 else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
