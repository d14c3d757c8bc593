internal import LogStore

/// What one simulated disk holds, both as running programs see it and as a power cut would leave it.
///
/// The persistence model is POSIX taken at its word (the model of the ALICE paper, OSDI 2014):
/// 1. An append changes the cache. Its sectors may reach the disk in any order, or never, until the file is synced.
/// 2. A sync of the file makes its bytes and size durable, and not its name.
/// 3. A creation or unlink changes the directory's cache. Each may reach the disk or not, until the directory is synced.
/// 4. What was synced stays, except where a test says otherwise (`OperationFailure`, dropped barriers).
///
/// A value: copying one is how crash states are kept, so arrays are shared until one side changes.
struct DirectoryImage: Equatable, Sendable {
    /// By identity. Holds every file that a name refers to in the cache, on disk or in a pending change, or that is open.
    var files: [UInt64: FileImage] = [:]
    /// The directory as programs see it.
    var names: [String: UInt64] = [:]
    /// The directory as the disk has it.
    var durableNames: [String: UInt64] = [:]
    /// What `names` has and `durableNames` has not, in the order of issue.
    var pendingNames: [NameChange] = []
    /// Contents of files that are gone, newest last: what a block that was allocated and never written may still hold.
    var freedContents: [[UInt8]] = []
    var nextIdentity: UInt64 = 1
    /// Orders appends and name changes among each other.
    var nextOrder = 0

    struct NameChange: Equatable, Sendable {
        var name: String
        var identity: UInt64
        var isUnlink: Bool
        var order: Int

        func apply(to names: inout [String: UInt64]) {
            if isUnlink {
                if names[name] == identity { names[name] = nil }
            } else {
                names[name] = identity
            }
        }
    }

    private static let freedContentsKept = 4

    mutating func takeOrder() -> Int {
        defer { nextOrder += 1 }
        return nextOrder
    }

    // MARK: Verbs

    mutating func create(_ name: String) -> UInt64 {
        let identity = nextIdentity
        nextIdentity += 1
        files[identity] = FileImage(identity: identity)
        names[name] = identity
        pendingNames.append(NameChange(name: name, identity: identity, isUnlink: false, order: takeOrder()))
        return identity
    }

    mutating func unlink(_ name: String) {
        guard let identity = names.removeValue(forKey: name) else { return }
        pendingNames.append(NameChange(name: name, identity: identity, isUnlink: true, order: takeOrder()))
        collect(identity)
    }

    mutating func append(_ bytes: ArraySlice<UInt8>, to identity: UInt64) {
        let order = takeOrder()
        files[identity]!.append(bytes, order: order)
    }

    /// Makes the pending name changes durable.
    mutating func syncNames() {
        let changes = pendingNames
        pendingNames = []
        for change in changes { change.apply(to: &durableNames) }
        for change in changes { collect(change.identity) }
    }

    /// The changes never reach the disk and no later sync carries them: a failed sync marked them clean.
    mutating func forgetPendingNames() {
        let changes = pendingNames
        pendingNames = []
        for change in changes { collect(change.identity) }
    }

    /// Lets a file go that nothing refers to any more.
    mutating func collect(_ identity: UInt64) {
        guard let file = files[identity], file.openHandles == 0,
            !names.values.contains(identity),
            !durableNames.values.contains(identity),
            !pendingNames.contains(where: { $0.identity == identity })
        else { return }
        files[identity] = nil
        guard !file.cache.isEmpty else { return }
        freedContents.append(file.cache)
        if freedContents.count > Self.freedContentsKept { freedContents.removeFirst() }
    }

    // MARK: Looking

    /// Bytes that files take, reservations included. A file without a name takes space while it is open.
    var usedBytes: UInt64 {
        let named = Set(names.values)
        var sum: UInt64 = 0
        for (identity, file) in files where file.openHandles > 0 || named.contains(identity) {
            sum += file.allocatedBytes
        }
        return sum
    }

    /// The same image with nothing open and nothing pending: every cached byte is durable.
    func settled() -> DirectoryImage {
        var result = self
        result.durableNames = names
        result.pendingNames = []
        let named = Set(names.values)
        result.files = files.filter { named.contains($0.key) }.mapValues { $0.settled() }
        return result
    }

    /// The same image after every process is gone: the cache is kept, what was pending is pending still, and what was
    /// reserved is reserved.
    func afterProcessKill() -> DirectoryImage {
        var result = self
        for identity in files.keys {
            result.files[identity]!.openHandles = 0
            result.collect(identity)
        }
        return result
    }
}

/// One file's bytes, in the cache and on disk.
struct FileImage: Equatable, Sendable {
    var identity: UInt64
    /// What reads see.
    var cache: [UInt8] = []
    /// What a power cut leaves for certain. Never longer than `cache`; differs from its prefix only where a failed sync
    /// lost pages.
    var durable: [UInt8] = []
    /// Appended since the last sync, ascending and without overlap.
    var pending: [PendingAppend] = []
    var reserved: UInt64 = 0
    var openHandles = 0
    /// The next sync of this file fails with EIO although the loss happened earlier.
    var reportsFailureOnNextSync = false

    struct PendingAppend: Equatable, Sendable {
        var range: Range<Int>
        var order: Int
    }

    init(identity: UInt64) { self.identity = identity }

    var allocatedBytes: UInt64 { max(UInt64(cache.count), reserved) }

    mutating func append(_ bytes: ArraySlice<UInt8>, order: Int) {
        guard !bytes.isEmpty else { return }
        let start = cache.count
        cache.append(contentsOf: bytes)
        pending.append(PendingAppend(range: start..<cache.count, order: order))
    }

    mutating func sync() {
        durable.reserveCapacity(cache.count)
        for append in pending {
            // Bytes between that are not pending were lost by a failed sync: the size covers them, their content is a hole.
            let hole = append.range.lowerBound - durable.count
            if hole > 0 { durable.append(contentsOf: repeatElement(0, count: hole)) }
            durable.append(contentsOf: cache[append.range])
        }
        let hole = cache.count - durable.count
        if hole > 0 { durable.append(contentsOf: repeatElement(0, count: hole)) }
        pending = []
    }

    /// The cache goes back to what the disk has.
    mutating func revert() {
        cache = durable
        pending = []
    }

    func settled() -> FileImage {
        var result = FileImage(identity: identity)
        result.cache = cache
        result.durable = cache
        return result
    }
}
