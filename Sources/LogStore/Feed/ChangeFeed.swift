internal import Synchronization

/// Reads committed batches in order from the log files: the source of webhooks, Kafka, standbys.
///
/// Serves only what is durable. A consumer stores how far it came with `Batch.setPosition`; log files are kept from the
/// least position on. Not thread-safe: one reader, one thread.
package final class ChangeFeed {
    private let box: StateBox
    private let disk: any Disk
    private let store: UInt64
    /// Everything up to it has been handed out.
    package private(set) var position: LSN
    private var open: (info: LogFileInfo, reader: LogFileReader, offset: UInt64, last: LSN)?
    /// Batches of a frame that the last call did not take.
    private var rest: ArraySlice<LoggedBatch> = []

    init(box: StateBox, disk: any Disk, store: UInt64, position: LSN) {
        self.box = box
        self.disk = disk
        self.store = store
        self.position = position
    }

    deinit { open?.reader.file.close() }

    /// The next batches; empty when there are none yet.
    package func next(limit: Int) throws(LogStoreError) -> [LoggedBatch] {
        var result: [LoggedBatch] = []
        while result.count < limit, let batch = try take() { result.append(batch) }
        return result
    }

    /// The next batches that have an annotation, among at most `scanning` batches. Where nothing is annotated up to the end
    /// of the log, `position` goes there and nothing is read.
    package func nextAnnotated(limit: Int, scanning: Int = .max) throws(LogStoreError) -> [LoggedBatch] {
        var result: [LoggedBatch] = []
        var scanned = 0
        while result.count < limit, scanned < scanning {
            let (annotated, durable) = box.lock.withLock { ($0.annotatedLSN, $0.durableLSN) }
            if position >= annotated {
                rest = []
                position = max(position, durable)
                break
            }
            guard let batch = try take() else { break }
            scanned += 1
            if batch.isAnnotated { result.append(batch) }
        }
        return result
    }

    private func take() throws(LogStoreError) -> LoggedBatch? {
        while true {
            if let batch = rest.popFirst() {
                position = batch.lsn
                return batch
            }
            guard try readFrame() else { return nil }
        }
    }

    /// Reads the frame behind `position` into `rest`; false if there is none yet.
    private func readFrame() throws(LogStoreError) -> Bool {
        let (durable, files) = box.lock.withLock { ($0.durableLSN, $0.logFiles) }
        guard position < durable else { return false }
        guard let i = files.lastIndex(where: { $0.firstLSN <= position.next }) else {
            throw .feedTruncated(oldest: files.first?.firstLSN ?? .zero)
        }
        let end = i + 1 < files.count ? LSN(files[i + 1].firstLSN.rawValue - 1) : durable
        if open?.info != files[i] {
            open?.reader.file.close()
            open = nil
            do throws(DiskError) {
                let reader = LogFileReader(file: try disk.open(files[i].name), number: files[i].number, store: store)
                let place =
                    box.feedIndex.place(at: position, in: files[i].number)
                    ?? FeedIndex.Place(
                        last: LSN(files[i].firstLSN.rawValue - 1), offset: UInt64(LogFormat.headerBytes))
                open = (files[i], reader, place.offset, place.last)
            } catch {
                if error.kind == .notFound { throw .feedTruncated(oldest: files[min(i + 1, files.count - 1)].firstLSN) }
                throw .io(error)
            }
        }
        while let (info, reader, offset, last) = open, last < end {
            // The handle's size is that of its opening; the file grows.
            let fresh = offset < reader.file.size ? reader : try reopened(info)
            guard case .frame(let header, _, let payload, let next) = try fresh.frame(at: offset) else {
                throw .corrupt(file: info.name, offset: offset, detail: "the feed expects LSN \(last.next) here")
            }
            let newest = header.recordCount > 0 ? header.lastLSN : last
            open = (info, fresh, next, newest)
            box.feedIndex.note(FeedIndex.Place(last: newest, offset: next), in: info.number)
            guard header.recordCount > 0, header.lastLSN > position else { continue }
            rest = try decode(payload, header, info.name, offset).drop { $0.lsn <= position }
            return !rest.isEmpty
        }
        return false
    }

    private func reopened(_ info: LogFileInfo) throws(LogStoreError) -> LogFileReader {
        open?.reader.file.close()
        do throws(DiskError) {
            return LogFileReader(file: try disk.open(info.name), number: info.number, store: store)
        } catch {
            throw .io(error)
        }
    }

    private func decode(
        _ payload: [UInt8], _ header: FrameHeader, _ file: String, _ offset: UInt64
    ) throws(LogStoreError) -> [LoggedBatch] {
        do throws(ByteReader.Malformed) {
            var batches: [LoggedBatch] = []
            for (i, body) in try LogRecord.bodies(payload, count: header.recordCount).enumerated() {
                batches.append(try LoggedBatch(lsn: LSN(header.firstLSN.rawValue + UInt64(i)), decoding: body))
            }
            return batches
        } catch {
            throw .corrupt(file: file, offset: offset, detail: error.what)
        }
    }
}
