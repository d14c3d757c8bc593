/// How a store is opened. The defaults are the server profile.
package struct StoreOptions: Sendable {
    /// What a lost group before a surviving one means (docs/ARCHITECTURE.md, "Fault model").
    package enum Profile: Sendable {
        /// Refuse to open: on storage that honours flushes it can only be corruption.
        case server
        /// Take the prefix and report what was lost, if the gap is younger than 60 s.
        case edge
    }
    package var profile: Profile = .server
    /// Un-flushed data kept in memory before a flush starts.
    package var headBytes = 64 << 20
    /// A log file is closed and the next one begun at this size.
    package var logFileBytes = 64 << 20
    /// Space reserved ahead of the log's end, in steps of this size; at most `logFileBytes`, and 1/32 of the disk. As
    /// much as a file holds, so that it lies in one piece: of a file in more than four pieces ext4 keeps the list in a
    /// block of its own, which each sync would write too.
    package var logReserveBytes = 64 << 20
    /// Budget of decoded blocks.
    package var cacheBytes = 64 << 20
    package var blockBytes = 32 << 10
    /// A group takes at most this many bytes and batches.
    package var groupBytes = 4 << 20
    package var groupBatches = 16_384
    /// Bytes waiting for the writer beyond which commits are refused as `overloaded`.
    package var queueBytes = 64 << 20
    /// Appends are refused below this much free space (and below `softLimitPercent` of the disk).
    package var softLimitBytes: UInt64 = 2 << 30
    package var softLimitPercent = 5
    /// Space kept in `reserve.bin` so that deletes still work on a full disk; also at most 1 % of the disk.
    package var reserveBytes: UInt64 = 64 << 20
    /// Obsolete files stay this long, so that a running copy of the directory finds them.
    package var deletionGraceSeconds = 3600
    /// Log files stay at least this long after the next one was begun, for a restore to a point in time. An erasure
    /// removes them earlier.
    package var logRetentionSeconds = 0
    /// How long messages are kept.
    package var retention = RetentionPolicy()
    /// What compaction reads a second at most; 0: as fast as it can.
    package var compactionBytesPerSecond = 64 << 20
    /// Every table is read again this often, to find what has rotted; 0: never. And how fast at most.
    package var scrubSeconds = 14 * 86_400
    package var scrubBytesPerSecond = 4 << 20
    /// An erasure that takes longer is told as `StoreEvent.erasureOverdue`.
    package var erasureDeadlineSeconds = 7 * 86_400
    /// Log files that only consumers of the feed still need may take so many bytes; above that the oldest go, and what a
    /// consumer has not read of them is lost to it.
    package var feedLagBytes: UInt64 = 16 << 30
    /// Open a damaged log by taking the prefix before the damage.
    package var acceptPrefix = false
    package var limits = StoreLimits()
    package init() {}
}

/// Bounds of what one call may bring.
package struct StoreLimits: Sendable {
    package var idBytes = 1024
    package var payloadBytes = 16 << 20
    package var stateBytes = 16 << 20
    package var documentKeyBytes = 512
    package var documentBytes = 16 << 20
    package var annotationBytes = 64 << 10
    package var batchBytes = 32 << 20
    package var batchOperations = 100_000
    package init() {}
}
