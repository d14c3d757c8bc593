/// Writes one table from several of adjacent generations, or one anew without what is dead in it.
///
/// ## Steps
/// 1. Walk the inputs in key order; of equal keys the newest generation's record counts.
/// 2. A message goes over if it is live. An index record goes over if what it belongs to lives and it is no tombstone.
/// 3. Of a dead index record or a tombstone nothing is left if no older run of the version has the key; else a
///    tombstone, which keeps the older one hidden. Age never decides.
///
/// The inputs stay as they are. An output without records is not written at all.
struct TableMerger {
    let lookup: Lookup
    let version: Version
    let disk: any Disk
    let store: UInt64
    let blockBytes: Int
    /// Leave nothing of what is dead, wherever its tombstone is.
    var asksForRows = false
    /// Called with bytes read since the last call; may wait, and may throw to give up.
    var pace: (_ bytes: Int) throws(LogStoreError) -> Void = { _ in }

    struct Outcome {
        /// nil: nothing was left.
        var table: TableSummary?
        var droppedEntries: UInt64 = 0
    }

    /// - Parameter inputs: oldest first, adjacent, of one kind and retention class.
    func merge(_ inputs: [TableReader], id: UInt64) throws(LogStoreError) -> Outcome {
        let first = inputs[0].name
        let name = TableName(
            kind: first.kind, retentionClass: first.retentionClass, generationLow: first.generationLow,
            generationHigh: inputs[inputs.count - 1].name.generationHigh, id: id)
        let writer = try TableWriter(
            disk: disk, name: name, context: TableContext(store: store),
            options: TableOptions(
                blockBytes: blockBytes, filterBitsPerKey: first.kind == .index ? 10 : 0, compressesThoroughly: true))
        var cursor = try MergeCursor(inputs.reversed(), prefix: [], .blocking, fillsCache: false)
        return first.kind == .segment
            ? try mergeSegments(&cursor, writer) : try mergeRuns(&cursor, writer, below: first.generationLow)
    }

    private func mergeSegments(
        _ cursor: inout MergeCursor, _ writer: TableWriter
    ) throws(LogStoreError) -> Outcome {
        var liveness = Liveness(lookup, version, asksForRows: asksForRows)
        var outcome = Outcome()
        var minimum = Int64.max
        var maximum = Int64.min
        while cursor.isValid {
            let bytes = try unsafe cursor.withRecord { (key, value) throws(LogStoreError) -> Int in
                guard let (session, sequence) = unsafe IndexKey.entry(from: key), value.count >= 12 else {
                    throw .corrupt(file: writer.name.fileName, offset: 0, detail: "a message's record in a merge")
                }
                let time = unsafe Int64(littleEndian: value.loadUnaligned(as: Int64.self))
                if try liveness.isLive(session, sequence, createdAt: time) {
                    minimum = min(minimum, time)
                    maximum = max(maximum, time)
                    try unsafe writer.add(key: key, value: value, filterPrefixes: .none)
                } else {
                    outcome.droppedEntries += 1
                }
                return key.count + value.count
            }
            try pace(bytes)
            try cursor.next()
        }
        guard writer.entryCount > 0 else {
            writer.abandon()
            return outcome
        }
        outcome.table = try writer.finish(
            minTime: Timestamp(microseconds: minimum), maxTime: Timestamp(microseconds: maximum))
        return outcome
    }

    private func mergeRuns(
        _ cursor: inout MergeCursor, _ writer: TableWriter, below generation: UInt64
    ) throws(LogStoreError) -> Outcome {
        var liveness = Liveness(lookup, version, asksForRows: asksForRows)
        let older = version.index.filter { $0.name.generationHigh < generation }
        while cursor.isValid {
            let key = cursor.key
            let value = cursor.value
            if let kind = IndexKey.Kind(rawValue: key[0]), !RecordCheck.lengths(of: kind).contains(key.count) {
                throw .corrupt(file: writer.name.fileName, offset: 0, detail: "a key of \(key.count) bytes in a merge")
            }
            let prefixes = IndexKey.filterPrefixes(of: key)
            if !IndexValue.isTombstone(value), try liveness.isLive(key) {
                try writer.add(key: key, value: value, filterPrefixes: prefixes)
            } else if try isHeld(key, by: older) {
                try writer.add(key: key, value: IndexValue.tombstone, filterPrefixes: prefixes)
            }
            try pace(key.count + value.count)
            try cursor.next()
        }
        guard writer.entryCount > 0 else {
            writer.abandon()
            return Outcome()
        }
        return Outcome(table: try writer.finish())
    }

    private func isHeld(_ key: [UInt8], by runs: [TableReader]) throws(LogStoreError) -> Bool {
        for run in runs where try run.get(key) != nil { return true }
        return false
    }
}
