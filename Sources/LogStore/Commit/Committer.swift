internal import Synchronization

/// The one writer: turns waiting batches into durable groups.
///
/// ## Steps of a group
/// 1. Assign: each batch is checked and numbered against the state and the group's earlier batches.
/// 2. Log: one frame, one append; then one fdatasync, unless all of the group is `buffered`.
/// 3. Publish: under the state lock the batches are applied to the head, all at once.
/// 4. Answer; refusals too, because they may rest on what the group changed. Closures are called in order, then the
///    threads that wait are woken.
///
/// One group is in flight at a time: that is what makes a torn tail provable (`LogRecovery`). A failed append or sync
/// poisons the store: the outcome of the group is unknown and nothing is written any more.
///
/// Confined to whoever has the writer's turn (`WriteEngine`).
final class Committer {
    typealias Completion = @Sendable (Result<CommitReceipt, LogStoreError>) -> Void

    enum Answer: Sendable {
        case call(Completion)
        case wake(Waiter)
    }

    struct Request: Sendable {
        var batch: Batch
        var bytes: Int
        var answer: Answer
    }

    private let box: StateBox
    private let lookup: Lookup
    private let clock: any Clock
    private let space: SpaceWatch
    private let options: StoreOptions
    private let log: LogWriter
    private let report: @Sendable (StoreEvent) -> Void
    private var lastTime: Int64
    private var bytesSinceSpaceCheck = Int.max / 2
    private var spaceCheckedAt: UInt64 = 0
    /// The annotated batch that observers of the feed were last told of.
    private var toldLSN = LSN.zero
    private let reserve: Reserve

    init(
        box: StateBox, clock: any Clock, space: SpaceWatch, options: StoreOptions, log: LogWriter, lastTime: Int64,
        reserve: Reserve, report: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.box = box
        lookup = Lookup(state: box, policy: .blocking)
        self.clock = clock
        self.space = space
        self.options = options
        self.log = log
        self.lastTime = lastTime
        self.reserve = reserve
        self.report = report
    }

    private struct Staged {
        var batch: LoggedBatch
        var receipt: CommitReceipt
        var body: [UInt8]
        var request: Int
    }

    func commit(_ requests: [Request]) {
        var results: [Result<CommitReceipt, LogStoreError>] = []
        results.reserveCapacity(requests.count)
        var staged: [Staged] = []
        if let failure = box.lock.withLock({ $0.failure }) {
            return answer(requests, requests.map { _ in .failure(failure) })
        }
        let isLow = checkSpace()
        assign(requests, isLow, &staged, &results)
        if !staged.isEmpty {
            do throws(LogStoreError) {
                try write(staged, durable: requests.contains { $0.batch.durability == .durable })
                publish(staged)
            } catch {
                for s in staged { results[s.request] = .failure(error) }
                // Replays and refusals of this group may rest on batches that did not happen.
                if staged.count < requests.count {
                    for i in results.indices { results[i] = .failure(error) }
                }
            }
        }
        let refused = results.count { if case .failure = $0 { true } else { false } }
        if refused > 0 { box.lock.withLock { $0.statistics.refusedBatches += UInt64(refused) } }
        answer(requests, results)
    }

    private func answer(_ requests: [Request], _ results: [Result<CommitReceipt, LogStoreError>]) {
        var waiters: [Waiter] = []
        for (request, result) in zip(requests, results) {
            switch request.answer {
            case .call(let completion): completion(result)
            case .wake(let waiter):
                waiter.finish(result)
                waiters.append(waiter)
            }
        }
        Waiter.wake(waiters)
    }

    // MARK: Assign

