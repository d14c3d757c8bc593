internal import Synchronization

/// Turns a frozen head into tables.
///
/// ## Steps
/// 1. Write one segment a retention class (entries by session and sequence) and one index run (rows, states, names,
///    documents, amendments), each synced by its writer; then sync the directory.
/// 2. Write the next manifest, which names them and the frozen head's last LSN; sync it; sync the directory.
/// 3. Install: one assignment under the state lock makes the tables visible and the frozen head gone.
/// 4. Unlink what no retained manifest needs and whose grace is over.
///
/// A failure before step 3 leaves files that no manifest names: they are unlinked and the flush is tried again under new
/// names, three times; then the store is poisoned. A full disk is waited out: the head stays readable.
///
/// Confined to the flush thread (`.threaded`) or to the lock of `LogStore` (`.inline`).
final class Flusher {
    private let box: StateBox
    private let lookup: Lookup
    private let disk: any Disk
    private let clock: any Clock
    private let options: StoreOptions
    private let store: UInt64
    private let cache: BlockCache
    private let report: @Sendable (StoreEvent) -> Void
    private var nextTableID: UInt64
    private var nextManifest: UInt64
    private var failures = 0
    /// Manifests that may still be needed: number, creation time, flushed LSN, log number.
    private var retained: [Manifest]

    init(
        box: StateBox, disk: any Disk, clock: any Clock, options: StoreOptions, store: UInt64, cache: BlockCache,
        nextTableID: UInt64, nextManifest: UInt64, retained: [Manifest],
        report: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.box = box
        lookup = Lookup(state: box, policy: .blocking)
        self.disk = disk
        self.clock = clock
        self.options = options
        self.store = store
        self.cache = cache
        self.nextTableID = nextTableID
        self.nextManifest = nextManifest
        self.retained = retained
        self.report = report
    }

    enum Outcome {
        case done
        /// Nothing was frozen.
        case nothing
        /// Try again later.
        case failed(LogStoreError)
    }

    func flush() -> Outcome {
        let (frozen, version) = box.lock.withLock { ($0.frozen, $0.version) }
        guard let frozen else { return .nothing }
        let started = clock.monotonicMicroseconds()
        do throws(LogStoreError) {
            let tables = try writeTables(frozen, version)
            let manifest = try writeManifest(tables, frozen, version.manifest)
            try install(manifest, tables, version)
            failures = 0
            let bytes = tables.reduce(0) { $0 + $1.size }
            box.lock.withLock {
                $0.statistics.flushes += 1
                $0.statistics.flushedBytes += bytes
            }
            report(
                .flushed(
                    lsn: frozen.lastLSN, entries: tables.reduce(0) { $0 + $1.entryCount }, bytes: bytes,
                    microseconds: clock.monotonicMicroseconds() - started))
            removeObsolete()
            return .done
        } catch {
            return failed(error)
        }
    }

    private func failed(_ error: LogStoreError) -> Outcome {
        if case .io(let e) = error, e.kind == .noSpace { return .failed(.full(freeBytes: 0)) }
        failures += 1
        report(.flushFailed("\(error)", attempt: failures))
        if failures >= 3 {
            box.lock.withLock { if $0.failure == nil { $0.failure = .poisoned("flush: \(error)") } }
            report(.poisoned("flush: \(error)"))
        }
        return .failed(error)
    }

    // MARK: 1. Tables

    private func writeTables(_ head: Head, _ version: Version) throws(LogStoreError) -> [TableSummary] {
        let generation = version.manifest.nextGeneration
        var written: [TableSummary] = []
        do throws(LogStoreError) {
            var sessions = head.sessions
            sessions.sort { $0.key < $1.key }
            let rows = try foldRows(sessions, version, generation)
            for retentionClass in Set(rows.map(\.retentionClass)).sorted() {
                if let s = try writeSegment(rows.filter { $0.retentionClass == retentionClass }, generation) {
                    written.append(s)
                }
            }
            if let s = try writeIndex(head, rows, generation) { written.append(s) }
            if !written.isEmpty { try syncDirectory(.tableDirectory) }
            return written
        } catch {
            for table in written { try? disk.unlink(table.name.fileName) }
            throw error
        }
    }

