internal import Synchronization

/// Opens a directory: makes the store if there is none, else finds its newest state.
///
/// ## Steps
/// 1. Take the directory's lock; list it once.
/// 2. FORMAT. An empty directory is initialised: FORMAT, sync, directory sync; manifest 1, sync, directory sync. A crash
///    in between leaves a directory that the same steps complete.
/// 3. The newest manifest that verifies and whose tables are all there with their exact sizes and hashes.
/// 4. The log behind it (`LogRecovery`), applied to a fresh head.
/// 5. A new log file with a new epoch: nothing is ever appended to a file that an earlier process wrote.
/// 6. Unlink what no manifest names.
///
/// For a restore (`target`) the log is replayed as far as the target only, strictly; the new log file continues no other,
/// and the old ones go: the caller flushes before anything else.
struct StoreOpener {
    let disk: any Disk
    let clock: any Clock
    let random: any RandomSource
    let options: StoreOptions
    /// nil: open for use.
    var target: RestoreTarget?
    let report: @Sendable (StoreEvent) -> Void

    struct Opened {
        var id: StoreID
        var box: StateBox
        var log: LogWriter
        var lastTime: Int64
        var cache: BlockCache
        var manifests: ManifestLog
        var reserve: Reserve
    }

    func open() throws(LogStoreError) -> Opened {
        let started = clock.monotonicMicroseconds()
        let entries = try io { () throws(DiskError) in try disk.list() }
        let names = Names(entries)
        for name in names.foreign { report(.foreignFile(name)) }
        let (format, identity) = try format(names)
        let seed = format.id.seed
        let cache = BlockCache(budgetBytes: options.cacheBytes)
        let chosen = try manifest(names, seed, cache)
        let home = chosen.manifest.formatIdentity == 0 ? format.identity : chosen.manifest.formatIdentity
        let isCopy = home != identity
        if isCopy && target == nil { report(.openedCopy) }

        let head = Head(counters: chosen.manifest.counters)
        let recovery = LogRecovery(
            disk: disk, store: seed, prefixMode: (options.acceptPrefix || isCopy) && target == nil,
            prefixIfYoungerThan: options.profile == .edge && target == nil ? clock.now().microseconds : nil,
            target: target ?? .newest)
        // A copy without a log is one whose log had gone before the copier came to it.
        var outcome = try recovery.run(
            flushed: chosen.manifest.flushedLSN, isNew: chosen.manifest.number == 1 && !isCopy && target == nil,
            apply: head.apply)
        if let what = head.inconsistency { throw .corrupt(file: "w-*.wal", offset: 0, detail: what) }
        if target != nil { outcome.endLog() }
        if let cut = outcome.cut {
            report(
                .cutLog(file: cut.file, offset: cut.offset, detail: cut.detail, lostAtLeast: cut.lostAtLeast))
        }
        // In prefix mode the log may end below what the tables hold already: numbering goes on behind them.
        var continuation = outcome.continuation
        var lastLSN = outcome.lastLSN
        if lastLSN < chosen.manifest.flushedLSN {
            lastLSN = chosen.manifest.flushedLSN
            continuation.lastLSN = lastLSN
            continuation.relog = []
        }
        // On a full disk the new log file may need what a killed process held back; and one that is killed again and again
        // would fill the disk with what it reserved.
        let reserve = Reserve(disk: disk, options: options, isLeftOver: names.hasReserve)
        for entry in entries where LogFormat.parse(entry.name) != nil { disk.giveBackReserve(of: entry.name) }
        // The names that were believed so far: a new log file must not outlive the manifest before it.
        try io { () throws(DiskError) in try disk.syncDirectory(.manifestDirectory) }
        let log: LogWriter = try io { () throws(DiskError) in
            try LogWriter(
                disk: disk, store: seed, epoch: random.next(), options: options, number: outcome.nextNumber,
                after: continuation, now: clock.now().microseconds)
        }
        for name in outcome.leftovers { try? disk.unlink(name) }
        removeOrphans(names, chosen)
        var state = StoreState(
            active: head, frozen: nil, version: Version(manifest: chosen.manifest, tables: chosen.tables),
            visibleLSN: lastLSN, durableLSN: lastLSN, logFiles: outcome.chain + [log.currentFile])
        state.annotatedLSN = lastLSN
        report(
            .opened(
                store: format.id.description, lsn: lastLSN, replayed: outcome.replayed, clean: outcome.wasClean,
                microseconds: clock.monotonicMicroseconds() - started))
        let retention = Retention(options.retention, clock: clock, watermark: chosen.manifest.clockWatermark)
        let box = StateBox(state, retention, ListCache(budgetBytes: options.cacheBytes / 8))
        try retention.resolve(Lookup(state: box, policy: .blocking))
        let manifests = ManifestLog(
            box: box, disk: disk, clock: clock, options: options, store: seed, cache: cache,
            nextTableID: max(chosen.manifest.nextTableID, names.maximumTableID + 1),
            nextNumber: max(chosen.manifest.number, names.manifests.first ?? 0) + 1, retained: chosen.retained,
            unbelieved: chosen.unbelieved)
        if isCopy || target != nil {
            // From here on this directory is a store of its own, and strict again.
            try manifests.install(added: [], change: { $0.formatIdentity = identity })
            try? disk.unlink(ManifestLog.pinName)
        }
        return Opened(
            id: format.id, box: box, log: log,
            lastTime: max(head.counters.lastTime, chosen.manifest.counters.lastTime), cache: cache,
            manifests: manifests, reserve: reserve)
    }

