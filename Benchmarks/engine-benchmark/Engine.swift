/// A store that the benchmark writes to and reads from: sessions numbered from 0, each with entries numbered from 1.
///
/// Every engine is opened at the settings that its own documentation gives for durable writes, with a cache of
/// `Engines.cacheBytes`. An append puts the entry and the session's newest number in one atomic write: the session's row
/// has to know it in all of them.
protocol Engine: AnyObject, Sendable {
    /// Returns when the entry is on stable storage. Safe from several threads; a session belongs to one of them.
    func append(_ payload: [UInt8], session: Int, sequence: UInt64) throws
    /// Many entries at once, without waiting for the disk.
    func load(_ entries: [LoadedEntry]) throws
    /// Everything that was loaded is on the disk, in the shape that the engine gives it in the long run.
    func finishLoading() throws
    /// The newest `count` entries, newest first.
    func last(_ count: Int, session: Int) throws -> [[UInt8]]
    /// What its current state takes, where its directory also holds files that are kept for a while for copies and
    /// restores; nil: the directory is its state.
    var tableBytes: UInt64? { get }
    func close() throws
}

struct LoadedEntry: Sendable {
    var session: Int
    var sequence: UInt64
    var payload: [UInt8]
}

enum Engines {
    static let cacheBytes = 64 << 20

    struct Kind: Sendable {
        let name: String
        /// How many event loops hold the writers; 0: each has a thread. Only of a `CompletionEngine`, with many writers.
        var loops = 0
        /// - Parameter sessions: how many there will be at most.
        let open: @Sendable (_ path: String, _ sessions: Int) throws -> any Engine
    }

    static let all: [Kind] = [
        Kind(name: "chat-server", open: { try LogStoreEngine(path: $0, sessions: $1) }),
        Kind(name: "RocksDB", open: { path, _ in try RocksEngine(path: path) }),
        Kind(name: "SQLite", open: { path, _ in try SQLiteEngine(path: path) }),
        Kind(name: "LMDB", open: { path, _ in try LMDBEngine(path: path) }),
    ]

    /// The store as the server uses it.
    static let onLoops = Kind(
        name: "chat-server, 2 loops", loops: 2, open: { try LogStoreEngine(path: $0, sessions: $1) })
}

/// Session and sequence number, so that a session's entries lie together in order.
func entryKey(_ session: Int, _ sequence: UInt64) -> [UInt8] {
    [0x65] + bigEndian(UInt64(session)) + bigEndian(sequence)
}

func sessionKey(_ session: Int) -> [UInt8] { [0x73] + bigEndian(UInt64(session)) }

func bigEndian(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) } }
