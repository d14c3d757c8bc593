internal import Glibc
internal import Synchronization

/// Why `serve` is to stop.
enum StopReason: Sendable, Equatable {
    /// The name of the signal.
    case signal(String)
    /// What the disk did. The store takes no more writes; only a new process may look at what it holds.
    case storeFailed(String)
}

/// Lets the main thread wait until somebody wants the server to stop: a signal, or the store that failed.
///
/// The first request is the one that counts; the others are told that they came later.
final class StopRequest: Sendable {
    private let reason = Mutex<StopReason?>(nil)
    /// Posted once. Allocated for the object's life and touched by the semaphore's own calls only.
    nonisolated(unsafe) private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Never blocks: the store calls it on its writer's thread.
    /// - Returns: whether this was the first request.
    @discardableResult
    func stop(_ why: StopReason) -> Bool {
        let isFirst = reason.withLock { reason in
            guard reason == nil else { return false }
            reason = why
            return true
        }
        if isFirst { sem_post(semaphore) }
        return isFirst
    }

    /// The first request, if there was one.
    var reasonSoFar: StopReason? { reason.withLock { $0 } }

    /// Blocks until the first request, but for at most so many seconds.
    func wait(seconds: Double) -> StopReason? {
        let end = Monotonic.nanoseconds + UInt64(seconds * 1e9)
        while reasonSoFar == nil, case let now = Monotonic.nanoseconds, now < end {
            var deadline = Monotonic.wallTime(after: min(end - now, 100_000_000))
            sem_timedwait(semaphore, &deadline)
        }
        return reasonSoFar
    }

    /// Blocks until the first request. To be called once.
    func wait() -> StopReason {
        while true {
            if let reason = reason.withLock({ $0 }) { return reason }
            while sem_wait(semaphore) != 0 && errno == EINTR {}
        }
    }
}
