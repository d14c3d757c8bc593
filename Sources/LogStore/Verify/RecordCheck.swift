/// Checks that records of tables mean something: their checksums hold, they decode, and what they name can exist.
struct RecordCheck {
    /// A message of a segment.
    func entry(_ key: [UInt8], _ value: [UInt8]) throws(ByteReader.Malformed) {
        guard key.count == 18 else { throw malformed("an entry's key of \(key.count) bytes") }
        guard IndexKey.bigEndian(key, 14, 4) > 0 else { throw malformed("an entry with number 0") }
        try value.read { r throws(ByteReader.Malformed) in
            _ = try r.u64()
            let crc = try r.u32()
            guard try r.array(r.remaining).crc32c == crc else { throw r.malformed("CRC of an entry") }
        }
    }

    /// A pair of an index run.
    /// - Returns: its kind.
    @discardableResult
    func pair(_ key: [UInt8], _ value: [UInt8]) throws(ByteReader.Malformed) -> IndexKey.Kind {
        guard let first = key.first, let kind = IndexKey.Kind(rawValue: first) else {
            throw malformed("a key of an unknown kind")
        }
        guard Self.lengths(of: kind).contains(key.count) else {
            throw malformed("a key of kind \(kind) with \(key.count) bytes")
        }
        guard value.first == SessionRow.present || value == IndexValue.tombstone else {
            throw malformed("a value of kind \(kind) that is neither present nor deleted")
        }
        if value == IndexValue.tombstone { return kind }
        switch kind {
        case .consumer, .dead, .hold, .pendingErasure: _ = try IndexValue.decodeNumber(value)
        case .document:
            if key.count > 5, key[5] == SessionDocumentKey.mark, SessionDocumentKey.session(of: key) == nil {
                throw malformed("a document's key that names no session")
            }
            _ = try IndexValue.decodeVersioned(value)
        case .state: _ = try IndexValue.decodeVersioned(value)
        case .amendment: try amendment(value)
        case .idempotency:
            let name = try IndexValue.decodeIdempotency(value)?.key
            try hashed(name, key, at: 15, kind)
        case .userByName, .sessionByID: try hashed(IndexValue.decodeName(value), key, at: 5, kind)
        case .tenantByName: try hashed(IndexValue.decodeName(value), key, at: 1, kind)
        case .user, .tenant:
            guard IndexValue.decodeName(value) != nil else { throw malformed("a name of kind \(kind) is not UTF-8") }
        case .row: try row(value)
        case .ledger:
            let subject = IndexKey.sessionKey(from: key).map { ErasureSubject($0) }
            if let subject { _ = try ErasureRecord.decode(value, of: subject) }
        }
        return kind
    }

    /// How long keys of a kind are.
    static func lengths(of kind: IndexKey.Kind) -> ClosedRange<Int> {
        switch kind {
        case .consumer: 1...Int.max
        case .document: 5...Int.max
        case .amendment: 19...19
        // The first stores had no key behind the hash.
        case .idempotency: 23...278
        case .sessionByID: 23...23
        case .userByName: 18...18
        case .row, .state, .hold, .ledger, .pendingErasure: 15...15
        case .tenantByName: 13...13
        case .user, .dead: 10...10
        case .tenant: 5...5
        }
    }

    private func amendment(_ value: [UInt8]) throws(ByteReader.Malformed) {
        guard case .edited(let payload, let crc, _, _)? = try Amendment.decode(value) else { return }
        guard payload.crc32c == crc else { throw malformed("CRC of an amendment") }
    }

    /// The key was made from the name that the value holds.
    private func hashed(
        _ name: String?, _ key: [UInt8], at offset: Int, _ kind: IndexKey.Kind
    ) throws(ByteReader.Malformed) {
        guard let name else { throw malformed("a name of kind \(kind) is not UTF-8") }
        guard IndexKey.bigEndian(key, offset, 8) == IndexKey.hash(name) else {
            throw malformed("a key of kind \(kind) that is not the hash of its name")
        }
    }

    private func row(_ value: [UInt8]) throws(ByteReader.Malformed) {
        guard let row = try SessionRow.decode(value) else { return }
        guard row.deletedCount <= row.lastSequence else { throw malformed("a row with more deletions than messages") }
        guard row.lastSequence == 0 || !row.runs.isEmpty else { throw malformed("a row without runs") }
        var previous: SessionRow.Run?
        for run in row.runs {
            let isAbove =
                previous.map { $0.generation < run.generation && $0.firstSequence < run.firstSequence } ?? true
            guard isAbove, run.firstSequence >= 1, run.firstSequence <= row.lastSequence else {
                throw malformed("the runs of a row are not in order")
            }
            previous = run
        }
    }

    private func malformed(_ what: String) -> ByteReader.Malformed { ByteReader.Malformed(offset: 0, what: what) }
}
