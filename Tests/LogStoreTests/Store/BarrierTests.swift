import LogStore
import Testing

@Suite("Store: barriers")
struct BarrierTests {
    @Test("A store without one of its barriers is caught", arguments: Barrier.allCases)
    func isLoadBearing(_ barrier: Barrier) {
        for scenario in Self.scenarios(barrier) {
            var enumeration = CrashEnumeration(scenario: scenario)
            enumeration.droppedBarriers = [barrier]
            enumeration.stopsEarly = true
            enumeration.secondStride = 1
            enumeration.second = isTorture ? 12 : 3
            enumeration.survivors = isTorture ? 400 : 16
            if barrier == .manifestFile { enumeration.skippedPart = 0.9 }
            if let finding = enumeration.run().findings.first {
                print("without \(barrier.rawValue): \(scenario.name): \(finding)")
                return
            }
        }
        Issue.record("no scenario notices that \(barrier.rawValue) is missing")
    }

    /// Where each barrier is waited for with something at stake.
    private static func scenarios(_ barrier: Barrier) -> [Scenario] {
        let names: [String] =
            switch barrier {
            case .formatFile, .formatDirectory, .openManifest, .manifestDirectory: ["initialise", "flush"]
            case .tableFile, .tableDirectory: ["flush"]
            // Recovery falls back on older manifests: only when all that are retained were never synced is one missed.
            case .manifestFile: ["many flushes"]
            case .logSeal: ["rotation"]
            case .openLog: ["rotation", "reopen"]
            case .unlinkDirectory: ["erasure"]
            case .logHeader: ["a sync that failed, then a restart"]
            case .logDirectory, .logGroup: ["create and append"]
            }
        return names.map { name in Scenario.all.first { $0.name == name }! }
    }
}
