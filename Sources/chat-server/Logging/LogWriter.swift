internal import Glibc
internal import Synchronization

/// Lines on their way to a file descriptor.
///
/// Event loops must not wait for a slow terminal or a full pipe, so a line is only copied into a buffer, under a lock
/// that is held for the copy alone; a thread writes the buffer out. Invariants:
/// 1. The buffer holds whole lines. A writer takes all of it and writes all of it before the next one may, under
///    `writing`, so lines are neither split nor reordered.
/// 2. `writing` is taken before `state`, never the other way round, and no lock is held that an appender needs while the
///    descriptor blocks.
/// 3. The buffer is bounded by `maximumBytes`. Lines that do not fit are counted and dropped, and the next line that is
///    written tells how many: memory must not follow the log of a server whose stderr nobody reads.
final class LogWriter: Sendable {
    private struct State {
        var buffer: [UInt8] = []
        var droppedLines = 0
        /// The thread was told that there is something to write and has not taken it yet.
        var isSignalled = false
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
    private let writing = Mutex(())
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
    func append(_ line: [UInt8]) {
        let mustSignal = state.withLock { state in
            guard !state.isClosed, state.buffer.count + line.count <= maximumBytes else {
                state.droppedLines += 1
                return false
            }
            state.buffer.append(contentsOf: line)
            defer { state.isSignalled = true }
            return !state.isSignalled
        }
        if mustSignal { wake() }
    }

    /// Returns when every line that was appended before the call is written.
    func flush() {
        writing.withLock { _ in
            let (lines, dropped) = state.withLock { state in
                defer {
                    state.buffer.removeAll(keepingCapacity: state.buffer.capacity <= 1 << 18)
                    state.droppedLines = 0
                    state.isSignalled = false
                }
                return (state.buffer, state.droppedLines)
            }
            if !lines.isEmpty { writeAll(lines, to: descriptor) }
            if dropped > 0 { writeAll(dropNotice(dropped), to: descriptor) }
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
        var byte: UInt8 = 0
        while !state.withLock({ $0.isClosed }) {
            guard read(signalReader, &byte, 1) == 1 || errno == EINTR else { return }
            flush()
        }
    }
}
