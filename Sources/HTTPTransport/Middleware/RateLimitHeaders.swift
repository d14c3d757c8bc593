/// The fields in which `express-rate-limit` tells a client its quota. The counting is done elsewhere.
package struct RateLimitHeaders: Sendable {
    package enum Style: Sendable {
        /// `X-RateLimit-Limit`, `-Remaining`, `-Reset` (unix seconds, rounded up).
        case legacy
        /// `RateLimit-Policy`, `RateLimit-Limit`, `-Remaining`, `-Reset` (seconds left).
        case draft6
        /// `RateLimit-Policy`, and one `RateLimit` with everything.
        case draft7
    }

    package var limit: Int
    package var remaining: Int
    package var windowSeconds: Int
    /// Until the window ends.
    package var resetMilliseconds: Int64
    /// When the window ends, since 1970.
    package var resetAtMilliseconds: Int64

    package init(limit: Int, remaining: Int, windowSeconds: Int, resetMilliseconds: Int64, resetAtMilliseconds: Int64) {
        self.limit = limit
        self.remaining = remaining
        self.windowSeconds = windowSeconds
        self.resetMilliseconds = resetMilliseconds
        self.resetAtMilliseconds = resetAtMilliseconds
    }

    /// Whole seconds left, rounded up; also the value of `Retry-After` on a 429.
    package var resetSeconds: Int64 { RateLimitHeaders.secondsUp(max(0, resetMilliseconds)) }

    package func add(_ style: Style, to exchange: any Exchange) {
        let left = String(max(0, remaining))
        switch style {
        case .legacy:
            exchange.addHeader("X-RateLimit-Limit", String(limit))
            exchange.addHeader("X-RateLimit-Remaining", left)
            exchange.addHeader("X-RateLimit-Reset", String(RateLimitHeaders.secondsUp(resetAtMilliseconds)))
        case .draft6:
            exchange.addHeader("RateLimit-Policy", "\(limit);w=\(windowSeconds)")
            exchange.addHeader("RateLimit-Limit", String(limit))
            exchange.addHeader("RateLimit-Remaining", left)
            exchange.addHeader("RateLimit-Reset", String(resetSeconds))
        case .draft7:
            exchange.addHeader("RateLimit-Policy", "\(limit);w=\(windowSeconds)")
            exchange.addHeader("RateLimit", "limit=\(limit), remaining=\(left), reset=\(resetSeconds)")
        }
    }

    private static func secondsUp(_ milliseconds: Int64) -> Int64 { (milliseconds + 999) / 1000 }
}
