/// The erasures that a directory knows of, read from its newest state without opening it.
///
/// A restore brings back a past in which erased people were still there. So every erasure that is known now is applied
/// again afterwards: those of the newest state of the backup, and those of directories that lived on.
package enum ErasureLedger {
    private static let attempts = 5

    /// Also of a directory that a server is running on: a file may go in between, then it looks again.
    /// - Throws: `notAStore`, `newerFormat`, `corrupt`, `io`: an erasure must not be missed because of damage.
    /// - Complexity: the ledger, and the log behind the newest manifest.
    package static func read(_ disk: any Disk) throws(LogStoreError) -> [ErasureRecord] {
        for _ in 1..<attempts {
            do throws(LogStoreError) {
                return try look(disk)
            } catch {
                guard case .io(let failure) = error, failure.kind == .notFound else { throw error }
            }
        }
        return try look(disk)
    }

    private static func look(_ disk: any Disk) throws(LogStoreError) -> [ErasureRecord] {
        let reading = OverlayDisk(base: disk)
        let files = StoreFiles(disk: reading)
        let names = StoreOpener.Names(try files.list())
        guard names.hasFormat else { throw .notAStore("there is no file \(StoreFormat.name)") }
        let store = try files.format().format.id.seed
        let manifest = try StoreInspector.newestManifest(names, files, store)
        var records: [ErasureSubject: ErasureRecord] = [:]
        try readTables(manifest, store, reading) { records[$0.subject] = $0 }
        let recovery = LogRecovery(disk: reading, store: store, prefixMode: false)
        _ = try recovery.run(flushed: manifest.flushedLSN, isNew: manifest.number == 1) { batch in
            for change in batch.changes {
                switch change {
                case .erasureOrdered(let subject, let nameHash, let sessions, let entries):
                    records[subject] = ErasureRecord(
                        subject: subject, nameHash: nameHash, orderedAt: batch.time, sessions: sessions,
                        entries: entries)
                case .erasureFinished(var record):
                    record.finishedAt = batch.time
                    records[record.subject] = record
                default: continue
                }
            }
        }
        return records.values.sorted { ($0.orderedAt, $0.nameHash) < ($1.orderedAt, $1.nameHash) }
    }

    private static func readTables(
        _ manifest: Manifest, _ store: UInt64, _ disk: any Disk, _ body: (ErasureRecord) -> Void
    ) throws(LogStoreError) {
        var runs: [TableReader] = []
        for entry in manifest.tables where entry.name.kind == .index {
            runs.append(
                try TableReader.open(
                    disk: disk, name: entry.name, context: TableContext(store: store),
                    cache: BlockCache(budgetBytes: 0), expectedSize: entry.size, expectedHash: entry.hash))
        }
        runs.sort { $0.name.generationLow > $1.name.generationLow }
        var cursor = try MergeCursor(runs, prefix: IndexKey.ledger, .blocking, fillsCache: false)
        while cursor.isValid {
            if let session = IndexKey.sessionKey(from: cursor.key) {
                let (key, value) = (cursor.key, cursor.value)
                let record = try Lookup.decoding("ledger entry", key) { () throws(ByteReader.Malformed) in
                    try ErasureRecord.decode(value, of: ErasureSubject(session))
                }
                if let record { body(record) }
            }
            try cursor.next()
        }
    }
}

/// What became of the erasures that a restore applied again.
package struct ErasureReplay: Hashable, Sendable {
    /// Subjects that were there and are erased now.
    package var erased = 0
    /// Subjects that the restored state does not have, or whose number is another's there.
    package var absent = 0
    /// Subjects that a legal hold of the restored state protects.
    package var held: [ErasureRecord] = []
}

extension LogStore {
    /// Erases again what was erased in another life of the store. A number is believed only with the name that it had.
    func replay(_ erasures: [ErasureRecord]) throws(LogStoreError) -> ErasureReplay {
        var outcome = ErasureReplay()
        for record in erasures {
            guard let name = try name(of: record.subject), IndexKey.hash(name) == record.nameHash else {
                outcome.absent += 1
                continue
            }
            var batch = Batch()
            batch.erase(record.subject)
            do throws(LogStoreError) {
                try commit(batch)
                outcome.erased += 1
            } catch {
                guard case .held = error else { throw error }
                outcome.held.append(record)
            }
        }
        return outcome
    }

    private func name(of subject: ErasureSubject) throws(LogStoreError) -> String? {
        switch subject {
        case .session(let key): try session(key)?.id
        case .user(let key): try userName(key)
        case .tenant(let tenant): try tenantName(tenant)
        }
    }
}
