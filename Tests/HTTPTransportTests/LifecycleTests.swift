import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing

/// Time limits, connection limits, drain, clients that go away.
@Suite struct LifecycleTests {
    @Test func slowHeadersEndWith408() async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.headerTimeoutMilliseconds = 300
            let server = try TestServer(limits: limits) { _, exchange in exchange.respond(Response(text: "no")) }
            let socket = try LoopbackSocket(port: server.port)
            // Each byte resets an inactivity timer; the deadline of the whole head does not care.
            var reply = ""
            for byte in Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + [UInt8](repeating: 120, count: 10_000) {
                do { try socket.send([byte]) } catch { break }
                do {
                    guard try socket.receive(timeoutMilliseconds: 20) else { break }
                    reply = String(decoding: socket.received, as: UTF8.self)
                } catch LoopbackError.timeout { continue }
            }
            #expect(reply.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func slowBodyEndsWith408() async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.bodyTimeoutMilliseconds = 200
            let server = try TestServer(limits: limits) { _, exchange in exchange.respond(Response(text: "no")) }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
            #expect(try socket.receiveAll().hasPrefix("HTTP/1.1 408 "))
        }
    }

    /// A byte now and then resets every timer of inactivity; what counts is how many come through in a while.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func aReaderThatTricklesIsCutOff(isStream: Bool) async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.replyWindowMilliseconds = 500
            limits.replyBytesPerWindow = 64 << 10
            let server = try TestServer(limits: limits) { request, exchange in
                if request.path == "/" { return exchange.respond(Response(text: "ok")) }
                let body = [UInt8](repeating: 97, count: 16 << 20)
                guard isStream else { return exchange.respond(Response(status: 200, body: .bytes(body))) }
                let stream = BodyStream()
                _ = stream.offer(body)
                stream.finish()
                exchange.respond(Response(status: 200, body: .stream(stream)))
            }
            let slow = try LoopbackSocket(port: server.port, receiveBufferBytes: 4096)
            try slow.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            let quick = LoopbackClient(port: server.port)
            var byte: UInt8 = 0
            while recv(slow.descriptor, &byte, 1, 0) == 1 {
                // Round trips of another client are the clock, and show that it is not held up.
                for _ in 0..<20 { #expect(try quick.send("GET", "/").text == "ok") }
                if server.server.connectionCount == 1 { break }
            }
            #expect(server.server.connectionCount == 1)
        }
    }

    /// The same rule leaves alone who reads at all speed, however long the reply, and streams that pause by themselves.
    @Test func aPausingStreamIsNotCutOff() async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.replyWindowMilliseconds = 100
            limits.replyBytesPerWindow = 1 << 20
            limits.idleTimeoutSeconds = 1
            let streams = Mutex<[BodyStream]>([])
            let server = try TestServer(limits: limits) { _, exchange in
                let stream = BodyStream()
                _ = stream.offer(Array("first;".utf8))
                streams.withLock { $0.append(stream) }
                exchange.respond(Response(status: 200, body: .stream(stream)))
            }
            let client = LoopbackClient(port: server.port)
            try client.sendRaw("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            // Another connection that idles out shows that several windows have passed.
            #expect(try LoopbackSocket(port: server.port).receiveAll() == "")
            for stream in streams.withLock({ $0 }) {
                #expect(stream.write(Array("second".utf8)))
                stream.finish()
            }
            #expect(try client.readReply().text == "first;second")
        }
    }

    @Test func idleConnectionsAreClosed() async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.idleTimeoutSeconds = 1
            let server = try TestServer(limits: limits) { _, exchange in exchange.respond(Response(text: "ok")) }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try socket.receiveAll().hasSuffix("ok"))
        }
    }

    /// A handler may take as long as it likes: no timeout counts while the server itself is at work.
    @Test func waitingForTheHandlerIsNotIdle() async throws {
        try await onOwnThread {
            var limits = HTTPLimits()
            limits.idleTimeoutSeconds = 1
            limits.headerTimeoutMilliseconds = 5000
            let kept = Mutex<(any Exchange)?>(nil)
            let server = try TestServer(limits: limits) { request, exchange in kept.withLock { $0 = exchange } }
            let waiting = LoopbackClient(port: server.port)
            try waiting.sendRaw("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            // Another connection that idles out shows that more than the timeout has passed.
            #expect(try LoopbackSocket(port: server.port).receiveAll() == "")
            kept.withLock { $0 }?.respond(Response(text: "late"))
            #expect(try waiting.readReply().text == "late")
        }
    }

    @Test func connectionLimits() async throws {
        try await onOwnThread {
            for perAddress in [false, true] {
                var limits = HTTPLimits()
                if perAddress { limits.connectionsPerIP = 2 } else { limits.connections = 2 }
                let server = try TestServer(limits: limits) { _, exchange in exchange.respond(Response(text: "ok")) }
                let first = LoopbackClient(port: server.port)
                let second = LoopbackClient(port: server.port)
                #expect(try first.send("GET", "/").status == 200)
                #expect(try second.send("GET", "/").status == 200)
                let third = try LoopbackSocket(port: server.port)
                #expect(try third.receiveAll().hasPrefix("HTTP/1.1 503 "))
                first.disconnect()
                while server.server.connectionCount > 1 { sched_yield() }
                #expect(try LoopbackClient(port: server.port).send("GET", "/").status == 200)
            }
        }
    }

    @Test func drainAnswersWhatIsInFlight() async throws {
        try await onOwnThread {
            let kept = Mutex<[any Exchange]>([])
            let server = try TestServer { request, exchange in
                if request.path == "/slow" { return kept.withLock { $0.append(exchange) } }
                exchange.respond(Response(text: "ok"))
            }
            let idle = LoopbackClient(port: server.port)
            #expect(try idle.send("GET", "/").text == "ok")
            let clients = (0..<8).map { _ in LoopbackClient(port: server.port) }
            for client in clients { try client.sendRaw("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n") }
            while kept.withLock({ $0.count }) < 8 { sched_yield() }
            let isClean = Mutex(false)
            let drain = TestThread { isClean.withLock { $0 = server.server.drain(deadline: .seconds(20)) } }
            // The idle connection ends while the others still wait: draining has begun.
            #expect(throws: LoopbackError.self) { try idle.readReply() }
            for exchange in kept.withLock({ $0 }) { exchange.respond(Response(text: "done")) }
            for client in clients {
                let reply = try client.readReply()
                #expect(reply.text == "done")
                #expect(reply.header("Connection") == "close")
            }
            drain.join()
            #expect(isClean.withLock { $0 })
            #expect(throws: LoopbackError.self) { try LoopbackClient(port: server.port).send("GET", "/") }
            #expect(throws: HTTPServerError.stopped) {
                try server.server.listen(host: "127.0.0.1", port: 0) { _, _ in }
            }
        }
    }

    @Test func drainGivesUpAfterItsDeadline() async throws {
        try await onOwnThread {
            let kept = Mutex<[any Exchange]>([])
            let server = try TestServer { _, exchange in kept.withLock { $0.append(exchange) } }
            let client = LoopbackClient(port: server.port)
            try client.sendRaw("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            while kept.withLock({ $0.isEmpty }) { sched_yield() }
            #expect(!server.server.drain(deadline: .milliseconds(50)))
            #expect(throws: LoopbackError.self) { try client.readReply() }
            // Too late, and harmless.
            kept.withLock { $0 }.first?.respond(Response(text: "late"))
        }
    }

    @Test func clientsThatLeaveWhileSuspended() async throws {
        try await onOwnThread {
            let kept = Mutex<[any Exchange]>([])
            let server = try TestServer { request, exchange in
                if request.path == "/wait" { return kept.withLock { $0.append(exchange) } }
                exchange.respond(Response(text: "ok"))
            }
            for number in 0..<50 {
                let socket = try LoopbackSocket(port: server.port)
                try socket.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
                while kept.withLock({ $0.count }) < number + 1 { sched_yield() }
                if number % 2 == 0 { socket.reset() } else { socket.close() }
            }
            for exchange in kept.withLock({ $0 }) {
                exchange.respond(Response(text: "nobody there"))
                exchange.respond(Response(text: "twice"))
            }
            while server.server.connectionCount > 0 { sched_yield() }
            #expect(try LoopbackClient(port: server.port).send("GET", "/").text == "ok")
        }
    }

    @Test func portInUseAndOtherRefusals() throws {
        let server = try TestServer { _, exchange in exchange.respond(Response(text: "ok")) }
        let second = try HTTPServer()
        #expect(throws: HTTPServerError.addressInUse(host: "127.0.0.1", port: server.port)) {
            try second.listen(host: "127.0.0.1", port: server.port) { _, _ in }
        }
        #expect(throws: HTTPServerError.invalidAddress("example.org")) {
            try second.listen(host: "example.org", port: 0) { _, _ in }
        }
        #expect(throws: HTTPServerError.addressNotAvailable(host: "192.0.2.1", port: 80)) {
            try second.listen(host: "192.0.2.1", port: 80) { _, _ in }
        }
        #expect(throws: HTTPServerError.noCertificate) {
            try second.listen(host: "127.0.0.1", port: 0, tls: true) { _, _ in }
        }
        var configuration = HTTPServer.Configuration()
        configuration.tls = TLSCertificate(certificatePEM: "no", keyPEM: "no")
        #expect(throws: HTTPServerError.self) { try HTTPServer(configuration: configuration) }
    }

    @Test func severalListenersEachWithItsHandler() async throws {
        try await onOwnThread {
            let server = try HTTPServer()
            let ports = try (0..<3).map { number in
                try server.listen(host: number == 2 ? "::1" : "127.0.0.1", port: 0) { request, exchange in
                    exchange.respond(Response(text: "\(number) \(request.listener) \(request.client.text)"))
                }
            }
            #expect(try LoopbackClient(port: ports[0]).send("GET", "/").text == "0 0 127.0.0.1")
            #expect(try LoopbackClient(port: ports[1]).send("GET", "/").text == "1 1 127.0.0.1")
            server.drain(deadline: .seconds(5))
        }
    }

    @Test func connectionsAreSpreadEvenly() async throws {
        try await onOwnThread {
            let seen = Mutex<[UInt64: Int]>([:])
            let server = try TestServer(loops: 4) { request, exchange in
                seen.withLock { $0[request.id >> 48, default: 0] += 1 }
                exchange.respond(Response(text: "ok"))
            }
            let clients = (0..<40).map { _ in LoopbackClient(port: server.port) }
            for client in clients { #expect(try client.send("GET", "/").status == 200) }
            #expect(seen.withLock { $0 } == [0: 10, 1: 10, 2: 10, 3: 10])
        }
    }
}
