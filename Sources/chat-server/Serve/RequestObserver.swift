internal import ChatAPI
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// Counts and logs every request of a surface, from its arrival at the handler to its reply.
final class RequestObserver: Sendable {
    private let surface: any APISurface
    private let metrics: RequestMetrics
    /// nil: the surface writes its own access log.
    private let logger: Logger?
    private let clock: any Clock
    /// Instruments by route pattern; a surface has few.
    private let routes = Mutex<[String: RouteMetrics]>([:])

    init(_ surface: any APISurface, metrics: RequestMetrics, logger: Logger?, clock: any Clock) {
        self.surface = surface
        self.metrics = metrics
        self.logger = logger
        self.clock = clock
    }

    /// The surface, observed.
    var served: ServedSurface {
        let handler = surface.handler
        return ServedSurface(surface: surface) { [self] request, exchange in
            handler(request, ObservedExchange(exchange, request, self, started: clock.monotonicMicroseconds()))
        }
    }

    fileprivate func answered(_ request: Request, _ status: Int, _ identity: RequestIdentity, since started: UInt64) {
        record(request, status, identity, clock.monotonicMicroseconds() - started)
    }

    private func record(_ request: Request, _ status: Int, _ identity: RequestIdentity, _ microseconds: UInt64) {
        let pattern = surface.routePattern(of: request)
        let route = routes.withLock { routes in
            if let known = routes[pattern] { return known }
            let new = metrics.route(surface: surface.name, pattern: pattern)
            routes[pattern] = new
            return new
        }
        route.record(status: status, durationMicroseconds: microseconds)
        guard let logger, logger.level <= (status >= 500 ? .warning : .info) else { return }
        var event = LogEvent(status >= 500 ? .warning : .info, "request")
        event.requestID = identity.requestID ?? String(request.id)
        event.tenant = identity.tenant
        event.user = identity.user
        event.surface = surface.name
        event.method = request.method
        event.route = pattern
        event.status = status
        event.durationMicroseconds = Int64(microseconds)
        logger.log(event)
    }
}

/// A `TransformingExchange` of one piece: this one is made for every request.
private final class ObservedExchange: Exchange {
    private let base: any Exchange
    private let request: Request
    private let observer: RequestObserver
    private let started: UInt64
    private let identity = Mutex(RequestIdentity())

    init(_ base: any Exchange, _ request: Request, _ observer: RequestObserver, started: UInt64) {
        self.base = base
        self.request = request
        self.observer = observer
        self.started = started
    }

    func addHeader(_ name: String, _ value: String) { base.addHeader(name, value) }
    func addHeaders(_ block: HeaderBlock) { base.addHeaders(block) }
    func removeHeaders() { base.removeHeaders() }
    func onDisconnect(_ action: @escaping @Sendable () -> Void) { base.onDisconnect(action) }
    func onLoop(_ work: @escaping @Sendable () -> Void) { base.onLoop(work) }

    func identify(_ identity: RequestIdentity) {
        self.identity.withLock { known in
            known.requestID = identity.requestID ?? known.requestID
            known.tenant = identity.tenant ?? known.tenant
            known.user = identity.user ?? known.user
        }
    }

    func respond(_ response: Response) {
        observer.answered(request, response.status, identity.withLock { $0 }, since: started)
        base.respond(response)
    }
}
