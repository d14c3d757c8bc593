import TestSupport
import Testing

@testable import LogStore

@Suite("Store: compaction and erasure")
struct CompactionTests {
    private func text(_ s: String) -> [UInt8] { Array(s.utf8) }

    private func table(_ generation: UInt64, _ size: UInt64, maximumTime: Int64 = 0) -> Manifest.TableEntry {
        Manifest.TableEntry(
            name: TableName(
                kind: .segment, retentionClass: 1, generationLow: generation, generationHigh: generation,
                id: generation),
            size: size, hashLow: 0, hashHigh: 0, entryCount: 1, rawBytes: size, minimumTime: 0,
            maximumTime: maximumTime, firstKey: [1], lastKey: [2])
    }

    // MARK: Picking

    @Test("Eight tables of like size are merged, seven are not, and a large one is not dragged along")
    func picking() {
        let picker = CompactionPicker()
        #expect(picker.pick((1...7).map { table($0, 100) }) == nil)
        #expect(picker.pick((1...8).map { table($0, 100) })?.count == 8)
        let withLarge = [table(1, 100_000)] + (2...9).map { table($0, 100) }
        #expect(picker.pick(withLarge)?.map(\.name.id) == Array(2...9))
        let overCap = (1...8).map { table($0, 1 << 30) }
        #expect(picker.pick(overCap) == nil)
        #expect(picker.pick((1...8).map { table($0, 100) }, freeBytes: 799) == nil)
    }

    @Test("Tables of different time buckets are not merged")
    func buckets() {
        var picker = CompactionPicker()
        picker.retention = [1: 1000]
        // A bucket is 100 s.
        let tables = (1...8).map { table($0, 100, maximumTime: Int64($0) * 30_000_000) }
        #expect(picker.pick(tables) == nil)
        #expect(CompactionPicker().pick(tables)?.count == 8)
    }

    /// Flushes of one size through the picker until nothing is left to merge.
    @Test("A long run of equal flushes is written again less than three times")
    func writeAmplification() {
        let picker = CompactionPicker()
        var tables: [Manifest.TableEntry] = []
        var written: UInt64 = 0
        for generation in 1...4096 as ClosedRange<UInt64> {
            tables.append(table(generation, 32 << 20))
            while let window = picker.pick(tables) {
                let bytes = window.reduce(0) { $0 + $1.size }
                written += bytes
                let first = tables.firstIndex { $0.name == window[0].name }!
                var merged = window[0]
                merged.name.generationHigh = window[window.count - 1].name.generationHigh
                merged.name.id = generation << 20 | UInt64(first)
                merged.size = bytes
                tables.replaceSubrange(first..<first + window.count, with: [merged])
            }
        }
        let rewritten = Double(written) / Double(4096 * (32 << 20) as UInt64)
        print("compaction: 4096 flushes of 32 MiB, rewritten \(rewritten) times, \(tables.count) tables at the end")
        #expect(rewritten < 3 && tables.count < 160)
    }

    // MARK: Merging

    @Test("Merging drops what was deleted and leaves every answer as it was")
    func merging() throws {
        let fixture = CrashFixture(options: Scenario.smallOptions)
        let disk = SimulatedDisk()
        let store = try fixture.open(disk)
        var model = StoreModel()
        func commit(_ operations: StoreModel.Operation...) throws {
            let change = StoreModel.Change(operations: operations)
            try store.commit(model.batch(change))
            _ = model.apply(change, now: Scenario.now)
        }
        for i in 0..<20 {
            try commit(.create("t/s\(i)", user: "u\(i % 3)", state: "state \(i)"))
            for j in 0..<10 { try commit(.append("t/s\(i)", "message \(j) of \(i)")) }
            try commit(.amend("t/s\(i)", 3, "edited"), .deleteEntry("t/s\(i)", 5))
            if i % 4 == 3 { try commit(.deleteSession("t/s\(i - 1)")) }
            if i % 3 == 2 { try store.flush() }
        }
        let before = store.status
        try store.compact()
        let after = store.status
        #expect(model.difference(from: store) == nil)
        #expect(before.segments > 5 && after.segments == 1 && after.indexRuns == 1)
        // 5 of 20 sessions are gone, and of each other one two of ten messages are not in the segment.
        #expect(after.storedEntries == 15 * 8)
        try store.close()
        let again = try fixture.open(disk)
        #expect(model.difference(from: again) == nil)
        // A merge of everything leaves no tombstone.
        let run = try #require(try disk.list().first { $0.name.hasPrefix("x-") && again.status.indexRuns == 1 })
        #expect(run.size > 0)
    }

