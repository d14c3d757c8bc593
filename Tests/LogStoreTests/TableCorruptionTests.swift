import LogStore
import Testing

/// A file that does not hold what was written gives an error or the right answer, never another answer and never a
/// trap.
@Suite struct TableCorruptionTests {
    /// What came of one look at a changed file.
    enum Outcome: Hashable {
        case error
        case sameAnswers
        case otherAnswers
    }

    /// Opens the table and asks it everything: every key, a walk each way. `checked`: as the manifest would, with size
    /// and hash.
    static func look(_ fixture: TableFixture, checked: Bool) throws -> Outcome {
        do throws(LogStoreError) {
            let reader = try TableReader.open(
                disk: fixture.disk, name: fixture.summary.name, context: TableFixture.context,
                cache: BlockCache(budgetBytes: 1 << 20), expectedSize: checked ? fixture.summary.size : nil,
                expectedHash: checked ? fixture.summary.hash : nil)
            var same = true
            for record in fixture.records { same = try reader.get(record.key) == record.value && same }
            let cursor = reader.cursor(fillsCache: false)
            var index = 0
            try cursor.seekToFirst()
            while cursor.isValid {
                same = same && index < fixture.records.count
                same = same && fixture.records[index] == (cursor.key, cursor.value)
                index += 1
                try cursor.next()
            }
            same = same && index == fixture.records.count
            try cursor.seekToLast()
            while cursor.isValid {
                index -= 1
                same = same && index >= 0 && fixture.records[index] == (cursor.key, cursor.value)
                try cursor.previous()
            }
            return same && index == 0 ? .sameAnswers : .otherAnswers
        } catch {
            switch error {
            case .corrupt(let file, _, _): #expect(file == fixture.summary.name.fileName)
            case .newerFormat: break
            default: Issue.record("\(error) is not what a damaged file gives")
            }
            return .error
        }
    }

    /// The scrub finds something. The reader was opened while the file was whole, as a server's would be.
    static func scrubComplains(_ reader: TableReader) throws -> Bool {
        do throws(LogStoreError) {
            try reader.verify()
            return false
        } catch {
            switch error {
            case .corrupt, .newerFormat, .io: return true
            default: throw error
            }
        }
    }

    static func small(seed: UInt64 = 1) throws -> TableFixture {
        // A compressible block among incompressible ones, several index entries, one small filter page.
        var records = TableFixture.random(14, seed: seed, maxKey: 6, maxValue: 40)
        records[3].value = [UInt8](repeating: 0x61, count: 120)
        return try TableFixture(records, options: TableOptions(blockBytes: 160))
    }

    @Test func everyBitFlippedIsFound() throws {
        let fixture = try Self.small()
        let name = fixture.summary.name.fileName
        let whole = try fixture.open()
        let pristine = fixture.disk[name]!
        var outcomes: [Outcome: Int] = [:]
        for bit in 0..<pristine.count * 8 {
            var bytes = pristine
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            fixture.disk[name] = bytes
            outcomes[try Self.look(fixture, checked: bit % 2 == 0), default: 0] += 1
            let found = try Self.scrubComplains(whole)
            if !found { Issue.record("the scrub missed bit \(bit)") }
        }
        #expect(outcomes[.otherAnswers] == nil)
        #expect(outcomes.values.reduce(0, +) == pristine.count * 8)
        print("bit flips: \(pristine.count * 8), outcomes \(outcomes), all found by the scrub")
        fixture.disk[name] = pristine
        #expect(try Self.look(fixture, checked: true) == .sameAnswers)
        try whole.verify()
    }

    @Test func everyTruncationAndEveryLongerFileIsFound() throws {
        let fixture = try Self.small()
        let name = fixture.summary.name.fileName
        let pristine = fixture.disk[name]!
        for length in 0..<pristine.count {
            fixture.disk[name] = Array(pristine[..<length])
            #expect(try Self.look(fixture, checked: true) == .error)
            #expect(try Self.look(fixture, checked: false) == .error)
        }
        for extra in 1...130 {
            fixture.disk[name] = pristine + [UInt8](repeating: 0, count: extra)
            #expect(try Self.look(fixture, checked: false) == .error)
        }
        // The footer again, behind the file: a footer in the wrong place does not count.
        fixture.disk[name] = pristine + pristine.suffix(64)
        #expect(try Self.look(fixture, checked: false) == .error)
    }

    @Test func zeroedSectorsAreFound() throws {
        let fixture = try TableFixture(TableFixture.random(200, seed: 8), options: TableOptions(blockBytes: 1024))
        let name = fixture.summary.name.fileName
        let whole = try fixture.open()
        let pristine = fixture.disk[name]!
        for start in stride(from: 0, to: pristine.count, by: 512) {
            var bytes = pristine
            for i in start..<min(start + 512, bytes.count) { bytes[i] = 0 }
            fixture.disk[name] = bytes
            #expect(try Self.look(fixture, checked: true) != .otherAnswers)
            #expect(try Self.scrubComplains(whole))
        }
    }

