internal import LogStore

/// How a bundle's lines are written: the surface's business.
package struct BundleFormat: Sendable {
    /// Appends the line of a thread, with its line end.
    package var thread: @Sendable (inout [UInt8], Session, TenantName) -> Void
    /// Appends the line of a message.
    package var message: @Sendable (inout [UInt8], StoredMessage, _ thread: String, _ withContent: Bool) -> Void

    package init(
        thread: @escaping @Sendable (inout [UInt8], Session, TenantName) -> Void,
        message: @escaping @Sendable (inout [UInt8], StoredMessage, _ thread: String, _ withContent: Bool) -> Void
    ) {
        self.thread = thread
        self.message = message
    }
}

/// Writes the bundle of an export: JSON lines, each thread before its messages, threads and messages from the oldest on,
/// and at the end a manifest with counts and the SHA-256 of all bytes before it.
///
/// Memory holds one page of threads and about `stepBytes` of messages, whatever there is. A thread's messages are those
/// that it has when its line is written.
final class BundleWriter {
    private let engine: ChatEngine
    private let request: PrivacyRequest
    private let tenant: TenantName
    private let format: BundleFormat
    private let file: any DiskFile
    private let digest = SHA256Stream()
    private var subject: UserKey?
    private var threads: ArraySlice<SessionInfo> = []
    private var query: SessionQuery?
    /// The thread whose messages are being written, and the number behind which to go on.
    private var current: (info: SessionInfo, after: SequenceNumber)?
    private var pageMessages = 16
    private(set) var bytes: UInt64 = 0
    private(set) var threadCount: UInt64 = 0
    private(set) var messageCount: UInt64 = 0

    private static let stepBytes = 256 << 10
    private static let pageThreads = 64

    init(
        _ request: PrivacyRequest, _ tenant: TenantName, engine: ChatEngine, format: BundleFormat, file: any DiskFile
    ) throws(ChatError) {
        self.engine = engine
        self.request = request
        self.tenant = tenant
        self.format = format
        self.file = file
        subject = try engine.userKey(request.learner, tenant)
        query = SessionQuery(sort: .createdAt, ascending: true, limit: Self.pageThreads)
    }

    /// Writes on; blocks on the disk.
    /// - Returns: the digest that the manifest has, once that is written and everything is on the disk; nil: there is more.
    func step() throws(ChatError) -> [UInt8]? {
        var out: [UInt8] = []
        while out.count < Self.stepBytes {
            if current != nil {
                try writeMessages(&out)
            } else if !(try writeThread(&out)) {
                try append(out)
                return try finish()
            }
        }
        try append(out)
        return nil
    }

    /// - Returns: false if there is none left.
    private func writeThread(_ out: inout [UInt8]) throws(ChatError) -> Bool {
        guard let info = threads.popFirst() else {
            guard let subject, let next = query else { return false }
            do throws(LogStoreError) {
                let page = try engine.store.sessions(of: subject, next)
                threads = page.sessions[...]
                query = page.next.map { place in
                    var query = next
                    query.cursor = place
                    return query
                }
            } catch {
                throw ChatError(error)
            }
            return !threads.isEmpty
        }
        do throws(ChatError) {
            let session = try engine.load(info, owner: request.learner, .blocking)
            format.thread(&out, session, tenant)
            threadCount += 1
            current = (info, 0)
        } catch .sessionNotFound {
            // Deleted since the page was read.
        }
        return true
    }

    private func writeMessages(_ out: inout [UInt8]) throws(ChatError) {
        guard let (info, after) = current else { return }
        let before = info.lastSequence == .max ? nil : info.lastSequence + 1
        let page = try engine.entries(
            of: info.key, EntryQuery(after: after, before: before, limit: pageMessages), .blocking)
        let start = out.count
        for stored in page { format.message(&out, stored, info.id, request.scope != .metadataOnly) }
        messageCount += UInt64(page.count)
        guard page.count == pageMessages, let last = page.last else { return current = nil }
        current = (info, last.sequence)
        // Some pages to a step, whether messages are long or short.
        pageMessages = min(1024, max(1, Self.stepBytes / 4 / max(1, (out.count - start) / page.count)))
    }

    private func finish() throws(ChatError) -> [UInt8] {
        let hash = digest.finish()
        var line = LineWriter("manifest")
        line.number("threads", threadCount)
        line.number("messages", messageCount)
        line.string("sha256", hash.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
        try write(line.finish())
        // The four verbs are the store's; its names for the places where it waits fit a bundle as they fit a table.
        do throws(DiskError) { try file.sync(.tableFile) } catch { throw ChatError(.io(error)) }
        file.close()
        return hash
    }

    private func append(_ out: [UInt8]) throws(ChatError) {
        digest.update(out)
        try write(out)
    }

    private func write(_ out: [UInt8]) throws(ChatError) {
        guard !out.isEmpty else { return }
        do throws(DiskError) {
            let result = out.withUnsafeBytes { bytes -> Result<Void, DiskError> in
                do throws(DiskError) { return .success(try file.append(bytes)) } catch { return .failure(error) }
            }
            try result.get()
        } catch {
            throw ChatError(.io(error))
        }
        bytes += UInt64(out.count)
        file.dropCache()
    }
}
