/// Requests by surface, route pattern and class of status, and how long they took.
final class RequestMetrics: Sendable {
    private let requests: Family<Counter>
    private let durations: Family<Histogram>
    private let rejects: Family<Counter>
    private static let rejections = [429, 503, 507]

    init(registry: MetricsRegistry) {
        requests = registry.counter(
            "chat_http_requests_total", "Requests answered.", labels: ["surface", "route", "status"])
        durations = registry.histogram(
            "chat_http_request_duration_seconds", "From the last byte of a request to the first of its answer.",
            labels: ["surface", "route"])
        rejects = registry.counter(
            "chat_http_rejects_total",
            "Requests refused: quota used up (429), overload or failed store (503), disk full (507).",
            labels: ["surface", "status"])
    }

    /// The instruments of one route; made when routes are registered, kept by the route.
    /// - Parameter pattern: as the route is registered, `/api/sessions/:sessionId`; never a path.
    func route(surface: String, pattern: String) -> RouteMetrics {
        RouteMetrics(
            byStatusClass: ["1xx", "2xx", "3xx", "4xx", "5xx"].map { requests.member(surface, pattern, $0) },
            duration: durations.member(surface, pattern),
            rejects: Self.rejections.map { ($0, rejects.member(surface, String($0))) })
    }
}

/// Records without a lock, from any thread.
struct RouteMetrics: Sendable {
    fileprivate let byStatusClass: [Counter]
    fileprivate let duration: Histogram
    /// By status.
    fileprivate let rejects: [(status: Int, counter: Counter)]

    func record(status: Int, durationMicroseconds: UInt64) {
        byStatusClass[min(max(status / 100, 1), 5) - 1].increment()
        duration.observe(durationMicroseconds)
        if status >= 429, let reject = rejects.first(where: { $0.status == status }) { reject.counter.increment() }
    }
}
