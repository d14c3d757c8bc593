import BenchmarkSupport
import CSyncCounter
import Glibc
import LogStore
import Synchronization

// Durable appends, the engines and the device taking turns.
//
// 1. Each engine gets a store of its own for each number of writers; all stay open.
// 2. A round: the device alone (append 4 KiB and fdatasync, in a file whose space is reserved), then each store for the
//    same time. Each writer has a session of its own, and a thread of its own; with many writers the store is measured a
//    second time with the writers on two event loops. Before each the kernel writes out what the others left, which
//    their own syncs would otherwise have to wait for.

struct EngineAppend {
    var engines: [Engines.Kind]
    var directory: String
    var seconds: Double
    var rounds: Int
    var writerCounts: [Int]

    private final class Subject {
        let kind: Engines.Kind
        let writers: Int
        let engine: any Engine
        var next: [UInt64]
        var rate = Rounds()
        var latency = Samples()

        init(_ kind: Engines.Kind, _ directory: String, writers: Int) throws {
            self.kind = kind
            self.writers = writers
            let name = kind.name.filter { $0.isLetter || $0.isNumber }
            engine = try kind.open("\(directory)/append-\(name)-\(writers)", writers)
            next = Array(repeating: 1, count: writers)
        }
    }

    func run() throws {
        let disk = try LiveDisk(path: directory + "/device", createIfMissing: true)
        let subjects = try writerCounts.flatMap { writers in
            let kinds = engines.flatMap { kind in
                kind.name == "chat-server" && engines.count > 1 && writers > 1 ? [kind, Engines.onLoops] : [kind]
            }
            return try kinds.map { try Subject($0, directory, writers: writers) }
        }
        var device = Rounds()
        for round in 0..<rounds {
            let (rate, latency) = try deviceRound(disk, "w-\(round)")
            device.add(rate)
            record(
                "engine.device",
                [
                    ("round", .init(round)), ("perSecond", .number(rate)), ("p50", .number(latency.percentile(0.5))),
                    ("p99", .number(latency.percentile(0.99))),
                ])
            for subject in subjects { try appendRound(subject, round) }
        }
        print("durable appends of 500 B, \(number(seconds)) s a round")
        print("  device, 4 KiB and fdatasync: \(device.summary)")
        for subject in subjects {
            print(
                "  \(subject.kind.name), \(subject.writers) writers: \(subject.rate.summary); \(subject.latency.summary)"
            )
            try subject.engine.close()
        }
    }

    private func deviceRound(_ disk: LiveDisk, _ name: String) throws -> (Double, Samples) {
        let file = try disk.create(name)
        // Not unlinked before the end: what frees its blocks would fall into the next engine's round.
        defer { file.close() }
        let block = [UInt8](repeating: 0x61, count: 4096)
        sync()
        let result = Mutex<Result<(rate: Double, latency: Samples), any Error>?>(nil)
        let seconds = seconds
        // On a thread of its own, as every engine's writers: where the scheduler puts it decides what a wake-up costs.
        let thread = Writer {
            let measured = Result {
                var latency = Samples()
                var reserved: UInt64 = 0
                let start = monotonic()
                while Double(monotonic() - start) < seconds * 1e9 {
                    if file.size + 4096 > reserved {
                        reserved += 4 << 20
                        try file.reserve(reserved)
                    }
                    try latency.time {
                        try block.withUnsafeBytes { try file.append($0) }
                        try file.sync(.logGroup)
                    }
                }
                return (rate: Double(latency.nanoseconds.count) / (Double(monotonic() - start) / 1e9), latency: latency)
            }
            result.withLock { $0 = measured }
        }
        thread.join()
        guard let measured = result.withLock({ $0 }) else { throw BenchmarkFailure(description: "nothing measured") }
        let (rate, latency) = try measured.get()
        return (rate, latency)
    }

    private func appendRound(_ subject: Subject, _ round: Int) throws {
        sync()
        let syncs = syncCount()
        let start = monotonic()
        let end = start + UInt64(seconds * 1e9)
        let (latency, next) =
            subject.kind.loops > 0 ? try onLoops(subject, round, until: end) : try onThreads(subject, round, until: end)
        let counted = syncCount() - syncs
        let elapsed = Double(monotonic() - start) / 1e9
        subject.next = next
        let rate = Double(latency.nanoseconds.count) / elapsed
        subject.rate.add(rate)
        subject.latency.add(latency)
        let fields: [(String, RecordValue)] = [
            ("subject", .text(subject.kind.name)), ("writers", .init(subject.writers)), ("round", .init(round)),
            ("perSecond", .number(rate)), ("appends", .init(latency.nanoseconds.count)),
            ("p50", .number(latency.percentile(0.5))), ("p99", .number(latency.percentile(0.99))),
            ("syncs", .init(counted)),
        ]
        record("engine.append", fields)
    }

    private func messages(_ round: Int, _ index: Int) -> [[UInt8]] {
        var source = Messages(seed: UInt64(round) << 32 | UInt64(index))
        return (0..<16).map { _ in source.next() }
    }

    /// A thread for each writer.
    private func onThreads(_ subject: Subject, _ round: Int, until end: UInt64) throws -> (Samples, [UInt64]) {
        let results = Mutex<(latency: Samples, next: [UInt64], failure: String?)>((Samples(), subject.next, nil))
        let engine = subject.engine
        let threads = subject.next.enumerated().map { index, first in
            Writer {
                let messages = messages(round, index)
                var latency = Samples()
                var sequence = first
                var failure: String?
                while monotonic() < end, failure == nil {
                    do {
                        try latency.time {
                            try engine.append(messages[Int(sequence % 16)], session: index, sequence: sequence)
                        }
                        sequence += 1
                    } catch { failure = "\(error)" }
                }
                results.withLock {
                    $0.latency.add(latency)
                    $0.next[index] = sequence
                    if let failure { $0.failure = failure }
                }
            }
        }
        for thread in threads { thread.join() }
        let found = results.withLock { $0 }
        if let failure = found.failure { throw BenchmarkFailure(description: "\(subject.kind.name): \(failure)") }
        return (found.latency, found.next)
    }

    /// The writers in turns on a few loops.
    private func onLoops(_ subject: Subject, _ round: Int, until end: UInt64) throws -> (Samples, [UInt64]) {
        guard let engine = subject.engine as? any CompletionEngine else {
            throw BenchmarkFailure(description: "\(subject.kind.name) has no completions")
        }
        let results = Mutex<(latency: Samples, next: [UInt64], failure: String?)>((Samples(), subject.next, nil))
        let all = subject.next
        let loops = subject.kind.loops
        let threads = (0..<loops).map { loop in
            Writer {
                var next: [Int: UInt64] = [:]
                for writer in all.indices where writer % loops == loop { next[writer] = all[writer] }
                do {
                    let latency = try WriterLoop().run(engine, messages(round, loop), &next, until: end)
                    results.withLock {
                        $0.latency.add(latency)
                        for (writer, sequence) in next { $0.next[writer] = sequence }
                    }
                } catch {
                    let failure = "\(error)"
                    results.withLock { $0.failure = failure }
                }
            }
        }
        for thread in threads { thread.join() }
        let found = results.withLock { $0 }
        if let failure = found.failure { throw BenchmarkFailure(description: "\(subject.kind.name): \(failure)") }
        return (found.latency, found.next)
    }
}
