// An index page names consecutive children: data blocks, or (the top index) index pages. On disk:
//
//   u64 hash (of all that follows) │ u16 magic │ u8 level │ u8 zero │ u32 entries │ u64 firstChildOffset
//   │ u32 payloadBytes │ u32 zero │ entries
//   entry: varint sharedBytes │ varint suffixBytes │ suffix │ varint childBytes │ u32 childHash │ varint childEntries
//
// The children touch, so lengths give offsets. `sharedBytes` counts bytes in common with the key before; it is 0 in the
// first entry, and everywhere in the top index, which therefore never expands when it is decoded.

/// One child of an index page.
struct IndexEntry: Sendable {
    var offset: UInt64
    var storedBytes: UInt32
    /// Low 32 bits of the child's hash.
    var hash: UInt32
    /// Records of a block, entries of a page.
    var entries: UInt32
    /// Where the key starts in the page's keys.
    fileprivate var keyStart: UInt32
}

enum IndexLevel: UInt8 {
    /// Children are data blocks.
    case blocks = 0
    /// Children are index pages.
    case top = 1
}

/// A decoded index page: never empty, except the top index of an empty table.
final class IndexPage: Sendable {
    private let entries: [IndexEntry]
    private let keys: [UInt8]

    var count: Int { entries.count }
    /// Bytes of memory the page holds.
    var charge: Int { entries.count * MemoryLayout<IndexEntry>.stride + keys.count }
    /// End of the last child.
    var endOffset: UInt64 { entries.last.map { $0.offset + UInt64($0.storedBytes) } ?? 0 }

    subscript(_ index: Int) -> IndexEntry { entries[index] }

    func key(_ index: Int) -> [UInt8] { Array(keys[keyRange(index)]) }

    private func keyRange(_ index: Int) -> Range<Int> {
        let end = index + 1 < entries.count ? Int(entries[index + 1].keyStart) : keys.count
        return Int(entries[index].keyStart)..<end
    }

    /// Index of the last child that starts at or before `key` (with `orEqual` false: before it); nil if all start
    /// later.
    func child(_ key: UnsafeRawBufferPointer, orEqual: Bool = true) -> Int? {
        unsafe keys.withUnsafeBytes { keys in
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                let order = unsafe compareKeys(keys.slice(keyRange(middle)), key)
                if order < 0 || (order == 0 && orEqual) { low = middle + 1 } else { high = middle }
            }
            return low == 0 ? nil : low - 1
        }
    }

    /// The page that `stored` holds, read from `offset` of `table`; its children must lie in `children`.
    ///
    /// `hash`: what the parent says the page's hash ends in; nil for the top index, which the footer's hash covers.
    init(
        _ stored: UnsafeRawBufferPointer, level: IndexLevel, at offset: UInt64, hash expected: UInt32?,
        children: Range<UInt64>, of table: TableFile
    ) throws(LogStoreError) {
        let headerBytes = TableFormat.indexHeaderBytes
        guard stored.count >= headerBytes else { throw table.corrupt(at: offset, "index page length") }
        let hash = unsafe stored.littleEndian(UInt64.self, at: 0)
        guard unsafe table.hash(stored.slice(8..<stored.count), at: offset) == hash else {
            throw table.corrupt(at: offset, "index page hash")
        }
        if let expected, UInt32(truncatingIfNeeded: hash) != expected {
            throw table.corrupt(at: offset, "not the index page that the top index names")
        }
        let count = Int(unsafe stored.littleEndian(UInt32.self, at: 12))
        // The shortest entry: four varints of one byte, one byte of suffix, four of hash.
        guard unsafe stored.littleEndian(UInt16.self, at: 8) == TableFormat.indexMagic,
            unsafe stored[10] == level.rawValue, unsafe stored[11] == 0,
            unsafe stored.littleEndian(UInt32.self, at: 28) == 0,
            Int(unsafe stored.littleEndian(UInt32.self, at: 24)) == stored.count - headerBytes,
            count <= (stored.count - headerBytes) / 9, count > 0 || level == .top
        else { throw table.corrupt(at: offset, "index page header") }
        var decoder = IndexDecoder(
            level: level, next: unsafe stored.littleEndian(UInt64.self, at: 16), children: children, count: count)
        do throws(ByteReader.Malformed) {
            var reader = unsafe ByteReader(RawSpan(_unsafeBytes: stored))
            try reader.skip(headerBytes)
            for _ in 0..<count { try decoder.entry(&reader) }
            guard reader.isAtEnd else { throw reader.malformed("bytes after the last entry") }
        } catch {
            throw table.corrupt(at: offset + UInt64(error.offset), "index page: \(error.what)")
        }
        entries = decoder.entries
        keys = decoder.keys
    }
}

