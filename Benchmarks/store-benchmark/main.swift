// What the store can do on this machine, every figure beside what limits it.
//
//   store-benchmark [append] [last20] [length] [amplification] [scale] [--directory DIR] [--seconds S] [--rounds N] [--small]
//       [--sessions N] [--mebibytes N]
//
// Without names all parts run. Stores are made in a directory of their own below DIR (TMPDIR, else /tmp) and removed.

import BenchmarkSupport
import Glibc
import TestSupport

struct Settings {
    var parts: [String] = []
    var seconds = 3.0
    var rounds = 5
    var isSmall = false
    /// Of the scale part, instead of a million.
    var sessions: Int?
    /// Of messages that the amplification part writes, instead of 1 GiB.
    var mebibytes: Int?
    /// One of the processes of the scale part, and its store.
    var child: (part: String, path: String)?

    init(_ arguments: ArraySlice<String>) throws {
        var arguments = arguments
        func value(_ name: String) throws -> String {
            guard let value = arguments.popFirst() else { throw BenchmarkFailure(description: "\(name) needs a value") }
            return value
        }
        while let argument = arguments.popFirst() {
            switch argument {
            case "--directory": setenv("TMPDIR", try value(argument), 1)
            case "--seconds": seconds = Double(try value(argument)) ?? seconds
            case "--rounds": rounds = Int(try value(argument)) ?? rounds
            case "--sessions": sessions = Int(try value(argument))
            case "--mebibytes": mebibytes = Int(try value(argument))
            case "--small":
                isSmall = true
                seconds = 0.2
                rounds = 2
            case "scale-load", "scale-write", "scale-measure": child = (argument, try value(argument))
            case "append", "last20", "length", "amplification", "scale": parts.append(argument)
            default: throw BenchmarkFailure(description: "no such part or option: \(argument)")
            }
        }
        if parts.isEmpty { parts = ["append", "last20", "length", "amplification", "scale"] }
    }

    func run() throws {
        let size = sessions.map { Scale(sessions: $0) } ?? (isSmall ? Scale.small : Scale.full)
        switch child?.part {
        case "scale-load": try size.load(child!.path)
        case "scale-write": try size.write(child!.path)
        case "scale-measure": try size.measure(child!.path)
        default:
            for part in parts {
                let directory = TemporaryDirectory()
                try run(part, directory.path)
                // Output goes to files and pipes too: whoever waits for a part sees it.
                fflush(nil)
                withExtendedLifetime(directory) {}
            }
        }
    }

    private func run(_ part: String, _ directory: String) throws {
        switch part {
        case "append": try AppendBenchmark(directory: directory, seconds: seconds, rounds: rounds).run()
        case "last20": try ReadBenchmark(directory: directory, isSmall: isSmall).lastTwenty()
        case "length": try ReadBenchmark(directory: directory, isSmall: isSmall).appendByLength()
        case "amplification":
            try AmplificationBenchmark(path: directory + "/store", isSmall: isSmall, mebibytes: mebibytes).run()
        default: try scale(directory + "/scale")
        }
    }

    private func scale(_ path: String) throws {
        print("scale")
        let flags = isSmall ? ["--small"] : []
        try ChildProcess(["scale-load", path] + flags).relay()
        let writer = try ChildProcess(["scale-write", path] + flags)
        let begun = writer.line()
        writer.kill()
        guard begun != nil else { throw BenchmarkFailure(description: "the writer ended by itself") }
        try ChildProcess(["scale-measure", path] + flags).relay()
    }
}

do {
    try Settings(CommandLine.arguments.dropFirst()).run()
} catch {
    print("failed: \(error)")
    exit(1)
}
