internal import Glibc

/// Values of the index kinds that have a form of their own (docs/format.md, "Index values").
enum IndexValue {
    static let tombstone: [UInt8] = [SessionRow.tombstone]

    static func isTombstone(_ v: [UInt8]) -> Bool { v.first != SessionRow.present }

    /// A name behind the presence byte.
    static func name(_ s: String) -> [UInt8] { [SessionRow.present] + Array(s.utf8) }
    /// Whether a live value is this name, byte for byte.
    static func isName(_ v: [UInt8], _ name: String) -> Bool {
        guard v.first == SessionRow.present, v.count == name.utf8.count + 1 else { return false }
        guard v.count > 1 else { return true }
        var name = name
        return name.withUTF8 { name in
            unsafe v.withUnsafeBytes { unsafe memcmp($0.baseAddress! + 1, name.baseAddress!, name.count) == 0 }
        }
    }
    static func decodeName(_ v: [UInt8]) -> String? {
        guard v.first == SessionRow.present else { return nil }
        return String(validating: v.dropFirst(), as: UTF8.self)
    }

    /// Version LSN and bytes: states and documents.
    static func versioned(_ bytes: [UInt8], version: LSN) -> [UInt8] {
        var w = ByteWriter(reserving: bytes.count + 11)
        w.u8(SessionRow.present)
        w.varint(version.rawValue)
        w.raw(bytes)
        return w.take()
    }
    static func decodeVersioned(_ v: [UInt8]) throws(ByteReader.Malformed) -> (bytes: [UInt8], version: LSN)? {
        try unsafe decodeVersioned(v.span.bytes)
    }
    static func decodeVersioned(_ v: RawSpan) throws(ByteReader.Malformed) -> (bytes: [UInt8], version: LSN)? {
        var r = ByteReader(v)
        guard try r.u8() == SessionRow.present else { return nil }
        let version = LSN(try r.varint())
        return (try r.array(r.remaining), version)
    }

    static func number(_ n: UInt64) -> [UInt8] {
        var w = ByteWriter(reserving: 11)
        w.u8(SessionRow.present)
        w.varint(n)
        return w.take()
    }
    static func decodeNumber(_ v: [UInt8]) throws(ByteReader.Malformed) -> UInt64? {
        try v.read { r throws(ByteReader.Malformed) in try r.u8() == SessionRow.present ? try r.varint() : nil }
    }

    static func idempotency(_ key: String, _ receipt: CommitReceipt) -> [UInt8] {
        var w = ByteWriter()
        w.u8(SessionRow.present)
        w.lengthPrefixed(key)
        w.varint(receipt.lsn.rawValue)
        w.u64(UInt64(bitPattern: receipt.time.microseconds))
        w.receipt(receipt.sessions, receipt.sequences)
        return w.take()
    }
    static func decodeIdempotency(
        _ v: [UInt8]
    ) throws(ByteReader.Malformed) -> (key: String, receipt: CommitReceipt)? {
        try v.read { r throws(ByteReader.Malformed) in
            guard try r.u8() == SessionRow.present else { return nil }
            let key = try r.string()
            let lsn = LSN(try r.varint())
            let time = Timestamp(microseconds: Int64(bitPattern: try r.u64()))
            let (sessions, sequences) = try r.receipt()
            return (
                key,
                CommitReceipt(lsn: lsn, time: time, sessions: sessions, sequences: sequences, isReplay: true)
            )
        }
    }
}

extension ErasureRecord {
    func encode() -> [UInt8] {
        var w = ByteWriter()
        w.u8(SessionRow.present)
        w.u64(nameHash)
        w.u64(UInt64(bitPattern: orderedAt.microseconds))
        w.u64(UInt64(bitPattern: finishedAt?.microseconds ?? 0))
        w.varint(sessions)
        w.varint(entries)
        return w.take()
    }

    static func decode(_ v: [UInt8], of subject: ErasureSubject) throws(ByteReader.Malformed) -> ErasureRecord? {
        try v.read { r throws(ByteReader.Malformed) in
            guard try r.u8() == SessionRow.present else { return nil }
            let hash = try r.u64()
            let ordered = Timestamp(microseconds: Int64(bitPattern: try r.u64()))
            let finished = Int64(bitPattern: try r.u64())
            return ErasureRecord(
                subject: subject, nameHash: hash, orderedAt: ordered,
                finishedAt: finished == 0 ? nil : Timestamp(microseconds: finished), sessions: try r.varint(),
                entries: try r.varint())
        }
    }
}

/// What was done to an entry after it was appended.
enum Amendment: Sendable {
    case deleted
    case edited(payload: [UInt8], crc: UInt32, createdAt: Timestamp, amendedAt: Timestamp)

    func encode() -> [UInt8] {
        var w = ByteWriter()
        w.u8(SessionRow.present)
        switch self {
        case .deleted: w.u8(1)
        case .edited(let payload, let crc, let createdAt, let amendedAt):
            w.u8(2)
            w.u64(UInt64(bitPattern: createdAt.microseconds))
            w.u64(UInt64(bitPattern: amendedAt.microseconds))
            w.u32(crc)
            w.raw(payload)
        }
        return w.take()
    }

    /// Whether an encoded amendment, which is not a tombstone, is a deletion.
    static func isDeletion(_ v: [UInt8]) -> Bool { v.count > 1 && v[1] == 1 }

    static func decode(_ v: [UInt8]) throws(ByteReader.Malformed) -> Amendment? {
        try v.read { r throws(ByteReader.Malformed) in
            guard try r.u8() == SessionRow.present else { return nil }
            switch try r.u8() {
            case 1: return .deleted
            case 2:
                let createdAt = Timestamp(microseconds: Int64(bitPattern: try r.u64()))
                let amendedAt = Timestamp(microseconds: Int64(bitPattern: try r.u64()))
                let crc = try r.u32()
                return .edited(
                    payload: try r.array(r.remaining), crc: crc, createdAt: createdAt, amendedAt: amendedAt)
            case let other: throw r.malformed("amendment \(other)")
            }
        }
    }
}
