/// Makes a store that stands exactly at a target, from a backup.
///
/// ## Steps
/// 1. `RestorePlan` chooses: the newest manifest that lies at or before the target and whose tables all verify, and the
///    log files behind it; the log is walked to the target once, so that nothing is copied in vain.
/// 2. The caller copies these files into an empty directory, FORMAT last (`BackupInventory.precedes`).
/// 3. `restore` opens that directory with the target: the log is replayed so far and no further, within a group if need
///    be; a new log file continues no other; the old ones go.
/// 4. The head is flushed: from here on the directory is the restored store.
/// 5. Known erasures are applied again, and their bytes removed.
///
/// A crash in between leaves a directory that is refused, or that opens as a plain copy of the backup: never a part of
/// it. The caller gives it its name only at the end.
package enum StoreRestorer {
    package struct Summary: Hashable, Sendable {
        /// Where the restored store stands, erasures not counted.
        package var lsn: LSN
        package var erasures: ErasureReplay
    }

    /// - Throws: `corrupt`, `locked`, `full`, `io`.
    package static func restore(
        disk: any Disk, clock: any Clock, random: any RandomSource, target: RestoreTarget,
        erasures: [ErasureRecord] = [], options: StoreOptions = StoreOptions()
    ) throws(LogStoreError) -> Summary {
        var options = options
        // Nobody copies this directory yet.
        options.deletionGraceSeconds = 0
        let store = try LogStore.open(
            disk: disk, clock: clock, random: random, options: options, target: target, execution: .inline,
            report: { _ in })
        var summary: Summary
        do throws(LogStoreError) {
            try store.flush()
            summary = Summary(lsn: store.status.visibleLSN, erasures: ErasureReplay())
            summary.erasures = try store.replay(erasures)
            try store.maintain()
            try store.flush()
        } catch {
            try? store.close()
            throw error
        }
        try store.close()
        try dropFallbacks(disk)
        return summary
    }

    /// The older manifests are of states whose log is not there.
    private static func dropFallbacks(_ disk: any Disk) throws(LogStoreError) {
        let files = StoreFiles(disk: disk)
        let names = StoreOpener.Names(try files.list())
        guard let newest = names.manifests.first else {
            throw .corrupt(file: "m-*.man", offset: 0, detail: "no manifest")
        }
        let manifest = try files.manifest(newest, store: try files.format().format.id.seed)
        let named = Set(manifest.tables.map(\.name))
        do throws(DiskError) {
            for number in names.manifests where number != newest { try disk.unlink(Manifest.name(number)) }
            for table in names.tables where !named.contains(table) { try disk.unlink(table.fileName) }
            try disk.syncDirectory(.unlinkDirectory)
        } catch {
            throw .io(error)
        }
    }
}

/// Which files a restore takes, and from where.
package struct RestorePlan: Sendable {
    package enum Source: Hashable, Sendable {
        case backup
        /// The directory with more of the log.
        case log
    }
    package struct File: Hashable, Sendable {
        package var name: String
        package var size: UInt64
        package var source: Source
    }

    package let store: StoreID
    /// In the order in which they have to be copied.
    package let files: [File]
    /// Where the restored store will stand.
    package let lsn: LSN
    package let time: Timestamp?
    /// Batches that come from the log.
    package let replayed: Int
    /// The files have more behind the target.
    package let hasMore: Bool

    /// - Parameters:
    ///   - backup: a backup, a copy, or a directory that no process has open.
    ///   - log: a directory of the same store whose log reaches further.
    /// - Throws: with the file and offset of the first thing that is missing or damaged.
    /// - Complexity: reads every table of the chosen manifest, and the log up to the target.
    package static func make(
        backup: any Disk, log: (any Disk)? = nil, target: RestoreTarget
    ) throws(RestoreError) -> RestorePlan {
        let files = try planning { () throws(LogStoreError) in
            try Sources(backup: backup, log: log)
        }
        let (manifest, size) = try files.manifest(target)
        return try files.plan(manifest, size, target)
    }

    fileprivate static func planning<R>(_ body: () throws(LogStoreError) -> R) throws(RestoreError) -> R {
        do throws(LogStoreError) { return try body() } catch { throw .store(error) }
    }
}

/// The directories that a restore reads, as one: of each log file the longer one.
private struct Sources {
    let disk: OverlayDisk
    let files: StoreFiles
    let store: StoreID
    let sizes: [String: UInt64]
    let fromLog: Set<String>

