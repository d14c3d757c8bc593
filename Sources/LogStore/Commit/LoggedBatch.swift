/// A batch as it is logged: every number and the time assigned, so that applying it needs nothing but itself.
///
/// The log is a sequence of these; the state is their fold (`Head.apply`). Coding: docs/format.md, "Log records".
package struct LoggedBatch: Sendable {
    package var lsn: LSN
    package var time: Timestamp
    package var changes: [Change] = []

    /// One assigned change. Raw values of the coding are in `Tag`.
    package enum Change: Hashable, Sendable {
        case tenantCreated(TenantOrdinal, name: String)
        case userCreated(UserKey, name: String)
        case sessionCreated(SessionKey, id: String, state: [UInt8], tags: UInt32, retentionClass: UInt8)
        case sessionUpdated(SessionKey, state: [UInt8]?, tags: UInt32?, touch: Bool)
        case sessionDeleted(SessionKey, id: String)
        case userDeleted(UserKey, name: String)
        case tenantDeleted(TenantOrdinal, name: String)
        case entryAppended(SessionKey, SequenceNumber, payload: [UInt8], crc: UInt32, touch: Bool)
        /// `deletedCount` is the session's count after the change.
        case entryDeleted(SessionKey, SequenceNumber, deletedCount: UInt32)
        case entryAmended(SessionKey, SequenceNumber, payload: [UInt8], crc: UInt32, createdAt: Timestamp)
        case documentPut(TenantOrdinal, key: [UInt8], value: [UInt8])
        case documentRemoved(TenantOrdinal, key: [UInt8])
        case idempotencyKeyUsed(SessionKey, key: String, sessions: [SessionKey], sequences: [SequenceNumber])
        case positionSet(consumer: String, LSN?)
        /// Beside the deletion. `sessions` and `entries` are what it deletes.
        case erasureOrdered(ErasureSubject, nameHash: UInt64, sessions: UInt64, entries: UInt64)
        case erasureFinished(ErasureRecord)
        case holdSet(ErasureSubject, Bool)
        /// Instead of the batch's time, for what the same batch did before.
        case sessionTimesSet(SessionKey, createdAt: Timestamp?, updatedAt: Timestamp?)
        case entryTimesSet(SessionKey, SequenceNumber, createdAt: Timestamp?, amendedAt: Timestamp?)
        /// For consumers of the feed, about the changes before it; no part of the state.
        case annotated([UInt8])
    }

    /// Times are nearer to 1970 than so many microseconds.
    static let timeBound = UInt64(1) << 62

    private enum Tag: UInt8 {
        case tenantCreated = 1
        case userCreated = 2
        case sessionCreated = 3
        case sessionUpdated = 4
        case sessionDeleted = 5
        case userDeleted = 6
        case tenantDeleted = 7
        case entryAppended = 8
        case entryDeleted = 9
        case entryAmended = 10
        case documentPut = 11
        case documentRemoved = 12
        case idempotencyKeyUsed = 13
        case positionSet = 14
        case erasureOrdered = 15
        case erasureFinished = 16
        case holdSet = 17
        case sessionTimesSet = 18
        case entryTimesSet = 19
        case annotated = 20
    }

    /// Bytes of the entries that it appends.
    var payloadBytes: Int {
        changes.reduce(0) { sum, change in
            if case .entryAppended(_, _, let payload, _, _) = change { sum + payload.count } else { sum }
        }
    }

    /// Whether it has something for consumers of the feed.
    var isAnnotated: Bool {
        changes.contains { if case .annotated = $0 { true } else { false } }
    }

    // MARK: Encoding

    func encode(into w: inout ByteWriter) {
        w.u64(UInt64(bitPattern: time.microseconds))
        w.varint(UInt64(changes.count))
        for c in changes { Self.encode(c, into: &w) }
    }

    private static func encode(_ change: Change, into w: inout ByteWriter) {
        switch change {
        case .tenantCreated(let t, let name):
            w.tag(Tag.tenantCreated.rawValue, t)
            w.lengthPrefixed(name)
        case .userCreated(let u, let name):
            w.tag(Tag.userCreated.rawValue, u)
            w.lengthPrefixed(name)
        case .sessionCreated(let s, let id, let state, let tags, let retentionClass):
            w.tag(Tag.sessionCreated.rawValue, s)
            w.lengthPrefixed(id)
            w.lengthPrefixed(state)
            w.u32(tags)
            w.u8(retentionClass)
        case .sessionUpdated(let s, let state, let tags, let touch):
            w.tag(Tag.sessionUpdated.rawValue, s)
            w.u8((state != nil ? 1 : 0) | (tags != nil ? 2 : 0) | (touch ? 4 : 0))
            if let state { w.lengthPrefixed(state) }
            if let tags { w.u32(tags) }
        case .sessionDeleted(let s, let id):
            w.tag(Tag.sessionDeleted.rawValue, s)
            w.lengthPrefixed(id)
        case .userDeleted(let u, let name):
            w.tag(Tag.userDeleted.rawValue, u)
            w.lengthPrefixed(name)
        case .tenantDeleted(let t, let name):
            w.tag(Tag.tenantDeleted.rawValue, t)
            w.lengthPrefixed(name)
        case .entryAppended(let s, let sequence, let payload, let crc, let touch):
            w.tag(Tag.entryAppended.rawValue, s)
            w.varint(UInt64(sequence))
            w.u8(touch ? 1 : 0)
            w.u32(crc)
            w.lengthPrefixed(payload)
        case .entryDeleted(let s, let sequence, let deletedCount):
            w.tag(Tag.entryDeleted.rawValue, s)
            w.varint(UInt64(sequence))
            w.varint(UInt64(deletedCount))
        case .entryAmended(let s, let sequence, let payload, let crc, let createdAt):
            w.tag(Tag.entryAmended.rawValue, s)
            w.varint(UInt64(sequence))
            w.u64(UInt64(bitPattern: createdAt.microseconds))
            w.u32(crc)
            w.lengthPrefixed(payload)
        case .documentPut(let t, let key, let value):
            w.tag(Tag.documentPut.rawValue, t)
            w.lengthPrefixed(key)
            w.lengthPrefixed(value)
        case .documentRemoved(let t, let key):
            w.tag(Tag.documentRemoved.rawValue, t)
            w.lengthPrefixed(key)
        case .idempotencyKeyUsed(let s, let key, let sessions, let sequences):
            w.tag(Tag.idempotencyKeyUsed.rawValue, s)
            w.lengthPrefixed(key)
            w.receipt(sessions, sequences)
        case .positionSet(let consumer, let lsn):
            w.u8(Tag.positionSet.rawValue)
            w.lengthPrefixed(consumer)
            w.varint(lsn.map { $0.rawValue &+ 1 } ?? 0)
        case .erasureOrdered(let subject, let nameHash, let sessions, let entries):
            w.tag(Tag.erasureOrdered.rawValue, subject.key)
            w.u64(nameHash)
            w.varint(sessions)
            w.varint(entries)
        case .erasureFinished(let record):
            w.tag(Tag.erasureFinished.rawValue, record.subject.key)
            w.u64(record.nameHash)
            w.u64(UInt64(bitPattern: record.orderedAt.microseconds))
            w.varint(record.sessions)
            w.varint(record.entries)
        case .holdSet(let subject, let isHeld):
            w.tag(Tag.holdSet.rawValue, subject.key)
            w.u8(isHeld ? 1 : 0)
        case .sessionTimesSet(let s, let createdAt, let updatedAt):
            w.tag(Tag.sessionTimesSet.rawValue, s)
            w.times(createdAt, updatedAt)
        case .entryTimesSet(let s, let sequence, let createdAt, let amendedAt):
            w.tag(Tag.entryTimesSet.rawValue, s)
            w.varint(UInt64(sequence))
            w.times(createdAt, amendedAt)
        case .annotated(let note):
            w.u8(Tag.annotated.rawValue)
            w.lengthPrefixed(note)
        }
    }

    // MARK: Decoding

    init(lsn: LSN, time: Timestamp) {
        self.lsn = lsn
        self.time = time
    }

    init(lsn: LSN, decoding body: [UInt8]) throws(ByteReader.Malformed) {
        self = try body.read { r throws(ByteReader.Malformed) in
            let time = Int64(bitPattern: try r.u64())
            guard time.magnitude < Self.timeBound else { throw r.malformed("time \(time)") }
            var batch = LoggedBatch(lsn: lsn, time: Timestamp(microseconds: time))
            let count = try r.length(limit: r.remaining)
            batch.changes.reserveCapacity(count)
            for _ in 0..<count { batch.changes.append(try Self.decodeChange(&r)) }
            guard r.isAtEnd else { throw r.malformed("bytes after the last change") }
            return batch
        }
    }

    private static func decodeChange(_ r: inout ByteReader) throws(ByteReader.Malformed) -> Change {
        let raw = try r.u8()
        guard let tag = Tag(rawValue: raw) else { throw r.malformed("change \(raw)") }
        switch tag {
        case .tenantCreated: return .tenantCreated(try r.tenant(), name: try r.string())
        case .userCreated: return .userCreated(try r.user(), name: try r.string())
        case .sessionCreated:
            return .sessionCreated(
                try r.session(), id: try r.string(), state: try r.lengthPrefixed(), tags: try r.u32(),
                retentionClass: try r.u8())
        case .sessionUpdated:
            let s = try r.session()
            let parts = try r.u8()
            return .sessionUpdated(
                s, state: parts & 1 != 0 ? try r.lengthPrefixed() : nil, tags: parts & 2 != 0 ? try r.u32() : nil,
                touch: parts & 4 != 0)
        case .sessionDeleted: return .sessionDeleted(try r.session(), id: try r.string())
        case .userDeleted: return .userDeleted(try r.user(), name: try r.string())
        case .tenantDeleted: return .tenantDeleted(try r.tenant(), name: try r.string())
        case .entryAppended:
            let s = try r.session()
            let sequence = try r.entrySequence()
            let touch = try r.u8() != 0
            let crc = try r.u32()
            return .entryAppended(s, sequence, payload: try r.lengthPrefixed(), crc: crc, touch: touch)
        case .entryDeleted:
            return .entryDeleted(try r.session(), try r.entrySequence(), deletedCount: try r.sequence())
        case .entryAmended:
            let s = try r.session()
            let sequence = try r.entrySequence()
            let createdAt = Timestamp(microseconds: Int64(bitPattern: try r.u64()))
            let crc = try r.u32()
            return .entryAmended(s, sequence, payload: try r.lengthPrefixed(), crc: crc, createdAt: createdAt)
        case .documentPut:
            return .documentPut(try r.tenant(), key: try r.lengthPrefixed(), value: try r.lengthPrefixed())
        case .documentRemoved: return .documentRemoved(try r.tenant(), key: try r.lengthPrefixed())
        case .idempotencyKeyUsed:
            let s = try r.session()
            let key = try r.string()
            let (sessions, sequences) = try r.receipt()
            return .idempotencyKeyUsed(s, key: key, sessions: sessions, sequences: sequences)
        case .positionSet:
            let consumer = try r.string()
            let v = try r.varint()
            return .positionSet(consumer: consumer, v == 0 ? nil : LSN(v - 1))
        case .erasureOrdered:
            let subject = ErasureSubject(try r.session())
            return .erasureOrdered(
                subject, nameHash: try r.u64(), sessions: try r.varint(), entries: try r.varint())
        case .erasureFinished:
            let subject = ErasureSubject(try r.session())
            let hash = try r.u64()
            let ordered = Timestamp(microseconds: Int64(bitPattern: try r.u64()))
            return .erasureFinished(
                ErasureRecord(
                    subject: subject, nameHash: hash, orderedAt: ordered, sessions: try r.varint(),
                    entries: try r.varint()))
        case .holdSet: return .holdSet(ErasureSubject(try r.session()), try r.u8() != 0)
        case .sessionTimesSet:
            let s = try r.session()
            let times = try r.times()
            return .sessionTimesSet(s, createdAt: times.0, updatedAt: times.1)
        case .entryTimesSet:
            let s = try r.session()
            let sequence = try r.entrySequence()
            let times = try r.times()
            return .entryTimesSet(s, sequence, createdAt: times.0, amendedAt: times.1)
        case .annotated: return .annotated(try r.lengthPrefixed())
        }
    }
}

