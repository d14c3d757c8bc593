internal import LogStore

extension Verb {
    static let compact = Verb(
        "compact", "merge all tables of a data directory", positionals: [Positional("DIR", "the data directory")],
        notes: [
            "For a directory that no server runs on; a running one does it at POST /compact of the admin listener. What "
                + "was deleted is in no table afterwards. The files from before stay for `store.deletion-grace` and go "
                + "while the server runs."
        ]
    ) { invocation throws(CommandFailure) in
        let directory = FlatDirectory(invocation.arguments.positionals[0])
        try onStore(of: directory) { () throws(LogStoreError) in
            let disk = try LiveDisk(existing: directory.path)
            // Nothing is to be made in a directory of something else.
            _ = try StoreInspector.inspect(disk: disk)
            let store = try LogStore.open(disk: disk, clock: LiveClock(), random: SystemRandom(), execution: .inline)
            let before = store.status
            do throws(LogStoreError) { try store.compact() } catch {
                try? store.close()
                throw error
            }
            let after = store.status
            try store.close()
            invocation.console.output(
                "\(before.segments + before.indexRuns) tables of \(before.tableBytes) bytes and \(before.headBytes) bytes "
                    + "of the log are now \(after.segments + after.indexRuns) tables of \(after.tableBytes) bytes")
        }
        return .success
    }
}
