internal import Synchronization

/// The store's manifests: writes the next one, keeps those that may still be needed, and unlinks what none of them
/// needs.
///
/// ## Installing
/// 1. The caller has written tables, each synced; their names are made durable.
/// 2. The tables are opened, so that nothing can fail once the manifest is there.
/// 3. The next manifest: what it changes is said by a closure over the newest one; written, synced, its name synced.
/// 4. One assignment under the state lock makes it what readers see.
/// Flush and compaction install from different threads: one at a time, under `lock`.
///
/// ## What may go
/// A copy of the directory that is being made needs the manifest that was the newest when it began, every table of it,
/// and the log behind it. So a manifest stays until its *successor* is older than the grace. Beside those, the newest
/// eight stay, because recovery falls back to them; except those from before a finished erasure (`purge`), which name
/// erased bytes. A table goes with the last retained manifest that names it; a log file when the oldest retained
/// manifest, and every consumer of the feed, is past it, and its successor is older than `logRetentionSeconds` (not if
/// it holds erased bytes). Consumers hold files back up to `feedLagBytes`, not while the disk is nearly full, and files
/// with erased bytes for half of the erasure deadline only: above that what they have not read is lost to them. While
/// `backup.pin` is younger than a day nothing goes. Files
/// kept for copies may take a tenth of the disk; above that the oldest go early, and the copy is refused when opened.
final class ManifestLog: Sendable {
    static let pinName = "backup.pin"
    private static let pinMicroseconds: Int64 = 24 * 3_600_000_000
    private static let fallbacks = 8

    /// A manifest that is kept, as far as it matters for what may go.
    struct Retained: Sendable {
        var number: UInt64
        var createdAt: Int64
        var flushedLSN: LSN
        var logNumber: UInt64
        var tables: [UInt64]

        init(_ manifest: Manifest) {
            number = manifest.number
            createdAt = manifest.createdAt
            flushedLSN = manifest.flushedLSN
            logNumber = manifest.logNumber
            tables = manifest.tables.map(\.name.id)
        }
    }

    private struct State {
        var nextNumber: UInt64
        var nextTableID: UInt64
        /// Oldest first; the last is the newest.
        var retained: [Retained]
        /// Every table that a retained manifest names.
        var files: [UInt64: (name: TableName, size: UInt64)]
        /// Manifests below this number need not be kept as fallbacks.
        var purge: UInt64 = 0
        /// Log files with a batch up to here hold erased bytes.
        var purgeLSN = LSN.zero
        /// When the oldest erasure that waits for them was ordered.
        var purgeOrderedAt = Int64.max
        /// Files that recovery did not believe; they go once a manifest has been written.
        var unbelieved: [String]
    }

    private let box: StateBox
    private let lookup: Lookup
    private let disk: any Disk
    private let clock: any Clock
    private let store: UInt64
    private let cache: BlockCache
    private let graceMicroseconds: Int64
    private let logRetentionMicroseconds: Int64
    private let feedLagBytes: UInt64
    private let feedPatienceMicroseconds: Int64
    private let lock: Mutex<State>

    init(
        box: StateBox, disk: any Disk, clock: any Clock, options: StoreOptions, store: UInt64, cache: BlockCache,
        nextTableID: UInt64, nextNumber: UInt64, retained: [Manifest], unbelieved: [String]
    ) {
        self.box = box
        lookup = Lookup(state: box, policy: .blocking)
        self.disk = disk
        self.clock = clock
        self.store = store
        self.cache = cache
        graceMicroseconds = Int64(options.deletionGraceSeconds) * 1_000_000
        logRetentionMicroseconds = Int64(options.logRetentionSeconds) * 1_000_000
        feedLagBytes = options.feedLagBytes
        feedPatienceMicroseconds = Int64(options.erasureDeadlineSeconds) * 500_000
        var files: [UInt64: (name: TableName, size: UInt64)] = [:]
        for manifest in retained { for table in manifest.tables { files[table.name.id] = (table.name, table.size) } }
        lock = Mutex(
            State(
                nextNumber: nextNumber, nextTableID: nextTableID, retained: retained.map(Retained.init), files: files,
                unbelieved: unbelieved))
    }

    /// A table id that was never used.
    func takeTableID() -> UInt64 {
        lock.withLock { state in
            state.nextTableID += 1
            return state.nextTableID - 1
        }
    }

    // MARK: Installing

