internal import Glibc

/// Keys of the index runs: one byte of kind, then fixed-width big-endian numbers, so that bytes sort as the numbers do
/// (docs/format.md, "Index keys").
///
/// Everything that is not a message lives here. A value's first byte says whether the key is present (1) or a
/// tombstone (0); newer runs win over older ones.
///
/// | kind | key after the kind byte                | value after the presence byte              |
/// |------|----------------------------------------|--------------------------------------------|
/// | C    | consumer name                          | LSN                                        |
/// | D    | tenant, document key                   | version LSN, bytes                         |
/// | E    | tenant, user, session, sequence        | an amendment: deleted, or the new payload  |
/// | I    | tenant, user, session, hash of the key, the key | idempotency key and its receipt   |
/// | H    | an erasure subject                     | legal hold                                 |
/// | L    | an erasure subject                     | entry of the erasure ledger                |
/// | N    | tenant, hash of the name, user         | user name                                  |
/// | P    | an erasure subject                     | LSN of an erasure that is not finished     |
/// | R    | tenant, user, session                  | the session's directory row                |
/// | S    | tenant, user, session                  | version LSN, state document                |
/// | T    | hash of the name, tenant               | tenant name                                |
/// | U    | tenant, user                           | user name                                  |
/// | V    | tenant, user (0: the whole tenant)     | time of deletion                           |
/// | X    | tenant, hash of the id, user, session  | external id                                |
/// | Y    | tenant                                 | tenant name                                |
enum IndexKey {
    enum Kind: UInt8, CaseIterable {
        case consumer = 0x43
        case document = 0x44
        case amendment = 0x45
        case hold = 0x48
        case idempotency = 0x49
        case ledger = 0x4C
        case userByName = 0x4E
        case pendingErasure = 0x50
        case row = 0x52
        case state = 0x53
        case tenantByName = 0x54
        case user = 0x55
        case dead = 0x56
        case sessionByID = 0x58
        case tenant = 0x59
    }

    static func consumer(_ name: String) -> [UInt8] { [Kind.consumer.rawValue] + Array(name.utf8) }
    static let consumers: [UInt8] = [Kind.consumer.rawValue]

    static func documents(_ tenant: TenantOrdinal) -> [UInt8] { make(.document, tenant, reserving: 64) }
    static func document(_ tenant: TenantOrdinal, _ key: [UInt8]) -> [UInt8] { documents(tenant) + key }

    static func amendments(_ s: SessionKey) -> [UInt8] { session(.amendment, s) }
    static func amendment(_ s: SessionKey, _ sequence: SequenceNumber) -> [UInt8] {
        var k = session(.amendment, s)
        appendBigEndian(UInt64(sequence), 4, to: &k)
        return k
    }

    /// Every idempotency key of a session with this hash. (The first stores wrote no more than this as the key.)
    static func idempotencyKeys(_ s: SessionKey, hash: UInt64) -> [UInt8] {
        var k = session(.idempotency, s)
        appendBigEndian(hash, 8, to: &k)
        return k
    }
    static func idempotency(_ s: SessionKey, _ key: String) -> [UInt8] {
        idempotencyKeys(s, hash: hash(key)) + Array(key.utf8)
    }

    static func usersNamed(_ tenant: TenantOrdinal, hash: UInt64) -> [UInt8] {
        var k = make(.userByName, tenant)
        appendBigEndian(hash, 8, to: &k)
        return k
    }
    static func userByName(_ u: UserKey, hash: UInt64) -> [UInt8] {
        var k = usersNamed(u.tenant, hash: hash)
        appendBigEndian(u.user, 5, to: &k)
        return k
    }

    static func rows(of tenant: TenantOrdinal) -> [UInt8] { make(.row, tenant) }
    static func rows(of u: UserKey) -> [UInt8] {
        var k = make(.row, u.tenant)
        appendBigEndian(u.user, 5, to: &k)
        return k
    }
    static func row(_ s: SessionKey) -> [UInt8] { session(.row, s) }
    static func state(_ s: SessionKey) -> [UInt8] { session(.state, s) }

    static func tenantsNamed(hash: UInt64) -> [UInt8] {
        var k = [Kind.tenantByName.rawValue]
        appendBigEndian(hash, 8, to: &k)
        return k
    }
    static func tenantByName(_ t: TenantOrdinal, hash: UInt64) -> [UInt8] {
        var k = tenantsNamed(hash: hash)
        appendBigEndian(UInt64(t.rawValue), 4, to: &k)
        return k
    }
    static func tenant(_ t: TenantOrdinal) -> [UInt8] { make(.tenant, t) }

    static func user(_ u: UserKey) -> [UInt8] {
        var k = make(.user, u.tenant)
        appendBigEndian(u.user, 5, to: &k)
        return k
    }

    static func dead(_ u: UserKey) -> [UInt8] {
        var k = make(.dead, u.tenant)
        appendBigEndian(u.user, 5, to: &k)
        return k
    }
    static func dead(_ t: TenantOrdinal) -> [UInt8] { dead(UserKey(tenant: t, user: 0)) }

