internal import LogStore

extension Verb {
    /// Reads every byte of a store that no process has open.
    static let verify = Verb(
        "verify", "read and check every byte of a data directory",
        positionals: [Positional("DIR", "the data directory, or a copy of one")],
        notes: ["Changes nothing. Exits with 4 when data is damaged: each line of stderr names a file and an offset."]
    ) { invocation throws(CommandFailure) in
        let directory = invocation.arguments.positionals[0]
        let report: VerifyReport
        do throws(LogStoreError) {
            report = try StoreVerifier.verify(disk: try LiveDisk(existing: directory))
        } catch {
            throw CommandFailure(error, directory: directory)
        }
        if let store = report.store { invocation.console.output("store \(store)") }
        invocation.console.output(
            "read \(report.files) files, \(report.bytes) bytes: \(report.manifests) manifests, "
                + "\(report.tables) tables, \(report.logFiles) log files")
        invocation.console.output(
            "checked \(report.entries) entries, \(report.indexPairs) index pairs (\(report.rows) session rows) and "
                + "\(report.batches) logged batches")
        for note in report.notes {
            let place = note.offset > 0 ? " at offset \(note.offset)" : ""
            invocation.console.output("note: \(note.file)\(place): \(Self.meaning(of: note))")
        }
        guard report.isClean else {
            let count = report.findings.count
            throw CommandFailure(
                .damaged,
                messages: report.findings.map { "\(directory)/\($0.file) offset \($0.offset): \($0.detail)" }
                    + ["\(directory) is damaged in \(count) \(count == 1 ? "place" : "places")"])
        }
        invocation.console.output("no damage found")
        return .success
    }

    private static func meaning(of note: VerifyReport.Note) -> String {
        switch note.kind {
        case .orphan: "\(note.bytes) bytes of a flush that was cut short; removed when the store is opened"
        case .foreign: "not a file of the store, not checked"
        case .void: "\(note.bytes) bytes that the next log file replaces"
        case .tornTail: "\(note.bytes) bytes of a write that was cut short and never acknowledged"
        case .unfinished: "its creation was cut short; it holds nothing"
        case .obsolete: "an older manifest whose tables have gone; removed when the store is opened"
        case .cut: "an earlier opening cut the log here"
        case .copy: "the directory is a copy"
        }
    }
}

extension LiveDisk {
    /// A directory that must exist.
    convenience init(existing path: String) throws(LogStoreError) {
        do throws(DiskError) { try self.init(path: path) } catch { throw .io(error) }
    }
}
