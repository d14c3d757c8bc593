/// Finds the end of the log and hands its batches on.
///
/// ## Steps
/// 1. Sync every log file and believe only what is then read: a killed process may have left bytes in the page cache
///    that no crash would have kept.
/// 2. A file is begun only if its header and the groups logged again in it verify. One that never got so far is ignored,
///    unless a frame in it verifies: then its header rotted, and the store refuses.
/// 3. From the newest begun file, `previousNumber` leads back to the file that holds the first LSN after the manifest's.
/// 4. All but the newest end where their successor says. Anything that does not verify before that is corruption.
/// 5. In the newest file the first frame that does not verify, at LSN X, is a torn tail, unless a later frame says that
///    X was durable: then it is corruption. (A group is followed by another only after its sync, and each frame carries
///    `durableLSN`.)
/// 6. Groups that no later frame proves durable are logged again in a new file before anything is served: only they can
///    be bytes that a failed sync left in the page cache.
///
/// Corruption refuses to open, naming file and offset. In prefix mode (a copied directory, `acceptPrefix`, or the edge
/// profile with a gap younger than 60 s) the log is cut before it instead, and what was lost is reported.
///
/// With a `target` the walk ends before the first batch behind it, within a group if need be: nothing behind it is
/// decoded, and damage there is no matter.
struct LogRecovery {
    let disk: any Disk
    let store: UInt64
    /// Cut at the first damage instead of refusing.
    var prefixMode: Bool
    /// Prefix mode only if the newest frame before the damage is at most 60 s older than this.
    var prefixIfYoungerThan: Int64?
    /// Where to stop, for a restore.
    var target: RestoreTarget = .newest

    struct Outcome {
        /// Where the new log file continues.
        var continuation: LogWriter.Continuation
        var nextNumber: UInt64
        /// The chain's files, oldest first.
        var chain: [LogFileInfo]
        /// Files that are not of the chain: their creation never finished, or nothing leads to them, or they lie behind a
        /// cut. They go once the new file is there.
        var leftovers: [String]
        /// Newest LSN of the log, re-logged groups included.
        var lastLSN: LSN
        var replayed = 0
        var wasClean = false
        var cut: Cut?
        /// There are batches behind the target.
        var stoppedAtTarget = false
    }

    struct Cut: Sendable {
        var file: String
        var offset: UInt64
        var detail: String
        /// Provably acknowledged batches behind the cut: at least this many.
        var lostAtLeast: UInt64
    }

    private struct Candidate {
        var info: LogFileInfo
        var reader: LogFileReader
        var header: LogFileHeader
    }

    /// - Parameters:
    ///   - flushed: batches up to it are in tables and are skipped.
    ///   - isNew: no flush ever happened: an absent log is an empty one.
    ///   - apply: receives every later batch in order.
    func run(
        flushed: LSN, isNew: Bool, apply: (LoggedBatch) -> Void
    ) throws(LogStoreError) -> Outcome {
        var files: [LogFileInfo] = []
        for entry in try list() {
            if let (number, first) = LogFormat.parse(entry.name) {
                files.append(LogFileInfo(number: number, firstLSN: first, createdAt: 0))
            }
        }
        files.sort { $0.number < $1.number }
        let nextNumber = (files.last?.number ?? 0) + 1

        var unfinished: [String] = []
        var candidates: [UInt64: Candidate] = [:]
        for info in files {
            let file = try open(info.name)
            let reader = LogFileReader(file: file, number: info.number, store: store)
            do throws(DiskError) { try file.sync(.openLog) } catch { throw .io(error) }
            switch try reader.readHeader() {
            case .valid(let header):
                guard header.firstLSN == info.firstLSN else {
                    throw .corrupt(
                        file: info.name, offset: 0, detail: "its header begins at LSN \(header.firstLSN)")
                }
                var info = info
                info.createdAt = header.createdAt
                candidates[info.number] = Candidate(info: info, reader: reader, header: header)
            case .invalid(let why):
                // Groups logged again belong to the creation and are still in the file before; others are proof.
                if try reader.provesDurable(.zero, behind: UInt64(LogFormat.headerBytes), epoch: nil) != nil {
                    throw .corrupt(file: info.name, offset: 0, detail: "log header: \(why)")
                }
                unfinished.append(info.name)
                file.close()
            }
        }
        defer { for c in candidates.values { c.reader.file.close() } }

        guard let newest = candidates.values.max(by: { $0.info.number < $1.info.number }) else {
            guard isNew else { throw .corrupt(file: "w-*.wal", offset: 0, detail: "the log is missing") }
            return Outcome(
                continuation: .init(previousNumber: 0, lastLSN: flushed, lastHash: 0), nextNumber: nextNumber,
                chain: [], leftovers: unfinished, lastLSN: flushed)
        }
        let chain = try chain(to: newest, candidates, flushed)
        // Files that nothing leads to any more: a crash came between unlinking one and those before it.
        let linked = Set(chain.map(\.info.number))
        unfinished += candidates.values.map(\.info).filter { !linked.contains($0.number) }.map(\.name).sorted()
        return try replay(
            chain, flushed: flushed, nextNumber: nextNumber, unfinished: unfinished, candidates, apply: apply)
    }

