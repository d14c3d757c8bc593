import Synchronization
import TestSupport
import Testing

@testable import LogStore

/// Concurrent histories of one session, checked for linearizability.
///
/// ## The check
/// The receipts give the writes a total order, their LSNs. A history is linearizable if
/// 1. of two writes of which one ended before the other began, the earlier has the lower LSN; and
/// 2. every read shows the state at some LSN that is at least that of every write that ended before the read began, and
///    below that of every write that began after the read ended; and of two reads of which one ended before the other
///    began the later one's LSN can be chosen not below the earlier one's.
/// Beginnings and ends are numbered by one counter.
@Suite("Store: concurrent histories")
struct LinearizabilityTests {
    private enum Outcome: Sendable {
        case appended(LSN, SequenceNumber)
        case deleted(LSN, SequenceNumber)
        case refused
        case read([SequenceNumber])
    }

    private struct Operation: Sendable {
        var began: Int
        var ended: Int
        var outcome: Outcome

        var lsn: UInt64? {
            switch outcome {
            case .appended(let lsn, _), .deleted(let lsn, _): lsn.rawValue
            default: nil
            }
        }
    }

    @Test(
        "Concurrent appends, deletions and reads have an order that explains all answers",
        arguments: [1, 2] as [UInt64])
    func histories(_ seed: UInt64) throws {
        var fixture = StoreFixture(seed: seed)
        fixture.options.headBytes = 96 << 10
        fixture.options.deletionGraceSeconds = 0
        let store = try fixture.open(.threaded)
        let histories = isTorture ? 5000 : 150
        var operations = 0
        for history in 0..<histories {
            var batch = Batch()
            let target = batch.createSession(id: "h\(history)", tenant: "t", user: "ann")
            batch.append([0], to: target)
            let receipt = try store.commit(batch)
            let recorded = run(store, receipt.sessions[0], seed: seed << 32 | UInt64(history))
            operations += recorded.count
            if let violation = check(recorded, after: receipt) {
                Issue.record("seed \(seed), history \(history): \(violation)")
                return
            }
        }
        print(
            "histories, seed \(seed): \(histories) of \(operations) operations, \(store.status.statistics.flushes) flushes"
        )
        #expect(store.status.statistics.flushes > 0)
        try store.close()
    }

    /// Four threads on one session.
    private func run(_ store: LogStore, _ key: SessionKey, seed: UInt64) -> [Operation] {
        let counter = Atomic<Int>(0)
        let recorded = Mutex<[Operation]>([])
        withExtendedLifetime(counter) {
            let threads = (0..<4).map { thread in
                WorkerThread {
                    var random = SplitMix64(seed: seed &* 31 &+ UInt64(thread))
                    for _ in 0..<6 {
                        let choice = Int.random(in: 0..<10, using: &random)
                        let began = counter.add(1, ordering: .sequentiallyConsistent).newValue
                        let outcome = Self.perform(choice, store, key, &random)
                        let ended = counter.add(1, ordering: .sequentiallyConsistent).newValue
                        recorded.withLock { $0.append(Operation(began: began, ended: ended, outcome: outcome)) }
                    }
                }
            }
            for thread in threads { thread.join() }
        }
        return recorded.withLock { $0 }
    }

    private static func perform(
        _ choice: Int, _ store: LogStore, _ key: SessionKey, _ random: inout SplitMix64
    ) -> Outcome {
        var batch = Batch()
        switch choice {
        case 0..<4:
            batch.append([UInt8](repeating: 1, count: 200), to: .existing(key))
            guard let receipt = try? store.commit(batch) else { return .refused }
            return .appended(receipt.lsn, receipt.sequences[0])
        case 4..<6:
            let sequence = SequenceNumber.random(in: 1...8, using: &random)
            batch.deleteEntry(sequence, of: .existing(key))
            guard let receipt = try? store.commit(batch) else { return .refused }
            return .deleted(receipt.lsn, sequence)
        default:
            let entries = (try? store.entries(of: key, EntryQuery(limit: 100))) ?? []
            return .read(entries.map(\.sequence))
        }
    }

    private func check(_ operations: [Operation], after creation: CommitReceipt) -> String? {
        let writes = operations.filter { $0.lsn != nil }.sorted { $0.lsn! < $1.lsn! }
        for (i, a) in writes.enumerated() {
            for b in writes[..<i] where a.ended < b.began { return "LSN \(a.lsn!) ended before \(b.lsn!) began" }
        }
        // The states, in order: before all writes, then after each.
        var states: [(lsn: UInt64, live: [SequenceNumber])] = [(creation.lsn.rawValue, [1])]
        for write in writes {
            var live = states[states.count - 1].live
            switch write.outcome {
            case .appended(_, let sequence): live.append(sequence)
            case .deleted(_, let sequence):
                guard live.contains(sequence) else { return "entry \(sequence) was deleted while it was not there" }
                live.removeAll { $0 == sequence }
            default: break
            }
            states.append((write.lsn!, live))
        }
        var placed: [(read: Operation, state: Int)] = []
        for read in operations.filter({ $0.lsn == nil }).sorted(by: { $0.ended < $1.ended }) {
            guard case .read(let seen) = read.outcome else { continue }
            let low = writes.lastIndex { $0.ended < read.began }.map { $0 + 1 } ?? 0
            let high = writes.firstIndex { $0.began > read.ended } ?? writes.count
            let floor = placed.filter { $0.read.ended < read.began }.map(\.state).max() ?? 0
            let first = max(low, floor)
            let last = max(high, floor)
            guard first <= last, let state = (first...last).first(where: { states[$0].live == seen }) else {
                return "a read of \(seen) fits no state between \(low) and \(high), not before \(floor): \(states)"
            }
            placed.append((read, state))
        }
        return nil
    }
}
