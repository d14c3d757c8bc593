// Reading the sessions of a page of a list.
//
// What the heads hold was taken with the list itself (`HeadRow`). What only the tables hold is read in the order of the
// keys, whatever the page's order: rows, and states, of one owner are neighbours, so a cursor a run finds most of them in
// the block that it holds, without a look at filter, index or cache. A run that holds a state holds a row of the session
// too, because what sets the one writes the other: so runs that have no row of the owner are left out.

/// What the heads say of one session; the older head's share and the newer's folded into one.
struct HeadRow: Sendable {
    var key: SessionKey
    var delta: SessionDelta
    /// The state document, if it was asked for and set here.
    var state: [UInt8]?
    /// The newest entry, if it was asked for and appended here.
    var newest: (sequence: SequenceNumber, entry: Head.HeadEntry)?

    /// Appends the rows of a head's slots. Called under the state lock; what it copies are numbers and references.
    static func append(_ head: Head, _ slots: [Int], _ parts: ListedParts, to rows: inout [HeadRow]) {
        guard !slots.isEmpty else { return }
        rows.reserveCapacity(rows.count + slots.count)
        let sessions = head.sessions
        for slot in slots {
            var row = HeadRow(key: sessions[slot].key, delta: sessions[slot].delta)
            if parts.contains(.state) { row.state = sessions[slot].state?.bytes }
            let count = sessions[slot].entries.count
            if parts.contains(.newestEntry), count > 0 {
                row.newest = (
                    sessions[slot].firstSequence + SequenceNumber(count - 1), sessions[slot].entries[count - 1]
                )
            }
            rows.append(row)
        }
    }

    /// One row a session, ascending.
    /// - Parameter rows: those of the older head first.
    static func folded(_ rows: [HeadRow]) -> [HeadRow] {
        guard rows.count > 1 else { return rows }
        if (1..<rows.count).allSatisfy({ rows[$0 - 1].key < rows[$0].key }) { return rows }
        var order = rows.indices.map { (key: rows[$0].key, index: $0) }
        order.sort { $0.key != $1.key ? $0.key < $1.key : $0.index < $1.index }
        var folded: [HeadRow] = []
        folded.reserveCapacity(rows.count)
        for (key, index) in order {
            if let last = folded.indices.last, folded[last].key == key {
                folded[last].merge(rows[index])
            } else {
                folded.append(rows[index])
            }
        }
        return folded
    }

    private mutating func merge(_ newer: HeadRow) {
        delta.merge(newer.delta)
        state = newer.state ?? state
        newest = newer.newest ?? newest
    }
}

final class ListedSessionReader {
    private let lookup: Lookup
    private let version: Version
    private let heads: [HeadRow]
    private let parts: ListedParts
    private let rows: [TableCursor]
    private let states: [TableCursor]
    private var segments: [(reader: TableReader, cursor: TableCursor)] = []

    /// - Parameter runs: those that may hold rows of the sessions, newest first.
    init(lookup: Lookup, version: Version, runs: [TableReader], heads: [HeadRow], parts: ListedParts) {
        self.lookup = lookup
        self.version = version
        self.heads = heads
        self.parts = parts
        rows = runs.map { $0.cursor(lookup.policy) }
        states = parts.contains(.state) ? runs.map { $0.cursor(lookup.policy) } : []
    }

    /// The sessions in the order given; nil for those that are gone.
    /// - Parameter wanted: each with its place in `heads`; -1: it is in the tables only.
    func read(_ wanted: [(key: SessionKey, head: Int)]) throws(LogStoreError) -> [ListedSession?] {
        var found = [ListedSession?](repeating: nil, count: wanted.count)
        var order = wanted.indices.map { (key: wanted[$0].key, index: $0) }
        // Most pages are in the order of creation or its reverse: nearly sorted is what the sort likes best.
        if let first = order.first, let last = order.last, last.key < first.key { order.reverse() }
        order.sort { $0.key < $1.key }
        for (key, index) in order {
            let head = wanted[index].head
            found[index] = try session(key, head < 0 ? nil : heads[head])
        }
        return found
    }

