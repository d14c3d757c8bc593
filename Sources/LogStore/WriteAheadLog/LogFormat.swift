/// The log's bytes: file header and frames (docs/format.md, "Log files").
///
/// A frame is one commit group. It begins at a multiple of 4096 and is padded with zeros to the next one, so a durable
/// sector is never written again. Its hashes are seeded with the store, the file and the offset: a frame copied or
/// misdirected to another place does not verify. Each frame names the hash of the one before it.
enum LogFormat {
    static let alignment = 4096
    static let headerBytes = 4096
    static let frameHeaderBytes = 72
    static let version: UInt16 = 1
    static let fileMagic: UInt64 = 0x314C_4157_534C_4843  // "CHLSWAL1"
    static let frameMagic: UInt32 = 0x4D52_464C  // "LFRM"
    /// No frame is larger; a length above it is not believed.
    static let maximumFrameBytes = 64 << 20
    /// No batch is larger: with records that share its group it still fits a frame.
    static let maximumBatchBytes = 48 << 20
    /// Above this the next group is synced, so that what a kill leaves to be logged again fits `maximumRelogBytes`.
    static let maximumUnsyncedBytes = 32 << 20
    static let maximumRelogBytes = 128 << 20

    static func name(number: UInt64, firstLSN: LSN) -> String { "w-\(hex16(number))-\(hex16(firstLSN.rawValue)).wal" }

    /// Parses what `name` made; nil for anything else.
    static func parse(_ name: String) -> (number: UInt64, firstLSN: LSN)? {
        guard name.hasPrefix("w-"), name.hasSuffix(".wal"), name.utf8.count == 39 else { return nil }
        let parts = name.dropFirst(2).dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = parseHex16(parts[0]), let lsn = parseHex16(parts[1]) else { return nil }
        return (number, LSN(lsn))
    }

    static func hex16(_ v: UInt64) -> String {
        let s = String(v, radix: 16)
        return String(repeating: "0", count: 16 - s.count) + s
    }

    static func parseHex16(_ s: Substring) -> UInt64? {
        guard s.utf8.count == 16, s.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }) else {
            return nil
        }
        return UInt64(s, radix: 16)
    }
}

/// The first 4096 bytes of a log file. A file counts as begun only if its header and the re-logged frames that the
/// header announces verify; else its creation never finished and the file before it is the newest.
struct LogFileHeader: Hashable, Sendable {
    var number: UInt64
    /// Random per opening of the store.
    var epoch: UInt64
    var firstLSN: LSN
    /// The file this one continues; 0 = none.
    var previousNumber: UInt64
    /// The newest LSN of the previous file that counts, and its frame's hash: what lies behind it is void.
    var previousLastLSN: LSN
    var previousHash: UInt64
    var createdAt: Int64
    /// Bytes of frames after the header that were written with it (groups logged again after an unclean stop), and
    /// their hash.
    var relogBytes: UInt32
    var relogHash: UInt64

    func encode(store: UInt64) -> [UInt8] {
        var w = ByteWriter(reserving: LogFormat.headerBytes)
        w.u64(LogFormat.fileMagic)
        w.u16(LogFormat.version)
        w.u16(0)  // minor
        w.u32(0)  // compatible features
        w.u32(0)  // features a writer must know
        w.u32(0)  // features a reader must know
        w.u64(store)
        w.u64(number)
        w.u64(epoch)
        w.u64(firstLSN.rawValue)
        w.u64(previousNumber)
        w.u64(previousLastLSN.rawValue)
        w.u64(previousHash)
        w.u64(UInt64(bitPattern: createdAt))
        w.u32(relogBytes)
        w.u32(0)
        w.u64(relogHash)
        let seed = Checksum.seed(store: store, file: number, offset: 0)
        let hash = unsafe w.bytes.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: seed) }
        w.u64(hash)
        w.pad(to: LogFormat.headerBytes)
        return w.take()
    }

    enum DecodeError: Error {
        case invalid(String)
        case newer(String)
    }

    static func decode(_ bytes: [UInt8], store: UInt64, number: UInt64) throws(DecodeError) -> LogFileHeader {
        guard bytes.count >= LogFormat.headerBytes else { throw .invalid("short header") }
        let hashed = 24 + 10 * 8
        let expected = unsafe bytes.withUnsafeBytes {
            unsafe Checksum.xxh3(
                UnsafeRawBufferPointer(rebasing: $0[0..<hashed]),
                seed: Checksum.seed(store: store, file: number, offset: 0))
        }
        do {
            return try bytes.read { r throws(ByteReader.Malformed) in try decodeFields(&r, expected, number) }
        } catch let error {
            if error.what.hasPrefix("newer") { throw .newer(error.what) }
            throw .invalid(error.what)
        }
    }

    private static func decodeFields(
        _ r: inout ByteReader, _ expected: UInt64, _ number: UInt64
    ) throws(ByteReader.Malformed) -> LogFileHeader {
        guard try r.u64() == LogFormat.fileMagic else { throw r.malformed("magic") }
        let version = try r.u16()
        _ = try r.u16()
        _ = try r.u32()
        let writerFeatures = try r.u32()
        let readerFeatures = try r.u32()
        _ = try r.u64()
        let fileNumber = try r.u64()
        let epoch = try r.u64()
        let firstLSN = LSN(try r.u64())
        let previousNumber = try r.u64()
        let previousLastLSN = LSN(try r.u64())
        let previousHash = try r.u64()
        let createdAt = Int64(bitPattern: try r.u64())
        let relogBytes = try r.u32()
        _ = try r.u32()
        let relogHash = try r.u64()
        guard try r.u64() == expected else { throw r.malformed("header hash") }
        guard version == LogFormat.version, writerFeatures == 0, readerFeatures == 0 else {
            throw r.malformed("newer log format \(version), features \(writerFeatures)/\(readerFeatures)")
        }
        guard fileNumber == number else { throw r.malformed("file number") }
        while !r.isAtEnd && r.offset < LogFormat.headerBytes {
            guard try r.u8() == 0 else { throw r.malformed("header padding") }
        }
        return LogFileHeader(
            number: number, epoch: epoch, firstLSN: firstLSN, previousNumber: previousNumber,
            previousLastLSN: previousLastLSN, previousHash: previousHash, createdAt: createdAt,
            relogBytes: relogBytes, relogHash: relogHash)
    }
}

