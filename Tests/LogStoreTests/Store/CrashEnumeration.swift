import LogStore
import Synchronization
import TestSupport

/// Crashes a scenario everywhere and judges what recovery makes of it.
///
/// ## Steps
/// 1. Run the script once to count its disk operations; then once for each, crashing there.
/// 2. Of each crash take a bounded, seeded choice of the directories that it could leave, and open each.
/// 3. Judge: the state is the model at some LSN (a prefix, whole batches, deleted stays deleted, dense sequences, equal
///    lists) that is at least what was acknowledged and at most what was attempted (so at most the batch in flight more).
/// 4. Crash again right after recovery, and after one more commit: nothing that was served or acknowledged may go.
/// 5. For some directories crash recovery itself at each of its operations, and judge as in 3.
///
/// Two more rules: bytes of a finished erasure are in no file; and, of order, a manifest that verifies has all its tables.
struct CrashEnumeration {
    var scenario: Scenario
    var droppedBarriers: Set<Barrier> = []
    /// Directories a crash point; of them again after recovery and after a commit.
    var survivors = isTorture ? 400 : 5
    var second = isTorture ? 12 : 1
    /// Every how many directories step 4 is taken.
    var secondStride = isTorture ? 1 : 3
    /// Every how many directories recovery is crashed as well.
    var recoveryStride = isTorture ? 5 : 61
    /// Crash points before this part of the run are left out.
    var skippedPart = 0.0
    /// Ends at the first finding.
    var stopsEarly = false

    struct Report {
        var crashPoints = 0
        var openings = 0
        var recoveryCrashes = 0
        var findings: [String] = []
    }

    func run() -> Report {
        var report = Report()
        let disk = SimulatedDisk()
        disk.droppedBarriers = droppedBarriers
        if let finding = scenario.run(on: disk).finding {
            report.findings.append(finding)
            return report
        }
        var visited = 0
        for point in 1 + Int(Double(disk.operationCount) * skippedPart)...disk.operationCount {
            let disk = SimulatedDisk()
            disk.droppedBarriers = droppedBarriers
            disk.crash(at: point)
            let outcome = scenario.run(on: disk)
            report.crashPoints += 1
            if let finding = outcome.finding { report.findings.append("crash at \(point): \(finding)") }
            let states = disk.crashStates()
            for index in states.indices(maximum: survivors, seed: UInt64(point)) {
                judge(states[index], outcome, crashesAgain: visited % secondStride == 0, &report)
                visited += 1
                if visited % recoveryStride == 0 { crashRecovery(states, index, outcome, &report) }
                if report.findings.count >= (stopsEarly ? 1 : 5) { return report }
            }
        }
        return report
    }

    /// Steps 2 to 4 for one directory.
    private func judge(
        _ disk: SimulatedDisk, _ outcome: RunOutcome, crashesAgain: Bool, _ report: inout Report
    ) {
        let isKill = disk.origin.contains("process killed")
        let low = isKill ? outcome.acknowledged : outcome.durable
        guard let store = reopen(disk, low...max(low, outcome.attempted), scenario.models, &report) else { return }
        guard crashesAgain else { return }
        let served = store.status.visibleLSN.rawValue
        for survivor in disk.survivors(maximum: second, seed: served) {
            _ = reopen(survivor, served...served, scenario.models, &report)
        }
        var model = scenario.models[Int(served)]
        let change = StoreModel.Change(operations: [.create("after/s", user: "eve"), .append("after/s", "more")])
        do {
            let receipt = try store.commit(model.batch(change))
            let expected = model.apply(change, now: Scenario.now)
            if receipt != expected { report.findings.append("\(disk.origin): receipt \(receipt), not \(expected)") }
        } catch {
            report.findings.append("\(disk.origin): no commit after recovery: \(error)")
            return
        }
        var models = scenario.models
        models[Int(served)...] = [scenario.models[Int(served)], model]
        for survivor in disk.survivors(maximum: second, seed: served + 1) {
            _ = reopen(survivor, model.lsn...model.lsn, models, &report)
        }
    }

    /// Step 5 for one directory.
    private func crashRecovery(_ states: CrashStates, _ index: Int, _ outcome: RunOutcome, _ report: inout Report) {
        let whole = states[index]
        guard (try? CrashFixture(options: scenario.options, seed: 99).open(whole)) != nil else { return }
        guard whole.operationCount > 0 else { return }
        for point in 1...whole.operationCount {
            let disk = states[index]
            disk.crash(at: point)
            _ = try? CrashFixture(options: scenario.options, seed: 99).open(disk)
            report.recoveryCrashes += 1
            for survivor in disk.survivors(maximum: second, seed: UInt64(point)) {
                _ = reopen(
                    survivor, outcome.durable...max(outcome.durable, outcome.attempted), scenario.models, &report)
            }
        }
    }

    /// A file with erased bytes, although the ledger calls the erasure finished. Sectors of a torn write that show what
    /// was freed elsewhere are the file system's, not the store's.
    private func canary(_ store: LogStore, _ disk: SimulatedDisk) throws -> String? {
        guard !disk.origin.contains("stale"), try store.erasures().contains(where: { $0.finishedAt != nil }) else {
            return nil
        }
        return disk.holders(of: Scenario.canary).first
    }

    /// Opens a directory and compares it with the model of the LSN that it is at.
    private func reopen(
        _ disk: SimulatedDisk, _ bounds: ClosedRange<UInt64>, _ models: [StoreModel], _ report: inout Report
    ) -> LogStore? {
        report.openings += 1
        let skipped = Recorder()
        do {
            // Another seed each time: epochs of two openings are never the same.
            let fixture = CrashFixture(options: scenario.options, seed: 1000 + UInt64(report.openings))
            let store = try fixture.open(disk) { event in
                if case .skippedManifest(_, let reason) = event, !reason.contains(".man") { skipped.add(reason) }
            }
            let found = store.status.visibleLSN.rawValue
            if let reason = skipped.lines.first {
                report.findings.append("\(disk.origin): a manifest without its tables: \(reason)")
            }
            guard bounds.contains(found), found < UInt64(models.count) else {
                report.findings.append("\(disk.origin): recovered LSN \(found), not in \(bounds)")
                return nil
            }
            if let difference = models[Int(found)].difference(from: store) {
                report.findings.append("\(disk.origin): LSN \(found): \(difference)")
                return nil
            }
            if let file = try canary(store, disk) {
                report.findings.append("\(disk.origin): LSN \(found): erased bytes in \(file)")
                return nil
            }
            return store
        } catch {
            report.findings.append("\(disk.origin): does not open: \(error)")
            return nil
        }
    }
}
