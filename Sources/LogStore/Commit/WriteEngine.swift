internal import Synchronization

/// Runs the committer and the flusher: on two threads of their own, or on the caller's.
///
/// The writer drains what waits (bounded by `groupBytes` and `groupBatches`) without any deliberate delay: while one
/// group syncs, the next gathers. A flush runs beside it. When the head has grown to twice its budget before the last
/// flush is done, the writer waits for that flush: memory stays bounded.
final class WriteEngine: @unchecked Sendable {  // queue and flags under `signal`; committer and flusher confined
    private let box: StateBox
    private let committer: Committer
    private let flusher: Flusher
    private let options: StoreOptions
    private let execution: LogStore.Execution

    private let signal = Signal()
    private var queue: [Committer.Request] = []
    private var queuedBytes = 0
    private var isClosing = false
    private var isClosed = false
    /// Explicit flushes asked for, and answered.
    private var flushesWanted = 0
    private var flushesDone = 0
    private var isFlushing = false

    private let flushSignal = Signal()
    private var flushIsWanted = false
    private var flushThreadStops = false
    private var lastFlushError: LogStoreError?

    private var writer: WorkerThread?
    private var flushThread: WorkerThread?

    init(
        box: StateBox, committer: Committer, flusher: Flusher, options: StoreOptions, execution: LogStore.Execution
    ) {
        self.box = box
        self.committer = committer
        self.flusher = flusher
        self.options = options
        self.execution = execution
        if execution == .threaded {
            writer = WorkerThread { [self] in runWriter() }
            flushThread = WorkerThread { [self] in runFlusher() }
        }
    }

    func submit(_ batch: Batch, _ completion: @escaping Committer.Completion) throws(LogStoreError) {
        let request = Committer.Request(batch: batch, bytes: batch.approximateBytes, completion: completion)
        if execution == .inline {
            try signal.locked { () throws(LogStoreError) in
                if isClosing { throw .closed }
                committer.commit([request])
                if try committer.freezeIfNeeded(force: false) { _ = flusher.flush() }
            }
            return
        }
        try signal.locked { () throws(LogStoreError) in
            if isClosing { throw .closed }
            guard queuedBytes + request.bytes <= options.queueBytes || queue.isEmpty else { throw .overloaded }
            queue.append(request)
            queuedBytes += request.bytes
            if queue.count == 1 { signal.wakeAll() }
        }
    }

    func flush() throws(LogStoreError) {
        if execution == .inline {
            return try signal.locked { () throws(LogStoreError) in
                if isClosing { throw .closed }
                guard try committer.freezeIfNeeded(force: true) || box.lock.withLock({ $0.frozen != nil }) else {
                    return
                }
                if case .failed(let error) = flusher.flush() { throw error }
            }
        }
        try signal.locked { () throws(LogStoreError) in
            if isClosing { throw .closed }
            flushesWanted += 1
            let mine = flushesWanted
            signal.wakeAll()
            while flushesDone < mine && !isClosed { signal.wait() }
        }
        let error = flushSignal.locked { () -> LogStoreError? in
            while box.lock.withLock({ $0.frozen != nil && $0.failure == nil }) && lastFlushError == nil {
                flushSignal.wait()
            }
            return lastFlushError
        }
        if let error { throw error }
    }

    func close() throws(LogStoreError) {
        let isFirst = signal.locked { () -> Bool in
            defer { isClosing = true }
            signal.wakeAll()
            return !isClosing
        }
        guard isFirst else { throw .closed }
        writer?.join()
        flushSignal.locked {
            flushThreadStops = true
            flushSignal.wakeAll()
        }
        flushThread?.join()
        signal.locked {
            isClosed = true
            signal.wakeAll()
        }
        try committer.close()
    }

    // MARK: The writer thread

    private func runWriter() {
        while true {
            let group = nextGroup()
            if let requests = group.requests, !requests.isEmpty { committer.commit(requests) }
            let isFrozen = (try? committer.freezeIfNeeded(force: group.forceFlush)) ?? false
            if isFrozen { wakeFlusher() }
            if group.forceFlush {
                signal.locked {
                    flushesDone = group.flushMark
                    signal.wakeAll()
                }
            }
            if group.requests == nil { return }
            waitForRoom()
        }
    }

    private struct Group {
        /// nil: the store closes and nothing is left.
        var requests: [Committer.Request]?
        var forceFlush: Bool
        var flushMark: Int
    }

    private func nextGroup() -> Group {
        signal.locked {
            while queue.isEmpty && !isClosing && flushesDone == flushesWanted { signal.wait() }
            let force = flushesDone < flushesWanted
            if queue.isEmpty && isClosing { return Group(requests: nil, forceFlush: force, flushMark: flushesWanted) }
            var count = 0
            var bytes = 0
            while count < queue.count && count < options.groupBatches {
                let next = bytes + queue[count].bytes
                if count > 0 && next > options.groupBytes { break }
                bytes = next
                count += 1
            }
            var taken: [Committer.Request] = []
            if count == queue.count {
                swap(&taken, &queue)
                queue.reserveCapacity(taken.count)
            } else {
                taken = Array(queue[..<count])
                queue.removeFirst(count)
            }
            queuedBytes -= bytes
            return Group(requests: taken, forceFlush: force, flushMark: flushesWanted)
        }
    }

    /// Waits while the head is at twice its budget and the last one is still being flushed.
    private func waitForRoom() {
        flushSignal.locked {
            while box.lock.withLock({
                $0.frozen != nil && $0.active.bytes >= 2 * options.headBytes && $0.failure == nil
            }), lastFlushError == nil {
                flushSignal.wait()
            }
        }
    }

    // MARK: The flush thread

    private func wakeFlusher() {
        flushSignal.locked {
            flushIsWanted = true
            lastFlushError = nil
            flushSignal.wakeAll()
        }
    }

    private func runFlusher() {
        while true {
            let stops = flushSignal.locked { () -> Bool in
                while !flushIsWanted && !flushThreadStops {
                    // A flush that failed (a full disk) is tried again every second.
                    if lastFlushError != nil {
                        if !flushSignal.wait(milliseconds: 1000) { break }
                    } else {
                        flushSignal.wait()
                    }
                }
                flushIsWanted = false
                return flushThreadStops
            }
            let outcome = stops && box.lock.withLock({ $0.frozen == nil }) ? .nothing : flusher.flush()
            flushSignal.locked {
                if case .failed(let error) = outcome { lastFlushError = error } else { lastFlushError = nil }
                flushSignal.wakeAll()
            }
            if stops { return }
        }
    }
}
