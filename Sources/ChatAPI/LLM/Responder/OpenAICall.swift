internal import ChatEngine
internal import Synchronization
internal import Upstream

/// One reply of a model, over as many tries as it takes.
///
/// Steps: a try is a transfer. The body of a streamed 200 is cut into lines; each `data:` line is an event: a piece of
/// text, the usage, an error, or `[DONE]`. Any other body is collected. When a transfer ends, the reply is finished, or,
/// if no text has come and the failure may pass, sent again after a delay.
///
/// Invariants: `sink.finish` is called at most once; after `cancel` the sink hears nothing; text is handed on as it came.
final class OpenAICall: ReplyCall, UpstreamDelegate {
    private struct State {
        var transfer: UpstreamTransfer?
        var attempt = 0
        var isOver = false
        /// A body, or the beginning of a line.
        var buffer: [UInt8] = []
        var hasText = false
        /// The last event came, or the reason why the model stopped.
        var isComplete = false
        var usage: Reply.Usage?
        var outputUnits = 0
    }

    private let responder: OpenAIResponder
    private let request: UpstreamRequest
    private let streams: Bool
    private let inputEstimate: Int
    private let sink: any ReplySink
    private let state = Mutex(State())

    init(
        _ responder: OpenAIResponder, _ request: UpstreamRequest, _ prompt: Prompt, streams: Bool, _ sink: any ReplySink
    ) {
        self.responder = responder
        self.request = request
        self.streams = streams
        self.sink = sink
        inputEstimate =
            ContextBudget.estimate(UTF8Text(responder.configuration.systemPrompt ?? ""))
            + prompt.context.reduce(0) { $0 + ContextBudget.estimate($1.content) }
    }

    func send() {
        state.withLock { state in
            guard !state.isOver else { return }
            state.buffer = []
            state.transfer = responder.client.start(request, delegate: self)
        }
    }

    func cancel() {
        let transfer = state.withLock { state in
            state.isOver = true
            return state.transfer
        }
        transfer?.cancel()
    }

    // MARK: The transfer

    func received(_ bytes: [UInt8], status: Int) {
        guard streams, status == 200 else {
            let isTooLong = state.withLock { state in
                state.buffer += bytes
                return state.buffer.count > responder.configuration.replyBytes
            }
            if isTooLong { fail("the reply is too long") }
            return
        }
        var lines: [ArraySlice<UInt8>] = []
        let isTooLong = state.withLock { state in
            state.buffer += bytes
            guard let end = state.buffer.lastIndex(of: 10) else {
                return state.buffer.count > responder.configuration.replyBytes
            }
            lines = state.buffer[...end].split(separator: 10)
            state.buffer.removeFirst(end + 1)
            return false
        }
        if isTooLong { return fail("an event is too long") }
        for line in lines { take(line) }
    }

    private func take(_ line: ArraySlice<UInt8>) {
        var line = line
        if line.last == 13 { line.removeLast() }
        guard line.starts(with: "data:".utf8) else { return }
        var data = line.dropFirst(5)
        if data.first == 0x20 { data.removeFirst() }
        if data.elementsEqual("[DONE]".utf8) { return state.withLock { $0.isComplete = true } }
        guard let event = Self.json(Array(data)), event.isObject else {
            return fail("an event is not JSON: \(String(decoding: data.prefix(80), as: UTF8.self))")
        }
        if let error = Self.errorText(event) { return fail(error) }
        let choice = Self.choice(event)
        let text = choice?["delta"]?["content"]?.string ?? ""
        let isWanted = state.withLock { state -> Bool in
            if let usage = Self.usage(event) { state.usage = usage }
            if choice?["finish_reason"]?.string != nil { state.isComplete = true }
            guard !state.isOver, !text.isEmpty else { return false }
            state.hasText = true
            state.outputUnits += text.utf16.count
            return true
        }
        if isWanted { sink.receive(Array(text.utf8)) }
    }

