/// What of a directory makes a backup of its store.
///
/// ## The order of copying
/// Reading: manifests, then the tables that they name, then the log, listed anew: so the log reaches at least as far as
/// any manifest. Writing: tables, manifests, log files from the oldest to the newest, FORMAT at the very end of a first
/// backup. So the destination is a restorable backup, the one before or the new one, at every moment; and before the
/// first one is complete it has no FORMAT and is refused.
///
/// The caller sees to it that nothing is unlinked in between (`ManifestLog.pinName`), and looks again when a file has
/// gone all the same.
package struct BackupInventory: Sendable {
    package struct Table: Hashable, Sendable {
        package var name: String
        package var size: UInt64
        fileprivate var entry: Manifest.TableEntry
    }

    package let store: StoreID
    /// Those that verify and have all their tables, oldest first, by name.
    package let manifests: [String]
    package let tables: [Table]

    package static let formatName = StoreFormat.name
    package static let pinName = ManifestLog.pinName
    package static let pinSeconds = 24 * 3600

    /// Files of the store's kinds: what an older backup may leave behind in the destination.
    package static func isStoreFile(_ name: String) -> Bool {
        name == StoreFormat.name || Manifest.parse(name) != nil || TableName(fileName: name) != nil
            || LogFormat.parse(name) != nil
    }

    /// The order in which files are put in place: those that refer to others behind them.
    package static func precedes(_ a: String, _ b: String) -> Bool {
        func rank(_ name: String) -> Int {
            if TableName(fileName: name) != nil { return 0 }
            if Manifest.parse(name) != nil { return 1 }
            return LogFormat.parse(name) != nil ? 2 : 3
        }
        return (rank(a), a) < (rank(b), b)
    }

    /// - Throws: `notAStore`, `newerFormat`, `corrupt`, and `io` with `notFound` when a file went between the listing
    ///   and its reading: then look again.
    package static func read(_ disk: any Disk) throws(LogStoreError) -> BackupInventory {
        let files = StoreFiles(disk: OverlayDisk(base: disk))
        let names = StoreOpener.Names(try files.list())
        guard names.hasFormat else { throw .notAStore("there is no file \(StoreFormat.name)") }
        let format = try files.format().format
        var present: [String: UInt64] = [:]
        var manifests: [String] = []
        var tables: [String: Table] = [:]
        var firstError: LogStoreError?
        // The listing need not be of one moment: tables are looked for by name.
        for entry in try files.list() { present[entry.name] = entry.size }
        for number in names.manifests {
            let manifest: Manifest
            do throws(LogStoreError) { manifest = try files.manifest(number, store: format.id.seed) } catch {
                guard case .corrupt = error else { throw error }
                if firstError == nil { firstError = error }
                continue
            }
            let missing = manifest.tables.first { present[$0.name.fileName] != $0.size }
            if let missing {
                let name = missing.name.fileName
                if firstError == nil {
                    firstError = .corrupt(
                        file: name, offset: 0,
                        detail: present[name] == nil ? "the file is missing" : "its size is not what the manifest says")
                }
                // The newest is what the backup is about.
                if manifests.isEmpty { throw firstError! }
                continue
            }
            manifests.append(Manifest.name(number))
            for entry in manifest.tables {
                tables[entry.name.fileName] = Table(name: entry.name.fileName, size: entry.size, entry: entry)
            }
        }
        guard !manifests.isEmpty else {
            throw firstError ?? .corrupt(file: "m-*.man", offset: 0, detail: "no manifest")
        }
        return BackupInventory(
            store: format.id, manifests: manifests.reversed(), tables: tables.values.sorted { $0.name < $1.name })
    }

    /// The log files, oldest first. All but the last have a successor, so nothing is appended to them any more.
    package static func logFiles(_ disk: any Disk) throws(LogStoreError) -> [DiskEntry] {
        try StoreFiles(disk: disk).list().filter { LogFormat.parse($0.name) != nil }.sorted { $0.name < $1.name }
    }

    /// Whether the disk has this very table.
    package func isThere(_ table: Table, _ disk: any Disk) -> Bool {
        let reader = try? TableReader.open(
            disk: OverlayDisk(base: disk), name: table.entry.name, context: TableContext(store: store.seed),
            cache: BlockCache(budgetBytes: 0), expectedSize: table.entry.size, expectedHash: table.entry.hash)
        return reader != nil
    }

    /// Whether both disks have the same log file, at the same length. Each opening of a store has an epoch of its own,
    /// so two files with one header are one file.
    package static func isSameLog(_ name: String, _ a: any Disk, _ b: any Disk) -> Bool {
        func header(_ disk: any Disk) -> (size: UInt64, bytes: [UInt8])? {
            guard let file = try? disk.open(name) else { return nil }
            defer { file.close() }
            guard let bytes = try? file.bytes(at: 0, count: LogFormat.headerBytes) else { return nil }
            return (file.size, bytes)
        }
        guard let left = header(a), let right = header(b) else { return false }
        return left == right
    }

    /// The store's id, if there is a FORMAT that verifies.
    package static func storeID(_ disk: any Disk) -> StoreID? { try? StoreFiles(disk: disk).format().format.id }

    /// Whether the directory has been opened since it was copied: then it is a store of its own, and no backup.
    package static func isStoreOfItsOwn(_ disk: any Disk) -> Bool {
        let files = StoreFiles(disk: disk)
        guard let (format, identity) = try? files.format(), let entries = try? files.list() else { return false }
        if format.identity == identity { return true }
        return StoreOpener.Names(entries).manifests.contains {
            (try? files.manifest($0, store: format.id.seed))?.formatIdentity == identity
        }
    }
}

