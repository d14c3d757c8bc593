import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing

/// Sends back what it gets and stops reading while the client does not take it. `bye` makes it close.
final class Echo: UpgradedSocketDelegate {
    private struct State {
        var socket: UpgradedSocket?
        var pending: [UInt8] = []
        var tail: [UInt8] = []
        var timers = 0
        var pushes: [[UInt8]] = []
    }

    enum AtEnd: Sendable { case close, ignore }

    private let state = Mutex(State())
    private let reason = Mutex<UpgradedSocket.CloseReason?>(nil)
    private let atEnd: AtEnd

    init(atEnd: AtEnd = .close) { self.atEnd = atEnd }

    var closeReason: UpgradedSocket.CloseReason? { reason.withLock { $0 } }
    var isOpen: Bool { state.withLock { $0.socket != nil } && closeReason == nil }

    /// From any thread.
    func push(_ text: String) {
        let socket = state.withLock { state in
            state.pushes.append(Array(text.utf8))
            return state.socket
        }
        socket?.wake()
    }

    func socketDidOpen(_ socket: UpgradedSocket) { state.withLock { $0.socket = socket } }

    func socketIsReadable(_ socket: UpgradedSocket) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        guard case .bytes(let count) = buffer.withUnsafeMutableBytes({ socket.read(into: $0) }) else { return }
        send(Array(buffer[..<count]), socket)
        let text = state.withLock { state in
            state.tail = (state.tail + buffer[..<count]).suffix(5)
            return String(decoding: state.tail, as: UTF8.self)
        }
        if text.hasSuffix("bye") { socket.close() }
        if text.hasSuffix("timer") { socket.setTimer(milliseconds: 10) }
        if text.hasSuffix("abort") { socket.abort() }
    }

    private func send(_ bytes: [UInt8], _ socket: UpgradedSocket) {
        state.withLock { state in
            state.pending += bytes
            let sent = state.pending.withUnsafeBytes { socket.write($0) }
            state.pending.removeFirst(sent)
            socket.isReading = state.pending.isEmpty
        }
    }

    func socketIsWritable(_ socket: UpgradedSocket) { send([], socket) }

    func socketTimerDidFire(_ socket: UpgradedSocket) {
        let count = state.withLock { state in
            state.timers += 1
            return state.timers
        }
        send(Array("tick \(count);".utf8), socket)
        if count < 3 { socket.setTimer(milliseconds: 5) }
    }

    func socketWasWoken(_ socket: UpgradedSocket) {
        let pushes = state.withLock { state in
            defer { state.pushes = [] }
            return state.pushes
        }
        for push in pushes { send(push, socket) }
    }

    func socketShouldEnd(_ socket: UpgradedSocket) { if atEnd == .close { socket.close() } }

    func socketDidClose(_ socket: UpgradedSocket, _ why: UpgradedSocket.CloseReason) {
        reason.withLock { reason in
            precondition(reason == nil, "told twice")
            reason = why
        }
        state.withLock { $0.socket = nil }
    }
}

