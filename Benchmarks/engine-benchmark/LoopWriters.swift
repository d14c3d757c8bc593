import BenchmarkSupport
import LogStore
import Synchronization

// Writers without a thread each: two event loops hold them, as those of the server hold its connections. A writer hands
// its entry over with a completion; the thread that commits posts the writer to its loop, and whoever finds the loop's
// list empty wakes it; the loop takes the time and hands over the next entry.

/// An engine whose appends can be waited for without a thread.
protocol CompletionEngine: Engine {
    /// `completion` is called once, on any thread, when the entry is on stable storage (nil) or is not (what went wrong).
    func append(
        _ payload: [UInt8], session: Int, sequence: UInt64, completion: @escaping @Sendable (String?) -> Void) throws
}

/// One loop and its writers.
final class WriterLoop: Sendable {
    private struct Inbox {
        var finished: [Int] = []
        var failure: String?
    }

    private let inbox = Mutex(Inbox())
    private let isFilled = Semaphore()

    private func post(_ writer: Int, _ failure: String?) {
        let wasEmpty = inbox.withLock { inbox in
            if let failure { inbox.failure = failure }
            inbox.finished.append(writer)
            return inbox.finished.count == 1
        }
        if wasEmpty { isFilled.raise() }
    }

    /// Has the writers append until `end`, and waits for their last appends.
    ///
    /// - Parameter next: the writers' sequence numbers; raised by what they appended.
    func run(
        _ engine: any CompletionEngine, _ messages: [[UInt8]], _ next: inout [Int: UInt64], until end: UInt64
    ) throws -> Samples {
        var latency = Samples()
        var began: [Int: UInt64] = [:]
        func begin(_ writer: Int, _ sequence: UInt64) throws {
            began[writer] = monotonic()
            try engine.append(messages[Int(sequence % 16)], session: writer, sequence: sequence) { [self] in
                post(writer, $0)
            }
        }
        for (writer, sequence) in next { try begin(writer, sequence) }
        var busy = next.count
        while busy > 0 {
            isFilled.wait()
            var finished: [Int] = []
            let failure = inbox.withLock { inbox in
                swap(&finished, &inbox.finished)
                return inbox.failure
            }
            if let failure { throw BenchmarkFailure(description: failure) }
            let now = monotonic()
            for writer in finished {
                latency.add(now - began[writer]!)
                next[writer]! += 1
                if now < end { try begin(writer, next[writer]!) } else { busy -= 1 }
            }
        }
        return latency
    }
}
