/// Appends groups to the newest log file.
///
/// ## Steps of a group
/// 1. `append`: the records are framed and appended with one write. Space for it was reserved before, so a full disk
///    refuses the group before a byte of it is written.
/// 2. `sync`: fdatasync. Only then is the group durable; a failure is final.
///
/// ## Rotation
/// A full file gets a seal frame and a last sync; then the next file is created with its header (which names where the
/// old one ends), synced, and its name synced, all before a group goes in. A file whose append failed half-way is left
/// as it is: the next header's `previousLastLSN` fences the rest off.
///
/// Confined to the committer.
final class LogWriter {
    private let disk: any Disk
    private let store: UInt64
    private let epoch: UInt64
    private let fileBytes: Int
    private let reserveBytes: Int

    private var current: OpenFile
    private var frame = ByteWriter(reserving: 1 << 16)
    /// The current file takes no more groups: it is sealed, or an append to it failed half-way.
    private var isEnded = false

    /// The newest LSN written, and the newest synced.
    private(set) var lastLSN: LSN
    private(set) var durableLSN: LSN
    /// Hash of the newest frame of the chain.
    private var lastHash: UInt64

    /// What a new file continues.
    struct Continuation {
        var previousNumber: UInt64
        var lastLSN: LSN
        var lastHash: UInt64
        /// Groups to be logged again, oldest first.
        var relog: [Group] = []

        struct Group {
            var bodies: [[UInt8]]
            var time: Int64
        }
    }

    private struct OpenFile {
        var file: any DiskFile
        var number: UInt64
        var firstLSN: LSN
        var createdAt: Int64
        var reserved: UInt64
    }

    /// Begins a file with an unused number.
    init(
        disk: any Disk, store: UInt64, epoch: UInt64, options: StoreOptions, number: UInt64,
        after c: Continuation, now: Int64
    ) throws(DiskError) {
        self.disk = disk
        self.store = store
        self.epoch = epoch
        fileBytes = options.logFileBytes
        let total = (try? disk.space())?.totalBytes ?? 0
        reserveBytes = min(options.logReserveBytes, options.logFileBytes, Int(clamping: total / 32))
        let begun = try Self.begin(
            disk: disk, store: store, epoch: epoch, reserveBytes: reserveBytes, number: number, after: c, now: now)
        current = begun.file
        lastLSN = begun.lastLSN
        durableLSN = begun.lastLSN
        lastHash = begun.lastHash
    }

