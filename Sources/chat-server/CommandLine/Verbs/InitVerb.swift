internal import ChatEngine
internal import LogStore

extension Flag {
    static let demo = Flag("--demo", summary: "fill the new store with a few users and conversations")
}

extension Verb {
    /// Makes a store, or finds that there is one.
    static let initialize = Verb(
        "init", "make a data directory", flags: [.dataDirectory, .demo],
        notes: [
            "Makes the directory, the store and the server's secret where they are missing, prints the store's id, and "
                + "leaves alone what is there. `serve` does the same by itself.",
            "With --demo the store gets some conversations to look at. It is refused for a store that has sessions of "
                + "its own; a store that has the demo already stays as it is.",
        ]
    ) { invocation throws(CommandFailure) in
        guard let directory = invocation.arguments.overrides.last?.text else {
            throw CommandFailure(.usage, "init needs \(Flag.dataDirectory.synopsis)")
        }
        let store: LogStore
        do throws(LogStoreError) {
            store = try LogStore.open(
                disk: try LiveDisk(making: directory), clock: LiveClock(), random: SystemRandom())
        } catch {
            throw CommandFailure(error, directory: directory)
        }
        do throws(CommandFailure) {
            // While the store is open, so that no other process makes it too.
            _ = try ServerSecret.loadOrMake(in: directory)
            invocation.console.output("store \(store.id)")
            if invocation.arguments.has(.demo) { invocation.console.output(try addDemo(to: store, directory)) }
        } catch {
            try? store.close()
            throw error
        }
        do throws(LogStoreError) { try store.close() } catch { throw CommandFailure(error, directory: directory) }
        return .success
    }

    /// - Returns: what to tell the operator.
    private static func addDemo(to store: LogStore, _ directory: String) throws(CommandFailure) -> String {
        let engine = ChatEngine(
            store: store, clock: LiveClock(), random: SystemRandom(), readers: ReaderPool(threads: 1))
        defer { engine.close() }
        let outcome: DemoStore.Outcome?
        do throws(ChatError) { outcome = try DemoStore.fill(engine) } catch {
            throw CommandFailure(.failure, "the demo cannot be written to \(directory): \(error)")
        }
        guard let outcome else {
            throw CommandFailure(.failure, "\(directory) has sessions of its own; --demo fills an empty store only")
        }
        guard outcome != DemoStore.Outcome() else { return "the demo is there already" }
        return "added \(outcome.sessions) sessions and \(outcome.messages) messages; try userId=alice@example.com"
    }
}

extension LiveDisk {
    /// A directory that is made if it is missing.
    convenience init(making path: String) throws(LogStoreError) {
        do throws(DiskError) { try self.init(path: path, createIfMissing: true) } catch { throw .io(error) }
    }
}