    /// The files that hold (flushed, newest], oldest first, extended back as far as files are there.
    private func chain(
        to newest: Candidate, _ candidates: [UInt64: Candidate], _ flushed: LSN
    ) throws(LogStoreError) -> [Candidate] {
        var chain = [newest]
        var current = newest
        while current.header.previousNumber != 0 {
            guard let previous = candidates[current.header.previousNumber],
                previous.header.firstLSN <= current.header.firstLSN
            else {
                if current.header.firstLSN <= flushed.next { break }
                let name = LogFormat.name(number: current.header.previousNumber, firstLSN: .zero)
                throw .corrupt(
                    file: current.info.name, offset: 0, detail: "the log file before it (\(name)) is missing")
            }
            chain.append(previous)
            current = previous
        }
        guard current.header.firstLSN <= flushed.next else {
            throw .corrupt(
                file: current.info.name, offset: 0,
                detail: "the log begins at LSN \(current.header.firstLSN), after LSN \(flushed) of the manifest")
        }
        return chain.reversed()
    }

    private func replay(
        _ chain: [Candidate], flushed: LSN, nextNumber: UInt64, unfinished: [String],
        _ candidates: [UInt64: Candidate], apply: (LoggedBatch) -> Void
    ) throws(LogStoreError) -> Outcome {
        // Files wholly below the flushed LSN are skipped unread; verify reads them.
        var start = 0
        while start + 1 < chain.count && chain[start + 1].header.firstLSN <= flushed.next { start += 1 }
        var state = ReplayState(lastLSN: LSN(chain[start].header.firstLSN.rawValue - 1))
        state.lastHash = chain[start].header.previousHash
        for i in start..<chain.count {
            let successor = i + 1 < chain.count ? chain[i + 1].header : nil
            state.provenLSN = max(state.provenLSN, LSN(chain[i].header.firstLSN.rawValue - 1))
            state.suspects = []
            state.wasClean = false
            do throws(LogStoreError) {
                try replayFile(chain[i], until: successor, flushed: flushed, &state, apply)
            } catch let error {
                guard case .corrupt(let file, let offset, let detail) = error, mayCut(state) else { throw error }
                let lost = (candidates.values.map(\.header.firstLSN.rawValue).max() ?? 0)
                let cut = Cut(
                    file: file, offset: offset, detail: detail,
                    lostAtLeast: max(lost, state.evidenceLSN.rawValue + 1) - 1 - min(lost, state.lastLSN.rawValue))
                let behind = candidates.values.map(\.info).filter { $0.number > chain[i].info.number }.map(\.name)
                return outcome(state, chain[i], Array(chain[0...i]), nextNumber, unfinished + behind, cut)
            }
            if state.stoppedAtTarget { break }
        }
        if state.lastLSN < flushed && !mayCut(state) {
            throw .corrupt(
                file: chain[chain.count - 1].info.name, offset: chain[chain.count - 1].reader.file.size,
                detail: "the log ends at LSN \(state.lastLSN), before LSN \(flushed) of the manifest")
        }
        return outcome(state, chain[chain.count - 1], chain, nextNumber, unfinished, nil)
    }

    private struct ReplayState {
        var lastLSN: LSN
        var lastHash: UInt64 = 0
        var lastTime: Int64 = 0
        /// The newest LSN that a frame or file header proves durable.
        var provenLSN = LSN.zero
        /// Groups of the current file that nothing proves durable, with the chain's hash before each.
        var suspects: [Suspect] = []
        var wasClean = false
        var replayed = 0
        var stoppedAtTarget = false
        /// Found behind damage.
        var evidenceLSN = LSN.zero

        struct Suspect {
            var firstLSN: LSN
            var hashBefore: UInt64
            var group: LogWriter.Continuation.Group
        }
    }

    private func mayCut(_ state: ReplayState) -> Bool {
        if prefixMode { return true }
        guard let now = prefixIfYoungerThan else { return false }
        return now - state.lastTime < 60_000_000
    }