    /// Creates a log file: header and re-logged groups in one append and one sync, then its name.
    private static func begin(
        disk: any Disk, store: UInt64, epoch: UInt64, reserveBytes: Int, number: UInt64, after c: Continuation,
        now: Int64
    ) throws(DiskError) -> (file: OpenFile, lastLSN: LSN, lastHash: UInt64) {
        var frames = ByteWriter(reserving: LogFormat.alignment)
        var hash = c.lastHash
        var lsn = c.lastLSN
        for group in c.relog {
            let at = UInt64(LogFormat.headerBytes + frames.count)
            hash = encodeFrame(
                into: &frames, bodies: group.bodies,
                FrameHeader(
                    flags: .relogged, firstLSN: lsn.next, recordCount: UInt32(group.bodies.count), payloadBytes: 0,
                    epoch: epoch,
                    time: group.time, durableLSN: c.lastLSN, previousHash: hash, payloadHash: 0),
                seed: Checksum.seed(store: store, file: number, offset: at))
            lsn = LSN(lsn.rawValue + UInt64(group.bodies.count))
        }
        let relogHash = unsafe frames.bytes.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: epoch) }
        let header = LogFileHeader(
            number: number, epoch: epoch, firstLSN: c.lastLSN.next, previousNumber: c.previousNumber,
            previousLastLSN: c.lastLSN, previousHash: c.lastHash, createdAt: now, relogBytes: UInt32(frames.count),
            relogHash: relogHash)
        let bytes = header.encode(store: store) + frames.bytes

        let name = LogFormat.name(number: number, firstLSN: c.lastLSN.next)
        let file = try disk.create(name)
        var reserved = UInt64(bytes.count)
        do throws(DiskError) {
            do throws(DiskError) {
                try file.reserve(reserved + UInt64(reserveBytes))
                reserved += UInt64(reserveBytes)
            } catch {
                guard error.kind == .noSpace, reserveBytes > 0 else { throw error }
                try file.reserve(reserved)
            }
            try write(bytes, to: file)
            try file.sync(.logHeader)
            try disk.syncDirectory(.logDirectory)
        } catch {
            // Nothing was acknowledged through this file; without its name it is as if it had never been.
            file.close()
            try? disk.unlink(name)
            throw error
        }
        let begun = OpenFile(
            file: file, number: number, firstLSN: c.lastLSN.next, createdAt: now, reserved: reserved)
        return (begun, lsn, hash)
    }

    var currentFile: LogFileInfo {
        LogFileInfo(number: current.number, firstLSN: current.firstLSN, createdAt: current.createdAt)
    }

    /// Makes room for a group of `payloadBytes`: reserves space ahead or begins the next file.
    /// - Throws: `noSpace` when the disk has no room; nothing was written then.
    func prepare(payloadBytes: Int, now: Int64) throws(DiskError) {
        let size = current.file.size
        let need = UInt64(payloadBytes + LogFormat.frameHeaderBytes + 2 * LogFormat.alignment)
        if isEnded || (size + need > UInt64(fileBytes) && lastLSN >= current.firstLSN) { try rotate(now: now) }
        if current.file.size + need > current.reserved {
            try reserve(current.file.size + need)
        }
    }

    /// Reserves a step ahead of `least`; on a disk that has no room for the step, just what the group needs.
    private func reserve(_ least: UInt64) throws(DiskError) {
        let wanted = least + UInt64(reserveBytes)
        do throws(DiskError) {
            try current.file.reserve(wanted)
            current.reserved = wanted
        } catch {
            guard error.kind == .noSpace, reserveBytes > 0 else { throw error }
            try current.file.reserve(least)
            current.reserved = least
        }
    }

    /// Begins the next file if this one holds a group: what is in it can then go.
    func rotateIfUsed(now: Int64) throws(DiskError) {
        if isEnded || lastLSN >= current.firstLSN { try rotate(now: now) }
    }

    private func rotate(now: Int64) throws(DiskError) {
        if !isEnded { try seal(clean: false, now: now) }
        let begun = try Self.begin(
            disk: disk, store: store, epoch: epoch, reserveBytes: reserveBytes, number: current.number + 1,
            after: Continuation(previousNumber: current.number, lastLSN: lastLSN, lastHash: lastHash), now: now)
        current.file.close()
        current = begun.file
        isEnded = false
    }

    /// Appends one group. On `noSpace` the group is refused and the file is given up; any other error is final.
    func append(_ records: [[UInt8]], time: Int64) throws(DiskError) {
        frame.removeAll()
        let header = FrameHeader(
            firstLSN: lastLSN.next, recordCount: UInt32(records.count), payloadBytes: 0, epoch: epoch, time: time,
            durableLSN: durableLSN, previousHash: lastHash, payloadHash: 0)
        let hash = Self.encodeFrame(into: &frame, bodies: records, header, seed: seed)
        do {
            try Self.write(frame.bytes, to: current.file)
        } catch let error {
            isEnded = true
            throw error
        }
        lastHash = hash
        lastLSN = LSN(lastLSN.rawValue + UInt64(records.count))
        unsyncedBytes += frame.count
    }

    /// Makes everything appended so far durable. An error is final: the kernel may have dropped the pages.
    func sync() throws(DiskError) {
        try current.file.sync(.logGroup)
        durableLSN = lastLSN
        unsyncedBytes = 0
    }

    /// Writes and syncs the end frame.
    func seal(clean: Bool, now: Int64) throws(DiskError) {
        guard !isEnded else { return }
        frame.removeAll()
        let header = FrameHeader(
            flags: clean ? [.seal, .clean] : [.seal], firstLSN: lastLSN.next, recordCount: 0, payloadBytes: 0,
            epoch: epoch, time: now, durableLSN: durableLSN, previousHash: lastHash, payloadHash: 0)
        let hash = Self.encodeFrame(into: &frame, bodies: [], header, seed: seed)
        isEnded = true
        try Self.write(frame.bytes, to: current.file)
        try current.file.sync(.logSeal)
        durableLSN = lastLSN
        unsyncedBytes = 0
        lastHash = hash
    }

    func close() { current.file.close() }

    /// Bytes appended since the last sync: what would have to be logged again after a kill.
    private(set) var unsyncedBytes = 0

    private var seed: UInt64 { Checksum.seed(store: store, file: current.number, offset: current.file.size) }

    private static func encodeFrame(
        into w: inout ByteWriter, bodies: [[UInt8]], _ header: FrameHeader, seed: UInt64
    ) -> UInt64 {
        let start = w.count
        w.zeros(LogFormat.frameHeaderBytes)
        for body in bodies {
            w.varint(UInt64(body.count))
            w.u8(LogRecord.batchType)
            w.u8(0)
            w.u32(body.crc32c)
            w.raw(body)
        }
        let payload = start + LogFormat.frameHeaderBytes
        var header = header
        header.payloadBytes = UInt32(w.count - payload)
        header.payloadHash = unsafe w.bytes.withUnsafeBytes {
            unsafe Checksum.xxh3(UnsafeRawBufferPointer(rebasing: $0[payload...]), seed: seed)
        }
        let hash = header.encode(into: &w, at: start, seed: seed)
        w.pad(to: LogFormat.alignment)
        return hash
    }

    private static func write(_ bytes: [UInt8], to file: any DiskFile) throws(DiskError) {
        let result: Result<Void, DiskError> = unsafe bytes.withUnsafeBytes { p in
            Result { () throws(DiskError) in try unsafe file.append(p) }
        }
        try result.get()
    }
}

/// A log file as the store knows it.
struct LogFileInfo: Hashable, Sendable {
    var number: UInt64
    var firstLSN: LSN
    /// Microseconds since 1970; not of files whose creation never finished.
    var createdAt: Int64
    var name: String { LogFormat.name(number: number, firstLSN: firstLSN) }
}
