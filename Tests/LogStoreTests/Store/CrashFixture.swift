import Glibc
import LogStore
import Synchronization
import TestSupport
import Testing

/// True under CHAT_TORTURE=1: everything is enumerated instead of sampled.
let isTorture = getenv("CHAT_TORTURE").map { String(cString: $0) == "1" } ?? false

/// A scripted life of a store. Its clock stands still, so every LSN and time is known before it runs.
struct Scenario: Sendable, CustomTestStringConvertible {
    enum Step: Sendable {
        case commit(StoreModel.Change)
        case flush
        /// Merges everything.
        case compact
        /// What the maintenance thread would do; `finishes`: an erasure is finished by it, with a batch of its own.
        case maintain(finishes: Bool)
        case reopen
        /// The next commit's sync fails as ext4 does it: the bytes stay in the page cache and never reach the disk.
        case failNextSync
    }

    var name: String
    var options: StoreOptions
    var steps: [Step]
    /// The state after each LSN.
    let models: [StoreModel]

    static let now: Int64 = 1_767_225_600_000_000

    init(_ name: String, _ steps: [Step], _ configure: (inout StoreOptions) -> Void = { _ in }) {
        self.name = name
        self.steps = steps
        options = Self.smallOptions
        configure(&options)
        var models = [StoreModel()]
        for step in steps {
            var model = models[models.count - 1]
            switch step {
            case .commit(let change): if !model.apply(change, now: Self.now).isReplay { models.append(model) }
            case .maintain(finishes: true):
                model.applyOwnBatch(now: Self.now)
                models.append(model)
            default: break
            }
        }
        self.models = models
    }

    var testDescription: String { name }

    static var smallOptions: StoreOptions {
        var options = StoreOptions()
        options.reserveBytes = 0
        options.logReserveBytes = 4096
        options.logFileBytes = 20 << 10
        options.softLimitBytes = 0
        options.cacheBytes = 1 << 18
        options.blockBytes = 4096
        options.deletionGraceSeconds = 0
        return options
    }
}

/// Opens stores of a scenario on simulated disks.
struct CrashFixture: Sendable {
    var options: StoreOptions
    var seed: UInt64 = 7

    func open(_ disk: SimulatedDisk, _ report: @escaping @Sendable (StoreEvent) -> Void = { _ in }) throws -> LogStore {
        try LogStore.open(
            disk: disk, clock: SimulatedClock(start: Timestamp(microseconds: Scenario.now)),
            random: SplitMix64Random(seed: seed), options: options, execution: .inline, report: report)
    }
}

/// What a run of a scenario was told before it ended: the bounds of what recovery may find.
struct RunOutcome: Sendable {
    /// Acknowledged as durable, or served after an opening.
    var durable: UInt64 = 0
    /// Acknowledged at all: survives the death of the process.
    var acknowledged: UInt64 = 0
    /// Handed to the store.
    var attempted: UInt64 = 0
    /// What went wrong other than the crash.
    var finding: String?
}

extension Scenario {
    /// Runs the script until its end or until the disk crashes.
    func run(on disk: SimulatedDisk) -> RunOutcome {
        var outcome = RunOutcome()
        let fixture = CrashFixture(options: options)
        var expectsFailure = false
        do {
            var store = try fixture.open(disk)
            for step in steps {
                switch step {
                case .failNextSync:
                    expectsFailure = true
                    disk.failNext(.logGroup, .syncKeepsCache)
                case .reopen:
                    try store.close()
                    if !expectsFailure { outcome.durable = outcome.acknowledged }
                    store = try fixture.open(disk)
                    let found = store.status.visibleLSN.rawValue
                    if found < outcome.acknowledged || found > outcome.attempted {
                        outcome.finding = "reopened at LSN \(found), acknowledged \(outcome.acknowledged)"
                        return outcome
                    }
                    outcome.durable = found
                    outcome.acknowledged = found
                    expectsFailure = false
                case .flush:
                    try store.flush()
                    outcome.durable = outcome.acknowledged
                case .compact: try store.compact()
                case .maintain(let finishes):
                    if finishes { outcome.attempted += 1 }
                    try store.maintain()
                    outcome.acknowledged = store.status.visibleLSN.rawValue
                    outcome.durable = store.status.durableLSN.rawValue
                case .commit(let change):
                    let before = models[Int(store.status.visibleLSN.rawValue)]
                    var after = before
                    let expected = after.apply(change, now: Self.now)
                    outcome.attempted = max(outcome.attempted, after.lsn)
                    do {
                        let receipt = try store.commit(before.batch(change))
                        if receipt != expected { outcome.finding = "receipt \(receipt), not \(expected)" }
                    } catch {
                        guard expectsFailure, case .poisoned = error else { throw error }
                        continue
                    }
                    outcome.acknowledged = max(outcome.acknowledged, expected.lsn.rawValue)
                    if change.durability == .durable { outcome.durable = outcome.acknowledged }
                }
            }
            if !disk.hasCrashed, let difference = models[Int(outcome.attempted)].difference(from: store) {
                outcome.finding = "at the end of the run: \(difference)"
            }
            try store.close()
            outcome.durable = outcome.acknowledged
        } catch {
            if !disk.hasCrashed { outcome.finding = "without a crash: \(error)" }
        }
        return outcome
    }
}

extension SimulatedDisk {
    /// The next sync at `barrier` fails.
    func failNext(_ barrier: Barrier, _ failure: OperationFailure) {
        let box = Armed()
        onOperation { [weak self] number, operation in
            if operation.barrier == barrier, box.take() { self?.failOperation(number, failure) }
        }
    }

    private final class Armed: Sendable {
        private let flag = Mutex(true)
        func take() -> Bool {
            flag.withLock { armed in
                defer { armed = false }
                return armed
            }
        }
    }
}
