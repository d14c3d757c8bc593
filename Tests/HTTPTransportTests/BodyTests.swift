import Glibc
import HTTPTransport
import TestSupport
import Testing

/// Bodies in: limits, chunks, encodings, expectations.
@Suite struct BodyTests {
    static let echo: Handler = { request, exchange in
        switch request.bodyError {
        case nil:
            exchange.respond(Response(text: "\(request.body.count) " + String(decoding: request.body, as: UTF8.self)))
        case .tooLarge(let limit): exchange.respond(Response(status: 413, text: "over \(limit)"))
        case .unsupportedEncoding(let name): exchange.respond(Response(status: 415, text: name))
        case .malformedEncoding(let reason): exchange.respond(Response(status: 400, text: reason))
        }
    }

    static func limits(body: Int, discarded: Int = 64 << 10) -> HTTPLimits {
        var limits = HTTPLimits()
        limits.bodyBytes = body
        limits.discardedBodyBytes = discarded
        return limits
    }

    @Test func exactlyTheLimitPassesAndOneMoreDoesNot() async throws {
        try await onOwnThread {
            let server = try TestServer(limits: BodyTests.limits(body: 100_000), handler: BodyTests.echo)
            let client = LoopbackClient(port: server.port)
            let body = [UInt8](repeating: 97, count: 100_000)
            #expect(try client.send("POST", "/", body: body).text.hasPrefix("100000 aaa"))
            let over = try client.send("POST", "/", body: body + [97])
            #expect(over.status == 413)
            #expect(over.text == "over 100000")
            // The rest was read and thrown away: the connection lives on.
            #expect(try client.send("POST", "/", body: [98]).text == "1 b")
            #expect(client.connectionsMade == 1)
        }
    }

    @Test func farOverTheLimitIsAnsweredUnreadAndClosed() async throws {
        try await onOwnThread {
            let server = try TestServer(limits: BodyTests.limits(body: 1000, discarded: 1000), handler: BodyTests.echo)
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
            let reply = try socket.receiveAll()
            #expect(reply.hasPrefix("HTTP/1.1 413 "))
            #expect(reply.contains("Connection: close\r\n"))
            #expect(reply.hasSuffix("over 1000"))
        }
    }

    @Test func expectContinue() async throws {
        try await onOwnThread {
            let server = try TestServer(limits: BodyTests.limits(body: 1000), handler: BodyTests.echo)
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            _ = try socket.receive()
            #expect(String(decoding: socket.received, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
            socket.received = []
            try socket.send("abc")
            _ = try socket.receive()
            #expect(String(decoding: socket.received, as: UTF8.self).hasSuffix("3 abc"))

            // A body that would be refused is not asked for.
            let second = try LoopbackSocket(port: server.port)
            try second.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
            #expect(try second.receiveAll().hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func chunkedBodiesAndPipelining() async throws {
        try await onOwnThread {
            let server = try TestServer(
                limits: BodyTests.limits(body: 1000, discarded: 10_000), handler: BodyTests.echo)
            let client = LoopbackClient(port: server.port)
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            // Three requests in one write; the second body is over the limit, with an extension and a trailer.
            let large = String(repeating: "x", count: 0x500)
            try client.sendRaw(
                head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + head + "500;a=b\r\n\(large)\r\n0\r\nT: 1\r\n\r\n"
                    + "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readReply().text == "5 abcde")
            #expect(try client.readReply().status == 413)
            #expect(try client.readReply().text == "0 ")
            #expect(client.connectionsMade == 1)
        }
    }

    /// `printf hello | gzip -n` and the zlib and raw forms of the same.
    static let gzip: [UInt8] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0,
    ]
    static let zlib: [UInt8] = [0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 6, 0x2c, 2, 0x15]
    static let raw: [UInt8] = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0]

    @Test func contentCodings() async throws {
        try await onOwnThread {
            let server = try TestServer(handler: BodyTests.echo)
            let client = LoopbackClient(port: server.port)
            func send(_ coding: String, _ body: [UInt8]) throws -> LoopbackReply {
                try client.send("POST", "/", headers: [("Content-Encoding", coding)], body: body)
            }
            #expect(try send("gzip", BodyTests.gzip).text == "5 hello")
            #expect(try send("GZip", BodyTests.gzip).text == "5 hello")
            #expect(try send("deflate", BodyTests.zlib).text == "5 hello")
            #expect(try send("deflate", BodyTests.raw).text == "5 hello")
            #expect(try send("identity", [97]).text == "1 a")
            #expect(try send("br", [97]).text == "br")
            #expect(try send("gzip", [97, 98, 99]).text == "incorrect header check")
            #expect(try send("gzip", Array(BodyTests.gzip.dropLast(9))).text == "unexpected end of file")
            var corrupt = BodyTests.gzip
            corrupt[18] ^= 1
            #expect(try send("gzip", corrupt).status == 400)
        }
    }

    /// A small bomb: five bytes that decode to one more than the limit.
    @Test func theLimitHoldsForWhatABodyDecodesTo() async throws {
        try await onOwnThread {
            let tight = try TestServer(limits: BodyTests.limits(body: 25), handler: BodyTests.echo)
            let client = LoopbackClient(port: tight.port)
            let repeated: [UInt8] = [0x4b, 0x4c, 0xc4, 5, 0]  // raw deflate of 26 times "a"
            let reply = try client.send("POST", "/", headers: [("Content-Encoding", "deflate")], body: repeated)
            #expect(reply.status == 413)
            let wide = try TestServer(limits: BodyTests.limits(body: 100), handler: BodyTests.echo)
            let fits = try LoopbackClient(port: wide.port).send(
                "POST", "/", headers: [("Content-Encoding", "deflate")], body: repeated)
            #expect(fits.text == "26 " + String(repeating: "a", count: 26))
        }
    }

    @Test func headerBlockLimit() async throws {
        try await onOwnThread {
            let server = try TestServer(handler: BodyTests.echo)
            // `GET / HTTP/1.1`, Host, X and the blank line around the filler.
            let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".utf8.count
            let fits = String(repeating: "f", count: (16 << 10) - frame)
            let client = LoopbackClient(port: server.port)
            #expect(try client.send("GET", "/", headers: [("Host", "a"), ("X", fits)]).status == 200)
            for extra in [1, 4000, 40_000] {
                let filler = fits + String(repeating: "f", count: extra)
                let socket = try LoopbackSocket(port: server.port)
                try socket.send("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler)\r\n\r\n")
                #expect(try socket.receiveAll().hasPrefix("HTTP/1.1 431 "))
            }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("GET /\(fits)\(fits)\(fits) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try socket.receiveAll().hasPrefix("HTTP/1.1 414 "))
        }
    }
}
