import ChatEngine
import LogStore
import TestSupport
import Testing

/// What a thousand messages cost the disk, counted where nothing else writes: the same on every machine.
///
/// A figure that goes up is a regression, or a decision that belongs into the commit that changes it here; one that goes
/// down by more than the tolerance is a gain to keep.
@Suite struct OrionCostTests {
    /// Syncs, and bytes of log and tables, for 1,000 saves of 300 bytes of text that nobody else's batch shares.
    @Test func aThousandSaves() async throws {
        let fixture = try OrionFixture()
        let id = try await fixture.session()
        let text = String(repeating: "What is a write-ahead log? ", count: 12).prefix(300)
        // The first one makes what a session's first message needs.
        #expect(try await fixture.save(id, "\"content\":\"\(text)\"").status == 201)
        let disk = fixture.disk.statistics
        let store = fixture.store.status.statistics
        for _ in 0..<1000 { #expect(try await fixture.save(id, "\"content\":\"\(text)\"").status == 201) }
        let after = fixture.store.status.statistics
        #expect(after.batches - store.batches == 1000)
        #expect(after.logSyncs - store.logSyncs == 1000)
        #expect(fixture.disk.statistics.syncs - disk.syncs == 1000)
        // A group takes whole blocks of 4 KiB.
        #expect(fixture.disk.statistics.bytesAppended - disk.bytesAppended == 1000 * 4096)
        // What the messages take in tables says how large a record is.
        try fixture.store.flush()
        let tables = Int(fixture.store.status.statistics.flushedBytes - store.flushedBytes)
        #expect(isWithin(tables, of: 28_531), "\(tables)")
    }
}

/// Within 1 %.
private func isWithin(_ found: Int, of known: Int) -> Bool { abs(found - known) * 100 <= known }
