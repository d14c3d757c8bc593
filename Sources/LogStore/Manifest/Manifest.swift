/// A complete snapshot of which files are the store, at exactly one LSN (docs/format.md, "Manifest").
///
/// Manifests are numbered, never changed and never renamed. The newest one that verifies and whose files are all there
/// with their exact sizes is the state up to `flushedLSN`; the log continues from there. One LSN covers every kind of
/// table.
struct Manifest: Hashable, Sendable {
    struct TableEntry: Hashable, Sendable {
        var name: TableName
        var size: UInt64
        var hashLow: UInt64
        var hashHigh: UInt64
        var entryCount: UInt64
        var rawBytes: UInt64
        /// Microseconds; of the entries in a segment.
        var minimumTime: Int64
        var maximumTime: Int64
        /// Bytes of deleted or replaced things in it, as far as known; compaction's guide.
        var garbageBytes: UInt64 = 0
        /// When the oldest erasure that it still has to follow was ordered; 0 = none.
        var erasureSince: Int64 = 0
        var firstKey: [UInt8]
        var lastKey: [UInt8]
    }

    /// A file that no longer belongs to the state, and since when: it stays for running copies.
    struct Obsolete: Hashable, Sendable {
        var name: String
        var sinceManifest: UInt64
        var sinceTime: Int64
    }

    /// How long messages of a class are kept; class 0 is "for ever".
    struct RetentionClass: Hashable, Sendable {
        var id: UInt8
        var seconds: UInt64
    }

    var number: UInt64
    var flushedLSN: LSN
    /// The log file that holds the LSN after `flushedLSN`.
    var logNumber: UInt64
    var createdAt: Int64
    /// The latest time the store has believed the wall clock to be.
    var clockWatermark: Int64
    var nextTableID: UInt64
    var nextGeneration: UInt64
    var counters: StoreCounters
    var tables: [TableEntry] = []
    var obsolete: [Obsolete] = []
    var retentionClasses: [RetentionClass] = []
    /// The identity of the file FORMAT in the directory that this was written for: a copy of the directory has another,
    /// until it is opened and a manifest is written there. 0: what FORMAT says.
    var formatIdentity: UInt64 = 0

    static let magic: UInt64 = 0x314E_414D_534C_4843  // "CHLSMAN1"
    /// 2 added `formatIdentity`.
    static let version: UInt16 = 2
    static let maximumBytes = 64 << 20

    static func name(_ number: UInt64) -> String { "m-\(LogFormat.hex16(number)).man" }
    static func parse(_ name: String) -> UInt64? {
        guard name.hasPrefix("m-"), name.hasSuffix(".man") else { return nil }
        return LogFormat.parseHex16(name.dropFirst(2).dropLast(4))
    }

    // MARK: Coding

    func encode(store: UInt64) -> [UInt8] {
        var w = ByteWriter(reserving: 256 + tables.count * 160)
        w.u64(Self.magic)
        w.u16(Self.version)
        w.u16(0)  // minor
        w.u32(0)  // compatible features
        w.u32(0)  // features a writer must know
        w.u32(0)  // features a reader must know
        w.u64(store)
        w.u64(number)
        w.u64(flushedLSN.rawValue)
        w.u64(logNumber)
        w.u64(UInt64(bitPattern: createdAt))
        w.u64(UInt64(bitPattern: clockWatermark))
        w.u64(nextTableID)
        w.u64(nextGeneration)
        w.u32(counters.nextTenant)
        w.u64(counters.nextUser)
        w.u64(counters.nextSession)
        w.u64(UInt64(bitPattern: counters.lastTime))
        w.u64(counters.deadOwners)
        w.u32(UInt32(tables.count))
        for t in tables { w.lengthPrefixed(Self.encode(t)) }
        w.u32(UInt32(obsolete.count))
        for o in obsolete {
            w.lengthPrefixed(o.name)
            w.u64(o.sinceManifest)
            w.u64(UInt64(bitPattern: o.sinceTime))
        }
        w.u32(UInt32(retentionClasses.count))
        for c in retentionClasses {
            w.u8(c.id)
            w.u64(c.seconds)
        }
        w.u64(formatIdentity)
        let (low, high) = Self.hash(w.bytes, store: store, number: number)
        w.u64(low)
        w.u64(high)
        return w.take()
    }

    private static func encode(_ t: TableEntry) -> [UInt8] {
        var w = ByteWriter()
        w.lengthPrefixed(t.name.fileName)
        w.u64(t.size)
        w.u64(t.hashLow)
        w.u64(t.hashHigh)
        w.u64(t.entryCount)
        w.u64(t.rawBytes)
        w.u64(UInt64(bitPattern: t.minimumTime))
        w.u64(UInt64(bitPattern: t.maximumTime))
        w.u64(t.garbageBytes)
        w.u64(UInt64(bitPattern: t.erasureSince))
        w.lengthPrefixed(t.firstKey)
        w.lengthPrefixed(t.lastKey)
        return w.take()
    }

