internal import Glibc
internal import Synchronization

/// A reply body that is produced while it is sent.
///
/// Producers on any thread put chunks in; the event loop takes them out as fast as the client reads. The buffer is
/// bounded: `offer` refuses and `write` waits while it is full. A chunk is never split by `offer`: it is taken whole or
/// not at all, and an empty buffer takes a chunk of any size.
package final class BodyStream: Sendable {
    package enum Offer: Sendable {
        case accepted
        /// No room; `onWritable` is called once when there is.
        case full
        /// Nobody reads any more.
        case disconnected
    }

    private struct State {
        var chunks: [[UInt8]] = []
        /// The first chunk not yet wholly sent, and how much of it is.
        var next = 0
        var offset = 0
        var buffered = 0
        var isFinished = false
        var isFailed = false
        var isDisconnected = false
        /// The connection to wake when there is something to send.
        var reader: Connection?
        var writers: [Waiter] = []
        var onWritable: (@Sendable () -> Void)?
        var onDisconnect: [@Sendable () -> Void] = []
    }

    private let capacity: Int
    private let keepsChunks: Bool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - capacity: bytes held at most before producers have to wait.
    ///   - keepsChunks: whether each chunk leaves as an HTTP chunk of its own, unless it is very long. Else those that
    ///     have gathered leave together.
    package init(capacity: Int = 64 << 10, keepsChunks: Bool = false) {
        self.capacity = capacity
        self.keepsChunks = keepsChunks
    }

    /// Puts a chunk in if there is room.
    ///
    /// - Parameter onWritable: called once, on the event loop's thread, when a refused chunk would have room or the
    /// client has gone. It must not block.
    package func offer(_ chunk: [UInt8], onWritable: (@Sendable () -> Void)? = nil) -> Offer {
        let (offer, reader) = state.withLock { state -> (Offer, Connection?) in
            if state.isDisconnected || state.isFinished { return (.disconnected, nil) }
            guard state.buffered == 0 || state.buffered + chunk.count <= capacity else {
                if let onWritable { state.onWritable = onWritable }
                return (.full, nil)
            }
            guard !chunk.isEmpty else { return (.accepted, nil) }
            state.chunks.append(chunk)
            state.buffered += chunk.count
            let reader = state.reader
            state.reader = nil
            return (.accepted, reader)
        }
        if let reader { reader.loop.post(reader) }
        return offer
    }

    /// Puts a chunk in, waiting for room. Blocks: never to be called on an event loop or on Swift's cooperative pool.
    ///
    /// - Returns: false once the client has gone.
    package func write(_ chunk: [UInt8]) -> Bool {
        let waiter = Waiter()
        while true {
            switch offer(chunk) {
            case .accepted: return true
            case .disconnected: return false
            case .full:
                let mustWait = state.withLock { state in
                    guard !state.isDisconnected, state.buffered > 0 else { return false }
                    state.writers.append(waiter)
                    return true
                }
                if mustWait { waiter.wait() }
            }
        }
    }

    /// Ends the body; what is buffered is still sent.
    package func finish() { end(failed: false) }

    /// Breaks the body off: the connection is closed without the end mark, so that the client sees it as incomplete.
    package func fail() { end(failed: true) }

    /// Whether the client has gone.
    package var isDisconnected: Bool { state.withLock { $0.isDisconnected } }

    /// Calls `action` once, on the event loop's thread, when the client goes before the end; at once if it has gone.
    package func onDisconnect(_ action: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isDisconnected { state.onDisconnect.append(action) }
            return state.isDisconnected
        }
        if isLate { action() }
    }

    private func end(failed: Bool) {
        let reader = state.withLock { state -> Connection? in
            state.isFinished = true
            state.isFailed = state.isFailed || failed
            let reader = state.reader
            state.reader = nil
            return reader
        }
        if let reader { reader.loop.post(reader) }
    }

    // MARK: the event loop's side

    enum Read: Equatable {
        case bytes(Int)
        /// Nothing yet: the connection is to be suspended; the next producer wakes it.
        case wait
        case end
        case failed
    }

    /// Copies what fits into `target`.
    func read(into target: UnsafeMutableRawBufferPointer, for connection: Connection) -> Read {
        let (result, writers, callback) = state.withLock { state -> (Read, [Waiter], (@Sendable () -> Void)?) in
            if state.isFailed { return (.failed, [], nil) }
            var copied = 0
            while copied < target.count, state.next < state.chunks.count {
                let count = min(target.count - copied, state.chunks[state.next].count - state.offset)
                unsafe state.chunks[state.next].withUnsafeBytes { chunk in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[copied..<copied + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[state.offset..<state.offset + count]))
                }
                copied += count
                state.offset += count
                if state.offset == state.chunks[state.next].count {
                    state.chunks[state.next] = []
                    state.next += 1
                    state.offset = 0
                    if keepsChunks { break }
                }
            }
            if state.next == state.chunks.count {
                state.chunks.removeAll(keepingCapacity: true)
                state.next = 0
            }
            state.buffered -= copied
            guard copied > 0 else {
                if state.isFinished { return (.end, [], nil) }
                state.reader = connection
                return (.wait, [], nil)
            }
            guard state.buffered <= capacity / 2 else { return (.bytes(copied), [], nil) }
            let writers = state.writers
            state.writers = []
            let callback = state.onWritable
            state.onWritable = nil
            return (.bytes(copied), writers, callback)
        }
        for writer in writers { writer.wake() }
        callback?()
        return result
    }

    /// Tells the producers that nobody reads any more. Without effect after the first time.
    func disconnect() {
        let (writers, callbacks) = state.withLock { state -> ([Waiter], [@Sendable () -> Void]) in
            guard !state.isDisconnected else { return ([], []) }
            state.isDisconnected = true
            state.reader = nil
            state.chunks = []
            state.next = 0
            state.offset = 0
            state.buffered = 0
            var callbacks = state.isFinished ? [] : state.onDisconnect
            if let callback = state.onWritable { callbacks.append(callback) }
            let writers = state.writers
            state.writers = []
            state.onDisconnect = []
            state.onWritable = nil
            return (writers, callbacks)
        }
        for writer in writers { writer.wake() }
        for callback in callbacks { callback() }
    }
}

/// One thread's place to wait. Signals are counted, so one that comes before the wait is not lost.
@safe
final class Waiter: @unchecked Sendable {
    // Unchecked: a POSIX semaphore is made to be used from several threads; its memory lives as long as the object.
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func wait() {
        while unsafe sem_wait(semaphore) == -1 && errno == EINTR {}
    }

    func wake() {
        unsafe sem_post(semaphore)
    }
}
