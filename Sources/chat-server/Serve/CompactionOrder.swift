internal import Glibc
internal import LogStore
internal import Synchronization

/// Runs a whole compaction when the operator asks for one: one at a time, on a thread of its own, because it waits for
/// the disk.
final class CompactionOrder: Sendable {
    private let store: LogStore
    private let logger: Logger
    private let isRunning = Atomic<Bool>(false)

    init(store: LogStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    enum Start {
        case started
        case underWay
        case failed
    }

    func start() -> Start {
        guard !isRunning.exchange(true, ordering: .acquiringAndReleasing) else { return .underWay }
        let this = Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<CompactionOrder>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, this)
        guard code == 0 else {
            Unmanaged<CompactionOrder>.fromOpaque(this).release()
            isRunning.store(false, ordering: .releasing)
            logger.error("no thread for a compaction", [("reason", .string(String(cString: strerror(code))))])
            return .failed
        }
        pthread_detach(thread)
        return .started
    }

    private func run() {
        let before = store.status
        do throws(LogStoreError) {
            try store.compact()
            let after = store.status
            logger.info(
                "compaction finished",
                [
                    ("tablesBefore", .integer(Int64(before.segments + before.indexRuns))),
                    ("tables", .integer(Int64(after.segments + after.indexRuns))),
                    ("bytesBefore", .integer(Int64(before.tableBytes))), ("bytes", .integer(Int64(after.tableBytes))),
                ])
        } catch {
            logger.warning("the compaction that was asked for ended early", [("reason", .string("\(error)"))])
        }
        isRunning.store(false, ordering: .releasing)
    }
}
