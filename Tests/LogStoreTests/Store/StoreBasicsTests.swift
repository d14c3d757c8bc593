import LogStore
import Synchronization
import TestSupport
import Testing

/// Opens stores on a simulated disk; commits run on the caller's thread.
struct StoreFixture {
    let disk: SimulatedDisk
    let clock: SimulatedClock
    let random: SplitMix64Random
    var options = StoreOptions()

    init(disk: SimulatedDisk = SimulatedDisk(), seed: UInt64 = 1) {
        self.disk = disk
        clock = SimulatedClock()
        random = SplitMix64Random(seed: seed)
        options.reserveBytes = 0
        options.logReserveBytes = 4096
        options.softLimitBytes = 0
        options.cacheBytes = 1 << 20
    }

    func open(_ execution: LogStore.Execution = .inline) throws -> LogStore {
        try LogStore.open(disk: disk, clock: clock, random: random, options: options, execution: execution)
    }
}

@Suite("Store: what one call does")
struct StoreBasicsTests {
    private func text(_ s: String) -> [UInt8] { Array(s.utf8) }

    /// A session "s" of ann in "t" with messages m1…mN.
    private func session(_ store: LogStore, messages: Int, id: String = "s") throws -> SessionKey {
        var batch = Batch()
        let s = batch.createSession(id: id, tenant: "t", user: "ann", state: text("{}"), tags: 1)
        for i in 0..<messages { batch.append(text("m\(i + 1)"), to: s) }
        return try store.commit(batch).sessions[0]
    }

    @Test("A session and its messages are there after commit, after flush and after reopening")
    func roundTrip() throws {
        let fixture = StoreFixture()
        var store = try fixture.open()
        let key = try session(store, messages: 3)
        for stage in ["head", "table", "reopened"] {
            if stage == "table" { try store.flush() }
            if stage == "reopened" {
                try store.close()
                store = try fixture.open()
            }
            let tenant = try #require(try store.tenant(named: "t"))
            let info = try #require(try store.session(id: "s", in: tenant))
            #expect(info.key == key)
            #expect(info.lastSequence == 3 && info.entryCount == 3 && info.tags == 1)
            #expect(try store.entries(of: key, .last(2)).map(\.payload) == [text("m3"), text("m2")])
            #expect(try store.entries(of: key, EntryQuery(limit: 10)).map(\.sequence) == [1, 2, 3])
            #expect(try store.entries(of: key, EntryQuery(after: 1, before: 3, limit: 9)).map(\.sequence) == [2])
            #expect(try store.state(of: key)?.state == text("{}"))
            let user = try #require(try store.user(named: "ann", in: tenant))
            #expect(try store.userName(user) == "ann")
            #expect(try store.sessions(of: user, SessionQuery(limit: 5)).sessions.map(\.id) == ["s"])
        }
    }

    @Test("Messages spread over many flushes read as one sequence, from either end and from the middle")
    func manyRuns() throws {
        let fixture = StoreFixture()
        let store = try fixture.open()
        let key = try session(store, messages: 1)
        for i in 2...60 {
            var batch = Batch()
            batch.append(text("m\(i)"), to: .existing(key))
            try store.commit(batch)
            if i % 7 == 0 { try store.flush() }
        }
        #expect(try store.entries(of: key, EntryQuery(limit: 100)).map(\.sequence) == Array(1...60))
        #expect(try store.entries(of: key, .last(60)).map(\.sequence) == Array((1...60).reversed()))
        for before in [2, 8, 15, 31, 60, 61] as [SequenceNumber] {
            let page = try store.entries(of: key, EntryQuery(before: before, limit: 3, order: .descending))
            let expected = (1..<before).suffix(3).reversed()
            #expect(page.map(\.sequence) == Array(expected))
            #expect(page.allSatisfy { $0.payload == text("m\($0.sequence)") })
        }
    }

