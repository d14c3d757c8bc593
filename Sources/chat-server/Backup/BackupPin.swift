internal import Glibc
internal import LogStore

/// The file `backup.pin` of a data directory: while it is younger than a day the server unlinks nothing.
///
/// It says who made it. One that somebody else made is kept and counts too; one whose maker has died is taken over.
struct BackupPin {
    private let directory: FlatDirectory
    private let isOurs: Bool
    private var touchedAt: Int

    private static let touchSeconds = 60

    /// Makes the pin, or finds a fresh one.
    init(in directory: FlatDirectory) throws(DiskError) {
        self.directory = directory
        touchedAt = Self.now
        for _ in 0..<2 {
            let path = directory.fullPath(BackupInventory.pinName)
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            if descriptor >= 0 {
                writeAll(Array(Self.text.utf8), to: descriptor)
                close(descriptor)
                isOurs = true
                return
            }
            // Where nothing can be written nothing is unlinked either.
            if errno == EROFS { break }
            guard errno == EEXIST else {
                throw DiskError(errno: errno, operation: "create", file: BackupInventory.pinName)
            }
            guard try Self.isAbandoned(directory) else { break }
            try directory.remove(BackupInventory.pinName)
        }
        isOurs = false
    }

    private static var now: Int { Int(time(nil)) }
    private static var text: String { "pid \(getpid()) on \(hostName)\n" }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "?" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Too old to count, or made by a process of this machine that is no more.
    private static func isAbandoned(_ directory: FlatDirectory) throws(DiskError) -> Bool {
        guard let status = try directory.status(BackupInventory.pinName) else { return true }
        if now - status.modifiedAt >= BackupInventory.pinSeconds { return true }
        let bytes = try directory.contents(BackupInventory.pinName, limit: 4096) ?? []
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 4, words[0] == "pid", let pid = Int32(words[1]), words[3] == hostName else { return false }
        return kill(pid, 0) != 0 && errno == ESRCH
    }

    /// Keeps our pin fresh; called often.
    mutating func touch() {
        guard isOurs, Self.now - touchedAt >= Self.touchSeconds else { return }
        touchedAt = Self.now
        utimensat(AT_FDCWD, directory.fullPath(BackupInventory.pinName), nil, 0)
    }

    /// Removes the pin, if it is ours.
    func release() { if isOurs { unlink(directory.fullPath(BackupInventory.pinName)) } }
}
