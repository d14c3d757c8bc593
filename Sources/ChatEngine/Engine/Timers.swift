internal import Glibc

/// Calls things later. Actions are short: they share a thread.
package protocol Timers: Sendable {
    /// Calls `action` once, after so many microseconds.
    func schedule(afterMicroseconds delay: UInt64, _ action: @escaping @Sendable () -> Void)
}

/// Timers on one thread: a binary heap by due time, and a condition variable on the monotonic clock.
///
/// There is no cancelling: an action that is no longer wanted finds that out by itself. `shutDown` drops what is not due
/// and joins the thread.
package final class TimerThread: Timers, @unchecked Sendable {
    // Unchecked: pthread objects at stable addresses; `heap` and `isClosing` are touched under `mutex` only.
    private struct Entry {
        var due: UInt64
        var action: @Sendable () -> Void
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var heap: [Entry] = []
    private var isClosing = false
    private var thread = pthread_t()

    package init() {
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        pthread_mutex_init(mutex, nil)
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<TimerThread>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "pthread_create: \(status)")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func schedule(afterMicroseconds delay: UInt64, _ action: @escaping @Sendable () -> Void) {
        let due = Self.now() + delay
        pthread_mutex_lock(mutex)
        guard !isClosing else {
            pthread_mutex_unlock(mutex)
            return
        }
        let isEarliest = heap.first.map { due < $0.due } ?? true
        insert(Entry(due: due, action: action))
        pthread_mutex_unlock(mutex)
        if isEarliest { pthread_cond_signal(condition) }
    }

    /// Drops what is not due yet and ends the thread. Call once, not from an action.
    package func shutDown() {
        pthread_mutex_lock(mutex)
        isClosing = true
        let dropped = heap
        heap = []
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
        pthread_join(thread, nil)
        withExtendedLifetime(dropped) {}
    }

    private func run() {
        pthread_mutex_lock(mutex)
        while !isClosing {
            guard let first = heap.first else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            guard first.due <= Self.now() else {
                var deadline = timespec(
                    tv_sec: Int(first.due / 1_000_000), tv_nsec: Int(first.due % 1_000_000) * 1000)
                pthread_cond_timedwait(condition, mutex, &deadline)
                continue
            }
            removeFirst()
            pthread_mutex_unlock(mutex)
            first.action()
            pthread_mutex_lock(mutex)
        }
        pthread_mutex_unlock(mutex)
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1000
    }

    private func insert(_ entry: Entry) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, heap[index].due < heap[(index - 1) / 2].due {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var index = 0
        while 2 * index + 1 < heap.count {
            var child = 2 * index + 1
            if child + 1 < heap.count, heap[child + 1].due < heap[child].due { child += 1 }
            guard heap[child].due < heap[index].due else { break }
            heap.swapAt(index, child)
            index = child
        }
    }
}
