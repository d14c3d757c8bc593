/// Checks every log file of a store, also those that opening would skip.
///
/// ## Steps
/// 1. Headers. A file without a valid one was never begun, unless a frame in it verifies: then its header is damaged.
/// 2. From the newest begun file `previousNumber` leads back through the chain, which has to reach the newest
///    manifest's flushed LSN. Begun files outside of it were cut off by an earlier opening: all of them is void.
/// 3. Each file of the chain, frame by frame: hashes, place in the chain, padding, records, batches, entry CRCs. It
///    ends where its successor's header says; what follows there is void. In the newest file, frames that do not verify
///    and that no later frame proves durable are a torn tail.
///
/// Behind damage the walk goes on with the next frame that verifies, so that one report names all of it.
struct LogVerifier {
    let files: StoreFiles
    let store: UInt64
    /// The newest manifest that verifies.
    let newest: Manifest?

    private struct Begun {
        var reader: LogFileReader
        var header: LogFileHeader
        var name: String { reader.file.name }
    }

    /// Where the walk of a file is: the LSN and the hash that the next frame must continue.
    private struct Place {
        var at = UInt64(LogFormat.headerBytes)
        var lastLSN: LSN
        var lastHash: UInt64
    }

    /// - Parameter finished: is told each file that was read and its size.
    func verify(
        _ report: inout VerifyReport, finished: (_ name: String, _ bytes: UInt64) -> Void
    ) throws(LogStoreError) {
        var begun: [UInt64: Begun] = [:]
        defer { for file in begun.values { file.reader.file.close() } }
        for entry in try files.list().sorted(by: { $0.name < $1.name }) {
            guard let (number, first) = LogFormat.parse(entry.name) else { continue }
            report.files += 1
            report.bytes += entry.size
            report.logFiles += 1
            do throws(LogStoreError) {
                if let file = try begin(entry, number, first, &report) { begun[number] = file }
            } catch {
                try report.take(error, in: entry.name)
            }
            if begun[number] == nil { finished(entry.name, entry.size) }
        }
        let chain = chain(begun, &report)
        for (i, file) in chain.enumerated() {
            do throws(LogStoreError) {
                try walk(file, until: i + 1 < chain.count ? chain[i + 1] : nil, &report)
            } catch {
                try report.take(error, in: file.name)
            }
            finished(file.name, file.reader.file.size)
        }
        let chained = Set(chain.map(\.reader.number))
        for (number, file) in begun.sorted(by: { $0.key < $1.key }) where !chained.contains(number) {
            report.note(.void, file.name, bytes: file.reader.file.size)
            try readRest(file.reader.file, from: 0, &report)
            finished(file.name, file.reader.file.size)
        }
    }

    // MARK: 1. Headers

    private func begin(
        _ entry: DiskEntry, _ number: UInt64, _ first: LSN, _ report: inout VerifyReport
    ) throws(LogStoreError) -> Begun? {
        let reader = LogFileReader(file: try files.open(entry.name), number: number, store: store)
        do throws(LogStoreError) {
            switch try header(of: reader) {
            case .valid(let header):
                if header.firstLSN != first {
                    report.find(entry.name, 0, "the header begins at LSN \(header.firstLSN), the name at \(first)")
                }
                return Begun(reader: reader, header: header)
            case .invalid(let why):
                if try reader.provesDurable(.zero, behind: UInt64(LogFormat.headerBytes), epoch: nil) != nil {
                    report.find(entry.name, 0, "log header: \(why)")
                } else {
                    report.note(.unfinished, entry.name, bytes: entry.size)
                }
            }
        } catch {
            reader.file.close()
            throw error
        }
        reader.file.close()
        return nil
    }

    /// A file that ends inside its header is one whose creation was cut short, not one that cannot be read.
    private func header(of reader: LogFileReader) throws(LogStoreError) -> LogFileReader.HeaderState {
        guard reader.file.size >= UInt64(LogFormat.headerBytes) else { return .invalid("short header") }
        return try reader.readHeader()
    }

    // MARK: 2. Chain

    /// The files from the oldest to the newest begun one.
    private func chain(_ begun: [UInt64: Begun], _ report: inout VerifyReport) -> [Begun] {
        guard var current = begun.values.max(by: { $0.reader.number < $1.reader.number }) else {
            if let newest, newest.number > 1 { report.find("w-*.wal", 0, "the log is missing") }
            return []
        }
        var chain = [current]
        while current.header.previousNumber != 0, current.header.previousNumber < current.reader.number,
            let previous = begun[current.header.previousNumber]
        {
            chain.append(previous)
            current = previous
        }
        if let newest, current.header.firstLSN > newest.flushedLSN.next {
            report.find(
                current.name, 0,
                "the log begins at LSN \(current.header.firstLSN), behind LSN \(newest.flushedLSN) of the manifest")
        }
        return chain.reversed()
    }

    // MARK: 3. Frames

