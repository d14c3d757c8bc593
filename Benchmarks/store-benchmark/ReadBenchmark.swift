import BenchmarkSupport
import LogStore
import TestSupport

// Reads of the newest messages, and appends by the length of the session.

struct ReadBenchmark {
    var directory: String
    var isSmall: Bool

    /// The last 20 messages of random sessions: from the cache, and from the device.
    func lastTwenty() throws {
        let path = directory + "/read"
        let count = isSmall ? 50 : 1000
        var sessions: [SessionKey] = []
        var source = Messages(seed: 2)
        var store = try openStore(path)
        for first in stride(from: 0, to: count, by: 10) {
            sessions += try store.load(
                user: "u\(first % 7)", first: first, sessions: 10, messages: 200, bytes: 500, &source)
        }
        try store.flush()
        var random = SplitMix64(seed: 3)
        let hot = Array(sessions.shuffled(using: &random).prefix(100))
        for session in hot { _ = try store.entries(of: session, .last(20)) }
        var samples = Samples()
        var witness = Witness()
        let start = monotonic()
        let reads = isSmall ? 2000 : 50_000
        for i in 0..<reads {
            let entries = try samples.time { try store.entries(of: hot[i % hot.count], .last(20)) }
            if i < hot.count { witness.see(entries) }
        }
        let elapsed = Double(monotonic() - start) / 1e9
        print("last 20 of \(count) sessions with 200 messages of 500 B, one reader")
        print("  hot: \(samples.summary), \(number(Double(reads) / elapsed)) reads/s, witness \(witness.text)")
        try store.close()

        // No cache of the store's, and the kernel forgets the tables before each read.
        store = try openStore(path) { $0.cacheBytes = 0 }
        samples = Samples()
        witness = Witness()
        for session in hot {
            try dropTablePages(path)
            witness.see(try samples.time { try store.entries(of: session, .last(20)) })
        }
        print("  cold: \(samples.summary), witness \(witness.text)")
        try store.close()
    }

    /// Single appends to sessions of very different lengths, taking turns.
    func appendByLength() throws {
        let path = directory + "/length"
        let lengths = isSmall ? [10, 1000, 10_000] : [10, 1000, 100_000, 1_000_000]
        var source = Messages(seed: 4)
        var store = try openStore(path)
        let sessions = try store.load(user: "u", first: 0, sessions: lengths.count, messages: 0, bytes: 0, &source)
        for (session, length) in zip(sessions, lengths) { try store.grow(session, by: length, bytes: 120, &source) }
        try store.flush()
        print("appends of 500 B by length of the session, taking turns; segments: \(store.status.segments)")
        var durable = Array(repeating: Samples(), count: lengths.count)
        var buffered = durable
        let message = source.next()
        for _ in 0..<(isSmall ? 50 : 1000) {
            for (i, session) in sessions.enumerated() {
                try durable[i].time { try store.append(message, to: session) }
                try buffered[i].time { try store.append(message, to: session, .buffered) }
            }
        }
        // The first append after opening has to read the session's row.
        var first = Array(repeating: Samples(), count: lengths.count)
        for round in 0..<(isSmall ? 4 : 20) {
            try store.flush()
            try store.close()
            store = try openStore(path)
            try dropTablePages(path)
            // Whoever is first reads the pages that the rows share: all take turns at it.
            for place in sessions.indices {
                let i = (place + round) % sessions.count
                try first[i].time { try store.append(message, to: sessions[i]) }
            }
        }
        try store.close()
        for (i, length) in lengths.enumerated() {
            record(
                "length",
                [
                    ("length", .init(length)), ("p50", .number(durable[i].percentile(0.5))),
                    ("p99", .number(durable[i].percentile(0.99))), ("firstP50", .number(first[i].percentile(0.5))),
                ])
            print("  \(length) messages: durable \(durable[i].summary); buffered \(buffered[i].summary)")
            print("    first after opening, cold: \(first[i].summary)")
        }
    }
}