    private func assign(
        _ requests: [Request], _ isLow: Bool, _ staged: inout [Staged],
        _ results: inout [Result<CommitReceipt, LogStoreError>]
    ) {
        let (counters, base) = box.lock.withLock { ($0.active.counters, $0.visibleLSN) }
        let pending = Head(counters: counters, sessions: requests.count > 1 ? requests.count : 0)
        let assigner = BatchAssigner(lookup: lookup, pending: pending, limits: options.limits)
        let now = clock.now().microseconds
        for (i, request) in requests.enumerated() {
            if isLow && request.batch.isAdditive {
                results.append(.failure(.full(freeBytes: box.lock.withLock { $0.space.freeBytes })))
                continue
            }
            let time = max(now, lastTime + 1)
            let lsn = LSN(base.rawValue + UInt64(staged.count) + 1)
            do throws(LogStoreError) {
                switch try assigner.assign(request.batch, lsn: lsn, time: Timestamp(microseconds: time)) {
                case .replay(let receipt): results.append(.success(receipt))
                case .assigned(let logged, let receipt):
                    var w = ByteWriter(reserving: request.bytes + 64)
                    logged.encode(into: &w)
                    guard w.count <= LogFormat.maximumBatchBytes else {
                        throw .tooLarge(what: "batch", bytes: w.count, limit: LogFormat.maximumBatchBytes)
                    }
                    lastTime = time
                    if requests.count > 1 { pending.apply(logged) }
                    staged.append(Staged(batch: logged, receipt: receipt, body: w.take(), request: i))
                    results.append(.success(receipt))
                }
            } catch {
                results.append(.failure(error))
            }
        }
    }

    // MARK: Write

    private func write(_ staged: [Staged], durable: Bool) throws(LogStoreError) {
        let bytes = staged.reduce(0) { $0 + $1.body.count + 16 }
        let now = clock.now().microseconds
        let before = log.currentFile
        do throws(DiskError) {
            try log.prepare(payloadBytes: bytes, now: now)
        } catch {
            try refuseOrFail(error)
        }
        do throws(DiskError) {
            try log.append(staged.map(\.body), time: staged[staged.count - 1].batch.time.microseconds)
        } catch {
            try refuseOrFail(error)
        }
        var microseconds: UInt64 = 0
        // What is not synced would be logged again after a kill: that stays bounded.
        let durable = durable || log.unsyncedBytes > LogFormat.maximumUnsyncedBytes
        if durable {
            let start = clock.monotonicMicroseconds()
            do throws(DiskError) { try log.sync() } catch { throw poison(error) }
            microseconds = clock.monotonicMicroseconds() - start
        }
        bytesSinceSpaceCheck += bytes
        let after = log.currentFile
        box.lock.withLock { s in
            if after != before { s.logFiles.append(after) }
            s.statistics.groups += 1
            s.statistics.batches += UInt64(staged.count)
            s.statistics.payloadBytes += UInt64(staged.reduce(0) { $0 + $1.batch.payloadBytes })
            s.statistics.logBytes += UInt64(
                (bytes + LogFormat.alignment - 1) / LogFormat.alignment * LogFormat.alignment)
            s.statistics.largestGroup = max(s.statistics.largestGroup, staged.count)
            if durable { s.statistics.recordSync(microseconds: microseconds) }
        }
    }

    /// No room: the group is refused and nothing of it counts. Anything else: poison.
    private func refuseOrFail(_ error: DiskError) throws(LogStoreError) -> Never {
        guard error.kind == .noSpace else { throw poison(error) }
        bytesSinceSpaceCheck = Int.max / 2
        _ = checkSpace()
        throw .full(freeBytes: box.lock.withLock { $0.space.freeBytes })
    }

    private func poison(_ error: DiskError) -> LogStoreError {
        let failure = LogStoreError.poisoned("\(error.operation) \(error.file): errno \(error.errno) \(error.detail)")
        box.lock.withLock { if $0.failure == nil { $0.failure = failure } }
        report(.poisoned("\(error.operation) \(error.file): errno \(error.errno) \(error.detail)"))
        return failure
    }

    private func publish(_ staged: [Staged]) {
        box.lock.withLock { s in
            for item in staged { s.active.apply(item.batch) }
            if let annotated = staged.last(where: { $0.batch.isAnnotated }) { s.annotatedLSN = annotated.batch.lsn }
            s.visibleLSN = log.lastLSN
            s.durableLSN = log.durableLSN
        }
        tellObservers()
    }

