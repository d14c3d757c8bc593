import CLZ4
import LogStore
import Synchronization
import Testing

/// Filter, cache, disk errors and what the writer promises.
@Suite struct TableBehaviourTests {
    // MARK: Filter

    @Test func falsePositivesAreBelowTwoPercentAndFalseNegativesDoNotHappen() throws {
        func key(_ number: UInt64) -> [UInt8] {
            var key = ByteWriter()
            key.bigEndian(number, width: 8)
            return key.take()
        }
        let count: UInt64 = 30_000
        let fixture = try TableFixture((0..<count).map { (key($0 * 2), []) })
        let reader = try fixture.open()
        #expect(reader.properties.filterHoldsKeys && reader.properties.filterProbes == 6)
        var missing = 0
        var positives = 0
        for number in 0..<count {
            if try !reader.mightContain(prefix: key(number * 2)) { missing += 1 }
            if try reader.mightContain(prefix: key(number * 2 + 1)) { positives += 1 }
        }
        #expect(missing == 0)
        let rate = Double(positives) / Double(count)
        print("Bloom filter: \(positives) of \(count) absent keys pass, \(rate * 100) %")
        #expect(rate < 0.02)
    }

    @Test func prefixesOfTheCallersChoiceAreInTheFilterOnce() throws {
        // 200 users of 50 rows: one entry a user, not one a row.
        var records: [TableFixture.Record] = []
        for user in 0..<200 as Range<UInt64> {
            for row in 0..<50 as Range<UInt64> {
                var key = ByteWriter()
                key.bigEndian(user * 3, width: 4)
                key.bigEndian(row, width: 4)
                records.append((key.take(), [1]))
            }
        }
        let byUser = try TableFixture(records, prefixes: [4])
        let byKey = try TableFixture(records, prefixes: .key)
        let both = try TableFixture(records, prefixes: [4, FilterPrefixes.wholeKey])
        let none = try TableFixture(records, prefixes: .none)
        func filterBytes(_ fixture: TableFixture) -> Int {
            TableForgery(fixture).filterPages.reduce(0) { $0 + $1.range.count }
        }
        #expect(filterBytes(byUser) == 264)
        #expect(filterBytes(byKey) == 4 * 4096)
        #expect(filterBytes(both) == 4 * 4096)
        #expect(filterBytes(none) == 0)
        let reader = try byUser.open()
        var passed = 0
        for user in 0..<600 as Range<UInt64> {
            var prefix = ByteWriter()
            prefix.bigEndian(user, width: 4)
            let answer = try reader.mightContain(prefix: prefix.take())
            if user % 3 == 0 { #expect(answer) } else if answer { passed += 1 }
        }
        #expect(passed < 20)
        // `get` does not ask a filter that does not know whole keys.
        #expect(!reader.properties.filterHoldsKeys)
        #expect(try !both.open().get(records[70].key)!.isEmpty)
        for fixture in [byUser, none] { #expect(try fixture.open().get(records[4321].key) == [1]) }
    }

    // MARK: Blocks

    @Test func aStoredBlockDecodesWithLZ4Alone() throws {
        let text = Array("Anna: is the order on its way? Bot: it left the depot at nine. ".utf8)
        let records: [TableFixture.Record] = (0..<100).map { ([UInt8($0)], text + [UInt8($0)]) }
        let layout = TableForgery(try TableFixture(records, options: TableOptions(blockBytes: 2048)))
        var decoded: [TableFixture.Record] = []
        for part in layout.blocks {
            let start = part.range.lowerBound
            #expect(layout.pristine[start + 10] == 1, "codec")
            let stored = layout.pristine[start + 32..<part.range.upperBound].map { CChar(bitPattern: $0) }
            var raw = [CChar](repeating: 0, count: Int(layout.number(4, at: start + 12)))
            #expect(layout.number(4, at: start + 16) == UInt64(stored.count))
            #expect(LZ4_decompress_safe(stored, &raw, Int32(stored.count), Int32(raw.count)) == Int32(raw.count))
            #expect(stored.count < raw.count - raw.count / 8)
            try raw.map { UInt8(bitPattern: $0) }.read { (reader) throws(ByteReader.Malformed) in
                for _ in 0..<layout.number(4, at: start + 20) {
                    decoded.append((try reader.lengthPrefixed(), try reader.lengthPrefixed()))
                }
                let whole = reader.isAtEnd
                #expect(whole)
            }
        }
        #expect(decoded.map(\.key) == records.map(\.key))
        #expect(decoded.map(\.value) == records.map(\.value))
    }

    // MARK: Cache

    @Test(arguments: [0, 10_000, 300_000, 40 << 20]) func theCacheKeepsItsBudget(_ budget: Int) throws {
        var fixture = try TableFixture(
            TableFixture.random(6000, seed: 4), options: TableOptions(blockBytes: 4096))
        fixture.cache = BlockCache(budgetBytes: budget)
        let reader = try fixture.open()
        var random = TestRandom(1)
        for _ in 0..<3000 {
            let record = fixture.records.randomElement(using: &random)!
            #expect(try reader.get(record.key) == record.value)
            let now = fixture.cache.statistics
            if now.residentBytes > budget { Issue.record("\(now.residentBytes) bytes") }
        }
        let after = fixture.cache.statistics
        switch budget {
        case 0: #expect(after.pages == 0 && after.hits == 0)
        case 10_000, 300_000: #expect(after.evictions > 100 && after.hits > 100)
        default: #expect(after.evictions == 0 && after.misses == UInt64(after.pages) && after.pages > 100)
        }
        fixture.cache.remove(file: 8)
        #expect(fixture.cache.statistics.pages == after.pages)
        fixture.cache.remove(file: TableFixture.name.id)
        #expect(fixture.cache.statistics.pages == 0)
        #expect(fixture.cache.statistics.residentBytes == 0)
    }

    @Test func whatIsReadOftenStaysWhileAScanPasses() throws {
        var fixture = try TableFixture(TableFixture.random(6000, seed: 4), options: TableOptions(blockBytes: 4096))
        fixture.cache = BlockCache(budgetBytes: 100_000)
        let reader = try fixture.open()
        let hot = fixture.records[100]
        for _ in 0..<4 { _ = try reader.get(hot.key) }
        let before = fixture.cache.statistics
        let scan = reader.cursor(fillsCache: false)
        try scan.seekToFirst()
        while scan.isValid { try scan.next() }
        #expect(fixture.cache.statistics.evictions == before.evictions)
        #expect(fixture.cache.statistics.pages == before.pages)
        #expect(try reader.get(hot.key, .cached) == hot.value)
    }

    @Test func cachedReadsNeverTouchTheDisk() throws {
        let fixture = try TableFixture(TableFixture.random(500, seed: 6), options: TableOptions(blockBytes: 512))
        let reader = try fixture.open()
        let record = fixture.records[250]
        func reads() -> Int { fixture.disk.state.withLock { $0.reads } }
        let opened = reads()
        #expect(throws: LogStoreError.wouldBlock) { try reader.get(record.key, .cached) }
        let cursor = reader.cursor(.cached)
        #expect(throws: LogStoreError.wouldBlock) { try cursor.seek(to: record.key) }
        #expect(!cursor.isValid)
        #expect(reads() == opened)
        #expect(try reader.get(record.key) == record.value)
        // Filter page, index page, block.
        #expect(reads() == opened + 3)
        #expect(try reader.get(record.key, .cached) == record.value)
        try cursor.seek(to: record.key)
        // Walk to where the cached block ends: the cursor stays on its last record.
        let wall = #expect(throws: LogStoreError.self) { while cursor.isValid { try cursor.next() } }
        #expect(wall == .wouldBlock)
        #expect(cursor.isValid)
        let last = cursor.key
        #expect(throws: LogStoreError.wouldBlock) { try cursor.next() }
        #expect(cursor.key == last)
        #expect(reads() == opened + 3)
        let onwards = reader.cursor()
        try onwards.seek(to: last)
        try onwards.next()
        let place = fixture.records.firstIndex { $0.key == last }!
        #expect(onwards.key == fixture.records[place + 1].key)
    }

    @Test func readersShareACacheThatIsTooSmall() async throws {
        var fixture = try TableFixture(TableFixture.random(3000, seed: 9), options: TableOptions(blockBytes: 1024))
        fixture.cache = BlockCache(budgetBytes: 20_000)
        let reader = try fixture.open()
        let keys = fixture.records.map(\.key)
        let values = fixture.records.map(\.value)
        let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<4 as Range<UInt64> {
                group.addTask {
                    var random = TestRandom(worker)
                    var wrong = 0
                    for _ in 0..<1500 {
                        let index = Int.random(in: 0..<keys.count, using: &random)
                        if try reader.get(keys[index]) != values[index] { wrong += 1 }
                    }
                    return wrong
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(wrong == 0)
        #expect(fixture.cache.statistics.residentBytes <= 20_000)
    }

    // MARK: Disk

    @Test(arguments: [DiskError.Kind.io, .noSpace]) func aFailedWriteLeavesNoFile(_ kind: DiskError.Kind) throws {
        var random = TestRandom(1)
        let records: [TableFixture.Record] = (0..<40 as Range<UInt8>).map { ([$0], random.bytes(40_000)) }
        /// Writes the table and says what failed, if anything did.
        func write(_ disk: TableTestDisk) throws -> DiskError? {
            do throws(LogStoreError) {
                let writer = try TableWriter(disk: disk, name: TableFixture.name, context: TableFixture.context)
                for record in records { try writer.add(key: record.key, value: record.value) }
                _ = try writer.finish()
                return nil
            } catch {
                guard case .io(let failure) = error else { throw error }
                return failure
            }
        }
        let healthy = TableTestDisk()
        #expect(try write(healthy) == nil)
        let calls = healthy.state.withLock { $0.appends + $0.syncs.count }
        #expect(calls >= 7)
        #expect(healthy.state.withLock { $0.syncs } == [.tableFile])
        for call in 0..<calls {
            let disk = TableTestDisk()
            disk.fail(after: call, kind)
            #expect(try write(disk)?.kind == kind, "call \(call)")
            #expect(try disk.list().isEmpty, "call \(call)")
        }
        let enough = TableTestDisk()
        enough.fail(after: calls, kind)
        #expect(try write(enough) == nil)
    }

    @Test func anUnfinishedTableGoesAndATakenNameStays() throws {
        let fixture = try TableFixture([([1], [2])])
        #expect(throws: LogStoreError.self) {
            try TableWriter(disk: fixture.disk, name: TableFixture.name, context: TableFixture.context)
        }
        #expect(try fixture.open().get([1]) == [2])
        let other = TableName(kind: .segment, generationLow: 1, generationHigh: 1, id: 9)
        var writer: TableWriter? = try TableWriter(disk: fixture.disk, name: other, context: TableFixture.context)
        try writer?.add(key: [1], value: [1])
        #expect(try fixture.disk.list().count == 2)
        writer = nil
        #expect(try fixture.disk.list().map(\.name) == [TableFixture.name.fileName])
    }

    @Test func aShortReadIsAnInputErrorNotAnAnswer() throws {
        let fixture = try TableFixture(TableFixture.random(10, seed: 1))
        let reader = try fixture.open()
        fixture.disk.state.withLock { $0.shortReads = true }
        let errors = [
            #expect(throws: LogStoreError.self) { try reader.get(fixture.records[5].key) },
            #expect(throws: LogStoreError.self) { try reader.verify() },
            #expect(throws: LogStoreError.self) { try fixture.open() },
        ]
        for error in errors {
            guard case .io(let failure)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(failure.operation == "read" && failure.file == fixture.summary.name.fileName)
        }
        fixture.disk.state.withLock { $0.shortReads = false }
        #expect(try reader.get(fixture.records[5].key) == fixture.records[5].value)
    }

    @Test func keysThatDoNotAscendAreAProgrammersError() async {
        await #expect(processExitsWith: .failure) {
            let writer = try TableWriter(
                disk: TableTestDisk(), name: TableFixture.name, context: TableFixture.context)
            try writer.add(key: [2], value: [])
            try writer.add(key: [2], value: [])
        }
    }
}
