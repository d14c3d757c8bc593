import TestSupport

@testable import LogStore

/// The decoders, and the whole store on a log that somebody forged.
///
/// A fuzzer cannot guess a hash, so each target puts the right ones in before it decodes: what is tried is what a hostile
/// writer could store, not what rot does. Rot is tried by the damage tests.
enum FuzzTarget: String, CaseIterable {
    case format
    case manifest
    case logHeader = "log-header"
    case frame
    case records
    case batch
    case values
    case block
    case indexPage = "index-page"
    case footer
    case properties
    case log

    func run(_ input: [UInt8]) {
        switch self {
        case .format: format(input)
        case .manifest: manifest(input)
        case .logHeader: logHeader(input)
        case .frame: frame(input)
        case .records: records(input)
        case .batch: batch(input)
        case .values: values(input)
        case .block: block(input)
        case .indexPage: indexPage(input)
        case .footer: footer(input)
        case .properties: properties(input)
        case .log: ForgedLog(input)?.run()
        }
    }

    static let store: UInt64 = 0x5EED
    static let tableName = TableName(kind: .segment, generationLow: 1, generationHigh: 1, id: 1)
    static let offset: UInt64 = 64

    /// A table of which only the name matters: parts are handed over as bytes.
    static let table: TableFile = {
        let disk = SimulatedDisk(contents: [tableName.fileName: []])
        guard let file = try? disk.open(tableName.fileName) else { fatalError("the simulated disk has lost its file") }
        return TableFile(file: file, name: tableName, context: TableContext(store: store))
    }()

    // MARK: Files

    private func format(_ input: [UInt8]) {
        guard input.count >= 64 else { return }
        let bytes =
            Array(input.prefix(64)) + Self.bytes(Self.hash(Array(input.prefix(64)), seed: 0)) + input.dropFirst(72)
        guard let format = try? StoreFormat.decode(bytes) else { return }
        precondition((try? StoreFormat.decode(format.encode())) == format, "FORMAT does not come back")
    }

    private func manifest(_ input: [UInt8]) {
        let wide = input.withUnsafeBytes {
            Checksum.xxh3Wide($0, seed: Checksum.seed(store: Self.store, file: 1, offset: 1))
        }
        let bytes = input + Self.bytes(wide.low) + Self.bytes(wide.high)
        guard let manifest = try? Manifest.decode(bytes, store: Self.store, number: 1) else { return }
        let again = try? Manifest.decode(manifest.encode(store: Self.store), store: Self.store, number: 1)
        precondition(again == manifest, "the manifest does not come back")
    }

    private func logHeader(_ input: [UInt8]) {
        guard input.count >= 104 else { return }
        var bytes = Array(input.prefix(104))
        bytes += Self.bytes(Self.hash(bytes, seed: Checksum.seed(store: Self.store, file: 1, offset: 0)))
        bytes += input.dropFirst(112)
        if bytes.count < LogFormat.headerBytes {
            bytes += Array(repeating: 0, count: LogFormat.headerBytes - bytes.count)
        }
        guard let header = try? LogFileHeader.decode(bytes, store: Self.store, number: 1) else { return }
        let again = try? LogFileHeader.decode(header.encode(store: Self.store), store: Self.store, number: 1)
        precondition(again == header, "the log header does not come back")
    }

    private func frame(_ input: [UInt8]) {
        guard input.count >= 64 else { return }
        let seed = Checksum.seed(store: Self.store, file: 1, offset: 4096)
        let bytes = Array(input.prefix(64)) + Self.bytes(Self.hash(Array(input.prefix(64)), seed: seed))
        guard let (header, _) = try? bytes.withUnsafeBytes({ try FrameHeader.decode($0, seed: seed) }) else { return }
        _ = header.lastLSN
        precondition(header.frameBytes % LogFormat.alignment == 0)
    }

    /// The first byte is the number of records; CRCs are as found, so this tries the walk more than the bodies.
    private func records(_ input: [UInt8]) {
        guard let count = input.first else { return }
        _ = try? LogRecord.bodies(Array(input.dropFirst()), count: UInt32(count))
    }

