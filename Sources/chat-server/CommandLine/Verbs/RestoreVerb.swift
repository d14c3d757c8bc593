internal import ChatEngine
internal import LogStore

extension Flag {
    static let to = Flag("--to", "DIR", summary: "the data directory to make; must not exist or be empty")
    static let at = Flag("--at", "TIME|LSN", summary: "up to and including this time (RFC 3339) or batch number")
    static let logFrom = Flag(
        "--log-from", "DIR", summary: "a directory of the same store whose log reaches further than the backup's")
    static let erasuresFrom = Flag(
        "--erasures-from", "DIR", summary: "a directory of the same store that knows of later erasures")
}

extension Verb {
    static let restore = Verb(
        "restore", "make a data directory from a backup, as it was at a time",
        positionals: [Positional("BACKUP", "a backup, a copy, or a stopped data directory; it is not changed")],
        flags: [.to, .at, .logFrom, .erasuresFrom],
        notes: [
            "The new directory stands exactly at the target: all batches up to it and none behind it. Erasures that the "
                + "backup or a named directory knows of are applied again, also those ordered after the target.",
            "DIR appears only when it is complete: until then the work is in DIR.restoring, and running the same command "
                + "again begins anew.",
        ]
    ) { invocation throws(CommandFailure) in
        let arguments = invocation.arguments
        func directory(_ flag: Flag) -> FlatDirectory? { arguments.values[flag.name]?.last.map { FlatDirectory($0) } }
        guard let to = directory(.to) else { throw CommandFailure(.usage, "restore needs \(Flag.to.synopsis)") }
        let started = wallClockMilliseconds()
        let job = RestoreJob(
            backup: FlatDirectory(arguments.positionals[0]), to: to,
            target: try Self.target(arguments.values[Flag.at.name]?.last), log: directory(.logFrom),
            erasures: directory(.erasuresFrom))
        let report = try job.run()
        let output = invocation.console.output
        output("store \(report.plan.store)")
        output("restored to \(Self.place(report.summary.lsn, report.plan.time)) in \(to.path)")
        output(
            "copied \(report.copied.files) files (\(report.copied.bytes) bytes), replayed \(report.plan.replayed) batches, "
                + "in \(wallClockMilliseconds() - started) ms")
        if report.plan.hasMore { output("note: the backup has more behind that") }
        let erasures = report.summary.erasures
        if report.knownErasures > 0 {
            output(
                "\(report.knownErasures) erasures are known: \(erasures.erased) applied again, \(erasures.absent) about "
                    + "nothing that is there")
        }
        for note in report.notes { output("note: \(note)") }
        guard erasures.held.isEmpty else {
            throw CommandFailure(
                .failure,
                "\(to.path) is restored, but \(erasures.held.count) erasures were not applied again, because at that time "
                    + "a legal hold was on their subjects; lift it and erase them")
        }
        return .success
    }

    private static func target(_ text: String?) throws(CommandFailure) -> RestoreTarget {
        guard let text else { return .newest }
        if let lsn = UInt64(text) { return .lsn(LSN(lsn)) }
        guard let time = Calendar.parse(text) else {
            throw CommandFailure(
                .usage, "--at takes a batch number or a time as 2026-11-21T16:00:00Z, not \"\(text)\"")
        }
        return .time(time)
    }
}
