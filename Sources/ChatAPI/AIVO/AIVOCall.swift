internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// One request on its route, with what middleware found out.
struct AIVOCall: Sendable {
    let surface: AIVOSurface
    let request: Request
    let exchange: any Exchange
    let parameters: PathParameters
    /// nil on public routes.
    let member: AIVOMember?
    let input: RequestInput

    var engine: ChatEngine { surface.engine }
    var configuration: AIVOConfiguration { surface.configuration }

    func perform(_ operation: AIVOOperation) throws(AIVOReply) {
        switch operation {
        case .root: return root()
        case .health: return health()
        case .serviceHealth: return answer(AIVOReply(200, ["status": "healthy", "service": "chat-service"]))
        default: break
        }
        guard let member else { throw .authenticationRequired }
        switch operation {
        case .root, .health, .serviceHealth: break
        case .createThread: try createThread(member)
        case .listThreads: listThreads(member)
        case .getThread: getThread(member)
        case .updateThread: updateThread(member)
        case .deleteThread: deleteThread(member)
        case .createMessage: try createMessage(member)
        case .listMessages: listMessages(member)
        case .getMessage: getMessage(member)
        case .updateMessage: updateMessage(member)
        case .deleteMessage: deleteMessage(member)
        case .requestExport: try requestExport(member)
        case .getExport: getRequest(.export, member)
        case .downloadExport: downloadExport(member)
        case .requestDeletion: try requestDeletion(member)
        case .getDeletion: getRequest(.deletion, member)
        case .listPrivacyLog: try listPrivacyLog(member)
        case .listEvents: try listEvents(member)
        }
    }

    // MARK: The service

    private func root() {
        let configuration = configuration
        answer(
            AIVOReply(200) { out in
                out.append(key: #"{"service":"AIVO Chat Service","version":"1.0.0","description":"#)
                out.append(key: #""Threaded message history per learner with privacy compliance","docs":"#)
                out.append(key: configuration.servesDocumentation ? #""/docs""# : "null")
                out.append(key: #","health":"/health","features":{"privacy_compliance":"#)
                out.append(key: configuration.announcesPrivacy ? "true" : "false")
                out.append(key: #","rate_limiting":"#)
                out.append(key: configuration.requestsPerMinute > 0 ? "true" : "false")
                out.append(key: #","message_retention":""#)
                out.append(decimal: Int64(configuration.retentionDays))
                out.append(key: #" days","max_thread_messages":"#)
                out.append(decimal: Int64(configuration.maximumMessages))
                out.append(key: "}}")
            })
    }

    private func health() {
        let isServing = engine.status.failure == nil
        answer(
            AIVOReply(200) { out in
                out.append(key: isServing ? #"{"status":"healthy""# : #"{"status":"degraded""#)
                out.append(key: #","service":"chat-svc","instance":"#)
                out.append(jsonString: configuration.instance)
                out.append(key: #","version":"1.0.0","database":"#)
                out.append(key: isServing ? #""healthy""# : #""unhealthy""#)
                out.append(key: #","tenant_isolated":true,"privacy_compliant":true,"environment":"#)
                out.append(jsonString: configuration.environment)
                out.append(UInt8(ascii: "}"))
            })
    }

    // MARK: Answers

    func answer(_ reply: AIVOReply) { reply.send(exchange) }

    func answer(_ error: ChatError, missing: String = AIVOReply.threadNotFound) {
        answer(AIVOReply(error, missing: missing, log: configuration.log))
    }

    func finish<Value>(
        _ result: Result<Value, ChatError>, missing: String = AIVOReply.threadNotFound, _ success: (Value) -> AIVOReply
    ) {
        switch result {
        case .success(let value): answer(success(value))
        case .failure(let error): answer(error, missing: missing)
        }
    }

    // MARK: Ids

    /// The thread that the path names.
    var threadID: String { parameters["thread_id"] ?? "" }
    var messageID: MessageID { MessageID(parameters["message_id"] ?? "") }
}
