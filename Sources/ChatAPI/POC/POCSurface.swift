package import Agents
package import ChatEngine
package import HTTPTransport
internal import LogStore

/// The poc surface: a banking assistant's chat back end, over REST and Socket.IO.
///
///     let surface = POCSurface(
///         engine: engine, configuration: POCConfiguration(secret: secret), lifeCycle: SessionLifeCycle.Settings(),
///         agents: orchestrator, passwords: PasswordChecker(engine), timers: timers)
///     surface.start()
///     try server.listen(host: "127.0.0.1", port: 3006, handler: surface.handler)
///     …
///     surface.closeSockets()
///     server.drain(deadline: .seconds(10))
///     surface.shutDown()
///
/// A request goes, in this order, through: security headers; CORS (which answers every OPTIONS); its body; X-Request-ID;
/// the rate limit of its address (below `/api` but not `/health`, and below `/auth`); the route; the token, where the
/// operation asks for one. Requests for `/socket.io` leave before all that. `POCTurns` answers messages, for REST and
/// sockets alike; `POCSockets` has the sockets.
package final class POCSurface: APISurface {
    let engine: ChatEngine
    let configuration: POCConfiguration
    package let lifeCycle: SessionLifeCycle
    let turns: POCTurns
    let tokens: POCTokens
    let passwords: PasswordChecker
    let timers: any Timers
    let sockets: POCSockets
    private let operations = OperationTable<POCOperation>()
    private static let publicOperations = Set(POCOperation.allCases.filter { $0.declaration.isPublic })
    private let securityHeaders = HeaderBlock(POCHeaders.security)
    private let apiLimiter: FixedWindowLimiter?
    private let authLimiter: FixedWindowLimiter?
    private let started: UInt64

    /// - Parameters:
    ///   - timers: sweep expired sessions and end typing; shut down by their maker, after `shutDown`.
    ///   - passwords: shut down by its maker, too.
    package init(
        engine: ChatEngine, configuration: POCConfiguration, lifeCycle settings: SessionLifeCycle.Settings,
        agents: AgentOrchestrator, passwords: PasswordChecker, timers: any Timers
    ) {
        self.engine = engine
        self.configuration = configuration
        self.passwords = passwords
        self.timers = timers
        lifeCycle = SessionLifeCycle(engine: engine, tenant: .poc, settings: settings)
        turns = POCTurns(lifeCycle, agents, configuration)
        tokens = POCTokens(configuration)
        apiLimiter =
            configuration.apiRate > 0
            ? FixedWindowLimiter(
                limit: configuration.apiRate, windowSeconds: configuration.apiWindowSeconds, clock: engine.clock) : nil
        authLimiter =
            configuration.authRate > 0
            ? FixedWindowLimiter(
                limit: configuration.authRate, windowSeconds: POCConfiguration.authWindowSeconds, clock: engine.clock)
            : nil
        started = engine.clock.monotonicMicroseconds()
        sockets = POCSockets(
            engine: engine, configuration: configuration, turns: turns, tokens: tokens, passwords: passwords,
            timers: timers, loginLimiter: authLimiter)
        let turns = turns
        lifeCycle.onEnd { session in
            let reason = session.state.endedReason?.string ?? ""
            let now = JSONValue.string((session.state.endedAt ?? session.updatedAt).isoMilliseconds)
            turns.send(
                session.flags.status == .expired ? "sessionExpired" : "sessionEnded",
                [
                    "sessionId": .string(session.id), "session": .object(turns.objects.chat(session)),
                    "reason": .string(reason), "timestamp": now,
                ], to: session.id)
        }
    }

    /// Begins to sweep for expired sessions.
    package func start() { lifeCycle.start(sweepingEveryMicroseconds: configuration.sweepMicroseconds, timers) }

    /// Says goodbye to the sockets. Before the server drains.
    package func closeSockets() { sockets.shutDown() }

    /// Answers what waits for the agents' threads. After the server has drained, before the engine is closed.
    package func shutDown() { turns.shutDown() }

    /// Answers everything that a listener of this surface gets. It keeps the surface alive.
    package var handler: Handler {
        let allowed = POCHeaders.cors(configuration).middleware { [self] in afterCORS($0, $1) }
        return sockets.handler { [securityHeaders] request, exchange in
            exchange.addHeaders(securityHeaders)
            allowed(request, exchange)
        }
    }

    package var name: String { description.name }
    package var description: SurfaceDescription { .poc }
    package func routePattern(of request: Request) -> String {
        POCSockets.takes(request) ? POCSockets.path : operations.pattern(of: request)
    }
    /// Of the paths that orion has too, those with an id that orion made are orion's whatever is asked.
    package func answers(_ request: Request, method: String) -> Bool {
        if POCSockets.takes(request) { return true }
        return operations.answers(request, method: method) && !request.path.lowercased().hasPrefix(Self.orionsSessions)
    }
    private static let orionsSessions = "/api/sessions/session_"
    package func knows(_ request: Request) -> Bool { POCSockets.takes(request) || operations.knows(request) }

    /// Only its clients send these headers. Of the one path that orion has too, `GET /api/sessions/:id`, an id that this
    /// surface made is its own, and with a token every id that orion did not make.
    package func isAddressed(by request: Request) -> Bool {
        if request.headers.contains("X-Session-ID") || request.headers.contains("X-Agent-Type") { return true }
        guard case .matched(.getSession, _, let parameters) = operations.find(request),
            let id = parameters["sessionId"], !["list", "messages"].contains(id.lowercased())
        else { return false }
        if id.hasPrefix("sess_") { return true }
        return !id.hasPrefix("session_") && request.headers.contains("Authorization")
    }

    var uptimeSeconds: Double { Double(engine.clock.monotonicMicroseconds() - started) / 1_000_000 }

    // MARK: The way of a request

    private func afterCORS(_ request: Request, _ exchange: any Exchange) {
        let requestID = requestID(of: request)
        func answer(_ reply: POCReply) {
            reply.send(request, exchange, at: engine.clock.now(), requestID: requestID)
        }
        let body: POCBody
        do throws(JSONBody.Problem) {
            body = try POCBody(request, limit: configuration.bodyBytes)
        } catch {
            return answer(POCReply(error, inDevelopment: configuration.environment == "development"))
        }
        exchange.addHeader("X-Request-ID", requestID)
        exchange.identify(RequestIdentity(requestID: requestID))
        if let refusal = refusal(of: request, exchange) { return answer(refusal) }
        switch operations.find(request) {
        case .matched(let operation, _, let parameters):
            do throws(POCReply) {
                let caller =
                    Self.publicOperations.contains(operation)
                    ? POCCaller.nobody : try tokens.caller(of: request, at: engine.clock.now())
                let call = POCCall(
                    surface: self, request: request, exchange: exchange, requestID: requestID, caller: caller,
                    body: body, parameters: parameters)
                call.perform(operation)
            } catch {
                answer(error)
            }
        case .badParameter(_, let raw):
            answer(.error(400, "Invalid parameter", message: "Failed to decode param '\(raw)'"))
        case .methodNotAllowed, .notFound: answer(.noRoute(request))
        }
    }

    /// What the client calls its request, or a new id.
    private func requestID(of request: Request) -> String {
        if let given = request.headers["X-Request-ID"], !given.isEmpty { return given }
        return POCIdentifier.make("req", engine)
    }

    /// Counts the request at its address's limit, and says so in headers.
    private func refusal(of request: Request, _ exchange: any Exchange) -> POCReply? {
        let path = request.path.lowercased()
        let isAuth = Self.isBelow("/auth", path)
        guard isAuth || (Self.isBelow("/api", path) && !path.contains("/health")) else { return nil }
        guard let limiter = isAuth ? authLimiter : apiLimiter else { return nil }
        let window = isAuth ? POCConfiguration.authWindowSeconds : configuration.apiWindowSeconds
        let decision = limiter.hit(request.clientIP(trusting: configuration.trustedProxies))
        RateLimitHeaders(
            limit: decision.limit, remaining: decision.remaining, windowSeconds: window,
            resetMilliseconds: Int64(decision.resetMicroseconds / 1000), resetAtMilliseconds: 0
        ).add(.draft6, to: exchange)
        guard !decision.isAllowed else { return nil }
        var reply =
            isAuth
            ? POCReply.tooMany(
                "Too many authentication attempts", "Account temporarily locked. Please try again later.", window)
            : POCReply.tooMany("Too many requests", "Rate limit exceeded. Please try again later.", window)
        reply.retryAfterSeconds = decision.resetSeconds
        return reply
    }

    private static func isBelow(_ prefix: String, _ path: String) -> Bool {
        path == prefix || path.hasPrefix(prefix + "/")
    }
}

