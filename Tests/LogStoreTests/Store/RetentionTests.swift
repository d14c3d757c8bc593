import LogStore
import Synchronization
import TestSupport
import Testing

@Suite("Store: retention")
struct RetentionTests {
    private static let day: UInt64 = 86_400_000_000

    private func text(_ s: String) -> [UInt8] { Array(s.utf8) }

    /// A store in which class 1 is kept for ten days and tenant "short" for two.
    private func fixture() -> StoreFixture {
        var fixture = StoreFixture()
        fixture.options.deletionGraceSeconds = 0
        fixture.options.retention = RetentionPolicy(classes: [1: 10 * 86_400], tenants: ["short": 2 * 86_400])
        return fixture
    }

    private func session(_ store: LogStore, _ id: String, tenant: String = "t", class c: UInt8 = 1) throws -> SessionKey
    {
        var batch = Batch()
        let s = batch.createSession(id: id, tenant: tenant, user: "ann", state: text("{}"), retentionClass: c)
        batch.append(text("first of \(id)"), to: s)
        return try store.commit(batch).sessions[0]
    }

    private func append(_ store: LogStore, _ key: SessionKey, _ s: String) throws {
        var batch = Batch()
        batch.append(text(s), to: .existing(key))
        try store.commit(batch)
    }

    @Test("What has expired is hidden at once, in heads and in tables, and takes no more messages")
    func hidden() throws {
        let fixture = fixture()
        let store = try fixture.open()
        let idle = try session(store, "idle")
        let busy = try session(store, "busy")
        let kept = try session(store, "kept", class: 0)
        try store.flush()
        let inHead = try session(store, "head")
        for _ in 0..<9 {
            fixture.clock.advance(microseconds: Self.day)
            try append(store, busy, "daily")
        }
        #expect(try store.entries(of: busy, .last(99)).count == 10)
        fixture.clock.advance(microseconds: Self.day + 1000)
        let tenant = try #require(try store.tenant(named: "t"))
        for key in [idle, inHead] {
            #expect(try store.session(key) == nil && store.entries(of: key, .last(5)).isEmpty)
            #expect(try store.state(of: key) == nil)
            #expect(throws: LogStoreError.sessionNotFound) { try append(store, key, "late") }
        }
        #expect(try store.session(id: "idle", in: tenant) == nil)
        #expect(try store.entries(of: busy, .last(99)).count == 9, "the first message has expired, the session has not")
        #expect(try store.entries(of: busy, EntryQuery(limit: 2)).map(\.sequence) == [2, 3])
        #expect(try store.session(busy)?.entryCount == 9)
        var delete = Batch()
        delete.deleteEntry(4, of: .existing(busy))
        try store.commit(delete)
        #expect(try store.session(busy)?.entryCount == 8)
        #expect(try store.entries(of: kept, .last(5)).count == 1)
        let list = try store.sessions(of: busy.owner, SessionQuery(limit: 10)).sessions.map(\.id)
        #expect(Set(list) == ["busy", "kept"])
    }

    @Test("Sessions of a lasting class stay when their entries have expired, and take new ones")
    func lasting() throws {
        var fixture = StoreFixture()
        fixture.options.deletionGraceSeconds = 0
        fixture.options.retention = RetentionPolicy(classes: [1: 10 * 86_400], lastingSessions: [1])
        let store = try fixture.open()
        let idle = try session(store, "idle")
        try store.flush()
        fixture.clock.advance(microseconds: 11 * Self.day)
        let other = try session(store, "other")
        for pass in 0..<2 {
            #expect(try store.session(idle)?.entryCount == 0)
            #expect(try store.entries(of: idle, .last(5)).isEmpty)
            #expect(try store.state(of: idle)?.state == text("{}"))
            let list = try store.sessions(of: idle.owner, SessionQuery(limit: 10)).sessions.map(\.id)
            #expect(Set(list) == ["idle", "other"])
            if pass == 0 { try store.maintain() }
        }
        try append(store, idle, "again")
        #expect(try store.entries(of: idle, .last(5)).map(\.payload) == [text("again")])
        #expect(try store.entries(of: other, .last(5)).count == 1)
    }

