package import ChatEngine
package import HTTPTransport
internal import LogStore

/// The llm surface: an LLM application's back end, with organisations, chats and replies (docs of the contract:
/// `/openapi.json`).
///
///     let timers = TimerThread()
///     let responder = CannedResponder(timers: timers, random: engine.random)
///     let surface = LLMSurface(engine: engine, responder: responder, timers: timers)
///     try surface.recoverStreams()
///     try server.listen(host: "127.0.0.1", port: 3000, handler: surface.handler)
///
/// Every request goes, in this order, through: the body, for every method and path; CORS, which answers every OPTIONS; the
/// request id; metrics and the access log; authentication by headers; the organisation's token bucket; the route. The
/// order is visible on the wire: a malformed body has no request id and is not counted, 401 comes before 404, and a 404
/// costs a token.
package final class LLMSurface: Sendable {
    let engine: ChatEngine
    let configuration: LLMConfiguration
    let limiter: TokenBucketLimiter
    let metrics = LLMMetrics()
    let responder: any Responder
    let timers: any Timers
    let streams: StreamRegistry
    private let router: Router
    private let operations: [String: Operation]
    private let commonFields: HeaderBlock

    /// - Parameter timers: start and pace replies; shut down by their maker, after `stopStreams`.
    package init(
        engine: ChatEngine, configuration: LLMConfiguration = LLMConfiguration(), responder: any Responder,
        timers: any Timers
    ) {
        self.engine = engine
        self.responder = responder
        self.timers = timers
        streams = StreamRegistry(capacity: configuration.maximumStreams)
        self.configuration = configuration
        limiter = TokenBucketLimiter(
            capacity: configuration.bucketSize, tokensPerSecond: configuration.tokensPerSecond, clock: engine.clock)
        (router, operations) = Operation.routes()
        commonFields = HeaderBlock([
            ("X-Powered-By", "Express"), ("Access-Control-Allow-Origin", "*"),
            (
                "Access-Control-Allow-Headers",
                "Origin, X-Requested-With, Content-Type, Accept, Authorization, x-org-id, x-user-id"
            ),
            ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS, PATCH"),
        ])
    }

    /// Answers everything that a listener of this surface gets. It keeps the surface alive.
    package var handler: Handler { { [self] in handle($0, $1) } }

    /// The pattern of the route that a request goes to, for metrics and logs: never the path, which has ids in it.
    package func routePattern(of request: Request) -> String {
        switch router.find(request) {
        case .matched(let match): match.pattern
        case .badParameter(let pattern, _): pattern
        case .methodNotAllowed, .notFound: "unmatched"
        }
    }

    /// Whether the surface has routes on the request's path, with whatever method.
    package func knows(_ request: Request) -> Bool {
        if case .notFound = router.find(request) { false } else { true }
    }

    /// Whether the request carries the headers that only this surface's clients send.
    package static func isAddressed(by request: Request) -> Bool {
        request.headers.contains("x-org-id") || request.headers.contains("x-user-id")
    }

    // MARK: The way of a request

    private func handle(_ request: Request, _ exchange: any Exchange) {
        let fields: LLMFields
        do throws(JSONBody.Problem) {
            fields = try LLMFields(request, limit: configuration.bodyBytes)
        } catch {
            exchange.addHeader("X-Powered-By", "Express")
            return LLMReply(error).send(request, exchange)
        }
        exchange.addHeaders(commonFields)
        if request.method == "OPTIONS" { return exchange.respond(Response(text: "OK")) }
        let requestID = requestID(of: request)
        exchange.addHeader("X-Request-ID", requestID)
        let outcome = router.find(request)
        var parameters: PathParameters?
        var operation: Operation?
        if case .matched(let match) = outcome {
            parameters = match.parameters
            operation = operations["\(request.method == "HEAD" ? "GET" : request.method) \(match.pattern)"]
        }
        let measurement = LLMMeasurement(self, request, requestID, route: routePattern(of: request))
        let call = LLMCall(
            surface: self, request: request, exchange: measurement.measured(exchange), requestID: requestID,
            measurement: measurement, fields: fields, parameters: parameters)
        LLMAuthentication(call: call, operation: operation).begin()
    }

    /// What the client calls its request, verbatim, or a new UUID.
    private func requestID(of request: Request) -> String {
        let given = request.headers.all("X-Request-ID").joined(separator: ", ")
        return given.isEmpty ? UUIDValue(random: engine.random).string : given
    }

    // MARK: Routes

    enum Operation: CaseIterable {
        case root, health, metrics, openAPI, documentation
        case chat, conversation, ownChats, createChat, renameChat, deleteChat, organisationChats
        case messages, messageCount, deleteMessage
        case stream, resumeStream, cancelStream

        /// Method and path pattern. Words come before the parameters that would take them.
        var route: (method: String, pattern: String) {
            switch self {
            case .root: ("GET", "/")
            case .health: ("GET", "/health")
            case .metrics: ("GET", "/metrics")
            case .openAPI: ("GET", "/openapi.json")
            case .documentation: ("GET", "/docs")
            case .chat: ("POST", "/chat")
            case .conversation: ("GET", "/chat/:chatId")
            case .ownChats: ("GET", "/chats")
            case .createChat: ("POST", "/chats")
            case .renameChat: ("PUT", "/chat/:chatId")
            case .deleteChat: ("DELETE", "/chat/:chatId")
            case .organisationChats: ("GET", "/chats/org")
            case .messages: ("GET", "/chat/:chatId/messages")
            case .messageCount: ("GET", "/chat/:chatId/messages/count")
            case .deleteMessage: ("DELETE", "/chat/:chatId/messages/:messageId")
            case .stream: ("POST", "/chat/stream")
            case .resumeStream: ("GET", "/chat/stream/:messageId")
            case .cancelStream: ("POST", "/chat/stream/:messageId/cancel")
            }
        }

        /// Exactly these paths need no identity and cost no token.
        static let publicPaths: Set<String> = ["/health", "/metrics", "/openapi.json", "/docs"]

        static func routes() -> (Router, [String: Operation]) {
            var router = Router()
            var operations: [String: Operation] = [:]
            for operation in allCases {
                let (method, pattern) = operation.route
                // The router only finds: what follows needs the parsed body and the access value as well.
                router.add(method, pattern) { _, _, _ in }
                operations["\(method) \(pattern)"] = operation
            }
            return (router, operations)
        }
    }
}
