internal import CLinux
internal import Glibc

/// Every call LogStore makes to the kernel, over one function that repeats interrupted calls.
///
/// No other file of LogStore calls it for storage, time or random bits, so a reader sees here the whole of what the
/// engine asks of the machine. Errors leave as `SystemCallError`; `DiskError.init(_:operation:file:)` maps them.
enum SystemCalls {
    /// Repeats `call` while a signal interrupts it. Not for `close`: Linux has released the descriptor by then.
    private static func retrying<Result: SignedInteger>(
        _ call: () -> Result
    ) throws(SystemCallError) -> Result {
        while true {
            let result = call()
            if result != -1 { return result }
            let code = errno
            if code != EINTR { throw SystemCallError(errno: code) }
        }
    }

    // MARK: Descriptors

    /// Opens `name` below `directory`, close-on-exec, never through a symbolic link in the last place.
    ///
    /// A descriptor below 3 is moved up: a stray write to stdout or stderr must never land in a data file.
    static func open(
        _ name: String, in directory: CInt, flags: CInt, mode: mode_t = 0
    ) throws(SystemCallError) -> CInt {
        let descriptor = try retrying { unsafe openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode) }
        return try aboveStandardStreams(descriptor)
    }

    static func openDirectory(_ path: String) throws(SystemCallError) -> CInt {
        let descriptor = try retrying { unsafe openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        return try aboveStandardStreams(descriptor)
    }

    static func aboveStandardStreams(_ descriptor: CInt) throws(SystemCallError) -> CInt {
        guard descriptor <= STDERR_FILENO else { return descriptor }
        defer { close(descriptor) }
        return try retrying { fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
    }

    /// Errors are ignored: whatever had to be durable was synced before.
    static func close(_ descriptor: CInt) { _ = Glibc.close(descriptor) }

    // MARK: File contents

    static func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int {
        try retrying { unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
    }

    static func read(
        _ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(SystemCallError) -> Int {
        guard let offset = off_t(exactly: offset) else { throw SystemCallError(errno: EINVAL) }
        return try retrying { unsafe pread(descriptor, buffer.baseAddress, buffer.count, offset) }
    }

    static func syncData(_ descriptor: CInt) throws(SystemCallError) {
        _ = try retrying { fdatasync(descriptor) }
    }

    static func sync(_ descriptor: CInt) throws(SystemCallError) {
        _ = try retrying { fsync(descriptor) }
    }

    /// Allocates blocks for the first `bytes` bytes and leaves the size as it is.
    static func reserve(_ descriptor: CInt, bytes: UInt64) throws(SystemCallError) {
        guard let length = off_t(exactly: bytes) else { throw SystemCallError(errno: EFBIG) }
        _ = try retrying { lsReserve(descriptor, length) }
    }

    static func setSize(_ descriptor: CInt, _ bytes: UInt64) throws(SystemCallError) {
        guard let length = off_t(exactly: bytes) else { throw SystemCallError(errno: EFBIG) }
        _ = try retrying { ftruncate(descriptor, length) }
    }

    static func adviseNeeded(_ descriptor: CInt, _ range: Range<UInt64>) {
        _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
    }

    static func adviseNotNeeded(_ descriptor: CInt) {
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    // MARK: Names and metadata

    /// The calling thread's disk accesses give way to others', and its computing nearly so.
    static func lowerPriority() {
        lsLowerPriority()
    }

    struct Metadata {
        var isRegularFile: Bool
        var size: UInt64
        /// Bytes of the blocks that it has.
        var allocated: UInt64
        var inode: UInt64
        /// Microseconds since 1970.
        var modifiedAt: Int64

        fileprivate init(_ raw: stat) {
            isRegularFile = raw.st_mode & S_IFMT == S_IFREG
            size = UInt64(clamping: raw.st_size)
            allocated = UInt64(clamping: raw.st_blocks) * 512
            inode = UInt64(raw.st_ino)
            modifiedAt = Int64(raw.st_mtim.tv_sec) * 1_000_000 + Int64(raw.st_mtim.tv_nsec) / 1000
        }
    }

    static func metadata(of descriptor: CInt) throws(SystemCallError) -> Metadata {
        var raw = stat()
        _ = try retrying { unsafe fstat(descriptor, &raw) }
        return Metadata(raw)
    }

    static func metadata(of name: String, in directory: CInt) throws(SystemCallError) -> Metadata {
        var raw = stat()
        _ = try retrying { unsafe fstatat(directory, name, &raw, AT_SYMLINK_NOFOLLOW) }
        return Metadata(raw)
    }

    static func unlink(_ name: String, in directory: CInt) throws(SystemCallError) {
        _ = try retrying { unsafe unlinkat(directory, name, 0) }
    }

    static func makeDirectory(_ path: String) throws(SystemCallError) {
        _ = try retrying { unsafe mkdir(path, 0o700) }
    }

    /// Every name of the directory but "." and "..".
    static func names(inDirectory descriptor: CInt) throws(SystemCallError) -> [String] {
        // A descriptor of its own: the stream owns the one it is given, and its position with it.
        let own = try retrying { unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        guard let stream = unsafe fdopendir(own) else {
            let code = errno
            close(own)
            throw SystemCallError(errno: code)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                let code = errno
                if code != 0 { throw SystemCallError(errno: code) }
                return names
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    static func space(_ descriptor: CInt) throws(SystemCallError) -> DiskSpace {
        var raw = statvfs()
        _ = try retrying { unsafe fstatvfs(descriptor, &raw) }
        let unit = UInt64(raw.f_frsize)
        return DiskSpace(freeBytes: UInt64(raw.f_bavail) &* unit, totalBytes: UInt64(raw.f_blocks) &* unit)
    }

    /// Whether `flock` and `fsync` reach another machine, where neither keeps its promise after a partition.
    static func isNetworkFileSystem(_ descriptor: CInt) throws(SystemCallError) -> Bool {
        let magic = try retrying { lsFileSystemMagic(descriptor) }
        let nfs: Int64 = 0x6969
        let smb: Int64 = 0x517B
        let cifs: Int64 = 0xFF53_4D42
        let smb2: Int64 = 0xFE53_4D42
        return [nfs, smb, cifs, smb2].contains(magic)
    }

    // MARK: Lock, process, time, random bits

    /// Whether the exclusive lock was free.
    static func tryLock(_ descriptor: CInt) throws(SystemCallError) -> Bool {
        do throws(SystemCallError) {
            _ = try retrying { flock(descriptor, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.errno == EWOULDBLOCK { return false }
            throw error
        }
    }

    static var processIdentifier: Int32 { getpid() }

    static var hostName: String {
        var name = [CChar](repeating: 0, count: Int(HOST_NAME_MAX) + 1)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "?" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func sleep(milliseconds: Int) {
        var wanted = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        var left = timespec()
        while unsafe nanosleep(&wanted, &left) == -1 && errno == EINTR { wanted = left }
    }

    static func microseconds(of clock: clockid_t) -> Int64 {
        var time = timespec()
        // Fails for an unknown clock only; both callers name clocks that every Linux has.
        precondition(unsafe clock_gettime(clock, &time) == 0)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Fills `buffer` from the kernel's generator; blocks only until that is seeded, once after boot.
    static func random(into buffer: UnsafeMutableRawBufferPointer) throws(SystemCallError) {
        var done = 0
        while done < buffer.count {
            done += try retrying { unsafe lsRandom(buffer.baseAddress! + done, buffer.count - done) }
        }
    }
}

/// The `errno` of a call that failed for another reason than a signal.
struct SystemCallError: Error {
    var errno: Int32
}

extension DiskError {
    init(_ error: SystemCallError, operation: String, file: String) {
        self.init(errno: error.errno, operation: operation, file: file)
    }

    /// What the error `code` of a failed call means to the engine. A quota is a full disk; anything unlisted is `io`.
    package init(errno code: Int32, operation: String, file: String) {
        let kind: Kind =
            switch code {
            case ENOENT: .notFound
            case EEXIST: .exists
            case ENOSPC, EDQUOT: .noSpace
            case EROFS: .readOnly
            case EACCES, EPERM: .permission
            default: .io
            }
        let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        self.init(kind, operation: operation, file: file, errno: code, detail: text)
    }
}
