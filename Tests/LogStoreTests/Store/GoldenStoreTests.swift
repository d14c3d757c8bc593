import TestSupport
import Testing

@testable import LogStore

extension Scenario {
    /// What the golden stores hold: every kind of change, in tables and in the log. Never edited: the stores exist.
    static let golden = Scenario(
        "golden",
        [
            .commit(
                .init(operations: [
                    .create("t/a", user: "ann", state: "{\"a\":1}", tags: 3), .append("t/a", "one"),
                    .append("t/a", "two"),
                    .append("t/a", "three"), .create("t/b", user: "bob"), .append("t/b", "first of b"),
                ])),
            .commit(.init(operations: [.put("t/x", "1"), .put("t/y", "2"), .create("u/a", user: "eve")])),
            .commit(.init(operations: [.append("t/a", "once")], key: "flushed key", keySession: "t/a")),
            .commit(.init(operations: [.amend("t/a", 2, "TWO"), .deleteEntry("t/a", 1)])),
            .flush,
            .commit(.init(operations: [.deleteSession("t/b"), .create("t/c", user: "bob"), .append("t/c", "c")])),
            .commit(.init(operations: [.update("t/a", state: "{\"a\":2}", tags: 9), .position("consumer", 2)])),
            .commit(.init(operations: [.deleteTenant("u")])),
            .flush,
            .commit(.init(operations: [.append("t/c", String(repeating: "long ", count: 2000))])),
            .commit(.init(operations: [.append("t/a", "logged")], key: "logged key", keySession: "t/a")),
            .commit(.init(operations: [.remove("t/x"), .put("t/y", "3"), .deleteEntry("t/c", 1)])),
        ])
}

/// Stores that earlier versions wrote, kept under Tests/Golden: each opens, says what it said, and goes on.
@Suite("Store: golden stores of earlier formats")
struct GoldenStoreTests {
    /// The bytes of every file of a golden store.
    private func contents(_ name: String, _ here: String = #filePath) throws -> [String: [UInt8]] {
        let tests = here.split(separator: "/").dropLast(3).joined(separator: "/")
        let disk = try LiveDisk(path: "/\(tests)/Golden/\(name)")
        var files: [String: [UInt8]] = [:]
        for entry in try disk.list() {
            let file = try disk.open(entry.name)
            files[entry.name] = try file.bytes(at: 0, count: Int(entry.size))
            file.close()
        }
        return files
    }

    @Test("A golden store opens, is what it was, verifies, and goes on", arguments: ["store-1"])
    func opens(name: String) throws {
        let disk = SimulatedDisk(contents: try contents(name))
        let fixture = CrashFixture(options: Scenario.golden.options)
        var store = try fixture.open(disk)
        var model = try #require(Scenario.golden.models.last)
        #expect(model.difference(from: store) == nil)

        for key in ["flushed key", "logged key"] {
            let again = StoreModel.Change(operations: [.append("t/a", "once")], key: key, keySession: "t/a")
            #expect(try store.commit(model.batch(again)).isReplay)
        }
        let more = StoreModel.Change(operations: [.append("t/a", "new"), .create("t/d", user: "dan")])
        let receipt = try store.commit(model.batch(more))
        #expect(receipt == model.apply(more, now: Scenario.now))
        try store.flush()
        try store.close()
        store = try fixture.open(disk)
        #expect(model.difference(from: store) == nil)
        try store.close()
    }
}
