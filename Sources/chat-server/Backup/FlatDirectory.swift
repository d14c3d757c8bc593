internal import CLinux
internal import Glibc
internal import LogStore

/// A directory of files as the tools see it: with links, renames and copies, which the engine itself never makes.
///
/// A file comes to its name whole or not at all: it is written under another name, synced, and renamed. Errors are
/// `DiskError`s that name the file; `CommandFailure(_:directory:)` adds the directory.
struct FlatDirectory: Sendable {
    let path: String

    /// Names in the making. They carry the server's prefix, so that a store that is opened leaves them alone.
    static let draftPrefix = "server-copying-"

    init(_ path: String) {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        self.path = path
    }

    struct Status {
        var isRegular: Bool
        var isDirectory: Bool
        var size: UInt64
        var device: UInt64
        var inode: UInt64
        var modifiedAt: Int
    }

    func fullPath(_ name: String) -> String { "\(path)/\(name)" }

    // MARK: Looking

    /// nil if there is no such name.
    func status(_ name: String = "") throws(DiskError) -> Status? {
        var raw = stat()
        guard lstat(name.isEmpty ? path : fullPath(name), &raw) == 0 else {
            if errno == ENOENT { return nil }
            throw DiskError(errno: errno, operation: "look at", file: name)
        }
        return Status(
            isRegular: raw.st_mode & S_IFMT == S_IFREG, isDirectory: raw.st_mode & S_IFMT == S_IFDIR,
            size: UInt64(clamping: raw.st_size), device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino),
            modifiedAt: raw.st_mtim.tv_sec)
    }

    /// Every name but "." and "..", of whatever kind.
    func names() throws(DiskError) -> [String] {
        guard let stream = opendir(path) else { throw DiskError(errno: errno, operation: "list", file: "") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// All bytes of a small file; nil if it is not there.
    func contents(_ name: String, limit: Int = 1 << 26) throws(DiskError) -> [UInt8]? {
        let descriptor = open(fullPath(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw DiskError(errno: errno, operation: "open", file: name)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < limit {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw DiskError(errno: errno, operation: "read", file: name)
            }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    // MARK: Changing

    /// Puts a file in place, mode 0600, durably but for its name (`sync`).
    func write(_ bytes: [UInt8], to name: String) throws(DiskError) {
        try put(name) { (descriptor) throws(DiskError) in
            guard writeAll(bytes, to: descriptor) else {
                throw DiskError(errno: errno, operation: "write", file: name)
            }
        }
    }

    /// Copies a file of another directory over the name here, mode 0600; its bytes are durable then.
    /// - Throws: `notFound` when the source has gone.
    /// - Returns: bytes copied.
    func copy(_ name: String, from source: FlatDirectory) throws(DiskError) -> UInt64 {
        let from = open(source.fullPath(name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard from >= 0 else { throw DiskError(errno: errno, operation: "open", file: name) }
        defer { close(from) }
        var bytes: UInt64 = 0
        try put(name) { (descriptor) throws(DiskError) in
            bytes = try Self.transfer(from, descriptor, name)
        }
        return bytes
    }

    /// Gives a file of another directory this name too, in the place of what had it.
    /// - Returns: false where the file system cannot: another device, no links, too many.
    func link(_ name: String, from source: FlatDirectory) throws(DiskError) -> Bool {
        let draft = fullPath(Self.draftPrefix + name)
        unlink(draft)
        guard Glibc.link(source.fullPath(name), draft) == 0 else {
            if [EXDEV, EPERM, EMLINK, EOPNOTSUPP, ENOSYS].contains(errno) { return false }
            throw DiskError(errno: errno, operation: "link", file: name)
        }
        try replace(draft, name)
        return true
    }

    private func put(_ name: String, _ fill: (Int32) throws(DiskError) -> Void) throws(DiskError) {
        let draft = fullPath(Self.draftPrefix + name)
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw DiskError(errno: errno, operation: "create", file: name) }
        defer { close(descriptor) }
        do throws(DiskError) {
            try fill(descriptor)
            guard fsync(descriptor) == 0 else { throw DiskError(errno: errno, operation: "sync", file: name) }
            try replace(draft, name)
        } catch {
            unlink(draft)
            throw error
        }
    }

    private func replace(_ draft: String, _ name: String) throws(DiskError) {
        guard rename(draft, fullPath(name)) == 0 else {
            throw DiskError(errno: errno, operation: "rename", file: name)
        }
        // Of two names of one file rename removes neither.
        unlink(draft)
    }

    private static func transfer(_ from: Int32, _ to: Int32, _ name: String) throws(DiskError) -> UInt64 {
        var total: UInt64 = 0
        var usesKernel = true
        var buffer: [UInt8] = []
        while true {
            if usesKernel {
                let count = lsCopyFileRange(from, to, 1 << 26)
                if count > 0 {
                    total += UInt64(count)
                } else if count == 0 && total > 0 {
                    return total
                } else if count < 0 && errno == EINTR {
                    continue
                } else {
                    // Some file systems cannot, and some claim that there is nothing to copy.
                    usesKernel = false
                    buffer = [UInt8](repeating: 0, count: 1 << 20)
                }
                continue
            }
            let count = read(from, &buffer, buffer.count)
            if count == 0 { return total }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw DiskError(errno: errno, operation: "read", file: name)
            }
            guard writeAll(Array(buffer[..<count]), to: to) else {
                throw DiskError(errno: errno, operation: "write", file: name)
            }
            total += UInt64(count)
        }
    }

    /// Removes a name; one that is not there is no error.
    func remove(_ name: String) throws(DiskError) {
        guard unlink(fullPath(name)) == 0 || errno == ENOENT else {
            throw DiskError(errno: errno, operation: "remove", file: name)
        }
    }

    /// Makes creations, renames and removals durable.
    func sync() throws(DiskError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskError(errno: errno, operation: "open", file: "") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskError(errno: errno, operation: "sync", file: "") }
    }

    /// Removes what a tool that was killed left half-made.
    func removeDrafts() throws(DiskError) {
        for name in try names() where name.hasPrefix(Self.draftPrefix) { try remove(name) }
    }

    /// The directory above.
    var parent: FlatDirectory {
        guard let slash = path.lastIndex(of: "/") else { return FlatDirectory(".") }
        return FlatDirectory(slash == path.startIndex ? "/" : String(path[..<slash]))
    }

    /// The path without symbolic links; nil if there is nothing.
    var canonicalPath: String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// Turns a failed file operation into what the operator is told.
func onFiles<Result>(
    of directory: FlatDirectory, _ body: () throws(DiskError) -> Result
) throws(CommandFailure) -> Result {
    do throws(DiskError) { return try body() } catch { throw CommandFailure(error, directory: directory.path) }
}

/// The same for the store's own errors.
func onStore<Result>(
    of directory: FlatDirectory, _ body: () throws(LogStoreError) -> Result
) throws(CommandFailure) -> Result {
    do throws(LogStoreError) { return try body() } catch { throw CommandFailure(error, directory: directory.path) }
}
