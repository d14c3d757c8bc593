/// Reads and checks every byte of a store that no process has open, and changes none.
///
/// ## Steps
/// 1. FORMAT. Without it no checksum of the other files can be computed, so damage there ends the verification.
/// 2. Every manifest.
/// 3. Every table that any manifest names, against each manifest that names it, record by record (`RecordCheck`).
/// 4. Every log file, and that each ends where the next one continues (`LogVerifier`).
///
/// All findings are collected. The store's files are those that the names say; what else is there is noted and not
/// read, because nothing of it is ever part of the state.
package enum StoreVerifier {
    /// - Throws: `locked`, `notAStore`, `newerFormat`, or `io` when the directory cannot be read at all. What is wrong
    ///   with a file is a finding of the report instead.
    /// - Complexity: reads every file once, tables twice.
    package static func verify(
        disk: any Disk, progress: (VerifyProgress) -> Void = { _ in }
    ) throws(LogStoreError) -> VerifyReport {
        // Looked at before the lock, which leaves a file behind: a directory of something else stays as it is.
        let names = StoreOpener.Names(try StoreFiles(disk: disk).list())
        guard names.hasFormat || names.hasData else { throw .notAStore("there is no file \(StoreFormat.name)") }
        do throws(DiskError) { try disk.lock() } catch {
            throw error.kind == .locked ? .locked(path: disk.path, holder: error.detail) : .io(error)
        }
        defer { disk.unlock() }
        return try withoutActuallyEscaping(progress) { progress throws(LogStoreError) in
            let pass = try VerifyPass(disk: disk, progress: progress)
            try pass.run()
            return pass.report
        }
    }
}

/// One verification.
final class VerifyPass {
    let files: StoreFiles
    var report = VerifyReport()
    private let names: StoreOpener.Names
    private let sizes: [String: UInt64]
    private let progress: (VerifyProgress) -> Void
    private var done: UInt64 = 0
    private let total: UInt64

    init(disk: any Disk, progress: @escaping (VerifyProgress) -> Void) throws(LogStoreError) {
        files = StoreFiles(disk: disk)
        let entries = try files.list()
        names = StoreOpener.Names(entries)
        sizes = Dictionary(entries.map { ($0.name, $0.size) }) { first, _ in first }
        total = entries.reduce(0) { sum, entry in
            switch StoreInspector.kind(of: entry.name) {
            case .format, .manifest, .segment, .index, .log: sum + entry.size
            case .reserve, .other: sum
            }
        }
        self.progress = progress
    }

    func run() throws(LogStoreError) {
        for name in names.foreign { report.note(.foreign, name, bytes: sizes[name] ?? 0) }
        let store: UInt64
        let home: UInt64
        let identity: UInt64
        do throws(LogStoreError) {
            let (format, found) = try files.format()
            report.store = format.id
            store = format.id.seed
            home = format.identity
            identity = found
        } catch {
            try report.take(error, in: StoreFormat.name)
            return
        }
        finished(StoreFormat.name)
        let manifests = try verifyManifests(store)
        let written = manifests.last?.formatIdentity ?? 0
        if identity != (written == 0 ? home : written) { report.note(.copy, StoreFormat.name, bytes: 0) }
        try verifyTables(manifests, store)
        let log = LogVerifier(files: files, store: store, newest: manifests.last)
        try log.verify(&report) { advance($0, by: $1) }
    }

    /// Counts a file whose bytes have all been read.
    private func finished(_ name: String) {
        report.files += 1
        report.bytes += sizes[name] ?? 0
        advance(name, by: sizes[name] ?? 0)
    }

    private func advance(_ name: String, by bytes: UInt64) {
        done += bytes
        progress(VerifyProgress(file: name, bytesDone: done, bytesTotal: total))
    }

    // MARK: Manifests

