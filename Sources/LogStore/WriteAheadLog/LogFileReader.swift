/// Reads one log file frame by frame; believes nothing that does not verify.
struct LogFileReader {
    let file: any DiskFile
    let number: UInt64
    let store: UInt64

    enum Step {
        case frame(FrameHeader, hash: UInt64, payload: [UInt8], next: UInt64)
        /// Nothing (more) that verifies at this offset.
        case invalid
        case end
    }

    /// The file's header, or why there is none.
    enum HeaderState {
        case valid(LogFileHeader)
        /// Its creation never finished, or rot.
        case invalid(String)
    }

    func readHeader() throws(LogStoreError) -> HeaderState {
        let bytes = try read(0, LogFormat.headerBytes)
        do {
            let header = try LogFileHeader.decode(bytes, store: store, number: number)
            guard header.relogBytes > 0 else { return .valid(header) }
            guard Int(header.relogBytes) <= LogFormat.maximumRelogBytes else { return .invalid("relog length") }
            let relog = try read(UInt64(LogFormat.headerBytes), Int(header.relogBytes))
            let hash = unsafe relog.withUnsafeBytes { unsafe Checksum.xxh3($0, seed: header.epoch) }
            guard relog.count == Int(header.relogBytes), hash == header.relogHash else {
                return .invalid("groups logged again")
            }
            return .valid(header)
        } catch let error as LogFileHeader.DecodeError {
            switch error {
            case .invalid(let what): return .invalid(what)
            case .newer(let what): throw .newerFormat(file: file.name, detail: what)
            }
        } catch let error as LogStoreError {
            throw error
        } catch {
            return .invalid("\(error)")
        }
    }

    /// The frame at `offset`.
    func frame(at offset: UInt64) throws(LogStoreError) -> Step {
        guard offset < file.size else { return .end }
        let seed = Checksum.seed(store: store, file: number, offset: offset)
        let first = try read(offset, LogFormat.alignment)
        guard let (header, hash) = try head(of: first, at: 0, seed: seed) else { return .invalid }
        // A frame without all of its padding is one whose append failed half-way: it may have been refused as `full`.
        guard UInt64(header.frameBytes) <= file.size - offset else { return .invalid }
        let length = Int(header.payloadBytes)
        var payload = Array(first.dropFirst(LogFormat.frameHeaderBytes).prefix(length))
        if payload.count < length {
            let more = try read(offset + UInt64(LogFormat.alignment), length - payload.count)
            payload.append(contentsOf: more)
        }
        guard payload.count == length,
            unsafe payload.withUnsafeBytes({ unsafe Checksum.xxh3($0, seed: seed) }) == header.payloadHash
        else { return .invalid }
        return .frame(header, hash: hash, payload: payload, next: offset + UInt64(header.frameBytes))
    }

    /// Looks behind `offset` for a frame that proves that `lsn` was durable: then what is at `offset` is not a torn
    /// tail. `epoch` nil: any frame but those logged again.
    func provesDurable(_ lsn: LSN, behind offset: UInt64, epoch: UInt64?) throws(LogStoreError) -> UInt64? {
        var at = (offset / UInt64(LogFormat.alignment)) * UInt64(LogFormat.alignment)
        let step = 64 * LogFormat.alignment
        while at < file.size {
            let window = try read(at, step)
            var i = 0
            while i + LogFormat.frameHeaderBytes <= window.count {
                let place = at + UInt64(i)
                let seed = Checksum.seed(store: store, file: number, offset: place)
                if let header = try head(of: window, at: i, seed: seed)?.header {
                    if let epoch {
                        if header.epoch == epoch && header.durableLSN >= lsn { return place }
                    } else if !header.flags.contains(.relogged) {
                        return place
                    }
                }
                i += LogFormat.alignment
            }
            at += UInt64(step)
        }
        return nil
    }

    /// The frame head at `start` of `bytes`.
    private func head(
        of bytes: [UInt8], at start: Int, seed: UInt64
    ) throws(LogStoreError) -> (header: FrameHeader, hash: UInt64)? {
        let result: Result<(header: FrameHeader, hash: UInt64)?, FrameHeader.Newer> = unsafe bytes.withUnsafeBytes {
            (bytes) in
            Result { () throws(FrameHeader.Newer) in
                unsafe try FrameHeader.decode(UnsafeRawBufferPointer(rebasing: bytes[start...]), seed: seed)
            }
        }
        do throws(FrameHeader.Newer) {
            return try result.get()
        } catch {
            throw .newerFormat(file: file.name, detail: "log frames of version \(error.version)")
        }
    }

    /// Up to `count` bytes; fewer only at the end of the file.
    private func read(_ offset: UInt64, _ count: Int) throws(LogStoreError) -> [UInt8] {
        guard offset < file.size else { return [] }
        let n = min(count, Int(file.size - offset))
        return try file.bytes(at: offset, count: n)
    }
}

extension DiskFile {
    /// Exactly `count` bytes; a file that is shorter is `corrupt`.
    func bytes(at offset: UInt64, count: Int) throws(LogStoreError) -> [UInt8] {
        var result: Result<Int, DiskError> = .success(0)
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            var filled = 0
            while filled < count {
                do throws(DiskError) {
                    let n = try unsafe read(
                        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...]),
                        at: offset + UInt64(filled))
                    if n == 0 { break }
                    filled += n
                } catch let error {
                    result = .failure(error)
                    break
                }
            }
            used = filled
        }
        if case .failure(let error) = result { throw .io(error) }
        guard bytes.count == count else {
            throw .corrupt(file: name, offset: offset + UInt64(bytes.count), detail: "file ends early")
        }
        return bytes
    }
}