    private func batch(_ input: [UInt8]) {
        guard let batch = try? LoggedBatch(lsn: LSN(7), decoding: input) else { return }
        var writer = ByteWriter()
        batch.encode(into: &writer)
        guard let again = try? LoggedBatch(lsn: LSN(7), decoding: writer.bytes) else {
            preconditionFailure("a batch does not come back")
        }
        precondition(again.changes == batch.changes && again.time == batch.time, "a batch comes back as another")
    }

    /// Values of the index runs, by the first byte.
    private func values(_ input: [UInt8]) {
        guard let kind = input.first else { return }
        let value = Array(input.dropFirst())
        switch kind % 8 {
        case 0:
            guard let row = try? SessionRow.decode(value) else { return }
            precondition((try? SessionRow.decode(row.encode())) == row, "a row does not come back")
            _ = row.info(SessionKey(tenant: TenantOrdinal(1), user: 1, session: 1))
        case 1: _ = try? value.withUnsafeBytes { try SessionRow.decodeSummary(RawSpan(_unsafeBytes: $0)) }
        case 2: _ = try? IndexValue.decodeVersioned(value)
        case 3: _ = try? IndexValue.decodeNumber(value)
        case 4:
            guard let found = try? IndexValue.decodeIdempotency(value) else { return }
            let again = try? IndexValue.decodeIdempotency(IndexValue.idempotency(found.key, found.receipt))
            precondition(again?.key == found.key && again?.receipt == found.receipt, "a receipt does not come back")
        case 5: _ = IndexValue.decodeName(value)
        case 6: _ = try? ErasureRecord.decode(value, of: .tenant(TenantOrdinal(1)))
        default:
            guard let amendment = try? Amendment.decode(value) else { return }
            precondition((try? Amendment.decode(amendment.encode())) != nil, "an amendment does not come back")
        }
    }

    // MARK: Tables

    private func block(_ input: [UInt8]) {
        guard input.count > 8 else { return }
        let hash = Self.hash(Array(input.dropFirst(8)), seed: Self.table.seed(at: Self.offset))
        let bytes = Self.bytes(hash) + input.dropFirst(8)
        let block = bytes.withUnsafeBytes {
            try? DataBlock.decode($0, at: Self.offset, hash: UInt32(truncatingIfNeeded: hash), of: Self.table)
        }
        guard let block else { return }
        for i in 0..<block.count {
            let found = block.lowerBound(block.key(i))
            precondition(found == i, "record \(i) is found at \(found)")
            _ = block.value(i).count
        }
    }

    /// The first byte is the level.
    private func indexPage(_ input: [UInt8]) {
        guard input.count > 9, let level = IndexLevel(rawValue: input[0] & 1) else { return }
        let body = Array(input.dropFirst(9))
        let hash = Self.hash(body, seed: Self.table.seed(at: 1 << 30))
        let bytes = Self.bytes(hash) + body
        let page = bytes.withUnsafeBytes {
            try? IndexPage(
                $0, level: level, at: 1 << 30, hash: UInt32(truncatingIfNeeded: hash), children: 64..<(1 << 30),
                of: Self.table)
        }
        guard let page else { return }
        for i in 0..<page.count {
            let found = page.key(i).withUnsafeBytes { page.child($0) }
            precondition(found == i, "child \(i) is found at \(String(describing: found))")
            precondition(page[i].offset >= 64 && page[i].offset + UInt64(page[i].storedBytes) <= 1 << 30)
        }
    }

    /// The first eight bytes are the file's size.
    private func footer(_ input: [UInt8]) {
        guard input.count >= 64 else { return }
        let size = 128 + (0..<4).reduce(UInt64(0)) { $0 | UInt64(input[$1]) << UInt64(8 * $1) }
        let covered = Array(input[8..<64])
        let seed = Self.table.seed(at: size - UInt64(TableFormat.footerBytes))
        let bytes = covered + Self.bytes(Self.hash(covered, seed: seed))
        let footer = bytes.withUnsafeBytes { try? TableFooter($0, of: Self.table, size: size) }
        guard let footer else { return }
        precondition(footer.topIndexOffset + UInt64(footer.tailBytes) == size)
    }

    private func properties(_ input: [UInt8]) {
        guard let found = try? TableProperties(decoding: input) else { return }
        precondition((try? TableProperties(decoding: found.encode())) == found, "properties do not come back")
    }

    // MARK: Bytes

    static func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        bytes.withUnsafeBytes { Checksum.xxh3($0, seed: seed) }
    }
    static func bytes(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
}