/// What a backup holds, found by reading it.
package struct BackupSummary: Hashable, Sendable {
    package var store: StoreID
    /// The newest batch and its time; nil if there is none.
    package var lsn: LSN
    package var time: Timestamp?
    /// The oldest state that can be restored.
    package var oldestLSN: LSN
    package var tables: Int
    package var logFiles: Int
}

extension BackupInventory {
    /// Checks that nothing is missing: every table of every manifest is there with size and hash, and the log verifies
    /// from the oldest manifest that it reaches to its end.
    /// - Throws: `corrupt` with the file, `notAStore`, `io`.
    /// - Complexity: reads the log; of the tables only their ends.
    package static func check(_ disk: any Disk) throws(LogStoreError) -> BackupSummary {
        let inventory = try read(disk)
        let reading = OverlayDisk(base: disk)
        let files = StoreFiles(disk: reading)
        for table in inventory.tables {
            _ = try TableReader.open(
                disk: reading, name: table.entry.name, context: TableContext(store: inventory.store.seed),
                cache: BlockCache(budgetBytes: 0), expectedSize: table.entry.size, expectedHash: table.entry.hash)
        }
        var newest: Manifest?
        var oldest: Manifest?
        let logs = try logFiles(disk)
        let firstLSN = logs.first.flatMap { LogFormat.parse($0.name)?.firstLSN } ?? LSN.zero.next
        for name in inventory.manifests {
            guard let number = Manifest.parse(name) else { continue }
            let manifest = try files.manifest(number, store: inventory.store.seed)
            if oldest == nil, firstLSN <= manifest.flushedLSN.next { oldest = manifest }
            newest = manifest
        }
        guard let newest else { throw .corrupt(file: "m-*.man", offset: 0, detail: "no manifest") }
        var last: Timestamp?
        let recovery = LogRecovery(disk: reading, store: inventory.store.seed, prefixMode: false)
        let outcome = try recovery.run(flushed: (oldest ?? newest).flushedLSN, isNew: false) { last = $0.time }
        if newest.flushedLSN > .zero, last == nil { last = Timestamp(microseconds: newest.counters.lastTime) }
        return BackupSummary(
            store: inventory.store, lsn: max(outcome.lastLSN, newest.flushedLSN), time: last,
            oldestLSN: (oldest ?? newest).flushedLSN, tables: inventory.tables.count, logFiles: logs.count)
    }
}
