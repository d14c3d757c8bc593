import ChatAPI
import ChatEngine
import Glibc
import HTTPTransport
import LogStore
import TestSupport
import Testing
import Upstream

/// A model behind the surface: the responder `openai` against a small server of the tests' own.
@Suite(.enabled(if: HTTPClient.isBuiltIn, "needs the trait Upstream"))
struct LLMModelTests {
    /// The surface with a model, and what has to be shut down with it.
    private final class Setup: Sendable {
        let model: FakeModel
        let client: HTTPClient
        let timers = TimerThread()
        let fixture: LLMFixture
        let port: UInt16

        init(
            _ scripts: [FakeModel.Script], tls: TLSCertificate? = nil,
            _ change: (inout OpenAIConfiguration) -> Void = { _ in }
        ) throws {
            model = try FakeModel(scripts, tls: tls)
            client = try #require(HTTPClient())
            var configuration = OpenAIConfiguration(baseURL: model.baseURL, model: "small")
            configuration.retries = 0
            configuration.apiKey = "sk-secret"
            change(&configuration)
            let responder = OpenAIResponder(
                configuration, client: client, timers: timers, random: SplitMix64Random(seed: 3))
            fixture = try LLMFixture(.socket, .unlimited, responder: responder)
            port = try #require(fixture.port)
        }

        deinit {
            client.shutDown()
            timers.shutDown()
        }

        func events(_ path: String = "/chat/stream", _ message: String = "Hello") throws -> [String] {
            try EventReader(port: port, "POST", path, .alice, json: "{\"message\":\(message.quoted)}").rest()
                .joined().components(endingWith: "\n\n")
        }

        func messages(_ chat: String) throws -> [JSONValue] {
            try LoopbackClient(port: port).send("GET", "/chat/\(chat)/messages", headers: Caller.alice.headers)
                .json["messages"]?.array ?? []
        }
    }

    @Test func case25StreamWithUsage() async throws {
        let setup = try Setup([
            .stream([.token("Code"), .token(" flows"), .token(" on"), .done(usage: (42, 4))])
        ])
        try await onOwnThread {
            let events = try setup.events()
            #expect(
                events.prefix(3)
                    == [
                        "data: {\"token\":\"Code\",\"done\":false}\n\n",
                        "data: {\"token\":\" flows\",\"done\":false}\n\n",
                        "data: {\"token\":\" on\",\"done\":false}\n\n",
                    ])
            #expect(
                try #require(events.last).hasPrefix(
                    #"data: {"token":"","done":true,"fullText":"Code flows on","usage":{"input_tokens":42,"#
                        + #""output_tokens":4,"total_tokens":46},"chat_id":""#))
            let last = try eventData(try #require(events.last))
            let chat = try #require(last["chat_id"]?.string)
            let messages = try setup.messages(chat)
            #expect(messages.map { $0["token_count"]?.number } == [2, 4])
            let request = try #require(setup.model.requests.first)
            #expect(request.path == "/v1/chat/completions")
            #expect(request.headers["Authorization"] == "Bearer sk-secret")
            let body = try JSONValue(parsing: request.body)
            #expect(body["stream"] == .bool(true))
            #expect(body["stream_options"]?["include_usage"] == .bool(true))
            #expect(body["model"]?.string == "small")
        }
    }

