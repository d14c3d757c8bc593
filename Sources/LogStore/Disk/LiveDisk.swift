internal import Glibc
internal import Synchronization

/// A directory of a local Linux file system.
///
/// The directory is held open from `init` on and every name is resolved below that descriptor, so renaming the directory
/// or mounting something over its path cannot make two handles of one store disagree.
package final class LiveDisk: Disk {
    /// The file that carries the lock. It belongs to the disk, not to the store: `list()` leaves it out.
    package static let lockName = "LOCK"

    /// The lock of a process that was killed is free at once; one that is being shut down may take a moment.
    private static let lockAttempts = 5
    private static let lockRetryMilliseconds = 50

    package let path: String
    private let directory: CInt
    /// The descriptor that holds the lock, while it is held. `flock`, not `fcntl`: a record lock is lost as soon as any
    /// descriptor of the same file is closed.
    private let lockDescriptor = Mutex<CInt?>(nil)

    /// Opens the directory at `path`.
    ///
    /// - Parameters:
    ///   - createIfMissing: makes the directory and its missing parents, mode 0700, each durably.
    ///   - allowNetworkFileSystem: accepts NFS and SMB, where neither locks nor syncs can be relied on.
    /// - Throws: `notFound`, `permission`, `readOnly`, or `io` when it is no directory or is on a network file system.
    package init(
        path: String, createIfMissing: Bool = false, allowNetworkFileSystem: Bool = false
    ) throws(DiskError) {
        self.path = path
        let descriptor: CInt
        do throws(SystemCallError) {
            if createIfMissing { try Self.makeDirectories(path) }
            descriptor = try SystemCalls.openDirectory(path)
        } catch {
            throw DiskError(error, operation: "open directory", file: path)
        }
        do throws(SystemCallError) {
            let isRemote = try SystemCalls.isNetworkFileSystem(descriptor)
            if isRemote && !allowNetworkFileSystem { throw SystemCallError(errno: EREMOTE) }
        } catch {
            SystemCalls.close(descriptor)
            var refusal = DiskError(error, operation: "open directory", file: path)
            if error.errno == EREMOTE { refusal.detail = "a network file system keeps neither locks nor syncs" }
            throw refusal
        }
        directory = descriptor
    }

    deinit {
        unlock()
        SystemCalls.close(directory)
    }

    /// `mkdir -p`, and a sync of the parent of each directory made: its name is part of what an acknowledged write needs.
    private static func makeDirectories(_ path: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try SystemCalls.makeDirectory(path)
        } catch {
            if error.errno == EEXIST { return }
            guard error.errno == ENOENT, let parent = parent(of: path) else { throw error }
            try makeDirectories(parent)
            try SystemCalls.makeDirectory(path)
        }
        let parent = try SystemCalls.openDirectory(parent(of: path) ?? ".")
        defer { SystemCalls.close(parent) }
        try SystemCalls.sync(parent)
    }

    /// The path above `path`; nil when that is the working directory.
    private static func parent(of path: String) -> String? {
        var rest = Substring(path)
        while rest.count > 1 && rest.last == "/" { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return nil }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }

    // MARK: Disk

    package func create(_ name: String) throws(DiskError) -> any DiskFile {
        do throws(SystemCallError) {
            // O_APPEND although there is one handle: not even a bug can then overwrite what is durable.
            let flags = O_RDWR | O_CREAT | O_EXCL | O_APPEND
            let descriptor = try SystemCalls.open(name, in: directory, flags: flags, mode: 0o600)
            return try LiveDiskFile(descriptor, name: name, isWritable: true)
        } catch {
            throw DiskError(error, operation: "create", file: name)
        }
    }

    package func open(_ name: String) throws(DiskError) -> any DiskFile {
        do throws(SystemCallError) {
            // O_NONBLOCK: a foreign FIFO of that name must not hang the open. Regular files do not know it.
            let descriptor = try SystemCalls.open(name, in: directory, flags: O_RDONLY | O_NONBLOCK)
            return try LiveDiskFile(descriptor, name: name, isWritable: false)
        } catch {
            throw DiskError(error, operation: "open", file: name)
        }
    }

    package func list() throws(DiskError) -> [DiskEntry] {
        do throws(SystemCallError) {
            var entries: [DiskEntry] = []
            for name in try SystemCalls.names(inDirectory: directory) where name != Self.lockName {
                guard let metadata = try metadataIfPresent(name), metadata.isRegularFile else { continue }
                entries.append(DiskEntry(name: name, size: metadata.size, modifiedAt: metadata.modifiedAt))
            }
            return entries
        } catch {
            throw DiskError(error, operation: "list", file: path)
        }
    }

    /// nil for a name that was unlinked after it was listed.
    private func metadataIfPresent(_ name: String) throws(SystemCallError) -> SystemCalls.Metadata? {
        do throws(SystemCallError) {
            return try SystemCalls.metadata(of: name, in: directory)
        } catch {
            if error.errno == ENOENT { return nil }
            throw error
        }
    }

    package func unlink(_ name: String) throws(DiskError) {
        do throws(SystemCallError) {
            try SystemCalls.unlink(name, in: directory)
        } catch {
            throw DiskError(error, operation: "unlink", file: name)
        }
    }

    package func giveBackReserve(of name: String) {
        guard let descriptor = try? SystemCalls.open(name, in: directory, flags: O_WRONLY | O_NONBLOCK) else { return }
        defer { SystemCalls.close(descriptor) }
        guard let metadata = try? SystemCalls.metadata(of: descriptor), metadata.isRegularFile,
            metadata.allocated > metadata.size + Self.allocationSlack
        else { return }
        try? SystemCalls.setSize(descriptor, metadata.size)
    }

    /// What a file system may allocate for a file beside its bytes.
    private static let allocationSlack: UInt64 = 128 << 10

    package func syncDirectory(_ barrier: Barrier) throws(DiskError) {
        do throws(SystemCallError) {
            try SystemCalls.sync(directory)
        } catch {
            throw DiskError(error, operation: "sync directory (\(barrier.rawValue))", file: path)
        }
    }

    package func space() throws(DiskError) -> DiskSpace {
        do throws(SystemCallError) {
            return try SystemCalls.space(directory)
        } catch {
            throw DiskError(error, operation: "space", file: path)
        }
    }

    // MARK: Lock

    package func lock() throws(DiskError) {
        let outcome: Result<Void, DiskError> = lockDescriptor.withLock { held in
            precondition(held == nil, "the lock is already held by this disk")
            do throws(SystemCallError) {
                switch try takeLock() {
                case .taken(let descriptor):
                    held = descriptor
                    return .success(())
                case .refused(let holder):
                    return .failure(
                        DiskError(.locked, operation: "lock", file: Self.lockName, errno: EWOULDBLOCK, detail: holder))
                }
            } catch {
                return .failure(DiskError(error, operation: "lock", file: Self.lockName))
            }
        }
        try outcome.get()
    }

    package func unlock() {
        lockDescriptor.withLock { held in
            guard let descriptor = held else { return }
            held = nil
            SystemCalls.close(descriptor)
        }
    }

    private enum LockAttempt {
        case taken(CInt)
        case refused(holder: String)
    }

    private func takeLock() throws(SystemCallError) -> LockAttempt {
        let flags = O_RDWR | O_CREAT
        let descriptor = try SystemCalls.open(Self.lockName, in: directory, flags: flags, mode: 0o600)
        do throws(SystemCallError) {
            for attempt in 1...Self.lockAttempts {
                if try SystemCalls.tryLock(descriptor) {
                    try writeHolder(descriptor)
                    return .taken(descriptor)
                }
                if attempt < Self.lockAttempts { SystemCalls.sleep(milliseconds: Self.lockRetryMilliseconds) }
            }
            let holder = try readHolder(descriptor)
            SystemCalls.close(descriptor)
            return .refused(holder: holder.isEmpty ? "another process" : holder)
        } catch {
            SystemCalls.close(descriptor)
            throw error
        }
    }

    /// Who holds the lock, for the next one's message. Nothing is decided by this text.
    private func writeHolder(_ descriptor: CInt) throws(SystemCallError) {
        let text = Array("pid \(SystemCalls.processIdentifier) on \(SystemCalls.hostName)\n".utf8)
        try SystemCalls.setSize(descriptor, 0)
        do throws(SystemCallError) {
            _ = try unsafe text.span.bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in
                try unsafe SystemCalls.write(descriptor, bytes)
            }
        } catch {
            // A full disk must still open for reading and deleting; the lock is held all the same.
            guard error.errno == ENOSPC || error.errno == EDQUOT else { throw error }
        }
    }

    private func readHolder(_ descriptor: CInt) throws(SystemCallError) -> String {
        var text = [UInt8](repeating: 0, count: 256)
        var span = text.mutableSpan
        let count = try unsafe span.withUnsafeMutableBytes { (bytes) throws(SystemCallError) in
            try unsafe SystemCalls.read(descriptor, into: bytes, at: 0)
        }
        return String(decoding: text.prefix(count).filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
    }
}
