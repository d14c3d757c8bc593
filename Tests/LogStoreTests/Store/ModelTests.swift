import LogStore
import TestSupport
import Testing

@Suite("Store: against plain dictionaries")
struct ModelTests {
    @Test("A long random life gives the same answers as plain dictionaries", arguments: [1, 2, 3] as [UInt64])
    func randomLife(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let disk = SimulatedDisk()
        let clock = SimulatedClock(stepMicroseconds: 3)
        var options = Scenario.smallOptions
        options.headBytes = 8 << 10
        func open() throws -> LogStore {
            try LogStore.open(
                disk: disk, clock: clock, random: SplitMix64Random(seed: random.next()), options: options,
                execution: .inline)
        }
        var store = try open()
        var model = StoreModel()
        var refused = 0
        for step in 0..<(isTorture ? 6000 : 220) {
            switch Int.random(in: 0..<40, using: &random) {
            case 0: try store.flush()
            case 1:
                try store.close()
                store = try open()
            case 2: try store.compact()
            case 3:
                try store.maintain()
                if store.status.visibleLSN.rawValue > model.lsn {
                    // An erasure was finished, with a batch of its own.
                    let time = try #require(try store.erasures().compactMap(\.finishedAt).max())
                    model.applyOwnBatch(now: time.microseconds)
                }
            default:
                let change = RandomLife.change(model, step, &random)
                guard model.permits(change) else {
                    refused += 1
                    continue
                }
                let receipt = try store.commit(model.batch(change))
                let expected = model.apply(change, now: receipt.time.microseconds)
                #expect(receipt == expected, "seed \(seed), step \(step)")
            }
            if step % 40 == 39, let difference = model.difference(from: store) {
                Issue.record("seed \(seed), step \(step): \(difference)")
                return
            }
            if let difference = try Self.queryDifference(model, store, &random) {
                Issue.record("seed \(seed), step \(step): \(difference)")
                return
            }
        }
        try store.close()
        store = try open()
        #expect(model.difference(from: store) == nil)
        #expect(model.lsn > 50)
        print(
            "model, seed \(seed): \(model.lsn) batches, \(model.everSessions.count) sessions, \(refused) not permitted")
    }

    /// One random page of entries and one random list, compared.
    private static func queryDifference(
        _ model: StoreModel, _ store: LogStore, _ random: inout SplitMix64
    ) throws -> String? {
        guard let path = model.live.keys.sorted().randomElement(using: &random), let session = model.session(path)
        else { return nil }
        let last = session.info.lastSequence
        var query = EntryQuery(
            limit: Int.random(in: 1...6, using: &random), order: Bool.random(using: &random) ? .ascending : .descending)
        if Bool.random(using: &random) { query.after = .random(in: 0...last, using: &random) }
        if Bool.random(using: &random) { query.before = .random(in: 0...last + 1, using: &random) }
        var entries = session.entries.filter {
            $0.sequence > (query.after ?? 0) && $0.sequence < (query.before ?? .max)
        }
        if query.order == .descending { entries.reverse() }
        if try store.entries(of: session.info.key, query) != Array(entries.prefix(query.limit)) {
            return "\(query) of \(path)"
        }
        let owner = session.info.key.owner
        var list = SessionQuery(
            sort: Bool.random(using: &random) ? .createdAt : .updatedAt, ascending: Bool.random(using: &random),
            limit: Int.random(in: 1...4, using: &random))
        if Bool.random(using: &random) {
            list.tagMask = 1
            list.tagValue = 1
        }
        if Bool.random(using: &random) { list.createdFrom = session.info.createdAt }
        let expected = model.list(list) { $0.owner == owner }
        if try StoreModel.pages(list, { try store.sessions(of: owner, $0) }) != expected {
            return "\(list) of \(owner)"
        }
        return nil
    }
}
