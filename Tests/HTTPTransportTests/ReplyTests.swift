import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing

/// Replies out: HEAD, 204, 304, entity tags, streams, versions, TLS.
@Suite struct ReplyTests {
    @Test func headHasTheLengthAndNoBody() async throws {
        try await onOwnThread {
            let server = try TestServer { _, exchange in exchange.respond(Response(text: "12345")) }
            let client = LoopbackClient(port: server.port)
            let head = try client.send("HEAD", "/")
            #expect(head.status == 200)
            #expect(head.header("Content-Length") == "5")
            #expect(try client.send("GET", "/").text == "12345")
            #expect(client.connectionsMade == 1)
        }
    }

    /// A handler's word that the connection is kept is not sent where it is not.
    @Test func persistence() async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in
                exchange.addHeader("First", "1")
                exchange.addHeaders(.persistence)
                guard request.path == "/stream" else { return exchange.respond(Response(text: "hi")) }
                let stream = BodyStream()
                _ = stream.offer(Array("hi".utf8))
                stream.finish()
                exchange.respond(Response(status: 200, body: .stream(stream)))
            }
            func connection(_ method: String, _ path: String) throws -> [String] {
                let reply = try LoopbackClient(port: server.port).send(method, path)
                #expect(reply.header("First") == "1")
                return reply.headers.filter { ["connection", "keep-alive"].contains($0.name.lowercased()) }.map(\.value)
            }
            #expect(try connection("GET", "/") == ["keep-alive", "timeout=5"])
            #expect(try connection("GET", "/stream") == ["keep-alive", "timeout=5"])
            #expect(try connection("HEAD", "/stream") == ["close"])
        }
    }

    /// Browsers send chunks of a token as cookies of nearly 4 KiB.
    @Test func largeCookies() async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in
                exchange.respond(Response(text: String(request.headers["Cookie"]?.utf8.count ?? 0)))
            }
            let client = LoopbackClient(port: server.port)
            for count in 1...3 {
                let cookies = (0..<count).map { "sb-\($0)=\(String(repeating: "c", count: 3860))" }.joined(
                    separator: "; ")
                #expect(try client.send("GET", "/", headers: [("Cookie", cookies)]).text == String(cookies.utf8.count))
            }
        }
    }

    @Test func entityTagsAndConditionalGet() async throws {
        try await onOwnThread {
            let inner: Handler = { request, exchange in
                let status = request.path == "/bad" ? 400 : 200
                exchange.respond(Response(status: status, json: #"{"sessions":[],"count":0}"#))
            }
            let server = try TestServer(handler: compose([tagging], inner))
            let client = LoopbackClient(port: server.port)
            let tag = #"W/"19-oPBrlJxzPqIgB/QA+owinV+JWOg""#
            #expect(try client.send("GET", "/").header("ETag") == tag)
            func status(_ method: String, _ path: String, _ headers: [(String, String)]) throws -> Int {
                try client.send(method, path, headers: headers).status
            }
            let fresh = try client.send("GET", "/", headers: [("If-None-Match", tag)])
            #expect(fresh.status == 304)
            #expect(fresh.header("ETag") == tag)
            #expect(fresh.header("Content-Type") == nil)
            #expect(try status("HEAD", "/", [("If-None-Match", "*")]) == 304)
            #expect(try status("GET", "/", [("If-None-Match", "\"x\", \(tag.dropFirst(2)) ,\"y\"")]) == 304)
            #expect(try status("GET", "/", [("If-None-Match", "\"x\"")]) == 200)
            #expect(try status("POST", "/", [("If-None-Match", tag)]) == 200)
            #expect(try status("GET", "/bad", [("If-None-Match", "*")]) == 400)
            #expect(try status("GET", "/", [("If-None-Match", tag), ("Cache-Control", "max-age=0, No-Cache")]) == 200)
            #expect(client.connectionsMade == 1)
        }
    }

    /// RFC 9110 §8.6: a 304 says the length that the 200 would have, or none.
    @Test func aLengthWithNotModifiedIsTheOneOfTheWhole() async throws {
        try await onOwnThread {
            let inner: Handler = { request, exchange in
                if request.path == "/own" {
                    return exchange.respond(Response(status: 304, headers: [("ETag", "\"a\"")]))
                }
                exchange.respond(Response(text: "twelve bytes"))
            }
            let server = try TestServer(handler: compose([tagging], inner))
            let client = LoopbackClient(port: server.port)
            #expect(try client.send("GET", "/").header("Content-Length") == "12")
            for method in ["GET", "HEAD"] {
                let fresh = try client.send(method, "/", headers: [("If-None-Match", "*")])
                #expect(fresh.status == 304)
                #expect(fresh.header("Content-Length") == "12")
                let own = try client.send(method, "/own")
                #expect(own.status == 304)
                #expect(own.header("ETag") == "\"a\"")
                #expect(own.header("Content-Length") == nil)
                #expect(own.header("Transfer-Encoding") == nil)
            }
            #expect(try client.send("GET", "/").text == "twelve bytes")
        }
    }

    @Test func noContentMaySayItsLength() async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in
                exchange.respond(Response(status: 204, headers: request.path == "/0" ? [("Content-Length", "0")] : []))
            }
            let client = LoopbackClient(port: server.port)
            #expect(try client.send("OPTIONS", "/0").header("Content-Length") == "0")
            #expect(try client.send("OPTIONS", "/").header("Content-Length") == nil)
            #expect(client.connectionsMade == 1)
        }
    }

    @Test(arguments: ["a\r\nEvil: 1", "a\nEvil: 1", "a\u{0}", "a\u{1}b"])
    func aSplitReplyBecomesA500(_ value: String) async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in
                if request.path == "/added" { exchange.addHeader("X", value) }
                exchange.respond(Response(status: 200, headers: request.path == "/own" ? [("X", value)] : []))
            }
            let client = LoopbackClient(port: server.port)
            for path in ["/added", "/own"] {
                let reply = try client.send("GET", path)
                #expect(reply.status == 500)
                #expect(reply.header("Evil") == nil)
            }
            #expect(try client.send("GET", "/").status == 200)
        }
    }

    @Test func oldVersionAndClose() async throws {
        try await onOwnThread {
            let server = try TestServer { request, exchange in exchange.respond(Response(text: request.version)) }
            let old = try LoopbackSocket(port: server.port)
            try old.send("GET / HTTP/1.0\r\n\r\n")
            #expect(try old.receiveAll().hasSuffix("\r\n\r\nHTTP/1.0"))
            let kept = LoopbackClient(port: server.port)
            try kept.sendRaw("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try kept.readReply().header("Connection") == "Keep-Alive")
            #expect(try kept.send("GET", "/", headers: [("Connection", "close")]).header("Connection") == "close")
            #expect(kept.connectionsMade == 1)
        }
    }

    @Test func largeBodiesArriveWhole() async throws {
        try await onOwnThread {
            let body = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            let server = try TestServer { _, exchange in exchange.respond(Response(status: 200, body: .bytes(body))) }
            #expect(try LoopbackClient(port: server.port).send("GET", "/").body == body)
        }
    }

    @Test func streamsArriveInOrderWithBackPressure() async throws {
        try await onOwnThread {
            let writers = Mutex<[TestThread]>([])
            let server = try TestServer { request, exchange in
                let stream = BodyStream(capacity: 10_000)
                exchange.respond(
                    Response(status: 200, headers: [("Content-Type", "text/plain")], body: .stream(stream)))
                let thread = TestThread {
                    for number in 0..<2000
                    where !stream.write(Array("\(number);".utf8) + [UInt8](repeating: 46, count: 500)) {
                        return
                    }
                    stream.finish()
                }
                writers.withLock { $0.append(thread) }
            }
            let client = LoopbackClient(port: server.port)
            for _ in 0..<3 {
                let reply = try client.send("GET", "/")
                #expect(reply.header("Transfer-Encoding") == "chunked")
                let numbers = reply.text.split(separator: ";").map { $0.drop { $0 == "." } }
                #expect(numbers.count == 2001)
                #expect(numbers.dropLast().enumerated().allSatisfy { String($0.offset) == $0.element })
            }
            let head = try client.send("HEAD", "/")
            #expect(head.status == 200)
            // What the length would be nobody knows. The library can leave it out only with a close.
            #expect(head.header("Content-Length") == nil)
            #expect(head.header("Connection") == "close")
            #expect(try client.send("GET", "/").status == 200)
            #expect(client.connectionsMade == 2)
            for writer in writers.withLock({ $0 }) { writer.join() }
        }
    }

    @Test func aStreamSeesItsClientGo() async throws {
        try await onOwnThread {
            let streams = Mutex<[BodyStream]>([])
            let gone = Atomic<Int>(0)
            let server = try TestServer { _, exchange in
                let stream = BodyStream()
                _ = stream.offer(Array("first".utf8))
                stream.onDisconnect { gone.add(1, ordering: .relaxed) }
                streams.withLock { $0.append(stream) }
                exchange.respond(Response(status: 200, body: .stream(stream)))
            }
            for number in 1...20 {
                let socket = try LoopbackSocket(port: server.port)
                try socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                while !String(decoding: socket.received, as: UTF8.self).contains("first") { _ = try socket.receive() }
                if number % 2 == 0 { socket.reset() } else { socket.close() }
                // Nobody writes: only the loop's own watch can notice.
                while gone.load(ordering: .relaxed) < number { sched_yield() }
            }
            for stream in streams.withLock({ $0 }) {
                #expect(stream.isDisconnected)
                #expect(!stream.write([1]))
            }
            while server.server.connectionCount > 0 { sched_yield() }
        }
    }

    @Test func aFailedStreamIsSeenAsIncomplete() async throws {
        try await onOwnThread {
            let server = try TestServer { _, exchange in
                let stream = BodyStream()
                _ = stream.offer([97])
                exchange.respond(Response(status: 200, body: .stream(stream)))
                stream.fail()
            }
            #expect(throws: LoopbackError.self) { try LoopbackClient(port: server.port).send("GET", "/") }
        }
    }

    @Test func unansweredStreamsEndWithTheServer() async throws {
        try await onOwnThread {
            let server = try TestServer { _, exchange in
                let stream = BodyStream()
                _ = stream.offer([97])
                exchange.respond(Response(status: 200, body: .stream(stream)))
            }
            let socket = try LoopbackSocket(port: server.port)
            try socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try socket.receive()
            #expect(!server.server.drain(deadline: .milliseconds(20)))
            #expect(try !socket.receiveAll().hasSuffix("0\r\n\r\n"))
        }
    }
}
