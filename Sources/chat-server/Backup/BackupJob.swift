internal import Glibc
internal import LogStore

/// Makes a backup of a data directory, or brings one up to date, also while a server runs on the directory.
///
/// ## Steps
/// 1. The destination is empty or a backup of the same store, and nobody has it open. Its lock is held to the end.
/// 2. The pin: from here on the server unlinks nothing. A file that goes all the same, because a pass of the server had
///    already begun, makes the reading begin anew.
/// 3. Tables, manifests, log files from the oldest to the newest, the server's own files; at the very end FORMAT
///    (`BackupInventory` says why in this order). What is there already is not copied again; what no process changes
///    any more is linked where it can be; the rest is copied.
/// 4. Unpin. What no longer belongs is removed.
/// 5. The result is read: every table is there with size and hash, and the log verifies to its end.
///
/// Killed at any moment it leaves the backup that was there before, or the new one, or (a first backup) a directory
/// that is refused. Repeating it completes it.
struct BackupJob {
    struct Report {
        var linkedFiles = 0
        var linkedBytes: UInt64 = 0
        var copiedFiles = 0
        var copiedBytes: UInt64 = 0
        var unchangedFiles = 0
        var removedFiles = 0
        var holdsSecret = false
    }

    /// Says what directory this is; not part of the store.
    static let markName = "server-backup"
    private static let attempts = 8

    let source: FlatDirectory
    let destination: FlatDirectory
    /// Whether files may share their blocks with the source.
    let links: Bool

    private var report = Report()

    init(source: FlatDirectory, destination: FlatDirectory, links: Bool) {
        self.source = source
        self.destination = destination
        self.links = links
    }

    mutating func run() throws(CommandFailure) -> (summary: BackupSummary, report: Report) {
        let disk = try onStore(of: source) { () throws(LogStoreError) in try LiveDisk(existing: source.path) }
        let store = try onStore(of: source) { () throws(LogStoreError) in try BackupInventory.read(disk).store }
        let target = try openDestination(store)
        defer { target.unlock() }
        let wanted = try pinned(disk, target)
        try onFiles(of: destination) { () throws(DiskError) in
            try destination.sync()
            for name in try destination.names() where BackupInventory.isStoreFile(name) && !wanted.contains(name) {
                try destination.remove(name)
                report.removedFiles += 1
            }
            try destination.write(Self.mark(store), to: Self.markName)
            try destination.sync()
            try destination.parent.sync()
        }
        let summary = try onStore(of: destination) { () throws(LogStoreError) in try BackupInventory.check(target) }
        return (summary, report)
    }

    // MARK: 1. Destination

    private static func mark(_ store: StoreID) -> [UInt8] { Array("backup of store \(store)\n".utf8) }

    private func openDestination(_ store: StoreID) throws(CommandFailure) -> LiveDisk {
        if let from = source.canonicalPath, let to = destination.canonicalPath, to == from || to.hasPrefix(from + "/") {
            throw CommandFailure(.usage, "\(destination.path) is the data directory or in it; name another place")
        }
        let target = try onStore(of: destination) { () throws(LogStoreError) in
            do throws(DiskError) { return try LiveDisk(path: destination.path, createIfMissing: true) } catch {
                throw .io(error)
            }
        }
        if let from = source.canonicalPath, let to = destination.canonicalPath, to.hasPrefix(from + "/") {
            rmdir(destination.path)
            throw CommandFailure(.usage, "\(destination.path) is in the data directory; name another place")
        }
        try checkDestination(target, store)
        try onStore(of: destination) { () throws(LogStoreError) in
            do throws(DiskError) { try target.lock() } catch {
                throw error.kind == .locked ? .locked(path: destination.path, holder: error.detail) : .io(error)
            }
        }
        try onFiles(of: destination) { () throws(DiskError) in
            try destination.removeDrafts()
            try destination.write(Self.mark(store), to: Self.markName)
            try destination.sync()
        }
        return target
    }

