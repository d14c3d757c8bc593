internal import Synchronization

/// What the store does beside reading and writing: merges tables, removes erased bytes, flushes an idle head, lets files
/// go.
///
/// ## An erasure, from order to finish
/// 1. The deletion is flushed, and the log begins a new file.
/// 2. Every table that holds something of the subject is rewritten without it, the oldest first; so is every run with a
///    document of a tenant that was removed.
/// 3. A manifest is written and the older ones are no fallbacks any more. They go when their grace is over, with the
///    tables that only they name and the log files that only they need.
/// 4. When neither is left, and a power cut could not bring it back, the ledger's entry is finished.
/// Each step looks at what is there, so a crash between any two is only a delay.
///
/// `.threaded`: one thread, at idle I/O priority, paced to `compactionBytesPerSecond` and waiting while writers queue.
/// `.inline`: the caller of `run` does it all.
final class Maintenance: @unchecked Sendable {  // flags under `signal`; the rest confined to whoever holds `isBusy`
    private let box: StateBox
    private let lookup: Lookup
    private let clock: any Clock
    private let options: StoreOptions
    private let engine: WriteEngine
    private let compactor: Compactor
    private let manifests: ManifestLog
    private let report: @Sendable (StoreEvent) -> Void

    private let signal = Signal()
    private var isWoken = false
    private var isStopping = false
    private var fullCompactionsWanted = 0
    private var fullCompactionsDone = 0
    private var fullCompactionError: LogStoreError?
    /// The newest erasure for which step 3 has been done.
    private var purgedLSN = LSN.zero
    private var budget = 0
    private var expiryPassedAt: UInt64?
    private var expiryWaitsSince: UInt64?
    private var expiryIsConfirmed = false
    private var overdueToldAt: UInt64?
    private var thread: WorkerThread?

    /// How long an idle thread sleeps; with erasures under way, and after a failure.
    private static let idleMilliseconds = 10_000
    private static let busyMilliseconds = 500
    private static let expiryMicroseconds: UInt64 = 3_600_000_000
    private static let expiryPatience: UInt64 = 24 * 3_600_000_000
    private static let headMicroseconds: Int64 = 24 * 3_600_000_000

    init(
        box: StateBox, clock: any Clock, options: StoreOptions, engine: WriteEngine, compactor: Compactor,
        manifests: ManifestLog, execution: LogStore.Execution, report: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.box = box
        lookup = Lookup(state: box, policy: .blocking)
        self.clock = clock
        self.options = options
        self.engine = engine
        self.compactor = compactor
        self.manifests = manifests
        self.report = report
        if execution == .threaded { thread = WorkerThread { [self] in runThread() } }
    }

    /// There may be something to do.
    func wake() {
        signal.locked {
            isWoken = true
            signal.wakeAll()
        }
    }

    /// Ends the thread; a merge under way is given up.
    func stop() {
        signal.locked {
            isStopping = true
            signal.wakeAll()
        }
        thread?.join()
    }

    // MARK: On the caller's thread

    /// Does everything that there is to do now. For `.inline`.
    func run() throws(LogStoreError) { while try step() {} }

    /// Flushes and merges everything that may be merged.
    func compactAll() throws(LogStoreError) {
        guard thread != nil else {
            try engine.flush(rotatingLog: true)
            try compactor.compactAll { (_) throws(LogStoreError) in }
            manifests.removeObsolete()
            return
        }
        let error = signal.locked { () -> LogStoreError? in
            fullCompactionsWanted += 1
            let mine = fullCompactionsWanted
            isWoken = true
            signal.wakeAll()
            while fullCompactionsDone < mine && !isStopping { signal.wait() }
            return isStopping ? .closed : fullCompactionError
        }
        if let error { throw error }
    }

    // MARK: The thread

    private func runThread() {
        SystemCalls.lowerPriority()
        while true {
            var delay = Self.idleMilliseconds
            do throws(LogStoreError) {
                try runFullCompaction()
                while !isEnding {
                    guard try step() else { break }
                }
                if try !pendingErasures().isEmpty { delay = Self.busyMilliseconds }
            } catch {
                if case .closed = error { return }
                report(.compactionFailed("\(error)"))
            }
            let stops = signal.locked { () -> Bool in
                if !isWoken && !isStopping && fullCompactionsDone == fullCompactionsWanted {
                    _ = signal.wait(milliseconds: delay)
                }
                isWoken = false
                return isStopping
            }
            if stops { return }
        }
    }

    private var isEnding: Bool { signal.locked { isStopping } || box.lock.withLock { $0.failure != nil } }

    private func runFullCompaction() throws(LogStoreError) {
        let wanted = signal.locked { fullCompactionsWanted }
        guard signal.locked({ fullCompactionsDone }) < wanted else { return }
        var failure: LogStoreError?
        do throws(LogStoreError) {
            try engine.flush(rotatingLog: true)
            try compactor.compactAll(pace)
            manifests.removeObsolete()
        } catch {
            failure = error
        }
        signal.locked {
            fullCompactionsDone = wanted
            fullCompactionError = failure
            signal.wakeAll()
        }
        if let failure { throw failure }
    }

    /// Waits as long as what was read needs at the allowed rate, and while writers queue.
    private func pace(_ bytes: Int) throws(LogStoreError) {
        guard thread != nil else { return }
        budget -= bytes
        guard budget < 0 else { return }
        // A budget is a tenth of a second's.
        let rate = max(1 << 20, options.compactionBytesPerSecond)
        budget += rate / 10
        var delay = options.compactionBytesPerSecond > 0 ? 100 : 0
        // While writers queue up it stands still, but not for ever: behind are runs that reads have to look through.
        if engine.isCrowded { delay += 1000 }
        let stops = signal.locked { () -> Bool in
            if !isStopping && delay > 0 { _ = signal.wait(milliseconds: delay) }
            return isStopping
        }
        if stops { throw .closed }
    }

