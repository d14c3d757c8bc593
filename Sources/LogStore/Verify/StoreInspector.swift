/// What a directory says of its store, as of its last flush.
package struct StoreSummary: Sendable {
    package enum FileKind: String, CaseIterable, Sendable {
        case format, manifest, segment, index, log, reserve, other
    }

    package struct Files: Hashable, Sendable {
        package var count = 0
        package var bytes: UInt64 = 0
    }

    package struct LogFile: Hashable, Sendable {
        package var name: String
        package var firstLSN: LSN
        package var bytes: UInt64
    }

    package var store: StoreID
    package var formatVersion: Int
    package var createdAt: Timestamp
    /// The newest manifest.
    package var manifest: UInt64
    /// Everything below holds up to this batch; later ones are in the log only.
    package var flushedLSN: LSN
    /// Time of the newest flushed batch; nil if nothing was ever flushed.
    package var flushedTime: Timestamp?
    /// Flushes that wrote tables.
    package var generations: UInt64
    package var segments: Int
    package var indexRuns: Int
    /// Messages in tables, deleted ones included until they are compacted away, and their bytes before compression.
    package var entries: UInt64
    package var rawBytes: UInt64
    /// Ever created, deleted ones included.
    package var sessionsCreated: UInt64
    package var usersCreated: UInt64
    package var tenantsCreated: UInt64
    /// Files of the directory by kind; `other` are those that are not the store's.
    package var files: [FileKind: Files]
    /// Oldest first.
    package var logFiles: [LogFile]
}

/// Looks at a store from its newest manifest and its list of files.
///
/// It takes no lock and changes nothing, so it also works beside a running server. A manifest may go between the
/// listing and the reading; then it looks again.
package enum StoreInspector {
    private static let attempts = 5

    /// - Throws: `notAStore`, `newerFormat`, `corrupt`, `io`.
    /// - Complexity: O(files); two files are read.
    package static func inspect(disk: any Disk) throws(LogStoreError) -> StoreSummary {
        for _ in 1..<attempts {
            do throws(LogStoreError) {
                return try look(disk)
            } catch {
                guard case .io(let failure) = error, failure.kind == .notFound else { throw error }
            }
        }
        return try look(disk)
    }

    private static func look(_ disk: any Disk) throws(LogStoreError) -> StoreSummary {
        let files = StoreFiles(disk: disk)
        let entries = try files.list()
        let names = StoreOpener.Names(entries)
        guard names.hasFormat else {
            if names.hasData { throw .corrupt(file: StoreFormat.name, offset: 0, detail: "the file is missing") }
            throw .notAStore("there is no file \(StoreFormat.name)")
        }
        let format = try files.format().format
        let manifest = try newestManifest(names, files, format.id.seed)
        let segments = manifest.tables.filter { $0.name.kind == .segment }
        return StoreSummary(
            store: format.id, formatVersion: Int(StoreFormat.version),
            createdAt: Timestamp(microseconds: format.createdAt), manifest: manifest.number,
            flushedLSN: manifest.flushedLSN,
            flushedTime: manifest.flushedLSN == .zero ? nil : Timestamp(microseconds: manifest.counters.lastTime),
            generations: manifest.nextGeneration - 1, segments: segments.count,
            indexRuns: manifest.tables.count - segments.count, entries: segments.reduce(0) { $0 + $1.entryCount },
            rawBytes: segments.reduce(0) { $0 + $1.rawBytes }, sessionsCreated: manifest.counters.nextSession - 1,
            usersCreated: manifest.counters.nextUser - 1, tenantsCreated: UInt64(manifest.counters.nextTenant) - 1,
            files: filesByKind(entries), logFiles: logFiles(entries))
    }

    /// The newest that verifies, as opening would choose it by its bytes alone.
    static func newestManifest(
        _ names: StoreOpener.Names, _ files: StoreFiles, _ store: UInt64
    ) throws(LogStoreError) -> Manifest {
        var firstError = LogStoreError.corrupt(file: "m-*.man", offset: 0, detail: "no manifest")
        for (i, number) in names.manifests.enumerated() {
            do throws(LogStoreError) {
                return try files.manifest(number, store: store)
            } catch {
                guard case .corrupt = error else { throw error }
                if i == 0 { firstError = error }
            }
        }
        throw firstError
    }

    private static func filesByKind(_ entries: [DiskEntry]) -> [StoreSummary.FileKind: StoreSummary.Files] {
        var result: [StoreSummary.FileKind: StoreSummary.Files] = [:]
        for entry in entries {
            result[kind(of: entry.name), default: .init()].count += 1
            result[kind(of: entry.name), default: .init()].bytes += entry.size
        }
        return result
    }

    static func kind(of name: String) -> StoreSummary.FileKind {
        if name == StoreFormat.name { return .format }
        if name == Reserve.name { return .reserve }
        if Manifest.parse(name) != nil { return .manifest }
        if LogFormat.parse(name) != nil { return .log }
        return switch TableName(fileName: name)?.kind {
        case .segment: .segment
        case .index: .index
        case nil: .other
        }
    }

    private static func logFiles(_ entries: [DiskEntry]) -> [StoreSummary.LogFile] {
        var files: [(number: UInt64, file: StoreSummary.LogFile)] = []
        for entry in entries {
            guard let (number, first) = LogFormat.parse(entry.name) else { continue }
            files.append((number, .init(name: entry.name, firstLSN: first, bytes: entry.size)))
        }
        return files.sorted { $0.number < $1.number }.map(\.file)
    }
}
