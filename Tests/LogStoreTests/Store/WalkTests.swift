import LogStore
import TestSupport
import Testing

/// What exports and imports need of the store.
@Suite struct WalkTests {
    private func open(_ clock: SimulatedClock, _ configure: (inout StoreOptions) -> Void = { _ in }) throws -> LogStore
    {
        var options = StoreOptions()
        configure(&options)
        return try LogStore.open(
            disk: SimulatedDisk(), clock: clock, random: SplitMix64Random(seed: 1), options: options,
            execution: .inline)
    }

    @Test func everySessionIsMetOnceInTheOrderOfCreation() throws {
        let store = try open(SimulatedClock())
        var expected: [String: [String]] = [:]
        for i in 0..<120 {
            var batch = Batch()
            let user = "user\(i % 7)"
            _ = batch.createSession(id: "s\(i)", tenant: "t", user: user)
            try store.commit(batch)
            expected[user, default: []].append("s\(i)")
            if i % 50 == 0 { try store.flush() }
        }
        try store.flush()
        let tenant = try #require(try store.tenant(named: "t"))
        let gone = try #require(try store.session(id: "s14", in: tenant))
        var delete = Batch()
        delete.deleteSession(gone.key)
        try store.commit(delete)
        expected["user0"]?.removeAll { $0 == "s14" }
        for limit in [1, 7, 1000] {
            var met: [String] = []
            var after: SessionKey?
            while case let page = try store.walk(.tenant(tenant), after: after, limit: limit), let last = page.last {
                met += page.map(\.id)
                after = last.key
            }
            #expect(met == (0..<7).flatMap { expected["user\($0)"]! })
        }
        let user = try #require(try store.user(named: "user3", in: tenant))
        #expect(try store.walk(.user(user), limit: 1000).map(\.id) == expected["user3"])
        #expect(try store.walk(.session(gone.key), limit: 10).isEmpty)
        #expect(try store.tenants().map(\.name) == ["t"])
    }

    @Test func timesBelongToWhatTheBatchWrites() throws {
        let store = try open(SimulatedClock())
        var create = Batch()
        let new = create.createSession(id: "s", tenant: "t", user: "u")
        create.append([1], to: new)
        let key = try store.commit(create).sessions[0]
        let attempts: [(inout Batch) -> Void] = [
            { $0.setTimes(of: .existing(key), createdAt: Timestamp(microseconds: 1)) },
            { $0.setTimes(of: 1, in: .existing(key), createdAt: Timestamp(microseconds: 1)) },
            { $0.setTimes(of: 1, in: .existing(key), amendedAt: Timestamp(microseconds: 1)) },
            { $0.setTimes(of: .existing(key), updatedAt: Timestamp(microseconds: .min)) },
        ]
        for attempt in attempts {
            var batch = Batch()
            attempt(&batch)
            #expect { try store.commit(batch) } throws: { error in
                if case .invalid = error as? LogStoreError { true } else { false }
            }
        }
        var late = Batch()
        late.require(.lastSequence(key, 0))
        late.append([2], to: .existing(key))
        #expect { try store.commit(late) } throws: { error in
            if case .conflict = error as? LogStoreError { true } else { false }
        }
    }

    @Test func holdsAreListed() throws {
        let store = try open(SimulatedClock())
        var create = Batch()
        _ = create.createSession(id: "s", tenant: "t", user: "u")
        let key = try store.commit(create).sessions[0]
        for subject in [ErasureSubject.session(key), .user(key.owner), .tenant(key.tenant)] {
            var batch = Batch()
            batch.setHold(subject, true)
            try store.commit(batch)
        }
        #expect(Set(try store.holds()) == [.session(key), .user(key.owner), .tenant(key.tenant)])
        var lift = Batch()
        lift.setHold(.user(key.owner), false)
        try store.commit(lift)
        #expect(Set(try store.holds()) == [.session(key), .tenant(key.tenant)])
    }

    /// A grace that is not over keeps the erasure from finishing, and its deadline passes.
    @Test func anErasureThatTakesTooLongIsTold() throws {
        let clock = SimulatedClock(stepMicroseconds: 1)
        let events = Recorder()
        var options = StoreOptions()
        options.erasureDeadlineSeconds = 60
        let store = try LogStore.open(
            disk: SimulatedDisk(), clock: clock, random: SplitMix64Random(seed: 1), options: options,
            execution: .inline
        ) { if case .erasureOverdue = $0 { events.add("overdue") } }
        var create = Batch()
        _ = create.createSession(id: "s", tenant: "t", user: "u")
        let key = try store.commit(create).sessions[0]
        var erase = Batch()
        erase.erase(.session(key))
        let ordered = try store.commit(erase).time
        try store.maintain()
        #expect(events.lines.count == 0)
        #expect(store.status.pendingErasures == 1)
        #expect(store.status.oldestPendingErasure == ordered)
        clock.advance(microseconds: 61_000_000)
        try store.maintain()
        try store.maintain()
        #expect(events.lines.count == 1)
        clock.advance(microseconds: 3_601_000_000)
        try store.maintain()
        try store.maintain()
        #expect(store.status.pendingErasures == 0)
    }

    @Test func whatIsPastItsRetentionIsKnownBeforeItIsImported() throws {
        let clock = SimulatedClock()
        let store = try open(clock) {
            $0.retention = RetentionPolicy(classes: [2: 100])
        }
        let now = clock.now().microseconds
        let old = Timestamp(microseconds: now - 101_000_000)
        #expect(store.isPastRetention(nil, retentionClass: 2, updatedAt: old))
        #expect(!store.isPastRetention(nil, retentionClass: 1, updatedAt: old))
        #expect(!store.isPastRetention(nil, retentionClass: 2, updatedAt: Timestamp(microseconds: now)))
    }
}
