internal import LogStore

extension Flag {
    static let from = Flag("--from", "BACKUP", summary: "a backup or copy of the same store")
}

extension Verb {
    static let repair = Verb(
        "repair", "replace damaged files by those of a backup",
        positionals: [Positional("DIR", "the data directory; no server may run on it")], flags: [.from],
        notes: [
            "Reads every byte of DIR, as `verify` does. A file with damage is replaced when the backup has the same file "
                + "whole; whether that is so is known before anything is changed. Exits with 4 when damage is left."
        ]
    ) { invocation throws(CommandFailure) in
        let path = invocation.arguments.positionals[0]
        guard let from = invocation.arguments.values[Flag.from.name]?.last else {
            throw CommandFailure(.usage, "repair needs \(Flag.from.synopsis)")
        }
        let repair = try RepairJob(directory: FlatDirectory(path), backup: FlatDirectory(from)).run()
        for name in repair.files { invocation.console.output("replaced \(name)") }
        guard repair.after.isEmpty else {
            throw CommandFailure(
                .damaged,
                messages: repair.after.map { "\(path)/\($0.file) offset \($0.offset): \($0.detail)" }
                    + ["\(path) is still damaged; \(from) has no whole file for that, so restore the directory"])
        }
        invocation.console.output(
            repair.before.isEmpty ? "no damage found" : "no damage left; \(repair.before.count) findings mended")
        return .success
    }
}
