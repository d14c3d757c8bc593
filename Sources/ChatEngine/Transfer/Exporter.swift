package import LogStore

/// What to export.
package struct ExportFilter: Hashable, Sendable {
    /// As the store names it; nil: every tenant.
    package var tenant: String?
    /// Of that tenant; nil: every user.
    package var user: String?
    /// Only sessions that were touched at or after this time, each with all its messages.
    package var since: Timestamp?

    package init(tenant: String? = nil, user: String? = nil, since: Timestamp? = nil) {
        self.tenant = tenant
        self.user = user
        self.since = since
    }
}

/// How far an export or an import has come.
package struct TransferCounts: Hashable, Sendable {
    package var sessions = 0
    package var messages = 0
    package var documents = 0
    /// Sessions that could not be read in full because bytes of theirs are damaged.
    package var damaged = 0

    package init() {}
}

/// Writes everything that the store holds as JSON lines, a chunk at a time: memory holds one chunk and one page.
///
/// ## Steps
/// 1. What is not yet in tables is flushed, so that the walk over the tables meets every session.
/// 2. Tenants by number; of each its documents, then its sessions by user and age; after each session its messages in
///    order. Deleted messages leave their numbers behind (`deleted`). Then the documents of the tenant's sessions.
/// 3. A last line with the counts: a file without it is not whole.
///
/// The order is that of creation, so an import into an empty store gives the same order again, and the same bytes when it
/// is exported. A session is exported as it stands when its turn comes; one that is created meanwhile may be missing.
/// Damage costs the session that it is in, from there on: a line of type `damaged` says so.
package struct Exporter: Sendable {
    package private(set) var counts = TransferCounts()

    private enum Phase {
        case header
        case documents(after: [UInt8]?)
        case sessions
        case sessionDocuments(after: [UInt8]?)
        case end
        case done
    }

    /// The session whose messages are being written.
    private struct Current {
        var info: SessionInfo
        var tenant: String
        var next: SequenceNumber = 1
        var pageLimit = 32
    }

    private let engine: ChatEngine
    private let filter: ExportFilter
    private var phase = Phase.header
    private var tenants: ArraySlice<(tenant: TenantOrdinal, name: String)> = []
    private var scope: ErasureSubject?
    private var walked: SessionKey?
    private var queue: ArraySlice<SessionInfo> = []
    private var current: Current?
    private var owner: (key: UserKey, name: String)?

    private static let pageSessions = 64
    private static let pageBytes = 256 << 10

    init(engine: ChatEngine, filter: ExportFilter) throws(ChatError) {
        self.engine = engine
        self.filter = filter
        do throws(LogStoreError) {
            try engine.store.flush()
            let all = try engine.store.tenants()
            tenants = all.filter { filter.tenant == nil || filter.tenant == $0.name }[...]
        } catch {
            throw ChatError(error)
        }
        if filter.tenant != nil, tenants.isEmpty { throw .tenantNotFound }
        if let user = filter.user {
            guard let tenant = tenants.first?.tenant, filter.tenant != nil else {
                throw .invalid(field: "user", reason: "needs a tenant")
            }
            do throws(LogStoreError) {
                guard let key = try engine.store.user(named: user, in: tenant) else {
                    throw LogStoreError.sessionNotFound
                }
                scope = .user(key)
            } catch .sessionNotFound {
                throw .userNotFound
            } catch {
                throw ChatError(error)
            }
        }
    }

    /// The next lines, about as many bytes as asked for; nil after the last. Blocks on the disk.
    package mutating func next(bytes wanted: Int = 128 << 10) throws(ChatError) -> [UInt8]? {
        var out: [UInt8] = []
        while out.count < wanted {
            if case .done = phase { break }
            try step(&out)
        }
        return out.isEmpty ? nil : out
    }

    private mutating func step(_ out: inout [UInt8]) throws(ChatError) {
        if current != nil { return try writeMessages(&out) }
        switch phase {
        case .header:
            var line = LineWriter("export")
            line.number("version", TransferFormat.version)
            out += line.finish()
            phase = tenants.isEmpty ? .end : .documents(after: nil)
        case .documents(let after): try writeDocuments(after, &out)
        case .sessions: try writeSession(&out)
        case .sessionDocuments(let after): try writeSessionDocuments(after, &out)
        case .end:
            var line = LineWriter("end")
            line.number("sessions", counts.sessions)
            line.number("messages", counts.messages)
            line.number("documents", counts.documents)
            line.number("damaged", counts.damaged)
            out += line.finish()
            phase = .done
        case .done: break
        }
    }

    // MARK: Documents

    /// Documents belong to the tenant, so an export of one user, or of what is new, has none.
    private mutating func writeDocuments(_ after: [UInt8]?, _ out: inout [UInt8]) throws(ChatError) {
        guard let tenant = tenants.first, filter.user == nil, filter.since == nil else { return phase = .sessions }
        let documents: [Document]
        do throws(LogStoreError) {
            documents = try engine.store.documents(tenant: tenant.name, prefix: [], after: after, limit: 16)
        } catch {
            throw ChatError(error)
        }
        for document in documents {
            out += DocumentRecord(tenant: tenant.name, key: document.key, value: document.value).line
            counts.documents += 1
        }
        phase = documents.last.map { .documents(after: $0.key) } ?? .sessions
    }

    /// An export of what is new has none: their times are not known.
    private mutating func writeSessionDocuments(_ after: [UInt8]?, _ out: inout [UInt8]) throws(ChatError) {
        guard let tenant = tenants.first, filter.since == nil else { return nextTenant() }
        do throws(LogStoreError) {
            let page = try engine.store.sessionDocuments(of: tenant.name, after: after, limit: 16)
            for (_, name, document) in page {
                if case .user(let user)? = scope, document.session.owner != user { continue }
                guard let session = try engine.store.session(document.session) else { continue }
                out +=
                    DocumentRecord(
                        tenant: tenant.name, session: session.id, key: name, part: document.part,
                        value: document.value
                    ).line
                counts.documents += 1
            }
            guard let last = page.last else { return nextTenant() }
            phase = .sessionDocuments(after: last.key)
        } catch {
            throw ChatError(error)
        }
    }

    private mutating func nextTenant() {
        if !tenants.isEmpty { tenants.removeFirst() }
        phase = tenants.isEmpty ? .end : .documents(after: nil)
    }

    // MARK: Sessions

    private mutating func writeSession(_ out: inout [UInt8]) throws(ChatError) {
        guard let tenant = tenants.first else { return phase = .end }
        guard let info = queue.popFirst() else {
            do throws(LogStoreError) {
                let page = try engine.store.walk(
                    scope ?? .tenant(tenant.tenant), after: walked, limit: Self.pageSessions)
                queue = page[...]
                walked = page.last?.key
            } catch {
                throw ChatError(error)
            }
            guard queue.isEmpty else { return }
            return phase = .sessionDocuments(after: nil)
        }
        if let since = filter.since, info.updatedAt < since { return }
        do throws(ChatError) {
            guard let name = try ownerName(info.key.owner) else { return }
            let session = try engine.load(info, owner: name, .blocking)
            out +=
                SessionRecord(
                    tenant: tenant.name, user: name, id: info.id, createdAt: info.createdAt,
                    updatedAt: info.updatedAt, tags: info.tags, retentionClass: info.retentionClass,
                    state: session.state
                ).line
            counts.sessions += 1
            current = Current(info: info, tenant: tenant.name)
        } catch .sessionNotFound {
            // Deleted since the page was read.
        } catch .corrupt(let detail) {
            note(detail, tenant.name, info.id, &out)
        }
    }

    private mutating func ownerName(_ key: UserKey) throws(ChatError) -> String? {
        if let owner, owner.key == key { return owner.name }
        do throws(LogStoreError) {
            guard let name = try engine.store.userName(key) else { return nil }
            owner = (key, name)
            return name
        } catch {
            throw ChatError(error)
        }
    }

    private mutating func note(_ detail: String, _ tenant: String, _ id: String, _ out: inout [UInt8]) {
        var line = LineWriter("damaged")
        line.string("tenant", tenant)
        line.string("session", id)
        line.string("reason", detail)
        out += line.finish()
        counts.damaged += 1
    }

    // MARK: Messages

    private mutating func writeMessages(_ out: inout [UInt8]) throws(ChatError) {
        guard var session = current else { return }
        let last = session.info.lastSequence
        let messages: [StoredMessage]
        do throws(ChatError) {
            // What is appended while its turn lasts is not part of the export: its session line is out already.
            let query = EntryQuery(
                after: session.next - 1, before: last == .max ? nil : last + 1, limit: session.pageLimit)
            messages = session.next > last ? [] : try engine.entries(of: session.info.key, query, .blocking)
        } catch .corrupt(let detail) {
            note(detail, session.tenant, session.info.id, &out)
            return current = nil
        }
        let start = out.count
        for stored in messages {
            deleted(session, through: stored.sequence - 1, &out)
            out += MessageRecord(tenant: session.tenant, session: session.info.id, stored: stored).line
            counts.messages += 1
            guard stored.sequence < .max else { return current = nil }
            session.next = stored.sequence + 1
        }
        guard messages.count == session.pageLimit else {
            deleted(session, through: last, &out)
            return current = nil
        }
        let average = max(1, (out.count - start) / messages.count)
        session.pageLimit = min(max(1, Self.pageBytes / average), 1024)
        current = session
    }

    private func deleted(_ session: Current, through: SequenceNumber, _ out: inout [UInt8]) {
        guard session.next <= through else { return }
        out +=
            DeletedRecord(
                tenant: session.tenant, session: session.info.id, from: session.next, through: through
            ).line
    }
}

enum TransferFormat {
    /// Of the lines. A reader refuses a newer one.
    static let version = 1
}

extension ChatEngine {
    /// Begins an export.
    /// - Throws: `tenantNotFound`, `userNotFound`, `invalid`.
    package func export(_ filter: ExportFilter, _ access: StoreAccess) throws(ChatError) -> Exporter {
        try Exporter(engine: self, filter: filter)
    }
}
