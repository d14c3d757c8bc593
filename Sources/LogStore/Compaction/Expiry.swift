internal import Synchronization

/// Removes what has expired. Readers do not see it any more; this gives its space back.
///
/// ## Steps of a pass
/// 1. Segments of which every entry has expired leave the manifest as files, unless a held session is in one.
/// 2. Sessions that nobody touched since the cutoff are deleted, by batches in the log like any deletion; merges drop
///    what they leave behind.
/// Entries that expired in a segment with younger ones go when it is merged; time buckets bound how long that takes.
///
/// A pass that would remove more than half of all entries waits: for `confirm`, or until it has stood for a day.
struct ExpiryPass {
    let box: StateBox
    let lookup: Lookup
    let engine: WriteEngine
    let manifests: ManifestLog

    private static let batchSessions = 500

    struct Plan {
        var segments: Set<UInt64> = []
        var entries: UInt64 = 0
        var totalEntries: UInt64 = 0
        var isLarge: Bool { entries > totalEntries / 2 }
    }

    /// Step 1, looked at only.
    func plan() throws(LogStoreError) -> Plan {
        try box.retention.resolve(lookup)
        var plan = Plan()
        let version = box.lock.withLock { $0.version }
        var held: [[UInt8]]?
        for segment in version.segments {
            plan.totalEntries += segment.summary.entryCount
            guard let cutoff = box.retention.classCutoff(segment.name.retentionClass),
                let newest = segment.summary.maxTime, newest.microseconds < cutoff
            else { continue }
            if held == nil { held = try heldPrefixes() }
            var isHeld = false
            for prefix in held! where segment.overlaps(prefix, prefix.prefixEnd ?? segment.properties.lastKey) {
                let cursor = segment.cursor()
                try cursor.seek(to: prefix)
                isHeld = isHeld || (cursor.isValid && cursor.key.starts(with: prefix))
            }
            guard !isHeld else { continue }
            plan.segments.insert(segment.name.id)
            plan.entries += segment.summary.entryCount
        }
        return plan
    }

    /// Keys of entries that a hold covers begin with one of these.
    private func heldPrefixes() throws(LogStoreError) -> [[UInt8]] {
        var prefixes: [[UInt8]] = []
        try lookup.scan(prefix: IndexKey.holds) { (key, _) throws(LogStoreError) in
            if let session = IndexKey.sessionKey(from: key) {
                prefixes.append(IndexKey.entries(of: ErasureSubject(session)))
            }
            return true
        }
        return prefixes
    }

    /// - Returns: how many sessions were deleted.
    func run(_ plan: Plan) throws(LogStoreError) -> Int {
        if !plan.segments.isEmpty { try manifests.install(added: [], removed: plan.segments) }
        var batch = Batch()
        var expired = 0
        try lookup.scan(prefix: IndexKey.rows) { (key, _) throws(LogStoreError) in
            guard let session = IndexKey.sessionKey(from: key) else { return true }
            let (delta, version) = box.lock.withLock { ($0.delta(session), $0.version) }
            if let row = try lookup.storedRow(session, delta, version), try lookup.hasExpired(session, row) {
                expired += 1
                batch.expireSession(session)
            }
            // As many as fit a small group, so that neither memory nor a group grows with what has expired.
            if batch.operations.count == Self.batchSessions {
                try engine.commit(batch, inBackground: true)
                batch = Batch()
            }
            return true
        }
        if !batch.isEmpty { try engine.commit(batch, inBackground: true) }
        return expired
    }
}
