package import ChatEngine
package import HTTPTransport
internal import LogStore

/// The aivo surface: a learning platform's threads and messages, with privacy requests.
///
///     let surface = AIVOSurface(engine: engine, privacy: jobs, timers: timers, configuration: configuration)
///     try server.listen(host: "127.0.0.1", port: 8000, handler: surface.handler)
///
/// A request goes, in this order, through: the rate limit of its address; the request id; CORS; the route (404, 405, a
/// redirect to the path without its last slash); the token (401); the declaration of the operation (422); the operation.
/// So a request without a valid token gets 401 whatever its body.
package final class AIVOSurface: APISurface {
    let engine: ChatEngine
    let privacy: PrivacyJobs
    let timers: any Timers
    let configuration: AIVOConfiguration
    let eventStreams: EventStreams
    private let limiter: SlidingWindowLimiter?
    private let cors: AIVOCORS
    private let operations: OperationTable<AIVOOperation>
    private let schemas: [String: Schema]

    /// - Parameter timers: shut down by their maker, after `stopStreams`.
    package init(
        engine: ChatEngine, privacy: PrivacyJobs, timers: any Timers, configuration: AIVOConfiguration
    ) {
        self.engine = engine
        self.privacy = privacy
        self.timers = timers
        eventStreams = EventStreams(capacity: configuration.maximumEventStreams)
        self.configuration = configuration
        limiter =
            configuration.requestsPerMinute > 0
            ? SlidingWindowLimiter(limit: configuration.requestsPerMinute, windowSeconds: 60, clock: engine.clock) : nil
        cors = AIVOCORS(origins: configuration.allowedOrigins)
        var options = RouterOptions()
        options.caseInsensitive = false
        options.ignoreTrailingSlash = false
        options.answersHead = false
        operations = OperationTable(options: options)
        schemas = Dictionary(SurfaceDescription.aivo.schemas.map { ($0.name, $0.1) }) { first, _ in first }
    }

    /// Answers everything that a listener of this surface gets. It keeps the surface alive.
    package var handler: Handler { { [self] in handle($0, $1) } }

    package var name: String { description.name }
    package var description: SurfaceDescription { .aivo }
    package func routePattern(of request: Request) -> String { operations.pattern(of: request) }
    package func answers(_ request: Request, method: String) -> Bool { operations.answers(request, method: method) }
    package func knows(_ request: Request) -> Bool { operations.knows(request) || redirect(request) != nil }
    package func isAddressed(by request: Request) -> Bool {
        AIVOOperation.prefixes.contains { request.path.hasPrefix("\($0)/") }
    }

    /// Ends the streams of events, which would not end by themselves.
    package func stopStreams() { eventStreams.endAll() }

    // MARK: The way of a request

    /// Neither limited nor asked for a token.
    private static let openPaths: Set<String> = ["/", "/health", "/docs", "/redoc", "/openapi.json"]

    private func handle(_ request: Request, _ exchange: any Exchange) {
        let requestID = UUIDValue(random: engine.random).string
        exchange.addHeader("X-Request-ID", requestID)
        exchange.identify(RequestIdentity(requestID: requestID))
        if let limiter, !Self.openPaths.contains(request.path) {
            let decision = limiter.hit(request.client.text)
            guard decision.isAllowed else {
                return AIVOReply(429, "Rate limit exceeded").retry(afterSeconds: max(1, decision.resetSeconds))
                    .send(exchange)
            }
        }
        if let answer = cors.preflight(request) { return exchange.respond(answer) }
        cors.apply(request, exchange)
        switch operations.find(request) {
        case .matched(let operation, _, let parameters): perform(operation, parameters, request, exchange)
        case .methodNotAllowed(let allowed):
            exchange.addHeader("Allow", allowed.joined(separator: ", "))
            AIVOReply.methodNotAllowed.send(exchange)
        case .badParameter: AIVOReply.notFound.send(exchange)
        case .notFound:
            guard let location = redirect(request) else { return AIVOReply.notFound.send(exchange) }
            exchange.respond(Response(status: 307, headers: [("Location", location)]))
        }
    }

    /// Where a path with a slash too much belongs; nil if it is not that.
    private func redirect(_ request: Request) -> String? {
        var path = Substring(request.path)
        guard path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") else { return nil }
        while path.utf8.last == UInt8(ascii: "/") { path = path.dropLast() }
        guard !path.isEmpty else { return nil }
        guard operations.knows(Request(method: request.method, target: String(path))) else { return nil }
        return request.query.isEmpty ? String(path) : "\(path)?\(request.query)"
    }

    private func perform(
        _ operation: AIVOOperation, _ parameters: PathParameters, _ request: Request, _ exchange: any Exchange
    ) {
        do throws(AIVOReply) {
            let declaration = operation.declaration
            let member = declaration.isPublic ? nil : try member(operation, request)
            if let member { exchange.identify(RequestIdentity(tenant: member.tenant, user: member.user)) }
            let call = AIVOCall(
                surface: self, request: request, exchange: exchange, parameters: parameters, member: member,
                input: try input(request, declaration))
            try call.perform(operation)
        } catch {
            error.send(exchange)
        }
    }

    private func member(_ operation: AIVOOperation, _ request: Request) throws(AIVOReply) -> AIVOMember {
        switch configuration.identity(authorization: request.headers["Authorization"], now: engine.clock.now()) {
        case .member(let member): return member
        case .tenantless: throw .tenantRequired
        // The original asked those for the tenant only.
        case .nobody: throw operation.asksForTenantOnly ? .tenantRequired : .authenticationRequired
        }
    }

    private func input(
        _ request: Request, _ declaration: OperationDeclaration
    ) throws(AIVOReply) -> RequestInput {
        do throws(RequestInput.Problem) {
            return try RequestInput(request, declaration, schemas: schemas, bodyBytes: configuration.bodyBytes)
        } catch {
            throw AIVOReply(error)
        }
    }
}
