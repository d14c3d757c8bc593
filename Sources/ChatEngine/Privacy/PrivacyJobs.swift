package import LogStore
internal import Synchronization

/// Does what privacy requests ask for, after they were answered: writes bundles, lets them expire, follows erasures to
/// their end.
///
/// ## Steps
/// One request is worked on at a time, in the order of the requests, on the engine's reader threads, a piece at a time, so
/// that reads are not kept waiting.
/// - An export: the row says `processing`; the file is written from its beginning (what a killed process left of it is
///   removed before); file and name are synced; the row says `completed`.
/// - A deletion: what a killed process left undone is done; the bundles of exports that were ordered before are removed,
///   and their names synced; the row says `processing`. Then it waits until the erasure ledger has the learner's erasures
///   as finished, and says `completed`.
/// - A bundle that has expired is removed, and the row says so.
/// Each step looks at what is there, so after a crash every job that is left begins its step anew.
///
/// Files: `server-export-<id>.jsonl` in the data directory, mode 0600, created, appended to, synced, unlinked. The store
/// leaves names with `server-` alone and a backup leaves them out.
package final class PrivacyJobs: Sendable {
    private struct Job: Sendable {
        var id: UUIDValue
        var tenant: TenantName
    }

    private struct State {
        var queue: [Job] = []
        /// Deletions that wait for the ledger.
        var erasing: [Job] = []
        var isRunning = false
        var isStopped = false
        var expiryCheckedAt: UInt64 = 0
    }

    private let engine: ChatEngine
    private let disk: any Disk
    private let format: BundleFormat
    private let timers: any Timers
    private let report: @Sendable (_ what: String, _ error: ChatError) -> Void
    private let state = Mutex(State())

    package static let bundleLifetimeSeconds: Int64 = 24 * 3600
    private static let prefix = "server-export-"
    private static let tickMicroseconds: UInt64 = 1_000_000
    private static let expiryMicroseconds: UInt64 = 60_000_000

    /// - Parameters:
    ///   - disk: the data directory.
    ///   - timers: wake it once a second.
    ///   - report: hears what went wrong; called from any thread.
    package init(
        engine: ChatEngine, disk: any Disk, format: BundleFormat, timers: any Timers,
        report: @escaping @Sendable (_ what: String, _ error: ChatError) -> Void = { _, _ in }
    ) {
        self.engine = engine
        self.disk = disk
        self.format = format
        self.timers = timers
        self.report = report
    }

    // MARK: Life

    /// Takes up what the last run left. Call once, before requests are served.
    package func start() throws(ChatError) {
        var known: Set<String> = []
        var queue: [(job: Job, at: Timestamp)] = []
        for (id, tenant) in try engine.privacyJobs() {
            known.insert(Self.fileName(id))
            let found = try engine.storedRequest(id, tenant)
            // Without a row the tenant has gone; the queue removes what is left.
            if let request = found?.request, request.isEnded { continue }
            queue.append((Job(id: id, tenant: tenant), found?.request.requestedAt ?? Timestamp(microseconds: 0)))
        }
        do throws(DiskError) {
            for entry in try disk.list() where entry.name.hasPrefix(Self.prefix) && !known.contains(entry.name) {
                try disk.unlink(entry.name)
            }
        } catch {
            throw ChatError(.io(error))
        }
        queue.sort { $0.at < $1.at }
        state.withLock { $0.queue = queue.map(\.job) }
        run()
        tick()
    }

    /// Begins nothing new. The piece at work ends by itself.
    package func stop() { state.withLock { $0.isStopped = true } }

    private func tick() {
        guard !state.withLock({ $0.isStopped }) else { return }
        timers.schedule(afterMicroseconds: Self.tickMicroseconds) { [weak self] in
            guard let self else { return }
            let hasWork = state.withLock { !$0.erasing.isEmpty || self.expiryIsDue($0) }
            if hasWork { _ = engine.readers.submit { self.check() } }
            tick()
        }
    }

    private func expiryIsDue(_ state: borrowing State) -> Bool {
        engine.clock.monotonicMicroseconds() &- state.expiryCheckedAt >= Self.expiryMicroseconds
    }

    // MARK: Requests

    /// Orders an export of a learner's data.
    package func requestExport(
        of learner: String, _ scope: PrivacyRequest.Scope, _ access: Access,
        completion: @escaping ChatEngine.Completion<PrivacyRequest>
    ) {
        order(access, completion) { [engine] () throws(ChatError) in
            try engine.orderExport(of: learner, scope, access)
        }
    }

    /// Erases a learner's data: for everybody when it completes, from every file later.
    package func requestDeletion(
        of learner: String, _ scope: PrivacyRequest.Scope, _ access: Access,
        completion: @escaping ChatEngine.Completion<PrivacyRequest>
    ) {
        order(access, completion) { [engine] () throws(ChatError) in
            try engine.orderDeletion(of: learner, scope, access)
        }
    }

    private func order(
        _ access: Access, _ completion: @escaping ChatEngine.Completion<PrivacyRequest>,
        _ body: @escaping @Sendable () throws(ChatError) -> PrivacyRequest
    ) {
        engine.blocking(
            { [self] (result: Result<PrivacyRequest, ChatError>) in
                if case .success(let request) = result {
                    state.withLock { $0.queue.append(Job(id: request.id, tenant: access.tenant)) }
                    run()
                }
                completion(result)
            }, body)
    }

    /// A completed export's file, open for reading.
    /// - Throws: `sessionNotFound` if it has gone.
    package func openBundle(_ request: PrivacyRequest) throws(ChatError) -> any DiskFile {
        guard let bundle = request.bundle, !bundle.isRemoved, engine.clock.now() < bundle.expiresAt else {
            throw .sessionNotFound
        }
        do throws(DiskError) { return try disk.open(Self.fileName(request.id)) } catch {
            throw error.kind == .notFound ? .sessionNotFound : ChatError(.io(error))
        }
    }

    private static func fileName(_ id: UUIDValue) -> String { "\(prefix)\(id.string).jsonl" }

    // MARK: The queue

    /// Goes on with the queue, if nobody does.
    private func run() {
        let job = state.withLock { state -> Job? in
            guard !state.isRunning, !state.isStopped, let first = state.queue.first else { return nil }
            state.isRunning = true
            state.queue.removeFirst()
            return first
        }
        if let job { submit { [self] in begin(job) } }
    }

    /// Runs a piece of work on a reader thread, later if they are busy.
    private func submit(_ work: @escaping @Sendable () -> Void) {
        guard !state.withLock({ $0.isStopped }), !engine.readers.submit(work) else { return }
        timers.schedule(afterMicroseconds: 100_000) { [weak self] in self?.submit(work) }
    }

    private func end() {
        state.withLock { $0.isRunning = false }
        run()
    }

    private func begin(_ job: Job) {
        do throws(ChatError) {
            guard let (request, version) = try engine.storedRequest(job.id, job.tenant) else {
                try remove(job.id)
                var batch = Batch(durability: .durable)
                batch.remove(PrivacyKey.job(job.id))
                try engine.privacyCommit(batch)
                return end()
            }
            switch request.kind {
            case .export: return try beginExport(request, job)
            case .deletion: try beginDeletion(request, version, job)
            }
        } catch {
            report("a privacy request", error)
            return retry(job)
        }
        end()
    }

    /// The store is full, or has failed: the request stays as it is, and is tried again.
    private func retry(_ job: Job) {
        state.withLock { $0.isRunning = false }
        timers.schedule(afterMicroseconds: 10 * Self.tickMicroseconds) { [weak self] in
            guard let self else { return }
            state.withLock { $0.queue.append(job) }
            run()
        }
        run()
    }

    // MARK: Exports

    private func beginExport(_ request: PrivacyRequest, _ job: Job) throws(ChatError) {
        guard !request.isEnded else { return end() }
        var request = request
        request.status = .processing
        try engine.save(request, job.tenant)
        try remove(job.id)
        let file: any DiskFile
        do throws(DiskError) { file = try disk.create(Self.fileName(job.id)) } catch { throw ChatError(.io(error)) }
        let writer = try BundleWriter(request, job.tenant, engine: engine, format: format, file: file)
        goOn(SharedWriter(writer), request, job)
    }

    /// The writer goes from thread to thread, one at a time.
    private final class SharedWriter: Sendable {
        private let writer: Mutex<BundleWriter>
        init(_ writer: sending BundleWriter) { self.writer = Mutex(writer) }

        func step() throws(ChatError) -> (digest: [UInt8]?, bytes: UInt64, threads: UInt64, messages: UInt64) {
            try writer.withLock { (writer) throws(ChatError) in
                (try writer.step(), writer.bytes, writer.threadCount, writer.messageCount)
            }
        }
    }

    private func goOn(_ writer: SharedWriter, _ request: PrivacyRequest, _ job: Job) {
        do throws(ChatError) {
            let progress = try writer.step()
            guard let digest = progress.digest else {
                return submit { [self] in goOn(writer, request, job) }
            }
            do throws(DiskError) { try disk.syncDirectory(.tableDirectory) } catch { throw ChatError(.io(error)) }
            var request = request
            let now = engine.clock.now()
            request.status = .completed
            request.completedAt = now
            request.threads = progress.threads
            request.messages = progress.messages
            request.bundle = PrivacyRequest.Bundle(
                bytes: progress.bytes, digest: digest,
                expiresAt: Timestamp(microseconds: now.microseconds + Self.bundleLifetimeSeconds * 1_000_000))
            try engine.save(request, job.tenant)
        } catch {
            fail(request, job, error)
        }
        end()
    }

    private func fail(_ request: PrivacyRequest, _ job: Job, _ error: ChatError) {
        report("an export", error)
        var request = request
        request.status = .failed
        request.completedAt = engine.clock.now()
        do throws(ChatError) {
            try remove(job.id)
            try engine.save(request, job.tenant, endsJob: true)
        } catch {
            // The next start finds it as it was and begins anew.
            report("an export that failed", error)
        }
    }

    private func remove(_ id: UUIDValue) throws(ChatError) {
        do throws(DiskError) {
            do throws(DiskError) { try disk.unlink(Self.fileName(id)) } catch {
                guard error.kind == .notFound else { throw error }
                return
            }
            try disk.syncDirectory(.unlinkDirectory)
        } catch {
            throw ChatError(.io(error))
        }
    }

    // MARK: Deletions

    private func beginDeletion(_ request: PrivacyRequest, _ version: LSN, _ job: Job) throws(ChatError) {
        guard !request.isEnded else { return }
        var (request, version) = (request, version)
        if !request.isOrdered {
            _ = try engine.eraseMessages(request, job.tenant)
            guard let now = try engine.storedRequest(job.id, job.tenant) else { return }
            (request, version) = now
        }
        if request.status == .pending {
            // Nothing has set the row since the data disappeared, so what was ordered before may hold some of it.
            try removeBundles(of: request.learner, job.tenant, orderedBefore: version)
            request.status = .processing
            try engine.save(request, job.tenant)
        }
        state.withLock { $0.erasing.append(job) }
        try follow(job)
    }

    private func removeBundles(
        of learner: String, _ tenant: TenantName, orderedBefore version: LSN
    ) throws(ChatError) {
        for (id, owner) in try engine.privacyJobs() where owner == tenant {
            guard var (request, _) = try engine.storedRequest(id, tenant), request.kind == .export,
                request.learner.utf8.elementsEqual(learner.utf8), request.status == .completed
            else { continue }
            let order: LSN?
            do throws(LogStoreError) {
                order = try engine.store.document(PrivacyKey.log(request, tenant))?.version
            } catch {
                throw ChatError(error)
            }
            if let order, order > version { continue }
            try remove(id)
            request.bundle?.isRemoved = true
            try engine.save(request, tenant, endsJob: true)
        }
    }

    /// Ends a deletion if no file holds anything of it any more.
    private func follow(_ job: Job) throws(ChatError) {
        guard var (request, _) = try engine.storedRequest(job.id, job.tenant), !request.isEnded else {
            return forget(job)
        }
        var finishedAt = engine.clock.now()
        if let subject = request.subject {
            let records: [ErasureRecord]
            do throws(LogStoreError) { records = try engine.store.erasures(of: subject) } catch {
                throw ChatError(error)
            }
            guard records.allSatisfy({ $0.finishedAt != nil }) else { return }
            if let last = records.compactMap(\.finishedAt).max() { finishedAt = last }
            if request.scope == .messagesOnly {
                // A job that went on after a crash has counted what was left then.
                let since = records.filter { $0.orderedAt >= request.requestedAt }
                request.messages = max(request.messages, since.reduce(0) { $0 + $1.entries })
            } else if let whole = records.first(where: { $0.subject == .user(subject) }) {
                (request.threads, request.messages) = (whole.sessions, whole.entries)
            }
        }
        request.status = .completed
        request.completedAt = finishedAt
        try engine.save(request, job.tenant, endsJob: true)
        forget(job)
    }

    private func forget(_ job: Job) { state.withLock { $0.erasing.removeAll { $0.id == job.id } } }

    // MARK: What time brings

    /// Ends the deletions of which nothing is left, and removes bundles that have expired.
    package func check() {
        let (erasing, expiry) = state.withLock { state -> ([Job], Bool) in
            let isDue = expiryIsDue(state)
            if isDue { state.expiryCheckedAt = engine.clock.monotonicMicroseconds() }
            return (state.erasing, isDue)
        }
        do throws(ChatError) {
            for job in erasing { try follow(job) }
            if expiry { try expire() }
        } catch {
            report("privacy requests", error)
        }
    }

    private func expire() throws(ChatError) {
        let now = engine.clock.now()
        for (id, tenant) in try engine.privacyJobs() {
            guard var (request, _) = try engine.storedRequest(id, tenant), let bundle = request.bundle,
                bundle.expiresAt <= now
            else { continue }
            try remove(id)
            request.bundle?.isRemoved = true
            try engine.save(request, tenant, endsJob: true)
        }
    }
}
