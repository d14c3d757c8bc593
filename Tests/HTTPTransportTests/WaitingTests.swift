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

        func answer() {
            let exchanges = kept.withLock { kept in
                defer { kept = [] }
                return kept
            }
            for exchange in exchanges { exchange.respond(Response(text: "late")) }
        }
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
