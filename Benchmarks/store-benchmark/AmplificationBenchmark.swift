import BenchmarkSupport
import LogStore
import TestSupport

// How often a byte is written, and how much room it takes, over a long run.
//
// Batches of 64 messages, as 64 writers make them, to sessions of which few are busy (Zipf) and new ones keep coming.
// The head is a quarter of the default, so that a run of minutes sees more merges. Everything is
// done on one thread: the counts are the same in every run.

struct AmplificationBenchmark {
    var path: String
    var isSmall: Bool
    var mebibytes: Int?

    func run() throws {
        let total = mebibytes.map { $0 << 20 } ?? (isSmall ? 8 << 20 : 1 << 30)
        var options = StoreOptions()
        options.softLimitBytes = 0
        options.softLimitPercent = 0
        options.headBytes = isSmall ? 256 << 10 : 16 << 20
        options.deletionGraceSeconds = 0
        let store = try LogStore.open(
            disk: try LiveDisk(path: path, createIfMissing: true), clock: LiveClock(), random: SystemRandom(),
            options: options, execution: .inline)
        var source = Messages(seed: 7)
        var random = SplitMix64(seed: 8)
        var sessions: [SessionKey] = []
        var raw = 0
        var number = 0
        while raw < total {
            var batch = Batch(durability: .buffered)
            for _ in 0..<64 {
                let message = source.next(bytes: Int.random(in: 100...900, using: &random))
                raw += message.count
                // One message in ten begins a session; of the others half go to the sixteenth that is newest.
                if sessions.isEmpty || Int.random(in: 0..<10, using: &random) == 0 {
                    number += 1
                    let user = "user\(number % 5000)"
                    batch.append(message, to: batch.createSession(id: "s\(number)", tenant: "bench", user: user))
                } else {
                    let recent = Bool.random(using: &random) ? sessions.count - sessions.count / 16 : 0
                    let place = Int.random(in: min(recent, sessions.count - 1)..<sessions.count, using: &random)
                    batch.append(message, to: .existing(sessions[place]))
                }
            }
            sessions += try store.commit(batch).sessions
            if number % 50 == 0 { try store.maintain() }
        }
        try store.flush()
        try store.maintain()
        let status = store.status
        let s = status.statistics
        func share(_ bytes: UInt64) -> RecordValue { .number(Double(bytes) / Double(raw)) }
        record(
            "amplification",
            [
                ("rawBytes", .init(raw)), ("log", share(s.logBytes)), ("flushed", share(s.flushedBytes)),
                ("merged", share(s.compactedBytes)), ("onDisk", share(status.tableBytes)),
                ("flushes", .init(s.flushes)),
                ("merges", .init(s.compactions)),
            ])
        func per(_ bytes: UInt64) -> String { number2(Double(bytes) / Double(raw)) }
        print("write amplification, \(raw >> 20) MiB of messages of 100 to 900 B in \(sessions.count) sessions")
        print(
            "  bytes written a message byte: log \(per(s.logBytes)), flushes \(per(s.flushedBytes)), merges "
                + "\(per(s.compactedBytes)), together \(per(s.logBytes + s.flushedBytes + s.compactedBytes))")
        print(
            "  \(s.flushes) flushes, \(s.compactions) merges; \(status.segments) segments, \(status.indexRuns) index runs; "
                + "bytes on disk a message byte, all indexes: \(per(status.tableBytes))")
        try store.close()
    }

    private func number2(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
