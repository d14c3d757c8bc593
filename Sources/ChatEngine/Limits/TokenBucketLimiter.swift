package import LogStore

/// A bucket of tokens that refills continuously; a request takes one, or is refused and takes nothing.
package final class TokenBucketLimiter: Sendable {
    package let capacity: Int
    package let tokensPerSecond: Double
    private let clock: any Clock
    private let table: LimiterTable<State>

    struct State: LimiterState {
        /// nil = a full bucket that nobody has touched.
        var bucket: Bucket?
        struct Bucket: Sendable {
            var tokens: Double
            var refilledAt: UInt64
            var capacity: Double
            var rate: Double
            func tokens(at now: UInt64) -> Double {
                min(capacity, tokens + Double(now &- refilledAt) / 1_000_000 * rate)
            }
        }
        func use(at now: UInt64) -> Double {
            guard let bucket else { return 0 }
            let left = bucket.tokens(at: now)
            return left < 1 ? 1 : (bucket.capacity - left) / bucket.capacity
        }
    }

    package init(capacity: Int, tokensPerSecond: Double, clock: any Clock, keys: Int = 100_000) {
        precondition(capacity > 0 && tokensPerSecond > 0)
        self.capacity = capacity
        self.tokensPerSecond = tokensPerSecond
        self.clock = clock
        table = LimiterTable(capacity: keys)
    }

    /// Takes a token of `key`. The reset is when the bucket would be full, or when refused, when one token is there.
    package func hit(_ key: String) -> RateDecision {
        let now = clock.monotonicMicroseconds()
        let (size, rate, limit) = (Double(capacity), tokensPerSecond, capacity)
        return table.update(key, at: now) { state in
            let tokens = state.bucket?.tokens(at: now) ?? size
            guard tokens >= 1 else {
                return RateDecision(
                    isAllowed: false, limit: limit, remaining: 0,
                    resetMicroseconds: UInt64(((1 - tokens) / rate * 1_000_000).rounded(.up)))
            }
            let left = tokens - 1
            state.bucket = State.Bucket(tokens: left, refilledAt: now, capacity: size, rate: rate)
            return RateDecision(
                isAllowed: true, limit: limit, remaining: Int(left),
                resetMicroseconds: UInt64(((size - left) / rate * 1_000_000).rounded(.up)))
        }
    }
}
