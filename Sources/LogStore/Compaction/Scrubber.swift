internal import Synchronization

/// Reads every table again and again, past the caches, and says what has rotted: damage is found while there still is a
/// backup that has the good bytes, not when somebody asks for them.
///
/// One thread of its own, at idle I/O priority and `scrubBytesPerSecond`; a round takes at least `scrubSeconds`. It
/// begins with an arbitrary table, so that a device that is switched off every night gets round all the same.
final class Scrubber: @unchecked Sendable {  // `isStopping` and `thread` under `signal`; the rest is the thread's
    private let box: StateBox
    private let clock: any Clock
    private let options: StoreOptions
    private let report: @Sendable (StoreEvent) -> Void
    private let signal = Signal()
    private var isStopping = false
    private var thread: WorkerThread?
    private var budget: Int64 = 0

    init(
        box: StateBox, clock: any Clock, random: any RandomSource, options: StoreOptions,
        report: @escaping @Sendable (StoreEvent) -> Void
    ) {
        self.box = box
        self.clock = clock
        self.options = options
        self.report = report
        guard options.scrubSeconds > 0 else { return }
        let start = random.next()
        thread = WorkerThread { [self] in run(startingAt: start) }
    }

    func stop() {
        signal.locked {
            isStopping = true
            signal.wakeAll()
        }
        thread?.join()
    }

    private func run(startingAt start: UInt64) {
        SystemCalls.lowerPriority()
        var offset = start
        while true {
            let began = clock.monotonicMicroseconds()
            let version = box.lock.withLock { $0.version }
            let tables = version.segments + version.index
            for i in tables.indices {
                let table = tables[Int((UInt64(i) &+ offset) % UInt64(tables.count))]
                // Merged away in the meantime: what is in its place is read in its turn.
                let isCurrent = box.lock.withLock { s in
                    s.version.manifest.tables.contains { $0.name.id == table.name.id }
                }
                if isCurrent, !scrub(table) { return }
            }
            offset = 0
            let spent = Int((clock.monotonicMicroseconds() - began) / 1000)
            if stops(after: max(1000, options.scrubSeconds * 1000 - spent)) { return }
        }
    }

    /// - Returns: false if the store closes.
    private func scrub(_ table: TableReader) -> Bool {
        var done: UInt64 = 0
        table.table.file.dropCache()
        do throws(LogStoreError) {
            try table.verify { (bytes) throws(LogStoreError) in
                try pace(Int64(bytes - min(done, bytes)))
                done = bytes
            }
            box.lock.withLock { $0.damage[table.name.fileName] = nil }
        } catch {
            guard case .corrupt(let file, let offset, let detail) = error else {
                if case .closed = error { return false }
                report(.scrubFailed("\(error)"))
                return true
            }
            let finding = VerifyReport.Finding(file: file, offset: offset, detail: detail)
            let isNew = box.lock.withLock { $0.damage.updateValue(finding, forKey: file) != finding }
            if isNew { report(.damaged(finding)) }
        }
        box.lock.withLock {
            $0.statistics.scrubbedTables += 1
            $0.statistics.scrubbedBytes += table.summary.size
        }
        return true
    }

    private func pace(_ bytes: Int64) throws(LogStoreError) {
        budget -= bytes
        let rate = Int64(max(64 << 10, options.scrubBytesPerSecond))
        while budget < 0 {
            if stops(after: 100) { throw .closed }
            budget += rate / 10
        }
    }

    private func stops(after milliseconds: Int) -> Bool {
        signal.locked {
            if !isStopping { _ = signal.wait(milliseconds: milliseconds) }
            return isStopping
        }
    }
}
