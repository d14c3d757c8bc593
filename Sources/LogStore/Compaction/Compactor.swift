internal import Synchronization

/// Merges tables, and rewrites those that hold erased bytes.
///
/// A merge reads tables of one version and installs its result with `ManifestLog`; flushes go on beside it. Nobody else
/// takes tables out of a manifest, so the inputs are in the newest manifest still. A table that cannot be read is left
/// alone from then on: its good parts are still served, and a merge must not lose them.
///
/// Confined to the maintenance thread (`.threaded`) or to the lock of `Maintenance` (`.inline`).
final class Compactor {
    private let box: StateBox
    private let lookup: Lookup
    private let disk: any Disk
    private let clock: any Clock
    private let options: StoreOptions
    private let store: UInt64
    private let manifests: ManifestLog
    private let report: @Sendable (StoreEvent) -> Void
    /// Tables that could not be merged.
    private(set) var unreadable: Set<UInt64> = []

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

    typealias Pace = (_ bytes: Int) throws(LogStoreError) -> Void

    private var picker: CompactionPicker { CompactionPicker(retention: box.retention.policy.classes) }
    private var version: Version { box.lock.withLock { $0.version } }

    /// Merges the window that is most worth it.
    /// - Returns: false if none is.
    func compactOnce(_ pace: @escaping Pace) throws(LogStoreError) -> Bool {
        let version = version
        let tables = version.manifest.tables.filter { !unreadable.contains($0.name.id) }
        let space = box.lock.withLock { $0.space }
        guard let window = picker.pick(tables, freeBytes: space.freeBytes) else { return false }
        try rewrite(window.map(\.name.id), version, pace)
        return true
    }

    /// Merges everything that may be merged, and rewrites what may not.
    func compactAll(_ pace: @escaping Pace) throws(LogStoreError) {
        let tables = version.manifest.tables.filter { !unreadable.contains($0.name.id) }
        // Older runs first: what is dead in them needs no tombstone in the newer ones then.
        for window in picker.all(tables) { try rewrite(window.map(\.name.id), version, asksForRows: true, pace) }
    }

    /// Rewrites one run that holds a document of a tenant which a newer run removes, or a removal that hides nothing any
    /// more (its key is told by it), the oldest first: what is removed together with an erasure's subject, such as an
    /// account, is no part of the subject.
    /// - Returns: false if there is none.
    func eraseRemovedDocumentsOnce(_ pace: @escaping Pace) throws(LogStoreError) -> Bool {
        let version = version
        for table in version.index.reversed() where try holdsRemovedDocument(table, version) {
            try rewrite([table.name.id], version, asksForRows: true, pace)
            return true
        }
        return false
    }

    private func holdsRemovedDocument(_ table: TableReader, _ version: Version) throws(LogStoreError) -> Bool {
        let prefix = [IndexKey.Kind.document.rawValue]
        guard table.overlaps(prefix, prefix.prefixEnd ?? prefix) else { return false }
        let older = version.index.filter { $0.name.generationHigh < table.name.generationLow }
        var cursor = try MergeCursor([table], prefix: prefix, .blocking, fillsCache: false)
        while cursor.isValid {
            let key = cursor.key
            if SessionDocumentKey.session(of: key) == nil, try version.hasRemoved(key) {
                var isOfUse = IndexValue.isTombstone(cursor.value)
                if isOfUse {
                    isOfUse = false
                    for run in older where try run.get(key) != nil { isOfUse = true }
                }
                if !isOfUse { return true }
            }
            try cursor.next()
        }
        return false
    }

    /// Rewrites one table that holds something of an erased subject, the oldest first.
    /// - Returns: false if there is none.
    func eraseOnce(_ subject: ErasureSubject, nameHash: UInt64, _ pace: @escaping Pace) throws(LogStoreError) -> Bool {
        let version = version
        for table in version.index.reversed() + version.segments {
            guard try subject.isIn(table, nameHash: nameHash) else { continue }
            try rewrite([table.name.id], version, asksForRows: true, pace)
            return true
        }
        return false
    }

    /// - Parameter ids: adjacent tables of one kind and class, oldest first.
    private func rewrite(
        _ ids: [UInt64], _ version: Version, asksForRows: Bool = false, _ pace: @escaping Pace
    ) throws(LogStoreError) {
        let started = clock.monotonicMicroseconds()
        let readers = ids.compactMap { id in (version.segments + version.index).first { $0.name.id == id } }
        do throws(LogStoreError) {
            let merger = TableMerger(
                lookup: lookup, version: version, disk: disk, store: store, blockBytes: options.blockBytes,
                asksForRows: asksForRows, pace: pace)
            let outcome = try merger.merge(readers, id: manifests.takeTableID())
            let read = readers.reduce(0) { $0 + $1.summary.size }
            let written = outcome.table?.size ?? 0
            try manifests.install(
                added: outcome.table.map { [$0] } ?? [], removed: Set(ids),
                publish: {
                    $0.statistics.compactions += 1
                    $0.statistics.compactedBytes += written
                })
            for reader in readers { reader.table.file.dropCache() }
            report(
                .compacted(
                    tables: ids.count, bytesRead: read, bytesWritten: written,
                    droppedEntries: outcome.droppedEntries,
                    microseconds: clock.monotonicMicroseconds() - started))
        } catch {
            if case .corrupt(let file, _, _) = error {
                let bad = readers.filter { $0.name.fileName == file }.map(\.name.id)
                unreadable.formUnion(bad.isEmpty ? ids : bad)
            }
            throw error
        }
    }
}
