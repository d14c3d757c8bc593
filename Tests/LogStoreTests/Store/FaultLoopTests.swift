import LogStore
import TestSupport
import Testing

@Suite("Store: failing disks")
struct FaultLoopTests {
    private static let failures: [OperationFailure] = [
        .error(.io), .error(.noSpace), .partialAppend(bytes: 700, .io), .partialAppend(bytes: 4095, .noSpace),
        .partialAppend(bytes: 700, .noSpace),
        .syncKeepsCache, .syncReverts,
    ]

    @Test(
        "Whichever operation fails, once or for good, an acknowledged batch is there on the healthy disk",
        arguments: Scenario.all)
    func everyOperation(_ scenario: Scenario) throws {
        let healthy = SimulatedDisk()
        #expect(scenario.run(on: healthy).finding == nil)
        var runs = 0
        var refusals = 0
        let stride = isTorture ? 1 : max(1, healthy.operationCount / 7)
        for point in 1...healthy.operationCount {
            for (i, failure) in Self.failures.enumerated() {
                for extent in [FailureExtent.once, .persistently] {
                    guard (point + i) % stride == 0 else { continue }
                    let disk = SimulatedDisk()
                    disk.failOperation(point, failure, extent)
                    let run = FaultyRun(scenario, on: disk)
                    runs += 1
                    refusals += run.refusals
                    disk.clearFailures()
                    if let finding = run.finding ?? run.verdict(disk, after: failure) {
                        Issue.record("\(scenario.name): operation \(point), \(failure) \(extent): \(finding)")
                        return
                    }
                }
            }
        }
        #expect(runs > 10 && refusals > 0)
        print("faults in \(scenario.name): \(runs) runs, \(refusals) refusals")
    }
}

/// A scenario on a disk that fails: goes on after refusals, and ends when the store is poisoned or does not open.
private struct FaultyRun {
    private(set) var refusals = 0
    private(set) var finding: String?
    private let fixture: CrashFixture
    /// What was acknowledged, and the batch whose outcome is unknown, if there is one.
    private var acknowledged = StoreModel()
    /// The states since the last sync, of which buffered batches may be lost; the last is `acknowledged`.
    private var sinceSync = [StoreModel()]
    private var unknown: StoreModel.Change?
    /// The batch in flight may be one that finishes an erasure.
    private var mayHaveFinished = false

    init(_ scenario: Scenario, on disk: SimulatedDisk) {
        fixture = CrashFixture(options: scenario.options)
        var store: LogStore?
        defer { try? store?.close() }
        do {
            store = try fixture.open(disk)
            for step in scenario.steps {
                guard let open = store else { return }
                switch step {
                case .failNextSync: continue
                case .reopen:
                    store = nil
                    try open.close()
                    store = try fixture.open(disk)
                case .flush:
                    do throws(LogStoreError) {
                        try open.flush()
                        sinceSync = [acknowledged]
                    } catch {
                        refusals += 1
                        if case .poisoned = error { return }
                    }
                case .compact:
                    do throws(LogStoreError) { try open.compact() } catch {
                        refusals += 1
                        if case .poisoned = error { return }
                    }
                case .maintain:
                    mayHaveFinished = true
                    do throws(LogStoreError) { try open.maintain() } catch {
                        refusals += 1
                        if case .poisoned = error { return }
                    }
                    if open.status.visibleLSN.rawValue > acknowledged.lsn {
                        acknowledged.applyOwnBatch(now: Scenario.now)
                    }
                    mayHaveFinished = false
                case .commit(let change):
                    guard acknowledged.permits(change) else { continue }
                    if !commit(change, open) { return }
                }
                if let difference = store.flatMap({ acknowledged.difference(from: $0) }) {
                    finding = "while running: \(difference)"
                    return
                }
            }
        } catch {
            refusals += 1
        }
    }

    /// Returns whether the run goes on.
    private mutating func commit(_ change: StoreModel.Change, _ store: LogStore) -> Bool {
        var after = acknowledged
        do throws(LogStoreError) {
            let receipt = try store.commit(acknowledged.batch(change))
            // Refused batches use times up: the receipt's is believed if it rises.
            let expected = after.apply(change, now: receipt.time.microseconds)
            if receipt != expected { finding = "receipt \(receipt), not \(expected)" }
            acknowledged = after
            sinceSync = change.durability == .durable ? [after] : sinceSync + [after]
            return finding == nil
        } catch {
            refusals += 1
            switch error {
            case .poisoned, .io:
                unknown = change
                return false
            case .full:
                return true
            default:
                finding = "an unexpected error: \(error)"
                return false
            }
        }
    }

    /// Judges the state on the healthy disk, then writes to it.
    ///
    /// A sync that fails and reverts takes the pages of earlier groups along that were not synced: buffered batches.
    func verdict(_ disk: SimulatedDisk, after failure: OperationFailure) -> String? {
        do {
            let store = try fixture.open(disk)
            defer { try? store.close() }
            var model = acknowledged
            if let difference = model.difference(from: store) {
                // Each refused batch may have used a time up.
                var candidates = (0...Int64(refusals)).map { used in
                    var candidate = acknowledged
                    if mayHaveFinished { candidate.applyOwnBatch(now: max(Scenario.now, model.lastTime + 1) + used) }
                    if let unknown { _ = candidate.apply(unknown, now: max(Scenario.now, model.lastTime + 1) + used) }
                    return candidate
                }
                if case .syncReverts = failure { candidates += sinceSync }
                guard let found = candidates.first(where: { $0.difference(from: store) == nil }) else {
                    return "reopened: \(difference)"
                }
                model = found
            }
            let change = StoreModel.Change(operations: [.create("after/s", user: "eve"), .append("after/s", "more")])
            let receipt = try store.commit(model.batch(change))
            if receipt != model.apply(change, now: receipt.time.microseconds) {
                return "a wrong receipt after reopening"
            }
            try store.flush()
            return model.difference(from: store).map { "after reopening and writing: \($0)" }
        } catch {
            return "on the healthy disk: \(error)"
        }
    }
}