/// The head of a frame.
struct FrameHeader: Hashable, Sendable {
    struct Flags: OptionSet, Hashable, Sendable {
        var rawValue: UInt16
        /// Nothing follows in this file: rotation or clean shutdown.
        static let seal = Flags(rawValue: 1)
        /// With `seal`: the store was closed in order.
        static let clean = Flags(rawValue: 2)
        /// Written with the file's header: a group of the previous file, logged again after an unclean stop.
        static let relogged = Flags(rawValue: 4)
    }
    var flags: Flags = []
    var firstLSN: LSN
    var recordCount: UInt32
    var payloadBytes: UInt32
    var epoch: UInt64
    /// Time of the newest batch.
    var time: Int64
    /// The newest LSN that was known durable when this frame was written: the proof that tells a torn tail from rot.
    var durableLSN: LSN
    var previousHash: UInt64
    var payloadHash: UInt64

    var lastLSN: LSN { LSN(firstLSN.rawValue + UInt64(recordCount) - 1) }
    /// Header, payload and padding.
    var frameBytes: Int {
        let n = LogFormat.frameHeaderBytes + Int(payloadBytes)
        return (n + LogFormat.alignment - 1) / LogFormat.alignment * LogFormat.alignment
    }

    /// Writes the 72 bytes and returns the header's hash: the frame's identity.
    func encode(into w: inout ByteWriter, at start: Int, seed: UInt64) -> UInt64 {
        var head = ByteWriter(reserving: LogFormat.frameHeaderBytes)
        head.u32(LogFormat.frameMagic)
        head.u16(LogFormat.version)
        head.u16(flags.rawValue)
        head.u64(firstLSN.rawValue)
        head.u32(recordCount)
        head.u32(payloadBytes)
        head.u64(epoch)
        head.u64(UInt64(bitPattern: time))
        head.u64(durableLSN.rawValue)
        head.u64(previousHash)
        head.u64(payloadHash)
        let hash = unsafe head.bytes.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: seed) }
        head.u64(hash)
        w.overwrite(at: start, with: head.bytes)
        return hash
    }

    /// What a frame head of a later version says: its hash holds, so it is no torn write.
    struct Newer: Error {
        var version: UInt16
    }

    /// nil unless the bytes are a frame head written for this very place.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, seed: UInt64
    ) throws(Newer) -> (header: FrameHeader, hash: UInt64)? {
        guard bytes.count >= LogFormat.frameHeaderBytes else { return nil }
        let expected = unsafe Checksum.xxh3(UnsafeRawBufferPointer(rebasing: bytes[0..<64]), seed: seed)
        let span = unsafe RawSpan(_unsafeBytes: bytes)
        var r = ByteReader(span)
        guard let magic = try? r.u32(), magic == LogFormat.frameMagic, let version = try? r.u16(),
            let flags = try? r.u16(), let first = try? r.u64(),
            let count = try? r.u32(), let length = try? r.u32(), let epoch = try? r.u64(), let time = try? r.u64(),
            let durable = try? r.u64(), let previous = try? r.u64(), let payload = try? r.u64(),
            let hash = try? r.u64(), hash == expected
        else { return nil }
        guard version == LogFormat.version else { throw Newer(version: version) }
        guard Int(length) <= LogFormat.maximumFrameBytes, first > 0, first < UInt64(1) << 63 else { return nil }
        return (
            FrameHeader(
                flags: Flags(rawValue: flags), firstLSN: LSN(first), recordCount: count, payloadBytes: length,
                epoch: epoch, time: Int64(bitPattern: time), durableLSN: LSN(durable), previousHash: previous,
                payloadHash: payload),
            hash
        )
    }
}

/// One record of a frame's payload: a varint length, type, flags, CRC-32C of the body, the body.
enum LogRecord {
    static let batchType: UInt8 = 1

    /// Splits a payload into record bodies; every CRC is checked.
    static func bodies(_ payload: [UInt8], count: UInt32) throws(ByteReader.Malformed) -> [[UInt8]] {
        try payload.read { r throws(ByteReader.Malformed) in
            var bodies: [[UInt8]] = []
            bodies.reserveCapacity(min(Int(count), 16_384))
            for _ in 0..<count {
                let length = try r.length(limit: r.remaining)
                let type = try r.u8()
                let flags = try r.u8()
                guard type == batchType, flags == 0 else { throw r.malformed("record type \(type)/\(flags)") }
                let crc = try r.u32()
                let body = try r.array(length)
                guard body.crc32c == crc else { throw r.malformed("record CRC") }
                bodies.append(body)
            }
            guard r.isAtEnd else { throw r.malformed("bytes after the last record") }
            return bodies
        }
    }
}
