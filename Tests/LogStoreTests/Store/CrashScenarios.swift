import LogStore

extension Scenario {
    /// The scripted lives that crash, fault and barrier tests share. Each is short: every operation of it is a crash point.
    static let all: [Scenario] = [
        initialise, createAndAppend, rotation, flushes, amendments, deletions, documents, buffered, reopening,
        failedSync,
        manyFlushes, automaticFlush, compaction, tieredCompaction, erasure,
        imports,
    ]

    private static func commit(_ operations: StoreModel.Operation...) -> Step { .commit(.init(operations: operations)) }
    private static func buffer(_ operations: StoreModel.Operation...) -> Step {
        .commit(.init(operations: operations, durability: .buffered))
    }
    /// A text of some length that tells where it comes from.
    private static func text(_ name: String, _ bytes: Int) -> String {
        String(String(repeating: name + " ", count: bytes / (name.count + 1) + 1).prefix(bytes))
    }

    private static let initialise = Scenario("initialise", [])

    private static let createAndAppend = Scenario(
        "create and append",
        [
            commit(.create("t/a", user: "ann", state: "{}", tags: 3), .append("t/a", "one"), .append("t/a", "two")),
            commit(.append("t/a", "three")),
            commit(.create("t/b", user: "bob"), .append("t/b", text("b", 5000)), .append("t/a", "four")),
        ])

    private static let rotation = Scenario(
        "rotation",
        [commit(.create("t/a", user: "ann"))] + (0..<7).map { commit(.append("t/a", text("m\($0)", 3000))) })

    private static let flushes = Scenario(
        "flush",
        [
            commit(.create("t/a", user: "ann", state: "1"), .append("t/a", "one")),
            .flush,
            commit(.append("t/a", "two"), .create("t/b", user: "ann", state: "2")),
            commit(.append("t/b", text("three", 9000))),
            .flush,
            commit(.append("t/a", "four")),
        ])

    private static let amendments = Scenario(
        "edit and delete",
        [
            commit(.create("t/a", user: "ann"), .append("t/a", "1"), .append("t/a", "2"), .append("t/a", "3")),
            commit(.amend("t/a", 2, "two")),
            .flush,
            commit(.deleteEntry("t/a", 1), .update("t/a", state: "s", tags: 9)),
            .flush,
            commit(.amend("t/a", 3, "three"), .append("t/a", "4")),
            commit(.deleteEntry("t/a", 4)),
        ])

    private static let deletions = Scenario(
        "delete sessions and users",
        [
            commit(.create("t/a", user: "ann"), .append("t/a", "1"), .create("t/b", user: "bob"), .append("t/b", "2")),
            commit(.create("u/a", user: "eve"), .append("u/a", "3"), .create("t/c", user: "bob")),
            .flush,
            commit(.deleteSession("t/a")),
            commit(.create("t/a", user: "ann", state: "again")),
            commit(.deleteUser("t/bob")),
            .flush,
            commit(.create("t/b", user: "bob"), .append("t/b", "new")),
            commit(.deleteTenant("u")),
            commit(.create("u/a", user: "eve")),
        ])

    private static let documents = Scenario(
        "documents and idempotency",
        [
            commit(.put("t/x", "1"), .put("t/y", "2"), .create("t/a", user: "ann")),
            .commit(.init(operations: [.append("t/a", "once")], key: "k", keySession: "t/a")),
            .flush,
            .commit(.init(operations: [.append("t/a", "once")], key: "k", keySession: "t/a")),
            commit(.remove("t/x"), .put("t/y", "3"), .position("consumer", 2)),
            .commit(.init(operations: [.append("t/a", "more")], key: "l", keySession: "t/a")),
            .flush,
            commit(.position("consumer", nil), .remove("t/none")),
        ])

    private static let buffered = Scenario(
        "buffered, then durable",
        [
            commit(.create("t/a", user: "ann")),
            buffer(.append("t/a", "1")),
            buffer(.append("t/a", text("2", 6000))),
            commit(.append("t/a", "3")),
            buffer(.append("t/a", "4")),
            .flush,
            buffer(.append("t/a", "5")),
            .reopen,
            buffer(.append("t/a", "6")),
        ])

    private static let reopening = Scenario(
        "reopen",
        [
            commit(.create("t/a", user: "ann"), .append("t/a", "1")),
            .reopen,
            commit(.append("t/a", "2")),
            .reopen,
            .flush,
            .reopen,
            commit(.append("t/a", "3"), .create("t/b", user: "ann")),
        ])

