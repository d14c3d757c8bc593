internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// One request on its route: what middleware found out, and the operations.
struct LLMCall: Sendable {
    let surface: LLMSurface
    let request: Request
    let exchange: any Exchange
    let requestID: String
    let measurement: LLMMeasurement
    let fields: LLMFields
    /// nil: no route.
    let parameters: PathParameters?
    /// nil on public routes without identity.
    var account: Account?
    /// Of nobody until authentication has set it.
    var access = Access.trustedHeaders(tenant: .llmAccounts, user: "", roles: [], reach: .users([]))
    var rate: (limit: Int, remaining: Int, reset: String)?

    var engine: ChatEngine { surface.engine }

    func perform(_ operation: LLMOperation?) {
        guard let operation else { return answer(.noRoute(request)) }
        do throws(LLMReply) {
            switch operation {
            case .root: root()
            case .health: health()
            case .metrics: metrics()
            case .chat: try chat()
            case .conversation: try conversation()
            case .ownChats: ownChats()
            case .createChat: try createChat()
            case .renameChat: try renameChat()
            case .deleteChat: try deleteChat()
            case .organisationChats: organisationChats()
            case .messages: try messages()
            case .messageCount: try messageCount()
            case .deleteMessage: try deleteMessage()
            case .stream: try streamChat()
            case .resumeStream: try resumeStream()
            case .cancelStream: try cancelStream()
            }
        } catch {
            answer(error)
        }
    }

    // MARK: The service

    private func root() {
        guard let account, let rate else { return answer(.authenticationFailed) }
        answer(
            LLMReply(200) { out in
                out.append(key: #"{"message":"Welcome to the LLM Production App""#)
                out.append(llmTime: "timestamp", engine.clock.now())
                out.append(key: #","requestId":"#)
                out.append(jsonString: requestID)
                out.append(llmIdentity: account)
                out.append(key: #","rateLimit":{"limit":"#)
                out.append(decimal: Int64(rate.limit))
                out.append(key: #","remaining":"#)
                out.append(decimal: Int64(rate.remaining))
                out.append(key: #","resetAt":"#)
                out.append(jsonString: rate.reset)
                out.append(key: "}}")
            })
    }

    private func health() {
        let isServing = engine.status.failure == nil
        answer(
            LLMReply(isServing ? 200 : 503) { out in
                out.append(key: isServing ? #"{"status":"ok","env":"# : #"{"status":"degraded","env":"#)
                out.append(jsonString: surface.configuration.environment)
                out.append(llmTime: "timestamp", engine.clock.now())
                out.append(key: #","requestId":"#)
                out.append(jsonString: requestID)
                // The limiter, which the original kept in Redis, is part of this process.
                out.append(
                    key: isServing
                        ? #","services":{"database":"connected","redis":"connected"}"#
                        : #","services":{"database":"disconnected","redis":"connected"}"#)
                if let account { out.append(llmIdentity: account) }
                out.append(UInt8(ascii: "}"))
            })
    }

    private func metrics() {
        exchange.respond(
            Response(text: surface.metrics.exposition, contentType: "text/plain; charset=utf-8; version=0.0.4"))
    }

    // MARK: Answers

    func answer(_ reply: LLMReply) { reply.sendTagged(request, exchange) }

    func answer(_ error: ChatError, missing: String, failure: String) {
        answer(
            LLMReply(error, missing: missing, failure: failure) { log(.error, $0, [("error", .string($1))]) })
    }

    func finish<Value>(
        _ result: Result<Value, ChatError>, missing: String = LLMReply.chatNotFound, failure: String,
        _ success: (Value) -> LLMReply
    ) {
        switch result {
        case .success(let value): answer(success(value))
        case .failure(let error): answer(error, missing: missing, failure: failure)
        }
    }

    // MARK: Log

    func log(_ level: ServiceEvent.Level, _ message: String, _ fields: [ServiceEvent.Field]) {
        surface.configuration.log(ServiceEvent(level, message, [("requestId", .string(requestID))] + fields))
    }

    func debug(_ message: String, _ fields: () -> [ServiceEvent.Field]) {
        if surface.configuration.logsDebug { log(.debug, message, fields()) }
    }

    // MARK: Ids

    /// The chat that the path names.
    func chatID(missing: String = LLMReply.chatNotFound) throws(LLMReply) -> String {
        guard let id = UUIDValue(text: parameters?["chatId"] ?? "") else { throw .notFound(missing) }
        return id.string
    }
}
