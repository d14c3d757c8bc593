internal import Synchronization

/// An embedded, crash-safe store of sessions and their messages in one directory.
///
///     let store = try LogStore.open(
///         disk: LiveDisk(path: "data"), clock: LiveClock(), random: SystemRandom(), options: StoreOptions())
///     var batch = Batch()
///     let chat = batch.createSession(id: "s1", tenant: "demo", user: "ann")
///     batch.append(Array("hello".utf8), to: chat)
///     let receipt = try store.commit(batch)  // durable now
///     let messages = try store.entries(of: receipt.sessions[0], .last(20))
///     try store.close()
///
/// ## What it promises
/// A commit that was answered survives kill, panic and power cut; a batch is there wholly or not at all; what is not yet
/// durable is not visible; damaged bytes are an error that names file and offset, never a wrong answer. The fault model
/// is in docs/ARCHITECTURE.md, every byte in docs/format.md.
///
/// ## Where to go next
/// `Batch` (writes) and `Queries.swift` (reads); `Committer` (the write path), `Flusher` (head to tables), `LogRecovery`
/// (open), `SessionRow` (how a session is found), `Disk` (the only door to the system).
package final class LogStore: Sendable {
    /// Who runs commits and flushes.
    package enum Execution: Sendable {
        /// A writer thread and a flush thread.
        case threaded
        /// The caller of `commit`: deterministic, for tests.
        case inline
    }

    package let id: StoreID
    private let disk: any Disk
    private let options: StoreOptions
    private let box: StateBox
    private let cache: BlockCache
    private let store: UInt64
    private let engine: WriteEngine
    private let space: SpaceWatch
    private let maintenance: Maintenance
    private let scrubber: Scrubber?

    private init(
        _ opened: StoreOpener.Opened, _ disk: any Disk, _ options: StoreOptions, _ engine: WriteEngine,
        _ space: SpaceWatch, _ maintenance: Maintenance, _ scrubber: Scrubber?
    ) {
        id = opened.id
        self.disk = disk
        self.options = options
        box = opened.box
        cache = opened.cache
        store = opened.id.seed
        self.engine = engine
        self.space = space
        self.maintenance = maintenance
        self.scrubber = scrubber
    }

    /// Opens the store of a directory, or makes one in an empty directory. `report` hears what an operator should know;
    /// it is called from any thread.
    /// - Throws: `locked`, `notAStore`, `newerFormat`, `corrupt`, `io`.
    /// - Complexity: O(files + log tail); independent of how many sessions and messages are stored.
    package static func open(
        disk: any Disk, clock: any Clock, random: any RandomSource, options: StoreOptions = StoreOptions(),
        execution: Execution = .threaded, report: @escaping @Sendable (StoreEvent) -> Void = { _ in }
    ) throws(LogStoreError) -> LogStore {
        try open(
            disk: disk, clock: clock, random: random, options: options, target: nil, execution: execution,
            report: report)
    }

    /// - Parameter target: replays the log only so far (`StoreRestorer`); nil: opens for use.
    static func open(
        disk: any Disk, clock: any Clock, random: any RandomSource, options: StoreOptions, target: RestoreTarget?,
        execution: Execution, report: @escaping @Sendable (StoreEvent) -> Void
    ) throws(LogStoreError) -> LogStore {
        // Before the lock, which leaves a file behind: a directory of something else stays as it is.
        try StoreOpener.refuseForeign(disk)
        do throws(DiskError) { try disk.lock() } catch {
            throw error.kind == .locked ? .locked(path: disk.path, holder: error.detail) : .io(error)
        }
        do throws(LogStoreError) {
            let opener = StoreOpener(
                disk: disk, clock: clock, random: random, options: options, target: target, report: report)
            let opened = try opener.open()
            let space = SpaceWatch(box: opened.box, clock: clock, disk: disk, options: options, report: report)
            let committer = Committer(
                box: opened.box, clock: clock, space: space, options: options, log: opened.log,
                lastTime: opened.lastTime, reserve: opened.reserve, report: report)
            let flusher = Flusher(
                box: opened.box, disk: disk, clock: clock, options: options, store: opened.id.seed,
                manifests: opened.manifests, report: report)
            let afterFlush = Callback()
            let engine = WriteEngine(
                box: opened.box, committer: committer, flusher: flusher, options: options, execution: execution,
                afterFlush: afterFlush)
            let compactor = Compactor(
                box: opened.box, disk: disk, clock: clock, options: options, store: opened.id.seed,
                manifests: opened.manifests, report: report)
            let maintenance = Maintenance(
                box: opened.box, clock: clock, options: options, engine: engine, compactor: compactor,
                manifests: opened.manifests, execution: execution, report: report)
            // Weak: the engine must not keep what keeps it.
            afterFlush.set { [weak maintenance] in maintenance?.wake() }
            let scrubber =
                execution == .inline
                ? nil : Scrubber(box: opened.box, clock: clock, random: random, options: options, report: report)
            return LogStore(opened, disk, options, engine, space, maintenance, scrubber)
        } catch {
            disk.unlock()
            throw error
        }
    }

    /// Answers what is queued, seals the log and gives the directory back. Later calls throw `closed`.
    package func close() throws(LogStoreError) {
        defer { disk.unlock() }
        scrubber?.stop()
        maintenance.stop()
        try engine.close()
    }

    // MARK: Writes

    /// Queues a batch. `completion` is called once, on the thread that commits: it must not block.
    ///
    /// Before queueing, the directory rows that the batch needs are read, so that a cold session does not make the
    /// writer wait for the disk. With `.cached` that throws `wouldBlock` instead of reading, and nothing is queued.
    package func commit(
        _ batch: Batch, policy: ReadPolicy = .blocking,
        completion: @escaping @Sendable (Result<CommitReceipt, LogStoreError>) -> Void
    ) throws(LogStoreError) {
        try BatchAssigner.check(batch, options.limits)
        try prefetch(batch, Lookup(state: box, policy: policy))
        guard batch.ordersErasure else { return try engine.submit(batch, completion) }
        try engine.submit(batch) { [maintenance] result in
            completion(result)
            maintenance.wake()
        }
    }

    /// Commits a batch and waits for it.
    /// - Throws: `sessionNotFound`, `sessionExists`, `entryNotFound`, `conflict`, `tooLarge`, `invalid`, `full`,
    ///   `overloaded`, `poisoned`, `closed`, `io`, `corrupt`.
    @discardableResult
    package func commit(_ batch: Batch) throws(LogStoreError) -> CommitReceipt {
        try BatchAssigner.check(batch, options.limits)
        try prefetch(batch, lookup(.blocking))
        defer { if batch.ordersErasure { maintenance.wake() } }
        return try engine.commit(batch)
    }

    /// Writes everything that is committed so far into tables.
    package func flush() throws(LogStoreError) { try engine.flush() }

    /// Flushes, and merges all tables as far as they may be: what was deleted is then in none of them.
    /// - Complexity: O(store).
    package func compact() throws(LogStoreError) { try maintenance.compactAll() }

    /// Does what the maintenance thread would do now. For `Execution.inline`.
    package func maintain() throws(LogStoreError) { try maintenance.run() }

    private func prefetch(_ batch: Batch, _ lookup: Lookup) throws(LogStoreError) {
        for operation in batch.operations {
            switch operation {
            case .append(.existing(let key), _, _, _), .update(.existing(let key), _, _, _),
                .setSessionTimes(.existing(let key), _, _), .setEntryTimes(.existing(let key), _, _, _),
                .putSessionDocument(.existing(let key), _, _, _):
                if box.lock.withLock({ $0.delta(key)?.lastSequence }) == nil { _ = try lookup.row(key) }
            case .deleteSession(let key), .erase(.session(let key)): _ = try lookup.row(key)
            case .amend(.existing(let key), let sequence, _, _), .deleteEntry(.existing(let key), let sequence):
                guard sequence > 0 else { throw .entryNotFound(sequence: sequence) }
                _ = try lookup.entries(of: key, EntryQuery(after: sequence - 1, limit: 1))
            case .createSession(let new):
                guard let tenant = try lookup.tenant(named: new.tenant) else { continue }
                _ = try lookup.user(named: new.user, in: tenant)
                _ = try lookup.session(id: new.id, in: tenant)
            default: continue
            }
        }
    }

    /// Lets an expiry go on that would remove more than half of all entries (`StoreEvent.expiryWaits`).
    package func confirmExpiry() { maintenance.confirmExpiry() }

    // MARK: Reads

    package func tenant(named name: String, policy: ReadPolicy = .blocking) throws(LogStoreError) -> TenantOrdinal? {
        try lookup(policy).tenant(named: name)
    }

    package func user(
        named name: String, in tenant: TenantOrdinal, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> UserKey? {
        try lookup(policy).user(named: name, in: tenant)
    }

    package func userName(_ key: UserKey, policy: ReadPolicy = .blocking) throws(LogStoreError) -> String? {
        try lookup(policy).userName(key)
    }

    package func tenantName(_ tenant: TenantOrdinal, policy: ReadPolicy = .blocking) throws(LogStoreError) -> String? {
        try lookup(policy).tenantName(tenant)
    }

    /// The live session of an external id.
    package func session(
        id: String, in tenant: TenantOrdinal, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> SessionInfo? {
        let lookup = lookup(policy)
        guard let (key, row) = try lookup.session(id: id, in: tenant) else { return nil }
        return try lookup.info(key, row)
    }

    package func session(_ key: SessionKey, policy: ReadPolicy = .blocking) throws(LogStoreError) -> SessionInfo? {
        let lookup = lookup(policy)
        guard let row = try lookup.row(key) else { return nil }
        return try lookup.info(key, row)
    }

    /// A session's state document; nil if there is no such session.
    package func state(
        of key: SessionKey, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> (state: [UInt8], version: LSN)? {
        try lookup(policy).state(of: key)
    }

    /// A page of a session's entries; empty if there is no such session.
    /// - Complexity: O(page) plus one row; three reads when nothing is cached.
    package func entries(
        of key: SessionKey, _ query: EntryQuery, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> [Entry] {
        try lookup(policy).entries(of: key, query)
    }

    package func sessions(
        of user: UserKey, _ query: SessionQuery, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> SessionPage {
        try lookup(policy).sessions(of: user, query)
    }

    /// Sessions of a user with what a list shows of them, all of one moment.
    /// - Complexity: O(sessions of the user) in memory, O(page) reads.
    package func list(
        of user: UserKey, _ query: SessionQuery, _ parts: ListedParts, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> ListedPage {
        try lookup(policy).list(of: [user], query, parts)
    }

    package func list(
        ofTenant tenant: TenantOrdinal, _ query: SessionQuery, _ parts: ListedParts, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> ListedPage {
        try lookup(policy).list(ofTenant: tenant, query, parts)
    }

    /// Sessions of several users in one order.
    package func sessions(
        of users: [UserKey], _ query: SessionQuery, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> SessionPage {
        try lookup(policy).sessions(of: users, query)
    }

    /// How many entries of a session are there between two sequence numbers, both exclusive.
    package func entryCount(
        of key: SessionKey, after: SequenceNumber, before: SequenceNumber, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> UInt32 {
        try lookup(policy).count(of: key, after: after, before: before)
    }

    package func sessions(
        ofTenant tenant: TenantOrdinal, _ query: SessionQuery, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> SessionPage {
        try lookup(policy).sessions(ofTenant: tenant, query)
    }

    package func document(_ key: DocumentKey, policy: ReadPolicy = .blocking) throws(LogStoreError) -> Document? {
        let lookup = lookup(policy)
        guard let tenant = try lookup.tenant(named: key.tenant) else { return nil }
        let indexKey = IndexKey.document(tenant, key.key)
        guard let bytes = try lookup.value(indexKey) else { return nil }
        return try Self.document(indexKey, key.key, bytes)
    }

    /// Documents whose keys begin with `prefix`, ascending, behind `after`; those of sessions are not among them.
    package func documents(
        tenant name: String, prefix: [UInt8], after: [UInt8]? = nil, limit: Int, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> [Document] {
        let lookup = lookup(policy)
        guard limit > 0, let tenant = try lookup.tenant(named: name) else { return [] }
        let base = IndexKey.documents(tenant)
        var documents: [Document] = []
        try lookup.scan(
            prefix: base + prefix, from: base + (after.map { $0 + [0] } ?? SessionDocumentKey.end)
        ) { (key, value) throws(LogStoreError) in
            if let document = try Self.document(key, Array(key.dropFirst(base.count)), value) {
                documents.append(document)
            }
            return documents.count < limit
        }
        return documents
    }

    private static func document(
        _ indexKey: [UInt8], _ key: [UInt8], _ bytes: [UInt8]
    ) throws(LogStoreError) -> Document? {
        let decoded = try Lookup.decoding("document", indexKey) { () throws(ByteReader.Malformed) in
            try IndexValue.decodeVersioned(bytes)
        }
        return decoded.map { Document(key: key, value: $0.bytes, version: $0.version) }
    }

    var retention: Retention { box.retention }

    func lookup(_ policy: ReadPolicy) -> Lookup { Lookup(state: box, policy: policy) }

    // MARK: Erasures

    /// The erasure ledger, by subject.
    /// - Parameter user: only what is this user's or a session's of this user.
    package func erasures(
        of user: UserKey? = nil, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> [ErasureRecord] {
        let lookup = lookup(policy)
        var records: [ErasureRecord] = []
        try lookup.scan(prefix: IndexKey.ledger(of: user)) { (key, value) throws(LogStoreError) in
            guard let session = IndexKey.sessionKey(from: key) else { return true }
            let record = try Lookup.decoding("ledger entry", key) { () throws(ByteReader.Malformed) in
                try ErasureRecord.decode(value, of: ErasureSubject(session))
            }
            if let record { records.append(lookup.progressing(record)) }
            return true
        }
        return records
    }

    /// The ledger's entry of a subject; nil if it was never erased.
    package func erasure(
        of subject: ErasureSubject, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> ErasureRecord? {
        try lookup(policy).erasure(of: subject)
    }

    /// Subjects with a legal hold on themselves.
    package func holds(policy: ReadPolicy = .blocking) throws(LogStoreError) -> [ErasureSubject] {
        var subjects: [ErasureSubject] = []
        try lookup(policy).scan(prefix: IndexKey.holds) { (key, _) throws(LogStoreError) in
            if let session = IndexKey.sessionKey(from: key) { subjects.append(ErasureSubject(session)) }
            return true
        }
        return subjects
    }

    /// Whether there is a legal hold on the subject itself.
    package func isHeld(_ subject: ErasureSubject, policy: ReadPolicy = .blocking) throws(LogStoreError) -> Bool {
        try lookup(policy).value(IndexKey.hold(subject)) != nil
    }

    // MARK: Change feed

    /// Committed, durable batches behind `lsn`, oldest first, at most `limit`.
    /// - Throws: `feedTruncated` if the log no longer reaches back to it; `corrupt`, `io`.
    /// - Complexity: reads the log from the beginning of the file that holds `lsn`; `ChangeFeed` remembers its place.
    package func changes(after lsn: LSN, limit: Int) throws(LogStoreError) -> [LoggedBatch] {
        let feed = feed(after: lsn)
        return try feed.next(limit: limit)
    }

    /// A reader of the feed that keeps its place.
    package func feed(after lsn: LSN) -> ChangeFeed {
        ChangeFeed(box: box, disk: disk, store: store, position: lsn)
    }

    /// Where a consumer of the feed stands (`Batch.setPosition`).
    package func position(of consumer: String) throws(LogStoreError) -> LSN? {
        let key = IndexKey.consumer(consumer)
        guard let bytes = try lookup(.blocking).value(key) else { return nil }
        return try Lookup.decoding("position", key) { () throws(ByteReader.Malformed) in
            try IndexValue.decodeNumber(bytes).map { LSN($0) }
        }
    }

    /// Every consumer of the feed and where it stands.
    package func consumers() throws(LogStoreError) -> [(name: String, position: LSN)] {
        var found: [(name: String, position: LSN)] = []
        try lookup(.blocking).scan(prefix: IndexKey.consumers) { (key, value) throws(LogStoreError) in
            let number = try Lookup.decoding("position", key) { () throws(ByteReader.Malformed) in
                try IndexValue.decodeNumber(value)
            }
            if let number { found.append((String(decoding: key.dropFirst(), as: UTF8.self), LSN(number))) }
            return true
        }
        return found
    }

    /// Calls `observer` whenever annotated batches have become durable, until the observation is cancelled. It runs on the
    /// writer's thread: it must not block, nor call the store.
    package func observeFeed(_ observer: @escaping @Sendable () -> Void) -> FeedObservation {
        box.observers.add(observer)
    }

    /// How far the feed reaches.
    package var feedStatus: FeedStatus {
        box.lock.withLock { s in
            FeedStatus(
                oldestLSN: s.logFiles.first?.firstLSN ?? .zero, newestFileLSN: s.logFiles.last?.firstLSN ?? .zero,
                annotatedLSN: s.annotatedLSN, durableLSN: s.durableLSN, visibleLSN: s.visibleLSN)
        }
    }

    // MARK: Status

    /// What of `status` a probe asks for, without the counting.
    package var condition: (isAcceptingAppends: Bool, failure: LogStoreError?) {
        space.refresh()
        return box.lock.withLock { s in (s.isAcceptingAppends && s.failure == nil, s.failure) }
    }

    package var status: StoreStatus {
        space.refresh()
        let cacheStatistics = cache.statistics
        return box.lock.withLock { s in
            let tables = s.version.manifest.tables
            return StoreStatus(
                visibleLSN: s.visibleLSN, durableLSN: s.durableLSN, flushedLSN: s.version.manifest.flushedLSN,
                isAcceptingAppends: s.isAcceptingAppends && s.failure == nil, failure: s.failure, space: s.space,
                statistics: s.statistics, headBytes: s.active.bytes, frozenBytes: s.frozen?.bytes ?? 0,
                segments: s.version.segments.count, indexRuns: s.version.index.count,
                tableBytes: tables.reduce(0) { $0 + $1.size },
                storedEntries: tables.filter { $0.name.kind == .segment }.reduce(0) { $0 + $1.entryCount },
                logFiles: s.logFiles.count, cache: cacheStatistics,
                damage: s.damage.values.sorted { $0.file < $1.file }, pendingErasures: s.pendingErasures,
                oldestPendingErasure: s.oldestPendingErasure,
                sessionsCreated: s.active.counters.nextSession - 1, usersCreated: s.active.counters.nextUser - 1)
        }
    }
}
