internal import CLZ4
internal import Glibc

// A data block on disk:
//
//   u64 hash (of all that follows) │ u16 magic │ u8 codec │ u8 flags │ u32 rawBytes │ u32 storedBytes │ u32 records
//   │ u32 keyId │ u32 zero │ payload
//
// The payload, after decompression, is nothing but records in ascending key order:
//
//   varint keyBytes │ key │ varint valueBytes │ value
//
// There is no offset table on disk. Decoding walks the records once, which checks every length and the order of the
// keys, and builds the table that binary search needs; after that no access can leave the block.

/// How the payload of a block is stored.
enum BlockCodec: UInt8 {
    case stored = 0
    /// LZ4 block format, no frame.
    case lz4 = 1
}

/// A decoded data block. Immutable; threads share it through the cache.
@safe
final class DataBlock: @unchecked Sendable {
    // Unchecked: the memory is written in `decode`, before the block is published, and never again.
    private let base: UnsafeMutableRawPointer
    let rawBytes: Int
    /// Number of records, at least 1.
    let count: Int

    private init(base: UnsafeMutableRawPointer, rawBytes: Int, count: Int) {
        unsafe self.base = unsafe base
        self.rawBytes = rawBytes
        self.count = count
    }

    deinit { unsafe base.deallocate() }

    /// Bytes of memory the block holds.
    var charge: Int { Self.tableOffset(rawBytes) + count * 4 }

    private static func tableOffset(_ rawBytes: Int) -> Int { (rawBytes + 3) & ~3 }

    private var records: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: rawBytes) }

    private func start(_ index: Int) -> Int {
        precondition(index >= 0 && index < count)
        return Int(unsafe base.load(fromByteOffset: Self.tableOffset(rawBytes) + index * 4, as: UInt32.self))
    }

    /// The key of record `index`; valid while the block is.
    func key(_ index: Int) -> UnsafeRawBufferPointer {
        // `decode` has read the same varints, so they are there.
        let length = unsafe decodeVarint(records, at: start(index))!
        return unsafe UnsafeRawBufferPointer(start: base + length.next, count: Int(length.value))
    }

    /// The value of record `index`; valid while the block is.
    func value(_ index: Int) -> UnsafeRawBufferPointer {
        let keyLength = unsafe decodeVarint(records, at: start(index))!
        let length = unsafe decodeVarint(records, at: keyLength.next + Int(keyLength.value))!
        return unsafe UnsafeRawBufferPointer(start: base + length.next, count: Int(length.value))
    }

    /// Index of the first record whose key is at least `key` (with `orEqual` false: above it); `count` if there is
    /// none.
    func lowerBound(_ key: UnsafeRawBufferPointer, orEqual: Bool = true) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            let order = unsafe compareKeys(self.key(middle), key)
            if order < 0 || (order == 0 && !orEqual) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Decoding

    /// The block that `stored` holds, read from `offset` of `table`, whose parent says that its hash ends in `hash`.
    static func decode(
        _ stored: UnsafeRawBufferPointer, at offset: UInt64, hash expected: UInt32, of table: TableFile
    ) throws(LogStoreError) -> DataBlock {
        let headerBytes = TableFormat.blockHeaderBytes
        guard stored.count > headerBytes else { throw table.corrupt(at: offset, "block length") }
        let hash = unsafe stored.littleEndian(UInt64.self, at: 0)
        guard unsafe table.hash(stored.slice(8..<stored.count), at: offset) == hash else {
            throw table.corrupt(at: offset, "block hash")
        }
        guard UInt32(truncatingIfNeeded: hash) == expected else {
            throw table.corrupt(at: offset, "not the block that the index names")
        }
        guard unsafe stored.littleEndian(UInt16.self, at: 8) == TableFormat.blockMagic else {
            throw table.corrupt(at: offset, "block magic")
        }
        guard let codec = BlockCodec(rawValue: unsafe stored[10]) else {
            throw table.newer("block codec \(unsafe stored[10])")
        }
        let flags = unsafe stored[11]
        let keyID = unsafe stored.littleEndian(UInt32.self, at: 24)
        guard flags == 0, keyID == 0 else { throw table.newer("block flags \(flags), key \(keyID)") }
        let rawBytes = Int(unsafe stored.littleEndian(UInt32.self, at: 12))
        let storedBytes = Int(unsafe stored.littleEndian(UInt32.self, at: 16))
        let count = Int(unsafe stored.littleEndian(UInt32.self, at: 20))
        // An LZ4 byte gives at most 255; a record takes at least three: what is allocated follows from what was read.
        guard unsafe stored.littleEndian(UInt32.self, at: 28) == 0, storedBytes == stored.count - headerBytes,
            rawBytes <= TableFormat.maximumBlockBytes, rawBytes <= storedBytes * 255, count >= 1,
            count <= rawBytes / TableFormat.minimumRecordBytes, codec != .stored || rawBytes == storedBytes
        else { throw table.corrupt(at: offset, "block header") }

        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: tableOffset(rawBytes) + count * 4, alignment: 16)
        let block = unsafe DataBlock(base: memory, rawBytes: rawBytes, count: count)
        let payload = unsafe stored.slice(headerBytes..<stored.count)
        switch codec {
        case .stored:
            unsafe memory.copyMemory(from: payload.baseAddress!, byteCount: rawBytes)
        case .lz4:
            let written = unsafe LZ4_decompress_safe(
                payload.baseAddress!.assumingMemoryBound(to: CChar.self),
                memory.assumingMemoryBound(to: CChar.self), Int32(storedBytes), Int32(rawBytes))
            guard Int(written) == rawBytes else { throw table.corrupt(at: offset, "block does not decompress") }
        }
        guard block.index() else { throw table.corrupt(at: offset, "block records") }
        return block
    }

    /// Walks the records, checks them and writes the offset table. False if the payload is not `count` ascending
    /// records.
    private func index() -> Bool {
        let records = unsafe self.records
        let table = unsafe base + Self.tableOffset(rawBytes)
        var position = 0
        var previous: UnsafeRawBufferPointer? = nil
        for i in 0..<count {
            unsafe table.storeBytes(of: UInt32(position), toByteOffset: i * 4, as: UInt32.self)
            guard let keyLength = unsafe decodeVarint(records, at: position), keyLength.value >= 1,
                Int(keyLength.value) <= min(TableFormat.maximumKeyBytes, rawBytes - keyLength.next)
            else { return false }
            let keyEnd = keyLength.next + Int(keyLength.value)
            let key = unsafe records.slice(keyLength.next..<keyEnd)
            if let previous = unsafe previous, unsafe compareKeys(previous, key) >= 0 { return false }
            unsafe previous = unsafe key
            guard let valueLength = unsafe decodeVarint(records, at: keyEnd),
                Int(valueLength.value) <= rawBytes - valueLength.next
            else { return false }
            position = valueLength.next + Int(valueLength.value)
        }
        return position == rawBytes
    }
}

