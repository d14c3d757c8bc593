import ChatEngine
import Glibc
import Synchronization

/// Timers that stand still until a test fires them, one at a time, soonest first.
final class ManualTimers: Timers {
    private struct State {
        var now: UInt64 = 0
        var waiting: [(due: UInt64, action: @Sendable () -> Void)] = []
        var delays: [UInt64] = []
    }
    private let state = Mutex(State())

    func schedule(afterMicroseconds delay: UInt64, _ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.waiting.append((state.now + delay, action))
            if delay > 0 { state.delays.append(delay) }
        }
    }

    /// - Returns: false if nothing waits.
    @discardableResult
    func fire() -> Bool {
        let action = state.withLock { state -> (@Sendable () -> Void)? in
            let soonest = state.waiting.indices.min { state.waiting[$0].due < state.waiting[$1].due }
            guard let soonest else { return nil }
            let (due, action) = state.waiting.remove(at: soonest)
            state.now = max(state.now, due)
            return action
        }
        action?()
        return action != nil
    }

    /// Fires the next one, waiting for it.
    func fireNext() { while !fire() { sched_yield() } }

    /// The delays asked for, those of 0 left out.
    var delays: [UInt64] { state.withLock { $0.delays } }
}
