internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// One reply that is being streamed: takes tokens from the responder, stores them, and hands them to its clients.
///
/// Steps: a token is appended to the text. If the reply can be resumed it is first committed: one group at a time, each
/// with all tokens that gathered while the one before was on its way. What is committed (or, if the reply cannot be
/// resumed, what has come) is visible, and each client is given the events that it has not had yet, as far as its
/// connection takes them; the connection calls back when it takes more. At the end one batch stores the message; then the
/// last event goes out, and the streams end.
///
/// Invariants: no client has an event of a token that is not visible; each has them in order and once; `phase` only goes
/// forward; what must not be done under the lock (the engine, the responder) is decided there and done after it.
/// Connections are offered bytes under the lock, which is safe: they call back from their own threads only.
final class Generation: ReplySink {
    private enum Phase {
        case running
        /// The responder is through or was stopped; the message is to be stored or is being stored.
        case ending
        case ended
        /// The server goes down; the store has all that the next one needs.
        case suspended
    }

    private struct State {
        var text: ReplyText
        /// Tokens that clients may have.
        var visible: Int
        var phase = Phase.running
        var reply: Reply
        var isCommitting = false
        var isStoring = false
        var groups: [Int]
        var clients: [StreamClient] = []
        var call: (any ReplyCall)?
    }

    private enum Action {
        case none
        case commit(tokens: [ArraySlice<UInt8>], first: Int)
        case store(Reply, MessageDraft?, groups: [Int]?)
    }

    let id: UUIDValue
    let isResumable: Bool
    private let surface: LLMSurface
    private let events: StreamEvents
    private let requestID: String
    private let state: Mutex<State>

    let organisation: String
    let chat: String
    /// nil: it has ended.
    private let session: SessionKey?

    /// - Parameter leftover: what a server that went down had committed.
    init(
        _ reply: Reply, in session: SessionKey, isResumable: Bool, surface: LLMSurface, requestID: String,
        leftover: ChatEngine.Leftover? = nil
    ) {
        id = reply.id
        self.session = session
        self.isResumable = isResumable
        self.surface = surface
        self.requestID = requestID
        organisation = reply.organisation
        chat = reply.session
        events = StreamEvents(message: reply.id, chat: reply.session)
        var text = ReplyText()
        for token in leftover?.tokens ?? [] { text.append(token) }
        state = Mutex(State(text: text, visible: text.count, reply: reply, groups: leftover?.groups ?? []))
    }

