package import LogStore

/// A number of requests in any window of the given length, from a log of the accepted ones. Refused requests are not
/// logged.
package final class SlidingWindowLimiter: Sendable {
    package let limit: Int
    package let windowMicroseconds: UInt64
    private let clock: any Clock
    private let table: LimiterTable<State>

    struct State: LimiterState {
        /// Times of accepted requests, oldest first; at most `limit` of them.
        var times: [UInt64] = []
        var limit = 1
        var window: UInt64 = 0
        func use(at now: UInt64) -> Double {
            Double(times.count { now < $0 + window }) / Double(limit)
        }
    }

    /// - Parameter capacity: keys kept at most; each takes 8 bytes a request of its window.
    package init(limit: Int, windowSeconds: Int, clock: any Clock, capacity: Int = 20_000) {
        precondition(limit > 0 && windowSeconds > 0)
        self.limit = limit
        windowMicroseconds = UInt64(windowSeconds) * 1_000_000
        self.clock = clock
        table = LimiterTable(capacity: capacity)
    }

    /// Accepts or refuses one request of `key`. The reset is when the oldest logged request leaves the window.
    package func hit(_ key: String) -> RateDecision {
        let now = clock.monotonicMicroseconds()
        let (limit, window) = (limit, windowMicroseconds)
        return table.update(key, at: now) { state in
            state.limit = limit
            state.window = window
            let expired = state.times.prefix { now >= $0 + window }.count
            state.times.removeFirst(expired)
            let isAllowed = state.times.count < limit
            if isAllowed { state.times.append(now) }
            let oldest = state.times.first ?? now
            return RateDecision(
                isAllowed: isAllowed, limit: limit, remaining: limit - state.times.count,
                resetMicroseconds: oldest + window - now)
        }
    }
}