/// Ids that are neither a session's nor a message's: `req_<ms>_<9 × base 36>`.
enum POCIdentifier {
    static func make(_ kind: String, _ engine: ChatEngine) -> String {
        var bytes = Array("\(kind)_\(max(0, engine.clock.now().milliseconds))_".utf8)
        Base36(random: engine.random.next(), width: 9).write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What the original's helmet 7 and cors send.
enum POCHeaders {
    static let security: [(name: String, value: String)] = [
        (
            "Content-Security-Policy",
            "default-src 'self';style-src 'self' 'unsafe-inline';script-src 'self';img-src 'self' data: https:;"
                + "connect-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';"
                + "frame-ancestors 'self';object-src 'none';script-src-attr 'none';upgrade-insecure-requests"
        ),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Origin-Agent-Cluster", "?1"),
        ("Referrer-Policy", "no-referrer"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-DNS-Prefetch-Control", "off"),
        ("X-Download-Options", "noopen"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-Permitted-Cross-Domain-Policies", "none"),
        ("X-XSS-Protection", "0"),
    ]

    static func cors(_ configuration: POCConfiguration) -> CORS {
        var cors = CORS(origins: .only(exact: configuration.allowedOrigins, patterns: []))
        cors.foreignOrigin = .ignored
        cors.methods = "GET,POST,PUT,DELETE,PATCH,OPTIONS"
        cors.allowedHeaders = .fixed(
            "Content-Type,Authorization,X-Requested-With,X-Agent-Type,X-Session-ID,X-Request-ID")
        return cors
    }
}