    // MARK: Steps

    /// Does one thing.
    /// - Returns: false if nothing was to be done.
    private func step() throws(LogStoreError) -> Bool {
        if let failure = box.lock.withLock({ $0.failure }) { throw failure }
        let pending = try pendingErasures()
        note(pending.map(\.record))
        if try advance(pending) { return true }
        if try compactor.compactOnce(pace) { return true }
        if try flushIdleHead() { return true }
        if try expire() { return true }
        manifests.removeObsolete()
        return try finish(pending)
    }

    private func pendingErasures() throws(LogStoreError) -> [(record: ErasureRecord, lsn: LSN)] {
        var pending: [(record: ErasureRecord, lsn: LSN)] = []
        try lookup.scan(prefix: IndexKey.pendingErasures) { (key, value) throws(LogStoreError) in
            let lsn = try Lookup.decoding("pending erasure", key) { () throws(ByteReader.Malformed) in
                try IndexValue.decodeNumber(value)
            }
            guard let session = IndexKey.sessionKey(from: key), let lsn else { return true }
            if let record = try lookup.erasure(of: ErasureSubject(session)) { pending.append((record, LSN(lsn))) }
            return true
        }
        return pending
    }

    /// For the status, and the alarm when one takes too long.
    private func note(_ pending: [ErasureRecord]) {
        let oldest = pending.min { $0.orderedAt < $1.orderedAt }
        box.lock.withLock {
            $0.pendingErasures = pending.count
            $0.oldestPendingErasure = oldest?.orderedAt
        }
        let deadline = Int64(options.erasureDeadlineSeconds) * 1_000_000
        guard let oldest, clock.now().microseconds - oldest.orderedAt.microseconds > deadline else {
            overdueToldAt = nil
            return
        }
        let now = clock.monotonicMicroseconds()
        if let last = overdueToldAt, now - last < Self.expiryMicroseconds { return }
        overdueToldAt = now
        report(.erasureOverdue(oldest))
    }

    /// Steps 1 to 3 of the erasures that are under way.
    private func advance(_ pending: [(record: ErasureRecord, lsn: LSN)]) throws(LogStoreError) -> Bool {
        guard let newest = pending.map(\.lsn).max(), newest > purgedLSN else { return false }
        let ordered = pending.map(\.record.orderedAt.microseconds).max() ?? .min
        box.lock.withLock { $0.erasingThrough = max($0.erasingThrough, ordered) }
        let flushed = box.lock.withLock { $0.version.manifest.flushedLSN }
        if flushed < newest {
            try engine.flush(rotatingLog: true)
            return true
        }
        for (record, _) in pending {
            if try compactor.eraseOnce(record.subject, nameHash: record.nameHash, pace) { return true }
        }
        if try compactor.eraseRemovedDocumentsOnce(pace) { return true }
        let newestLog = box.lock.withLock { $0.logFiles.last?.firstLSN ?? .zero }
        if newestLog <= newest { try engine.flush(rotatingLog: true) }
        try manifests.install(added: [])
        let oldest = pending.map(\.record.orderedAt).min() ?? .init(microseconds: .max)
        manifests.purgeOlder(through: newest, orderedAt: oldest)
        purgedLSN = newest
        return true
    }

    /// Step 4.
    private func finish(_ pending: [(record: ErasureRecord, lsn: LSN)]) throws(LogStoreError) -> Bool {
        let done = pending.filter { $0.lsn <= purgedLSN && manifests.isPurged(through: $0.lsn) }
        guard !done.isEmpty else { return false }
        try manifests.syncUnlinks()
        var batch = Batch()
        for (record, _) in done { batch.finishErasure(record) }
        try engine.commit(batch, inBackground: true)
        for (record, _) in done { report(.erased(record)) }
        return true
    }

    /// Lets an expiry that waits because it is large go on.
    func confirmExpiry() {
        signal.locked {
            expiryIsConfirmed = true
            isWoken = true
            signal.wakeAll()
        }
    }

    /// A pass over what has expired, once an hour.
    private func expire() throws(LogStoreError) -> Bool {
        guard !box.retention.policy.isEmpty else { return false }
        let now = clock.monotonicMicroseconds()
        let isConfirmed = signal.locked { expiryIsConfirmed }
        if let last = expiryPassedAt, now - last < Self.expiryMicroseconds, !isConfirmed { return false }
        expiryPassedAt = now
        let pass = ExpiryPass(box: box, lookup: lookup, engine: engine, manifests: manifests)
        let plan = try pass.plan()
        if plan.isLarge && !isConfirmed {
            let since = expiryWaitsSince ?? now
            expiryWaitsSince = since
            guard now - since >= Self.expiryPatience else {
                report(.expiryWaits(entries: plan.entries, totalEntries: plan.totalEntries))
                return false
            }
        }
        expiryWaitsSince = nil
        signal.locked { expiryIsConfirmed = false }
        let sessions = try pass.run(plan)
        guard sessions > 0 || !plan.segments.isEmpty else { return false }
        report(.expired(segments: plan.segments.count, entries: plan.entries, sessions: sessions))
        return true
    }

    /// A store that is hardly written must not keep what was deleted in its log for ever.
    private func flushIdleHead() throws(LogStoreError) -> Bool {
        let first = box.lock.withLock { $0.active.isEmpty ? nil : Optional($0.active.firstTime) }
        guard let first, clock.now().microseconds - first > Self.headMicroseconds else { return false }
        try engine.flush(rotatingLog: true)
        return true
    }
}
