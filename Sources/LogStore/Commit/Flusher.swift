internal import Synchronization

/// Turns a frozen head into tables.
///
/// ## Steps
/// 1. Write one segment a retention class (entries by session and sequence) and one index run (rows, states, names,
///    documents, amendments), each synced by its writer.
/// 2. Install them with the frozen head's last LSN (`ManifestLog`): one assignment under the state lock makes the tables
///    visible and the frozen head gone.
/// 3. Unlink what is no longer needed.
///
/// A failure before the end of step 2 leaves files that no manifest names: they are unlinked and the flush is tried again under new
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
    private let manifests: ManifestLog
    private let report: @Sendable (StoreEvent) -> Void
    private var failures = 0

    init(
        box: StateBox, disk: any Disk, clock: any Clock, options: StoreOptions, store: UInt64, manifests: ManifestLog,
        report: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.box = box
        lookup = Lookup(state: box, policy: .blocking)
        self.disk = disk
        self.clock = clock
        self.options = options
        self.store = store
        self.manifests = manifests
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
            let garbage = try garbage(frozen, version)
            let tables = try writeTables(frozen, version)
            let bytes = tables.reduce(0) { $0 + $1.size }
            try manifests.install(
                added: tables,
                change: {
                    $0.flushedLSN = frozen.lastLSN
                    $0.nextGeneration += 1
                    $0.counters = frozen.counters
                    for i in $0.tables.indices { $0.tables[i].garbageBytes &+= garbage[$0.tables[i].name.id] ?? 0 }
                },
                publish: {
                    $0.frozen = nil
                    $0.statistics.flushes += 1
                    $0.statistics.flushedBytes += bytes
                })
            failures = 0
            report(
                .flushed(
                    lsn: frozen.lastLSN, entries: tables.reduce(0) { $0 + $1.entryCount }, bytes: bytes,
                    microseconds: clock.monotonicMicroseconds() - started))
            manifests.removeObsolete()
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

    // MARK: Garbage

    /// About how many bytes of each segment are dead because of the head's deletions of sessions, users and tenants:
    /// what decides that a segment is worth rewriting on its own.
    private func garbage(_ head: Head, _ version: Version) throws(LogStoreError) -> [UInt64: UInt64] {
        var garbage: [UInt64: UInt64] = [:]
        func count(_ row: SessionRow) {
            for (i, run) in row.runs.enumerated() {
                guard let segment = version.segment(holding: run.generation, ofClass: row.retentionClass) else {
                    continue
                }
                let end = i + 1 < row.runs.count ? row.runs[i + 1].firstSequence : row.lastSequence &+ 1
                let entries = UInt64(end) - min(UInt64(run.firstSequence), UInt64(end))
                let bytes = segment.summary.rawBytes / max(1, segment.summary.entryCount)
                garbage[segment.name.id, default: 0] += entries * bytes
            }
        }
        for session in head.sessions where session.delta.isDeleted && session.delta.creation == nil {
            if let row = try lookup.tableRow(session.key, version) { count(row) }
        }
        var owners: [[UInt8]] = []
        head.index.scan(prefix: [IndexKey.Kind.dead.rawValue]) {
            let owner = IndexKey.userKey(from: $0.key)
            owners.append(owner.user == 0 ? IndexKey.rows(of: owner.tenant) : IndexKey.rows(of: owner))
            return true
        }
        for prefix in owners {
            let runs = try version.runs(withPrefix: prefix, filtered: false, .blocking)
            var cursor = try MergeCursor(runs, prefix: prefix, .blocking, fillsCache: false)
            while cursor.isValid {
                let (key, value) = (cursor.key, cursor.value)
                let row = try Lookup.decoding("row", key) { () throws(ByteReader.Malformed) in
                    try SessionRow.decode(value)
                }
                if let row { count(row) }
                try cursor.next()
            }
        }
        return garbage
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
                sequence &+= 1
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
        head.index.forEach { pair in
            // The row's tombstone says it of all documents of a deleted session.
            if let session = SessionDocumentKey.session(of: pair.key), head.delta(session)?.isDeleted == true { return }
            pairs.append(pair)
        }
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
            id: manifests.takeTableID())
        return try TableWriter(
            disk: disk, name: name, context: TableContext(store: store),
            options: TableOptions(blockBytes: options.blockBytes, filterBitsPerKey: filterBits))
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

extension DiskFile {
    func append(_ bytes: [UInt8]) throws(DiskError) {
        let result: Result<Void, DiskError> = unsafe bytes.withUnsafeBytes { p in
            Result { () throws(DiskError) in try unsafe append(p) }
        }
        try result.get()
    }
}
