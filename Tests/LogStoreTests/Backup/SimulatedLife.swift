import LogStore
import TestSupport
import Testing

/// A random life of a store on a simulated disk, with the model of its state after each LSN.
///
/// `Flush`, `compact` and `maintain` run in between, and the clock goes on by up to `stepSeconds` each step.
final class SimulatedLife {
    let disk: SimulatedDisk
    let clock = SimulatedClock(stepMicroseconds: 3)
    private(set) var random: SplitMix64
    var options = Scenario.smallOptions
    private(set) var store: LogStore
    /// The state after each LSN, as far as commits have returned.
    private(set) var models = [StoreModel()]
    private var stepSeconds: Double
    private var steps = 0

    init(
        seed: UInt64, graceSeconds: Int, stepSeconds: Double, configure: (inout StoreOptions) -> Void = { _ in }
    ) throws {
        random = SplitMix64(seed: seed)
        disk = SimulatedDisk()
        options.headBytes = 8 << 10
        options.deletionGraceSeconds = graceSeconds
        configure(&options)
        self.stepSeconds = stepSeconds
        store = try LogStore.open(
            disk: disk, clock: clock, random: SplitMix64Random(seed: seed), options: options, execution: .inline)
    }

    var model: StoreModel { models[models.count - 1] }
    var acknowledged: UInt64 { model.lsn }

    func step() throws {
        steps += 1
        clock.advance(microseconds: UInt64(Double.random(in: 0...stepSeconds * 1_000_000, using: &random)))
        switch Int.random(in: 0..<30, using: &random) {
        case 0: try store.flush()
        case 1: try store.compact()
        case 2: try reopen()
        case 3: try maintain()
        default:
            let change = RandomLife.change(model, steps, &random)
            guard model.permits(change) else { return }
            var next = model
            let receipt = try store.commit(next.batch(change))
            let expected = next.apply(change, now: receipt.time.microseconds)
            #expect(receipt == expected)
            if !receipt.isReplay { models.append(next) }
        }
    }

    func maintain() throws {
        try store.maintain()
        guard store.status.visibleLSN.rawValue > model.lsn else { return }
        // Erasures were finished, with a batch of the store's own.
        let time = try #require(try store.erasures().compactMap(\.finishedAt).max())
        var next = model
        next.applyOwnBatch(now: time.microseconds)
        models.append(next)
    }

    func reopen() throws {
        try store.close()
        store = try LogStore.open(
            disk: disk, clock: clock, random: SplitMix64Random(seed: random.next()), options: options,
            execution: .inline)
    }
}
