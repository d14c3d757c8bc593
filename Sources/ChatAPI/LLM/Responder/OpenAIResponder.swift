package import ChatEngine
package import LogStore
package import Upstream

/// How a model is reached.
package struct OpenAIConfiguration: Sendable {
    /// Ends in `/v1`.
    package var baseURL: String
    package var model: String
    package var apiKey: String?
    /// PEM file of the authorities that may have signed the server's certificate; nil: the system's.
    package var authorities: String?
    package var systemPrompt: String?
    /// What error texts call the provider.
    package var provider = "LLM"
    package var context = ContextBudget()
    /// How often a request is tried again that got 429, 5xx or no reply, as long as no token has come.
    package var retries = 2
    package var connectMilliseconds = 5000
    package var silenceSeconds = 60
    package var totalSeconds = 600
    /// Bytes of a reply, or of an event, that are taken.
    package var replyBytes = 1 << 20

    package init(baseURL: String, model: String) {
        self.baseURL = baseURL
        self.model = model
    }

    /// A provider's words without the key, which some repeat.
    func redacted(_ text: String) -> String {
        guard let apiKey, !apiKey.isEmpty else { return text }
        return text.replacing(apiKey, with: "***")
    }

    /// Before the n-th try again, from 0: doubling from 250 ms, at most what was asked for or 8 s, and somewhere in the
    /// upper half of that.
    package func delayMicroseconds(attempt: Int, askedSeconds: Int, random: UInt64) -> UInt64 {
        let base = max(UInt64(250_000) << UInt64(min(attempt, 5)), UInt64(max(0, min(askedSeconds, 30))) * 1_000_000)
        return base / 2 + random % (base / 2 + 1)
    }
}

/// Answers by any server that speaks OpenAI's chat completions: POST `<base>/chat/completions`.
package struct OpenAIResponder: Responder {
    package var context: ContextBudget? { configuration.context }
    package let isDeterministic = false
    let configuration: OpenAIConfiguration
    let client: HTTPClient
    let timers: any Timers
    private let random: any RandomSource

    /// - Parameter client: shut down by its maker.
    package init(
        _ configuration: OpenAIConfiguration, client: HTTPClient, timers: any Timers, random: any RandomSource
    ) {
        self.configuration = configuration
        self.client = client
        self.timers = timers
        self.random = random
    }

    package func stream(_ prompt: Prompt, skipping skipped: Int, to sink: any ReplySink) -> any ReplyCall {
        begin(prompt, streams: true, sink)
    }

    package func reply(to prompt: Prompt, sink: any ReplySink) -> any ReplyCall { begin(prompt, streams: false, sink) }

    private func begin(_ prompt: Prompt, streams: Bool, _ sink: any ReplySink) -> any ReplyCall {
        let call = OpenAICall(self, request(prompt, streams: streams), prompt, streams: streams, sink)
        call.send()
        return call
    }

    func delay(attempt: Int, askedSeconds: Int) -> UInt64 {
        configuration.delayMicroseconds(attempt: attempt, askedSeconds: askedSeconds, random: random.next())
    }

    private func request(_ prompt: Prompt, streams: Bool) -> UpstreamRequest {
        var body: [UInt8] = []
        body.append(key: #"{"model":"#)
        body.append(jsonString: configuration.model)
        body.append(key: #","messages":["#)
        var isFirst = true
        func add(_ role: StaticString, _ content: some Collection<UInt8>) {
            if !isFirst { body.append(UInt8(ascii: ",")) }
            isFirst = false
            body.append(key: #"{"role":""#)
            body.append(key: role)
            body.append(key: #"","content":"#)
            body.append(jsonString: content)
            body.append(UInt8(ascii: "}"))
        }
        if let system = configuration.systemPrompt { add("system", system.utf8) }
        for message in prompt.context {
            switch message.role {
            case .user: add("user", message.content.bytes)
            case .assistant: add("assistant", message.content.bytes)
            case .system: add("system", message.content.bytes)
            }
        }
        body.append(key: "]")
        if streams { body.append(key: #","stream":true,"stream_options":{"include_usage":true}"#) }
        body.append(key: "}")
        var headers = [
            "Content-Type: application/json", streams ? "Accept: text/event-stream" : "Accept: application/json",
        ]
        if let key = configuration.apiKey { headers.append("Authorization: Bearer \(key)") }
        var base = configuration.baseURL
        while base.last == "/" { base.removeLast() }
        var request = UpstreamRequest(url: base + "/chat/completions", headers: headers, body: body)
        request.authorities = configuration.authorities
        request.connectMilliseconds = configuration.connectMilliseconds
        request.silenceSeconds = configuration.silenceSeconds
        request.totalSeconds = configuration.totalSeconds
        return request
    }
}