    static func sessionsByID(_ tenant: TenantOrdinal, hash: UInt64) -> [UInt8] {
        var k = make(.sessionByID, tenant)
        appendBigEndian(hash, 8, to: &k)
        return k
    }
    static func sessionByID(_ s: SessionKey, hash: UInt64) -> [UInt8] {
        var k = sessionsByID(s.tenant, hash: hash)
        appendBigEndian(s.user, 5, to: &k)
        appendBigEndian(s.session, 5, to: &k)
        return k
    }

    /// The key of an entry in a segment: no kind byte.
    static func entry(_ s: SessionKey, _ sequence: SequenceNumber) -> [UInt8] {
        var k: [UInt8] = []
        k.reserveCapacity(18)
        appendBigEndian(UInt64(s.tenant.rawValue), 4, to: &k)
        appendBigEndian(s.user, 5, to: &k)
        appendBigEndian(s.session, 5, to: &k)
        appendBigEndian(UInt64(sequence), 4, to: &k)
        return k
    }

    /// What of an index key goes into a run's filter, so that a lookup that finds nothing reads nothing.
    static func filterPrefixes(of key: [UInt8]) -> FilterPrefixes {
        switch Kind(rawValue: key[0]) {
        case .row: [10, FilterPrefixes.wholeKey]
        case .amendment: [15]
        case .idempotency: [23]
        case .userByName, .sessionByID: [13]
        case .tenantByName: [9]
        case .document:
            // All parts of a name are found by it.
            if let offset = SessionDocumentKey.sessionOffset(key) { [offset, FilterPrefixes.wholeKey] } else { .key }
        default: .key
        }
    }

    static let pendingErasures: [UInt8] = [Kind.pendingErasure.rawValue]
    static let ledger: [UInt8] = [Kind.ledger.rawValue]
    static let holds: [UInt8] = [Kind.hold.rawValue]
    static let rows: [UInt8] = [Kind.row.rawValue]
    static let tenants: [UInt8] = [Kind.tenant.rawValue]
    static func pendingErasure(_ s: ErasureSubject) -> [UInt8] { session(.pendingErasure, s.key) }
    static func ledger(_ s: ErasureSubject) -> [UInt8] { session(.ledger, s.key) }
    static func ledger(of user: UserKey?) -> [UInt8] { user.map { under(.ledger, .user($0)) } ?? ledger }
    static func hold(_ s: ErasureSubject) -> [UInt8] { session(.hold, s.key) }

    /// The keys of a subject's entries in segments begin with it.
    static func entries(of s: ErasureSubject) -> [UInt8] { Array(under(.row, s).dropFirst()) }
    /// Holds within a subject.
    static func holds(in s: ErasureSubject) -> [UInt8] { under(.hold, s) }

    /// What an index run may hold of a subject begins with one of these.
    static func erasurePrefixes(_ s: ErasureSubject, nameHash: UInt64) -> [[UInt8]] {
        var prefixes = [Kind.row, .state, .amendment, .idempotency].map { under($0, s) }
        switch s {
        case .session(let key): prefixes.append(sessionByID(key, hash: nameHash))
        case .user(let user): prefixes += [self.user(user), userByName(user, hash: nameHash)]
        case .tenant(let tenant):
            prefixes += [Kind.user, .userByName, .sessionByID, .document].map { under($0, s) }
            prefixes += [self.tenant(tenant), tenantByName(tenant, hash: nameHash)]
        }
        return prefixes
    }

    private static func under(_ kind: Kind, _ s: ErasureSubject) -> [UInt8] {
        switch s {
        case .session(let key): return session(kind, key)
        case .user(let user):
            var k = make(kind, user.tenant)
            appendBigEndian(user.user, 5, to: &k)
            return k
        case .tenant(let tenant): return make(kind, tenant)
        }
    }

    /// Session and sequence of a segment's key; nil if it is none.
    static func entry(from key: UnsafeRawBufferPointer) -> (SessionKey, SequenceNumber)? {
        guard key.count == 18 else { return nil }
        let tenant = unsafe TenantOrdinal(UInt32(truncatingIfNeeded: key.bigEndian(at: 0, width: 4)))
        let session = unsafe SessionKey(
            tenant: tenant, user: key.bigEndian(at: 4, width: 5), session: key.bigEndian(at: 9, width: 5))
        return unsafe (session, SequenceNumber(truncatingIfNeeded: key.bigEndian(at: 14, width: 4)))
    }

    static func tenant(from key: [UInt8], at offset: Int) -> TenantOrdinal {
        TenantOrdinal(UInt32(truncatingIfNeeded: bigEndian(key, offset, 4)))
    }
    /// The user of a U key.
    static func userKey(from key: [UInt8]) -> UserKey {
        UserKey(tenant: tenant(from: key, at: 1), user: bigEndian(key, 5, 5))
    }
    /// The user of an N key.
    static func userKey(ofName key: [UInt8]) -> UserKey {
        UserKey(tenant: tenant(from: key, at: 1), user: bigEndian(key, 13, 5))
    }
    /// The session of an X key.
    static func sessionKey(ofID key: [UInt8]) -> SessionKey {
        SessionKey(tenant: tenant(from: key, at: 1), user: bigEndian(key, 13, 5), session: bigEndian(key, 18, 5))
    }

