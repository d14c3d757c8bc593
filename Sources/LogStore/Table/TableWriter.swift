/// Choices of whoever writes a table.
package struct TableOptions: Hashable, Sendable {
    /// Bytes of records at which a block is closed. 32 KiB by measurement (docs/format.md, "Why blocks of 32 KiB").
    package var blockBytes: Int
    /// 0: no filter.
    package var filterBitsPerKey: Int
    /// Spend more time on compressing: for what stays.
    package var compressesThoroughly: Bool

    package init(blockBytes: Int = 32768, filterBitsPerKey: Int = 10, compressesThoroughly: Bool = false) {
        self.blockBytes = blockBytes
        self.filterBitsPerKey = filterBitsPerKey
        self.compressesThoroughly = compressesThoroughly
    }
}

/// Writes a table in one pass, from records in ascending key order.
///
/// 1. `add` collects a block; a full block is compressed, hashed and put into the output buffer, which goes to the disk
///    in large appends. What stays in memory is one index entry a block and one hash a filter key.
/// 2. `finish` writes filter pages, index pages, top index, filter hashes, properties and footer, and syncs the file.
///    The name becomes durable with the caller's directory sync.
/// 3. If anything fails, or the writer is dropped unfinished, the file is unlinked; nothing referred to it.
///
/// Space is not reserved ahead: the final size is unknown and the disk protocol has no way to give back what is too
/// much.
package final class TableWriter {
    private let disk: any Disk
    private let table: TableFile
    private let options: TableOptions
    private let block: DataBlockBuilder
    private let out = RawBuffer(capacity: TableWriter.appendBytes + (64 << 10))
    private var filter: BloomFilterBuilder
    private var index = IndexPageBuilder(level: .blocks)
    private var pages: [(key: [UInt8], page: [UInt8], entries: Int)] = []
    private var blockKey: [UInt8] = []
    private var lastKey: [UInt8] = []
    private var properties = TableProperties()
    private var written: UInt64 = 0
    private var isOpen = true

    /// Bytes handed to the disk at a time.
    private static let appendBytes = 256 << 10

    /// Creates the file.
    ///
    /// - Precondition: `blockBytes` is 64 to 1 MiB and `filterBitsPerKey` 0 to 32.
    package init(
        disk: any Disk, name: TableName, context: TableContext, options: TableOptions = TableOptions()
    ) throws(LogStoreError) {
        precondition(options.blockBytes >= 64 && options.blockBytes <= TableFormat.maximumBlockTarget)
        precondition(options.filterBitsPerKey >= 0 && options.filterBitsPerKey <= 32)
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.create(name.fileName)
        } catch {
            throw .io(error)
        }
        self.disk = disk
        self.options = options
        table = TableFile(file: file, name: name, context: context)
        block = DataBlockBuilder(target: options.blockBytes, isThorough: options.compressesThoroughly)
        filter = BloomFilterBuilder(bitsPerKey: options.filterBitsPerKey, store: context.store)
        out.append(TableHeader.encode(name: name, store: context.store))
    }

    deinit { abandon() }

    package var name: TableName { table.name }
    package var entryCount: UInt64 { properties.entryCount }
    /// About what the file would take if it were finished now: for callers that cut their output by size.
    package var approximateBytes: UInt64 { written + UInt64(out.count + block.rawBytes) }

    /// Adds a record.
    ///
    /// - Precondition: `key` is above the last one and 1 to 1024 bytes; `value` is at most 18 MiB; the writer is open.
    /// - Throws: `.io` (with `noSpace` kept apart). The file is gone then and the writer is closed.
    package func add(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, filterPrefixes: FilterPrefixes = .key
    ) throws(LogStoreError) {
        precondition(isOpen, "table writer is closed")
        precondition(key.count >= 1 && key.count <= TableFormat.maximumKeyBytes, "key of \(key.count) bytes")
        precondition(value.count <= TableFormat.maximumValueBytes, "value of \(value.count) bytes")
        let ascends = unsafe lastKey.withUnsafeBytes { unsafe compareKeys($0, key) < 0 }
        precondition(ascends, "keys must ascend")
        let recordBytes = DataBlockBuilder.recordBytes(key: key.count, value: value.count)
        if block.count > 0 && block.rawBytes + recordBytes > options.blockBytes { try closeBlock() }
        if block.count == 0 { unsafe Self.replace(&blockKey, with: key) }
        if properties.entryCount == 0 { unsafe Self.replace(&properties.firstKey, with: key) }
        unsafe Self.replace(&lastKey, with: key)
        unsafe filter.add(key, filterPrefixes)
        unsafe block.add(key: key, value: value)
        properties.entryCount += 1
        properties.rawBytes += UInt64(recordBytes)
    }

    /// Adds a record from arrays.
    package func add(
        key: [UInt8], value: [UInt8], filterPrefixes: FilterPrefixes = .key
    ) throws(LogStoreError) {
        try unsafe key.withRawBytes { (key) throws(LogStoreError) in
            try unsafe value.withRawBytes { (value) throws(LogStoreError) in
                try unsafe add(key: key, value: value, filterPrefixes: filterPrefixes)
            }
        }
    }

    /// Writes the rest of the file and syncs it. The directory's sync is the caller's.
    ///
    /// - Throws: `.io`. The file is gone then.
    /// - Complexity: one sync.
    package func finish(
        minTime: Timestamp? = nil, maxTime: Timestamp? = nil
    ) throws(LogStoreError) -> TableSummary {
        precondition(isOpen, "table writer is closed")
        if block.count > 0 { try closeBlock() }
        if index.count > 0 { closePage() }
        properties.lastKey = lastKey
        properties.minTime = minTime
        properties.maxTime = maxTime
        properties.filterProbes = filter.probes
        properties.filterHoldsKeys = filter.holdsKeys && properties.entryCount > 0

        let filterOffset = offset
        let filterHashes = try appendFilter()
        let indexOffset = offset
        let top = try appendIndex()
        let tail = encodeTail(
            top: top, filterHashes: filterHashes, filterOffset: filterOffset, indexOffset: indexOffset)
        out.append(tail.bytes)
        try flush()
        do throws(DiskError) {
            try table.file.sync(.tableFile)
        } catch {
            abandon()
            throw .io(error)
        }
        isOpen = false
        table.file.close()
        return TableSummary(name: table.name, size: written, hash: tail.hash, properties: properties)
    }

    /// Closes and unlinks the file, as far as the disk lets it. Does nothing after `finish` or a failure.
    package func abandon() {
        guard isOpen else { return }
        isOpen = false
        table.file.close()
        // An orphan that cannot be unlinked now is removed by the next open: no manifest names it.
        try? disk.unlink(table.fileName)
    }

    // MARK: Parts

    private var offset: UInt64 { written + UInt64(out.count) }

    private func closeBlock() throws(LogStoreError) {
        let start = offset
        let entries = block.count
        let (stored, hash) = block.flush(into: out, offset: start, of: table)
        index.add(key: blockKey, offset: start, storedBytes: stored, hash: hash, entries: entries)
        if index.isFull { closePage() }
        if out.count >= Self.appendBytes { try flush() }
    }

    private func closePage() {
        let key = index.firstKey
        let entries = index.count
        pages.append((key, index.take(), entries))
    }

    private func appendFilter() throws(LogStoreError) -> [UInt32] {
        var (bytes, pageBytes, count) = filter.pages()
        var hashes: [UInt32] = []
        let start = offset
        for page in 0..<count {
            let range = page * pageBytes..<(page + 1) * pageBytes
            let at = start + UInt64(range.lowerBound)
            let hash = unsafe bytes.withUnsafeBytes {
                unsafe table.hash($0.slice(range.lowerBound + 8..<range.upperBound), at: at)
            }
            for i in 0..<8 { bytes[range.lowerBound + i] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * i)) }
            hashes.append(UInt32(truncatingIfNeeded: hash))
        }
        out.append(bytes)
        if out.count >= Self.appendBytes { try flush() }
        return hashes
    }

    private func appendIndex() throws(LogStoreError) -> [UInt8] {
        var top = IndexPageBuilder(level: .top)
        for (key, unsealed, entries) in pages {
            var page = unsealed
            let start = offset
            let hash = IndexPageBuilder.seal(&page, at: start, of: table)
            top.add(key: key, offset: start, storedBytes: page.count, hash: hash, entries: entries)
            out.append(page)
            if out.count >= Self.appendBytes { try flush() }
        }
        pages = []
        var encoded = top.take()
        _ = IndexPageBuilder.seal(&encoded, at: offset, of: table)
        return encoded
    }

    private func encodeTail(
        top: [UInt8], filterHashes: [UInt32], filterOffset: UInt64, indexOffset: UInt64
    ) -> (bytes: [UInt8], hash: FileHash) {
        let start = offset
        let encodedProperties = properties.encode()
        var tail = ByteWriter(reserving: top.count + filterHashes.count * 4 + encodedProperties.count + 64)
        tail.raw(top)
        for hash in filterHashes { tail.u32(hash) }
        tail.raw(encodedProperties)
        let header = TableHeader.encode(name: table.name, store: table.store)
        let footer = TableFooter(
            filterOffset: filterOffset, indexOffset: indexOffset, topIndexOffset: start, topIndexBytes: top.count,
            filterPages: filterHashes.count, propertiesBytes: encodedProperties.count,
            tailHash: unsafe tail.bytes.withUnsafeBytes { unsafe table.hash($0, at: start) },
            headerHash: unsafe header.withUnsafeBytes { unsafe $0.littleEndian(UInt64.self, at: 56) })
        tail.raw(footer.encode(for: table, at: start + UInt64(tail.count)))
        let wide = unsafe tail.bytes.withUnsafeBytes { unsafe Checksum.xxh3Wide($0, seed: table.seed(at: start)) }
        return (tail.take(), FileHash(low: wide.low, high: wide.high))
    }

    private func flush() throws(LogStoreError) {
        do throws(DiskError) {
            try unsafe table.file.append(out.bytes)
        } catch {
            abandon()
            throw .io(error)
        }
        written += UInt64(out.count)
        out.removeAll()
    }

    /// Overwrites an array without giving up its memory.
    private static func replace(_ array: inout [UInt8], with bytes: UnsafeRawBufferPointer) {
        array.removeAll(keepingCapacity: true)
        unsafe array.append(contentsOf: bytes)
    }
}
