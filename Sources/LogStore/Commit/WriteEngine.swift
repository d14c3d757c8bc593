internal import Synchronization

/// Runs the committer and the flusher: on two threads of their own, or on the caller's (`.inline`).
///
/// The writer drains what waits (bounded by `groupBytes` and `groupBatches`) without any deliberate delay: while one
/// group syncs, the next gathers. A flush runs beside it. When the head has grown to twice its budget before the last
/// flush is done, the writer waits for that flush: memory stays bounded.
///
/// A caller that waits for its batch, and finds that nothing is queued and that the last group held one batch too, takes
/// the writer's turn and commits by itself: handing over and back wakes two threads, which costs a third of a fast disk's
/// sync. When others write too, the writer's groups are worth more.
final class WriteEngine: @unchecked Sendable {  // queue and flags under `signal`; committer and flusher confined
    private let box: StateBox
    private let committer: Committer
    private let flusher: Flusher
    private let options: StoreOptions
    private let execution: LogStore.Execution
    /// Called on the flush thread behind each flush.
    private let afterFlush: Callback

    private let signal = Signal()
    private var queue: [Committer.Request] = []
    private var queuedBytes = 0
    private var isClosing = false
    /// Somebody has the committer: the writer, or a caller that took its turn.
    private var isCommitting = false
    /// Batches in the last group.
    private var lastGroup = 0
    /// Explicit flushes asked for, and answered.
    private var flushesWanted = 0
    private var flushesDone = 0
    private var rotationIsWanted = false

    private let flushSignal = Signal()
    private var flushIsWanted = false
    private var flushThreadStops = false
    private var lastFlushError: LogStoreError?

    private var writer: WorkerThread?
    private var flushThread: WorkerThread?

    init(
        box: StateBox, committer: Committer, flusher: Flusher, options: StoreOptions, execution: LogStore.Execution,
        afterFlush: Callback
    ) {
        self.box = box
        self.committer = committer
        self.flusher = flusher
        self.options = options
        self.execution = execution
        self.afterFlush = afterFlush
        if execution == .threaded {
            writer = WorkerThread { [self] in runWriter() }
            flushThread = WorkerThread { [self] in runFlusher() }
        }
    }

    func submit(_ batch: Batch, _ completion: @escaping Committer.Completion) throws(LogStoreError) {
        try submit(.init(batch: batch, bytes: batch.approximateBytes, answer: .call(completion)), waits: false)
    }

    /// Commits a batch and waits for it.
    /// - Parameter inBackground: the caller's thread is of low priority: it never takes the writer's turn, in which others
    ///   would wait for it.
    @discardableResult
    func commit(_ batch: Batch, inBackground: Bool = false) throws(LogStoreError) -> CommitReceipt {
        let waiter = Waiter(isInBackground: inBackground)
        try submit(.init(batch: batch, bytes: batch.approximateBytes, answer: .wake(waiter)), waits: !inBackground)
        return try waiter.wait().get()
    }

    private enum Next { case nothing, wakeWriter, commit }

    /// - Parameter waits: the caller does nothing until the batch is answered, so it may take the writer's turn.
    private func submit(_ request: Committer.Request, waits: Bool) throws(LogStoreError) {
        if execution == .inline {
            return try signal.locked { () throws(LogStoreError) in
                if isClosing { throw .closed }
                committer.commit([request])
                // A failure here is the store's, kept in its state: the batch was answered.
                if (try? committer.freezeIfNeeded(force: false)) == true { _ = flusher.flush() }
            }
        }
        let next = try signal.locked { () throws(LogStoreError) -> Next in
            if isClosing { throw .closed }
            if waits, queue.isEmpty, !isCommitting, flushesDone == flushesWanted, lastGroup <= 1 {
                isCommitting = true
                return .commit
            }
            guard queuedBytes + request.bytes <= options.queueBytes || queue.isEmpty else { throw .overloaded }
            queue.append(request)
            queuedBytes += request.bytes
            // Whoever commits looks at the queue when that is done.
            return queue.count == 1 && !isCommitting ? .wakeWriter : .nothing
        }
        switch next {
        case .nothing: break
        case .wakeWriter: signal.wakeAll()
        case .commit: commitAlone(request)
        }
    }

