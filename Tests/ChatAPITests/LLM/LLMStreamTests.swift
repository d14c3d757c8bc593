import ChatAPI
import ChatEngine
import HTTPTransport
import TestSupport
import Testing

@Suite struct LLMStreamTests {
    private static let text =
        "This is a simulated streaming response to your message. Each word will arrive separately, simulating how a "
        + "real LLM would stream tokens. Your message was: \"Hello\""

    /// Decision 2: the last event has chat_id and message_id behind the contract's keys.
    @Test func case21ExactBytes() async throws {
        let fixture = try LLMFixture(.socket)
        let port = try #require(fixture.port)
        try await onOwnThread {
            let reader = try EventReader(
                port: port, "POST", "/chat/stream", .alice, headers: [("X-Request-ID", "golden-1")],
                json: #"{"message":"Hello"}"#)
            try reader.readHead()
            let head = reader.head.split(separator: "\r\n")
            #expect(head.first == "HTTP/1.1 200 OK")
            for field in [
                "Content-Type: text/event-stream", "Cache-Control: no-cache", "X-Accel-Buffering: no",
                "Transfer-Encoding: chunked", "X-Request-ID: golden-1", "X-RateLimit-Remaining: 19",
                "Access-Control-Allow-Origin: *",
            ] {
                #expect(head.contains { $0 == field }, "\(field)")
            }
            while reader.socket.received.count < 80 { _ = try reader.socket.receive() }
            let start = "26\r\ndata: {\"token\":\"This \",\"done\":false}\n\n\r\n24\r\n"
            #expect(String(decoding: reader.socket.received, as: UTF8.self).hasPrefix(start))
            let events = try reader.rest()
            #expect(events.count == 27)
            let words = Self.text.split(separator: " ")
            for (index, word) in words.enumerated() {
                let token = (index < words.count - 1 ? word + " " : word[...]).quoted
                #expect(events[index] == "data: {\"token\":\(token),\"done\":false}\n\n")
            }
            let last = try eventData(events[26])
            #expect(last.object?.keys == ["token", "done", "fullText", "chat_id", "message_id"])
            #expect(events[26].hasPrefix("data: {\"token\":\"\",\"done\":true,\"fullText\":\(Self.text.quoted),"))

            let client = LoopbackClient(port: port)
            let id = try #require(last["chat_id"]?.string)
            let chat = try client.send("GET", "/chat/\(id)", headers: Caller.alice.headers).json
            #expect(chat["title"]?.string == "Hello")
            let messages = try #require(chat["messages"]?.array)
            #expect(messages.map { $0["content"]?.string } == ["Hello", Self.text])
            #expect(messages[1]["id"] == last["message_id"])
        }
    }

    @Test func refusedAsJSONBeforeTheStream() async throws {
        let fixture = try LLMFixture()
        let blank = try await fixture.post("/chat/stream", #"{"message":" "}"#)
        #expect(blank.status == 400 && blank.header("Content-Type") == "application/json; charset=utf-8")
        let chat = try await fixture.newChat()
        let foreign = try await fixture.post("/chat/stream", #"{"message":"x","chat_id":"\#(chat)"}"#, .charlie)
        #expect(foreign.status == 404 && foreign.text == #"{"error":"Not Found","message":"Chat not found"}"#)
        for _ in 0..<18 { _ = try await fixture.get("/") }
        let limited = try await fixture.post("/chat/stream", #"{"message":"x"}"#)
        #expect(limited.status == 429)
        #expect(try limited.json["error"]?.string == "Too Many Requests")
        var configuration = LLMConfiguration()
        configuration.maximumStreams = 1
        let small = try LLMFixture(.inProcess, configuration, manual: true)
        #expect(try await small.open("/chat/stream").status == 200)
        let full = try await small.post("/chat/stream", #"{"message":"x"}"#)
        #expect(full.status == 503 && full.header("Retry-After") == "1")
    }

    /// Decision 3: a client that goes ends the reply; what there is of it is stored, within 100 ms.
    @Test func case23Abort() async throws {
        let fixture = try LLMFixture(.socket, .unlimited, manual: true)
        let port = try #require(fixture.port)
        try await onOwnThread {
            let client = LoopbackClient(port: port)
            func history(_ id: String) throws -> [JSONValue] {
                try client.send("GET", "/chat/\(id)", headers: Caller.alice.headers).json["messages"]?.array ?? []
            }
            for round in 0..<10 {
                let reader = try EventReader(
                    port: port, "POST", "/chat/stream", .alice, json: #"{"message":"abort me"}"#)
                try reader.readHead()
                var text = ""
                for _ in 0..<7 {
                    fixture.timers.fireNext()
                    text += try eventData(try #require(try reader.next()))["token"]?.string ?? ""
                }
                let id = try #require(reader.header("X-Chat-ID"))
                #expect(try history(String(id)).count == 1)
                let gone = ContinuousClock.now
                if round % 2 == 0 { reader.socket.close() } else { reader.socket.reset() }
                try spin { try history(String(id)).count == 2 }
                // 100 ms where nothing else runs; here a hundred suites do.
                #expect(ContinuousClock.now - gone < .seconds(5))
                #expect(try history(String(id))[1]["content"]?.string == text)
                #expect(text == "This is a simulated streaming response to ")
                let session = try fixture.engine.history(
                    of: String(id), .last(1), .operator(tenant: .llm(organisation: LLMFixture.first)))
                #expect(session.messages[0].message.metadata?.bytes.elementsEqual(#"{"aborted":true}"#.utf8) == true)
                while fixture.timers.fire() {}
                #expect(try history(String(id)).count == 2)
            }
            let metrics = try client.send("GET", "/metrics").text
            #expect(metrics.contains(#"http_requests_in_progress{method="POST",route="/chat/stream"} 0"#))
            #expect(fixture.timers.delays.allSatisfy { (10_000...30_000).contains($0) })
            #expect(Set(fixture.timers.delays).count > 10)
        }
    }

    @Test func aReplyIsCancelledByItsID() async throws {
        let fixture = try LLMFixture(.socket, .unlimited, manual: true)
        let port = try #require(fixture.port)
        try await onOwnThread {
            let reader = try EventReader(port: port, "POST", "/chat/stream", .alice, json: #"{"message":"stop me"}"#)
            try reader.readHead()
            fixture.timers.fireNext()
            _ = try reader.next()
            let id = try #require(reader.header("X-Message-ID"))
            let client = LoopbackClient(port: port)
            func cancel(_ caller: Caller, _ id: String) throws -> LoopbackReply {
                try client.send("POST", "/chat/stream/\(id)/cancel", headers: caller.headers)
            }
            #expect(try cancel(.charlie, id).status == 404)
            #expect(try cancel(.alice, "11111111-1111-1111-1111-111111111111").status == 404)
            #expect(try cancel(.bob, id).text == #"{"cancelled":true}"#)
            let last = try eventData(try #require(try reader.next()))
            #expect(last["fullText"]?.string == "This ")
            #expect(last["aborted"] == .bool(true))
            #expect(try reader.next() == nil)
            #expect(try cancel(.alice, id).text == #"{"cancelled":false}"#)
        }
    }

    @Test func aSlowClientGetsEverything() async throws {
        let tokens = (0..<400).map { "\($0)" + String(repeating: "x", count: 1000) }
        let fixture = try LLMFixture(.socket, .unlimited, responder: ListResponder(tokens))
        let port = try #require(fixture.port)
        try await onOwnThread {
            let reader = try EventReader(
                port: port, "POST", "/chat/stream", .alice, json: #"{"message":"much"}"#, receiveBufferBytes: 32_768)
            try reader.readHead()
            // The reply has ended and is stored long before this client has read it.
            let id = try #require(reader.header("X-Chat-ID"))
            let client = LoopbackClient(port: port)
            try spin {
                try client.send("GET", "/chat/\(id)/messages/count", headers: Caller.alice.headers)
                    .json["message_count"]?.number == 2
            }
            let events = try reader.rest().joined().components(endingWith: "\n\n")
            #expect(try events.dropLast().map { try eventData($0)["token"]?.string } == tokens)
        }
    }

    /// What the contract says of a model that fails.
    @Test func aFailureIsOneEvent() async throws {
        let fixture = try LLMFixture(.socket, .unlimited, responder: ListResponder([], failure: "model exploded"))
        let port = try #require(fixture.port)
        try await onOwnThread {
            let reader = try EventReader(port: port, "POST", "/chat/stream", .alice, json: #"{"message":"x"}"#)
            #expect(try reader.rest() == ["data: {\"error\":\"Stream failed\",\"message\":\"model exploded\"}\n\n"])
            let id = try #require(reader.header("X-Chat-ID"))
            let count = try LoopbackClient(port: port).send(
                "GET", "/chat/\(id)/messages/count", headers: Caller.alice.headers)
            #expect(try count.json["message_count"]?.number == 1)
        }
    }
}

/// Streams the same tokens to everybody, at once.
struct ListResponder: Responder {
    let context: ContextBudget? = nil
    let isDeterministic = false
    let tokens: [String]
    let failure: String?
    /// Else the reply never ends.
    let ends: Bool

    init(_ tokens: [String], failure: String? = nil, ends: Bool = true) {
        self.tokens = tokens
        self.failure = failure
        self.ends = ends
    }

    private struct Call: ReplyCall {
        func cancel() {}
    }

    func stream(_ prompt: Prompt, skipping skipped: Int, to sink: any ReplySink) -> any ReplyCall {
        for token in tokens.dropFirst(skipped) { sink.receive(Array(token.utf8)) }
        guard ends else { return Call() }
        sink.finish(failure.map { .failure(ResponderFailure($0)) } ?? .success(nil))
        return Call()
    }

    func reply(to prompt: Prompt, sink: any ReplySink) -> any ReplyCall { stream(prompt, skipping: 0, to: sink) }
}

extension String {
    /// The parts that end with `mark`, each with it.
    func components(endingWith mark: String) -> [String] {
        split(separator: mark, omittingEmptySubsequences: true).map { $0 + mark }
    }
}

extension Substring {
    var quoted: String { String(self).quoted }
}
