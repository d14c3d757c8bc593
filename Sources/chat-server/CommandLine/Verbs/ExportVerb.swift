internal import ChatEngine
internal import Glibc
internal import LogStore

extension Flag {
    static let format = Flag("--format", "jsonl", summary: "the only format: a JSON object a line")
    static let since = Flag(
        "--since", "TIME", summary: "only sessions that were touched since, such as 2026-11-21 or 2026-11-21T08:00:00Z")
    static let output = Flag("--output", "FILE", summary: "a new file; else stdout")
}

extension Verb.Positional {
    static let place = Verb.Positional("DIR|URL", "a data directory, or http://HOST:PORT of a server's admin listener")
}

extension Verb {
    /// Writes out everything.
    static let export = Verb(
        "export", "write sessions and messages as JSON lines", positionals: [.place],
        flags: [.format, .tenant, .user, .since, .output],
        notes: [
            "Nothing is left out that an import could need: ids, numbers, times, every attribute, deleted sessions and "
                + "the numbers of deleted messages. The last line is of type `end`; a file without it is not whole.",
            "Exits with 4 if damaged data had to be left out; the export has a line for each session that it is about.",
        ]
    ) { invocation throws(CommandFailure) in
        let values = invocation.arguments.values
        if let format = values[Flag.format.name]?.last, format != "jsonl" {
            throw CommandFailure(.usage, "the format \(format) is not known, only jsonl")
        }
        var filter = ExportFilter(tenant: values[Flag.tenant.name]?.last, user: values[Flag.user.name]?.last)
        if filter.user != nil, filter.tenant == nil { throw CommandFailure(.usage, "--user needs --tenant") }
        if let since = values[Flag.since.name]?.last {
            guard let time = Calendar.parse(since) else {
                throw CommandFailure(
                    .usage, "--since \(since) is not a time such as 2026-11-21 or 2026-11-21T08:00:00Z")
            }
            filter.since = time
        }
        return try AdminTarget.run(invocation.arguments.positionals[0]) { target throws(CommandFailure) in
            var sink = try ExportSink(path: values[Flag.output.name]?.last)
            try Self.write(target, filter, values[Flag.since.name]?.last, &sink)
            return try sink.finish()
        }
    }

    private static func write(
        _ target: AdminTarget, _ filter: ExportFilter, _ since: String?, _ sink: inout ExportSink
    ) throws(CommandFailure) {
        switch target {
        case .directory(let directory, let engine):
            do throws(ChatError) {
                var exporter = try engine.export(filter, .operator)
                sink.expected = Int(engine.status.storedEntries)
                while let piece = try exporter.next() {
                    do throws(CommandFailure) { try sink.write(piece[...]) } catch {
                        throw ChatError.unavailable(error.messages[0])
                    }
                }
            } catch .unavailable(let reason) {
                throw CommandFailure(.failure, reason)
            } catch {
                throw CommandFailure(.failure, "\(directory): \(OperationRefusal(error).reason)")
            }
        case .server(let client):
            var query: [String] = []
            for (name, value) in [("tenant", filter.tenant), ("user", filter.user), ("since", since)] {
                if let value { query.append("\(name)=\(AdminClient.percentEncoded(value))") }
            }
            var refused: [UInt8] = []
            let reply = try client.stream("GET", "/export" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
            {
                reply, piece throws(CommandFailure) in
                guard reply.status == 200 else { return refused += piece }
                sink.expected = reply.header(AdminClient.storedMessages).flatMap { Int($0) }
                try sink.write(piece)
            }
            guard reply.status == 200 else { throw target.refusal(reply.status, try? JSONValue(parsing: refused)) }
        }
    }
}

/// Where an export goes, and what is noticed of it on the way: how many lines of which type, and whether the last is there.
struct ExportSink {
    /// About how many messages there will be; nil: not known.
    var expected: Int?

    private let descriptor: Int32
    private let path: String?
    private var progress: Progress
    private var line: [UInt8] = []
    private var messages = 0
    private var damaged = 0
    private var hasEnd = false

    /// - Parameter path: of a file that is made; nil: stdout.
    init(path: String?) throws(CommandFailure) {
        self.path = path
        progress = Progress("messages", sharesTerminal: path == nil)
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure(.failure, "\(path) cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    mutating func write(_ piece: ArraySlice<UInt8>) throws(CommandFailure) {
        guard writeAll(Array(piece), to: descriptor) else {
            throw CommandFailure(.failure, "\(path ?? "stdout") takes no more: \(String(cString: strerror(errno)))")
        }
        // Only the beginnings of lines are looked at.
        for byte in piece {
            if byte == 0x0A {
                note()
                line.removeAll(keepingCapacity: true)
            } else if line.count < 18 {
                line.append(byte)
            }
        }
        progress.update(count: messages, share: expected.map { Double(messages) / Double(max(1, $0)) })
    }

    private mutating func note() {
        if line.starts(with: #"{"type":"message""#.utf8) { messages += 1 }
        if line.starts(with: #"{"type":"damaged""#.utf8) { damaged += 1 }
        hasEnd = line.starts(with: #"{"type":"end""#.utf8)
    }

    mutating func finish() throws(CommandFailure) -> ExitCode {
        progress.finish()
        guard hasEnd else { throw CommandFailure(.failure, "the export broke off before its end") }
        if path != nil {
            let isSafe = fsync(descriptor) == 0
            close(descriptor)
            guard isSafe else { throw CommandFailure(.failure, "\(path!) could not be synced") }
        }
        guard damaged == 0 else {
            throw CommandFailure(
                .damaged, "damaged data of \(damaged) sessions is not in the export; `verify` says where")
        }
        return .success
    }
}