    init(backup: any Disk, log: (any Disk)?) throws(LogStoreError) {
        let entries = try StoreFiles(disk: backup).list()
        var replacements: [String: any Disk] = [:]
        var sizes: [String: UInt64] = [:]
        for entry in entries { sizes[entry.name] = entry.size }
        if let log {
            for entry in try BackupInventory.logFiles(log) where sizes[entry.name].map({ $0 < entry.size }) ?? true {
                replacements[entry.name] = log
                sizes[entry.name] = entry.size
            }
        }
        disk = OverlayDisk(base: backup, replacements: replacements)
        files = StoreFiles(disk: disk)
        guard sizes[StoreFormat.name] != nil else {
            if StoreOpener.Names(entries).hasData {
                throw .corrupt(file: StoreFormat.name, offset: 0, detail: "the file is missing")
            }
            throw .notAStore("there is no file \(StoreFormat.name)")
        }
        store = try files.format().format.id
        if let log, let other = BackupInventory.storeID(log), other != store {
            throw .notAStore("\(log.path) is of store \(other), and the backup of store \(store)")
        }
        self.sizes = sizes
        fromLog = Set(replacements.keys)
    }

    /// The newest manifest at or before the target whose tables verify to the last byte.
    func manifest(_ target: RestoreTarget) throws(RestoreError) -> (Manifest, size: UInt64) {
        var oldest: Manifest?
        var firstError: LogStoreError?
        for name in sizes.keys.filter({ Manifest.parse($0) != nil }).sorted(by: >) {
            guard let number = Manifest.parse(name) else { continue }
            do throws(LogStoreError) {
                let manifest = try files.manifest(number, store: store.seed)
                guard target.includes(manifest) else {
                    oldest = manifest
                    continue
                }
                try verifyTables(manifest)
                return (manifest, sizes[name] ?? 0)
            } catch {
                if case .newerFormat = error { throw .store(error) }
                if firstError == nil { firstError = error }
            }
        }
        // A damaged one might have reached back; else the target is out of reach.
        if let firstError { throw .store(firstError) }
        guard let oldest else { throw .store(.corrupt(file: "m-*.man", offset: 0, detail: "no manifest")) }
        throw .targetTooOld(oldest: oldest.flushedLSN, at: Timestamp(microseconds: oldest.counters.lastTime))
    }

    private func verifyTables(_ manifest: Manifest) throws(LogStoreError) {
        for entry in manifest.tables {
            let name = entry.name.fileName
            guard sizes[name] != nil else { throw .corrupt(file: name, offset: 0, detail: "the file is missing") }
            let reader = try TableReader.open(
                disk: disk, name: entry.name, context: TableContext(store: store.seed),
                cache: BlockCache(budgetBytes: 0), expectedSize: entry.size, expectedHash: entry.hash)
            try reader.verify()
        }
    }

    func plan(
        _ manifest: Manifest, _ manifestSize: UInt64, _ target: RestoreTarget
    ) throws(RestoreError) -> RestorePlan {
        var last: Timestamp?
        let recovery = LogRecovery(disk: disk, store: store.seed, prefixMode: false, target: target)
        let outcome = try RestorePlan.planning { () throws(LogStoreError) in
            try recovery.run(flushed: manifest.flushedLSN, isNew: false) { last = $0.time }
        }
        if last == nil, manifest.flushedLSN > .zero { last = Timestamp(microseconds: manifest.counters.lastTime) }
        if case .lsn(let wanted) = target, outcome.lastLSN < wanted {
            throw .targetTooNew(newest: outcome.lastLSN, at: last)
        }
        var wanted: [(name: String, size: UInt64)] = manifest.tables.map { ($0.name.fileName, $0.size) }
        wanted.append((Manifest.name(manifest.number), manifestSize))
        // Files that end below the manifest are not needed, and those behind the target would only be dropped.
        for (i, info) in outcome.chain.enumerated() where info.firstLSN <= outcome.lastLSN.next {
            let isNeeded = i + 1 == outcome.chain.count || outcome.chain[i + 1].firstLSN > manifest.flushedLSN.next
            if isNeeded { wanted.append((info.name, sizes[info.name] ?? 0)) }
        }
        wanted.append((StoreFormat.name, sizes[StoreFormat.name] ?? 0))
        wanted.sort { BackupInventory.precedes($0.name, $1.name) }
        return RestorePlan(
            store: store,
            files: wanted.map {
                .init(name: $0.name, size: $0.size, source: fromLog.contains($0.name) ? .log : .backup)
            },
            lsn: outcome.lastLSN, time: last, replayed: outcome.replayed, hasMore: outcome.stoppedAtTarget)
    }
}