    private func walk(_ c: Begun, until next: Begun?, _ report: inout VerifyReport) throws(LogStoreError) {
        let file = c.reader.file
        var place = Place(lastLSN: LSN(c.header.firstLSN.rawValue - 1), lastHash: c.header.previousHash)
        while true {
            if let fence = next?.header, place.lastHash == fence.previousHash, place.lastLSN <= fence.previousLastLSN {
                if place.lastLSN < fence.previousLastLSN { report.note(.cut, c.name, place.at, bytes: 0) }
                if place.at < file.size {
                    report.note(.void, c.name, place.at, bytes: file.size - place.at)
                    try readRest(file, from: place.at, &report)
                }
                return
            }
            switch try c.reader.frame(at: place.at) {
            case .frame(let header, let hash, let payload, let end):
                try check(c, header, payload, end, place, &report)
                place.at = end
                place.lastHash = hash
                if header.recordCount > 0 { place.lastLSN = header.lastLSN }
                if header.flags.contains(.seal), next == nil {
                    if end < file.size { report.find(c.name, end, "bytes behind the end of a sealed file") }
                    return
                }
            case .end:
                if let next {
                    report.find(
                        c.name, place.at,
                        "the log breaks off at LSN \(place.lastLSN.next); \(next.name) continues after LSN "
                            + "\(next.header.previousLastLSN)")
                } else if let newest, place.lastLSN < newest.flushedLSN {
                    report.find(
                        c.name, place.at,
                        "the log ends at LSN \(place.lastLSN), before LSN \(newest.flushedLSN) of the manifest")
                }
                return
            case .invalid:
                let expected = place.lastLSN.next
                if next == nil, try c.reader.provesDurable(expected, behind: place.at, epoch: c.header.epoch) == nil {
                    report.note(.tornTail, c.name, place.at, bytes: file.size - place.at)
                    try readRest(file, from: place.at, &report)
                    return
                }
                report.find(c.name, place.at, "LSN \(expected) does not verify, and it was durable")
                guard let found = try resume(c, behind: place.at, before: next?.header, place) else {
                    try readRest(file, from: place.at, &report)
                    return
                }
                place = found
            }
        }
    }

    /// The next frame of the chain behind damage; nil if none verifies.
    private func resume(
        _ c: Begun, behind offset: UInt64, before fence: LogFileHeader?, _ last: Place
    ) throws(LogStoreError) -> Place? {
        var at = offset + UInt64(LogFormat.alignment)
        while at < c.reader.file.size {
            if case .frame(let header, _, _, _) = try c.reader.frame(at: at), header.epoch == c.header.epoch,
                header.firstLSN > last.lastLSN
            {
                if let fence, header.firstLSN > fence.previousLastLSN.next { return nil }
                return Place(
                    at: at, lastLSN: LSN(header.firstLSN.rawValue - 1), lastHash: header.previousHash)
            }
            at += UInt64(LogFormat.alignment)
        }
        return nil
    }

    private func check(
        _ c: Begun, _ header: FrameHeader, _ payload: [UInt8], _ end: UInt64, _ place: Place,
        _ report: inout VerifyReport
    ) throws(LogStoreError) {
        let at = place.at
        if header.firstLSN != place.lastLSN.next || header.previousHash != place.lastHash {
            report.find(
                c.name, at, "frame of LSN \(header.firstLSN) where LSN \(place.lastLSN.next) belongs")
        }
        if header.epoch != c.header.epoch { report.find(c.name, at, "frame of another opening of the store") }
        let padding = at + UInt64(LogFormat.frameHeaderBytes) + UInt64(header.payloadBytes)
        if end > c.reader.file.size {
            // The payload is whole and the padding is not: a group that was being written, in the newest file only.
            report.note(.tornTail, c.name, padding, bytes: c.reader.file.size - padding)
        } else if let wrong = try c.reader.file.bytes(at: padding, count: Int(end - padding))
            .firstIndex(where: { $0 != 0 })
        {
            report.find(c.name, padding + UInt64(wrong), "the padding of a frame is not zero")
        }
        do throws(ByteReader.Malformed) {
            let bodies = try LogRecord.bodies(payload, count: header.recordCount)
            for (i, body) in bodies.enumerated() {
                let lsn = LSN(header.firstLSN.rawValue + UInt64(i))
                try check(try LoggedBatch(lsn: lsn, decoding: body))
                report.batches += 1
            }
        } catch {
            report.find(c.name, at, "record of the frame: \(error.what)")
        }
    }

    private func check(_ batch: LoggedBatch) throws(ByteReader.Malformed) {
        for change in batch.changes {
            switch change {
            case .entryAppended(_, let sequence, let payload, let crc, _),
                .entryAmended(_, let sequence, let payload, let crc, _):
                guard payload.crc32c == crc else {
                    throw ByteReader.Malformed(offset: 0, what: "CRC of entry \(sequence) in batch \(batch.lsn)")
                }
            default: continue
            }
        }
    }

    /// Reads what nothing is checked of, so that a disk that cannot is found.
    private func readRest(
        _ file: any DiskFile, from offset: UInt64, _ report: inout VerifyReport
    ) throws(LogStoreError) {
        var at = offset
        while at < file.size {
            let count = Int(min(file.size - at, 1 << 20))
            do throws(LogStoreError) { _ = try file.bytes(at: at, count: count) } catch {
                try report.take(error, in: file.name)
                return
            }
            at += UInt64(count)
        }
    }
}