    private func replayFile(
        _ c: Candidate, until successor: LogFileHeader?, flushed: LSN, _ state: inout ReplayState,
        _ apply: (LoggedBatch) -> Void
    ) throws(LogStoreError) {
        var at = UInt64(LogFormat.headerBytes)
        while true {
            if let successor, state.lastLSN == successor.previousLastLSN, state.lastHash == successor.previousHash {
                return
            }
            switch try c.reader.frame(at: at) {
            case .frame(let header, let hash, let payload, let next):
                guard header.firstLSN == state.lastLSN.next, header.previousHash == state.lastHash else {
                    throw .corrupt(
                        file: c.info.name, offset: at,
                        detail: "frame of LSN \(header.firstLSN) where LSN \(state.lastLSN.next) belongs")
                }
                let hashBefore = state.lastHash
                state.lastHash = hash
                state.lastTime = header.time
                state.provenLSN = max(state.provenLSN, header.durableLSN)
                state.suspects.removeAll { $0.firstLSN <= state.provenLSN }
                if header.flags.contains(.seal) {
                    state.wasClean = header.flags.contains(.clean)
                    if successor != nil { break }
                    return
                }
                if let successor, header.lastLSN > successor.previousLastLSN {
                    throw .corrupt(
                        file: c.info.name, offset: at, detail: "group does not end where the next file says")
                }
                let bodies = try self.bodies(payload, header, c.info.name, at)
                state.suspects.append(
                    .init(
                        firstLSN: header.firstLSN, hashBefore: hashBefore,
                        group: .init(bodies: bodies, time: header.time)))
                for (i, body) in bodies.enumerated() {
                    let lsn = LSN(header.firstLSN.rawValue + UInt64(i))
                    if lsn > flushed {
                        let batch = try decode(body, lsn, c.info.name, at)
                        guard target.includes(batch.lsn, batch.time) else {
                            state.stoppedAtTarget = true
                            return
                        }
                        apply(batch)
                        state.replayed += 1
                    }
                    state.lastLSN = lsn
                }
                at = next
                continue
            case .invalid, .end:
                if successor != nil {
                    throw .corrupt(
                        file: c.info.name, offset: at, detail: "the log breaks off at LSN \(state.lastLSN.next)")
                }
                let expected = state.lastLSN.next
                if let place = try c.reader.provesDurable(expected, behind: at, epoch: c.header.epoch) {
                    state.evidenceLSN = expected
                    throw .corrupt(
                        file: c.info.name, offset: at,
                        detail: "LSN \(expected) does not verify, but the frame at \(place) proves it was durable")
                }
                return
            }
            // A seal of a file that has a successor: the chain must meet here.
            guard let successor, state.lastLSN == successor.previousLastLSN, state.lastHash == successor.previousHash
            else {
                throw .corrupt(file: c.info.name, offset: at, detail: "sealed, but the next file continues elsewhere")
            }
            return
        }
    }

    private func outcome(
        _ state: ReplayState, _ last: Candidate, _ chain: [Candidate], _ nextNumber: UInt64, _ leftovers: [String],
        _ cut: Cut?
    ) -> Outcome {
        let suspects = state.suspects
        let base = suspects.first.map { LSN($0.firstLSN.rawValue - 1) } ?? state.lastLSN
        return Outcome(
            continuation: .init(
                previousNumber: last.info.number, lastLSN: base, lastHash: suspects.first?.hashBefore ?? state.lastHash,
                relog: suspects.map(\.group)),
            nextNumber: nextNumber, chain: chain.map(\.info), leftovers: leftovers, lastLSN: state.lastLSN,
            replayed: state.replayed, wasClean: state.wasClean, cut: cut, stoppedAtTarget: state.stoppedAtTarget)
    }

    private func bodies(
        _ payload: [UInt8], _ header: FrameHeader, _ file: String, _ at: UInt64
    ) throws(LogStoreError) -> [[UInt8]] {
        do {
            return try LogRecord.bodies(payload, count: header.recordCount)
        } catch {
            throw .corrupt(file: file, offset: at + UInt64(error.offset), detail: "record: \(error.what)")
        }
    }

    private func decode(_ body: [UInt8], _ lsn: LSN, _ file: String, _ at: UInt64) throws(LogStoreError) -> LoggedBatch
    {
        do {
            return try LoggedBatch(lsn: lsn, decoding: body)
        } catch {
            throw .corrupt(file: file, offset: at, detail: "batch \(lsn): \(error.what)")
        }
    }

    private func list() throws(LogStoreError) -> [DiskEntry] {
        do throws(DiskError) { return try disk.list() } catch { throw .io(error) }
    }

    private func open(_ name: String) throws(LogStoreError) -> any DiskFile {
        do throws(DiskError) { return try disk.open(name) } catch { throw .io(error) }
    }
}

extension LogRecovery.Outcome {
    /// What was replayed is the end of the log: the next file continues no other.
    mutating func endLog() {
        continuation = .init(previousNumber: 0, lastLSN: lastLSN, lastHash: 0)
        leftovers += chain.map(\.name)
        chain = []
    }
}
