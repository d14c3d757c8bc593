internal import Glibc
internal import LogStore

/// A few threads that do what would block an event loop: reads that miss the cache.
///
/// The queue is bounded: when it is full the caller is told so and sheds the request. `shutDown` runs what is queued, then
/// joins the threads.
package final class ReaderPool: @unchecked Sendable {
    // Unchecked: pthread objects at stable addresses; `queue`, `head` and `isClosing` are touched under `mutex` only.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: [@Sendable () -> Void] = []
    private var head = 0
    private var isClosing = false
    private var threads: [pthread_t] = []
    private let capacity: Int

    /// - Parameters:
    ///   - threads: blocking reads that may run at once.
    ///   - capacity: reads that may wait for a thread.
    package init(threads count: Int = 4, capacity: Int = 1024) {
        self.capacity = capacity
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        threads.reserveCapacity(count)
        for _ in 0..<count {
            var thread = pthread_t()
            let unmanaged = Unmanaged.passRetained(self)
            let status = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<ReaderPool>.fromOpaque(argument).takeRetainedValue().run()
                    return nil
                }, unmanaged.toOpaque())
            precondition(status == 0, "pthread_create: \(status)")
            threads.append(thread)
        }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// - Returns: false if the queue is full or the pool is shutting down; `work` will not run then.
    package func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(mutex)
        let accepted = !isClosing && queue.count - head < capacity
        if accepted { queue.append(work) }
        pthread_mutex_unlock(mutex)
        if accepted { pthread_cond_signal(condition) }
        return accepted
    }

    /// Takes no more work, runs what is queued and ends the threads. Call once.
    package func shutDown() {
        pthread_mutex_lock(mutex)
        isClosing = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
        for thread in threads { pthread_join(thread, nil) }
    }

    private func run() {
        while let work = next() { work() }
    }

    private func next() -> (@Sendable () -> Void)? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while head == queue.count {
            if isClosing { return nil }
            pthread_cond_wait(condition, mutex)
        }
        let work = queue[head]
        head += 1
        if head == queue.count {
            queue.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 256 {
            queue.removeFirst(head)
            head = 0
        }
        return work
    }
}