    private struct FoldedSession {
        var session: Head.HeadSession
        /// nil: deleted.
        var row: SessionRow?
        var retentionClass: UInt8
    }

    /// The rows as they will be after the flush.
    private func foldRows(
        _ sessions: [Head.HeadSession], _ version: Version, _ generation: UInt64
    ) throws(LogStoreError) -> [FoldedSession] {
        var folded: [FoldedSession] = []
        folded.reserveCapacity(sessions.count)
        for session in sessions {
            let delta = session.delta
            var row: SessionRow?
            if delta.creation != nil || delta.isDeleted {
                row = delta.applied(to: nil)
            } else {
                row = delta.applied(to: try lookup.tableRow(session.key, version))
            }
            if !session.entries.isEmpty { row?.addRun(generation, session.firstSequence, version) }
            folded.append(FoldedSession(session: session, row: row, retentionClass: row?.retentionClass ?? 0))
        }
        return folded
    }

    private func writeSegment(
        _ rows: [FoldedSession], _ generation: UInt64
    ) throws(LogStoreError) -> TableSummary? {
        guard rows.contains(where: { $0.row != nil && !$0.session.entries.isEmpty }) else { return nil }
        let writer = try table(.segment, rows[0].retentionClass, generation, filterBits: 0)
        var minimum = Int64.max
        var maximum = Int64.min
        var value = ByteWriter(reserving: 4096)
        for folded in rows where folded.row != nil {
            var sequence = folded.session.firstSequence
            for entry in folded.session.entries {
                minimum = min(minimum, entry.createdAt)
                maximum = max(maximum, entry.createdAt)
                value.removeAll()
                value.u64(UInt64(bitPattern: entry.createdAt))
                value.u32(entry.crc)
                value.raw(entry.payload)
                try writer.add(
                    key: IndexKey.entry(folded.session.key, sequence), value: value.bytes, filterPrefixes: .none)
                sequence += 1
            }
        }
        return try writer.finish(
            minTime: Timestamp(microseconds: minimum), maxTime: Timestamp(microseconds: maximum))
    }

    private func writeIndex(
        _ head: Head, _ rows: [FoldedSession], _ generation: UInt64
    ) throws(LogStoreError) -> TableSummary? {
        var pairs: [SortedBytesMap.Pair] = []
        pairs.reserveCapacity(head.index.count + rows.count * 2)
        head.index.forEach { pairs.append($0) }
        for folded in rows {
            let key = folded.session.key
            if let row = folded.row {
                pairs.append((IndexKey.row(key), row.encode()))
                if let state = folded.session.state {
                    pairs.append((IndexKey.state(key), IndexValue.versioned(state.bytes, version: state.version)))
                }
            } else {
                pairs.append((IndexKey.row(key), IndexValue.tombstone))
                pairs.append((IndexKey.state(key), IndexValue.tombstone))
            }
        }
        guard !pairs.isEmpty else { return nil }
        pairs.sort { [UInt8].precedes($0.key, $1.key) }
        let writer = try table(.index, 0, generation, filterBits: 10)
        for pair in pairs {
            try writer.add(
                key: pair.key, value: pair.value, filterPrefixes: IndexKey.filterPrefixes(of: pair.key))
        }
        return try writer.finish()
    }

    private func table(
        _ kind: TableKind, _ retentionClass: UInt8, _ generation: UInt64, filterBits: Int
    ) throws(LogStoreError) -> TableWriter {
        let name = TableName(
            kind: kind, retentionClass: retentionClass, generationLow: generation, generationHigh: generation,
            id: nextTableID)
        nextTableID += 1
        return try TableWriter(
            disk: disk, name: name, context: TableContext(store: store),
            options: TableOptions(blockBytes: options.blockBytes, filterBitsPerKey: filterBits))
    }