    // MARK: 1. Names

    struct Names {
        var hasFormat = false
        var hasReserve = false
        /// Newest first.
        var manifests: [UInt64] = []
        var tables: [TableName] = []
        var hasLog = false
        var foreign: [String] = []

        /// Files of the directory that are the server's own, not the store's.
        static let serverPrefix = "server-"

        init(_ entries: [DiskEntry]) {
            for entry in entries {
                if entry.name == StoreFormat.name {
                    hasFormat = true
                } else if let number = Manifest.parse(entry.name) {
                    manifests.append(number)
                } else if let table = TableName(fileName: entry.name) {
                    tables.append(table)
                } else if LogFormat.parse(entry.name) != nil {
                    hasLog = true
                } else if entry.name == Reserve.name {
                    hasReserve = true
                } else if entry.name != "LOCK", entry.name != ManifestLog.pinName,
                    !entry.name.hasPrefix(Self.serverPrefix)
                {
                    foreign.append(entry.name)
                }
            }
            manifests.sort(by: >)
        }

        var maximumTableID: UInt64 { tables.map(\.id).max() ?? 0 }
        var hasData: Bool { !manifests.isEmpty || !tables.isEmpty || hasLog }
    }

    /// - Throws: `notAStore` for a directory that holds something else.
    static func refuseForeign(_ disk: any Disk) throws(LogStoreError) {
        let names: Names
        do throws(DiskError) { names = Names(try disk.list()) } catch { throw .io(error) }
        if !names.hasFormat, !names.hasData, let foreign = names.foreign.first {
            throw .notAStore("the directory is not empty and holds no store: it has \(foreign)")
        }
    }

    // MARK: 2. FORMAT

    /// FORMAT and the identity that its file has now.
    private func format(_ names: Names) throws(LogStoreError) -> (StoreFormat, identity: UInt64) {
        if names.hasFormat {
            let file = try io { () throws(DiskError) in try disk.open(StoreFormat.name) }
            defer { file.close() }
            do throws(LogStoreError) {
                guard file.size < 4096 else {
                    throw .corrupt(file: StoreFormat.name, offset: 0, detail: "\(file.size) bytes")
                }
                let format = try StoreFormat.decode(try file.bytes(at: 0, count: Int(file.size)))
                // A process killed during init may have left it in the page cache only.
                try io { () throws(DiskError) in try file.sync(.formatFile) }
                if names.manifests.isEmpty {
                    guard !names.hasData else { throw .corrupt(file: "m-*.man", offset: 0, detail: "no manifest") }
                    // Its name may be in memory only, too.
                    try io { () throws(DiskError) in try disk.syncDirectory(.formatDirectory) }
                    try makeFirstManifest(format)
                }
                return (format, file.identity)
            } catch {
                // A crash during init may leave a torn FORMAT, but nothing else.
                guard case .corrupt = error, !names.hasData else { throw error }
                try io { () throws(DiskError) in try disk.unlink(StoreFormat.name) }
            }
        } else if names.hasData {
            throw .corrupt(file: StoreFormat.name, offset: 0, detail: "missing, but there are files of a store")
        }
        let format = try makeFormat()
        try makeFirstManifest(format)
        return (format, format.identity)
    }

    private func makeFormat() throws(LogStoreError) -> StoreFormat {
        try io { () throws(DiskError) in
            let file = try disk.create(StoreFormat.name)
            defer { file.close() }
            let format = StoreFormat(
                id: StoreID(random), identity: file.identity, createdAt: clock.now().microseconds)
            try file.append(format.encode())
            try file.sync(.formatFile)
            try disk.syncDirectory(.formatDirectory)
            return format
        }
    }