/// Decodes entry after entry, checking each against the one before.
private struct IndexDecoder {
    let level: IndexLevel
    let children: Range<UInt64>
    var next: UInt64
    var entries: [IndexEntry] = []
    var keys: [UInt8] = []

    init(level: IndexLevel, next: UInt64, children: Range<UInt64>, count: Int) {
        self.level = level
        self.next = next
        self.children = children
        entries.reserveCapacity(count)
    }

    mutating func entry(_ reader: inout ByteReader) throws(ByteReader.Malformed) {
        let previousStart = entries.last.map { Int($0.keyStart) } ?? 0
        let previousBytes = keys.count - previousStart
        let shared = try reader.length(limit: level == .top ? 0 : previousBytes)
        let suffixBytes = try reader.length(limit: TableFormat.maximumKeyBytes - shared)
        let start = keys.count
        if level == .blocks, start + shared + suffixBytes > TableFormat.maximumIndexKeyBytes {
            throw reader.malformed("keys above \(TableFormat.maximumIndexKeyBytes) bytes")
        }
        // Byte by byte: a slice of the array would have it copied.
        for i in previousStart..<previousStart + shared { keys.append(keys[i]) }
        try reader.append(suffixBytes, to: &keys)
        // After the shared bytes the key must be above the one before.
        let isAscending = unsafe keys.withUnsafeBytes { keys in
            unsafe compareKeys(keys.slice(previousStart + shared..<start), keys.slice(start + shared..<keys.count)) < 0
        }
        guard suffixBytes > 0, entries.isEmpty || isAscending else { throw reader.malformed("key order") }
        let limit =
            level == .top
            ? TableFormat.maximumIndexPageBytes : TableFormat.maximumBlockBytes + TableFormat.blockHeaderBytes
        let storedBytes = try reader.length(limit: limit)
        let hash = try reader.u32()
        let count = try reader.length(limit: Int(UInt32.max))
        guard next >= children.lowerBound, next <= children.upperBound, storedBytes > 0, count > 0,
            UInt64(storedBytes) <= children.upperBound - next
        else { throw reader.malformed("child outside the file") }
        entries.append(
            IndexEntry(
                offset: next, storedBytes: UInt32(storedBytes), hash: hash, entries: UInt32(count),
                keyStart: UInt32(start)))
        next += UInt64(storedBytes)
    }
}

/// Writes one index page. Its hash comes last, when its place in the file is known.
struct IndexPageBuilder {
    private let level: IndexLevel
    private var out = ByteWriter(reserving: TableFormat.indexPageTarget + TableFormat.maximumKeyBytes)
    private(set) var firstKey: [UInt8] = []
    private var lastKey: [UInt8] = []
    private(set) var count = 0
    private var keyBytes = 0

    init(level: IndexLevel) { self.level = level }

    /// The page should be closed before more is added.
    var isFull: Bool { out.count >= TableFormat.indexPageTarget || keyBytes >= TableFormat.indexKeyTarget }

    mutating func add(key: [UInt8], offset: UInt64, storedBytes: Int, hash: UInt64, entries: Int) {
        if count == 0 {
            out.u64(0)
            out.u16(TableFormat.indexMagic)
            out.u8(level.rawValue)
            out.u8(0)
            out.u32(0)
            out.u64(offset)
            out.u64(0)
            firstKey = key
        }
        var shared = 0
        if level == .blocks {
            let limit = min(key.count, lastKey.count)
            while shared < limit && key[shared] == lastKey[shared] { shared += 1 }
        }
        out.varint(UInt64(shared))
        out.varint(UInt64(key.count - shared))
        out.raw(Array(key[shared...]))
        out.varint(UInt64(storedBytes))
        out.u32(UInt32(truncatingIfNeeded: hash))
        out.varint(UInt64(entries))
        lastKey = key
        keyBytes += key.count
        count += 1
    }

    /// The page without its hash (the first eight bytes); the builder is empty again.
    mutating func take() -> [UInt8] {
        if count == 0 {
            out.u64(0)
            out.u16(TableFormat.indexMagic)
            out.u8(level.rawValue)
            out.u8(0)
            out.u32(0)
            out.u64(0)
            out.u64(0)
        }
        out.patch(u32: UInt32(count), at: 12)
        out.patch(u32: UInt32(out.count - TableFormat.indexHeaderBytes), at: 24)
        let page = out.bytes
        self = IndexPageBuilder(level: level)
        return page
    }

    /// Fills in the hash of a page that will lie at `offset`.
    static func seal(_ page: inout [UInt8], at offset: UInt64, of table: TableFile) -> UInt64 {
        let hash = unsafe page.withUnsafeBytes { unsafe table.hash($0.slice(8..<$0.count), at: offset) }
        for i in 0..<8 { page[i] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * i)) }
        return hash
    }
}
