internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// One request in the metrics and the access log: from its arrival to its reply, or to the end of its stream.
final class LLMMeasurement: Sendable {
    private let surface: LLMSurface
    private let request: Request
    private let requestID: String
    private let route: String
    private let started: UInt64
    private let isEnded = Atomic<Bool>(false)

    init(_ surface: LLMSurface, _ request: Request, _ requestID: String, route: String) {
        self.surface = surface
        self.request = request
        self.requestID = requestID
        self.route = route
        started = surface.engine.clock.monotonicMicroseconds()
        surface.metrics.begin(request.method, route)
    }

    /// `exchange`, with every reply but a stream ending the measurement.
    func measured(_ exchange: any Exchange) -> any Exchange {
        TransformingExchange(exchange) { [self] response in
            if case .stream = response.body { return }
            if request.keepsConnection { response.headers += LLMSurface.keepAlive.map { ($0.0, $0.1) } }
            end(status: response.status)
        }
    }

    /// Counts and logs the request; without effect after the first time.
    func end(status: Int) {
        guard !isEnded.exchange(true, ordering: .relaxed) else { return }
        let microseconds = surface.engine.clock.monotonicMicroseconds() - started
        surface.metrics.end(request.method, route, status: status, microseconds: microseconds)
        surface.configuration.log(
            ServiceEvent(
                .info, "HTTP Request",
                [
                    ("requestId", .string(requestID)), ("method", .string(request.method)),
                    ("url", .string(request.path)), ("route", .string(route)), ("status", .integer(status)),
                    ("duration", .string("\(microseconds / 1000)ms")),
                    ("userAgent", .string(request.headers["User-Agent"] ?? "")),
                ]))
    }
}
