internal import ChatEngine
internal import LogStore

extension Flag {
    static let copyAll = Flag("--copy", summary: "copy every file, also where links would do")
}

extension Verb {
    static let backup = Verb(
        "backup", "copy a data directory, also while a server runs on it",
        positionals: [
            Positional("DIR", "the data directory"),
            Positional("DEST", "an empty or new directory, or an earlier backup of the same store"),
        ], flags: [.copyAll],
        notes: [
            "Everything acknowledged before it began is in the backup. Files that never change again are hard-linked "
                + "where DEST is on the same file system: that costs no space and no time, and protects from mistakes "
                + "but not from a broken disk; --copy copies them. An earlier backup is brought up to date: what it has "
                + "already is not copied again, what no longer belongs goes.",
            "The server's secret is in the backup too: keep it as private as the directory.",
        ]
    ) { invocation throws(CommandFailure) in
        let arguments = invocation.arguments
        let started = wallClockMilliseconds()
        var job = BackupJob(
            source: FlatDirectory(arguments.positionals[0]), destination: FlatDirectory(arguments.positionals[1]),
            links: !arguments.has(.copyAll))
        let (summary, report) = try job.run()
        let output = invocation.console.output
        let milliseconds = wallClockMilliseconds() - started
        output("store \(summary.store)")
        output("holds \(Self.place(summary.lsn, summary.time)), restorable back to LSN \(summary.oldestLSN)")
        output("\(summary.tables) tables and \(summary.logFiles) log files, all there and checked")
        output(
            "copied \(report.copiedFiles) files (\(report.copiedBytes) bytes), linked \(report.linkedFiles) "
                + "(\(report.linkedBytes) bytes), \(report.unchangedFiles) unchanged, \(report.removedFiles) removed, "
                + "in \(milliseconds) ms")
        if report.holdsSecret { output("note: the server's secret is in it: keep it private") }
        return .success
    }

    /// `LSN 7 of 2026-01-01T00:00:00.000000Z`: to the microsecond, so that `restore --at` finds the very batch.
    static func place(_ lsn: LSN, _ time: Timestamp?) -> String {
        guard let time else { return "LSN \(lsn)" }
        var bytes = Array("LSN \(lsn) of ".utf8)
        bytes.append(isoMicroseconds: time)
        return String(decoding: bytes, as: UTF8.self)
    }
}