    private func makeFirstManifest(_ format: StoreFormat) throws(LogStoreError) {
        let now = clock.now().microseconds
        let manifest = Manifest(
            number: 1, flushedLSN: .zero, logNumber: 1, createdAt: now, clockWatermark: now, nextTableID: 1,
            nextGeneration: 1, counters: StoreCounters())
        try ManifestLog.write(manifest, disk, format.id.seed)
    }

    // MARK: 3. Manifest

    private struct Chosen {
        var manifest: Manifest
        var tables: [TableReader]
        /// Every manifest that verifies and has its tables, oldest first, the chosen one last.
        var retained: [Manifest]
        /// Files of manifests that are not among them.
        var unbelieved: [String] = []
    }

    private func manifest(_ names: Names, _ seed: UInt64, _ cache: BlockCache) throws(LogStoreError) -> Chosen {
        // Init may have made the first one after the listing.
        let numbers = names.manifests.isEmpty ? [1] : names.manifests
        var older: [Manifest] = []
        var unbelieved: [String] = []
        let present = Set(names.tables)
        var chosen: (Manifest, [TableReader])?
        var firstError: LogStoreError?
        for number in numbers {
            do throws(LogStoreError) {
                let manifest = try read(number, seed)
                if chosen != nil {
                    // One whose tables have gone already: a crash came between unlinking them and it.
                    if manifest.tables.allSatisfy({ present.contains($0.name) }) {
                        older.append(manifest)
                    } else {
                        unbelieved.append(Manifest.name(number))
                    }
                    continue
                }
                var tables: [TableReader] = []
                for entry in manifest.tables {
                    tables.append(
                        try TableReader.open(
                            disk: disk, name: entry.name, context: TableContext(store: seed), cache: cache,
                            expectedSize: entry.size, expectedHash: entry.hash))
                }
                chosen = (manifest, tables)
            } catch {
                if case .newerFormat = error { throw error }
                var error = error
                if case .io(let failure) = error, failure.kind == .notFound {
                    error = .corrupt(file: failure.file, offset: 0, detail: "the file is missing")
                }
                if firstError == nil { firstError = error }
                unbelieved.append(Manifest.name(number))
                if chosen == nil { report(.skippedManifest(number: number, reason: "\(error)")) }
            }
        }
        guard let chosen else {
            // A crash during init may leave a torn first manifest, but nothing else.
            if numbers == [1], names.tables.isEmpty, !names.hasLog, case .corrupt = firstError {
                try io { () throws(DiskError) in try disk.unlink(Manifest.name(1)) }
                let file = try io { () throws(DiskError) in try disk.open(StoreFormat.name) }
                defer { file.close() }
                try makeFirstManifest(try StoreFormat.decode(try file.bytes(at: 0, count: StoreFormat.bytes)))
                let manifest = try read(1, seed)
                return Chosen(manifest: manifest, tables: [], retained: [manifest])
            }
            throw firstError ?? .corrupt(file: "m-*.man", offset: 0, detail: "no manifest")
        }
        return Chosen(
            manifest: chosen.0, tables: chosen.1, retained: older.reversed() + [chosen.0], unbelieved: unbelieved)
    }

    private func read(_ number: UInt64, _ seed: UInt64) throws(LogStoreError) -> Manifest {
        let name = Manifest.name(number)
        let file = try io { () throws(DiskError) in try disk.open(name) }
        defer { file.close() }
        guard file.size <= UInt64(Manifest.maximumBytes) else {
            throw .corrupt(file: name, offset: 0, detail: "\(file.size) bytes")
        }
        let manifest = try Manifest.decode(try file.bytes(at: 0, count: Int(file.size)), store: seed, number: number)
        try io { () throws(DiskError) in try file.sync(.openManifest) }
        return manifest
    }

    // MARK: 6. Orphans

    /// Tables that no manifest names: of flushes that a crash cut short.
    private func removeOrphans(_ names: Names, _ chosen: Chosen) {
        var named = Set<TableName>()
        for manifest in chosen.retained { named.formUnion(manifest.tables.map(\.name)) }
        for table in names.tables where !named.contains(table) { try? disk.unlink(table.fileName) }
    }

    private func io<R>(_ body: () throws(DiskError) -> R) throws(LogStoreError) -> R {
        do throws(DiskError) { return try body() } catch {
            if error.kind == .locked { throw .locked(path: disk.path, holder: error.detail) }
            throw .io(error)
        }
    }
}