    /// The session key of an R, S, E or I key, or a subject's in an H, L or P key; the caller knows the kind.
    static func sessionKey(from key: [UInt8]) -> SessionKey? {
        guard key.count >= 15 else { return nil }
        return SessionKey(
            tenant: TenantOrdinal(UInt32(truncatingIfNeeded: bigEndian(key, 1, 4))), user: bigEndian(key, 5, 5),
            session: bigEndian(key, 10, 5))
    }

    static func bigEndian(_ k: [UInt8], _ at: Int, _ width: Int) -> UInt64 {
        var v: UInt64 = 0
        for i in at..<at + width { v = v << 8 | UInt64(k[i]) }
        return v
    }

    /// The 64-bit hash that names are looked up by.
    static func hash(_ name: String) -> UInt64 {
        var name = name
        return name.withUTF8 { unsafe Checksum.xxh3(UnsafeRawBufferPointer($0), seed: 0x4C53_4E41_4D45) }
    }

    /// Calls `body` with the R or S key of a session, on the stack: for look-ups that make many.
    static func withKey<R>(
        _ kind: Kind, _ s: SessionKey, _ body: (UnsafeRawBufferPointer) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R {
        var bytes = InlineArray<24, UInt8>(repeating: 0)
        return try unsafe withUnsafeMutableBytes(of: &bytes) { (space) throws(LogStoreError) in
            unsafe write(kind, s, to: space)
            return try unsafe body(UnsafeRawBufferPointer(rebasing: space[..<15]))
        }
    }

    /// Writes the 15 bytes of a session's key, and some more behind them.
    private static func write(_ kind: Kind, _ s: SessionKey, to out: UnsafeMutableRawBufferPointer) {
        unsafe out.storeBytes(of: kind.rawValue, as: UInt8.self)
        unsafe out.storeBytes(of: s.tenant.rawValue.bigEndian, toByteOffset: 1, as: UInt32.self)
        // Five bytes each, of eight that are stored.
        unsafe out.storeBytes(of: (s.user << 24).bigEndian, toByteOffset: 5, as: UInt64.self)
        unsafe out.storeBytes(of: (s.session << 24).bigEndian, toByteOffset: 10, as: UInt64.self)
    }

    private static func session(_ kind: Kind, _ s: SessionKey) -> [UInt8] {
        var k: [UInt8] = []
        k.append(addingCapacity: 24) { (out: inout OutputSpan<UInt8>) in
            unsafe out.withUnsafeMutableBufferPointer { space, count in
                unsafe write(kind, s, to: UnsafeMutableRawBufferPointer(space))
                count = 15
            }
        }
        return k
    }

    private static func make(_ kind: Kind, _ tenant: TenantOrdinal, reserving capacity: Int = 24) -> [UInt8] {
        var k: [UInt8] = []
        k.reserveCapacity(capacity)
        k.append(kind.rawValue)
        appendBigEndian(UInt64(tenant.rawValue), 4, to: &k)
        return k
    }

    private static func appendBigEndian(_ v: UInt64, _ width: Int, to k: inout [UInt8]) {
        k.append(addingCapacity: width) { (out: inout OutputSpan<UInt8>) in
            var shift = (width - 1) * 8
            while shift >= 0 {
                out.append(UInt8(truncatingIfNeeded: v >> UInt64(shift)))
                shift -= 8
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A big-endian number of `width` bytes, which must be there.
    func bigEndian(at offset: Int, width: Int) -> UInt64 {
        var v: UInt64 = 0
        for i in offset..<offset + width { v = unsafe v << 8 | UInt64(self[i]) }
        return v
    }
}

extension [UInt8] {
    /// Orders keys as bytes.
    static func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool { compare(a, b) < 0 }

    /// Where a scan of a prefix begins that is to begin at `from`.
    static func later(_ prefix: [UInt8], _ from: [UInt8]?) -> [UInt8] {
        from.map { precedes(prefix, $0) ? $0 : prefix } ?? prefix
    }

    /// memcmp order, shorter first: below, at or above zero.
    static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        unsafe a.withUnsafeBytes { x in
            unsafe b.withUnsafeBytes { y in
                let n = Swift.min(x.count, y.count)
                if n > 0 {
                    let c = unsafe memcmp(x.baseAddress!, y.baseAddress!, n)
                    if c != 0 { return Int(c) }
                }
                return x.count - y.count
            }
        }
    }

    /// The least key above every key that begins with this one; nil if there is none (all bytes are 0xFF).
    var prefixEnd: [UInt8]? {
        var k = self
        while let last = k.last {
            if last < 0xFF {
                k[k.count - 1] = last + 1
                return k
            }
            k.removeLast()
        }
        return nil
    }
}
