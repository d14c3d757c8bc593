internal import Synchronization

// Reading a session's entries.
//
// 1. Under the state lock: the row's delta, the entries of both heads, the version and, if the row says that entries
//    were amended, the heads' indexes. All are references; that fixes the answer.
// 2. The row (from the tables if the heads do not hold all of it) names the runs; they are walked from the wanted end,
//    each a range of keys in one segment, until enough entries are found.
// 3. The amendments of what was walked are laid over, from the tables and from the heads of that moment.

extension Lookup {
    func entries(of key: SessionKey, _ query: EntryQuery) throws(LogStoreError) -> [Entry] {
        guard query.limit > 0 else { return [] }
        let low = (query.after ?? 0) == .max ? SequenceNumber.max : (query.after ?? 0) + 1
        let high = query.before.map { $0 == 0 ? 0 : $0 - 1 } ?? .max
        guard low <= high else { return [] }
        let view = entryView(key)
        guard let row = try row(key, view.delta, view.version) else { return [] }
        if view.anyDead, try ownerIsDead(key) { return [] }
        let last = min(high, row.lastSequence)
        guard low <= last else { return [] }
        let cutoff = try cutoff(key, row)
        return try EntryScan(lookup: self, key: key, row: row, view: view, cutoff: cutoff).run(low, last, query)
    }
}

extension Lookup {
    /// What is known of a session. Messages that have expired are not counted: of a session that is old enough to have
    /// such, the first that has not is looked for.
    func info(_ key: SessionKey, _ row: SessionRow) throws(LogStoreError) -> SessionInfo {
        var info = row.info(key)
        guard info.entryCount > 0, try cutoff(key, row) != nil else { return info }
        guard let first = try entries(of: key, EntryQuery(limit: 1)).first else {
            info.entryCount = 0
            return info
        }
        info.entryCount = try count(of: key, after: first.sequence - 1, before: .max)
        return info
    }

    /// How many entries of a session are there between two sequence numbers, both exclusive.
    /// - Complexity: the amendments in that range.
    func count(
        of key: SessionKey, after: SequenceNumber, before: SequenceNumber
    ) throws(LogStoreError) -> UInt32 {
        let view = entryView(key)
        guard let row = try row(key, view.delta, view.version), after < row.lastSequence, before > after + 1 else {
            return 0
        }
        if view.anyDead, try ownerIsDead(key) { return 0 }
        var low = after + 1
        if try cutoff(key, row) != nil {
            guard let first = try entries(of: key, EntryQuery(after: after, limit: 1)).first else { return 0 }
            low = first.sequence
        }
        let high = min(before - 1, row.lastSequence)
        guard low <= high else { return 0 }
        var deleted: UInt32 = 0
        if row.flags.contains(.hasAmendments) {
            try forEachAmendment(of: key, in: view, low, high) { _, value in
                // Nothing amends a deleted entry, so no deletion is seen twice.
                if Amendment.isDeletion(value) { deleted += 1 }
            }
        }
        return high - low + 1 - min(deleted, high - low + 1)
    }

    private func entryView(_ key: SessionKey) -> EntryView {
        state.lock.withLock { s in
            let delta = s.delta(key)
            let isAmended = delta?.flags.contains(.hasAmendments) == true
            return EntryView(
                delta: delta, active: s.active.session(key), frozen: s.frozen?.session(key), version: s.version,
                indexes: isAmended ? [s.frozen?.index, s.active.index].compactMap(\.self) : [],
                anyDead: s.active.counters.deadOwners > 0)
        }
    }