@Suite(.timeLimit(.minutes(1))) struct UpgradeTests {
    static let request = "GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

    /// A server whose every request but `/` becomes an echo.
    static func server(
        limits: HTTPLimits = HTTPLimits(), tls: TLSCertificate? = nil, atEnd: Echo.AtEnd = .close,
        _ echoes: Recorded<Echo>
    ) throws -> TestServer {
        let headers = SecurityHeaders([("X-Frame-Options", "SAMEORIGIN")]).middleware
        let handler: Handler = { request, exchange in
            if request.path == "/" { return exchange.respond(Response(text: "ok")) }
            let echo = Echo(atEnd: atEnd)
            echoes.add(echo)
            exchange.respond(.upgrade(to: "echo", headers: [("X-Own", "1")], delegate: echo))
        }
        return try TestServer(limits: limits, tls: tls, handler: compose([headers], handler))
    }

    /// A socket that has read its 101.
    static func open(_ port: UInt16, _ request: String = request) throws -> LoopbackSocket {
        let socket = try LoopbackSocket(port: port)
        try socket.send(request)
        _ = try readUntil("\r\n\r\n", socket)
        return socket
    }

    /// Everything up to and with `end`.
    static func readUntil(_ end: String, _ socket: LoopbackSocket) throws -> String {
        while true {
            let text = String(decoding: socket.received, as: UTF8.self)
            if let range = text.firstRange(of: end) {
                let taken = String(text[..<range.upperBound])
                socket.received.removeFirst(taken.utf8.count)
                return taken
            }
            guard try socket.receive() else { throw LoopbackError.closed(received: text) }
        }
    }

    @Test func echoesWithTheFieldsOfTheReply() async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(echoes)
            let socket = try LoopbackSocket(port: server.port)
            // What comes in one packet with the request belongs to the new protocol.
            try socket.send(UpgradeTests.request + "early ")
            let head = try UpgradeTests.readUntil("\r\n\r\n", socket)
            #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            for field in ["Connection: Upgrade", "Upgrade: echo", "X-Frame-Options: SAMEORIGIN", "X-Own: 1"] {
                #expect(head.components(of: "\r\n\(field)\r\n") == 1)
            }
            #expect(!head.contains("Content-Length"))
            try socket.send("hello;")
            #expect(try UpgradeTests.readUntil(";", socket) == "early hello;")
            #expect(try LoopbackClient(port: server.port).send("GET", "/").text == "ok")
            try socket.send("bye")
            #expect(try socket.receiveAll() == "bye")
            while server.server.connectionCount > 0 { sched_yield() }
            #expect(echoes.all.map(\.closeReason) == [.local])
        }
    }

    @Test func backPressureBothWays() async throws {
        try await onOwnThread {
            let server = try UpgradeTests.server(Recorded())
            let socket = try UpgradeTests.open(server.port)
            let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            let descriptor = socket.descriptor
            let writer = TestThread {
                var sent = 0
                while sent < bytes.count {
                    let count = bytes.withUnsafeBytes {
                        Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                    }
                    if count <= 0 { return }
                    sent += count
                }
            }
            while socket.received.count < bytes.count, try socket.receive() {}
            writer.join()
            #expect(socket.received == bytes)
        }
    }

    @Test func thePeerClosesOrResets() async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(echoes)
            for number in 0..<40 {
                let socket = try UpgradeTests.open(server.port)
                if number % 2 == 0 { socket.close() } else { socket.reset() }
            }
            while server.server.connectionCount > 0 { sched_yield() }
            let reasons = echoes.all.map(\.closeReason)
            #expect(reasons.count == 40)
            #expect(reasons.filter { $0 == .peer }.count >= 20)
            #expect(!reasons.contains(.local) && !reasons.contains(nil))
        }
    }

    @Test func abortsWithoutWaitingForAReader() async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(echoes)
            let socket = try UpgradeTests.open(server.port)
            try socket.send("abort")
            _ = try socket.receiveAll()
            while server.server.connectionCount > 0 { sched_yield() }
            #expect(echoes.all.map(\.closeReason) == [.local])
        }
    }

    @Test func wokenFromOtherThreads() async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(echoes)
            let sockets = try (0..<4).map { _ in try UpgradeTests.open(server.port) }
            while echoes.all.filter(\.isOpen).count < 4 { sched_yield() }
            let threads = (0..<4).map { number in
                TestThread {
                    for round in 0..<500 { for echo in echoes.all { echo.push("\(number).\(round);") } }
                }
            }
            for socket in sockets {
                var seen: [[Int]] = Array(repeating: [], count: 4)
                for _ in 0..<2000 {
                    let parts = try UpgradeTests.readUntil(";", socket).dropLast().split(separator: ".")
                    seen[Int(parts[0])!].append(Int(parts[1])!)
                }
                #expect(seen.allSatisfy { $0 == Array(0..<500) })
            }
            for thread in threads { thread.join() }
            for socket in sockets { socket.close() }
            while server.server.connectionCount > 0 { sched_yield() }
            for echo in echoes.all { echo.push("too late") }
        }
    }

    @Test func timersFireAndCanBeMoved() async throws {
        try await onOwnThread {
            let server = try UpgradeTests.server(Recorded())
            let socket = try UpgradeTests.open(server.port)
            try socket.send("timer")
            #expect(try UpgradeTests.readUntil("tick 3;", socket) == "timertick 1;tick 2;tick 3;")
        }
    }

    @Test(arguments: [Echo.AtEnd.close, .ignore])
    func endWithTheServer(atEnd: Echo.AtEnd) async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(atEnd: atEnd, echoes)
            let sockets = try (0..<20).map { _ in try UpgradeTests.open(server.port) }
            let deadline: Duration = atEnd == .close ? .seconds(20) : .milliseconds(50)
            #expect(server.server.drain(deadline: deadline) == (atEnd == .close))
            for socket in sockets { #expect(try socket.receiveAll() == "") }
            #expect(echoes.all.map(\.closeReason) == Array(repeating: .local, count: 20))
        }
    }

    @Test func upgradedSocketsCountAsConnections() async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.connections = 2
            let server = try UpgradeTests.server(limits: limits, Recorded())
            let sockets = try (0..<2).map { _ in try UpgradeTests.open(server.port) }
            #expect(try LoopbackSocket(port: server.port).receiveAll().hasPrefix("HTTP/1.1 503 "))
            sockets[0].close()
            while server.server.connectionCount > 1 { sched_yield() }
            #expect(try LoopbackClient(port: server.port).send("GET", "/").text == "ok")
        }
    }

    @Test func anOldVersionCannotBeUpgraded() async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(echoes)
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("GET /socket HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            #expect(try socket.receiveAll().hasPrefix("HTTP/1.1 400 "))
            #expect(echoes.all.map(\.closeReason) == [nil])
        }
    }

    /// Suspended and upgraded connections of one loop do not get in each other's way.
    @Test func amongSuspendedRequests() async throws {
        try await onOwnThread {
            let kept = Mutex<[any Exchange]>([])
            let server = try TestServer { request, exchange in
                if request.path == "/wait" { return kept.withLock { $0.append(exchange) } }
                exchange.respond(.upgrade(to: "echo", delegate: Echo()))
            }
            let waiting = (0..<10).map { _ in LoopbackClient(port: server.port) }
            for client in waiting { try client.sendRaw("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n") }
            let sockets = try (0..<10).map { _ in try UpgradeTests.open(server.port) }
            while kept.withLock({ $0.count }) < 10 { sched_yield() }
            for exchange in kept.withLock({ $0 }) { exchange.respond(Response(text: "done")) }
            for client in waiting { #expect(try client.readReply().text == "done") }
            for socket in sockets {
                try socket.send("x;")
                #expect(try UpgradeTests.readUntil(";", socket) == "x;")
            }
        }
    }

    @Test(.enabled(if: TLSTests.hasTool, "needs the openssl tool"))
    func notOverTLS() async throws {
        try await onOwnThread {
            let echoes = Recorded<Echo>()
            let server = try UpgradeTests.server(tls: try TLSTests.certificate(), echoes)
            let request =
                #"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"#
                + #"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"#
            let text = TLSTests.output(
                "printf '\(request)' | openssl s_client -quiet -connect 127.0.0.1:\(server.port) 2>/dev/null")
            #expect(text.hasPrefix("HTTP/1.1 501 "))
            #expect(text.hasSuffix("\r\n\r\nok"))
            #expect(echoes.all.map(\.closeReason) == [nil])
            #expect(server.server.drain(deadline: .seconds(10)))
        }
    }
}