    @Test("Edits and deletions of messages hold in head and tables, and deleted numbers are not reused")
    func amendments() throws {
        let fixture = StoreFixture()
        var store = try fixture.open()
        let key = try session(store, messages: 5)
        try store.flush()
        var batch = Batch()
        batch.amend(2, of: .existing(key), payload: text("edited"))
        batch.deleteEntry(4, of: .existing(key))
        batch.append(text("m6"), to: .existing(key))
        #expect(try store.commit(batch).sequences == [6])
        for stage in ["head", "table", "reopened"] {
            if stage == "table" { try store.flush() }
            if stage == "reopened" {
                try store.close()
                store = try fixture.open()
            }
            let all = try store.entries(of: key, EntryQuery(limit: 10))
            #expect(all.map(\.sequence) == [1, 2, 3, 5, 6])
            #expect(all[1].payload == text("edited") && all[1].amendedAt != nil && all[0].amendedAt == nil)
            #expect(try store.entries(of: key, .last(3)).map(\.sequence) == [6, 5, 3])
            #expect(try store.session(key)?.entryCount == 5)
        }
        var again = Batch()
        again.deleteEntry(4, of: .existing(key))
        #expect(throws: LogStoreError.entryNotFound(sequence: 4)) { try store.commit(again) }
    }

    @Test("A deleted session, user or tenant is gone at once and its name makes a new one")
    func deletions() throws {
        let fixture = StoreFixture()
        var store = try fixture.open()
        let first = try session(store, messages: 2)
        try store.flush()
        var batch = Batch()
        batch.deleteSession(first)
        try store.commit(batch)
        let tenant = try #require(try store.tenant(named: "t"))
        #expect(try store.session(id: "s", in: tenant) == nil)
        #expect(try store.entries(of: first, .last(5)).isEmpty)
        var append = Batch()
        append.append(text("x"), to: .existing(first))
        #expect(throws: LogStoreError.sessionNotFound) { try store.commit(append) }

        let second = try session(store, messages: 1)
        #expect(second.session != first.session)
        var deleteUser = Batch()
        deleteUser.deleteUser(second.owner)
        try store.commit(deleteUser)
        try store.flush()
        #expect(try store.session(id: "s", in: tenant) == nil)
        #expect(try store.sessions(of: second.owner, SessionQuery(limit: 5)).sessions.isEmpty)
        let third = try session(store, messages: 1)
        #expect(third.user != second.user)

        var deleteTenant = Batch()
        deleteTenant.deleteTenant(tenant)
        try store.commit(deleteTenant)
        try store.close()
        store = try fixture.open()
        #expect(try store.tenant(named: "t") == nil)
        #expect(try store.session(third) == nil)
        let fourth = try session(store, messages: 1)
        #expect(fourth.tenant != third.tenant)
    }

    @Test("A batch with a used idempotency key returns the first receipt, for ever")
    func idempotency() throws {
        let fixture = StoreFixture()
        var store = try fixture.open()
        let key = try session(store, messages: 0)
        var batch = Batch()
        batch.append(text("once"), to: .existing(key))
        batch.idempotencyKey("k1", in: .existing(key))
        let first = try store.commit(batch)
        try store.flush()
        try store.close()
        store = try fixture.open()
        let second = try store.commit(batch)
        #expect(second.isReplay && second.sequences == first.sequences && second.lsn == first.lsn)
        #expect(try store.session(key)?.lastSequence == 1)
    }

    @Test("Preconditions refuse a batch whole")
    func preconditions() throws {
        let store = try StoreFixture().open()
        let key = try session(store, messages: 2)
        let version = try #require(try store.session(key)).stateVersion
        var update = Batch()
        update.require(.stateVersion(key, version))
        update.update(.existing(key), state: text("2"))
        try store.commit(update)
        #expect(throws: LogStoreError.self) { try store.commit(update) }
        var bounded = Batch()
        bounded.require(.entryCount(key, below: 3))
        bounded.append(text("m3"), to: .existing(key))
        try store.commit(bounded)
        #expect(throws: LogStoreError.self) { try store.commit(bounded) }
        #expect(try store.session(key)?.lastSequence == 3)
        #expect(try store.state(of: key)?.state == text("2"))
    }

    @Test("Documents are listed in key order across head and tables")
    func documents() throws {
        let store = try StoreFixture().open()
        for i in 0..<1200 {
            var batch = Batch()
            let n = String(i)
            batch.put(
                DocumentKey(tenant: "t", key: text("d" + String(repeating: "0", count: 4 - n.count) + n)), text(n))
            if i == 700 { try store.flush() }
            try store.commit(batch)
        }
        var batch = Batch()
        batch.remove(DocumentKey(tenant: "t", key: text("d0003")))
        try store.commit(batch)
        let all = try store.documents(tenant: "t", prefix: text("d"), limit: 5000)
        #expect(all.map { String(decoding: $0.value, as: UTF8.self) } == (0..<1200).filter { $0 != 3 }.map(String.init))
        let page = try store.documents(tenant: "t", prefix: text("d"), after: text("d0699"), limit: 3)
        #expect(page.map(\.key) == [text("d0700"), text("d0701"), text("d0702")])
    }

