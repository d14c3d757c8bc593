import LogStore
import TestSupport
import Testing

@Suite("Store: damaged files")
struct DamageTests {
    /// A closed store, and its model at each LSN.
    private static let scenario = Scenario.all.first { $0.name == "edit and delete" }!

    private func closedStore() throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        let outcome = Self.scenario.run(on: disk)
        #expect(outcome.finding == nil)
        return disk.snapshot()
    }

    /// nil: a typed error, or the answer of one of the models.
    private func judge(_ disk: SimulatedDisk, from low: UInt64, _ errors: inout Int) -> String? {
        let models = Self.scenario.models
        do throws(LogStoreError) {
            let store = try LogStore.open(
                disk: disk, clock: SimulatedClock(start: Timestamp(microseconds: Scenario.now)),
                random: SplitMix64Random(seed: 3), options: Self.scenario.options, execution: .inline)
            let found = store.status.visibleLSN.rawValue
            guard found >= low, found < UInt64(models.count) else { return "LSN \(found)" }
            guard let difference = models[Int(found)].difference(from: store) else { return nil }
            errors += 1
            return difference.hasPrefix("a read failed: corrupt") ? nil : difference
        } catch {
            errors += 1
            if case .corrupt = error { return nil }
            if case .newerFormat = error { return nil }
            return "an unexpected error: \(error)"
        }
    }

    @Test("A flipped bit anywhere is a typed error or changes no answer")
    func flippedBits() throws {
        let closed = try closedStore()
        let newest = UInt64(Self.scenario.models.count - 1)
        var flips = 0
        var errors = 0
        for (name, bytes) in closed.contents().sorted(by: { $0.key < $1.key }) {
            // The first bytes hold the headers; behind them a stride that meets every bit position.
            var bit = 0
            while bit < bytes.count * 8 {
                let disk = closed.snapshot()
                disk.addReadFault(.flippedBit(offset: bit / 8, bit: bit % 8), to: name)
                flips += 1
                if let finding = judge(disk, from: newest, &errors) {
                    Issue.record("\(name), byte \(bit / 8), bit \(bit % 8): \(finding)")
                    return
                }
                bit += isTorture ? 1 : (bit < 1024 ? 61 : 2053)
            }
        }
        #expect(errors > 0)
        print("flipped bits: \(flips), of which \(errors) gave an error")
    }

    /// The end of the newest log file that holds batches cannot be told from a tail that was never written: cutting it
    /// may give an older state, but a whole one.
    @Test("A file cut short is a typed error or changes no answer; a log's tail is at most forgotten")
    func truncations() throws {
        let closed = try closedStore()
        let newest = UInt64(Self.scenario.models.count - 1)
        var errors = 0
        for (name, bytes) in closed.contents().sorted(by: { $0.key < $1.key }) {
            var random = SplitMix64(seed: UInt64(bytes.count))
            var sizes = [0, 1, bytes.count / 2, bytes.count - 1]
            for _ in 0..<(isTorture ? 500 : 8) { sizes.append(Int.random(in: 0..<bytes.count, using: &random)) }
            for size in sizes {
                let disk = closed.snapshot()
                disk.overwrite(name, with: Array(bytes.prefix(size)))
                if let finding = judge(disk, from: name.hasSuffix(".wal") ? 0 : newest, &errors) {
                    Issue.record("\(name) cut to \(size): \(finding)")
                    return
                }
            }
        }
        #expect(errors > 0)
    }
}