    private func checkDestination(_ target: LiveDisk, _ store: StoreID) throws(CommandFailure) {
        let names = try onFiles(of: destination) { () throws(DiskError) in
            try destination.names().filter { $0 != LiveDisk.lockName && $0 != "lost+found" }
        }
        guard let first = names.first else { return }
        func refuse(_ why: String) -> CommandFailure {
            CommandFailure(.unsupported, "\(destination.path) \(why); nothing was changed")
        }
        if let found = BackupInventory.storeID(target) {
            guard found == store else { throw refuse("is of store \(found), not of \(store)") }
            guard !BackupInventory.isStoreOfItsOwn(target) else {
                throw refuse("has been opened since it was copied: it is a store of its own, and no backup")
            }
            return
        }
        let mark = try onFiles(of: destination) { () throws(DiskError) in try destination.contents(Self.markName) }
        guard mark == Self.mark(store) else {
            throw refuse("is neither empty nor a backup of this store: it has \(first)")
        }
    }

    // MARK: 2. Pin

    /// - Returns: the store's files that the backup consists of.
    private mutating func pinned(_ disk: LiveDisk, _ target: LiveDisk) throws(CommandFailure) -> Set<String> {
        for attempt in 1...Self.attempts {
            var pin = try onFiles(of: source) { () throws(DiskError) in try BackupPin(in: source) }
            defer { pin.release() }
            let files: BackupInventory
            do throws(LogStoreError) {
                files = try BackupInventory.read(disk)
            } catch {
                if attempt < Self.attempts, Self.hasVanished(error) { continue }
                throw CommandFailure(error, directory: source.path)
            }
            do throws(DiskError) {
                return try copy(files, disk, target, &pin)
            } catch {
                // Errors of the source and of the destination: a missing file is the source's.
                if attempt < Self.attempts, error.kind == .notFound { continue }
                throw CommandFailure(
                    error, directory: error.kind == .notFound ? source.path : destination.path)
            }
        }
        throw CommandFailure(.failure, "files of \(source.path) went while they were copied; try again")
    }

    private static func hasVanished(_ error: LogStoreError) -> Bool {
        switch error {
        case .io(let failure): failure.kind == .notFound
        // The newest manifest's table, read between two flushes.
        case .corrupt(_, _, let detail): detail == "the file is missing"
        default: false
        }
    }

    // MARK: 3. Files

    private mutating func copy(
        _ files: BackupInventory, _ disk: LiveDisk, _ target: LiveDisk, _ pin: inout BackupPin
    ) throws(DiskError) -> Set<String> {
        var wanted: Set<String> = []
        for table in files.tables {
            pin.touch()
            try take(table.name, isFinal: true, isThere: files.isThere(table, target))
            wanted.insert(table.name)
        }
        for name in files.manifests {
            guard let bytes = try source.contents(name) else {
                throw DiskError(.notFound, operation: "open", file: name)
            }
            try take(name, isFinal: false, isThere: try destination.contents(name) == bytes)
            wanted.insert(name)
        }
        let logs: [DiskEntry]
        do throws(LogStoreError) { logs = try BackupInventory.logFiles(disk) } catch {
            throw DiskError(.io, operation: "list", file: "", detail: "\(error)")
        }
        for (i, log) in logs.enumerated() {
            pin.touch()
            let isThere = BackupInventory.isSameLog(log.name, disk, target)
            try take(log.name, isFinal: i + 1 < logs.count, isThere: isThere)
            wanted.insert(log.name)
        }
        if let secret = try source.contents(ServerSecret.fileName) {
            let isThere = try destination.contents(ServerSecret.fileName) == secret
            try take(ServerSecret.fileName, isFinal: false, isThere: isThere)
            report.holdsSecret = true
        }
        let format = BackupInventory.formatName
        // Its bytes never change; another inode than the source's is what makes the directory a copy.
        try destination.sync()
        try take(format, isFinal: false, isThere: try destination.status(format) != nil)
        // On another file system it may have got the same one by chance; beside that one it gets another.
        if BackupInventory.isStoreOfItsOwn(target) { _ = try destination.copy(format, from: source) }
        wanted.insert(format)
        return wanted
    }

    private mutating func take(_ name: String, isFinal: Bool, isThere: Bool) throws(DiskError) {
        if isThere {
            report.unchangedFiles += 1
            return
        }
        if isFinal, links, try destination.link(name, from: source) {
            report.linkedFiles += 1
            report.linkedBytes += try destination.status(name)?.size ?? 0
            return
        }
        report.copiedBytes += try destination.copy(name, from: source)
        report.copiedFiles += 1
    }
}