    /// Makes the next manifest the state: `added` tables in, `removed` ones out, and whatever `change` sets beside.
    /// `publish` runs under the state lock with the assignment.
    /// - Throws: `io`, `corrupt`. The added tables are unlinked then, and the state is as before.
    func install(
        added: [TableSummary], removed: Set<UInt64> = [], change: (inout Manifest) -> Void = { _ in },
        publish: (inout StoreState) -> Void = { _ in }
    ) throws(LogStoreError) {
        try lock.withLock { (state) throws(LogStoreError) in
            do throws(LogStoreError) {
                if !added.isEmpty { try syncDirectory(.tableDirectory) }
                let old = box.lock.withLock { $0.version }
                var readers = (old.segments + old.index).filter { !removed.contains($0.name.id) }
                for table in added {
                    readers.append(
                        try TableReader.open(
                            disk: disk, name: table.name, context: TableContext(store: store), cache: cache,
                            expectedSize: table.size, expectedHash: table.hash))
                }
                let manifest = try write(added, removed, old.manifest, change, &state)
                let version = Version(manifest: manifest, tables: readers)
                box.lock.withLock {
                    $0.version = version
                    publish(&$0)
                }
            } catch {
                for table in added { try? disk.unlink(table.name.fileName) }
                throw error
            }
        }
    }

    private func write(
        _ added: [TableSummary], _ removed: Set<UInt64>, _ old: Manifest, _ change: (inout Manifest) -> Void,
        _ state: inout State
    ) throws(LogStoreError) -> Manifest {
        let now = clock.now().microseconds
        var manifest = old
        manifest.number = state.nextNumber
        state.nextNumber += 1
        manifest.createdAt = now
        manifest.clockWatermark = max(old.clockWatermark, box.retention.now())
        manifest.nextTableID = state.nextTableID
        manifest.tables.removeAll { removed.contains($0.name.id) }
        manifest.tables += added.map(Manifest.TableEntry.init)
        change(&manifest)
        let flushed = manifest.flushedLSN
        manifest.logNumber =
            box.lock.withLock { s in s.logFiles.last { $0.firstLSN <= flushed.next }?.number } ?? old.logNumber
        try Self.write(manifest, disk, store)
        state.retained.append(Retained(manifest))
        for table in added { state.files[table.name.id] = (table.name, table.size) }
        for name in state.unbelieved { try? disk.unlink(name) }
        state.unbelieved = []
        return manifest
    }

    /// Writes a manifest and makes it durable.
    static func write(_ manifest: Manifest, _ disk: any Disk, _ store: UInt64) throws(LogStoreError) {
        let name = Manifest.name(manifest.number)
        do throws(DiskError) {
            let file = try disk.create(name)
            defer { file.close() }
            do throws(DiskError) {
                try file.append(manifest.encode(store: store))
                try file.sync(.manifestFile)
                try disk.syncDirectory(.manifestDirectory)
            } catch {
                try? disk.unlink(name)
                throw error
            }
        } catch {
            throw .io(error)
        }
    }

    /// Makes everything unlinked so far stay away.
    func syncUnlinks() throws(LogStoreError) { try syncDirectory(.unlinkDirectory) }

    private func syncDirectory(_ barrier: Barrier) throws(LogStoreError) {
        do throws(DiskError) { try disk.syncDirectory(barrier) } catch { throw .io(error) }
    }

    // MARK: What may go

    /// From now on no manifest older than the newest is kept as a fallback, and no log file with a batch up to `lsn`
    /// for its own sake: they have bytes that have to go.
    /// - Parameter orderedAt: when the oldest unfinished erasure was ordered.
    func purgeOlder(through lsn: LSN, orderedAt: Timestamp) {
        lock.withLock {
            $0.purge = $0.retained[$0.retained.count - 1].number
            $0.purgeLSN = max($0.purgeLSN, lsn)
            $0.purgeOrderedAt = orderedAt.microseconds
        }
    }

    /// Unlinks what no retained manifest and no consumer needs. Failing to is no failure: it is tried again.
    func removeObsolete() {
        lock.withLock { state in
            guard let entries = try? disk.list() else { return }
            let now = clock.now().microseconds
            let isPinned = entries.contains {
                $0.name == Self.pinName && now - $0.modifiedAt < Self.pinMicroseconds
            }
            guard !isPinned else { return }
            removeManifests(&state, now)
            removeLogFiles(state, now, entries)
        }
    }