    func ended(_ result: Result<UpstreamReply, UpstreamFailure>) {
        switch result {
        case .failure(let failure): again(or: failure.message, askedSeconds: 0)
        case .success(let reply) where reply.status != 200:
            let body = state.withLock { $0.buffer }
            let text = Self.json(body).flatMap(Self.errorText) ?? String(decoding: body.prefix(500), as: UTF8.self)
            let message = "\(reply.status) - \(text)"
            if reply.status == 429 || reply.status >= 500 {
                again(or: message, askedSeconds: reply.retryAfterSeconds)
            } else {
                fail(message)
            }
        case .success:
            if streams { endStream() } else { takeWhole() }
        }
    }

    private func endStream() {
        guard state.withLock({ $0.isComplete }) else {
            return again(or: "the connection was closed before the reply's end", askedSeconds: 0)
        }
        guard state.withLock({ $0.hasText }) else { return fail("the reply has no text") }
        finish()
    }

    private func takeWhole() {
        let body = state.withLock { $0.buffer }
        guard let reply = Self.json(body), reply.isObject else { return fail("the reply is not JSON") }
        if let error = Self.errorText(reply) { return fail(error) }
        guard let text = Self.choice(reply)?["message"]?["content"]?.string, !text.isEmpty else {
            return fail("the reply has no text")
        }
        state.withLock { state in
            state.usage = Self.usage(reply)
            state.hasText = true
            state.outputUnits = text.utf16.count
        }
        sink.receive(Array(text.utf8))
        finish()
    }

    // MARK: Endings

    private func finish() {
        let usage = state.withLock { state -> Reply.Usage? in
            guard !state.isOver else { return nil }
            state.isOver = true
            // Some servers send zeros while they have not counted.
            if let usage = state.usage, usage.inputTokens > 0, usage.outputTokens > 0 || !state.hasText { return usage }
            return Reply.Usage(
                inputTokens: inputEstimate, outputTokens: (state.outputUnits + 3) / 4, isEstimated: true)
        }
        if let usage { sink.finish(.success(usage)) }
    }

    private func fail(_ text: String) {
        let transfer = state.withLock { state -> UpstreamTransfer?? in
            guard !state.isOver else { return .none }
            state.isOver = true
            return .some(state.transfer)
        }
        guard let transfer else { return }
        transfer?.cancel()
        let configuration = responder.configuration
        let message = configuration.redacted("\(configuration.provider) API error: \(text)")
        sink.finish(.failure(ResponderFailure(message)))
    }

    /// Sends the request again, if no text has come and tries are left.
    private func again(or text: String, askedSeconds: Int) {
        let attempt = state.withLock { state -> Int? in
            guard !state.isOver, !state.hasText, state.attempt < responder.configuration.retries else { return nil }
            defer { state.attempt += 1 }
            return state.attempt
        }
        guard let attempt else { return fail(text) }
        let delay = responder.delay(attempt: attempt, askedSeconds: askedSeconds)
        responder.timers.schedule(afterMicroseconds: delay) { [self] in send() }
    }

    // MARK: What the server says

    private static func json(_ bytes: [UInt8]) -> JSONValue? {
        do throws(JSONError) {
            return try JSONValue(parsing: UTF8Validation.repaired(bytes), limits: JSONLimits(depth: 32))
        } catch {
            return nil
        }
    }

    private static func choice(_ value: JSONValue) -> JSONValue? {
        if case .array(let choices)? = value["choices"] { choices.first } else { nil }
    }

    /// `{"error":{"message":…}}` or `{"error":…}`.
    private static func errorText(_ value: JSONValue) -> String? {
        switch value["error"] {
        case nil, .null?: nil
        case .string(let text)?: text
        case let error?: error["message"]?.string ?? String(decoding: error.serialized.prefix(500), as: UTF8.self)
        }
    }

    /// nil unless both are counts that can be.
    private static func usage(_ value: JSONValue) -> Reply.Usage? {
        func count(_ name: String) -> Int? {
            guard let number = value["usage"]?[name]?.number, let count = Int(exactly: number),
                (0...1 << 31).contains(count)
            else { return nil }
            return count
        }
        guard let input = count("prompt_tokens"), let output = count("completion_tokens") else { return nil }
        return Reply.Usage(inputTokens: input, outputTokens: output)
    }
}