    private func session(_ key: SessionKey, _ head: HeadRow?) throws(LogStoreError) -> ListedSession? {
        var row: SessionRow?
        if let head, head.delta.creation != nil || head.delta.isDeleted {
            row = head.delta.applied(to: nil)
        } else {
            row = try tableRow(key)
            if let head { row = head.delta.applied(to: row) }
        }
        guard let row else { return nil }
        let cutoff = try lookup.cutoff(key, row)
        if lookup.hasExpired(row, cutoff) { return nil }
        // Of a session of which something may have expired the first entry that has not is looked for.
        var session = ListedSession(info: cutoff == nil ? row.info(key) : try lookup.info(key, row))
        if parts.contains(.state) {
            session.state = if let state = head?.state { state } else { try tableState(key) }
        }
        if parts.contains(.newestEntry) { session.newest = try newest(key, row, head, isPlain: cutoff == nil) }
        return session
    }

    // MARK: Tables

    private func tableRow(_ key: SessionKey) throws(LogStoreError) -> SessionRow? {
        guard let run = try find(.row, key, rows) else { return nil }
        return try unsafe rows[run].withRecordBytes { (_, value) throws(LogStoreError) in
            do throws(ByteReader.Malformed) {
                let span = unsafe RawSpan(_unsafeBytes: value)
                return try SessionRow.decode(span)
            } catch {
                throw Self.corrupt("row", key, error)
            }
        }
    }

    private func tableState(_ key: SessionKey) throws(LogStoreError) -> [UInt8] {
        guard let run = try find(.state, key, states) else { return [] }
        return try unsafe states[run].withRecordBytes { (_, value) throws(LogStoreError) in
            do throws(ByteReader.Malformed) {
                let span = unsafe RawSpan(_unsafeBytes: value)
                return try IndexValue.decodeVersioned(span)?.bytes ?? []
            } catch {
                throw Self.corrupt("state", key, error)
            }
        }
    }

    private static func corrupt(_ what: String, _ key: SessionKey, _ error: ByteReader.Malformed) -> LogStoreError {
        .corrupt(file: "index", offset: UInt64(error.offset), detail: "\(what) of \(key): \(error.what)")
    }

    /// The newest run that has the key; its cursor stands on it.
    private func find(
        _ kind: IndexKey.Kind, _ key: SessionKey, _ cursors: [TableCursor]
    ) throws(LogStoreError) -> Int? {
        try unsafe IndexKey.withKey(kind, key) { (key) throws(LogStoreError) -> Int? in
            for run in cursors.indices {
                if try unsafe cursors[run].find(key, filtered: true) { return run }
            }
            return nil
        }
    }

    /// - Parameter isPlain: nothing of the session has expired.
    private func newest(
        _ key: SessionKey, _ row: SessionRow, _ head: HeadRow?, isPlain: Bool
    ) throws(LogStoreError) -> Entry? {
        guard row.lastSequence > 0 else { return nil }
        if isPlain, !row.flags.contains(.hasAmendments) {
            if let (sequence, entry) = head?.newest { return try entry.entry(sequence, of: key) }
            if let run = row.runs.last,
                let segment = version.segment(holding: run.generation, ofClass: row.retentionClass)
            {
                let cursor = cursor(segment)
                let isThere = try unsafe IndexKey.entry(key, row.lastSequence).withRawBytes {
                    (key) throws(LogStoreError) in try unsafe cursor.find(key, filtered: false)
                }
                if isThere { return try cursor.entry(of: key, in: segment) }
            }
        }
        return try lookup.entries(of: key, .last(1)).first
    }

    private func cursor(_ segment: TableReader) -> TableCursor {
        for known in segments where known.reader === segment { return known.cursor }
        let cursor = segment.cursor(lookup.policy)
        segments.append((segment, cursor))
        return cursor
    }
}

extension Head.HeadEntry {
    /// The entry as readers get it.
    func entry(_ sequence: SequenceNumber, of key: SessionKey) throws(LogStoreError) -> Entry {
        guard payload.crc32c == crc else {
            throw .corrupt(file: "memory", offset: 0, detail: "entry \(sequence) of \(key)")
        }
        return Entry(
            sequence: sequence, createdAt: Timestamp(microseconds: createdAt), amendedAt: nil, payload: payload)
    }
}
