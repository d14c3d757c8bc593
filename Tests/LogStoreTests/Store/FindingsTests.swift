import TestSupport
import Testing

@testable import LogStore

// What the full crash enumeration, the second model and the fuzzer found, each on code that lacked the fix.

@Suite("Store: findings")
struct FindingsTests {
    /// A kill during init, a restart, and a power cut in that restart: the directory did not open any more.
    @Test("Every crash during initialisation, and during the opening after it, leaves what opens")
    func initialisation() throws {
        let scenario = try #require(Scenario.all.first { $0.name == "initialise" })
        var enumeration = CrashEnumeration(scenario: scenario)
        enumeration.survivors = 60
        enumeration.second = 12
        enumeration.secondStride = 1
        enumeration.recoveryStride = 1
        let report = enumeration.run()
        for finding in report.findings { Issue.record("\(finding)") }
        #expect(report.recoveryCrashes > 100)
    }

    private func store() throws -> LogStore {
        try CrashFixture(options: Scenario.smallOptions).open(SimulatedDisk())
    }

    @Test("A prefix of documents is whole, wherever one starts before it")
    func documentsAfterAKeyBelowThePrefix() throws {
        let store = try store()
        var batch = Batch()
        for key in ["d1", "d5", "m1", "m2"] { batch.put(DocumentKey(tenant: "t", key: Array(key.utf8)), [1]) }
        try store.commit(batch)
        for _ in 0..<2 {
            let found = try store.documents(tenant: "t", prefix: Array("m".utf8), after: Array("d1".utf8), limit: 9)
            #expect(found.map(\.key) == [Array("m1".utf8), Array("m2".utf8)])
            try store.flush()
        }
    }

    @Test("The users of a deleted tenant have no names")
    func usersOfADeletedTenant() throws {
        let store = try store()
        var batch = Batch()
        _ = batch.createSession(id: "s", tenant: "t", user: "ann")
        let owner = try store.commit(batch).sessions[0].owner
        batch = Batch()
        batch.deleteTenant(owner.tenant)
        try store.commit(batch)
        for _ in 0..<2 {
            #expect(try store.userName(owner) == nil)
            #expect(try store.user(named: "ann", in: owner.tenant) == nil)
            try store.flush()
        }
    }

    @Test("Payload bytes are counted")
    func payloadBytes() throws {
        let store = try store()
        var batch = Batch()
        batch.append(Array(repeating: 1, count: 500), to: batch.createSession(id: "s", tenant: "t", user: "ann"))
        try store.commit(batch)
        #expect(store.status.statistics.payloadBytes == 500)
    }

    /// All hashes are right: only the numbers are at their bounds. An error or an answer, but no trap.
    @Test(
        "A log with numbers at their bounds does not trap",
        arguments: [
            [LoggedBatch.Change.tenantCreated(TenantOrdinal(.max), name: "t")],
            [
                .entryAppended(forgedKey, .max, payload: [], crc: 0, touch: true),
                .entryAppended(forgedKey, .max, payload: [], crc: 0, touch: true),
            ],
        ])
    func forgedNumbers(_ changes: [LoggedBatch.Change]) throws {
        let disk = SimulatedDisk()
        let fixture = CrashFixture(options: Scenario.smallOptions)
        try fixture.open(disk).close()
        var contents = disk.contents().filter { !$0.key.hasSuffix(".wal") }
        let format = try StoreFormat.decode(try #require(contents[StoreFormat.name]))
        var batch = LoggedBatch(lsn: LSN(1), time: Timestamp(microseconds: 5))
        batch.changes = changes
        var writer = ByteWriter()
        batch.encode(into: &writer)
        let forged = SimulatedDisk(contents: contents)
        var continuation = LogWriter.Continuation(previousNumber: 0, lastLSN: .zero, lastHash: 0)
        continuation.relog = [.init(bodies: [writer.bytes], time: 5)]
        _ = try LogWriter(
            disk: forged, store: format.id.seed, epoch: 9, options: Scenario.smallOptions, number: 1,
            after: continuation, now: 0)
        contents = [:]
        guard let store = try? fixture.open(forged) else { return }
        _ = try? store.entries(of: Self.forgedKey, EntryQuery(limit: 100))
        _ = try? store.session(Self.forgedKey)
        var more = Batch()
        _ = more.createSession(id: "s", tenant: "u", user: "eve")
        _ = try? store.commit(more)
        try? store.flush()
        try? store.close()
    }

    private static let forgedKey = SessionKey(tenant: TenantOrdinal(1), user: 1, session: 1)
}
