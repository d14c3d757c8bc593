import BenchmarkSupport
import CSyncCounter
import LogStore
import Synchronization

// Durable appends, the engines and the device taking turns.
//
// 1. Each engine gets a store of its own for each number of writers; all stay open.
// 2. A round: the device alone (append 4 KiB and fdatasync, in a file whose space is reserved), then each store for the
//    same time. Each writer has a session of its own.

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
            engine = try kind.open("\(directory)/append-\(kind.name)-\(writers)", writers)
            next = Array(repeating: 1, count: writers)
        }
    }

    func run() throws {
        let disk = try LiveDisk(path: directory + "/device", createIfMissing: true)
        let subjects = try writerCounts.flatMap { writers in
            try engines.map { try Subject($0, directory, writers: writers) }
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
        defer {
            file.close()
            try? disk.unlink(name)
        }
        let block = [UInt8](repeating: 0x61, count: 4096)
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
        let results = Mutex<(latency: Samples, failure: String?)>((Samples(), nil))
        let reached = Mutex(subject.next)
        let syncs = syncCount()
        let start = monotonic()
        let end = start + UInt64(seconds * 1e9)
        let engine = subject.engine
        let threads = (0..<subject.writers).map { index in
            let first = subject.next[index]
            return Writer {
                var source = Messages(seed: UInt64(round) << 32 | UInt64(index))
                let messages = (0..<16).map { _ in source.next() }
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
                reached.withLock { $0[index] = sequence }
                results.withLock {
                    $0.latency.add(latency)
                    if let failure { $0.failure = failure }
                }
            }
        }
        for thread in threads { thread.join() }
        let counted = syncCount() - syncs
        let elapsed = Double(monotonic() - start) / 1e9
        let (latency, failure) = results.withLock { $0 }
        if let failure { throw BenchmarkFailure(description: "\(subject.kind.name): \(failure)") }
        subject.next = reached.withLock { $0 }
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
}