    @Test func case25Failures() async throws {
        let failing = FakeModel.Script.whole(500, #"{"error":{"message":"model exploded"}}"#)
        let setup = try Setup([failing]) { $0.provider = "Ollama" }
        try await onOwnThread {
            #expect(
                try setup.events()
                    == [
                        "data: {\"error\":\"Stream failed\",\"message\":\"Ollama API error: 500 - model exploded\"}\n\n"
                    ])
            let reply = try LoopbackClient(port: setup.port).send(
                "POST", "/chat", headers: Caller.alice.headers, json: #"{"message":"x"}"#)
            #expect(reply.status == 500)
            #expect(reply.text == #"{"error":"Internal Server Error","message":"Failed to process chat request"}"#)
            let chats = try LoopbackClient(port: setup.port).send("GET", "/chats", headers: Caller.alice.headers).json
            let id = try #require(chats["chats"]?.array?.first?["id"]?.string)
            #expect(try setup.messages(id).map { $0["role"]?.string } == ["user"])
        }
    }

    @Test func aWholeReplyHasUsage() async throws {
        let text = #"{"choices":[{"message":{"role":"assistant","content":"Hi \"you\""}}],"usage":"#
        let setup = try Setup([
            .whole(200, text + #"{"prompt_tokens":42,"completion_tokens":4}}"#),
            .whole(200, text + "null}"),
            .whole(401, #"{"error":{"message":"Incorrect API key provided: sk-secret"}}"#),
        ])
        try await onOwnThread {
            func send() throws -> LoopbackReply {
                try LoopbackClient(port: setup.port).send(
                    "POST", "/chat", headers: Caller.alice.headers, json: #"{"message":"Hello!"}"#)
            }
            let counted = try send()
            #expect(
                counted.fits(
                    #"{"chat_id":"<uuid>","message_id":"<uuid>","reply":"Hi \"you\"","created_at":"<ts>","usage":"#
                        + #"{"input_tokens":42,"output_tokens":4,"total_tokens":46}}"#), "\(counted.text)")
            #expect(
                try send().text.hasSuffix(
                    #","usage":{"input_tokens":2,"output_tokens":2,"total_tokens":4,"estimated":true}}"#))
            let refused = try send()
            #expect(refused.status == 500)
            #expect(
                refused.text
                    == #"{"error":"Configuration Error","message":"LLM API not configured. Please set the appropriate API key."}"#
            )
        }
    }

    @Test func theKeyIsNeverTold() async throws {
        let setup = try Setup([.whole(401, #"{"error":{"message":"Incorrect API key provided: sk-secret"}}"#)])
        try await onOwnThread {
            let events = try setup.events()
            #expect(
                try eventData(events[0])["message"]?.string == "LLM API error: 401 - Incorrect API key provided: ***")
        }
    }

    /// Only before the first token, and only what may pass.
    @Test func triedAgain() async throws {
        let good = FakeModel.Script.stream([.token("ok"), .done(usage: nil)])
        let busy = FakeModel.Script.whole(429, "{}", headers: [("Retry-After", "0")])
        let setup = try Setup([busy, .stream([.disconnect]), good]) { $0.retries = 2 }
        try await onOwnThread {
            let events = try setup.events()
            #expect(try eventData(events[0])["token"]?.string == "ok")
            #expect(try eventData(events[1])["usage"]?["estimated"] == .bool(true))
            #expect(setup.model.requests.count == 3)
        }
        let late = try Setup([.stream([.token("half"), .pause, .disconnect]), good]) { $0.retries = 2 }
        try await onOwnThread {
            let reader = try EventReader(port: late.port, "POST", "/chat/stream", .alice, json: #"{"message":"x"}"#)
            #expect(try reader.nextData()["token"]?.string == "half")
            spin { late.model.goOn() == 1 }
            #expect(try reader.nextData()["error"]?.string == "Stream failed")
            #expect(late.model.requests.count == 1)
        }
        let wrong = try Setup([.whole(400, #"{"error":"no such model"}"#), good]) { $0.retries = 2 }
        try await onOwnThread {
            let events = try wrong.events()
            #expect(try eventData(events[0])["message"]?.string == "LLM API error: 400 - no such model")
            #expect(wrong.model.requests.count == 1)
        }
    }

    @Test(arguments: [
        FakeModel.Step.raw("data: {garbage\n\n"), .raw("data: [1]\n\n"), .raw("<html>no events</html>"), .disconnect,
        .raw("data: {\"error\":{\"message\":\"out of memory\"}}\n\n"), .raw("data: {\"choices\":[{\"delta\":{\"conte"),
    ])
    func badStreamsAreFailures(_ step: FakeModel.Step) async throws {
        let setup = try Setup([.stream([.token("a"), .pause, step])])
        try await onOwnThread {
            let reader = try EventReader(port: setup.port, "POST", "/chat/stream", .alice, json: #"{"message":"x"}"#)
            #expect(try reader.nextData()["token"]?.string == "a")
            spin { setup.model.goOn() == 1 }
            #expect(try reader.nextData().object?.keys == ["error", "message"])
            #expect(try reader.next() == nil)
        }
    }

    /// Pieces that are cut anywhere, comments, CRLF.
    @Test func eventsMayComeInPieces() async throws {
        let setup = try Setup([
            .stream([
                .raw(": hello\r\n\r\ndata: {\"choices\":[{\"del"), .pause, .raw("ta\":{\"content\":\"é"), .pause,
                .raw("\"}}]}\r\n\r\ndata:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"),
            ])
        ])
        try await onOwnThread {
            let reader = try EventReader(port: setup.port, "POST", "/chat/stream", .alice, json: #"{"message":"x"}"#)
            try reader.readHead()
            spin { setup.model.goOn() == 1 }
            spin { setup.model.goOn() == 1 }
            #expect(try reader.nextData()["token"]?.string == "é")
            #expect(try reader.nextData()["fullText"]?.string == "é")
        }
    }

    @Test func abortReachesTheModel() async throws {
        let setup = try Setup([.stream([.token("a"), .pause, .token("b"), .done(usage: nil)])])
        try await onOwnThread {
            let reader = try EventReader(port: setup.port, "POST", "/chat/stream", .alice, json: #"{"message":"x"}"#)
            _ = try reader.next()
            let gone = ContinuousClock.now
            reader.socket.close()
            spin { setup.model.gone == 1 }
            // 100 ms where nothing else runs; here a hundred suites do.
            #expect(ContinuousClock.now - gone < .seconds(5))
            let chat = try #require(reader.header("X-Chat-ID"))
            try spin { try setup.messages(chat).count == 2 }
            #expect(try setup.messages(chat)[1]["content"]?.string == "a")
        }
    }

    /// The newest messages that fit, with the system's text before them.
    @Test func theContextIsBounded() async throws {
        let setup = try Setup([.stream([.token(String(repeating: "r", count: 40)), .done(usage: nil)])]) {
            $0.systemPrompt = "Be brief."
            $0.context.tokens = 25
        }
        try await onOwnThread {
            let client = LoopbackClient(port: setup.port)
            let chat = try client.send("POST", "/chats", headers: Caller.alice.headers, json: "{}").json["id"]?.string
            let id = try #require(chat)
            for index in 0..<4 {
                let body = "{\"message\":\"question \(index)\",\"chat_id\":\"\(id)\"}"
                _ = try EventReader(port: setup.port, "POST", "/chat/stream", .alice, json: body).rest()
            }
            let body = try JSONValue(parsing: try #require(setup.model.requests.last).body)
            let messages = try #require(body["messages"]?.array)
            #expect(messages.map { $0["role"]?.string } == ["system", "user", "assistant", "user"])
            #expect(messages.map { $0["content"]?.string ?? "" }.first == "Be brief.")
            #expect(messages.last?["content"]?.string == "question 3")
        }
    }

    @Test func delaysGrowWithJitter() {
        let configuration = OpenAIConfiguration(baseURL: "http://a/v1", model: "m")
        for attempt in 0..<4 {
            let base = UInt64(250_000) << UInt64(attempt)
            for random in [0, 1, UInt64.max / 3, .max] {
                let delay = configuration.delayMicroseconds(attempt: attempt, askedSeconds: 0, random: random)
                #expect((base / 2...base).contains(delay))
            }
        }
        #expect(configuration.delayMicroseconds(attempt: 0, askedSeconds: 4, random: 0) == 2_000_000)
    }

    /// Byte for byte what OpenAI sends with `include_usage`: null until the chunk without choices. What cannot be is
    /// not believed.
    @Test(arguments: [
        (
            #"{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}"#,
            #""input_tokens":19,"output_tokens":10,"total_tokens":29}"#
        ),
        ("null", #""input_tokens":2,"output_tokens":2,"total_tokens":4,"estimated":true}"#),
        (#"{"prompt_tokens":-3,"completion_tokens":10}"#, #""output_tokens":2,"total_tokens":4,"estimated":true}"#),
        (#"{"prompt_tokens":1e300,"completion_tokens":1}"#, #""output_tokens":2,"total_tokens":4,"estimated":true}"#),
        (#"{"prompt_tokens":2.5,"completion_tokens":1}"#, #""output_tokens":2,"total_tokens":4,"estimated":true}"#),
        (#"{"prompt_tokens":0,"completion_tokens":0}"#, #""output_tokens":2,"total_tokens":4,"estimated":true}"#),
        (#"{"prompt_tokens":"7"}"#, #""output_tokens":2,"total_tokens":4,"estimated":true}"#),
    ])
    func usageOnTheRealWire(_ usage: String, _ expected: String) async throws {
        let head = #"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"m","#
        let tail = #""logprobs":null,"finish_reason":"#
        let setup = try Setup([
            .stream([
                .raw(
                    head
                        + #""choices":[{"index":0,"delta":{"role":"assistant","content":""},\#(tail)null}],"usage":null}"#
                        + "\n\n"),
                .raw(
                    head + #""choices":[{"index":0,"delta":{"content":"Hi you"},\#(tail)null}],"usage":null}"# + "\n\n"),
                .raw(head + #""choices":[{"index":0,"delta":{},\#(tail)"stop"}],"usage":null}"# + "\n\n"),
                .raw(head + #""choices":[],"usage":\#(usage)}"# + "\n\n"), .done(usage: nil),
            ])
        ])
        try await onOwnThread {
            let events = try setup.events("/chat/stream", "Hello!")
            #expect(events.count == 2)
            #expect(try #require(events.last).contains(expected), "\(events)")
        }
    }

    /// A client that leaves `POST /chat` has the model stopped; the question stays, and the place is free again.
    @Test func whoLeavesStopsTheModel() async throws {
        let setup = try Setup([.silence])
        try await onOwnThread {
            let client = LoopbackClient(port: setup.port)
            for round in 1...3 {
                let reader = try EventReader(
                    port: setup.port, "POST", "/chat", .alice, json: #"{"message":"are you there?"}"#)
                spin { setup.model.requests.count == round }
                let gone = ContinuousClock.now
                if round == 2 { reader.socket.reset() } else { reader.socket.close() }
                spin { setup.model.gone == round }
                // 100 ms where nothing else runs; here a hundred suites do.
                #expect(ContinuousClock.now - gone < .seconds(5))
            }
            try spin {
                try client.send("GET", "/metrics").text.contains(
                    #"http_requests_total{method="POST",route="/chat",status_code="499"} 3"#)
            }
            let chats = try client.send("GET", "/chats", headers: Caller.alice.headers).json["chats"]?.array ?? []
            #expect(chats.count == 3)
            for chat in chats {
                #expect(try setup.messages(try #require(chat["id"]?.string)).map { $0["role"]?.string } == ["user"])
            }
        }
    }

    /// An authority of the test's own: trusted only where it is named, and only for the names in the certificate.
    @Test(.enabled(if: access("/usr/bin/openssl", X_OK) == 0, "needs the openssl tool"))
    func certificatesAreVerified() async throws {
        let directory = TemporaryDirectory()
        let (certificate, authority) = try Self.certificates(directory.path, name: "IP:127.0.0.1")
        let (elsewhere, other) = try Self.certificates(directory.path, name: "DNS:model.example")
        let script = FakeModel.Script.stream([.token("Hi"), .done(usage: nil)])
        for (tls, authorities, isTrusted) in [
            (certificate, authority, true), (certificate, other, false), (certificate, nil, false),
            (elsewhere, other, false),
        ] {
            let setup = try Setup([script], tls: tls) { $0.authorities = authorities }
            try await onOwnThread {
                let last = try eventData(try #require(try setup.events().last))
                #expect((last["fullText"]?.string == "Hi") == isTrusted, "\(last)")
                #expect(setup.model.requests.count == (isTrusted ? 1 : 0))
                if !isTrusted { #expect(last["message"]?.string?.hasPrefix("LLM API error: ") == true) }
            }
        }
    }

    /// A new authority and a server's certificate signed by it.
    private static func certificates(
        _ directory: String, name: String
    ) throws -> (server: TLSCertificate, authority: String) {
        let base = "\(directory)/\(name.filter(\.isLetter))"
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        let commands = [
            "openssl req -x509 \(key) -subj '/CN=An authority' -days 1 -keyout \(base).ca.key -out \(base).ca",
            "openssl req \(key) -subj /CN=model -keyout \(base).key -out \(base).csr",
            "printf 'subjectAltName=\(name)' > \(base).ext",
            "openssl x509 -req -in \(base).csr -CA \(base).ca -CAkey \(base).ca.key -CAcreateserial -days 1 "
                + "-extfile \(base).ext -out \(base).crt",
        ]
        for command in commands { try #require(system("\(command) 2>/dev/null") == 0) }
        return (
            TLSCertificate(certificatePEM: try text("\(base).crt"), keyPEM: try text("\(base).key")), "\(base).ca"
        )
    }

    private static func text(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
