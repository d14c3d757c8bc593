// Scrubbing a table: every byte of the file is read from the disk and checked, past the cache.
//
// 1. Header, footer and tail, as at open; their parts fill the file exactly (`TableFooter`).
// 2. Index pages one after the other: each starts where the one before ends, the last ends at the top index.
// 3. Their blocks likewise, from the header to the filter. Each block decodes, starts with the key its entry names,
//    and goes on above the key before.
// 4. Filter pages, all of them; and every key that should be in the filter is.
// 5. Counts, bytes, first and last key are what the properties say.

extension TableReader {
    /// Reads and checks every byte of the file. `progress` is told the bytes done so far, about every block.
    ///
    /// - Throws: `.corrupt` with file and offset of the first part that does not hold, `.newerFormat`, `.io`.
    package func verify(
        progress: (_ bytes: UInt64) throws(LogStoreError) -> Void = { _ in }
    ) throws(LogStoreError) {
        // A cache that keeps nothing: what is checked is the disk.
        let disk = BlockCache(budgetBytes: 0)
        let fresh = try TableReader.reopen(self, cache: disk)
        var scan = TableScan(reader: fresh)
        var nextPage = footer.indexOffset
        for child in 0..<fresh.top.count {
            let entry = fresh.top[child]
            guard entry.offset == nextPage else { throw table.corrupt(at: nextPage, "gap before an index page") }
            nextPage += UInt64(entry.storedBytes)
            let page = try fresh.indexPage(child, .blocking)
            guard page.key(0) == fresh.top.key(child) else {
                throw table.corrupt(at: entry.offset, "index page does not start with its key")
            }
            for index in 0..<page.count {
                try scan.check(page[index], firstKey: page.key(index))
                try progress(scan.nextBlock)
            }
        }
        guard nextPage == footer.topIndexOffset else { throw table.corrupt(at: nextPage, "gap after the index pages") }
        try scan.checkTotals()
        for number in 0..<footer.filterPages { _ = try fresh.filterPage(number, .blocking) }
        try progress(summary.size)
    }
}

/// What has been seen of the blocks so far.
private struct TableScan {
    let reader: TableReader
    var nextBlock = UInt64(TableFormat.headerBytes)
    var entries: UInt64 = 0
    var rawBytes: UInt64 = 0
    var firstKey: [UInt8] = []
    var lastKey: [UInt8] = []
    /// Filter pages already read, so that checking membership reads each once.
    var filterPages: [Int: FilterPage] = [:]

    init(reader: TableReader) { self.reader = reader }

    mutating func check(_ entry: IndexEntry, firstKey expected: [UInt8]) throws(LogStoreError) {
        guard entry.offset == nextBlock else { throw reader.table.corrupt(at: nextBlock, "gap before a block") }
        nextBlock += UInt64(entry.storedBytes)
        let block = try reader.block(entry, .blocking)
        let first = unsafe Array(block.key(0))
        guard first == expected else {
            throw reader.table.corrupt(at: entry.offset, "block does not start with its key")
        }
        guard lastKey.lexicographicallyPrecedes(first) else {
            throw reader.table.corrupt(at: entry.offset, "block starts below the one before")
        }
        if entries == 0 { firstKey = first }
        lastKey = unsafe Array(block.key(block.count - 1))
        entries += UInt64(block.count)
        rawBytes += UInt64(block.rawBytes)
        if reader.properties.filterHoldsKeys {
            for record in 0..<block.count { try unsafe checkFilter(block.key(record), at: entry.offset) }
        }
        withExtendedLifetime(block) {}
    }

    private mutating func checkFilter(_ key: UnsafeRawBufferPointer, at offset: UInt64) throws(LogStoreError) {
        let hash = unsafe BloomFilter.hash(key, store: reader.table.store)
        let number = BloomFilter.page(of: hash, pages: reader.footer.filterPages)
        let page: FilterPage
        if let known = filterPages[number] {
            page = known
        } else {
            page = try reader.filterPage(number, .blocking)
            // Ten bits a key: even the largest table's filter is a fraction of one block in the writer's memory.
            filterPages[number] = page
        }
        guard page.mightContain(hash, probes: reader.properties.filterProbes) else {
            throw reader.table.corrupt(at: offset, "a key is missing in the filter")
        }
    }

    func checkTotals() throws(LogStoreError) {
        let table = reader.table
        guard nextBlock == reader.footer.filterOffset else {
            throw table.corrupt(at: nextBlock, "gap after the blocks")
        }
        let properties = reader.properties
        guard entries == properties.entryCount, rawBytes == properties.rawBytes, firstKey == properties.firstKey,
            lastKey == properties.lastKey
        else { throw table.corrupt(at: reader.footer.topIndexOffset, "properties do not fit the records") }
    }
}
