internal import Glibc
internal import Synchronization

/// The clock of the module: milliseconds that only rise.
package enum MonotonicClock {
    package static func milliseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

/// One thread that calls back with a key when its time has come; for all sessions together, because a session that polls
/// has no socket whose event loop could wake it.
///
/// A binary heap, in which nothing is moved or taken out: who gets called too early sees that from its own deadline.
@safe
final class DeadlineThread: @unchecked Sendable {
    // Unchecked: `thread` is written in `init` and used by `stop`, which runs once.
    private struct Entry {
        var due: UInt64
        var key: String
    }

    private struct State {
        var heap: [Entry] = []
        var isStopped = false
    }

    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private let state = Mutex(State())
    /// Both ends of a pipe that wakes the thread.
    private let ends: (read: Int32, write: Int32)
    private let now: @Sendable () -> UInt64
    private var thread = pthread_t()

    /// - Parameter fire: called on the thread, without a lock; must not block.
    init(now: @escaping @Sendable () -> UInt64, fire: @escaping @Sendable (String) -> Void) {
        self.now = now
        var ends: [Int32] = [0, 0]
        precondition(unsafe pipe(&ends) == 0, "out of file descriptors")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        self.ends = (ends[0], ends[1])
        let body = unsafe Unmanaged.passRetained(Body { [self] in run(fire) })
        let code = unsafe pthread_create(
            &thread, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        precondition(code == 0, "out of threads")
    }

    func schedule(_ key: String, at due: UInt64) {
        let isFirst = state.withLock { state in
            state.heap.append(Entry(due: due, key: key))
            var index = state.heap.count - 1
            while index > 0, state.heap[(index - 1) / 2].due > state.heap[index].due {
                state.heap.swapAt(index, (index - 1) / 2)
                index = (index - 1) / 2
            }
            return index == 0
        }
        if isFirst { signal() }
    }

    /// Has the clock read again, for clocks that tests move.
    func signal() {
        var byte: UInt8 = 0
        // A full pipe wakes as well.
        _ = unsafe write(ends.write, &byte, 1)
    }

    /// Ends the thread and waits for it, unless it is the caller. Once.
    func stop() {
        state.withLock { $0.isStopped = true }
        if pthread_equal(pthread_self(), thread) != 0 {
            // It looks at `isStopped` before it waits again.
            pthread_detach(thread)
        } else {
            signal()
            _ = pthread_join(thread, nil)
        }
        close(ends.read)
        close(ends.write)
    }

    private func run(_ fire: (String) -> Void) {
        while true {
            let (isStopped, key, next) = take(at: now())
            if isStopped { return }
            if let key {
                fire(key)
                continue
            }
            var descriptor = pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0)
            let wait = next.map { Int32(clamping: $0 - min($0, now())) } ?? -1
            if unsafe poll(&descriptor, 1, wait) > 0 {
                var bytes = [UInt8](repeating: 0, count: 64)
                _ = unsafe read(ends.read, &bytes, bytes.count)
            }
        }
    }

    private func take(at now: UInt64) -> (isStopped: Bool, key: String?, next: UInt64?) {
        state.withLock { state in
            guard !state.isStopped, let first = state.heap.first else { return (state.isStopped, nil, nil) }
            guard first.due <= now else { return (false, nil, first.due) }
            let last = state.heap.removeLast()
            if !state.heap.isEmpty {
                state.heap[0] = last
                DeadlineThread.sink(&state.heap)
            }
            return (false, first.key, nil)
        }
    }

    private static func sink(_ heap: inout [Entry]) {
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].due < heap[least].due {
                least = child
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
