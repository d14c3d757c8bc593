internal import Glibc
internal import Synchronization

/// Lines on their way to a file descriptor.
///
/// Event loops must not wait for a slow terminal or a full pipe, and must not pay for a system call a line. So a line is
/// only written into a buffer, under a lock that is held for that alone; a thread writes the buffer out, whole. The first
/// line of a buffer wakes the thread, which then gives others `gatherMilliseconds` to come; an urgent line, or a buffer
/// that has grown to `gatherBytes`, ends that wait. Invariants:
/// 1. The buffer holds whole lines. A writer takes all of it and writes all of it before the next one may, under
///    `writing`, so lines are neither split nor reordered.
/// 2. `writing` is taken before `state`, never the other way round, and no lock is held that an appender needs while the
///    descriptor blocks.
/// 3. The buffer is bounded by `maximumBytes`. Lines that do not fit are counted and dropped, and the next line that is
///    written tells how many: memory must not follow the log of a server whose stderr nobody reads.
/// 4. The pipe holds at most two bytes for a buffer, one for each of the two wakes, so that waking never blocks.
final class LogWriter: Sendable {
    private static let gatherMilliseconds: Int32 = 10
    private static let gatherBytes = 64 << 10

    private struct State {
        var buffer: [UInt8] = []
        var droppedLines = 0
        /// The thread was told that there is something to write and has not taken it yet.
        var isSignalled = false
        /// It was told, too, that the wait for more lines is to end.
        var isHurried = false
        var isClosed = false
    }

    private let descriptor: Int32
    private let maximumBytes: Int
    /// The text of the line that stands for dropped ones.
    private let dropNotice: @Sendable (Int) -> [UInt8]
    /// A pipe that holds at most one byte per signal; the thread sleeps in reading it.
    private let signalReader: Int32
    private let signalWriter: Int32
    private let state = Mutex(State())
    /// Guards the writing, and holds the memory of the buffer that was written last.
    private let writing = Mutex<[UInt8]>([])
    /// Set in the initialiser; the thread keeps the writer alive until `close`.
    private let thread = Mutex<pthread_t?>(nil)

    /// - Parameters:
    ///   - descriptor: written to and never closed.
    ///   - maximumBytes: 4 MiB is some ten thousand lines, more than a reader that is alive leaves lying.
    ///   - dropNotice: a whole line, line end included, for the number of lines that were dropped.
    init(descriptor: Int32, maximumBytes: Int = 4 << 20, dropNotice: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.maximumBytes = maximumBytes
        self.dropNotice = dropNotice
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "the process has no file descriptor left")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        signalReader = ends[0]
        signalWriter = ends[1]
        var created = pthread_t()
        let result = pthread_create(
            &created, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<LogWriter>.fromOpaque(argument).takeRetainedValue().writeUntilClosed()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(result == 0, "the process may not start a thread")
        thread.withLock { [created] in $0 = created }
    }

    /// Takes one line, line end included. Never blocks on the descriptor.
    /// - Parameters:
    ///   - isUrgent: to be written without a wait for others.
    ///   - write: appends the line to the buffer; called under the lock.
    func append(isUrgent: Bool, _ write: (inout [UInt8]) -> Void) {
        let wakes = state.withLock { state -> Int in
            let start = state.buffer.count
            if !state.isClosed { write(&state.buffer) }
            guard !state.isClosed, state.buffer.count <= maximumBytes else {
                state.buffer.removeSubrange(start...)
                state.droppedLines += 1
                return 0
            }
            var wakes = 0
            if !state.isSignalled {
                state.isSignalled = true
                wakes += 1
            }
            if !state.isHurried, isUrgent || state.buffer.count >= Self.gatherBytes {
                state.isHurried = true
                wakes += 1
            }
            return wakes
        }
        for _ in 0..<wakes { wake() }
    }

    /// Returns when every line that was appended before the call is written.
    func flush() {
        writing.withLock { spare in
            var lines: [UInt8] = []
            swap(&lines, &spare)
            let dropped = state.withLock { state in
                swap(&state.buffer, &lines)
                defer { state.droppedLines = 0 }
                state.isSignalled = false
                state.isHurried = false
                return state.droppedLines
            }
            if !lines.isEmpty { writeAll(lines, to: descriptor) }
            if dropped > 0 { writeAll(dropNotice(dropped), to: descriptor) }
            lines.removeAll(keepingCapacity: lines.capacity <= 1 << 18)
            swap(&lines, &spare)
        }
    }

    /// Flushes and ends the thread; later lines are dropped. To be called once, and not by the thread itself.
    func close() {
        state.withLock { $0.isClosed = true }
        wake()
        if let thread = thread.withLock({ $0 }) { pthread_join(thread, nil) }
        flush()
        Glibc.close(signalReader)
        Glibc.close(signalWriter)
    }

    private func wake() {
        var byte: UInt8 = 1
        while write(signalWriter, &byte, 1) < 0 && errno == EINTR {}
    }

    private func writeUntilClosed() {
        while !state.withLock({ $0.isClosed }) {
            guard takeWake() else { return }
            var hurried = pollfd(fd: signalReader, events: Int16(POLLIN), revents: 0)
            if poll(&hurried, 1, Self.gatherMilliseconds) > 0, !takeWake() { return }
            flush()
        }
    }

    /// Sleeps until there is a wake.
    /// - Returns: false if the pipe is broken.
    private func takeWake() -> Bool {
        var byte: UInt8 = 0
        while true {
            let count = read(signalReader, &byte, 1)
            if count == 1 { return true }
            guard count < 0 && errno == EINTR else { return false }
        }
    }
}
