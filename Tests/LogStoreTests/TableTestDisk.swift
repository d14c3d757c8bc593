import LogStore
import Synchronization

/// A directory in memory for the table tests: what is written is there at once, nothing is ever lost, and single calls
/// can be made to fail. (`SimulatedDisk` models crashes; tables need none of that.)
final class TableTestDisk: Disk, Sendable {
    struct State {
        var files: [String: [UInt8]] = [:]
        /// Appends and syncs that still succeed; nil: all.
        var budget: Int?
        var failure = DiskError.Kind.io
        var reads = 0
        var appends = 0
        var syncs: [Barrier] = []
        /// Reads give one byte less than asked for.
        var shortReads = false
    }

    let state = Mutex(State())
    var path: String { "memory" }

    subscript(_ name: String) -> [UInt8]? {
        get { state.withLock { $0.files[name] } }
        set { state.withLock { $0.files[name] = newValue } }
    }

    /// Lets `calls` appends and syncs through, then fails every one.
    func fail(after calls: Int, _ kind: DiskError.Kind) {
        state.withLock {
            $0.budget = calls
            $0.failure = kind
        }
    }

    func create(_ name: String) throws(DiskError) -> any DiskFile {
        let fresh = state.withLock { state in
            guard state.files[name] == nil else { return false }
            state.files[name] = []
            return true
        }
        guard fresh else { throw DiskError(.exists, operation: "create", file: name) }
        return TableTestFile(disk: self, name: name)
    }

    func open(_ name: String) throws(DiskError) -> any DiskFile {
        guard self[name] != nil else { throw DiskError(.notFound, operation: "open", file: name) }
        return TableTestFile(disk: self, name: name)
    }

    func list() throws(DiskError) -> [DiskEntry] {
        state.withLock { $0.files.map { DiskEntry(name: $0.key, size: UInt64($0.value.count)) } }
    }

    func unlink(_ name: String) throws(DiskError) {
        let removed = state.withLock { $0.files.removeValue(forKey: name) }
        if removed == nil { throw DiskError(.notFound, operation: "unlink", file: name) }
    }

    func giveBackReserve(of name: String) {}
    func syncDirectory(_ barrier: Barrier) throws(DiskError) { state.withLock { $0.syncs.append(barrier) } }
    func space() throws(DiskError) -> DiskSpace { DiskSpace(freeBytes: 1 << 40, totalBytes: 1 << 41) }
    func lock() throws(DiskError) {}
    func unlock() {}

    /// Counts a write call against the budget.
    fileprivate func spend(_ operation: String, _ name: String) throws(DiskError) {
        let failure = state.withLock { state -> DiskError.Kind? in
            guard let left = state.budget else { return nil }
            state.budget = max(0, left - 1)
            return left == 0 ? state.failure : nil
        }
        if let failure { throw DiskError(failure, operation: operation, file: name) }
    }
}

private final class TableTestFile: DiskFile {
    private let disk: TableTestDisk
    let name: String
    let identity: UInt64 = 1

    init(disk: TableTestDisk, name: String) {
        self.disk = disk
        self.name = name
    }

    var size: UInt64 { UInt64(disk[name]?.count ?? 0) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        try disk.spend("append", name)
        disk.state.withLock {
            $0.appends += 1
            $0.files[name]?.append(contentsOf: bytes)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        disk.state.withLock { state in
            state.reads += 1
            guard let bytes = state.files[name], offset < UInt64(bytes.count) else { return 0 }
            let count = min(buffer.count - (state.shortReads ? 1 : 0), bytes.count - Int(offset))
            bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count]))
            }
            return count
        }
    }

    func sync(_ barrier: Barrier) throws(DiskError) {
        try disk.spend("sync", name)
        disk.state.withLock { $0.syncs.append(barrier) }
    }

    func reserve(_ bytes: UInt64) throws(DiskError) {}
    func dropCache() {}
    func willRead(_ range: Range<UInt64>) {}
    func close() {}
}

/// SplitMix64: the same numbers on every run.
struct TestRandom: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// A table with what went into it.
struct TableFixture {
    typealias Record = (key: [UInt8], value: [UInt8])

    static let context = TableContext(store: 0x0123_4567_89AB_CDEF)
    static let name = TableName(kind: .index, generationLow: 1, generationHigh: 1, id: 7)

    var disk = TableTestDisk()
    var cache = BlockCache(budgetBytes: 8 << 20)
    var records: [Record]
    var summary: TableSummary

    init(
        _ records: [Record], name: TableName = TableFixture.name, options: TableOptions = TableOptions(),
        prefixes: FilterPrefixes = .key
    ) throws {
        let writer = try TableWriter(disk: disk, name: name, context: Self.context, options: options)
        for record in records { try writer.add(key: record.key, value: record.value, filterPrefixes: prefixes) }
        summary = try writer.finish()
        self.records = records
    }

    func open() throws(LogStoreError) -> TableReader {
        try TableReader.open(
            disk: disk, name: summary.name, context: Self.context, cache: cache, expectedSize: summary.size,
            expectedHash: summary.hash)
    }

    /// Records with distinct random keys, ascending. Short keys over few letters: many are prefixes of others.
    static func random(_ count: Int, seed: UInt64, maxKey: Int = 12, maxValue: Int = 200) -> [Record] {
        var random = TestRandom(seed)
        var keys = Set<[UInt8]>()
        while keys.count < count {
            let length = Int.random(in: 1...maxKey, using: &random)
            keys.insert((0..<length).map { _ in [0, 1, 0x61, 0xFF].randomElement(using: &random)! })
        }
        return keys.sorted { $0.lexicographicallyPrecedes($1) }.map { key in
            (key, random.bytes(Int.random(in: 0...maxValue, using: &random)))
        }
    }
}
