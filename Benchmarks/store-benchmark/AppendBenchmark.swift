import BenchmarkSupport
import LogStore
import Synchronization
import TestSupport

// Durable appends beside what the device can do.
//
// 1. One store for each number of writers, each writer with a session of its own; all stay open.
// 2. A round: the device alone (append 4 KiB, fdatasync, in a file that is prepared as the log is), then each store for
//    the same time. Rounds repeat, so that a noisy neighbour hits all of them alike.
// 3. Of a round count appends, syncs, and bytes: those of the log and tables as the store counts them, and those that the
//    kernel says went to storage.

struct AppendBenchmark {
    var directory: String
    var seconds: Double
    var rounds: Int
    let writerCounts = [1, 64, 1024]

    private final class Subject {
        let store: LogStore
        let sessions: [SessionKey]
        var rate = Rounds()
        var latency = Samples()
        var appends: UInt64 = 0
        var kernelBytes: UInt64 = 0

        init(_ directory: String, writers: Int) throws {
            store = try openStore("\(directory)/append-\(writers)")
            var source = Messages(seed: 1)
            sessions = try store.load(user: "u", first: 0, sessions: writers, messages: 1, bytes: 100, &source)
        }
    }

    func run() throws {
        let disk = try LiveDisk(path: directory + "/device", createIfMissing: true)
        var device = Rounds()
        var deviceLatency = Samples()
        let subjects = try writerCounts.map { try Subject(directory, writers: $0) }
        for round in 0..<rounds {
            device.add(try deviceRound(disk, round, &deviceLatency))
            for subject in subjects { try appendRound(subject, seed: UInt64(round)) }
        }
        print("durable appends, messages of 500 B JSON, \(number(seconds)) s a round")
        print("  device: 4 KiB and fdatasync/s: \(device.summary); \(deviceLatency.summary)")
        for (writers, subject) in zip(writerCounts, subjects) {
            let statistics = subject.store.status.statistics
            print("  writers: \(writers): appends/s: \(subject.rate.summary)")
            print("    over 1/fdatasync of the device: \(number(subject.rate.median / device.median))")
            print("    latency \(subject.latency.summary)")
            print(
                "    \(subject.appends) appends, \(statistics.logSyncs) log syncs, mean group "
                    + "\(number(Double(statistics.batches) / Double(max(1, statistics.groups)))), largest "
                    + "\(statistics.largestGroup)")
            let payload = Double(subject.appends * 500)
            print(
                "    bytes written a payload byte: log \(number(Double(statistics.logBytes) / payload)), tables "
                    + "\(number(Double(statistics.flushedBytes) / payload)), all as the kernel counts "
                    + "\(number(Double(subject.kernelBytes) / payload))")
            try subject.store.close()
        }
    }

    private func deviceRound(_ disk: LiveDisk, _ round: Int, _ latency: inout Samples) throws -> Double {
        let name = "w-\(round)"
        let file = try disk.create(name)
        defer {
            file.close()
            try? disk.unlink(name)
        }
        let block = [UInt8](repeating: 0x61, count: 4096)
        let start = monotonic()
        var count = 0
        var reserved: UInt64 = 0
        while Double(monotonic() - start) < seconds * 1e9 {
            if file.size + 4096 > reserved {
                reserved += 4 << 20
                try file.reserve(reserved)
            }
            try latency.time {
                try block.withUnsafeBytes { try file.append($0) }
                try file.sync(.logGroup)
            }
            count += 1
        }
        return Double(count) / (Double(monotonic() - start) / 1e9)
    }

    private func appendRound(_ subject: Subject, seed: UInt64) throws {
        let results = Mutex<(appends: UInt64, latency: Samples, failure: String?)>((0, Samples(), nil))
        let written = bytesWritten()
        let start = monotonic()
        let end = start + UInt64(seconds * 1e9)
        let store = subject.store
        let writers = subject.sessions.enumerated().map { index, session in
            Writer {
                var source = Messages(seed: seed << 32 | UInt64(index))
                let messages = (0..<16).map { _ in source.next() }
                var latency = Samples()
                var count: UInt64 = 0
                var failure: String?
                while monotonic() < end {
                    do {
                        try latency.time { try store.append(messages[Int(count % 16)], to: session) }
                        count += 1
                    } catch {
                        failure = "\(error)"
                        break
                    }
                }
                results.withLock {
                    $0.appends += count
                    $0.latency.add(latency)
                    if let failure { $0.failure = failure }
                }
            }
        }
        for writer in writers { writer.join() }
        let elapsed = Double(monotonic() - start) / 1e9
        let (appends, latency, failure) = results.withLock { $0 }
        if let failure { throw BenchmarkFailure(description: "an append failed: \(failure)") }
        subject.rate.add(Double(appends) / elapsed)
        subject.latency.add(latency)
        subject.appends += appends
        subject.kernelBytes += bytesWritten() - written
    }
}
