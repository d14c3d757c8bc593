/// A session's row of the directory: what is known of it without reading a message.
///
/// ## Runs
/// A flush writes a session's new entries into one segment, named by the flush's generation. `runs` lists, for each
/// generation that holds entries of the session, the first sequence number in it. So any sequence is found by a binary
/// search here and another over the manifest's generation intervals: no chain of pointers to walk, nothing resident,
/// and merging segments rewrites no row, because intervals merge. Rows written later fold entries whose generations
/// have come to lie in one segment.
struct SessionRow: Hashable, Sendable {
    struct Run: Hashable, Sendable {
        var generation: UInt64
        var firstSequence: SequenceNumber
    }

    struct Flags: OptionSet, Hashable, Sendable {
        var rawValue: UInt8
        /// Some entries are amended or deleted: readers look for amendments.
        static let hasAmendments = Flags(rawValue: 1)
        /// Batches with an idempotency key were committed.
        static let hasIdempotencyKeys = Flags(rawValue: 2)
    }

    var flags: Flags = []
    var retentionClass: UInt8 = 0
    var createdAt: Int64
    var updatedAt: Int64
    var lastSequence: SequenceNumber = 0
    var deletedCount: UInt32 = 0
    var tags: UInt32 = 0
    var stateVersion: UInt64
    var runs: [Run] = []
    var id: String

    /// What ordering and filtering a list needs, without the heap values.
    struct Summary: Sendable {
        var createdAt: Int64
        var updatedAt: Int64
        var tags: UInt32
        var retentionClass: UInt8
    }

    func info(_ key: SessionKey) -> SessionInfo {
        SessionInfo(
            key: key, id: id, createdAt: Timestamp(microseconds: createdAt),
            updatedAt: Timestamp(microseconds: updatedAt), lastSequence: lastSequence,
            entryCount: lastSequence - min(deletedCount, lastSequence), tags: tags, stateVersion: LSN(stateVersion),
            retentionClass: retentionClass)
    }

    // MARK: Coding (docs/format.md, "Directory row")

    static let present: UInt8 = 1
    static let tombstone: UInt8 = 0

    func encode() -> [UInt8] {
        var w = ByteWriter(reserving: 64 + id.utf8.count + runs.count * 6)
        w.u8(Self.present)
        w.u8(flags.rawValue)
        w.u8(retentionClass)
        w.u64(UInt64(bitPattern: createdAt))
        w.u64(UInt64(bitPattern: updatedAt))
        w.u32(tags)
        w.varint(UInt64(lastSequence))
        w.varint(UInt64(deletedCount))
        w.varint(stateVersion)
        w.lengthPrefixed(id)
        w.varint(UInt64(runs.count))
        var previous = Run(generation: 0, firstSequence: 0)
        for r in runs {
            w.varint(r.generation - previous.generation)
            w.varint(UInt64(r.firstSequence - previous.firstSequence))
            previous = r
        }
        return w.take()
    }

    /// nil for a tombstone.
    static func decode(_ bytes: [UInt8]) throws(ByteReader.Malformed) -> SessionRow? {
        try unsafe decode(bytes.span.bytes)
    }

    /// nil for a tombstone.
    static func decode(_ bytes: RawSpan) throws(ByteReader.Malformed) -> SessionRow? {
        var r = ByteReader(bytes)
        guard try r.u8() == present else { return nil }
        let flags = Flags(rawValue: try r.u8())
        let retentionClass = try r.u8()
        let createdAt = Int64(bitPattern: try r.u64())
        let updatedAt = Int64(bitPattern: try r.u64())
        let tags = try r.u32()
        let lastSequence = try r.sequence()
        let deletedCount = try r.sequence()
        let stateVersion = try r.varint()
        let id = try r.string()
        let count = try r.length(limit: r.remaining)
        var runs: [Run] = []
        runs.reserveCapacity(count)
        var last = Run(generation: 0, firstSequence: 0)
        for _ in 0..<count {
            let (g, overG) = last.generation.addingReportingOverflow(try r.varint())
            let (s, overS) = last.firstSequence.addingReportingOverflow(try r.sequence())
            if overG || overS { throw r.malformed("run list") }
            last = Run(generation: g, firstSequence: s)
            runs.append(last)
        }
        return SessionRow(
            flags: flags, retentionClass: retentionClass, createdAt: createdAt, updatedAt: updatedAt,
            lastSequence: lastSequence, deletedCount: deletedCount, tags: tags, stateVersion: stateVersion,
            runs: runs, id: id)
    }

    /// The fixed part only; nil for a tombstone.
    static func decodeSummary(_ bytes: RawSpan) throws(ByteReader.Malformed) -> Summary? {
        var r = ByteReader(bytes)
        guard try r.u8() == present else { return nil }
        try r.skip(1)
        let retentionClass = try r.u8()
        let createdAt = Int64(bitPattern: try r.u64())
        let updatedAt = Int64(bitPattern: try r.u64())
        return Summary(
            createdAt: createdAt, updatedAt: updatedAt, tags: try r.u32(), retentionClass: retentionClass)
    }
}

extension ByteReader {
    /// A varint that fits a sequence number.
    @_lifetime(self: copy self)
    mutating func sequence() throws(Malformed) -> SequenceNumber {
        let v = try varint()
        guard let s = SequenceNumber(exactly: v) else { throw malformed("sequence \(v)") }
        return s
    }
}

/// What un-flushed batches changed of a row. Every field is the newest absolute value or "unchanged", so a delta is
/// applied without knowing the row: replaying the log reads no directory.
struct SessionDelta: Sendable {
    struct Creation: Sendable {
        var id: String
        var createdAt: Int64
        var retentionClass: UInt8
    }
    var creation: Creation?
    var isDeleted = false
    var flags: SessionRow.Flags = []
    var lastSequence: SequenceNumber?
    var deletedCount: UInt32?
    var updatedAt: Int64?
    var tags: UInt32?
    var stateVersion: UInt64?

    /// Applies a newer delta on top.
    mutating func merge(_ newer: SessionDelta) {
        if let c = newer.creation { creation = c }
        isDeleted = isDeleted || newer.isDeleted
        flags.formUnion(newer.flags)
        if let v = newer.lastSequence { lastSequence = v }
        if let v = newer.deletedCount { deletedCount = v }
        if let v = newer.updatedAt { updatedAt = v }
        if let v = newer.tags { tags = v }
        if let v = newer.stateVersion { stateVersion = v }
    }

    /// The row after the delta; nil if there is none (deleted, or never created).
    func applied(to base: SessionRow?) -> SessionRow? {
        if isDeleted { return nil }
        var row: SessionRow
        if let creation {
            row = SessionRow(
                retentionClass: creation.retentionClass, createdAt: creation.createdAt, updatedAt: creation.createdAt,
                stateVersion: 0, id: creation.id)
        } else if let base {
            row = base
        } else {
            return nil
        }
        row.flags.formUnion(flags)
        if let lastSequence { row.lastSequence = lastSequence }
        if let deletedCount { row.deletedCount = deletedCount }
        if let updatedAt { row.updatedAt = updatedAt }
        if let tags { row.tags = tags }
        if let stateVersion { row.stateVersion = stateVersion }
        return row
    }
}
