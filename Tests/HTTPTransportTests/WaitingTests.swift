import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing

/// Requests whose reply comes later: parked at first, suspended after some turns of the loop.
@Suite struct WaitingTests {
    /// Keeps what asks for `/kept`, answers all else at once.
    private final class Keeper: Sendable {
        private let kept = Mutex<[any Exchange]>([])

        var handler: Handler {
            { [self] request, exchange in
                if request.path == "/kept" { return kept.withLock { $0.append(exchange) } }
                exchange.respond(Response(text: request.path))
            }
        }

        func awaitRequests(_ count: Int) { while kept.withLock({ $0.count }) < count { sched_yield() } }

        func take() -> [any Exchange] {
            kept.withLock { kept in
                defer { kept = [] }
                return kept
            }
        }

        func answer() { for exchange in take() { exchange.respond(Response(text: "late")) } }
    }

    /// - Parameter others: turns of the loop meanwhile: none, some, and more than it parks a connection for.
    @Test(arguments: [0, 5, 100]) func theReplyComesAndTheNextRequestIsRead(_ others: Int) async throws {
        try await onOwnThread {
            let keeper = Keeper()
            let server = try TestServer(handler: keeper.handler)
            let waiting = LoopbackClient(port: server.port)
            let other = LoopbackClient(port: server.port)
            let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
            for _ in 0..<3 {
                try waiting.sendRaw("POST /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" + next)
                keeper.awaitRequests(1)
                // This one is not in the library's buffer yet.
                try waiting.sendRaw(next)
                for _ in 0..<others { #expect(try other.send("GET", "/other").text == "/other") }
                keeper.answer()
                #expect(try waiting.readReply().text == "late")
                #expect(try waiting.readReply().text == "/next")
                #expect(try waiting.readReply().text == "/next")
            }
            #expect(waiting.connectionsMade == 1)
        }
    }

    /// - Parameter others: as above: work may be left to the loop for a parked and for a suspended connection.
    @Test(arguments: [0, 5, 100]) func workIsLeftToTheLoop(_ others: Int) async throws {
        try await onOwnThread {
            let keeper = Keeper()
            let loop = Mutex<UInt?>(nil)
            let server = try TestServer { request, exchange in
                loop.withLock { $0 = pthread_self() }
                keeper.handler(request, exchange)
            }
            let waiting = LoopbackClient(port: server.port)
            let other = LoopbackClient(port: server.port)
            for _ in 0..<3 {
                try waiting.sendRaw("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
                keeper.awaitRequests(1)
                #expect(try other.send("GET", "/other").text == "/other")
                for _ in 0..<others { #expect(try other.send("GET", "/other").text == "/other") }
                let worker = Mutex<UInt?>(nil)
                let exchange = TransformingExchange(keeper.take()[0]) { $0.headers.append(("A", "1")) }
                exchange.onLoop {
                    worker.withLock { $0 = pthread_self() }
                    exchange.addHeader("First", "2")
                    exchange.respond(Response(text: "late"))
                }
                let reply = try waiting.readReply()
                #expect(reply.text == "late")
                #expect(reply.header("A") == "1")
                #expect(reply.header("First") == "2")
                #expect(worker.withLock { $0 } == loop.withLock { $0 })
            }
            #expect(waiting.connectionsMade == 1)
        }
    }

    @Test func manyWaitAtOnce() async throws {
        try await onOwnThread {
            let keeper = Keeper()
            let server = try TestServer(handler: keeper.handler)
            let clients = (0..<50).map { _ in LoopbackClient(port: server.port) }
            for _ in 0..<4 {
                for client in clients { try client.sendRaw("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n") }
                keeper.awaitRequests(clients.count)
                keeper.answer()
                for client in clients { #expect(try client.readReply().text == "late") }
            }
        }
    }

    @Test func workIsDoneOnceWhereverTheClientIs() async throws {
        try await onOwnThread {
            let keeper = Keeper()
            let server = try TestServer(handler: keeper.handler)
            let done = Atomic(0)
            for round in 1...40 {
                let waiting = LoopbackClient(port: server.port)
                try waiting.sendRaw("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
                keeper.awaitRequests(1)
                let exchange = keeper.take()[0]
                // Gone before, at about the same time, and after.
                if round % 3 == 0 { waiting.disconnect() }
                exchange.onLoop {
                    done.add(1, ordering: .relaxed)
                    exchange.respond(Response(text: "late"))
                }
                if round % 3 == 1 { waiting.disconnect() }
                if round % 3 == 2 { #expect(try waiting.readReply().text == "late") }
                while done.load(ordering: .relaxed) < round { sched_yield() }
            }
            #expect(server.server.drain(deadline: .seconds(30)))
            #expect(done.load(ordering: .relaxed) == 40)
        }
    }

    @Test(arguments: [0, 100]) func aClientLeavesBeforeItsReply(_ others: Int) async throws {
        try await onOwnThread {
            let keeper = Keeper()
            let server = try TestServer(handler: keeper.handler)
            let waiting = LoopbackClient(port: server.port)
            let other = LoopbackClient(port: server.port)
            try waiting.sendRaw("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
            keeper.awaitRequests(1)
            waiting.disconnect()
            for _ in 0..<others { #expect(try other.send("GET", "/other").text == "/other") }
            keeper.answer()
            #expect(try other.send("GET", "/other").text == "/other")
            #expect(server.server.drain(deadline: .seconds(30)))
        }
    }
}
