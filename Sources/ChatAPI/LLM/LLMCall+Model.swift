internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// `POST /chat` with a model: the message is committed before the model is asked, and stays if it fails; the reply is a
/// second batch.
extension LLMCall {
    func askModel(_ message: UTF8Text, _ chatID: String?) throws(LLMReply) {
        guard surface.streams.reserve() else { throw .tooManyStreams }
        engine.saveTurn(Turn(target(chatID, title: message), [question(message)]), access) { result in
            switch result {
            case .failure(let error):
                surface.streams.release()
                answer(error, missing: LLMReply.chatNotYours, failure: Self.failure)
            case .success(let saved):
                if saved.isNew { log(.info, "New chat created", [("chatId", .string(saved.sessionID))]) }
                ask(message, saved)
            }
        }
    }

    private func ask(_ message: UTF8Text, _ question: SavedTurn) {
        surface.prompt(message, in: question.sessionID, access) { result in
            switch result {
            case .failure(let error):
                surface.streams.release()
                answer(error, missing: LLMReply.chatNotYours, failure: Self.failure)
            case .success(let prompt):
                let sink = WholeReply { text, result in
                    surface.streams.release()
                    switch result {
                    case .failure(let failure): refuse(failure)
                    case .success(let usage): store(text, usage, question)
                    case nil: answer(.clientGone)
                    }
                }
                let reply = surface.responder.reply(to: prompt, sink: sink)
                // Nobody would see it, and it costs. The question stays.
                exchange.onDisconnect {
                    reply.cancel()
                    sink.abandon()
                }
            }
        }
    }

    private func refuse(_ failure: ResponderFailure) {
        log(.error, "Chat endpoint error", [("error", .string(failure.message))])
        guard failure.message.contains("API key") else {
            return answer(LLMReply(500, error: "Internal Server Error", Self.failure))
        }
        answer(
            LLMReply(
                500, error: "Configuration Error", "LLM API not configured. Please set the appropriate API key."))
    }

    private func store(_ text: [UInt8], _ usage: Reply.Usage?, _ question: SavedTurn) {
        var draft = MessageDraft(ids: .uuid, role: .assistant, content: UTF8Text(valid: text))
        if let usage {
            draft.adjust = { (message: inout Message) in message.tokenCount = UInt32(clamping: usage.outputTokens) }
            if usage.isEstimated { draft.metadata = RawJSON(scanned: Array(#"{"usage_estimated":true}"#.utf8)[...]) }
        }
        engine.saveTurn(Turn(.existing(question.sessionID), [draft]), access) { result in
            if case .success(let saved) = result { logModelReply(question, saved, usage) }
            finish(result, missing: LLMReply.chatNotYours, failure: Self.failure) { saved in
                Self.reply(chat: saved.sessionID, saved.messages[0], text: text, usage: usage)
            }
        }
    }

    private func logModelReply(_ question: SavedTurn, _ reply: SavedTurn, _ usage: Reply.Usage?) {
        log(
            .info, "Chat response generated",
            [
                ("chatId", .string(reply.sessionID)),
                ("userMessageId", .string(question.messages[0].message.id.string)),
                ("assistantMessageId", .string(reply.messages[0].message.id.string)),
                ("inputTokens", .integer(usage?.inputTokens ?? 0)),
                ("outputTokens", .integer(usage?.outputTokens ?? 0)),
                ("totalTokens", .integer((usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0))),
            ])
    }
}

/// Collects a reply that is wanted in one piece. Completes once: with what came, or nil if it is not wanted any more.
private final class WholeReply: ReplySink {
    typealias Outcome = Result<Reply.Usage?, ResponderFailure>

    private struct State {
        var text: [UInt8] = []
        var completion: (@Sendable ([UInt8], Outcome?) -> Void)?
    }
    private let state: Mutex<State>

    init(_ completion: @escaping @Sendable ([UInt8], Outcome?) -> Void) {
        state = Mutex(State(completion: completion))
    }

    func receive(_ token: [UInt8]) { state.withLock { $0.text += token } }

    func finish(_ result: Outcome) { complete(result) }

    func abandon() { complete(nil) }

    private func complete(_ outcome: Outcome?) {
        let (text, completion) = state.withLock { state in
            defer { state.completion = nil }
            return (state.text, state.completion)
        }
        completion?(text, outcome)
    }
}
