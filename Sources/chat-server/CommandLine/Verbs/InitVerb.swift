internal import LogStore

extension Verb {
    /// Makes a store, or finds that there is one.
    static let initialize = Verb(
        "init", "make a data directory", flags: [.dataDirectory],
        notes: [
            "Makes the directory, the store and the server's secret where they are missing, prints the store's id, and "
                + "leaves alone what is there. `serve` does the same by itself."
        ]
    ) { invocation throws(CommandFailure) in
        guard let directory = invocation.arguments.overrides.last?.text else {
            throw CommandFailure(.usage, "init needs \(Flag.dataDirectory.synopsis)")
        }
        do throws(LogStoreError) {
            let disk: LiveDisk
            do throws(DiskError) { disk = try LiveDisk(path: directory, createIfMissing: true) } catch {
                throw .io(error)
            }
            let store = try LogStore.open(disk: disk, clock: LiveClock(), random: SystemRandom())
            let id = store.id
            try store.close()
            invocation.console.output("store \(id)")
        } catch {
            throw CommandFailure(error, directory: directory)
        }
        _ = try ServerSecret.loadOrMake(in: directory)
        return .success
    }
}
