package import ChatEngine
package import HTTPTransport
internal import LogStore

/// The orion surface: the session store of an assistant's web front end.
///
///     let surface = OrionSurface(engine: engine, configuration: OrionConfiguration())
///     try server.listen(host: "127.0.0.1", port: 3002, handler: surface.handler)
///
/// Every request goes, in this order, through: security headers; the rate limit (only `/api` and below); CORS (which answers
/// every OPTIONS); the JSON body, for every method and path; with `tokens`, the token (only `/api/sessions` and below);
/// the route. The order is visible on the wire: a 429 has no CORS headers, a malformed body is an error on any path, 401
/// comes before 404.
package final class OrionSurface: APISurface {
    let engine: ChatEngine
    let configuration: OrionConfiguration
    private let limiter: FixedWindowLimiter?
    private let operations = OperationTable<OrionOperation>()
    private let securityHeaders: HeaderBlock
    private let started: UInt64

    package init(engine: ChatEngine, configuration: OrionConfiguration = OrionConfiguration()) {
        self.engine = engine
        self.configuration = configuration
        limiter =
            configuration.rateLimit > 0
            ? FixedWindowLimiter(
                limit: configuration.rateLimit, windowSeconds: configuration.rateWindowSeconds, clock: engine.clock)
            : nil
        securityHeaders = HeaderBlock(OrionHeaders.security)
        started = engine.clock.monotonicMicroseconds()
    }

    /// Answers everything that a listener of this surface gets. It keeps the surface alive.
    package var handler: Handler {
        let afterLimit = OrionHeaders.cors(configuration).middleware { [self] in afterCORS($0, $1) }
        return { [self] in handle($0, $1, afterLimit) }
    }

    package var name: String { description.name }
    package var description: SurfaceDescription { .orion }
    package func routePattern(of request: Request) -> String { operations.pattern(of: request) }
    package func answers(_ request: Request, method: String) -> Bool { operations.answers(request, method: method) }
    package func knows(_ request: Request) -> Bool { operations.knows(request) }
    package func isAddressed(by request: Request) -> Bool { false }

    var uptimeMicroseconds: UInt64 { engine.clock.monotonicMicroseconds() - started }

    // MARK: The way of a request

    private func handle(_ request: Request, _ exchange: any Exchange, _ afterLimit: Handler) {
        exchange.addHeaders(securityHeaders)
        if request.keepsConnection { exchange.addHeaders(.persistence) }
        guard let limiter, Self.isBelow("/api", request.path) else { return afterLimit(request, exchange) }
        let decision = limiter.hit(request.clientIP(trusting: configuration.trustedProxies))
        let seconds = String(decision.resetSeconds)
        exchange.addHeader("RateLimit-Policy", "\(decision.limit);w=\(configuration.rateWindowSeconds)")
        exchange.addHeader("RateLimit-Limit", String(decision.limit))
        exchange.addHeader("RateLimit-Remaining", String(decision.remaining))
        exchange.addHeader("RateLimit-Reset", seconds)
        guard decision.isAllowed else {
            exchange.addHeader("Retry-After", seconds)
            return OrionReply.tooManyRequests(windowSeconds: configuration.rateWindowSeconds).sendTagged(
                request, exchange)
        }
        afterLimit(request, exchange)
    }

    private func afterCORS(_ request: Request, _ exchange: any Exchange) {
        let fields: OrionFields
        do throws(JSONBody.Problem) {
            fields = try OrionFields(request, limit: configuration.bodyBytes)
        } catch {
            return OrionReply(error).sendTagged(request, exchange)
        }
        var access = Access.trusted(tenant: .orion)
        if let tokens = configuration.tokens, Self.isBelow("/api/sessions", request.path) {
            do throws(OrionReply) {
                access = try tokens.access(of: request, now: engine.clock.now())
            } catch {
                return error.sendTagged(request, exchange)
            }
        }
        switch operations.find(request) {
        case .matched(let operation, _, let parameters):
            let call = OrionCall(
                surface: self, request: request, exchange: exchange, access: access, fields: fields,
                parameters: parameters)
            return call.perform(operation)
        case .badParameter(_, let raw):
            return OrionReply.badRequest("Invalid parameter: sessionId", "Failed to decode param '\(raw)'")
                .sendTagged(request, exchange)
        case .methodNotAllowed, .notFound: break
        }
        OrionReply.notFound(request).sendTagged(request, exchange)
    }

    /// Whether a raw path is `prefix` or below it, as a mounted Express router sees it.
    private static func isBelow(_ prefix: String, _ path: String) -> Bool {
        let (path, prefix) = (path.utf8, prefix.utf8)
        guard path.count >= prefix.count, zip(path, prefix).allSatisfy({ lowercased($0) == $1 }) else { return false }
        return path.count == prefix.count || path[path.index(path.startIndex, offsetBy: prefix.count)] == 0x2F
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