    private static let failedSync = Scenario(
        "a sync that failed, then a restart",
        [
            commit(.create("t/a", user: "ann")),
            commit(.append("t/a", "1")),
            .failNextSync,
            commit(.append("t/a", "2")),
            .reopen,
            commit(.append("t/a", "3")),
        ])

    /// Everything that a merge may drop, and tombstones that have to stay.
    private static let compaction = Scenario(
        "compaction",
        [
            commit(
                .create("t/a", user: "ann", state: "1"), .append("t/a", "1"), .append("t/a", "2"), .append("t/a", "3")),
            commit(.create("t/b", user: "bob"), .append("t/b", "gone"), .put("t/x", "1"), .put("t/y", "2")),
            commit(.create("u/a", user: "eve"), .append("u/a", "e")),
            .flush,
            commit(.amend("t/a", 2, "two"), .deleteEntry("t/a", 1), .remove("t/x")),
            commit(.deleteSession("t/b")),
            .flush,
            .compact,
            commit(.append("t/a", "4"), .create("t/b", user: "bob"), .append("t/b", "new")),
            commit(.deleteUser("u/eve"), .amend("t/a", 3, "three")),
            .flush,
            .reopen,
            .compact,
            commit(.append("t/a", "5"), .create("u/a", user: "eve")),
        ])

    /// Enough small tables for the picker, and a maintenance that has nothing to finish.
    private static let tieredCompaction = Scenario(
        "tiered compaction",
        [commit(.create("t/a", user: "ann"), .create("t/b", user: "bob"))]
            + (0..<9).flatMap { [commit(.append("t/a", "m\($0)"), .append("t/b", "n\($0)")), .flush] }
            + [.maintain(finishes: false), commit(.deleteEntry("t/a", 3)), .reopen, commit(.append("t/a", "last"))])

    private static let erasure = Scenario(
        "erasure",
        [
            commit(.create("t/a", user: "ann", state: canary), .append("t/a", canary), .append("t/a", "2")),
            commit(.create("t/b", user: "bob"), .append("t/b", "stays"), .attach("t/a", "name", "", canary)),
            commit(.put("t/gone", canary), .attach("t/b", "name", "", "stays")),
            .flush,
            commit(.attach("t/a", "name", "1", canary)),
            .flush,
            commit(.amend("t/a", 2, canary), .append("t/b", "too")),
            .commit(.init(operations: [.append("t/a", "x")], key: canary, keySession: "t/a")),
            .flush,
            commit(.append("t/a", canary), .attach("t/a", canary, "", "x")),
            commit(.remove("t/gone"), .eraseSession("t/a")),
            .maintain(finishes: true),
            commit(.append("t/b", "after")),
            .reopen,
            commit(.eraseUser("t/bob")),
            .maintain(finishes: true),
        ])

    /// Times that are not the batches' survive heads, flushes and merges.
    private static let imports = Scenario(
        "import",
        [
            commit(
                .create("t/a", user: "ann", state: "s"), .append("t/a", "1"), .entryTimes("t/a", 1, createdAt: 1000),
                .append("t/a", ""), .deleteEntry("t/a", 2), .append("t/a", ""),
                .entryTimes("t/a", 3, createdAt: 3000), .amend("t/a", 3, "edited"),
                .entryTimes("t/a", 3, amendedAt: 4000), .sessionTimes("t/a", createdAt: 500, updatedAt: 3000)),
            .flush,
            commit(
                .append("t/a", "4"), .entryTimes("t/a", 4, createdAt: -5), .update("t/a", state: "t", touch: false),
                .sessionTimes("t/a", updatedAt: 9000)),
            .flush,
            commit(.amend("t/a", 1, "one"), .entryTimes("t/a", 1, amendedAt: 7000)),
            .compact,
            .reopen,
            commit(.append("t/a", "5")),
        ])

    /// Bytes that nothing else holds and that no compression hides.
    static let canary = "q8Zr4vNw1LxYb7TkGm2PdJc9"

    /// More flushes than manifests are retained, so that manifests and log files go.
    private static let manyFlushes = Scenario(
        "many flushes",
        [commit(.create("t/a", user: "ann"))]
            + (0..<11).flatMap { [commit(.append("t/a", text("m\($0)", 4200))), .flush] }
            + [commit(.append("t/a", "last"))])

    private static let automaticFlush = Scenario(
        "a small head",
        [commit(.create("t/a", user: "ann"))] + (0..<6).map { commit(.append("t/a", text("m\($0)", 1500))) }
    ) { $0.headBytes = 4000 }
}
