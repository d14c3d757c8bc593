internal import Glibc

/// A mutex with a condition: what a thread waits on until another has changed something.
///
/// `Synchronization.Mutex` has no condition variable; this is the one place that uses pthreads' own.
@safe package final class Signal: @unchecked Sendable {  // pthread objects behind stable addresses
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` under the mutex.
    package func locked<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Gives the mutex up until `wake`, then has it again. Inside `locked` only; wakes may be spurious.
    package func wait() { unsafe pthread_cond_wait(condition, mutex) }

    /// As `wait`, for at most so long; false if the time ran out.
    package func wait(milliseconds: Int) -> Bool {
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
        deadline.tv_sec += milliseconds / 1000
        deadline.tv_nsec += (milliseconds % 1000) * 1_000_000
        if deadline.tv_nsec >= 1_000_000_000 {
            deadline.tv_sec += 1
            deadline.tv_nsec -= 1_000_000_000
        }
        return unsafe pthread_cond_timedwait(condition, mutex, &deadline) == 0
    }

    /// May be called outside `locked`, too, after what was changed in it: who wakes does not then meet the mutex taken.
    package func wakeAll() { unsafe pthread_cond_broadcast(condition) }
}

/// What one thread raises and another waits for: one wake-up, without a mutex to meet on.
@safe package final class Semaphore: @unchecked Sendable {  // a POSIX object behind a stable address
    private let handle = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    package init() { unsafe sem_init(handle, 0, 0) }

    deinit {
        unsafe sem_destroy(handle)
        unsafe handle.deallocate()
    }

    package func raise() { unsafe sem_post(handle) }

    /// Waits until it is raised, and lowers it.
    package func wait() {
        // Interrupted by a signal: goes on waiting.
        while unsafe sem_wait(handle) != 0 {}
    }
}

/// A thread that runs one closure and can be joined. Blocking work never runs on Swift's cooperative pool.
package final class WorkerThread: Sendable {
    private let handle: pthread_t

    package init(_ run: @escaping @Sendable () -> Void) {
        let box = unsafe Unmanaged.passRetained(Body(run: run)).toOpaque()
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { argument in
                let body = unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
                body.run()
                return nil
            }, box)
        precondition(status == 0, "pthread_create: \(status)")
        handle = thread
    }

    package func join() { pthread_join(handle, nil) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