    // MARK: 2. Manifest

    private func writeManifest(
        _ tables: [TableSummary], _ head: Head, _ old: Manifest
    ) throws(LogStoreError) -> Manifest {
        let now = clock.now().microseconds
        var manifest = old
        manifest.number = nextManifest
        nextManifest += 1
        manifest.flushedLSN = head.lastLSN
        manifest.logNumber = box.lock.withLock { s in
            s.logFiles.last { $0.firstLSN <= head.lastLSN.next }?.number ?? old.logNumber
        }
        manifest.createdAt = now
        manifest.clockWatermark = max(old.clockWatermark, now)
        manifest.nextTableID = nextTableID
        manifest.nextGeneration = old.nextGeneration + 1
        manifest.counters = head.counters
        manifest.tables += tables.map(Manifest.TableEntry.init)
        do throws(LogStoreError) {
            try Self.write(manifest, disk, store)
        } catch {
            for table in tables { try? disk.unlink(table.name.fileName) }
            throw error
        }
        retained.append(manifest)
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

    // MARK: 3. Install

    private func install(
        _ manifest: Manifest, _ tables: [TableSummary], _ old: Version
    ) throws(LogStoreError) {
        var readers = old.segments + old.index
        for table in tables {
            readers.append(
                try TableReader.open(
                    disk: disk, name: table.name, context: TableContext(store: store), cache: cache,
                    expectedSize: table.size, expectedHash: table.hash))
        }
        let version = Version(manifest: manifest, tables: readers)
        box.lock.withLock { s in
            s.version = version
            s.frozen = nil
        }
    }

    // MARK: 4. Unlink

    /// Retained are the newest eight manifests and all within the grace. Log files go when the oldest retained manifest
    /// and every consumer of the feed are past them.
    func removeObsolete() {
        let horizon = clock.now().microseconds - Int64(options.deletionGraceSeconds) * 1_000_000
        guard !isPinned() else { return }
        var keep = retained.count
        while keep > 8 && retained[retained.count - keep].createdAt <= horizon { keep -= 1 }
        let gone = retained.prefix(retained.count - keep)
        for manifest in gone { try? disk.unlink(Manifest.name(manifest.number)) }
        retained.removeFirst(gone.count)
        guard let oldest = retained.first else { return }
        let needed = min(oldest.flushedLSN, (try? consumerFloor()) ?? .zero)
        let files = box.lock.withLock { $0.logFiles }
        var drop = 0
        while drop + 1 < files.count && files[drop + 1].firstLSN <= needed.next
            && files[drop].number < oldest.logNumber
        {
            do throws(DiskError) { try disk.unlink(files[drop].name) } catch {
                if error.kind != .notFound { break }
            }
            drop += 1
        }
        box.lock.withLock { $0.logFiles.removeFirst(drop) }
    }

    private func isPinned() -> Bool {
        guard let entries = try? disk.list() else { return true }
        return entries.contains { $0.name == "backup.pin" }
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

    private func syncDirectory(_ barrier: Barrier) throws(LogStoreError) {
        do throws(DiskError) { try disk.syncDirectory(barrier) } catch { throw .io(error) }
    }
}

extension SessionRow {
    /// Adds the run of a new generation; runs that have come to lie in one segment become one.
    fileprivate mutating func addRun(_ generation: UInt64, _ first: SequenceNumber, _ version: Version) {
        var folded: [Run] = []
        var before: TableName?
        for run in runs {
            guard let segment = version.segment(holding: run.generation, ofClass: retentionClass) else { continue }
            if segment.name == before { continue }
            before = segment.name
            folded.append(run)
        }
        folded.append(Run(generation: generation, firstSequence: first))
        runs = folded
    }
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

extension DiskFile {
    func append(_ bytes: [UInt8]) throws(DiskError) {
        let result: Result<Void, DiskError> = unsafe bytes.withUnsafeBytes { p in
            Result { () throws(DiskError) in try unsafe append(p) }
        }
        try result.get()
    }
}
