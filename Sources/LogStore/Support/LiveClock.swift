internal import Glibc
internal import Synchronization

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

/// The kernel's random number generator, asked for some hundred bytes at a time.
package struct SystemRandom: RandomSource {
    /// Numbers that were not given out yet. One that was is gone from here: who reads the memory later learns nothing.
    private static let supply = Mutex(Supply())

    package init() {}

    package func next() -> UInt64 {
        SystemRandom.supply.withLock { $0.take() }
    }

    private struct Supply {
        private var numbers = InlineArray<32, UInt64>(repeating: 0)
        private var left = 0

        mutating func take() -> UInt64 {
            if left == 0 {
                fill()
                left = numbers.count
            }
            left -= 1
            defer { numbers[left] = 0 }
            return numbers[left]
        }

        private mutating func fill() {
            do throws(SystemCallError) {
                try unsafe withUnsafeMutableBytes(of: &numbers) { (bytes) throws(SystemCallError) in
                    try unsafe SystemCalls.random(into: bytes)
                }
            } catch {
                // No seed, no store id: a kernel without getrandom is none that this program supports.
                preconditionFailure("getrandom failed with \(error.errno)")
            }
        }
    }
}
