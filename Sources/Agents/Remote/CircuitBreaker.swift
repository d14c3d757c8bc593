internal import LogStore
internal import Synchronization

/// Leaves a service alone that fails again and again.
///
/// Closed: every request goes. So many failures in a row open it: none goes. When it has been open long enough, one goes as
/// a probe: a success closes it, a failure opens it anew.
final class CircuitBreaker: Sendable {
    private enum Condition: Sendable {
        case closed(failures: Int)
        /// On the monotonic clock.
        case open(until: UInt64)
        case probing
    }

    private let condition = Mutex(Condition.closed(failures: 0))
    private let failures: Int
    private let openMicroseconds: UInt64
    private let clock: any Clock

    init(failures: Int, openMilliseconds: Int, clock: any Clock) {
        self.failures = failures
        openMicroseconds = UInt64(openMilliseconds) * 1000
        self.clock = clock
    }

    /// Whether a request may go; each one that may is to be followed by `record`.
    func admits() -> Bool {
        let now = clock.monotonicMicroseconds()
        return condition.withLock { condition in
            switch condition {
            case .closed: return true
            case .open(let until) where now >= until:
                condition = .probing
                return true
            case .open, .probing: return false
            }
        }
    }

    func record(success: Bool) {
        let now = clock.monotonicMicroseconds()
        condition.withLock { condition in
            guard !success else {
                condition = .closed(failures: 0)
                return
            }
            switch condition {
            case .closed(let count) where count + 1 < failures: condition = .closed(failures: count + 1)
            case .closed, .probing: condition = .open(until: now + openMicroseconds)
            // A request that was on its way when it opened says nothing new.
            case .open: break
            }
        }
    }

    var isClosed: Bool { condition.withLock { if case .closed = $0 { true } else { false } } }
}
