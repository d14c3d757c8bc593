// The fixed parts of a table file (docs/format.md, "Table"): where everything is and what proves it.
//
//   header 64 │ data blocks │ filter pages │ index pages │ top index │ filter hashes │ properties │ footer 64
//
// Invariants, on which reader and verifier rely:
// 1. The parts touch: no byte of the file is outside every hash.
// 2. Every hash is seeded with store, file id and offset: an intact part in the wrong place does not verify.
// 3. The parent holds 32 bits of its child's hash: an older intact version of a child does not verify either.
// 4. Header layout and hash stay as they are in every later version, so that "newer" and "damaged" can be told apart.

/// Numbers of the format and the bounds a decoder checks before it allocates.
enum TableFormat {
    static let major: UInt16 = 1
    static let minor: UInt16 = 0
    /// Bits of the incompatible feature mask that this version reads.
    static let knownIncompatible: UInt32 = 0

    static let headerBytes = 64
    static let footerBytes = 64
    static let headerMagic: UInt32 = 0x4254_534C  // LSTB
    static let footerMagic: UInt32 = 0x4654_534C  // LSTF
    static let blockMagic: UInt16 = 0x4B42  // BK
    static let indexMagic: UInt16 = 0x5049  // IP

    static let blockHeaderBytes = 32
    static let indexHeaderBytes = 32

    /// The longest key. Bounds what an index page expands to.
    static let maximumKeyBytes = 1024
    /// The longest value: the largest message (16 MiB) and room for what is stored with it.
    static let maximumValueBytes = 18 << 20
    /// A block is at most its target or one record, whichever is larger: two varints, a key, a value.
    static let maximumBlockBytes = maximumValueBytes + maximumKeyBytes + 16
    static let maximumBlockTarget = 1 << 20

    /// A record is at least two length bytes and one key byte.
    static let minimumRecordBytes = 3

    static let filterPageBytes = 4096
    static let minimumFilterPageBytes = 64
    /// Encoded size at which an index page is closed, and the bound: target, one entry, header.
    static let indexPageTarget = 4096 - indexHeaderBytes
    static let maximumIndexPageBytes = 8192
    /// Size of all whole keys of an index page at which it is closed: prefix coding may shrink 1 KiB keys to nothing.
    static let indexKeyTarget = 32 << 10
    static let maximumIndexKeyBytes = indexKeyTarget + maximumKeyBytes
    /// The resident part. 4 GiB of 32 KiB blocks need about 0.1 MiB.
    static let maximumTailBytes = 64 << 20
}

/// An open table file with what its checksums are seeded with, and the errors that name it.
struct TableFile: Sendable {
    let file: any DiskFile
    let name: TableName
    let fileName: String
    let store: UInt64

    init(file: any DiskFile, name: TableName, context: TableContext) {
        self.file = file
        self.name = name
        self.fileName = name.fileName
        self.store = context.store
    }

    func seed(at offset: UInt64) -> UInt64 { Checksum.seed(store: store, file: name.id, offset: offset) }

    func hash(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> UInt64 {
        unsafe Checksum.xxh3(bytes, seed: seed(at: offset))
    }

    func corrupt(at offset: UInt64, _ detail: String) -> LogStoreError {
        .corrupt(file: fileName, offset: offset, detail: detail)
    }

    func newer(_ detail: String) -> LogStoreError { .newerFormat(file: fileName, detail: detail) }

    /// Fills `buffer` from `offset`. The caller has checked the range against the size at open.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(LogStoreError) {
        let got: Int
        do throws(DiskError) {
            got = try unsafe file.read(into: buffer, at: offset)
        } catch {
            throw .io(error)
        }
        guard got == buffer.count else {
            throw .io(
                DiskError(
                    .io, operation: "read", file: fileName,
                    detail: "\(got) of \(buffer.count) bytes at \(offset)"))
        }
    }
}

/// The first 64 bytes.
struct TableHeader {
    static func encode(name: TableName, store: UInt64) -> [UInt8] {
        var out = ByteWriter(reserving: TableFormat.headerBytes)
        out.u32(TableFormat.headerMagic)
        out.u8(name.kind.rawValue)
        out.u8(name.retentionClass)
        out.u16(TableFormat.major)
        out.u16(TableFormat.minor)
        out.u16(0)
        out.u32(0)  // compatible features
        out.u32(0)  // features an old reader may read past but not write
        out.u32(0)  // incompatible features
        out.u64(store)
        out.u64(name.id)
        out.u64(name.generationLow)
        out.u64(name.generationHigh)
        let seed = Checksum.seed(store: store, file: name.id, offset: 0)
        out.u64(unsafe out.bytes.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: seed) })
        return out.take()
    }

    /// Checks the header of `table` and gives its hash.
    static func check(_ bytes: UnsafeRawBufferPointer, of table: TableFile) throws(LogStoreError) -> UInt64 {
        let hash = unsafe bytes.littleEndian(UInt64.self, at: 56)
        let covered = unsafe bytes.slice(0..<56)
        guard unsafe bytes.littleEndian(UInt32.self, at: 0) == TableFormat.headerMagic else {
            throw table.corrupt(at: 0, "header magic")
        }
        let store = unsafe bytes.littleEndian(UInt64.self, at: 24)
        let id = unsafe bytes.littleEndian(UInt64.self, at: 32)
        guard unsafe Checksum.xxh3(covered, seed: Checksum.seed(store: store, file: id, offset: 0)) == hash else {
            throw table.corrupt(at: 0, "header hash")
        }
        guard store == table.store else { throw table.corrupt(at: 24, "a file of another store") }
        let name = TableKind(rawValue: unsafe bytes[4]).map { kind in
            TableName(
                kind: kind, retentionClass: unsafe bytes[5],
                generationLow: unsafe bytes.littleEndian(UInt64.self, at: 40),
                generationHigh: unsafe bytes.littleEndian(UInt64.self, at: 48), id: id)
        }
        guard name == table.name else {
            throw table.corrupt(at: 4, "a copy of \(name.map(\.fileName) ?? "another kind of table")")
        }
        let major = unsafe bytes.littleEndian(UInt16.self, at: 6)
        guard major <= TableFormat.major else { throw table.newer("table format \(major)") }
        guard major == TableFormat.major else { throw table.corrupt(at: 6, "table format \(major)") }
        let incompatible = unsafe bytes.littleEndian(UInt32.self, at: 20)
        guard incompatible & ~TableFormat.knownIncompatible == 0 else {
            throw table.newer("table features \(String(incompatible, radix: 16))")
        }
        return hash
    }
}

