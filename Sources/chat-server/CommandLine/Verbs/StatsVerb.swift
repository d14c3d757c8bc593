internal import LogStore

extension Flag {
    static let json = Flag("--json", summary: "print one JSON object")
}

extension Verb {
    /// Tells what a data directory holds, also while a server runs on it.
    static let stats = Verb(
        "stats", "tell what a data directory holds", positionals: [Positional("DIR", "the data directory")],
        flags: [.json],
        notes: [
            "Reads the newest manifest and the list of files, changes nothing and needs no lock: it also works while "
                + "the server runs. What is in the log only is not counted yet."
        ]
    ) { invocation throws(CommandFailure) in
        let directory = invocation.arguments.positionals[0]
        let summary: StoreSummary
        do throws(LogStoreError) {
            summary = try StoreInspector.inspect(disk: try LiveDisk(existing: directory))
        } catch {
            throw CommandFailure(error, directory: directory)
        }
        let lines = invocation.arguments.has(.json) ? [StatsText.json(summary)] : StatsText.lines(summary)
        for line in lines { invocation.console.output(line) }
        return .success
    }
}

/// The two forms of a store's summary. Both are made from the same list, so that neither knows more than the other.
private enum StatsText {
    private static func counts(_ s: StoreSummary) -> [(name: String, value: UInt64)] {
        [
            ("formatVersion", UInt64(s.formatVersion)), ("manifest", s.manifest), ("flushedLsn", s.flushedLSN.rawValue),
            ("generations", s.generations), ("segments", UInt64(s.segments)), ("indexRuns", UInt64(s.indexRuns)),
            ("entries", s.entries), ("entryBytes", s.rawBytes), ("sessionsCreated", s.sessionsCreated),
            ("usersCreated", s.usersCreated), ("tenantsCreated", s.tenantsCreated),
        ]
    }

    static func lines(_ s: StoreSummary) -> [String] {
        let counts = counts(s)
        let width = counts.map(\.name.count).max() ?? 0
        func row(_ name: String, _ value: String) -> String {
            name + String(repeating: " ", count: max(width - name.count, 0)) + "  " + value
        }
        var lines = [row("store", s.store.description)]
        for (name, value) in counts { lines.append(row(name, String(value))) }
        for kind in StoreSummary.FileKind.allCases {
            guard let files = s.files[kind] else { continue }
            lines.append(row(kind.rawValue, "\(files.count) files, \(files.bytes) bytes"))
        }
        for file in s.logFiles { lines.append(row(file.name, "from LSN \(file.firstLSN), \(file.bytes) bytes")) }
        return lines
    }

    /// Names are of letters, digits, `-` and `.` only, so nothing needs escaping.
    static func json(_ s: StoreSummary) -> String {
        var members = ["\"store\":\"\(s.store)\"", "\"createdAtMs\":\(s.createdAt.milliseconds)"]
        members.append("\"flushedAtMs\":" + (s.flushedTime.map { String($0.milliseconds) } ?? "null"))
        for (name, value) in counts(s) { members.append("\"\(name)\":\(value)") }
        let files = StoreSummary.FileKind.allCases.compactMap { kind in
            s.files[kind].map { "\"\(kind.rawValue)\":{\"files\":\($0.count),\"bytes\":\($0.bytes)}" }
        }
        members.append("\"files\":{\(files.joined(separator: ","))}")
        let log = s.logFiles.map { "{\"name\":\"\($0.name)\",\"firstLsn\":\($0.firstLSN),\"bytes\":\($0.bytes)}" }
        members.append("\"logFiles\":[\(log.joined(separator: ","))]")
        return "{\(members.joined(separator: ","))}"
    }
}
