import LogStore
import Synchronization
import TestSupport
import Testing

@testable import LogStore

@Suite("Change feed: annotations, its index, and what is kept for consumers")
struct ChangeFeedTests {
    private func makeStore(
        _ fixture: inout StoreFixture, _ configure: (inout StoreOptions) -> Void = { _ in }
    ) throws -> (LogStore, SessionKey) {
        fixture.options.logFileBytes = 64 << 10
        fixture.options.deletionGraceSeconds = 1
        configure(&fixture.options)
        let store = try fixture.open()
        var batch = Batch()
        _ = batch.createSession(id: "s", tenant: "t", user: "ann")
        return (store, try store.commit(batch).sessions[0])
    }

    @discardableResult
    private func append(
        _ store: LogStore, _ key: SessionKey, bytes: Int = 3000, note: [UInt8]? = nil,
        _ durability: Batch.Durability = .durable
    ) throws -> LSN {
        var batch = Batch(durability: durability)
        batch.append([UInt8](repeating: 7, count: bytes), to: .existing(key))
        if let note { batch.annotate(note) }
        return try store.commit(batch).lsn
    }

    /// Flushes, and lets every grace pass, so that only consumers hold log files.
    private func age(_ store: LogStore, _ fixture: StoreFixture) throws {
        for _ in 0..<12 {
            try store.flush()
            var batch = Batch()
            batch.put(DocumentKey(tenant: "t", key: [1]), [1])
            try store.commit(batch)
            fixture.clock.advance(microseconds: 2_000_000)
        }
        try store.compact()
        fixture.clock.advance(microseconds: 2_000_000)
        try store.maintain()
    }