/// The last 64 bytes: where the parts are.
struct TableFooter {
    var filterOffset: UInt64
    var indexOffset: UInt64
    var topIndexOffset: UInt64
    var topIndexBytes: Int
    var filterPages: Int
    var propertiesBytes: Int
    /// Of top index, filter hashes and properties.
    var tailHash: UInt64
    var headerHash: UInt64

    /// Bytes from the top index to the end of the file.
    var tailBytes: Int { topIndexBytes + filterPages * 4 + propertiesBytes + TableFormat.footerBytes }

    /// Size of one filter page. All are equal; a small table has one small page.
    var filterPageBytes: Int { filterPages == 0 ? 0 : Int(indexOffset - filterOffset) / filterPages }

    func encode(for table: TableFile, at offset: UInt64) -> [UInt8] {
        var out = ByteWriter(reserving: TableFormat.footerBytes)
        out.u32(TableFormat.footerMagic)
        out.u32(UInt32(topIndexBytes))
        out.u64(filterOffset)
        out.u64(indexOffset)
        out.u64(topIndexOffset)
        out.u32(UInt32(filterPages))
        out.u32(UInt32(propertiesBytes))
        out.u64(tailHash)
        out.u64(headerHash)
        out.u64(unsafe out.bytes.withUnsafeBytes { unsafe table.hash($0, at: offset) })
        return out.take()
    }

    /// Decodes the footer of a file of `size` bytes and checks that the parts fill the file exactly.
    init(_ bytes: UnsafeRawBufferPointer, of table: TableFile, size: UInt64) throws(LogStoreError) {
        let offset = size - UInt64(TableFormat.footerBytes)
        let hash = unsafe bytes.littleEndian(UInt64.self, at: 56)
        guard unsafe bytes.littleEndian(UInt32.self, at: 0) == TableFormat.footerMagic else {
            throw table.corrupt(at: offset, "footer magic")
        }
        guard unsafe table.hash(bytes.slice(0..<56), at: offset) == hash else {
            throw table.corrupt(at: offset, "footer hash")
        }
        topIndexBytes = Int(unsafe bytes.littleEndian(UInt32.self, at: 4))
        filterOffset = unsafe bytes.littleEndian(UInt64.self, at: 8)
        indexOffset = unsafe bytes.littleEndian(UInt64.self, at: 16)
        topIndexOffset = unsafe bytes.littleEndian(UInt64.self, at: 24)
        filterPages = Int(unsafe bytes.littleEndian(UInt32.self, at: 32))
        propertiesBytes = Int(unsafe bytes.littleEndian(UInt32.self, at: 36))
        tailHash = unsafe bytes.littleEndian(UInt64.self, at: 40)
        headerHash = unsafe bytes.littleEndian(UInt64.self, at: 48)
        // Every length is below 2^32 and every offset at most the size, which open has bounded: no sum overflows.
        guard UInt64(TableFormat.headerBytes) <= filterOffset, filterOffset <= indexOffset,
            indexOffset <= topIndexOffset, topIndexOffset <= size, tailBytes <= TableFormat.maximumTailBytes,
            topIndexOffset + UInt64(tailBytes) == size
        else { throw table.corrupt(at: offset, "footer: the parts do not fill the file") }
        let filterBytes = indexOffset - filterOffset
        let pageBytes = UInt64(filterPageBytes)
        guard UInt64(filterPages) * pageBytes == filterBytes, pageBytes % 8 == 0,
            filterPages == 0 || pageBytes >= UInt64(TableFormat.minimumFilterPageBytes),
            pageBytes <= UInt64(TableFormat.filterPageBytes)
        else { throw table.corrupt(at: offset, "footer: filter pages") }
    }

    init(
        filterOffset: UInt64, indexOffset: UInt64, topIndexOffset: UInt64, topIndexBytes: Int, filterPages: Int,
        propertiesBytes: Int, tailHash: UInt64, headerHash: UInt64
    ) {
        self.filterOffset = filterOffset
        self.indexOffset = indexOffset
        self.topIndexOffset = topIndexOffset
        self.topIndexBytes = topIndexBytes
        self.filterPages = filterPages
        self.propertiesBytes = propertiesBytes
        self.tailHash = tailHash
        self.headerHash = headerHash
    }
}
