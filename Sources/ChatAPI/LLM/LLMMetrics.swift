internal import Synchronization

/// What `GET /metrics` of the surface shows: three families, with the names of the original. `route` is a route's pattern,
/// and methods that no route has are one, so the number of series is bounded.
final class LLMMetrics: Sendable {
    private struct Place: Hashable {
        var method: String
        var route: String
    }
    private struct Series: Hashable {
        var place: Place
        var status: Int
    }
    private struct Counts {
        var buckets = [UInt64](repeating: 0, count: LLMMetrics.bounds.count)
        var total: UInt64 = 0
        var microseconds: UInt64 = 0
    }
    private struct State {
        /// In the order of their first appearance.
        var series: [Series] = []
        var counts: [Series: Counts] = [:]
        var places: [Place] = []
        var inProgress: [Place: Int] = [:]
    }

    /// Milliseconds.
    private static let bounds = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000]
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]
    private let state = Mutex(State())

    func begin(_ method: String, _ route: String) {
        let place = Self.place(method, route)
        state.withLock { state in
            if state.inProgress[place] == nil { state.places.append(place) }
            state.inProgress[place, default: 0] += 1
        }
    }

    func end(_ method: String, _ route: String, status: Int, microseconds: UInt64) {
        let place = Self.place(method, route)
        let series = Series(place: place, status: status)
        state.withLock { state in
            state.inProgress[place, default: 1] -= 1
            if state.counts[series] == nil { state.series.append(series) }
            var counts = state.counts.removeValue(forKey: series) ?? Counts()
            counts.total += 1
            counts.microseconds += microseconds
            for (index, bound) in Self.bounds.enumerated() where microseconds <= UInt64(bound) * 1000 {
                counts.buckets[index] += 1
            }
            state.counts[series] = counts
        }
    }

    private static func place(_ method: String, _ route: String) -> Place {
        Place(method: methods.contains(method) ? method : "OTHER", route: route)
    }

    /// The Prometheus text format, version 0.0.4.
    var exposition: String {
        state.withLock { state in
            var text =
                "# HELP http_request_duration_ms Duration of HTTP requests in milliseconds\n"
                + "# TYPE http_request_duration_ms histogram\n"
            for series in state.series {
                guard let counts = state.counts[series] else { continue }
                let labels = Self.labels(series)
                for (bound, count) in zip(Self.bounds.map(String.init) + ["+Inf"], counts.buckets + [counts.total]) {
                    text += "http_request_duration_ms_bucket{le=\"\(bound)\",\(labels)} \(count)\n"
                }
                let milliseconds = Double(counts.microseconds) / 1000
                text += "http_request_duration_ms_sum{\(labels)} \(milliseconds)\n"
                text += "http_request_duration_ms_count{\(labels)} \(counts.total)\n"
            }
            text += "\n# HELP http_requests_total Total number of HTTP requests\n# TYPE http_requests_total counter\n"
            for series in state.series {
                text += "http_requests_total{\(Self.labels(series))} \(state.counts[series]?.total ?? 0)\n"
            }
            text +=
                "\n# HELP http_requests_in_progress Number of HTTP requests currently in progress\n"
                + "# TYPE http_requests_in_progress gauge\n"
            for place in state.places {
                let labels = "method=\"\(place.method)\",route=\"\(place.route)\""
                text += "http_requests_in_progress{\(labels)} \(state.inProgress[place] ?? 0)\n"
            }
            return text
        }
    }

    private static func labels(_ series: Series) -> String {
        "method=\"\(series.place.method)\",route=\"\(series.place.route)\",status_code=\"\(series.status)\""
    }
}