    /// Does the writer's work for one batch, on the caller's thread, which has its turn.
    private func commitAlone(_ request: Committer.Request) {
        committer.commit([request])
        if (try? committer.freezeIfNeeded(force: false)) == true { wakeFlusher() }
        let isAwaited = signal.locked {
            isCommitting = false
            return !queue.isEmpty || isClosing || flushesDone != flushesWanted
        }
        if isAwaited { signal.wakeAll() }
        waitForRoom()
    }

    /// Batches wait for more than one group.
    var isCrowded: Bool { signal.locked { queuedBytes > options.groupBytes } }

    /// Puts everything committed so far into tables. `rotatingLog`: and begins a new log file, so that what is in the
    /// tables need not stay in the log.
    func flush(rotatingLog: Bool = false) throws(LogStoreError) {
        if execution == .inline {
            return try signal.locked { () throws(LogStoreError) in
                if isClosing { throw .closed }
                if rotatingLog { try committer.rotateLog() }
                guard try committer.freezeIfNeeded(force: true) || box.lock.withLock({ $0.frozen != nil }) else {
                    return
                }
                if case .failed(let error) = flusher.flush() { throw error }
            }
        }
        let target = box.lock.withLock { $0.visibleLSN }
        // What was being flushed already does not count: it may lack the newest.
        repeat {
            try requestFlush(rotatingLog)
        } while box.lock.withLock { $0.version.manifest.flushedLSN } < target
    }

    /// Hands over what is in the head, if nothing is being flushed, and waits until nothing is.
    private func requestFlush(_ rotatingLog: Bool) throws(LogStoreError) {
        try signal.locked { () throws(LogStoreError) in
            if isClosing { throw .closed }
            flushesWanted += 1
            rotationIsWanted = rotationIsWanted || rotatingLog
            let mine = flushesWanted
            signal.wakeAll()
            while flushesDone < mine && !isClosing { signal.wait() }
            if isClosing { throw .closed }
        }
        let error = flushSignal.locked { () -> LogStoreError? in
            while box.lock.withLock({ $0.frozen != nil && $0.failure == nil }) && lastFlushError == nil {
                flushSignal.wait()
            }
            return lastFlushError
        }
        if let error { throw error }
        if let failure = box.lock.withLock({ $0.failure }) { throw failure }
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
        afterFlush.set(nil)
        try committer.close()
    }

    // MARK: The writer thread

    private func runWriter() {
        while true {
            let group = nextGroup()
            if let requests = group.requests, !requests.isEmpty { committer.commit(requests) }
            if group.rotatesLog { try? committer.rotateLog() }
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
            signal.locked { isCommitting = false }
        }
    }

    private struct Group {
        /// nil: the store closes and nothing is left.
        var requests: [Committer.Request]?
        var forceFlush: Bool
        var rotatesLog: Bool
        var flushMark: Int
    }

    private func nextGroup() -> Group {
        signal.locked {
            while isCommitting || queue.isEmpty && !isClosing && flushesDone == flushesWanted { signal.wait() }
            isCommitting = true
            let force = flushesDone < flushesWanted
            let rotates = rotationIsWanted
            rotationIsWanted = false
            if queue.isEmpty && isClosing {
                return Group(requests: nil, forceFlush: force, rotatesLog: rotates, flushMark: flushesWanted)
            }
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
            lastGroup = count
            return Group(requests: taken, forceFlush: force, rotatesLog: rotates, flushMark: flushesWanted)
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
            // Merging cannot keep up: each group waits a little, so that runs do not pile up without end.
            if box.lock.withLock({ $0.version.index.count }) >= Self.manyRuns { _ = flushSignal.wait(milliseconds: 20) }
        }
    }

    private static let manyRuns = 32

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
            if case .done = outcome { afterFlush.call() }
            if stops { return }
        }
    }
}