    @Test("The state at a manifest's LSN does not depend on what was deleted since")
    func mergesAtTheManifest() throws {
        let fixture = CrashFixture(options: Scenario.smallOptions)
        let disk = SimulatedDisk()
        let store = try fixture.open(disk)
        let scenario = Scenario(
            "x",
            [
                .commit(.init(operations: [.create("t/a", user: "ann"), .append("t/a", "1"), .append("t/a", "2")])),
                .commit(.init(operations: [.deleteEntry("t/a", 1)], durability: .buffered)),
            ])
        try store.commit(
            scenario.models[0].batch(
                .init(operations: [
                    .create("t/a", user: "ann"), .append("t/a", "1"), .append("t/a", "2"),
                ])))
        try store.flush()
        try store.commit(scenario.models[1].batch(.init(operations: [.deleteEntry("t/a", 1)], durability: .buffered)))
        // Rewrites the table while the deletion is in the head only, and not durable.
        try store.maintain()
        let compactor = store.status.statistics.compactions
        #expect(compactor == 0)
        #expect(scenario.models[2].difference(from: store) == nil)
    }

    @Test("A segment that deletions have emptied by more than a quarter is rewritten alone", arguments: [true, false])
    func garbage(byUser: Bool) throws {
        let fixture = CrashFixture(options: Scenario.smallOptions)
        let store = try fixture.open(SimulatedDisk())
        var keys: [SessionKey] = []
        for i in 0..<10 {
            var batch = Batch()
            let s = batch.createSession(id: "s\(i)", tenant: "t", user: i < 4 ? "ann" : "bob")
            for j in 0..<10 { batch.append(text("message \(j)"), to: s) }
            keys += try store.commit(batch).sessions
        }
        try store.flush()
        var delete = Batch()
        if byUser { delete.deleteUser(keys[0].owner) } else { for key in keys.prefix(4) { delete.deleteSession(key) } }
        try store.commit(delete)
        try store.maintain()
        #expect(store.status.storedEntries == 100)
        try store.flush()
        try store.maintain()
        #expect(store.status.storedEntries == 60 && store.status.statistics.compactions == 1)
        for key in keys.suffix(6) { #expect(try store.entries(of: key, .last(20)).count == 10) }
    }

    @Test("The scrub finds a flipped bit, says where, and leaves the rest being served")
    func scrub() throws {
        var options = Scenario.smallOptions
        options.scrubSeconds = 1
        let disk = SimulatedDisk()
        var store = try LogStore.open(
            disk: disk, clock: LiveClock(), random: SystemRandom(), options: options, execution: .inline)
        for i in 0..<50 {
            var batch = Batch()
            let s = batch.createSession(id: "s\(i)", tenant: "t", user: "ann")
            batch.append([UInt8](repeating: UInt8(i), count: 500) + text("\(i)"), to: s)
            try store.commit(batch)
        }
        try store.flush()
        try store.close()
        let segment = try #require(try disk.list().map(\.name).first { $0.hasPrefix("s-") })
        disk.addReadFault(.flippedBit(offset: 200, bit: 3), to: segment)
        let signal = Signal()
        nonisolated(unsafe) var found: VerifyReport.Finding?
        store = try LogStore.open(
            disk: disk, clock: LiveClock(), random: SystemRandom(), options: options, execution: .threaded
        ) { event in
            guard case .damaged(let finding) = event else { return }
            signal.locked {
                found = finding
                signal.wakeAll()
            }
        }
        signal.locked { while found == nil { signal.wait() } }
        #expect(found?.file == segment && found?.offset == 64)
        #expect(store.status.damage.map(\.file) == [segment])
        let last = try #require(try store.session(id: "s49", in: TenantOrdinal(1)))
        #expect(try store.entries(of: last.key, .last(1)).count == 1)
        let first = try #require(try store.session(id: "s0", in: TenantOrdinal(1)))
        #expect(throws: LogStoreError.self) { try store.entries(of: first.key, .last(1)) }
        try store.close()
    }

    // MARK: Erasure

    @Test("After an erasure no byte of the subject is in any file, whenever the machine crashed")
    func canary() throws {
        let scenario = Scenario.all.first { $0.name == "erasure" }!
        let whole = SimulatedDisk()
        #expect(scenario.run(on: whole).finding == nil)
        #expect(whole.holders(of: Scenario.canary) == [])
        let operations = whole.history.count
        let fixture = CrashFixture(options: scenario.options)
        var checked = 0
        for point in stride(from: 8, to: operations, by: isTorture ? 1 : 5) {
            let disk = SimulatedDisk()
            disk.crash(at: point)
            _ = scenario.run(on: disk)
            // Sectors that show what was freed elsewhere are the file system's fault.
            let states = disk.survivors(maximum: isTorture ? 16 : 4).filter { !$0.origin.contains("stale") }
            for state in states {
                let store = try fixture.open(state)
                try store.maintain()
                let isErased = try store.erasures().contains { $0.finishedAt != nil }
                try store.close()
                let files = state.holders(of: Scenario.canary)
                if isErased && !files.isEmpty { Issue.record("crash at \(point): in \(files)") }
                checked += isErased ? 1 : 0
            }
        }
        print("erasure: \(operations) crash points, \(checked) stores searched after a finished erasure")
        #expect(checked > 5)
    }

    @Test("The ledger says what was erased; a hold forbids deletion and erasure until it is lifted")
    func holds() throws {
        let fixture = CrashFixture(options: Scenario.smallOptions)
        let disk = SimulatedDisk()
        var store = try fixture.open(disk)
        var batch = Batch()
        let s = batch.createSession(id: "s", tenant: "t", user: "ann")
        for _ in 0..<3 { batch.append(text("x"), to: s) }
        let key = try store.commit(batch).sessions[0]
        var hold = Batch()
        hold.setHold(.session(key), true)
        try store.commit(hold)
        try store.flush()
        for subject in [.session(key), .user(key.owner), .tenant(key.tenant)] as [ErasureSubject] {
            var erase = Batch()
            erase.erase(subject)
            #expect(throws: LogStoreError.held) { try store.commit(erase) }
        }
        var delete = Batch()
        delete.deleteUser(key.owner)
        #expect(throws: LogStoreError.held) { try store.commit(delete) }
        #expect(try store.isHeld(.session(key)))

        var lift = Batch()
        lift.setHold(.session(key), false)
        try store.commit(lift)
        var erase = Batch()
        erase.erase(.user(key.owner))
        try store.commit(erase)
        let ordered = try #require(try store.erasure(of: .user(key.owner)))
        #expect(ordered.sessions == 1 && ordered.entries == 3 && ordered.finishedAt == nil)
        try store.maintain()
        try store.close()
        store = try fixture.open(disk)
        let finished = try #require(try store.erasures().first)
        #expect(finished.finishedAt != nil && finished.subject == .user(key.owner) && finished.entries == 3)
    }

    @Test("With threads an erasure is finished by itself, and full compaction waits until it is done")
    func threaded() throws {
        var options = Scenario.smallOptions
        options.headBytes = 16 << 10
        let disk = SimulatedDisk()
        let erased = Signal()
        nonisolated(unsafe) var isErased = false
        let store = try LogStore.open(
            disk: disk, clock: LiveClock(), random: SystemRandom(), options: options, execution: .threaded
        ) { event in
            guard case .erased = event else { return }
            erased.locked {
                isErased = true
                erased.wakeAll()
            }
        }
        var keys: [SessionKey] = []
        for i in 0..<200 {
            var batch = Batch()
            let s = batch.createSession(id: "s\(i)", tenant: "t", user: "ann")
            batch.append(text(i == 7 ? Scenario.canary : "message \(i) ") + [UInt8](repeating: 7, count: 400), to: s)
            keys += try store.commit(batch).sessions
        }
        var batch = Batch()
        batch.erase(.session(keys[7]))
        try store.commit(batch)
        erased.locked { while !isErased { erased.wait() } }
        #expect(disk.holders(of: Scenario.canary) == [])
        try store.compact()
        #expect(store.status.segments == 1 && store.status.indexRuns == 1 && store.status.storedEntries == 199)
        for (i, key) in keys.enumerated() where i != 7 { #expect(try store.entries(of: key, .last(1)).count == 1) }
        try store.close()
    }
}