    private static func hash(_ bytes: [UInt8], store: UInt64, number: UInt64) -> (UInt64, UInt64) {
        unsafe bytes.withUnsafeBytes {
            unsafe Checksum.xxh3Wide($0, seed: Checksum.seed(store: store, file: number, offset: 1))
        }
    }

    /// - Throws: `corrupt`, `newerFormat`.
    static func decode(_ bytes: [UInt8], store: UInt64, number: UInt64) throws(LogStoreError) -> Manifest {
        let file = name(number)
        guard bytes.count > 16 + 40 else { throw .corrupt(file: file, offset: 0, detail: "too short") }
        let body = Array(bytes.dropLast(16))
        let expected = hash(body, store: store, number: number)
        do {
            let found = try Array(bytes.suffix(16)).read { r throws(ByteReader.Malformed) in (try r.u64(), try r.u64())
            }
            guard found == expected else { throw LogStoreError.corrupt(file: file, offset: 0, detail: "hash") }
            let manifest = try body.read { r throws(ByteReader.Malformed) in try decodeFields(&r) }
            guard manifest.number == number else {
                throw LogStoreError.corrupt(file: file, offset: 0, detail: "it says it is manifest \(manifest.number)")
            }
            return manifest
        } catch let error as LogStoreError {
            throw error
        } catch let error as ByteReader.Malformed {
            if error.what.hasPrefix("newer") { throw .newerFormat(file: file, detail: error.what) }
            throw .corrupt(file: file, offset: UInt64(error.offset), detail: error.what)
        } catch {
            throw .corrupt(file: file, offset: 0, detail: "\(error)")
        }
    }

    private static func decodeFields(_ r: inout ByteReader) throws(ByteReader.Malformed) -> Manifest {
        guard try r.u64() == magic else { throw r.malformed("magic") }
        let version = try r.u16()
        _ = try r.u16()
        _ = try r.u32()
        let writerFeatures = try r.u32()
        let readerFeatures = try r.u32()
        guard (1...Self.version).contains(version), writerFeatures == 0, readerFeatures == 0 else {
            throw r.malformed("newer manifest format \(version), features \(writerFeatures)/\(readerFeatures)")
        }
        _ = try r.u64()
        var m = Manifest(
            number: try r.u64(), flushedLSN: LSN(try r.u64()), logNumber: try r.u64(),
            createdAt: Int64(bitPattern: try r.u64()), clockWatermark: Int64(bitPattern: try r.u64()),
            nextTableID: try r.u64(), nextGeneration: try r.u64(), counters: StoreCounters())
        m.counters.nextTenant = try r.u32()
        m.counters.nextUser = try r.u64()
        m.counters.nextSession = try r.u64()
        m.counters.lastTime = Int64(bitPattern: try r.u64())
        for time in [m.counters.lastTime, m.createdAt, m.clockWatermark] where time.magnitude >= UInt64(1) << 62 {
            throw r.malformed("time \(time)")
        }
        m.counters.deadOwners = try r.u64()
        for _ in 0..<(try r.u32()) { m.tables.append(try decodeTable(try r.lengthPrefixed())) }
        for _ in 0..<(try r.u32()) {
            m.obsolete.append(
                Obsolete(
                    name: try r.string(), sinceManifest: try r.u64(), sinceTime: Int64(bitPattern: try r.u64())))
        }
        for _ in 0..<(try r.u32()) {
            m.retentionClasses.append(RetentionClass(id: try r.u8(), seconds: try r.u64()))
        }
        if version >= 2 { m.formatIdentity = try r.u64() }
        guard r.isAtEnd else { throw r.malformed("bytes after the manifest") }
        return m
    }

    private static func decodeTable(_ bytes: [UInt8]) throws(ByteReader.Malformed) -> TableEntry {
        try bytes.read { r throws(ByteReader.Malformed) in
            guard let name = TableName(fileName: try r.string()) else { throw r.malformed("table name") }
            return TableEntry(
                name: name, size: try r.u64(), hashLow: try r.u64(), hashHigh: try r.u64(), entryCount: try r.u64(),
                rawBytes: try r.u64(), minimumTime: Int64(bitPattern: try r.u64()),
                maximumTime: Int64(bitPattern: try r.u64()), garbageBytes: try r.u64(),
                erasureSince: Int64(bitPattern: try r.u64()), firstKey: try r.lengthPrefixed(),
                lastKey: try r.lengthPrefixed())
        }
    }
}
