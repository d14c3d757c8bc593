/// What readers and the writer share, under one lock that nobody holds across a disk access.
struct StoreState: Sendable {
    var active: Head
    /// Being flushed; immutable.
    var frozen: Head?
    var version: Version
    /// Newest batch that readers see, and newest that is durable.
    var visibleLSN: LSN
    var durableLSN: LSN
    /// The newest batch with an annotation; after an open, the newest batch: nobody has looked.
    var annotatedLSN = LSN.zero
    /// Log files of the chain, oldest first; the last is the newest.
    var logFiles: [LogFileInfo]
    /// Why nothing can be written any more.
    var failure: LogStoreError?
    /// Erasures ordered up to then are being processed.
    var erasingThrough = Int64.min
    /// What the scrub found, by file.
    var damage: [String: VerifyReport.Finding] = [:]
    /// Erasures that are not finished, as of maintenance's last look, and when the oldest was ordered.
    var pendingErasures = 0
    var oldestPendingErasure: Timestamp?
    var isAcceptingAppends = true
    var space = DiskSpace(freeBytes: .max, totalBytes: .max)
    var statistics = StoreStatistics()

    /// The folded changes of the heads to a session; nil if they have none.
    func delta(_ key: SessionKey) -> SessionDelta? {
        guard let old = frozen?.delta(key) else { return active.delta(key) }
        guard let new = active.delta(key) else { return old }
        var folded = old
        folded.merge(new)
        return folded
    }

    /// The newest value of an index key in the heads, tombstones included.
    func headValue(_ key: [UInt8]) -> [UInt8]? { active.index[key] ?? frozen?.index[key] }

    /// Pairs of both heads under a prefix, ascending, newest wins, tombstones included.
    func headPairs(prefix: [UInt8], from: [UInt8]?, limit: Int) -> [SortedBytesMap.Pair] {
        var new: [SortedBytesMap.Pair] = []
        active.index.scan(prefix: prefix, from: from) {
            new.append($0)
            return new.count < limit
        }
        guard let frozen else { return new }
        var old: [SortedBytesMap.Pair] = []
        frozen.index.scan(prefix: prefix, from: from) {
            old.append($0)
            return old.count < limit
        }
        if old.isEmpty { return new }
        var merged: [SortedBytesMap.Pair] = []
        var i = 0
        var j = 0
        while merged.count < limit, i < new.count || j < old.count {
            if j == old.count {
                merged.append(new[i])
                i += 1
            } else if i == new.count {
                merged.append(old[j])
                j += 1
            } else {
                let order = [UInt8].compare(new[i].key, old[j].key)
                merged.append(order <= 0 ? new[i] : old[j])
                if order <= 0 { i += 1 }
                if order >= 0 { j += 1 }
            }
        }
        return merged
    }
}

/// Counts since the store was opened.
package struct StoreStatistics: Hashable, Sendable {
    package var groups: UInt64 = 0
    package var batches: UInt64 = 0
    package var refusedBatches: UInt64 = 0
    package var logSyncs: UInt64 = 0
    package var logBytes: UInt64 = 0
    package var payloadBytes: UInt64 = 0
    package var flushes: UInt64 = 0
    package var flushedBytes: UInt64 = 0
    package var compactions: UInt64 = 0
    /// Bytes that compaction wrote.
    package var compactedBytes: UInt64 = 0
    package var scrubbedTables: UInt64 = 0
    package var scrubbedBytes: UInt64 = 0
    package var largestGroup: Int = 0
    /// Log syncs by duration: bucket i counts those of at most 2^i microseconds × 16.
    package var syncMicroseconds: UInt64 = 0
    package var syncHistogram: [UInt64] = Array(repeating: 0, count: 20)

    mutating func recordSync(microseconds: UInt64) {
        logSyncs += 1
        syncMicroseconds += microseconds
        var bucket = 0
        while bucket < syncHistogram.count - 1 && microseconds > 16 << UInt64(bucket) { bucket += 1 }
        syncHistogram[bucket] += 1
    }
}

/// The store's condition at a moment.
package struct StoreStatus: Sendable {
    package var visibleLSN: LSN
    package var durableLSN: LSN
    package var flushedLSN: LSN
    package var isAcceptingAppends: Bool
    package var failure: LogStoreError?
    package var space: DiskSpace
    package var statistics: StoreStatistics
    package var headBytes: Int
    package var frozenBytes: Int
    package var segments: Int
    package var indexRuns: Int
    package var tableBytes: UInt64
    package var storedEntries: UInt64
    package var logFiles: Int
    package var cache: BlockCache.Statistics
    /// Tables with damage that the scrub found; only what lies in the damaged part is lost.
    package var damage: [VerifyReport.Finding]
    /// Erasures of which some byte may still be in a file, and when the oldest of them was ordered.
    package var pendingErasures: Int
    package var oldestPendingErasure: Timestamp?
    package var sessionsCreated: UInt64
    package var usersCreated: UInt64
}

/// What an operator should hear about; the embedding program logs it.
package enum StoreEvent: Sendable {
    case opened(store: String, lsn: LSN, replayed: Int, clean: Bool, microseconds: UInt64)
    case skippedManifest(number: UInt64, reason: String)
    case cutLog(file: String, offset: UInt64, detail: String, lostAtLeast: UInt64)
    case openedCopy
    case foreignFile(String)
    case flushed(lsn: LSN, entries: UInt64, bytes: UInt64, microseconds: UInt64)
    case flushFailed(String, attempt: Int)
    case compacted(
        tables: Int, bytesRead: UInt64, bytesWritten: UInt64, droppedEntries: UInt64, microseconds: UInt64)
    case compactionFailed(String)
    /// The scrub read bytes that are not what was written.
    case damaged(VerifyReport.Finding)
    case scrubFailed(String)
    /// Segments and sessions that had expired are gone.
    case expired(segments: Int, entries: UInt64, sessions: Int)
    /// More than half of all entries would expire at once: it waits for a day, or for `confirmExpiry`.
    case expiryWaits(entries: UInt64, totalEntries: UInt64)
    /// No byte of the subject is left in any file.
    case erased(ErasureRecord)
    /// It was ordered longer ago than the deadline and is not finished. Told once an hour.
    case erasureOverdue(ErasureRecord)
    case poisoned(String)
    case spaceLow(freeBytes: UInt64)
    case spaceRecovered(freeBytes: UInt64)
}
