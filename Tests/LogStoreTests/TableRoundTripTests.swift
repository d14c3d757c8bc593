import LogStore
import Testing

/// What goes into a table comes out, by every way of asking.
@Suite struct TableRoundTripTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        var records: Int
        var blockBytes: Int
        var filterBits: Int
        var maxKey = 12
        var testDescription: String { "\(records) records, blocks of \(blockBytes), \(filterBits) filter bits" }
    }

    static let shapes = [
        Shape(records: 0, blockBytes: 64, filterBits: 10),
        Shape(records: 1, blockBytes: 64, filterBits: 10, maxKey: 1),
        Shape(records: 2, blockBytes: 64, filterBits: 0),
        Shape(records: 40, blockBytes: 64, filterBits: 10),
        Shape(records: 700, blockBytes: 64, filterBits: 10),
        Shape(records: 3000, blockBytes: 512, filterBits: 10),
        Shape(records: 3000, blockBytes: 32768, filterBits: 0),
        Shape(records: 300, blockBytes: 128, filterBits: 10, maxKey: 1024),
    ]

    @Test(arguments: shapes) func everyLookupAgreesWithASortedArray(_ shape: Shape) throws {
        let options = TableOptions(blockBytes: shape.blockBytes, filterBitsPerKey: shape.filterBits)
        let records = TableFixture.random(shape.records, seed: UInt64(shape.records), maxKey: shape.maxKey)
        let fixture = try TableFixture(records, options: options)
        let reader = try fixture.open()
        #expect(reader.summary == fixture.summary)
        #expect(reader.summary.entryCount == UInt64(records.count))
        #expect(reader.summary.firstKey == records.first?.key ?? [])
        #expect(reader.summary.lastKey == records.last?.key ?? [])
        try reader.verify()

        // Every key of the table, its neighbours on both sides, and keys that only random finds.
        var probes: [[UInt8]] = [[], [0], [UInt8](repeating: 0xFF, count: 20)]
        for record in records { probes += [record.key, record.key + [0], Array(record.key.dropLast())] }
        probes += TableFixture.random(200, seed: 99, maxKey: 6).map(\.key)
        let cursor = reader.cursor()
        for probe in probes {
            let atLeast = records.partitioningIndex { !$0.key.lexicographicallyPrecedes(probe) }
            let above = records.partitioningIndex { probe.lexicographicallyPrecedes($0.key) }
            #expect(try reader.get(probe) == (atLeast < above ? records[atLeast].value : nil))
            try cursor.seek(to: probe)
            expect(cursor, at: atLeast, of: records)
            try cursor.seekLast(atOrBefore: probe)
            expect(cursor, at: above - 1, of: records)
            try cursor.seekLast(before: probe)
            expect(cursor, at: atLeast - 1, of: records)
        }
    }

    @Test(arguments: shapes) func walksBothWays(_ shape: Shape) throws {
        let options = TableOptions(blockBytes: shape.blockBytes, filterBitsPerKey: shape.filterBits)
        let records = TableFixture.random(shape.records, seed: 5, maxKey: shape.maxKey)
        let reader = try TableFixture(records, options: options).open()
        let cursor = reader.cursor(fillsCache: false)
        try cursor.seekToFirst()
        for index in records.indices {
            expect(cursor, at: index, of: records)
            try cursor.next()
        }
        #expect(!cursor.isValid)
        try cursor.seekToLast()
        for index in records.indices.reversed() {
            expect(cursor, at: index, of: records)
            try cursor.previous()
        }
        #expect(!cursor.isValid)
        // To and fro over every border.
        for index in records.indices.dropFirst() {
            try cursor.seek(to: records[index].key)
            try cursor.previous()
            expect(cursor, at: index - 1, of: records)
            try cursor.next()
            expect(cursor, at: index, of: records)
        }
    }

    private func expect(_ cursor: TableCursor, at index: Int, of records: [TableFixture.Record]) {
        guard records.indices.contains(index) else {
            #expect(!cursor.isValid)
            return
        }
        guard cursor.isValid else {
            Issue.record("cursor is nowhere, not on record \(index)")
            return
        }
        #expect(cursor.key == records[index].key)
        #expect(cursor.value == records[index].value)
    }

    @Test func oneHugeValueAmongSmallOnes() throws {
        var random = TestRandom(3)
        let huge = random.bytes(17 << 20)
        let compressible = [UInt8](repeating: 0x2A, count: 18 << 20)
        let records: [TableFixture.Record] = [([1], [1, 2]), ([2], huge), ([3], compressible), ([4], [])]
        let fixture = try TableFixture(records)
        #expect(fixture.summary.size < 18 << 20)
        let reader = try fixture.open()
        try reader.verify()
        for record in records { #expect(try reader.get(record.key) == record.value) }
        #expect(fixture.cache.statistics.residentBytes <= 8 << 20)
    }

    @Test func keysThatArePrefixesOfEachOther() throws {
        let key = [UInt8](repeating: 0x61, count: 1024)
        let records: [TableFixture.Record] = (1...1024).map { (Array(key.prefix($0)), [UInt8($0 & 0xFF)]) }
        let reader = try TableFixture(records, options: TableOptions(blockBytes: 64)).open()
        try reader.verify()
        for record in records { #expect(try reader.get(record.key) == record.value) }
    }

    @Test func timesArePropertiesOfTheTable() throws {
        let disk = TableTestDisk()
        let writer = try TableWriter(disk: disk, name: TableFixture.name, context: TableFixture.context)
        try writer.add(key: [1], value: [])
        let summary = try writer.finish(
            minTime: Timestamp(microseconds: -5), maxTime: Timestamp(microseconds: 1 << 50))
        let reader = try TableReader.open(
            disk: disk, name: TableFixture.name, context: TableFixture.context,
            cache: BlockCache(budgetBytes: 0))
        #expect(reader.summary == summary)
        #expect(reader.summary.minTime == Timestamp(microseconds: -5))
        #expect(reader.summary.maxTime == Timestamp(microseconds: 1 << 50))
        #expect(reader.overlaps([0], [1]) && reader.overlaps([1], [9]) && !reader.overlaps([1, 0], [9]))
        #expect(!reader.overlaps([0], [0, 9]))
    }

    @Test func sameRecordsGiveTheSameBytes() throws {
        let records = TableFixture.random(500, seed: 1)
        let a = try TableFixture(records, options: TableOptions(blockBytes: 1024))
        let b = try TableFixture(records, options: TableOptions(blockBytes: 1024))
        #expect(a.summary == b.summary)
        #expect(a.disk[a.summary.name.fileName] == b.disk[b.summary.name.fileName])
    }

    @Test func namesRoundTripAndNothingElseParses() {
        let name = TableName(
            kind: .segment, retentionClass: 0xAB, generationLow: 3, generationHigh: 0xFEDC, id: UInt64.max)
        #expect(name.fileName == "s-ab-0000000000000003-000000000000fedc-ffffffffffffffff.seg")
        #expect(TableName(fileName: name.fileName) == name)
        let run = TableName(kind: .index, generationLow: 0, generationHigh: 0, id: 1)
        #expect(run.fileName == "x-00-0000000000000000-0000000000000000-0000000000000001.run")
        #expect(TableName(fileName: run.fileName) == run)
        let good = name.fileName
        let bad = [
            "", "s", good + "x", String(good.dropLast()), good.uppercased(), "x" + good.dropFirst(),
            good.replacing("-", with: "_"), "s-ab-0000000000000004-0000000000000003-0000000000000001.seg",
            "s-ab-000000000000000g-000000000000fedc-ffffffffffffffff.seg",
        ]
        for text in bad { #expect(TableName(fileName: text) == nil, "\(text)") }
    }
}

extension Array {
    /// The first index whose element fulfils `predicate`, which is false up to there and true from there on.
    func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
