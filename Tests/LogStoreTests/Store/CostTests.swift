import LogStore
import TestSupport
import Testing

/// Syncs and bytes of the store for a fixed load on the simulated disk: the same on every machine, so a change is one of
/// the code. What is written down here is what the store did when it was last decided that this is right.
@Suite("Store: what a load costs")
struct CostTests {
    /// Words, so that compression has its usual work.
    private func message(_ random: inout SplitMix64) -> [UInt8] {
        let words = ["log", "segment", "what", "is", "a", "manifest", "and", "the", "of", "reader", "sync", "when"]
        var text = ""
        while text.utf8.count < 300 { text += words.randomElement(using: &random)! + " " }
        return Array(text.utf8.prefix(300))
    }

    @Test("1,000 durable messages one by one: a sync and at least 4 KiB of log each")
    func single() throws {
        let (syncs, log, _) = try run(messages: 1000, inBatchesOf: 1, flushes: false)
        #expect(syncs == 1000)
        #expect(log == 1000 * 4096)
    }

    @Test("16,000 messages in batches of 64: log, flushes and merges")
    func batches() throws {
        let (syncs, log, tables) = try run(messages: 16_000, inBatchesOf: 64, flushes: true)
        #expect(syncs == 250)
        #expect(isWithin(log, of: 5_120_000))
        #expect(isWithin(tables, of: 3_547_779), "\(tables)")
    }

    /// - Returns: syncs of groups, bytes of the log, bytes of tables (flushed and merged).
    private func run(messages: Int, inBatchesOf size: Int, flushes: Bool) throws -> (Int, Int, Int) {
        var fixture = StoreFixture()
        fixture.options.headBytes = 256 << 10
        let store = try fixture.open()
        var random = SplitMix64(seed: 3)
        var batch = Batch()
        for number in 0..<100 { _ = batch.createSession(id: "s\(number)", tenant: "t", user: "u\(number / 10)") }
        let sessions = try store.commit(batch).sessions
        let disk = fixture.disk.statistics
        let before = store.status.statistics
        for _ in 0..<messages / size {
            var batch = Batch()
            for _ in 0..<size {
                batch.append(message(&random), to: .existing(sessions[Int.random(in: 0..<100, using: &random)]))
            }
            try store.commit(batch)
        }
        if flushes {
            try store.flush()
            try store.maintain()
        }
        let after = store.status.statistics
        let groups = (fixture.disk.statistics.barriers[.logGroup] ?? 0) - (disk.barriers[.logGroup] ?? 0)
        let log = Int(after.logBytes - before.logBytes)
        let tables = Int(after.flushedBytes + after.compactedBytes - before.flushedBytes - before.compactedBytes)
        try store.close()
        return (groups, log, tables)
    }
}

/// Within 1 %.
private func isWithin(_ found: Int, of known: Int) -> Bool { abs(found - known) * 100 <= known }