    /// Those that verify, oldest first.
    private func verifyManifests(_ store: UInt64) throws(LogStoreError) -> [Manifest] {
        var manifests: [Manifest] = []
        for number in names.manifests.reversed() {
            let name = Manifest.name(number)
            if sizes[name] == 0 {
                report.note(.unfinished, name, bytes: 0)
                continue
            }
            do throws(LogStoreError) {
                manifests.append(try files.manifest(number, store: store))
                report.manifests += 1
            } catch {
                try report.take(error, in: name)
            }
            finished(name)
        }
        if manifests.isEmpty { report.find("m-*.man", 0, "there is no manifest that verifies") }
        return manifests
    }

    // MARK: Tables

    private func verifyTables(_ manifests: [Manifest], _ store: UInt64) throws(LogStoreError) {
        var named: [TableName: Manifest.TableEntry] = [:]
        for manifest in manifests {
            if manifest != manifests.last, manifest.tables.contains(where: { sizes[$0.name.fileName] == nil }) {
                report.note(.obsolete, Manifest.name(manifest.number), bytes: 0)
                continue
            }
            for entry in manifest.tables {
                // Garbage and erasure marks may change from manifest to manifest; what pins the file may not.
                if let known = named[entry.name], (known.size, known.hash) != (entry.size, entry.hash) {
                    report.find(
                        Manifest.name(manifest.number), 0, "says otherwise of \(entry.name) than an older manifest")
                } else {
                    named[entry.name] = entry
                }
            }
        }
        for table in names.tables where named[table] == nil && !manifests.isEmpty {
            report.note(.orphan, table.fileName, bytes: sizes[table.fileName] ?? 0)
        }
        let ordered = named.values.sorted { $0.name.fileName < $1.name.fileName }
        let check = RecordCheck()
        for entry in ordered {
            do throws(LogStoreError) {
                let reader = try TableReader.open(
                    disk: files.disk, name: entry.name, context: TableContext(store: store),
                    cache: BlockCache(budgetBytes: 0), expectedSize: entry.size, expectedHash: entry.hash)
                report.tables += 1
                checkProperties(entry, reader.properties)
                do throws(LogStoreError) { try reader.verify() } catch {
                    try report.take(error, in: entry.name.fileName)
                }
                try verifyRecords(reader, check)
            } catch {
                try report.take(error, in: entry.name.fileName)
            }
            finished(entry.name.fileName)
        }
    }

    /// What the manifest repeats of a table is what the table says.
    private func checkProperties(_ entry: Manifest.TableEntry, _ p: TableProperties) {
        let isSame =
            entry.entryCount == p.entryCount && entry.rawBytes == p.rawBytes && entry.firstKey == p.firstKey
            && entry.lastKey == p.lastKey && entry.minimumTime == p.minTime?.microseconds ?? 0
            && entry.maximumTime == p.maxTime?.microseconds ?? 0
        if !isSame { report.find(entry.name.fileName, 0, "its properties are not those that the manifest repeats") }
    }

    /// Checks every record of every block that verifies, going on behind those that do not.
    private func verifyRecords(_ reader: TableReader, _ check: RecordCheck) throws(LogStoreError) {
        let file = reader.name.fileName
        for child in 0..<reader.top.count {
            let page: IndexPage
            do throws(LogStoreError) { page = try reader.indexPage(child, .blocking) } catch {
                try report.take(error, in: file)
                continue
            }
            for i in 0..<page.count {
                let block: DataBlock
                do throws(LogStoreError) { block = try reader.block(page[i], .blocking) } catch {
                    try report.take(error, in: file)
                    continue
                }
                for record in 0..<block.count {
                    let key = unsafe Array(block.key(record))
                    let value = unsafe Array(block.value(record))
                    do throws(ByteReader.Malformed) {
                        if reader.name.kind == .segment {
                            try check.entry(key, value)
                            report.entries += 1
                        } else {
                            let kind = try check.pair(key, value)
                            report.indexPairs += 1
                            if kind == .row { report.rows += 1 }
                        }
                    } catch {
                        report.find(file, page[i].offset, "record \(record) of the block: \(error.what)")
                    }
                }
                withExtendedLifetime(block) {}
            }
        }
    }
}