// MARK: - Parts shared with the index values

extension ByteWriter {
    mutating func tag(_ tag: UInt8, _ t: TenantOrdinal) {
        u8(tag)
        varint(UInt64(t.rawValue))
    }
    mutating func tag(_ tag: UInt8, _ u: UserKey) {
        self.tag(tag, u.tenant)
        varint(u.user)
    }
    mutating func tag(_ tag: UInt8, _ s: SessionKey) {
        u8(tag)
        session(s)
    }
    mutating func session(_ s: SessionKey) {
        varint(UInt64(s.tenant.rawValue))
        varint(s.user)
        varint(s.session)
    }
    mutating func times(_ first: Timestamp?, _ second: Timestamp?) {
        u8((first != nil ? 1 : 0) | (second != nil ? 2 : 0))
        for time in [first, second] { if let time { u64(UInt64(bitPattern: time.microseconds)) } }
    }
    mutating func receipt(_ sessions: [SessionKey], _ sequences: [SequenceNumber]) {
        varint(UInt64(sessions.count))
        for s in sessions { session(s) }
        varint(UInt64(sequences.count))
        for s in sequences { varint(UInt64(s)) }
    }
}

extension ByteReader {
    /// Ordinals that leave no room for a next one are malformed.
    @_lifetime(self: copy self)
    mutating func ordinal() throws(Malformed) -> UInt64 {
        let v = try varint()
        guard v < (1 << 40) - 1 else { throw malformed("ordinal \(v)") }
        return v
    }
    @_lifetime(self: copy self)
    mutating func tenant() throws(Malformed) -> TenantOrdinal {
        let v = try varint()
        guard let t = UInt32(exactly: v), t < .max else { throw malformed("tenant \(v)") }
        return TenantOrdinal(t)
    }
    /// Of an entry that exists: not 0.
    @_lifetime(self: copy self)
    mutating func entrySequence() throws(Malformed) -> SequenceNumber {
        let s = try sequence()
        guard s > 0 else { throw malformed("sequence 0") }
        return s
    }
    @_lifetime(self: copy self)
    mutating func user() throws(Malformed) -> UserKey { UserKey(tenant: try tenant(), user: try ordinal()) }
    @_lifetime(self: copy self)
    mutating func session() throws(Malformed) -> SessionKey {
        SessionKey(tenant: try tenant(), user: try ordinal(), session: try ordinal())
    }
    @_lifetime(self: copy self)
    mutating func times() throws(Malformed) -> (Timestamp?, Timestamp?) {
        let parts = try u8()
        return (parts & 1 != 0 ? try time() : nil, parts & 2 != 0 ? try time() : nil)
    }
    @_lifetime(self: copy self)
    private mutating func time() throws(Malformed) -> Timestamp {
        let time = Int64(bitPattern: try u64())
        guard time.magnitude < LoggedBatch.timeBound else { throw malformed("time \(time)") }
        return Timestamp(microseconds: time)
    }
    @_lifetime(self: copy self)
    mutating func receipt() throws(Malformed) -> ([SessionKey], [SequenceNumber]) {
        let n = try length(limit: remaining)
        var sessions: [SessionKey] = []
        for _ in 0..<n { sessions.append(try session()) }
        let m = try length(limit: remaining)
        var sequences: [SequenceNumber] = []
        for _ in 0..<m { sequences.append(try sequence()) }
        return (sessions, sequences)
    }
}
