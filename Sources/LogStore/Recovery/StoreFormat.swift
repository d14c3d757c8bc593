/// The store's identity: a random UUID, made at init.
package struct StoreID: Hashable, Sendable, CustomStringConvertible {
    package var high: UInt64
    package var low: UInt64

    /// A version 4 UUID.
    package init(_ random: any RandomSource) {
        high = random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    }

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// What seeds every checksum of the store's files.
    package var seed: UInt64 { high ^ (low << 1 | low >> 63) }

    package var description: String {
        let h = LogFormat.hex16(high)
        let l = LogFormat.hex16(low)
        return [h.prefix(8), h.dropFirst(8).prefix(4), h.dropFirst(12), l.prefix(4), l.dropFirst(4)]
            .joined(separator: "-")
    }
}

/// The file FORMAT: written once, first of all files (docs/format.md, "FORMAT").
struct StoreFormat: Hashable, Sendable {
    static let name = "FORMAT"
    static let magic: UInt64 = 0x3154_4D46_534C_4843  // "CHLSFMT1"
    static let version: UInt16 = 1
    static let bytes = 72

    var id: StoreID
    /// The file's own identity (inode) when it was written: a copy of the directory has another.
    var identity: UInt64
    var createdAt: Int64

    func encode() -> [UInt8] {
        var w = ByteWriter(reserving: Self.bytes)
        w.u64(Self.magic)
        w.u16(Self.version)
        w.u16(0)  // minor
        w.u32(0)  // compatible features
        w.u32(0)  // features a writer must know
        w.u32(0)  // features a reader must know
        w.u64(id.high)
        w.u64(id.low)
        w.u64(identity)
        w.u64(UInt64(bitPattern: createdAt))
        w.u64(0)
        w.u64(unsafe w.bytes.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: 0) })
        return w.take()
    }

    static func decode(_ bytes: [UInt8]) throws(LogStoreError) -> StoreFormat {
        do {
            return try bytes.read { r throws(ByteReader.Malformed) in
                guard try r.u64() == magic else { throw r.malformed("magic") }
                let version = try r.u16()
                _ = try r.u16()
                _ = try r.u32()
                let writerFeatures = try r.u32()
                let readerFeatures = try r.u32()
                let id = StoreID(high: try r.u64(), low: try r.u64())
                let identity = try r.u64()
                let createdAt = Int64(bitPattern: try r.u64())
                _ = try r.u64()
                let hashed = Array(bytes.prefix(Self.bytes - 8))
                let hash = unsafe hashed.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: 0) }
                guard try r.u64() == hash, r.isAtEnd else { throw r.malformed("hash") }
                guard version == Self.version, writerFeatures == 0, readerFeatures == 0 else {
                    throw r.malformed("newer store format \(version), features \(writerFeatures)/\(readerFeatures)")
                }
                return StoreFormat(id: id, identity: identity, createdAt: createdAt)
            }
        } catch {
            if error.what.hasPrefix("newer") { throw .newerFormat(file: name, detail: error.what) }
            throw .corrupt(file: name, offset: UInt64(error.offset), detail: error.what)
        }
    }
}
