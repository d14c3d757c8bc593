internal import HTTPTransport
internal import LogStore

/// The operator's listener: `/livez`, `/readyz`, `/metrics`, `/compact`, and what `AdminOperations` has. Loopback only;
/// off unless given.
struct AdminSurface: Sendable {
    let store: LogStore
    let registry: MetricsRegistry
    let operations: AdminOperations
    let compaction: CompactionOrder
    /// True once a signal asked the server to stop.
    let isDraining: @Sendable () -> Bool

    var handler: Handler {
        { request, exchange in
            if !operations.answer(request, exchange) { exchange.respond(answer(request)) }
        }
    }

    private func answer(_ request: Request) -> Response {
        if request.path == "/compact" { return compact(request.method) }
        guard request.method == "GET" || request.method == "HEAD" else {
            return Response(status: 405, headers: [("Allow", "GET, HEAD")])
        }
        switch request.path {
        case "/livez": return Response(status: 200, text: "ok\n")
        case "/readyz": return readiness()
        case "/metrics":
            return Response(
                status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
                body: .bytes(registry.exposition()))
        default: return Response(status: 404, text: "not found; docs/operating.md lists what is there\n")
        }
    }

    private func compact(_ method: String) -> Response {
        guard method == "POST" else { return Response(status: 405, headers: [("Allow", "POST")]) }
        return switch compaction.start() {
        case .started: Response(status: 202, text: "started; the log tells when it is done\n")
        case .underWay: Response(status: 409, text: "under way already\n")
        case .failed: Response(status: 503, text: "no thread for it; try again later\n")
        }
    }

    private func readiness() -> Response {
        let status = store.status
        if isDraining() { return Response(status: 503, text: "stopping\n") }
        if let failure = status.failure { return Response(status: 503, text: "store: \(failure)\n") }
        guard status.isAcceptingAppends else {
            return Response(status: 503, text: "disk nearly full: \(status.space.freeBytes) bytes free\n")
        }
        // Damage costs only the sessions in it, so the server goes on; the body tells who looks.
        let damage = status.damage.map { "damaged: \($0.file) at offset \($0.offset): \($0.detail)\n" }
        return Response(status: 200, text: "ok\n" + damage.joined())
    }
}

extension MetricsRegistry {
    /// What the store counts, read when the page is asked for.
    func register(_ store: LogStore) {
        func value(
            _ name: String, _ help: String, isCounter: Bool = false, _ read: @escaping @Sendable (StoreStatus) -> Double
        ) {
            gauge(name, help, isCounter: isCounter) { read(store.status) }
        }
        value("chat_store_groups_total", "Commit groups written.", isCounter: true) { Double($0.statistics.groups) }
        value("chat_store_batches_total", "Batches committed.", isCounter: true) { Double($0.statistics.batches) }
        value("chat_store_largest_group_batches", "Batches of the largest group since the start.") {
            Double($0.statistics.largestGroup)
        }
        histogram("chat_store_log_sync_seconds", "Duration of syncs of the log.") {
            Histogram.Reading(syncs: store.status.statistics)
        }
        value("chat_store_log_bytes_total", "Bytes appended to the log.", isCounter: true) {
            Double($0.statistics.logBytes)
        }
        value("chat_store_flushes_total", "Flushes of the head.", isCounter: true) { Double($0.statistics.flushes) }
        value("chat_store_flushed_bytes_total", "Bytes of tables written by flushes.", isCounter: true) {
            Double($0.statistics.flushedBytes)
        }
        value("chat_store_head_bytes", "Un-flushed data in memory.") { Double($0.headBytes + $0.frozenBytes) }
        value("chat_store_tables", "Tables of the newest manifest.") { Double($0.segments + $0.indexRuns) }
        value("chat_store_segments", "Tables of messages.") { Double($0.segments) }
        value("chat_store_index_runs", "Tables of everything else.") { Double($0.indexRuns) }
        value("chat_store_compactions_total", "Merges of tables.", isCounter: true) {
            Double($0.statistics.compactions)
        }
        value("chat_store_compacted_bytes_total", "Bytes of tables written by merges.", isCounter: true) {
            Double($0.statistics.compactedBytes)
        }
        value("chat_store_scrubbed_tables_total", "Tables read again by the scrub.", isCounter: true) {
            Double($0.statistics.scrubbedTables)
        }
        value("chat_store_scrubbed_bytes_total", "Bytes read again by the scrub.", isCounter: true) {
            Double($0.statistics.scrubbedBytes)
        }
        value("chat_store_damaged_tables", "Tables in which the scrub found damage; /readyz names them.") {
            Double($0.damage.count)
        }
        value("chat_store_refused_batches_total", "Batches that were not committed.", isCounter: true) {
            Double($0.statistics.refusedBatches)
        }
        value("chat_store_pending_erasures", "Erasures of which a byte may still be in a file.") {
            Double($0.pendingErasures)
        }
        gauge("chat_store_oldest_pending_erasure_seconds", "Age of the oldest of them; 0 without any.") {
            guard let ordered = store.status.oldestPendingErasure else { return 0 }
            return max(0, Double(LiveClock().now().microseconds - ordered.microseconds) / 1e6)
        }
        value("chat_store_table_bytes", "Bytes of these tables.") { Double($0.tableBytes) }
        value("chat_store_log_files", "Log files kept.") { Double($0.logFiles) }
        value("chat_store_free_bytes", "Free space of the data directory's file system.") {
            // Not known before the first write has looked.
            $0.space.freeBytes == .max ? .nan : Double($0.space.freeBytes)
        }
        value("chat_store_cache_bytes", "Decoded blocks in the cache.") { Double($0.cache.residentBytes) }
        value("chat_store_cache_hits_total", "Reads that the cache answered.", isCounter: true) {
            Double($0.cache.hits)
        }
        value("chat_store_cache_misses_total", "Reads that went to the disk.", isCounter: true) {
            Double($0.cache.misses)
        }
        value("chat_store_accepting_appends", "1 while appends are accepted.") { $0.isAcceptingAppends ? 1 : 0 }
    }
}

extension Histogram.Reading {
    /// The store counts syncs in buckets of at most 16, 32, 64 … microseconds; the last one takes all that are longer.
    init(syncs statistics: StoreStatistics) {
        var running: UInt64 = 0
        let cumulative = statistics.syncHistogram.map { count in
            running += count
            return running
        }
        self.init(
            cumulative: cumulative, sum: Double(statistics.syncMicroseconds) / 1e6,
            bounds: cumulative.indices.dropLast().map { Double(UInt64(16) << UInt64($0)) / 1e6 })
    }
}
