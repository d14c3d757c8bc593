import LogStore
import Testing

@Suite("Store: crashes")
struct CrashTests {
    @Test(
        "Whatever a crash at any disk operation leaves, recovery finds what was acknowledged", arguments: Scenario.all)
    func everyCrashPoint(_ scenario: Scenario) {
        let report = CrashEnumeration(scenario: scenario).run()
        for finding in report.findings { Issue.record("\(scenario.name): \(finding)") }
        #expect(report.crashPoints > 5)
        print(
            "crashes of \(scenario.name): \(report.crashPoints) points, \(report.openings) openings, "
                + "\(report.recoveryCrashes) crashes of recovery")
    }
}