    /// Calls `body` with the amendments of [from, to], those of the tables first: of several of one entry the last counts.
    fileprivate func forEachAmendment(
        of key: SessionKey, in view: EntryView, _ from: SequenceNumber, _ to: SequenceNumber,
        _ body: (SequenceNumber, _ value: [UInt8]) throws(LogStoreError) -> Void
    ) throws(LogStoreError) {
        let prefix = IndexKey.amendments(key)
        let start = IndexKey.amendment(key, from)
        func take(_ key: [UInt8], _ value: [UInt8]) throws(LogStoreError) -> Bool {
            let sequence = SequenceNumber(truncatingIfNeeded: IndexKey.bigEndian(key, 15, 4))
            guard sequence <= to else { return false }
            if !IndexValue.isTombstone(value) { try body(sequence, value) }
            return true
        }
        let runs = try view.version.runs(withPrefix: prefix, filtered: true, policy)
        var cursor = try MergeCursor(runs, prefix: prefix, from: start, policy)
        while cursor.isValid, try take(cursor.key, cursor.value) { try cursor.next() }
        for index in view.indexes {
            try index.scan(prefix: prefix, from: start) { pair throws(LogStoreError) in try take(pair.key, pair.value) }
        }
    }
}

/// What a read of entries sees: one moment.
struct EntryView: Sendable {
    var delta: SessionDelta?
    var active: Head.HeadSession?
    var frozen: Head.HeadSession?
    var version: Version
    /// The heads' indexes, the older first, if they amend the session. Of the same moment as the entries: amendments of
    /// a later one would show a state that never was. Shared, not copied: the writer copies the chunk that it changes.
    var indexes: [SortedBytesMap]
    var anyDead: Bool
}

private struct EntryScan {
    let lookup: Lookup
    let key: SessionKey
    let row: SessionRow
    let view: EntryView
    /// Entries from before it have expired.
    let cutoff: Int64?

    func run(_ low: SequenceNumber, _ high: SequenceNumber, _ query: EntryQuery) throws(LogStoreError) -> [Entry] {
        var result: [Entry] = []
        result.reserveCapacity(min(query.limit, Int(high - low) + 1, 1024))
        // Deleted and expired entries leave holes, so a range may have to be continued, in growing steps.
        var step = 64
        var low = low
        var high = high
        while low <= high && result.count < query.limit {
            let want = query.limit - result.count
            let window = Int(high - low) + 1
            let size = SequenceNumber(
                min(window, row.flags.contains(.hasAmendments) || cutoff != nil ? max(want, step) : want))
            let (from, to) = query.order == .ascending ? (low, low + (size - 1)) : (high - (size - 1), high)
            var part = try raw(from, to)
            if row.flags.contains(.hasAmendments) { part = try amended(part, from, to) }
            if let cutoff { part.removeAll { $0.createdAt.microseconds < cutoff } }
            if part.isEmpty { step = min(step * 2, 1 << 16) }
            if query.order == .descending { part.reverse() }
            result.append(contentsOf: part.prefix(want))
            if query.order == .ascending {
                if to == .max { break }
                low = to + 1
            } else {
                if from <= 1 { break }
                high = from - 1
            }
        }
        return result
    }

    /// Entries of [from, to] as appended, ascending.
    private func raw(_ from: SequenceNumber, _ to: SequenceNumber) throws(LogStoreError) -> [Entry] {
        var entries: [Entry] = []
        let headFirst =
            [view.frozen, view.active].compactMap { $0.flatMap { $0.entries.isEmpty ? nil : $0.firstSequence } }
            .min() ?? .max
        if from < headFirst { try appendFromTables(from, min(to, headFirst == .max ? to : headFirst - 1), &entries) }
        for head in [view.frozen, view.active] {
            guard let head, !head.entries.isEmpty else { continue }
            let first = head.firstSequence
            let last = first + SequenceNumber(head.entries.count - 1)
            let a = max(from, first)
            let b = min(to, last)
            guard a <= b else { continue }
            for sequence in a...b {
                let e = head.entries[Int(sequence - first)]
                guard e.payload.crc32c == e.crc else {
                    throw .corrupt(file: "memory", offset: 0, detail: "entry \(sequence) of \(key)")
                }
                entries.append(
                    Entry(
                        sequence: sequence, createdAt: Timestamp(microseconds: e.createdAt), amendedAt: nil,
                        payload: e.payload))
            }
        }
        return entries
    }

