internal import Glibc

/// A flag that one thread raises and another waits for.
final class WaitedFlag: Sendable {
    /// Allocated for the object's life and touched by the semaphore's own calls only.
    nonisolated(unsafe) private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func raise() { sem_post(semaphore) }

    /// Returns once for each time that the flag was raised.
    func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
}
