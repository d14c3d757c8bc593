import BenchmarkSupport
import TestSupport

// The newest 50 entries of a session: cold and hot; and what the same entries take on the disk.
//
// 1. Every engine is given the same entries in the same order: sessions grow in turns, as chats do, so that a session's
//    entries were written far apart. Then it may put its files in order (flush, compaction, checkpoint).
// 2. Cold: opened anew after the kernel has forgotten its files, 25 random sessions are read; repeated, each time with
//    other sessions. The engines take turns.
// 3. Hot: the sessions of one turn again and again.
// 4. The hash of what was read must be the same for all.

struct EngineRead {
    var engines: [Engines.Kind]
    var directory: String
    var sessions: Int
    var entries: Int
    var turns: Int
    var hotSeconds: Double

    private static let page = 50
    private static let perTurn = 25

    func run() throws {
        for kind in engines { try load(kind) }
        var cold = Dictionary(uniqueKeysWithValues: engines.map { ($0.name, Samples()) })
        var hot = Dictionary(uniqueKeysWithValues: engines.map { ($0.name, Rounds()) })
        for turn in 0..<turns {
            var random = SplitMix64(seed: UInt64(turn))
            let chosen = (0..<Self.perTurn).map { _ in Int.random(in: 0..<sessions, using: &random) }
            var hashes: Set<String> = []
            for kind in engines {
                LiveDirectory.dropPages(path(kind))
                let engine = try kind.open(path(kind), sessions)
                // Opening may have read what lies at the ends of the files.
                LiveDirectory.dropPages(path(kind))
                var samples = Samples()
                var witness = Witness()
                for session in chosen {
                    let found = try samples.time { try engine.last(Self.page, session: session) }
                    guard found.count == min(Self.page, entries) else {
                        throw BenchmarkFailure(description: "\(kind.name): \(found.count) entries")
                    }
                    witness.see(found)
                }
                hashes.insert(witness.text)
                cold[kind.name]?.add(samples)
                let rate = try hotRate(engine, chosen)
                hot[kind.name]?.add(rate)
                record(
                    "engine.read",
                    [
                        ("subject", .text(kind.name)), ("round", .init(turn)), ("hotPerSecond", .number(rate)),
                        ("coldP50", .number(samples.percentile(0.5))), ("coldP90", .number(samples.percentile(0.9))),
                        ("coldMean", .number(samples.mean)),
                    ])
                try engine.close()
            }
            guard hashes.count == 1 else { throw BenchmarkFailure(description: "the engines read different entries") }
        }
        print("the newest \(Self.page) of \(sessions) sessions of \(entries) entries of 300 B")
        for kind in engines {
            print(
                "  \(kind.name): cold \(cold[kind.name]?.summary ?? ""); hot, reads/s: \(hot[kind.name]?.summary ?? "")"
            )
        }
    }

    private func path(_ kind: Engines.Kind) -> String { "\(directory)/read-\(kind.name)" }

    private func load(_ kind: Engines.Kind) throws {
        let engine = try kind.open(path(kind), sessions)
        var source = Messages(seed: 9)
        let start = monotonic()
        var raw = 0
        for sequence in 1...entries {
            for first in stride(from: 0, to: sessions, by: 200) {
                let batch = (first..<min(first + 200, sessions)).map {
                    LoadedEntry(session: $0, sequence: UInt64(sequence), payload: source.next(bytes: 300))
                }
                raw += batch.reduce(0) { $0 + $1.payload.count }
                try engine.load(batch)
            }
        }
        try engine.finishLoading()
        let tables = engine.tableBytes
        try engine.close()
        // Space that is held back for a full disk is the same however much is stored.
        let directoryBytes = LiveDirectory.bytesOnDisk(path(kind)) { $0.hasSuffix("/reserve.bin") }
        let bytes = tables ?? directoryBytes
        let count = sessions * entries
        record(
            "engine.size",
            [
                ("subject", .text(kind.name)), ("entries", .init(count)), ("rawBytes", .init(raw)),
                ("bytes", .init(bytes)), ("directoryBytes", .init(directoryBytes)),
                ("perEntry", .number(Double(bytes) / Double(count))),
            ])
        print(
            "\(kind.name): \(count) entries of \(raw / count) B take \(number(Double(bytes) / Double(count))) B each, "
                + "loaded in \(number(Double(monotonic() - start) / 1e9)) s")
    }

    private func hotRate(_ engine: any Engine, _ chosen: [Int]) throws -> Double {
        let start = monotonic()
        var count = 0
        while Double(monotonic() - start) < hotSeconds * 1e9 {
            for session in chosen { _ = try engine.last(Self.page, session: session) }
            count += chosen.count
        }
        return Double(count) / (Double(monotonic() - start) / 1e9)
    }
}