    @Test("The feed hands out committed batches in order and follows rotation")
    func feed() throws {
        var fixture = StoreFixture()
        fixture.options.logFileBytes = 64 << 10
        let store = try fixture.open()
        let key = try session(store, messages: 0)
        let feed = store.feed(after: .zero)
        var seen = try feed.next(limit: 10).map(\.lsn.rawValue)
        for i in 0..<100 {
            var batch = Batch()
            batch.append(Array(repeating: 7, count: 3000), to: .existing(key))
            try store.commit(batch)
            if i % 9 == 0 { seen += try feed.next(limit: 4).map(\.lsn.rawValue) }
        }
        seen += try feed.next(limit: 1000).map(\.lsn.rawValue)
        #expect(seen == Array(1...101))
        #expect(store.status.logFiles > 3)
        #expect(try store.changes(after: LSN(50), limit: 2).map(\.lsn.rawValue) == [51, 52])
    }

    @Test("Threads commit side by side; every acknowledged message is there in a dense order")
    func threaded() async throws {
        var fixture = StoreFixture()
        fixture.options.headBytes = 64 << 10
        let store = try fixture.open(.threaded)
        let key = try session(store, messages: 0)
        let sequences = try await withThrowingTaskGroup(of: [SequenceNumber].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var mine: [SequenceNumber] = []
                    for i in 0..<200 {
                        let receipt = try await withCheckedThrowingContinuation { continuation in
                            var batch = Batch()
                            batch.append(Array(repeating: UInt8(i), count: 300), to: .existing(key))
                            do {
                                try store.commit(batch) { continuation.resume(with: $0.mapError { $0 as any Error }) }
                            } catch {
                                continuation.resume(throwing: error)
                            }
                        }
                        mine += receipt.sequences
                    }
                    return mine
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(sequences.sorted() == Array(1...1600))
        try store.close()
        let again = try fixture.open()
        #expect(try again.entries(of: key, EntryQuery(limit: 5000)).count == 1600)
    }

    @Test("Writers that wait, writers that do not, and flushes: closing answers all of them, once, and truly")
    func closingUnderWriters() throws {
        for round in 0..<20 {
            var fixture = StoreFixture(seed: UInt64(round))
            fixture.options.headBytes = 16 << 10
            let store = try fixture.open(.threaded)
            let key = try session(store, messages: 0)
            let acknowledged = Mutex<[SequenceNumber]>([])
            let unanswered = Atomic<Int>(0)
            @Sendable func message() -> Batch {
                var batch = Batch()
                batch.append([UInt8](repeating: 3, count: 200), to: .existing(key))
                return batch
            }
            @Sendable func note(_ result: Result<CommitReceipt, LogStoreError>) {
                switch result {
                case .success(let receipt): acknowledged.withLock { $0 += receipt.sequences }
                case .failure(let error): #expect(error == .closed)
                }
            }
            withExtendedLifetime(unanswered) {
                // One alone for a while, which commits on its own thread; then two more that wait, and one that does not.
                let delays = [0, 30, 60]
                let threads = delays.map { delay in
                    WorkerThread {
                        while acknowledged.withLock({ $0.count }) < delay {}
                        while true {
                            let result = Result { () throws(LogStoreError) in try store.commit(message()) }
                            note(result)
                            if case .failure = result { return }
                        }
                    }
                }
                let queuing = WorkerThread {
                    while acknowledged.withLock({ $0.count }) < 90 {}
                    while true {
                        unanswered.add(1, ordering: .relaxed)
                        do throws(LogStoreError) {
                            try store.commit(message()) {
                                note($0)
                                unanswered.subtract(1, ordering: .relaxed)
                            }
                        } catch {
                            unanswered.subtract(1, ordering: .relaxed)
                            if error == .closed { return }
                        }
                    }
                }
                let flushing = WorkerThread { while (try? store.flush()) != nil {} }
                while acknowledged.withLock({ $0.count }) < 400 {}
                #expect(throws: Never.self) { try store.close() }
                for thread in threads + [queuing, flushing] { thread.join() }
                #expect(unanswered.load(ordering: .relaxed) == 0)
            }
            let known = acknowledged.withLock { $0.sorted() }
            let again = try fixture.open()
            #expect(try again.entries(of: key, EntryQuery(limit: 1_000_000)).map(\.sequence) == known)
            try again.close()
        }
    }
}
