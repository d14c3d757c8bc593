import LogStore
import Synchronization
import TestSupport
import Testing

@testable import LogStore

/// Copies a directory that is being written, file by file at arbitrary moments, as `cp -r`, `rsync` and `tar` do.
///
/// It lists the names once; then at random moments, in the middle of commits too, it takes one more file: all of it, or
/// as much as it had at some moment before. Every file is a byte prefix of what it later becomes, so whatever the tool's
/// way of reading, nothing else can come out.
///
/// What is promised: a copy that took less than the grace, and any copy that got every file of its listing, opens with
/// at least what was acknowledged before the listing. Files that were obsolete already may vanish under it. A copy that
/// took longer and lost files, which its tool tells, is refused or opens at a state that was.
private final class Copier: Sendable {
    struct State {
        var random: SplitMix64
        var startsIn: Int
        var pace: Int
        var listing: [(name: String, size: Int)]?
        var copy: [String: [UInt8]] = [:]
        var acknowledged: UInt64 = 0
        var startedAt: Int64 = 0
        var endedAt: Int64 = 0
        var vanished: [String] = []
    }
    let state: Mutex<State>
    private let disk: SimulatedDisk
    private let clock: SimulatedClock
    /// Told by the life: what has been acknowledged.
    let acknowledged = Atomic<UInt64>(0)

    init(_ life: SimulatedLife, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let startsIn = Int.random(in: 1...600, using: &random)
        let pace = [1, 3, 30, 150].randomElement(using: &random)!
        state = Mutex(State(random: random, startsIn: startsIn, pace: pace))
        disk = life.disk
        clock = life.clock
    }

    func work() {
        state.withLock { s in
            if s.listing == nil {
                s.startsIn -= 1
                if s.startsIn <= 0 { begin(&s) }
            } else if Int.random(in: 0..<s.pace, using: &s.random) == 0 {
                copyOne(&s)
            }
        }
    }

    func finish() {
        state.withLock { s in
            if s.listing == nil { begin(&s) }
            while !s.listing!.isEmpty { copyOne(&s) }
        }
    }

    private func begin(_ s: inout State) {
        s.acknowledged = acknowledged.load(ordering: .acquiring)
        s.startedAt = clock.now().microseconds
        s.listing = disk.contents().map { ($0.key, $0.value.count) }.sorted { $0.0 < $1.0 }
        s.listing!.shuffle(using: &s.random)
    }

    private func copyOne(_ s: inout State) {
        guard let (name, size) = s.listing!.popLast() else { return }
        s.endedAt = clock.now().microseconds
        guard let bytes = disk.contents()[name] else {
            s.vanished.append(name)
            return
        }
        let count = Bool.random(using: &s.random) ? bytes.count : Int.random(in: size...bytes.count, using: &s.random)
        s.copy[name] = Array(bytes.prefix(count))
    }
}

@Suite("Backup: live copies")
struct LiveCopyTests {
    private static let grace = 60
    private static let seeds: [UInt64] = isTorture ? Array(1...20_000) : Array(1...300)

    private struct Counts {
        var copies = 0
        var complete = 0
        var refused = 0
        var lostFiles = 0
        var outlasted = 0
        var older = 0
        var mostFiles = 0
    }

    @Test("A copy made at arbitrary moments holds everything acknowledged before it began")
    func arbitraryInterleavings() throws {
        var counts = Counts()
        for seed in Self.seeds {
            try live(seed, &counts)
        }
        print(
            "live copies: \(counts.copies) of up to \(counts.mostFiles) files; \(counts.complete) hold all that was "
                + "acknowledged, \(counts.lostFiles) of them without files that were obsolete; \(counts.outlasted) "
                + "outlasted the grace and lost files: \(counts.refused) refused, \(counts.older) at an older state")
        #expect(counts.complete > counts.copies / 2)
        #expect(counts.lostFiles > 0 && counts.outlasted > 0 && counts.refused > 0)
    }

