import HTTPTransport
import TestSupport
import Testing

/// RFC 9112's smuggling shapes and other malformed heads, over raw sockets: each is refused with the connection closed,
/// and what stands behind it in the stream is never taken for a request.
@Suite struct MalformedRequestTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var head: String
        var status = 400
    }

    static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    static let shapes: [Shape] = [
        Shape(
            testDescription: "Content-Length and Transfer-Encoding",
            head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Shape(
            testDescription: "Transfer-Encoding and Content-Length",
            head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
        Shape(
            testDescription: "lengths that differ",
            head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
        Shape(
            testDescription: "length as a list", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd"),
        Shape(testDescription: "negative length", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
        Shape(
            testDescription: "length with a plus", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd"),
        Shape(
            testDescription: "length in words", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: four\r\n\r\nabcd"),
        Shape(testDescription: "empty length", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
        Shape(testDescription: "length in hex", head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd"),
        Shape(
            testDescription: "unknown coding",
            head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabcd"),
        Shape(
            testDescription: "coding list",
            head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        Shape(
            testDescription: "chunked twice",
            head:
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        Shape(
            testDescription: "chunked with a vertical tab",
            head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{0B}chunked\r\n\r\n0\r\n\r\n"),
        Shape(
            testDescription: "chunked under HTTP/1.0",
            head: "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Shape(testDescription: "no Host", head: "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"),
        Shape(testDescription: "no field at all", head: "GET / HTTP/1.1\r\n\r\n"),
        Shape(testDescription: "two Hosts", head: "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        Shape(testDescription: "folded field", head: "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"),
        Shape(testDescription: "folded last field", head: "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n"),
        Shape(testDescription: "bare LF after the request line", head: "GET / HTTP/1.1\nHost: a\r\n\r\n"),
        Shape(testDescription: "bare LF after a field", head: "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"),
        Shape(testDescription: "bare LF after the last field", head: "GET / HTTP/1.1\r\nHost: a\n\r\n"),
        Shape(testDescription: "bare LF as the blank line", head: "GET / HTTP/1.1\r\nHost: a\r\n\n"),
        Shape(testDescription: "bare CR in a value", head: "GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n"),
        Shape(testDescription: "blank before the colon", head: "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        Shape(testDescription: "blank before the first name", head: "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        Shape(testDescription: "no colon", head: "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"),
        Shape(testDescription: "empty name", head: "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"),
        Shape(testDescription: "NUL in a value", head: "GET / HTTP/1.1\r\nHost: a\r\nX: 1\u{0}2\r\n\r\n"),
        Shape(testDescription: "NUL in the target", head: "GET /a\u{0}b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "control character in a value", head: "GET / HTTP/1.1\r\nHost: a\r\nX: \u{7}\r\n\r\n"),
        Shape(testDescription: "blank in the target", head: "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "two blanks before the target", head: "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "relative target", head: "GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "asterisk with GET", head: "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "unknown method", head: "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "method in lower case", head: "get / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "version that is none", head: "GET / HTTP/x.1\r\nHost: a\r\n\r\n"),
        Shape(testDescription: "HTTP/2 over a plain socket", head: "GET / HTTP/2.0\r\nHost: a\r\n\r\n", status: 505),
        Shape(testDescription: "HTTP/0.9 version", head: "GET / HTTP/0.9\r\nHost: a\r\n\r\n", status: 505),
        Shape(
            testDescription: "unknown expectation", head: "GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", status: 417),
        Shape(
            testDescription: "chunk size that is none",
            head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
        Shape(
            testDescription: "chunk size that overflows",
            head:
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
            status: 413),
        Shape(
            testDescription: "chunk without its end",
            head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"),
        Shape(
            testDescription: "length that overflows",
            head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", status: 413),
    ]

    @Test(arguments: shapes)
    func isRefused(_ shape: Shape) async throws {
        try await onOwnThread {
            let paths = Recorder()
            let server = try TestServer { request, exchange in
                paths.add(request.path)
                exchange.respond(Response(text: "handled"))
            }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send(shape.head + MalformedRequestTests.smuggled)
            let reply = try socket.receiveAll()
            #expect(reply.hasPrefix("HTTP/1.1 \(shape.status) "), "\(reply)")
            #expect(reply.contains("Connection: close\r\n"))
            #expect(paths.all.isEmpty)
            // One refusal, and nothing after the close.
            #expect(reply.components(of: "HTTP/1.1 ") == 1)
        }
    }

    /// A request line that has no target is not worth an answer; the connection just ends.
    @Test(arguments: ["GARBAGE\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\r\n"])
    func notEvenARequestLine(_ text: String) async throws {
        try await onOwnThread {
            let paths = Recorder()
            let server = try TestServer { request, exchange in
                paths.add(request.path)
                exchange.respond(Response(text: "handled"))
            }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send(text)
            #expect(try socket.receiveAll() == "")
            #expect(paths.all.isEmpty)
        }
    }

    @Test func leadingEmptyLineIsIgnored() async throws {
        try await onOwnThread {
            let server = try TestServer { _, exchange in exchange.respond(Response(text: "ok")) }
            let client = LoopbackClient(port: server.port)
            try client.sendRaw("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readReply().text == "ok")
        }
    }

    /// The strict reading must not depend on how the bytes are cut into packets.
    @Test func headInSingleBytesAndWithManyFields() async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in
                exchange.respond(Response(text: "\(request.headers.count) \(request.headers["x-59"] ?? "-")"))
            }
            let client = LoopbackClient(port: server.port)
            var head = "GET /p?a=1&b=%41+ HTTP/1.1\r\nHost:a\r\nCookie: a=1; b=2\r\nEmpty:\r\nTail: v \t\r\n"
            for number in 0..<60 { head += "X-\(number): \t\(number * 7)\r\n" }
            for byte in (head + "\r\n").utf8 { try client.sendRaw(String(UnicodeScalar(byte))) }
            #expect(try client.readReply().text == "64 413")
            #expect(try client.send("GET", "/").status == 200)
            #expect(client.connectionsMade == 1)
        }
    }
}