    private func appendFromTables(
        _ from: SequenceNumber, _ to: SequenceNumber, _ entries: inout [Entry]
    ) throws(LogStoreError) {
        // The last run that begins at or before `from`.
        var i = row.runs.count - 1
        while i > 0 && row.runs[i].firstSequence > from { i -= 1 }
        var before: TableName?
        while i >= 0 && i < row.runs.count && row.runs[i].firstSequence <= to {
            defer { i += 1 }
            guard
                let segment = view.version.segment(
                    holding: row.runs[i].generation, ofClass: row.retentionClass),
                segment.name != before
            else { continue }
            before = segment.name
            let cursor = segment.cursor(lookup.policy)
            let end = IndexKey.entry(key, to)
            try cursor.seek(to: IndexKey.entry(key, max(from, row.runs[i].firstSequence)), through: end)
            while cursor.isValid {
                let isInside = unsafe end.withUnsafeBytes { unsafe compareKeys(cursor.keyBytes, $0) <= 0 }
                guard isInside else { break }
                entries.append(try decode(cursor, segment))
                try cursor.next()
            }
        }
    }

    private func decode(_ cursor: TableCursor, _ segment: TableReader) throws(LogStoreError) -> Entry {
        let entry: (entry: Entry, crc: UInt32)?
        do throws(ByteReader.Malformed) {
            let keySpan = unsafe RawSpan(_unsafeBytes: cursor.keyBytes)
            var k = ByteReader(keySpan)
            try k.skip(14)
            let sequence = SequenceNumber(truncatingIfNeeded: try k.bigEndian(width: 4))
            let valueSpan = unsafe RawSpan(_unsafeBytes: cursor.valueBytes)
            var v = ByteReader(valueSpan)
            let createdAt = Timestamp(microseconds: Int64(bitPattern: try v.u64()))
            let crc = try v.u32()
            let payload = try v.array(v.remaining)
            entry = (Entry(sequence: sequence, createdAt: createdAt, amendedAt: nil, payload: payload), crc)
        } catch {
            throw .corrupt(file: segment.name.fileName, offset: 0, detail: "entry of \(key): \(error.what)")
        }
        guard let entry, entry.entry.payload.crc32c == entry.crc else {
            throw .corrupt(file: segment.name.fileName, offset: 0, detail: "CRC of an entry of \(key)")
        }
        return entry.entry
    }

    /// Lays amendments over: deleted entries vanish, edited ones change. A merge may have left an edited entry out of its
    /// segment, because the amendment holds all of it.
    private func amended(
        _ entries: [Entry], _ from: SequenceNumber, _ to: SequenceNumber
    ) throws(LogStoreError) -> [Entry] {
        var amendments: [SequenceNumber: Amendment] = [:]
        try lookup.forEachAmendment(of: key, in: view, from, to) { (sequence, value) throws(LogStoreError) in
            amendments[sequence] = try Lookup.decoding("amendment", IndexKey.amendment(key, sequence)) {
                () throws(ByteReader.Malformed) in try Amendment.decode(value)
            }
        }
        if amendments.isEmpty { return entries }
        var result = entries.filter { amendments[$0.sequence] == nil }
        for (sequence, amendment) in amendments {
            guard case .edited(let payload, let crc, let createdAt, let amendedAt) = amendment else { continue }
            guard payload.crc32c == crc else {
                throw .corrupt(file: "index", offset: 0, detail: "CRC of amendment \(sequence) of \(key)")
            }
            result.append(Entry(sequence: sequence, createdAt: createdAt, amendedAt: amendedAt, payload: payload))
        }
        result.sort { $0.sequence < $1.sequence }
        return result
    }
}
