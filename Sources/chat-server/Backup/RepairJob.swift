internal import LogStore

/// Replaces damaged files of a data directory by those of a backup.
///
/// Nothing is touched before it is known to help (`StoreRepair`). Each file is replaced by one rename: killed at any
/// moment, it leaves each file as it was or whole.
struct RepairJob {
    let directory: FlatDirectory
    let backup: FlatDirectory

    func run() throws(CommandFailure) -> StoreRepair {
        let disk = try onStore(of: directory) { () throws(LogStoreError) in try LiveDisk(existing: directory.path) }
        let good = try onStore(of: backup) { () throws(LogStoreError) in try LiveDisk(existing: backup.path) }
        // Before the lock, which leaves a file behind.
        guard try isStore(directory) else {
            throw CommandFailure(LogStoreError.notAStore("it has no file of a store"), directory: directory.path)
        }
        try onStore(of: directory) { () throws(LogStoreError) in
            do throws(DiskError) { try disk.lock() } catch {
                throw error.kind == .locked ? .locked(path: directory.path, holder: error.detail) : .io(error)
            }
        }
        defer { disk.unlock() }
        let repair = try onStore(of: directory) { () throws(LogStoreError) in
            try StoreRepair.plan(damaged: disk, backup: good)
        }
        try onFiles(of: directory) { () throws(DiskError) in
            try directory.removeDrafts()
            for name in repair.files { _ = try directory.copy(name, from: backup) }
            if !repair.files.isEmpty { try directory.sync() }
        }
        return repair
    }

    private func isStore(_ directory: FlatDirectory) throws(CommandFailure) -> Bool {
        try onFiles(of: directory) { () throws(DiskError) in try directory.names() }
            .contains { BackupInventory.isStoreFile($0) }
    }
}
