package import LogStore

/// A number of requests a window, which begins at a key's first request: what express-rate-limit's memory store does.
package final class FixedWindowLimiter: Sendable {
    package let limit: Int
    package let windowMicroseconds: UInt64
    private let clock: any Clock
    private let table: LimiterTable<State>

    struct State: LimiterState {
        /// The window's end; 0 = not begun.
        var end: UInt64 = 0
        var count = 0
        var limit = 1
        func use(at now: UInt64) -> Double { now >= end ? 0 : Double(count) / Double(limit) }
    }

    /// - Parameters:
    ///   - limit: at least 1.
    ///   - capacity: keys kept at most; about 100 bytes each.
    package init(limit: Int, windowSeconds: Int, clock: any Clock, capacity: Int = 100_000) {
        precondition(limit > 0 && windowSeconds > 0)
        self.limit = limit
        windowMicroseconds = UInt64(windowSeconds) * 1_000_000
        self.clock = clock
        table = LimiterTable(capacity: capacity)
    }

    /// Counts one request of `key`, also when it is refused.
    package func hit(_ key: String) -> RateDecision {
        let now = clock.monotonicMicroseconds()
        let (limit, window) = (limit, windowMicroseconds)
        return table.update(key, at: now) { state in
            if now >= state.end { state = State(end: now + window, count: 0, limit: limit) }
            state.count += 1
            return RateDecision(
                isAllowed: state.count <= limit, limit: limit, remaining: max(0, limit - state.count),
                resetMicroseconds: state.end - now)
        }
    }

    var keyCount: Int { table.count }
}