    /// Tells the feed's observers when annotated batches have become durable.
    private func tellObservers() {
        let (annotated, durable) = box.lock.withLock { ($0.annotatedLSN, $0.durableLSN) }
        guard annotated > toldLSN, annotated <= durable else { return }
        toldLSN = annotated
        box.observers.tell()
    }

    // MARK: Freeze and close

    /// Hands the head over for a flush if it is over its budget (or if `force`), unless one is being flushed.
    /// - Returns: true if there is something to flush now.
    func freezeIfNeeded(force: Bool) throws(LogStoreError) -> Bool {
        let wanted = box.lock.withLock { s in
            s.frozen == nil && !s.active.isEmpty && s.failure == nil
                && (force || s.active.bytes >= options.headBytes)
        }
        guard wanted else { return false }
        // The manifest may only name an LSN that the log holds durably: else a cut could leave a gap below it.
        if log.durableLSN < log.lastLSN {
            do throws(DiskError) { try log.sync() } catch { throw poison(error) }
        }
        box.lock.withLock { s in
            s.durableLSN = log.durableLSN
            s.frozen = s.active
            s.active = Head(counters: s.active.counters)
        }
        tellObservers()
        return true
    }

    /// Begins a new log file, so that the ones before can go when nothing needs them any more.
    func rotateLog() throws(LogStoreError) {
        if let failure = box.lock.withLock({ $0.failure }) { throw failure }
        let before = log.currentFile
        do throws(DiskError) {
            try log.rotateIfUsed(now: clock.now().microseconds)
        } catch {
            try refuseOrFail(error)
        }
        let after = log.currentFile
        box.lock.withLock { s in
            if after != before { s.logFiles.append(after) }
            s.durableLSN = log.durableLSN
        }
        tellObservers()
    }

    func close() throws(LogStoreError) {
        let isSound = box.lock.withLock { $0.failure == nil }
        defer {
            log.close()
            reserve.release()
        }
        guard isSound else { return }
        do throws(DiskError) { try log.seal(clean: true, now: clock.now().microseconds) } catch { throw poison(error) }
        box.lock.withLock { $0.durableLSN = log.durableLSN }
    }

    // MARK: Space

    /// Looks at the disk now and then. Below the soft limit appends are refused and the reserve is given up, so that
    /// deletes can still be logged; above it the reserve is made again.
    private func checkSpace() -> Bool {
        let now = clock.monotonicMicroseconds()
        let isStale = now - spaceCheckedAt > SpaceWatch.interval || bytesSinceSpaceCheck > 8 << 20
        let wasLow = box.lock.withLock { !$0.isAcceptingAppends }
        guard isStale else { return wasLow }
        spaceCheckedAt = now
        bytesSinceSpaceCheck = 0
        guard let isLow = space.look() else { return wasLow }
        if isLow { reserve.release() } else { reserve.hold() }
        return isLow
    }
}

/// Space kept back in `reserve.bin`, so that deletes can be logged on a full disk. Only a reservation: no byte of it is
/// ever part of the state. The file stays open while it is held, because closing gives unused blocks back.
///
/// Confined to the committer.
final class Reserve {
    static let name = "reserve.bin"
    private let disk: any Disk
    private let options: StoreOptions
    private var file: (any DiskFile)?

    /// Removes what an earlier process left.
    init(disk: any Disk, options: StoreOptions, isLeftOver: Bool) {
        self.disk = disk
        self.options = options
        if isLeftOver { try? disk.unlink(Self.name) }
    }

    /// Takes the space, if there is enough.
    func hold() {
        guard file == nil, options.reserveBytes > 0, let space = try? disk.space() else { return }
        let bytes = min(options.reserveBytes, space.totalBytes / 100)
        guard bytes > 0, let file = try? disk.create(Self.name) else { return }
        do throws(DiskError) {
            try file.reserve(bytes)
            self.file = file
        } catch {
            file.close()
            try? disk.unlink(Self.name)
        }
    }

    /// Gives it back to the disk.
    func release() {
        guard let file else { return }
        self.file = nil
        try? disk.unlink(Self.name)
        file.close()
    }
}
