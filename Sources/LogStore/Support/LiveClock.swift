internal import Glibc

/// The machine's clocks.
package struct LiveClock: Clock {
    package init() {}

    package func now() -> Timestamp {
        Timestamp(microseconds: SystemCalls.microseconds(of: CLOCK_REALTIME))
    }

    package func monotonicMicroseconds() -> UInt64 {
        UInt64(SystemCalls.microseconds(of: CLOCK_MONOTONIC))
    }
}

/// The kernel's random number generator.
package struct SystemRandom: RandomSource {
    package init() {}

    package func next() -> UInt64 {
        var value: UInt64 = 0
        do throws(SystemCallError) {
            try unsafe withUnsafeMutableBytes(of: &value) { (bytes) throws(SystemCallError) in
                try unsafe SystemCalls.random(into: bytes)
            }
        } catch {
            // No seed, no store id: a kernel without getrandom is none that this program supports.
            preconditionFailure("getrandom failed with \(error.errno)")
        }
        return value
    }
}