/// Collects records and writes them out as one block.
final class DataBlockBuilder {
    private let raw: RawBuffer
    private(set) var count = 0

    /// LZ4's thorough search: the same format and speed of decoding, about a sixth fewer bytes, ten times the work.
    private let isThorough: Bool
    private static let thoroughLevel: Int32 = 6

    init(target: Int, isThorough: Bool = false) {
        raw = RawBuffer(capacity: target + 64)
        self.isThorough = isThorough
    }

    var rawBytes: Int { raw.count }

    /// Bytes a record takes in a block.
    static func recordBytes(key: Int, value: Int) -> Int { varintBytes(key) + key + varintBytes(value) + value }

    private static func varintBytes(_ value: Int) -> Int {
        var width = 1
        var rest = value >> 7
        while rest > 0 {
            width += 1
            rest >>= 7
        }
        return width
    }

    func add(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        raw.appendVarint(UInt32(key.count))
        unsafe raw.append(key)
        raw.appendVarint(UInt32(value.count))
        unsafe raw.append(value)
        count += 1
    }

    /// Appends the block, which will lie at `offset` of the file, to `out` and starts the next one.
    ///
    /// - Returns: the bytes appended and the block's hash.
    func flush(into out: RawBuffer, offset: UInt64, of table: TableFile) -> (stored: Int, hash: UInt64) {
        let rawBytes = raw.count
        let start = out.count
        let header = unsafe out.space(TableFormat.blockHeaderBytes)
        unsafe _ = header.initializeMemory(as: UInt8.self, repeating: 0)
        out.advance(TableFormat.blockHeaderBytes)
        // Room for 7/8 only: what does not fit is not worth decompressing.
        let limit = rawBytes - rawBytes / 8
        let space = unsafe out.space(rawBytes)
        let source = unsafe raw.bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
        let target = unsafe space.baseAddress!.assumingMemoryBound(to: CChar.self)
        let packed = unsafe Int(
            isThorough
                ? LZ4_compress_HC(source, target, Int32(rawBytes), Int32(limit), Self.thoroughLevel)
                : LZ4_compress_default(source, target, Int32(rawBytes), Int32(limit)))
        let codec: BlockCodec
        if packed > 0 {
            out.advance(packed)
            codec = .lz4
        } else {
            unsafe out.append(raw.bytes)
            codec = .stored
        }
        let stored = out.count - start
        out.store(TableFormat.blockMagic, at: start + 8)
        out.store(codec.rawValue, at: start + 10)
        out.store(UInt32(rawBytes), at: start + 12)
        out.store(UInt32(stored - TableFormat.blockHeaderBytes), at: start + 16)
        out.store(UInt32(count), at: start + 20)
        let hash = unsafe table.hash(out.bytes.slice(start + 8..<out.count), at: offset)
        out.store(hash, at: start)
        raw.removeAll()
        count = 0
        return (stored, hash)
    }
}