    /// Blocks of equal length trade places: inside a file, with another file, with another version of the same file.
    @Test func intactBlocksInTheWrongPlaceAreFound() throws {
        func table(id: UInt64, seed: UInt64) throws -> TableFixture {
            var random = TestRandom(seed)
            let records: [TableFixture.Record] = (0..<12).map { ([UInt8($0)], random.bytes(200)) }
            let name = TableName(kind: .segment, generationLow: 1, generationHigh: 2, id: id)
            return try TableFixture(records, name: name, options: TableOptions(blockBytes: 210))
        }
        let fixture = try table(id: 7, seed: 1)
        let layout = TableForgery(fixture)
        let donors = [fixture, try table(id: 7, seed: 2), try table(id: 8, seed: 1)].map { TableForgery($0).pristine }
        #expect(layout.blocks.count == 12 && Set(layout.blocks.map(\.range.count)).count == 1)
        let name = fixture.summary.name.fileName
        let whole = try fixture.open()
        var swaps = 0
        for (number, donor) in donors.enumerated() {
            for to in layout.blocks.indices {
                for from in layout.blocks.indices where number > 0 || from != to {
                    var bytes = layout.pristine
                    bytes.replaceSubrange(layout.blocks[to].range, with: donor[layout.blocks[from].range])
                    fixture.disk[name] = bytes
                    #expect(try Self.look(fixture, checked: true) == .error)
                    #expect(try Self.scrubComplains(whole))
                    swaps += 1
                }
            }
        }
        print("blocks in the wrong place: \(swaps), all found")
        // The whole of another version under this name is what the manifest's hash is for.
        fixture.disk[name] = donors[1]
        #expect(try Self.look(fixture, checked: true) == .error)
        // And a copy of another table under this name is told by its header.
        fixture.disk[name] = donors[2]
        #expect(try Self.look(fixture, checked: false) == .error)
    }

    @Test(arguments: [0, 1] as [UInt64]) func hostileFilesGiveErrorsOrAnswersButNoTrap(_ seed: UInt64) throws {
        // Two index pages and more, so that every level can lie to the next.
        let records =
            seed == 0
            ? TableFixture.random(60, seed: 2, maxKey: 20, maxValue: 60)
            : TableFixture.random(24, seed: 3, maxKey: 1024, maxValue: 30)
        let fixture = try TableFixture(records, options: TableOptions(blockBytes: 200))
        let name = fixture.summary.name.fileName
        let layout = TableForgery(fixture)
        var resealed = layout.pristine
        layout.reseal(&resealed)
        #expect(resealed == layout.pristine)

        var random = TestRandom(seed)
        var outcomes: [Outcome: Int] = [:]
        var scrubbed: [Bool: Int] = [:]
        // Half of the blows go to what is structure in every byte.
        let structure =
            layout.indexPages.flatMap { Array($0.range) } + Array(layout.topIndex) + Array(layout.properties)
            + Array(layout.footer..<layout.pristine.count) + layout.blocks.flatMap { Array($0.range.prefix(40)) }
        for _ in 0..<3000 {
            var bytes = layout.pristine
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at =
                    Bool.random(using: &random)
                    ? structure.randomElement(using: &random)! : Int.random(in: 0..<bytes.count, using: &random)
                bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)]
                    .randomElement(using: &random)!
            }
            layout.reseal(&bytes)
            fixture.disk[name] = bytes
            outcomes[try Self.look(fixture, checked: false), default: 0] += 1
            if let reader = try? TableReader.open(
                disk: fixture.disk, name: fixture.summary.name, context: TableFixture.context,
                cache: BlockCache(budgetBytes: 0))
            {
                scrubbed[try Self.scrubComplains(reader), default: 0] += 1
            }
            // The manifest's hash pins everything: no forgery but the identical file passes it.
            if bytes != layout.pristine { #expect(try Self.look(fixture, checked: true) == .error) }
        }
        print("forged files: \(outcomes), scrub complained: \(scrubbed)")
        #expect(outcomes[.error, default: 0] > 500)
        #expect(outcomes.values.reduce(0, +) == 3000)
    }

    @Test func filesOfNewerVersionsSaySo() throws {
        let fixture = try Self.small()
        let layout = TableForgery(fixture)
        let block = layout.blocks[0].range.lowerBound
        /// Offset to change, new byte, whether opening already refuses.
        let changes: [(Int, UInt8, Bool)] = [
            (6, 2, true), (7, 1, true), (20, 1, true), (23, 0x80, true), (block + 10, 2, false), (block + 11, 1, false),
            (block + 24, 1, false),
        ]
        for (at, value, refusesAtOpen) in changes {
            var bytes = layout.pristine
            bytes[at] = value
            layout.reseal(&bytes)
            fixture.disk[fixture.summary.name.fileName] = bytes
            do throws(LogStoreError) {
                let reader = try TableReader.open(
                    disk: fixture.disk, name: fixture.summary.name, context: TableFixture.context,
                    cache: BlockCache(budgetBytes: 0))
                #expect(!refusesAtOpen, "byte \(at)")
                _ = try reader.get(fixture.records[0].key)
                Issue.record("byte \(at) was ignored")
            } catch {
                guard case .newerFormat(file: fixture.summary.name.fileName, _) = error else {
                    Issue.record("byte \(at) gave \(error)")
                    continue
                }
            }
        }
        // A compatible feature, a newer minor version and a property nobody knows are read past.
        let known = layout.pristine[layout.properties].lastIndex(of: 8)!
        for (at, value) in [(8, 9), (12, 1), (16, 1), (known, 0x70)] as [(Int, UInt8)] {
            var bytes = layout.pristine
            bytes[at] = value
            layout.reseal(&bytes)
            fixture.disk[fixture.summary.name.fileName] = bytes
            #expect(try Self.look(fixture, checked: false) == .sameAnswers, "byte \(at)")
        }
    }

    @Test func aFileOfAnotherStoreIsTold() throws {
        let fixture = try Self.small()
        do throws(LogStoreError) {
            _ = try TableReader.open(
                disk: fixture.disk, name: fixture.summary.name, context: TableContext(store: 1), cache: fixture.cache)
            Issue.record("opened")
        } catch {
            #expect(
                error
                    == .corrupt(
                        file: fixture.summary.name.fileName, offset: 24, detail: "a file of another store"))
        }
    }
}
