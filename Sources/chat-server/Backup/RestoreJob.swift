internal import Glibc
internal import LogStore

/// Makes a data directory from a backup, as it was at a time.
///
/// ## Steps
/// 1. `RestorePlan`: which files, all of them verified; nothing is written before that.
/// 2. The erasures that are known: of the backup's newest state, of the directory with more log, of the named one.
/// 3. The files are copied into `DIR.restoring`, FORMAT last, and `StoreRestorer` brings them to the target there.
/// 4. One rename gives it its name. Until then there is no DIR, or the empty one that was there.
struct RestoreJob {
    /// In `DIR.restoring`: that it is ours to remove.
    static let markName = "server-restoring"

    let backup: FlatDirectory
    let to: FlatDirectory
    let target: RestoreTarget
    let log: FlatDirectory?
    let erasures: FlatDirectory?

    struct Report {
        let plan: RestorePlan
        let summary: StoreRestorer.Summary
        let knownErasures: Int
        let copied: Copied
        let notes: [String]
    }

    struct Copied {
        var files = 0
        var bytes: UInt64 = 0
        var holdsSecret = false
    }

    func run() throws(CommandFailure) -> Report {
        try checkDestination()
        let disk = try open(backup)
        var logDisk: LiveDisk?
        if let log { logDisk = try open(log) }
        let plan = try plan(disk, logDisk)
        var notes: [String] = []
        let known = try knownErasures(disk, logDisk, plan.store, &notes)
        let work = FlatDirectory(to.path + ".restoring")
        try makeWorkDirectory(work)
        let copied = try copy(plan, to: work)
        if copied.holdsSecret { notes.append("the server's secret is the backup's") }
        let summary = try onStore(of: work) { () throws(LogStoreError) in
            try StoreRestorer.restore(
                disk: try LiveDisk(existing: work.path), clock: LiveClock(), random: SystemRandom(), target: target,
                erasures: known)
        }
        guard rename(work.path, to.path) == 0 else {
            throw CommandFailure(
                .failure, "cannot rename \(work.path) to \(to.path): \(String(cString: strerror(errno)))")
        }
        try onFiles(of: to) { () throws(DiskError) in
            try to.parent.sync()
            try to.remove(Self.markName)
            try to.sync()
        }
        return Report(
            plan: plan, summary: summary, knownErasures: known.count, copied: copied, notes: notes)
    }

    private func open(_ directory: FlatDirectory) throws(CommandFailure) -> LiveDisk {
        try onStore(of: directory) { () throws(LogStoreError) in try LiveDisk(existing: directory.path) }
    }

    // MARK: 1. Plan

    private func plan(_ disk: LiveDisk, _ logDisk: LiveDisk?) throws(CommandFailure) -> RestorePlan {
        do throws(RestoreError) {
            return try RestorePlan.make(backup: disk, log: logDisk, target: target)
        } catch {
            switch error {
            case .store(let error): throw CommandFailure(error, directory: backup.path)
            case .targetTooOld(let oldest, let time):
                throw CommandFailure(
                    .failure,
                    "\(backup.path) reaches back only to \(Verb.place(oldest, time)); take an older backup")
            case .targetTooNew(let newest, let time):
                throw CommandFailure(
                    .failure,
                    "\(backup.path) ends at \(Verb.place(newest, time)); "
                        + "--log-from names a directory with more of the log")
            }
        }
    }

    // MARK: 2. Erasures

    private func knownErasures(
        _ disk: LiveDisk, _ logDisk: LiveDisk?, _ store: StoreID, _ notes: inout [String]
    ) throws(CommandFailure) -> [ErasureRecord] {
        var records: [ErasureRecord] = []
        do throws(LogStoreError) {
            records += try ErasureLedger.read(disk)
        } catch {
            // Damage behind the target does not matter, but for the erasures that may be recorded there.
            guard erasures != nil else {
                let failure = CommandFailure(error, directory: backup.path)
                throw CommandFailure(
                    failure.exitCode,
                    messages: failure.messages + [
                        "the erasures recorded in \(backup.path) cannot be read; name a directory that knows them "
                            + "with --erasures-from"
                    ])
            }
            notes.append("the erasures recorded in \(backup.path) could not be read: \(error)")
        }
        if let log, let logDisk {
            records += try onStore(of: log) { () throws(LogStoreError) in try ErasureLedger.read(logDisk) }
        }
        if let erasures {
            let other = try open(erasures)
            if let id = BackupInventory.storeID(other), id != store {
                throw CommandFailure(.usage, "\(erasures.path) is of store \(id), and the backup of store \(store)")
            }
            records += try onStore(of: erasures) { () throws(LogStoreError) in try ErasureLedger.read(other) }
        }
        var seen: Set<Subject> = []
        return records.filter { seen.insert(Subject(subject: $0.subject, nameHash: $0.nameHash)).inserted }
    }

    private struct Subject: Hashable {
        let subject: ErasureSubject
        let nameHash: UInt64
    }

    // MARK: 3. Files

    private func checkDestination() throws(CommandFailure) {
        guard try onFiles(of: to, { () throws(DiskError) in try to.status() }) != nil else { return }
        let names = try onFiles(of: to) { () throws(DiskError) in try to.names() }
        if let first = names.first {
            throw CommandFailure(
                .usage, "\(to.path) is not empty: it has \(first); a restore makes a new directory")
        }
    }

    private func makeWorkDirectory(_ work: FlatDirectory) throws(CommandFailure) {
        try onFiles(of: work) { () throws(DiskError) in
            if try work.status() != nil {
                let names = try work.names()
                // The mark comes first, and is itself made under another name.
                let isOurs =
                    names.contains(Self.markName) || names.allSatisfy { $0.hasPrefix(FlatDirectory.draftPrefix) }
                guard isOurs else {
                    throw DiskError(.exists, operation: "it is not of a restore", file: work.path)
                }
                // The mark goes last: what is left of this is still known as ours.
                for name in names where name != Self.markName { try work.remove(name) }
                try work.remove(Self.markName)
                rmdir(work.path)
            }
            guard mkdir(work.path, 0o700) == 0 else {
                throw DiskError(errno: errno, operation: "create", file: work.path)
            }
            try work.write([], to: Self.markName)
            try work.sync()
        }
    }

    private func copy(_ plan: RestorePlan, to work: FlatDirectory) throws(CommandFailure) -> Copied {
        var copied = Copied()
        for file in plan.files {
            let source = file.source == .backup ? backup : log ?? backup
            // FORMAT comes last: without it the directory is refused.
            if file.name == BackupInventory.formatName {
                if try onFiles(of: backup, { () throws(DiskError) in try backup.status(ServerSecret.fileName) }) != nil
                {
                    copied.bytes += try onFiles(of: work) { () throws(DiskError) in
                        try work.copy(ServerSecret.fileName, from: backup)
                    }
                    copied.holdsSecret = true
                }
                try onFiles(of: work) { () throws(DiskError) in try work.sync() }
            }
            do throws(DiskError) {
                copied.bytes += try work.copy(file.name, from: source)
            } catch {
                throw CommandFailure(error, directory: error.kind == .notFound ? source.path : work.path)
            }
            copied.files += 1
        }
        try onFiles(of: work) { () throws(DiskError) in try work.sync() }
        return copied
    }
}
