package import ChatEngine
package import HTTPTransport
internal import LogStore

/// The llm surface: an LLM application's back end, with organisations, chats and replies.
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
package final class LLMSurface: APISurface {
    let engine: ChatEngine
    let configuration: LLMConfiguration
    let limiter: TokenBucketLimiter
    let metrics = LLMMetrics()
    let responder: any Responder
    let timers: any Timers
    let streams: StreamRegistry
    private let operations = OperationTable<LLMOperation>()
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

    package var name: String { description.name }
    package var description: SurfaceDescription { .llm }
    package func routePattern(of request: Request) -> String { operations.pattern(of: request) }
    package func answers(_ request: Request, method: String) -> Bool { operations.answers(request, method: method) }
    package func knows(_ request: Request) -> Bool { operations.knows(request) }
    package func isAddressed(by request: Request) -> Bool {
        request.headers.contains("x-org-id") || request.headers.contains("x-user-id")
    }

    // MARK: The way of a request

    private func handle(_ request: Request, _ exchange: any Exchange) {
        let fields: LLMFields
        do throws(JSONBody.Problem) {
            fields = try LLMFields(request, limit: configuration.bodyBytes)
        } catch {
            exchange.addHeader("X-Powered-By", "Express")
            Self.announce(Self.persistence + Self.keepAlive, request, exchange)
            return LLMReply(error).sendTagged(request, exchange)
        }
        exchange.addHeaders(commonFields)
        if request.method == "OPTIONS" {
            Self.announce(Self.persistence + Self.keepAlive, request, exchange)
            return exchange.respond(Response(text: "OK"))
        }
        Self.announce(Self.persistence, request, exchange)
        let requestID = requestID(of: request)
        exchange.addHeader("X-Request-ID", requestID)
        var parameters: PathParameters?
        var operation: LLMOperation?
        var pattern = "unmatched"
        switch operations.find(request) {
        case .matched(let found, let itsPattern, let itsParameters):
            (operation, pattern, parameters) = (found, itsPattern, itsParameters)
        case .badParameter(let known, _): pattern = known
        case .methodNotAllowed, .notFound: break
        }
        let measurement = LLMMeasurement(self, request, requestID, route: pattern)
        let call = LLMCall(
            surface: self, request: request, exchange: measurement.measured(exchange), requestID: requestID,
            measurement: measurement, fields: fields, parameters: parameters)
        LLMAuthentication(call: call, operation: operation).begin()
    }

    /// What Node tells HTTP/1.1 clients, although it goes without saying.
    private static let persistence = [("Connection", "keep-alive")]
    /// Not on streams. Shorter than it is, as the original had it: a client that heeds it never meets a close.
    static let keepAlive = [("Keep-Alive", "timeout=5")]

    private static func announce(_ fields: [(String, String)], _ request: Request, _ exchange: any Exchange) {
        guard request.keepsConnection else { return }
        for (name, value) in fields { exchange.addHeader(name, value) }
    }

    /// What the client calls its request, verbatim, or a new UUID.
    private func requestID(of request: Request) -> String {
        let given = request.headers.all("X-Request-ID").joined(separator: ", ")
        return given.isEmpty ? UUIDValue(random: engine.random).string : given
    }
}
