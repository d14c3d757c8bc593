import LogStore
import TestSupport
import Testing

@Suite("Store: verification and summary")
struct VerifyTests {
    /// A store with two flushes, several log files, every kind of index key, and batches that are in the log only.
    private func filled() throws -> StoreFixture {
        var fixture = StoreFixture()
        fixture.options.logFileBytes = 64 << 10
        let store = try fixture.open()
        var batch = Batch()
        let first = batch.createSession(id: "s", tenant: "t", user: "ann", state: Array("{}".utf8), tags: 1)
        batch.append(Array("m1".utf8), to: first)
        batch.append(Array("m2".utf8), to: first)
        let key = try store.commit(batch).sessions[0]
        try store.flush()
        for i in 0..<12 {
            var batch = Batch()
            batch.append([UInt8](repeating: UInt8(i), count: 9000), to: .existing(key))
            try store.commit(batch)
        }
        var changes = Batch()
        changes.amend(1, of: .existing(key), payload: Array("edited".utf8))
        changes.deleteEntry(2, of: .existing(key))
        changes.put(DocumentKey(tenant: "t", key: Array("settings".utf8)), Array("{}".utf8))
        changes.setPosition(of: "search", to: LSN(1))
        changes.idempotencyKey("once", in: .existing(key))
        let second = changes.createSession(id: "gone", tenant: "t", user: "bob")
        changes.append(Array("x".utf8), to: second)
        let bob = try store.commit(changes).sessions[0]
        var deletion = Batch()
        deletion.deleteSession(bob)
        try store.commit(deletion)
        try store.flush()
        var last = Batch()
        last.append(Array("in the log only".utf8), to: .existing(key))
        try store.commit(last)
        try store.close()
        return fixture
    }

    @Test("A store that was closed has no damage, and every file of it was read")
    func clean() throws {
        let fixture = try filled()
        let report = try StoreVerifier.verify(disk: fixture.disk)
        #expect(report.findings == [])
        #expect(report.notes == [])
        let contents = fixture.disk.contents()
        #expect(report.files == contents.count)
        let bytes = contents.values.map { UInt64($0.count) }
        #expect(report.bytes == bytes.reduce(0, +))
        #expect(report.manifests == 3)
        #expect(report.tables == 4)
        #expect(report.logFiles >= 2)
        #expect(report.entries == 14)
        #expect(report.batches == 16)
        #expect(report.rows == 3)
    }