    private func removeManifests(_ state: inout State, _ now: Int64) {
        var current = Set(state.retained[state.retained.count - 1].tables)
        let space = box.lock.withLock { $0.space }
        var bytes = state.files.values.reduce(0) { current.contains($1.name.id) ? $0 : $0 + $1.size }
        var drop = 0
        while drop + 1 < state.retained.count {
            let mayCopy = now - state.retained[drop + 1].createdAt < graceMicroseconds
            let isFallback = state.retained.count - drop <= Self.fallbacks && state.retained[drop].number >= state.purge
            let isAffordable = bytes <= space.totalBytes / 10
            if (mayCopy || isFallback) && isAffordable { break }
            if !isAffordable {
                // What only this one names is given back.
                let later = Set(state.retained[(drop + 1)...].joined(\.tables))
                for id in state.retained[drop].tables where !later.contains(id) { bytes -= state.files[id]?.size ?? 0 }
            }
            drop += 1
        }
        guard drop > 0 else { return }
        for manifest in state.retained.prefix(drop) { try? disk.unlink(Manifest.name(manifest.number)) }
        state.retained.removeFirst(drop)
        current = Set(state.retained.joined(\.tables))
        for (id, file) in state.files where !current.contains(id) {
            try? disk.unlink(file.name.fileName)
            state.files[id] = nil
        }
    }

    private func removeLogFiles(_ state: State, _ now: Int64, _ entries: [DiskEntry]) {
        let oldest = state.retained[0]
        let files = box.lock.withLock { $0.logFiles }
        var free = 0
        while free + 1 < files.count && files[free + 1].firstLSN <= oldest.flushedLSN.next
            && files[free].number < oldest.logNumber
            && (now - files[free + 1].createdAt >= logRetentionMicroseconds || files[free].firstLSN <= state.purgeLSN)
        {
            free += 1
        }
        let wanted = free - heldByConsumers(files, free, state, now, entries)
        var drop = 0
        while drop < wanted {
            do throws(DiskError) { try disk.unlink(files[drop].name) } catch {
                if error.kind != .notFound { break }
            }
            drop += 1
        }
        guard drop > 0 else { return }
        box.lock.withLock { $0.logFiles.removeFirst(drop) }
        box.feedIndex.removeFiles(below: files[drop].number)
    }

    /// How many of the `free` oldest files, counted from the newest of them, stay for consumers of the feed.
    private func heldByConsumers(
        _ files: [LogFileInfo], _ free: Int, _ state: State, _ now: Int64, _ entries: [DiskEntry]
    ) -> Int {
        let floor = (try? consumerFloor()) ?? .zero
        var first = 0
        while first < free && files[first + 1].firstLSN <= floor.next { first += 1 }
        guard first < free else { return 0 }
        let sizes = Dictionary(entries.map { ($0.name, $0.size) }) { size, _ in size }
        let isLow = box.lock.withLock { !$0.isAcceptingAppends }
        let patienceIsOver = now - state.purgeOrderedAt >= feedPatienceMicroseconds
        var bytes = files[first..<free].reduce(UInt64(0)) { $0 + (sizes[$1.name] ?? 0) }
        while first < free {
            let isOverdue = patienceIsOver && files[first].firstLSN <= state.purgeLSN
            guard isLow || isOverdue || bytes > feedLagBytes else { break }
            bytes -= sizes[files[first].name] ?? 0
            first += 1
        }
        return free - first
    }

    /// The least position of the feed's consumers; the newest LSN if there is none.
    private func consumerFloor() throws(LogStoreError) -> LSN {
        var floor = box.lock.withLock { $0.visibleLSN }
        try lookup.scan(prefix: IndexKey.consumers) { (key, value) throws(LogStoreError) in
            let position = try Lookup.decoding("position", key) { () throws(ByteReader.Malformed) in
                try IndexValue.decodeNumber(value)
            }
            floor = min(floor, LSN(position ?? 0))
            return true
        }
        return floor
    }

    /// True when nothing from before the newest purge, and no log file with a batch up to `lsn`, is left.
    func isPurged(through lsn: LSN) -> Bool {
        let oldestLog = box.lock.withLock { $0.logFiles.first?.firstLSN ?? .zero }
        return lock.withLock { $0.retained[0].number >= $0.purge } && oldestLog > lsn
    }
}

extension Sequence where Element == ManifestLog.Retained {
    fileprivate func joined(_ tables: KeyPath<Element, [UInt64]>) -> [UInt64] { flatMap { $0[keyPath: tables] } }
}

extension Manifest.TableEntry {
    fileprivate init(_ s: TableSummary) {
        self.init(
            name: s.name, size: s.size, hashLow: s.hash.low, hashHigh: s.hash.high, entryCount: s.entryCount,
            rawBytes: s.rawBytes, minimumTime: s.minTime?.microseconds ?? 0, maximumTime: s.maxTime?.microseconds ?? 0,
            firstKey: s.firstKey, lastKey: s.lastKey)
    }

    var hash: FileHash { FileHash(low: hashLow, high: hashHigh) }
}
