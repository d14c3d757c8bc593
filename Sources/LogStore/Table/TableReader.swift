// Reading a table:
//
// open    footer, tail and header are read and checked; top index, filter hashes and properties stay in memory.
// get     key outside the zone map → no; filter page → no; top index → index page → block → record.
//         At most three reads, each through the cache; with `.cached` none. Before an index or filter page is read, the
//         kernel is told to fetch its neighbours with it: a store just opened needs most of them soon.
// cursor  the same walk, holding one index page and one block.
//
// Every part is checked against its own hash, which its place seeds, and against the 32 bits its parent holds.

/// An immutable table, open for reading. Threads share it; the file is closed when the last reference goes.
package final class TableReader: Sendable {
    package let summary: TableSummary
    let table: TableFile
    let cache: BlockCache
    let footer: TableFooter
    let top: IndexPage
    let filterHashes: [UInt32]
    /// The file is this reader's to close; false in a verifier's second look.
    private let closes: Bool

    package var name: TableName { summary.name }
    package var properties: TableProperties { summary.properties }
    /// Bytes that stay in memory while the table is open.
    package var residentBytes: Int { top.charge + filterHashes.count * 4 + 512 }

    /// Opens a table and checks its header and tail.
    ///
    /// `expectedSize`, `expectedHash`: what the manifest says; nil skips that check.
    /// - Throws: `.corrupt`, `.newerFormat`, `.io`.
    /// - Complexity: two reads, three if the resident part is above 16 KiB.
    package static func open(
        disk: any Disk, name: TableName, context: TableContext, cache: BlockCache, expectedSize: UInt64? = nil,
        expectedHash: FileHash? = nil
    ) throws(LogStoreError) -> TableReader {
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.open(name.fileName)
        } catch {
            throw .io(error)
        }
        let table = TableFile(file: file, name: name, context: context)
        do throws(LogStoreError) {
            return try TableReader(
                table, cache: cache, expectedSize: expectedSize, expectedHash: expectedHash, closes: true)
        } catch {
            file.close()
            throw error
        }
    }

    private init(
        _ table: TableFile, cache: BlockCache, expectedSize: UInt64?, expectedHash: FileHash?, closes: Bool
    ) throws(LogStoreError) {
        let size = table.file.size
        if let expectedSize, size != expectedSize {
            throw table.corrupt(at: min(size, expectedSize), "\(size) bytes, the manifest says \(expectedSize)")
        }
        // Above 2^62 no offset arithmetic could be trusted; no file system makes such files.
        guard size >= UInt64(TableFormat.headerBytes + TableFormat.footerBytes), size < 1 << 62 else {
            throw table.corrupt(at: size, "too short for a table")
        }
        var header = [UInt8](repeating: 0, count: TableFormat.headerBytes)
        let headerHash = try unsafe Self.fill(&header, at: 0, of: table) { (bytes) throws(LogStoreError) in
            try unsafe TableHeader.check(bytes, of: table)
        }
        let tail = try Self.readTail(of: table, size: size)
        guard tail.footer.headerHash == headerHash else { throw table.corrupt(at: 0, "header is not the footer's") }
        if let expectedHash, tail.hash != expectedHash {
            throw table.corrupt(at: tail.footer.topIndexOffset, "not the file that the manifest names")
        }
        self.table = table
        self.cache = cache
        self.closes = closes
        footer = tail.footer
        top = tail.top
        filterHashes = tail.filterHashes
        summary = TableSummary(name: table.name, size: size, hash: tail.hash, properties: tail.properties)
    }

    /// The same open file read and checked again, through another cache.
    static func reopen(
        _ reader: TableReader, cache: BlockCache
    ) throws(LogStoreError) -> TableReader {
        try TableReader(
            reader.table, cache: cache, expectedSize: reader.summary.size, expectedHash: reader.summary.hash,
            closes: false)
    }

    deinit { if closes { table.file.close() } }

    // MARK: Lookups

    /// The value of `key`, or nil.
    ///
    /// - Throws: `.wouldBlock` (policy `.cached`), `.corrupt`, `.newerFormat`, `.io`.
    /// - Complexity: at most three reads; one array is allocated.
    package func get(_ key: [UInt8], _ policy: ReadPolicy = .blocking) throws(LogStoreError) -> [UInt8]? {
        try unsafe key.withRawBytes { (key) throws(LogStoreError) in
            try unsafe withValue(of: key, policy) { (value) throws(LogStoreError) in unsafe Array(value) }
        }
    }

    /// Calls `body` with the value of `key`, in the cache's memory, if there is one. The bytes are valid inside the
    /// call.
    package func withValue<R>(
        of key: UnsafeRawBufferPointer, _ policy: ReadPolicy,
        _ body: (UnsafeRawBufferPointer) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R? {
        guard unsafe mayLieInside(key) else { return nil }
        if properties.filterHoldsKeys {
            guard try unsafe mightContain(key, policy) else { return nil }
        }
        guard let child = unsafe top.child(key) else { return nil }
        let page = try indexPage(child, policy)
        guard let entry = unsafe page.child(key) else { return nil }
        let block = try self.block(page[entry], policy)
        let place = unsafe block.lowerBound(key)
        guard place < block.count, unsafe compareKeys(block.key(place), key) == 0 else { return nil }
        return try withExtendedLifetime(block) { (block) throws(LogStoreError) in
            try unsafe body(block.value(place))
        }
    }

    /// False if no key was added under this filter prefix; true if there may be one, or if the table has no filter.
    ///
    /// Ask only for prefix lengths that the writer was told of: the filter knows no others.
    package func mightContain(
        _ prefix: UnsafeRawBufferPointer, _ policy: ReadPolicy
    ) throws(LogStoreError) -> Bool {
        guard properties.entryCount > 0 else { return false }
        guard footer.filterPages > 0 else { return true }
        let hash = unsafe BloomFilter.hash(prefix, store: table.store)
        let page = try filterPage(BloomFilter.page(of: hash, pages: footer.filterPages), policy)
        return page.mightContain(hash, probes: properties.filterProbes)
    }

    package func mightContain(prefix: [UInt8], _ policy: ReadPolicy = .blocking) throws(LogStoreError) -> Bool {
        try unsafe prefix.withRawBytes { (prefix) throws(LogStoreError) in try unsafe mightContain(prefix, policy) }
    }

    /// False if every key of the table is below `low` or above `high` (both inclusive).
    package func overlaps(_ low: [UInt8], _ high: [UInt8]) -> Bool {
        properties.entryCount > 0 && !properties.lastKey.lexicographicallyPrecedes(low)
            && !high.lexicographicallyPrecedes(properties.firstKey)
    }

    /// A cursor, not yet positioned. `fillsCache`: false for scans that would push out what others need.
    package func cursor(_ policy: ReadPolicy = .blocking, fillsCache: Bool = true) -> TableCursor {
        TableCursor(self, policy: policy, fillsCache: fillsCache)
    }

    private func mayLieInside(_ key: UnsafeRawBufferPointer) -> Bool {
        guard properties.entryCount > 0 else { return false }
        let low = unsafe properties.firstKey.withUnsafeBytes { unsafe compareKeys($0, key) }
        let high = unsafe properties.lastKey.withUnsafeBytes { unsafe compareKeys(key, $0) }
        return low <= 0 && high <= 0
    }

    // MARK: Parts, through the cache

    func block(_ entry: IndexEntry, _ policy: ReadPolicy, fillsCache: Bool = true) throws(LogStoreError) -> DataBlock {
        if case .block(let block)? = cache.lookup(file: table.name.id, offset: entry.offset) { return block }
        guard policy == .blocking else { throw .wouldBlock }
        let block = try unsafe read(entry.offset, Int(entry.storedBytes)) { (bytes) throws(LogStoreError) in
            try unsafe DataBlock.decode(bytes, at: entry.offset, hash: entry.hash, of: table)
        }
        guard block.count == Int(entry.entries) else {
            throw table.corrupt(at: entry.offset, "\(block.count) records, the index says \(entry.entries)")
        }
        if fillsCache { cache.insert(file: table.name.id, offset: entry.offset, .block(block)) }
        return block
    }

    func indexPage(_ child: Int, _ policy: ReadPolicy, fillsCache: Bool = true) throws(LogStoreError) -> IndexPage {
        let entry = top[child]
        if case .index(let page)? = cache.lookup(file: table.name.id, offset: entry.offset) { return page }
        guard policy == .blocking else { throw .wouldBlock }
        fetchWithNeighbours(entry.offset, in: footer.indexOffset..<footer.topIndexOffset)
        let children = UInt64(TableFormat.headerBytes)..<footer.filterOffset
        let page = try unsafe read(entry.offset, Int(entry.storedBytes)) { (bytes) throws(LogStoreError) in
            try unsafe IndexPage(
                bytes, level: .blocks, at: entry.offset, hash: entry.hash, children: children, of: table)
        }
        guard page.count == Int(entry.entries) else {
            throw table.corrupt(at: entry.offset, "\(page.count) entries, the top index says \(entry.entries)")
        }
        if fillsCache { cache.insert(file: table.name.id, offset: entry.offset, .index(page)) }
        return page
    }

    func filterPage(_ number: Int, _ policy: ReadPolicy) throws(LogStoreError) -> FilterPage {
        let offset = footer.filterOffset + UInt64(number * footer.filterPageBytes)
        if case .filter(let page)? = cache.lookup(file: table.name.id, offset: offset) { return page }
        guard policy == .blocking else { throw .wouldBlock }
        fetchWithNeighbours(offset, in: footer.filterOffset..<footer.indexOffset)
        let page = try unsafe read(offset, footer.filterPageBytes) { (bytes) throws(LogStoreError) in
            try unsafe FilterPage(bytes, at: offset, hash: filterHashes[number], of: table)
        }
        cache.insert(file: table.name.id, offset: offset, .filter(page))
        return page
    }

    private static let neighbourBytes: UInt64 = 64 << 10

    private func fetchWithNeighbours(_ offset: UInt64, in part: Range<UInt64>) {
        let low = max(part.lowerBound, offset / Self.neighbourBytes * Self.neighbourBytes)
        let high = min(part.upperBound, low + Self.neighbourBytes)
        if low < high { table.file.willRead(low..<high) }
    }

    private static let walkBytes: UInt64 = 1 << 20

    /// Has the kernel fetch the blocks of [first, last] in one access, unless the first is in the cache.
    func fetch(_ first: IndexEntry, through last: IndexEntry) {
        let end = min(last.offset + UInt64(last.storedBytes), first.offset + Self.walkBytes)
        guard last.offset > first.offset, cache.lookup(file: table.name.id, offset: first.offset) == nil else { return }
        table.file.willRead(first.offset..<end)
    }

    private func read<R>(
        _ offset: UInt64, _ count: Int, _ body: (UnsafeRawBufferPointer) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R {
        try cache.withScratch { (scratch) throws(LogStoreError) in
            try unsafe table.read(into: scratch.space(count), at: offset)
            scratch.advance(count)
            return try unsafe body(scratch.bytes)
        }
    }

    // MARK: Open

    private struct Tail {
        var footer: TableFooter
        var top: IndexPage
        var filterHashes: [UInt32]
        var properties: TableProperties
        var hash: FileHash
    }

    /// Bytes read from the end before it is known how long the tail is.
    private static let guessedTailBytes = 16 << 10

    private static func readTail(of table: TableFile, size: UInt64) throws(LogStoreError) -> Tail {
        let footerBytes = TableFormat.footerBytes
        let guess = Int(min(UInt64(guessedTailBytes), size - UInt64(TableFormat.headerBytes)))
        var bytes = [UInt8](repeating: 0, count: guess)
        let footer = try unsafe fill(&bytes, at: size - UInt64(guess), of: table) { (bytes) throws(LogStoreError) in
            try unsafe TableFooter(bytes.slice(bytes.count - footerBytes..<bytes.count), of: table, size: size)
        }
        let start = footer.topIndexOffset
        if footer.tailBytes <= guess {
            return try unsafe bytes.withRawBytes { (bytes) throws(LogStoreError) in
                try unsafe decodeTail(bytes.slice(guess - footer.tailBytes..<guess), footer, of: table)
            }
        }
        bytes = [UInt8](repeating: 0, count: footer.tailBytes)
        return try unsafe fill(&bytes, at: start, of: table) { (bytes) throws(LogStoreError) in
            try unsafe decodeTail(bytes, footer, of: table)
        }
    }

    private static func decodeTail(
        _ bytes: UnsafeRawBufferPointer, _ footer: TableFooter, of table: TableFile
    ) throws(LogStoreError) -> Tail {
        let start = footer.topIndexOffset
        guard unsafe table.hash(bytes.slice(0..<bytes.count - TableFormat.footerBytes), at: start) == footer.tailHash
        else { throw table.corrupt(at: start, "tail hash") }
        let top = try unsafe IndexPage(
            bytes.slice(0..<footer.topIndexBytes), level: .top, at: start, hash: nil,
            children: footer.indexOffset..<start, of: table)
        let filterHashes = (0..<footer.filterPages).map { page in
            unsafe bytes.littleEndian(UInt32.self, at: footer.topIndexBytes + page * 4)
        }
        let propertiesStart = footer.topIndexBytes + footer.filterPages * 4
        let properties: TableProperties
        do throws(ByteReader.Malformed) {
            properties = try TableProperties(
                decoding: unsafe Array(bytes.slice(propertiesStart..<propertiesStart + footer.propertiesBytes)))
        } catch {
            throw table.corrupt(at: start + UInt64(propertiesStart + error.offset), "properties: \(error.what)")
        }
        guard (properties.entryCount == 0) == (top.count == 0),
            footer.filterPages == 0 || properties.filterProbes > 0,
            footer.filterPages > 0 || !properties.filterHoldsKeys
        else { throw table.corrupt(at: start + UInt64(propertiesStart), "properties do not fit the table") }
        let wide = unsafe Checksum.xxh3Wide(bytes, seed: table.seed(at: start))
        return Tail(
            footer: footer, top: top, filterHashes: filterHashes, properties: properties,
            hash: FileHash(low: wide.low, high: wide.high))
    }

    /// Fills an array from the file and looks at it.
    private static func fill<R>(
        _ array: inout [UInt8], at offset: UInt64, of table: TableFile,
        _ body: (UnsafeRawBufferPointer) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R {
        try unsafe array.withUnsafeMutableBufferPointer { (elements) throws(LogStoreError) in
            let bytes = UnsafeMutableRawBufferPointer(elements)
            try unsafe table.read(into: bytes, at: offset)
            return try unsafe body(UnsafeRawBufferPointer(bytes))
        }
    }
}