    /// A reply that has ended, to be read again.
    init(_ reply: Reply, surface: LLMSurface, requestID: String, ended bytes: [UInt8]) {
        id = reply.id
        session = nil
        isResumable = false
        self.surface = surface
        self.requestID = requestID
        organisation = reply.organisation
        chat = reply.session
        events = StreamEvents(message: reply.id, chat: reply.session)
        var text = ReplyText()
        var rest = bytes[...]
        for count in reply.tokenBytes {
            text.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        var state = State(text: text, visible: text.count, reply: reply, groups: [])
        state.phase = .ended
        self.state = Mutex(state)
    }

    // MARK: The responder's side

    func start(_ prompt: Prompt) {
        let skipped = state.withLock { $0.text.count }
        let call = surface.responder.stream(prompt, skipping: skipped, to: self)
        let isLate = state.withLock { state in
            state.call = call
            return state.phase != .running
        }
        if isLate { call.cancel() }
    }

    func receive(_ token: [UInt8]) {
        let (action, isTooLong) = state.withLock { state -> (Action, Bool) in
            guard state.phase == .running, !token.isEmpty else { return (.none, false) }
            state.text.append(token)
            if !isResumable { state.visible = state.text.count }
            pump(&state)
            return (next(&state), state.text.bytes.count > surface.configuration.replyBytes)
        }
        perform(action)
        if isTooLong { stop(.failed, failure: "The reply is longer than this server takes") }
    }

    func finish(_ result: Result<Reply.Usage?, ResponderFailure>) {
        switch result {
        case .success(let usage): stop(.completed, usage: usage)
        case .failure(let failure): stop(.failed, failure: failure.message)
        }
    }

    /// Ends the reply as it is.
    /// - Returns: false if it had ended already.
    @discardableResult
    func stop(_ ending: Reply.Ending, usage: Reply.Usage? = nil, failure: String? = nil) -> Bool {
        let (action, call, isFirst) = state.withLock { state -> (Action, (any ReplyCall)?, Bool) in
            guard state.phase == .running else { return (.none, nil, false) }
            state.phase = .ending
            state.reply.ending = ending
            state.reply.usage = usage
            state.reply.failure = failure
            return (next(&state), state.call, true)
        }
        if ending != .completed { call?.cancel() }
        perform(action)
        return isFirst
    }

    /// Leaves a reply that can be resumed to the next server; stops any other.
    func suspend() {
        guard isResumable else {
            stop(.aborted)
            return
        }
        let (call, clients) = state.withLock { state -> ((any ReplyCall)?, [StreamClient]) in
            guard state.phase == .running else { return (nil, []) }
            state.phase = .suspended
            defer { state.clients = [] }
            return (state.call, state.clients)
        }
        call?.cancel()
        for client in clients { client.fail() }
    }

    // MARK: The store's side

    /// What is to be done next, decided under the lock.
    private func next(_ state: inout State) -> Action {
        guard !state.isCommitting, !state.isStoring else { return .none }
        switch state.phase {
        case .running:
            guard isResumable, state.visible < state.text.count else { return .none }
            state.isCommitting = true
            let tokens = (state.visible..<state.text.count).map { state.text[$0] }
            return .commit(tokens: tokens, first: state.visible)
        case .ending:
            state.isStoring = true
            state.reply.tokenBytes = state.text.tokenBytes
            return .store(state.reply, message(state), groups: isResumable ? state.groups : nil)
        case .ended, .suspended: return .none
        }
    }

    private func message(_ state: State) -> MessageDraft? {
        guard state.text.count > 0 else { return nil }
        var draft = MessageDraft(
            ids: .uuid, id: .uuid(id), role: .assistant,
            content: UTF8Text(valid: UTF8Validation.repairedSurrogates(state.text.bytes)))
        switch state.reply.ending {
        case .aborted: draft.metadata = Self.flag("aborted")
        case .failed: draft.metadata = Self.flag("failed")
        case .interrupted: draft.metadata = Self.flag("interrupted")
        case .completed, nil:
            if state.reply.usage?.isEstimated == true { draft.metadata = Self.flag("usage_estimated") }
        }
        if let tokens = state.reply.usage?.outputTokens {
            draft.adjust = { (message: inout Message) in message.tokenCount = UInt32(clamping: tokens) }
        }
        return draft
    }

    private static func flag(_ name: String) -> RawJSON {
        var object = JSONObject()
        object[name] = .bool(true)
        return RawJSON(.object(object))
    }

    private func perform(_ action: Action) {
        switch action {
        case .none: break
        case .commit(let tokens, let first):
            guard let session else { return }
            surface.engine.appendTokens(tokens, first: first, of: id, in: session) { [self] in
                committed($0, first, tokens.count)
            }
        case .store(let reply, let message, let groups):
            surface.engine.finishReply(reply, message: message, groups: groups) { [self] in stored($0) }
        }
    }

    private func committed(_ result: Result<Void, ChatError>, _ first: Int, _ count: Int) {
        let action = state.withLock { state -> Action in
            state.isCommitting = false
            guard case .success = result else { return .none }
            state.groups.append(first)
            state.visible = first + count
            pump(&state)
            return next(&state)
        }
        guard case .failure(let error) = result else { return perform(action) }
        log(.error, "Failed to store streamed message", [("error", .string("\(error)"))])
        if !stop(.failed, failure: "The reply could not be stored") {
            perform(state.withLock { next(&$0) })
        }
    }

    private func stored(_ result: Result<StoredMessage?, ChatError>) {
        surface.streams.remove(self)
        let (reply, length) = state.withLock { state -> (Reply, Int) in
            state.phase = .ended
            state.isStoring = false
            state.visible = state.text.count
            if case .failure = result {
                state.reply.ending = .failed
                state.reply.failure = "The reply could not be stored"
            }
            pump(&state)
            return (state.reply, state.text.units)
        }
        if case .failure(let error) = result, error != .sessionNotFound {
            return log(.error, "Failed to store streamed message", [("error", .string("\(error)"))])
        }
        let counts: [ServiceEvent.Field] = [
            ("tokensStreamed", .integer(reply.tokenBytes.count)), ("totalLength", .integer(length)),
        ]
        guard reply.ending == .completed else {
            if reply.ending == .aborted { return log(.info, "Stream cancelled", counts) }
            return log(.error, "Streaming error", [("error", .string(reply.failure ?? "interrupted"))])
        }
        log(.info, "Stream completed", counts)
        var fields: [ServiceEvent.Field] = [
            ("chatId", .string(reply.session)), ("responseLength", .integer(length)),
        ]
        if let usage = reply.usage {
            fields += [
                ("inputTokens", .integer(usage.inputTokens)), ("outputTokens", .integer(usage.outputTokens)),
                ("totalTokens", .integer(usage.inputTokens + usage.outputTokens)),
            ]
        }
        log(.info, "Streaming chat completed", fields)
    }

    private func log(_ level: ServiceEvent.Level, _ message: String, _ fields: [ServiceEvent.Field]) {
        surface.configuration.log(ServiceEvent(level, message, [("requestId", .string(requestID))] + fields))
    }

    // MARK: The clients' side

    /// Adds a client; it gets all visible events behind those that it has.
    /// - Returns: false, and nothing is done, if the server goes down.
    func add(_ client: StreamClient) -> Bool {
        let isServed = state.withLock { state in
            guard state.phase != .suspended else { return false }
            state.clients.append(client)
            pump(&state)
            return true
        }
        guard isServed else { return false }
        client.stream.onDisconnect { [self] in leave(client) }
        return true
    }

    private func leave(_ client: StreamClient) {
        state.withLock { state in state.clients.removeAll { $0 === client } }
        client.end()
        if client.stopsReply { stop(.aborted) }
    }

    private func pumpAgain() { state.withLock { pump(&$0) } }

    /// Gives every client what it has not had yet.
    private func pump(_ state: inout State) {
        for client in state.clients { give(to: client, state) }
        if state.phase == .ended { state.clients.removeAll { $0.isFinished } }
    }

    private func give(to client: StreamClient, _ state: borrowing State) {
        while !client.isFinished {
            let number = client.delivered + 1
            let id = client.showsIDs ? number : nil
            let isLast = client.delivered >= state.text.count
            let event: [UInt8]
            if !isLast, client.delivered < state.visible {
                event = events.token(state.text[client.delivered], id: id)
            } else if isLast, state.phase == .ended {
                event = events.end(state.reply, text: state.text.bytes, id: id)
            } else {
                return
            }
            switch client.stream.offer(event, onWritable: { [weak self] in self?.pumpAgain() }) {
            case .accepted:
                client.delivered = number
                if isLast { client.finish() }
            case .full, .disconnected: return
            }
        }
    }
}

/// A connection that reads a reply. Its fields are touched under its generation's lock only.
final class StreamClient: @unchecked Sendable {
    let stream = BodyStream(keepsChunks: true)
    let showsIDs: Bool
    /// Whether the reply stops when this client goes.
    let stopsReply: Bool
    /// Events that were handed to the connection or that it had before.
    var delivered: Int
    private(set) var isFinished = false
    private let measurement: LLMMeasurement

    init(showsIDs: Bool, stopsReply: Bool, delivered: Int, measurement: LLMMeasurement) {
        self.showsIDs = showsIDs
        self.stopsReply = stopsReply
        self.delivered = delivered
        self.measurement = measurement
    }

    func finish() {
        isFinished = true
        stream.finish()
        end()
    }

    /// Breaks the stream off.
    func fail() {
        stream.fail()
        end()
    }

    /// The request is over, in the metrics and the log.
    func end() { measurement.end(status: 200) }
}
