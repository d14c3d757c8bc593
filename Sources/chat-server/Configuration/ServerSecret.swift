internal import Glibc
internal import HTTPTransport

/// The server's own 256-bit key: the file `server-secret` of the data directory, mode 0600, 32 bytes of the kernel's
/// random number generator.
///
/// It is written under another name, synced, and linked to its own: a crash leaves the whole key or none, and of two
/// processes that make it at once both end with the same.
enum ServerSecret {
    static let fileName = "server-secret"
    static let byteCount = 32

    /// The key; made if the directory has none.
    static func loadOrMake(in directory: String) throws(CommandFailure) -> [UInt8] {
        let path = directory + "/" + fileName
        if let secret = try load(path) { return secret }
        try make(path, in: directory)
        guard let secret = try load(path) else { throw CommandFailure(.failure, "\(path) vanished while it was made") }
        return secret
    }

    /// The key; nil if the directory has none.
    static func loadIfPresent(in directory: String) throws(CommandFailure) -> [UInt8]? {
        try load(directory + "/" + fileName)
    }

    /// What a surface signs its tokens with: the text that is configured, else a key derived from the server's own. Each
    /// surface has another one, so that no token of one is good for another.
    /// - Parameters:
    ///   - surface: `poc` or `aivo`.
    ///   - configured: an empty text counts as none.
    static func tokenKey(of surface: String, configured: String?, secret: [UInt8]) -> [UInt8] {
        if let configured, !configured.isEmpty { return Array(configured.utf8) }
        return Cryptography.hmacSHA256(key: secret, Array("\(surface) jwt".utf8))
    }

    private static func load(_ path: String) throws(CommandFailure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failed("open", path)
        }
        defer { close(descriptor) }
        var metadata = stat()
        guard fstat(descriptor, &metadata) == 0 else { throw failed("read", path) }
        guard metadata.st_mode & (S_IRWXG | S_IRWXO) == 0 else {
            throw CommandFailure(.configuration, "other users can read \(path); run chmod 600 on it")
        }
        // One more than there should be, so that a longer file is noticed.
        var bytes = [UInt8](repeating: 0, count: byteCount + 1)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw failed("read", path) }
        guard count == byteCount else {
            throw CommandFailure(.damaged, "\(path) does not hold \(byteCount) bytes; restore it from a backup")
        }
        return Array(bytes.prefix(byteCount))
    }

    private static func make(_ path: String, in directory: String) throws(CommandFailure) {
        let draft = "\(path).\(getpid())"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failed("create", draft) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        guard writeAll(bytes, to: descriptor), fsync(descriptor) == 0 else { throw failed("write", draft) }
        guard link(draft, path) == 0 || errno == EEXIST else { throw failed("create", path) }
        let parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard parent >= 0 else { throw failed("open", directory) }
        defer { close(parent) }
        guard fsync(parent) == 0 else { throw failed("sync", directory) }
    }

    private static func failed(_ operation: String, _ path: String) -> CommandFailure {
        CommandFailure(.failure, "cannot \(operation) \(path): \(String(cString: strerror(errno)))")
    }
}
