import ChatEngine
import LogStore
import TestSupport
import Testing

@testable import Events

/// Long random lives: writes, confirmations, lost confirmations, failures, kills and power cuts in any order.
@Suite struct FaultTests {
    private struct Outcome {
        var events = 0
        var duplicates = 0
        var crashes = 0
        var failures = 0
    }

    @Test func nothingIsLostAndOrderHolds() throws {
        var total = Outcome()
        for seed in 1...UInt64(40) {
            let outcome = try life(seed)
            total.events += outcome.events
            total.duplicates += outcome.duplicates
            total.crashes += outcome.crashes
            total.failures += outcome.failures
        }
        #expect(total.crashes > 40 && total.failures > 100 && total.duplicates > 0)
        print(
            "events: \(total.events) in 40 lives with \(total.crashes) crashes and \(total.failures) failures:",
            "none missing, \(total.duplicates) duplicates")
    }

    @Test func withoutCrashAndFailureNothingComesTwice() throws {
        for seed in 1...UInt64(10) { #expect(try life(seed, isQuiet: true).duplicates == 0) }
    }

    /// - Returns: what happened; expectations are checked here.
    private func life(_ seed: UInt64, isQuiet: Bool = false) throws -> Outcome {
        var random = SplitMix64(seed: seed)
        let fixture = try EventFixture { $0.headBytes = 64 << 10 }
        let sink = FakeSink()
        sink.window = DeliveryWindow(events: Int.random(in: 1...20, using: &random), bytes: 4096, isOneAtATime: false)
        var register = Batch()
        register.setPosition(of: "events:test", to: .zero)
        try fixture.store.commit(register)
        var consumer = fixture.consumer(sink)
        let learners = ["kim", "lee", "sam"]
        let threads = try learners.map { try fixture.thread(of: $0) }
        var written: [String: [String]] = [:]
        var outcome = Outcome()
        var count = 0
        for _ in 0..<400 {
            switch Int.random(in: 0..<(isQuiet ? 60 : 70), using: &random) {
            case 0..<30:
                let who = Int.random(in: 0..<3, using: &random)
                count += 1
                try fixture.say("\(count)", in: threads[who])
                written[learners[who], default: []].append("\(count)")
            case 30..<45: _ = consumer.turn()
            case 45..<55: sink.deliver(Int.random(in: 0...8, using: &random))
            case 55..<57: fixture.clock.advance(microseconds: UInt64.random(in: 0...3_000_000, using: &random))
            case 57: try fixture.store.flush()
            case 58: try fixture.store.maintain()
            case 59: fixture.clock.advance(microseconds: 20_000_000)
            case 60..<64:
                sink.deliverUnconfirmed(Int.random(in: 0...3, using: &random))
                sink.fail()
                outcome.failures += 1
            case 64..<67:
                sink.fail()
                outcome.failures += 1
            default:
                // A kill keeps the page cache, a power cut only what was synced.
                let disk = fixture.disk
                let cut = Bool.random(using: &random)
                let next = cut ? disk.survivors(maximum: 1, seed: random.next())[0] : disk.snapshot()
                try fixture.crash(onto: next)
                sink.reset()
                let position = try #require(try fixture.store.position(of: "events:test"))
                consumer = fixture.consumer(sink, at: position)
                outcome.crashes += 1
            }
        }
        for _ in 0..<2000 where consumer.position < fixture.store.status.durableLSN || !sink.pending.isEmpty {
            _ = consumer.turn()
            sink.deliver()
            fixture.clock.advance(microseconds: 1_000_000)
        }
        check(sink.arrived, written, seed, &outcome)
        return outcome
    }

    /// Of each learner the first arrivals are in the order of writing, and all are there.
    private func check(
        _ arrived: [DomainEvent], _ written: [String: [String]], _ seed: UInt64, _ outcome: inout Outcome
    ) {
        var seen = Set<String>()
        var first: [String: [String]] = [:]
        for event in arrived {
            guard seen.insert(event.id).inserted else {
                outcome.duplicates += 1
                continue
            }
            if let text = event.text { first[event.note.learner, default: []].append(text) }
        }
        #expect(first == written, "seed \(seed)")
        outcome.events += seen.count
    }
}
