package import LogStore
internal import Synchronization

/// A clock that stands still until a test moves it.
package final class SimulatedClock: Clock {
    private struct State {
        var wall: Int64
        var monotonic: UInt64 = 0
        var step: UInt64
    }
    private let state: Mutex<State>

    /// - Parameters:
    ///   - start: the first wall-clock time; 2026-01-01T00:00:00Z unless told.
    ///   - stepMicroseconds: how far each call of `now()` moves both clocks on after it was answered.
    package init(
        start: Timestamp = Timestamp(microseconds: 1_767_225_600_000_000), stepMicroseconds: UInt64 = 0
    ) {
        state = Mutex(State(wall: start.microseconds, step: stepMicroseconds))
    }

    package func now() -> Timestamp {
        state.withLock { state in
            let answer = Timestamp(microseconds: state.wall)
            state.wall += Int64(state.step)
            state.monotonic += state.step
            return answer
        }
    }

    package func monotonicMicroseconds() -> UInt64 { state.withLock { $0.monotonic } }

    /// Time passes.
    package func advance(microseconds: UInt64) {
        state.withLock { state in
            state.wall += Int64(microseconds)
            state.monotonic += microseconds
        }
    }

    /// Somebody sets the wall clock, forwards or back; the monotonic clock does not notice.
    package func jump(microseconds: Int64) { state.withLock { $0.wall += microseconds } }
}
