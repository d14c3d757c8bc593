// The store beside RocksDB, SQLite and LMDB, each called through its C API from this program.
//
//   engine-benchmark [append] [read] [--directory DIR] [--seconds S] [--rounds N] [--small] [--engine NAME]
//                    [--writers N]
//
// Without names both parts run. Stores are made in a directory of their own below DIR (TMPDIR, else /tmp) and removed.

import BenchmarkSupport
import Glibc
import TestSupport

func runEngines(_ arguments: ArraySlice<String>) throws {
    var arguments = arguments
    var parts: [String] = []
    var seconds = 1.5
    var rounds = 5
    var isSmall = false
    var engines = Engines.all
    var writers = [1, 64]
    func value(_ name: String) throws -> String {
        guard let value = arguments.popFirst() else { throw BenchmarkFailure(description: "\(name) needs a value") }
        return value
    }
    while let argument = arguments.popFirst() {
        switch argument {
        case "append", "read": parts.append(argument)
        case "--directory": setenv("TMPDIR", try value(argument), 1)
        case "--seconds": seconds = Double(try value(argument)) ?? seconds
        case "--rounds": rounds = Int(try value(argument)) ?? rounds
        case "--small": isSmall = true
        case "--writers": writers = [Int(try value(argument)) ?? 1]
        case "--engine":
            let name = try value(argument)
            engines = (Engines.all + [Engines.onLoops]).filter { $0.name == name }
            if engines.isEmpty { throw BenchmarkFailure(description: "no such engine: \(name)") }
        default: throw BenchmarkFailure(description: "no such part or option: \(argument)")
        }
    }
    if parts.isEmpty { parts = ["append", "read"] }
    for part in parts {
        let directory = TemporaryDirectory()
        if part == "append" {
            try EngineAppend(
                engines: engines, directory: directory.path, seconds: seconds, rounds: rounds, writerCounts: writers
            ).run()
        } else {
            try EngineRead(
                engines: engines, directory: directory.path, sessions: isSmall ? 200 : 2000,
                entries: isSmall ? 60 : 200,
                turns: max(1, rounds), hotSeconds: isSmall ? 0.1 : 0.5
            ).run()
        }
        withExtendedLifetime(directory) {}
    }
}

do {
    try runEngines(CommandLine.arguments.dropFirst())
} catch {
    print("failed: \(error)")
    exit(1)
}