    private func live(_ seed: UInt64, _ counts: inout Counts) throws {
        let stepSeconds = [0.5, 2, 20][Int(seed % 3)]
        let life = try SimulatedLife(seed: seed, graceSeconds: Self.grace, stepSeconds: stepSeconds)
        let copier = Copier(life, seed: seed ^ 0xC0FFEE)
        life.disk.onOperation { _, _ in copier.work() }
        for _ in 0..<110 {
            try life.step()
            copier.acknowledged.store(life.acknowledged, ordering: .releasing)
        }
        copier.finish()
        life.disk.onOperation(nil)
        try judge(seed, life, copier.state.withLock { $0 }, &counts)
    }

    private func judge(_ seed: UInt64, _ life: SimulatedLife, _ copy: Copier.State, _ counts: inout Counts) throws {
        counts.copies += 1
        counts.mostFiles = max(counts.mostFiles, copy.copy.count)
        let isPromised = copy.vanished.isEmpty || copy.endedAt - copy.startedAt < Int64(Self.grace) * 1_000_000
        if !isPromised { counts.outlasted += 1 }
        // Other identities than the original's, as on a real file system.
        let disk = SimulatedDisk(contents: copy.copy).copied()
        let events = Mutex<[String]>([])
        let store: LogStore
        do throws(LogStoreError) {
            store = try open(disk, life, events)
        } catch {
            counts.refused += 1
            if isPromised { Issue.record("seed \(seed): a good copy was refused: \(error)") }
            if case .corrupt = error {} else { Issue.record("seed \(seed): refused as \(error)") }
            return
        }
        #expect(events.withLock { $0.contains("openedCopy") }, "seed \(seed)")
        let lsn = store.status.visibleLSN.rawValue
        if lsn >= copy.acknowledged {
            counts.complete += 1
            if !copy.vanished.isEmpty { counts.lostFiles += 1 }
        } else {
            counts.older += 1
        }
        if isPromised {
            #expect(lsn >= copy.acknowledged, "seed \(seed): LSN \(lsn), acknowledged \(copy.acknowledged)")
        }
        guard lsn < UInt64(life.models.count) else {
            Issue.record("seed \(seed): LSN \(lsn) never was")
            return
        }
        let model = life.models[Int(lsn)]
        if let difference = model.difference(from: store) {
            Issue.record("seed \(seed), LSN \(lsn): \(difference)")
            return
        }
        try store.close()
        // From the second opening on it is a store like any other.
        events.withLock { $0 = [] }
        let again = try open(disk, life, events)
        #expect(!events.withLock { $0.contains("openedCopy") }, "seed \(seed): opened as a copy twice")
        #expect(model.difference(from: again) == nil, "seed \(seed): after the second opening")
        try again.close()
        #expect(try StoreVerifier.verify(disk: disk).findings.isEmpty, "seed \(seed)")
    }

    private func open(
        _ disk: SimulatedDisk, _ life: SimulatedLife, _ events: borrowing Mutex<[String]>
    ) throws(LogStoreError) -> LogStore {
        let seen = Seen()
        let store = try LogStore.open(
            disk: disk, clock: life.clock, random: SplitMix64Random(seed: 99), options: life.options,
            execution: .inline
        ) { event in
            if case .openedCopy = event { seen.add("openedCopy") }
        }
        let names = seen.names
        events.withLock { $0 += names }
        return store
    }

    private final class Seen: Sendable {
        private let list = Mutex<[String]>([])
        func add(_ name: String) { list.withLock { $0.append(name) } }
        var names: [String] { list.withLock { $0 } }
    }

    @Test("A copy whose log had gone before it was copied is refused, not taken for an empty store")
    func withoutLog() throws {
        let fixture = StoreFixture()
        let store = try fixture.open()
        var batch = Batch()
        _ = batch.createSession(id: "s", tenant: "t", user: "ann")
        try store.commit(batch)
        let copy = fixture.disk.copied()
        for name in copy.contents().keys where name.hasSuffix(".wal") { copy.remove(name) }
        #expect(throws: LogStoreError.corrupt(file: "w-*.wal", offset: 0, detail: "the log is missing")) {
            try StoreFixture(disk: copy).open()
        }
        try store.close()
    }
}