    @Test("A pass unlinks whole segments and deletes expired sessions; the rest stays")
    func pass() throws {
        let fixture = fixture()
        var store = try fixture.open()
        let old = try session(store, "old")
        try store.flush()
        fixture.clock.advance(microseconds: 8 * Self.day)
        var keys: [SessionKey] = []
        for i in 0..<5 { keys.append(try session(store, "new\(i)")) }
        try store.flush()
        #expect(store.status.segments == 2)
        fixture.clock.advance(microseconds: 3 * Self.day)
        try store.maintain()
        #expect(store.status.segments == 1 && store.status.storedEntries == 5)
        try store.flush()
        try store.compact()
        try store.close()
        var without = fixture
        without.options.retention = RetentionPolicy()
        store = try without.open()
        #expect(try store.session(old) == nil, "gone, not only hidden")
        for key in keys { #expect(try store.entries(of: key, .last(5)).count == 1) }
    }

    @Test("A tenant's own retention wins over the class's, and a hold over both")
    func tenantsAndHolds() throws {
        let fixture = fixture()
        var store = try fixture.open()
        let short = try session(store, "s", tenant: "short")
        let held = try session(store, "h", tenant: "short")
        let other = try session(store, "s")
        var hold = Batch()
        hold.setHold(.session(held), true)
        try store.commit(hold)
        try store.flush()
        try store.close()
        store = try fixture.open()
        fixture.clock.advance(microseconds: 3 * Self.day)
        #expect(try store.session(short) == nil && store.session(held) != nil && store.session(other) != nil)
        fixture.clock.advance(microseconds: 9 * Self.day)
        #expect(try store.session(other) == nil && store.session(held) != nil)
        store.confirmExpiry()
        try store.maintain()
        try store.compact()
        #expect(try store.entries(of: held, .last(5)).count == 1)
        #expect(store.status.storedEntries == 1)
    }

    @Test("A clock that jumps ten years ahead expires nothing until it has stood for an hour")
    func clockGuard() throws {
        let fixture = fixture()
        var store = try fixture.open()
        let key = try session(store, "s")
        try store.flush()
        fixture.clock.jump(microseconds: Int64(3650 * Self.day))
        #expect(try store.session(key) != nil)
        try store.maintain()
        try store.flush()
        try store.close()
        store = try fixture.open()
        #expect(try store.session(key) != nil, "nor after a restart")
        fixture.clock.advance(microseconds: 1_800_000_000)
        #expect(try store.session(key) != nil)
        fixture.clock.jump(microseconds: -Int64(3650 * Self.day))
        fixture.clock.advance(microseconds: 7_200_000_000)
        #expect(try store.session(key) != nil)
        // A machine that was off for a month finds a step too, and believes it after an hour.
        fixture.clock.jump(microseconds: Int64(30 * Self.day))
        #expect(try store.session(key) != nil)
        fixture.clock.advance(microseconds: 3_700_000_000)
        #expect(try store.session(key) == nil)
    }

    @Test("An expiry of more than half of everything waits for a confirmation or a day")
    func largeExpiry() throws {
        let fixture = fixture()
        let waits = Mutex(0)
        let store = try LogStore.open(
            disk: fixture.disk, clock: fixture.clock, random: fixture.random, options: fixture.options,
            execution: .inline
        ) { event in
            if case .expiryWaits = event { waits.withLock { $0 += 1 } }
        }
        for i in 0..<10 { _ = try session(store, "s\(i)") }
        try store.flush()
        for _ in 0..<11 { fixture.clock.advance(microseconds: Self.day) }
        try store.maintain()
        #expect(waits.withLock { $0 } == 1 && store.status.segments == 1)
        fixture.clock.advance(microseconds: Self.day + 1)
        try store.maintain()
        #expect(store.status.segments == 0)
    }
}