    @Test("Verification changes no file, gives the lock back, and refuses a store in use")
    func changesNothing() throws {
        let fixture = try filled()
        let before = fixture.disk.contents()
        _ = try StoreVerifier.verify(disk: fixture.disk)
        #expect(fixture.disk.contents() == before)
        let store = try fixture.open()
        #expect { try StoreVerifier.verify(disk: fixture.disk) } throws: { error in
            if case LogStoreError.locked = error { true } else { false }
        }
        try store.close()
    }

    @Test("A flipped byte is found in its file, wherever it is")
    func flippedBytes() throws {
        let fixture = try filled()
        let contents = fixture.disk.contents()
        var random = SplitMix64(seed: 7)
        for (name, bytes) in contents.sorted(by: { $0.key < $1.key }) {
            for _ in 0..<12 {
                let place = Int(random.next() % UInt64(bytes.count))
                var damaged = bytes
                damaged[place] ^= 1 << UInt8(random.next() % 8)
                fixture.disk.overwrite(name, with: damaged)
                let report = try? StoreVerifier.verify(disk: fixture.disk)
                let isFound = report?.findings.contains { $0.file == name } ?? Self.saysVersion(place)
                #expect(isFound, "\(name) at \(place): \(report?.findings ?? [])")
            }
            fixture.disk.overwrite(name, with: bytes)
        }
    }

    /// Version and feature fields: other values there may mean a newer format instead of damage.
    private static func saysVersion(_ place: Int) -> Bool { place < 24 }

    @Test("Damage in two files is reported of both, and behind a bad frame the log is checked further")
    func collectsAll() throws {
        let fixture = try filled()
        let contents = fixture.disk.contents()
        let log = try #require(contents.keys.filter { $0.hasSuffix(".wal") }.sorted().first)
        let segment = try #require(contents.keys.filter { $0.hasSuffix(".seg") }.sorted().last)
        var logBytes = try #require(contents[log])
        logBytes[8192 + 100] ^= 1
        logBytes[8192 + 3 * 12288 + 100] ^= 1
        fixture.disk.overwrite(log, with: logBytes)
        var segmentBytes = try #require(contents[segment])
        segmentBytes[200] ^= 1
        fixture.disk.overwrite(segment, with: segmentBytes)
        let report = try StoreVerifier.verify(disk: fixture.disk)
        let offsets: [UInt64] = report.findings.filter { $0.file == log }.map(\.offset)
        let expected: [UInt64] = [8192, 8192 + 3 * 12288]
        #expect(offsets == expected)
        #expect(report.findings.contains { $0.file == segment })
    }

    @Test("Missing files are found; orphans and foreign files are notes")
    func missingAndForeign() throws {
        let fixture = try filled()
        let run = try #require(fixture.disk.contents().keys.filter { $0.hasSuffix(".run") }.sorted().first)
        let orphan = TableName(kind: .segment, generationLow: 90, generationHigh: 90, id: 900).fileName
        fixture.disk.overwrite(orphan, with: [1, 2, 3])
        fixture.disk.overwrite("notes.txt", with: [1])
        fixture.disk.overwrite("server-secret", with: [1])
        var report = try StoreVerifier.verify(disk: fixture.disk)
        #expect(report.findings == [])
        #expect(Set(report.notes.map(\.file)) == [orphan, "notes.txt"])
        #expect(Set(report.notes.map(\.kind)) == [.orphan, .foreign])
        fixture.disk.remove(run)
        report = try StoreVerifier.verify(disk: fixture.disk)
        #expect(report.findings.map(\.file) == [run])
    }

    @Test("A group that was cut short is a torn tail, and void once the store was opened again; neither is damage")
    func tornTail() throws {
        let fixture = StoreFixture()
        let store = try fixture.open()
        var batch = Batch()
        let session = batch.createSession(id: "s", tenant: "t", user: "ann")
        batch.append(Array("m".utf8), to: session)
        let key = try store.commit(batch).sessions[0]
        try store.flush()
        var more = Batch()
        more.append([UInt8](repeating: 7, count: 6000), to: .existing(key))
        try store.commit(more)
        // Not closed: the log ends without a seal, in the middle of a group.
        let log = try #require(fixture.disk.contents().keys.first { $0.hasSuffix(".wal") })
        let bytes = try #require(fixture.disk.contents()[log])
        let crashed = fixture.disk.snapshot()
        crashed.overwrite(log, with: Array(bytes.dropLast(4096)))
        let torn = try StoreVerifier.verify(disk: crashed)
        #expect(torn.findings == [])
        #expect(torn.notes.map(\.kind) == [.tornTail])
        let reopened = StoreFixture(disk: crashed, seed: 2)
        try reopened.open().close()
        let after = try StoreVerifier.verify(disk: crashed)
        #expect(after.findings == [])
        #expect(after.notes.map(\.kind) == [.void])
        #expect(after.notes.map(\.file) == [log])
    }

    @Test("A directory without a store is refused, and a copy is noted")
    func notAStoreAndCopy() throws {
        #expect { try StoreVerifier.verify(disk: SimulatedDisk()) } throws: { error in
            if case LogStoreError.notAStore = error { true } else { false }
        }
        let report = try StoreVerifier.verify(disk: try filled().disk.copied())
        #expect(report.findings == [])
        #expect(report.notes.map(\.kind) == [.copy])
    }

    @Test("The summary counts what was flushed, beside an open store")
    func summary() throws {
        let fixture = try filled()
        let store = try fixture.open()
        let before = fixture.disk.contents()
        let summary = try StoreInspector.inspect(disk: fixture.disk)
        #expect(fixture.disk.contents() == before)
        #expect(summary.store == store.id)
        let counts = [summary.entries, summary.sessionsCreated, summary.usersCreated, summary.tenantsCreated]
        #expect(counts == [14, 2, 2, 1])
        #expect(summary.generations == 2)
        #expect(summary.segments == 2 && summary.indexRuns == 2)
        #expect(summary.flushedLSN == LSN(15))
        #expect(summary.files[.manifest]?.count == 3)
        let logNames = before.keys.filter { $0.hasSuffix(".wal") }.sorted()
        #expect(summary.logFiles.map(\.name) == logNames)
        let counted = summary.files.values.map(\.bytes).reduce(0, +)
        let sizes = before.values.map { UInt64($0.count) }
        #expect(counted == sizes.reduce(0, +))
        try store.close()
    }
}