    @Test("Only annotated batches are handed out, and nothing is read behind the last of them")
    func annotated() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture)
        var expected: [LSN] = []
        for i in 0..<200 {
            let lsn = try append(store, key, note: i % 7 == 0 ? [UInt8(i)] : nil)
            if i % 7 == 0 { expected.append(lsn) }
        }
        let feed = store.feed(after: .zero)
        var seen: [LSN] = []
        while true {
            let start = feed.position
            seen += try feed.nextAnnotated(limit: 3, scanning: 10).map(\.lsn)
            if feed.position == start { break }
        }
        #expect(seen == expected)
        #expect(feed.position == store.status.durableLSN)
        let reads = fixture.disk.statistics.reads
        for _ in 0..<50 { try append(store, key) }
        let before = fixture.disk.statistics.reads
        #expect(try feed.nextAnnotated(limit: 10).isEmpty)
        #expect(feed.position == store.status.durableLSN && fixture.disk.statistics.reads == before)
        #expect(reads <= before)
    }

    @Test("Annotations survive a reopening, and are no part of the state")
    func reopening() throws {
        var fixture = StoreFixture()
        var (store, key) = try makeStore(&fixture)
        let lsn = try append(store, key, note: Array("note".utf8))
        try store.close()
        store = try fixture.open()
        let batch = try #require(try store.feed(after: .zero).nextAnnotated(limit: 10).first)
        #expect(batch.lsn == lsn)
        #expect(batch.changes.contains(.annotated(Array("note".utf8))))
        #expect(try store.entries(of: key, EntryQuery(limit: 10)).count == 1)
    }

    @Test("An annotation has a bound")
    func bound() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture)
        #expect(throws: LogStoreError.tooLarge(what: "annotation", bytes: 70_000, limit: 64 << 10)) {
            try append(store, key, note: [UInt8](repeating: 1, count: 70_000))
        }
    }

    @Test("A reader that begins in the middle of a large file does not read it from its beginning")
    func index() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture) { $0.logFileBytes = 64 << 20 }
        var last = LSN.zero
        for _ in 0..<1000 { last = try append(store, key, note: [1]) }
        #expect(try store.feed(after: .zero).nextAnnotated(limit: 2000).count == 1000)
        let before = fixture.disk.statistics.reads
        let position = LSN(last.rawValue - 5)
        #expect(
            try store.feed(after: position).nextAnnotated(limit: 2000).map(\.lsn.rawValue)
                == Array(position.rawValue + 1...last.rawValue))
        let reads = fixture.disk.statistics.reads - before
        #expect(reads < 250, "\(reads) reads for 5 batches")
        for start in stride(from: UInt64(1), to: last.rawValue, by: 37) {
            let first = try store.feed(after: LSN(start)).next(limit: 1).first?.lsn
            #expect(first == LSN(start + 1))
        }
    }

    @Test("Observers are told when an annotated batch is durable, not before and not of others")
    func observers() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture)
        let calls = Atomic<Int>(0)
        let observation = store.observeFeed { calls.add(1, ordering: .relaxed) }
        try append(store, key)
        #expect(calls.load(ordering: .relaxed) == 0)
        try append(store, key, note: [1])
        #expect(calls.load(ordering: .relaxed) == 1)
        try append(store, key, note: [2], .buffered)
        #expect(calls.load(ordering: .relaxed) == 1)
        #expect(store.feedStatus.annotatedLSN > store.feedStatus.durableLSN)
        try append(store, key)
        #expect(calls.load(ordering: .relaxed) == 2)
        observation.cancel()
        try append(store, key, note: [3])
        #expect(calls.load(ordering: .relaxed) == 2)
    }

    // MARK: What is kept

    @Test("The log is kept for a consumer until it has read it, and the position survives a reopening")
    func retention() throws {
        var fixture = StoreFixture()
        var (store, key) = try makeStore(&fixture)
        var batch = Batch()
        batch.setPosition(of: "c", to: LSN(1))
        try store.commit(batch)
        for _ in 0..<100 { try append(store, key, note: [1]) }
        try age(store, fixture)
        #expect(store.feedStatus.oldestLSN <= LSN(2))
        try store.close()
        store = try fixture.open()
        #expect(try store.consumers().map(\.name) == ["c"])
        #expect(try store.feed(after: LSN(1)).nextAnnotated(limit: 1000).count == 100)
        var move = Batch(durability: .buffered)
        move.setPosition(of: "c", to: store.status.durableLSN)
        try store.commit(move)
        try age(store, fixture)
        #expect(store.feedStatus.oldestLSN > LSN(90))
        #expect(throws: LogStoreError.self) { try store.feed(after: LSN(1)).next(limit: 1) }
    }

    @Test("While the disk is nearly full nothing is kept for a consumer")
    func nearlyFull() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture) {
            $0.softLimitBytes = 1 << 20
            $0.softLimitPercent = 90
        }
        var batch = Batch()
        batch.setPosition(of: "c", to: LSN(1))
        try store.commit(batch)
        for _ in 0..<200 { try append(store, key, note: [1]) }
        try age(store, fixture)
        #expect(store.feedStatus.oldestLSN <= LSN(2))
        let used = try fixture.disk.list().reduce(UInt64(0)) { $0 + $1.size }
        fixture.disk.capacityBytes = used + (500 << 10)
        fixture.clock.advance(microseconds: 2_000_000)
        var remove = Batch()
        remove.remove(DocumentKey(tenant: "t", key: [1]))
        try store.commit(remove)
        #expect(!store.status.isAcceptingAppends)
        try store.maintain()
        #expect(store.feedStatus.oldestLSN > LSN(100))
    }

    @Test("Above the bound the oldest files go all the same")
    func bounds() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture) { $0.feedLagBytes = 200 << 10 }
        var batch = Batch()
        batch.setPosition(of: "c", to: LSN(1))
        try store.commit(batch)
        for _ in 0..<200 { try append(store, key, note: [1]) }
        try age(store, fixture)
        let oldest = store.feedStatus.oldestLSN
        #expect(oldest > LSN(50) && oldest < LSN(200))
        let sizes = try fixture.disk.list().filter { $0.name.hasPrefix("w-") }.map(\.size)
        #expect(sizes.reduce(0, +) < 500 << 10)
        #expect(throws: LogStoreError.feedTruncated(oldest: oldest)) { try store.feed(after: LSN(1)).next(limit: 1) }
    }

    @Test("An erasure waits for consumers for half of its deadline, then its log files go")
    func erasure() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture) { $0.erasureDeadlineSeconds = 1000 }
        var batch = Batch()
        batch.setPosition(of: "c", to: LSN(1))
        try store.commit(batch)
        let secret = Array("SECRET".utf8)
        var message = Batch()
        message.append(secret, to: .existing(key))
        message.annotate([1])
        try store.commit(message)
        var erase = Batch()
        erase.erase(.user(key.owner))
        try store.commit(erase)
        try store.maintain()
        try age(store, fixture)
        #expect(try store.erasures().map(\.progress) == [.processing])
        #expect(holds(fixture.disk, secret))
        fixture.clock.advance(microseconds: 500_000_000)
        try age(store, fixture)
        #expect(try store.erasures().map(\.progress) == [.completed])
        #expect(!holds(fixture.disk, secret))
    }

    @Test("An erasure does not wait for a consumer that has read everything")
    func erasureBehindConsumer() throws {
        var fixture = StoreFixture()
        let (store, key) = try makeStore(&fixture) { $0.erasureDeadlineSeconds = 1_000_000 }
        var erase = Batch()
        erase.erase(.user(key.owner))
        try store.commit(erase)
        var batch = Batch()
        batch.setPosition(of: "c", to: store.status.durableLSN)
        try store.commit(batch)
        try store.maintain()
        // What a consumer does that holds older files back: it moves on, over its own last batch.
        #expect(try #require(try store.position(of: "c")).next < store.feedStatus.newestFileLSN)
        var move = Batch()
        move.setPosition(of: "c", to: store.status.durableLSN)
        try store.commit(move)
        #expect(try #require(try store.position(of: "c")).next >= store.feedStatus.newestFileLSN)
        try age(store, fixture)
        #expect(try store.erasures().map(\.progress) == [.completed])
    }

    private func holds(_ disk: SimulatedDisk, _ bytes: [UInt8]) -> Bool {
        disk.contents().values.contains { $0.firstRange(of: bytes) != nil }
    }
}
