import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing

@Suite struct ServerTests {
    @Test func answersAndKeepsTheConnection() async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in
                exchange.respond(Response(text: "\(request.method) \(request.path) \(request.query)"))
            }
            let client = LoopbackClient(port: server.port)
            for number in 0..<100 {
                let reply = try client.send("GET", "/a%2Fb/\(number)?x=1&y=%20")
                #expect(reply.status == 200)
                #expect(reply.text == "GET /a%2Fb/\(number) x=1&y=%20")
            }
            #expect(client.connectionsMade == 1)
        }
    }

    @Test func headersLeaveInOrderByteForByte() async throws {
        try await onOwnThread {
            let server = try TestServer { _, exchange in
                exchange.addHeaders(HeaderBlock([("B-First", "1; a=\"b\""), ("A-Second", "2")]))
                exchange.addHeader("Vary", "Origin")
                exchange.respond(
                    Response(
                        status: 201, headers: [("Content-Type", "text/x"), ("ETag", "W/\"x\"")],
                        body: .bytes([104, 105])))
            }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let text = try socket.receiveAll()
            let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.first == "HTTP/1.1 201 Created")
            #expect(
                lines.dropFirst(3) == [
                    "B-First: 1; a=\"b\"", "A-Second: 2", "Vary: Origin", "Content-Type: text/x", "ETag: W/\"x\"",
                    "Content-Length: 2", "", "hi",
                ])
            #expect(lines[1].hasPrefix("Date: "))
            #expect(lines[2] == "Connection: close")
        }
    }

    @Test func answersFromOtherThreads() async throws {
        let pool = Responders(threads: 4)
        try await onOwnThread {
            let server = try TestServer(loops: 2) { request, exchange in
                pool.submit { exchange.respond(Response(text: request.path)) }
            }
            let total = Mutex(0)
            let clients = (0..<16).map { number in
                TestThread {
                    let client = LoopbackClient(port: server.port)
                    for index in 0..<250 {
                        let path = "/\(number)/\(index)"
                        guard let reply = try? client.send("GET", path), reply.text == path else { return }
                        total.withLock { $0 += 1 }
                    }
                }
            }
            for client in clients { client.join() }
            #expect(total.withLock { $0 } == 4000)
        }
        pool.stop()
    }

    @Test func droppedExchangeAnswers500() async throws {
        try await onOwnThread {
            let kept = Mutex<[any Exchange]>([])
            let server = try TestServer { request, exchange in
                if request.path == "/later" { kept.withLock { $0.append(exchange) } }
            }
            let client = LoopbackClient(port: server.port)
            #expect(try client.send("GET", "/now").status == 500)
            try client.sendRaw("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            while kept.withLock({ $0.isEmpty }) { sched_yield() }
            kept.withLock { $0.removeAll() }
            #expect(try client.readReply().status == 500)
            #expect(client.connectionsMade == 1)
        }
    }
}
