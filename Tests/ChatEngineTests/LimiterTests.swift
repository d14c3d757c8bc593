import TestSupport
import Testing

@testable import ChatEngine

@Suite struct LimiterTests {
    /// express-rate-limit: the window begins at the first request, refused requests change nothing but the count.
    @Test func fixedWindow() {
        let clock = SimulatedClock()
        let limiter = FixedWindowLimiter(limit: 3, windowSeconds: 900, clock: clock)
        // (advance before the call in µs, allowed, remaining, reset seconds)
        let steps: [(UInt64, Bool, Int, Int)] = [
            (0, true, 2, 900), (1, true, 1, 900), (999_999, true, 0, 899), (1, false, 0, 899),
            (897_999_999, false, 0, 1),
            (999_999, false, 0, 1), (1, true, 2, 900), (900_000_000, true, 2, 900), (900_000_001, true, 2, 900),
        ]
        for (advance, allowed, remaining, reset) in steps {
            clock.advance(microseconds: advance)
            let decision = limiter.hit("a")
            #expect(decision.isAllowed == allowed)
            #expect(decision.remaining == remaining)
            #expect(decision.resetSeconds == reset)
        }
        #expect(limiter.hit("b").remaining == 2)
    }

    @Test func slidingWindow() {
        let clock = SimulatedClock()
        let limiter = SlidingWindowLimiter(limit: 2, windowSeconds: 60, clock: clock)
        let steps: [(UInt64, Bool, Int, Int)] = [
            (0, true, 1, 60), (30_000_000, true, 0, 30), (1_000_000, false, 0, 29), (28_999_999, false, 0, 1),
            (1, true, 0, 30), (0, false, 0, 30), (30_000_000, true, 0, 30), (60_000_000, true, 1, 60),
        ]
        for (advance, allowed, remaining, reset) in steps {
            clock.advance(microseconds: advance)
            let decision = limiter.hit("a")
            #expect(decision.isAllowed == allowed)
            #expect(decision.remaining == remaining)
            #expect(decision.resetSeconds == reset)
        }
    }

    @Test func tokenBucket() {
        let clock = SimulatedClock()
        let limiter = TokenBucketLimiter(capacity: 3, tokensPerSecond: 1, clock: clock)
        // (advance, allowed, remaining, reset µs): full again when allowed, one token when refused.
        let steps: [(UInt64, Bool, Int, UInt64)] = [
            (0, true, 2, 1_000_000), (0, true, 1, 2_000_000), (0, true, 0, 3_000_000), (0, false, 0, 1_000_000),
            (500_000, false, 0, 500_000), (250_000, false, 0, 250_000), (250_000, true, 0, 3_000_000),
            (1_500_000, true, 0, 2_500_000), (500_000, true, 0, 3_000_000), (10_000_000, true, 2, 1_000_000),
        ]
        for (advance, allowed, remaining, reset) in steps {
            clock.advance(microseconds: advance)
            let decision = limiter.hit("org")
            #expect(decision.isAllowed == allowed)
            #expect(decision.remaining == remaining)
            #expect(decision.resetMicroseconds == reset)
        }
    }

    /// A flood of new addresses cannot push a blocked one out, and memory stays bounded.
    @Test func offendersAreNotForgiven() {
        let clock = SimulatedClock()
        let limiter = FixedWindowLimiter(limit: 5, windowSeconds: 900, clock: clock, capacity: 256)
        for _ in 0..<6 { _ = limiter.hit("offender") }
        for index in 0..<50_000 {
            _ = limiter.hit("flood-\(index)")
            if index % 1000 == 0 { #expect(!limiter.hit("offender").isAllowed) }
        }
        #expect(limiter.keyCount <= 256)
        #expect(!limiter.hit("offender").isAllowed)
        clock.advance(microseconds: 900_000_000)
        #expect(limiter.hit("offender").isAllowed)
    }

    /// When every kept key is blocked, unknown ones share one limit instead of each getting a fresh one.
    @Test func newcomersShareALimitWhenAllAreBlocked() {
        let clock = SimulatedClock()
        let limiter = FixedWindowLimiter(limit: 1, windowSeconds: 900, clock: clock, capacity: 64)
        var keys = 0
        while limiter.keyCount < 64 {
            keys += 1
            _ = limiter.hit("k\(keys)")
        }
        let allowed = (0..<10_000).count { limiter.hit("new\($0)").isAllowed }
        #expect(allowed <= 64)
        #expect(limiter.keyCount == 64)
    }

    @Test func countsExactlyFromManyThreads() async {
        let limiter = FixedWindowLimiter(limit: 1000, windowSeconds: 900, clock: SimulatedClock())
        let allowed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { (0..<500).count { _ in limiter.hit("a").isAllowed } } }
            return await group.reduce(0, +)
        }
        #expect(allowed == 1000)
    }
}
