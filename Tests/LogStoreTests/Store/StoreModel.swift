@testable import LogStore

/// What a store must hold, in plain dictionaries: the other half of every comparison.
///
/// The model assigns numbers, versions and times by the documented rules, on its own, so that a receipt can be checked
/// as well as the state. Sessions and users are named by paths: "tenant/id".
struct StoreModel: Sendable {
    enum Operation: Sendable {
        case create(String, user: String, state: String = "", tags: UInt32 = 0)
        case append(String, String)
        case update(String, state: String? = nil, tags: UInt32? = nil, touch: Bool = true)
        case amend(String, SequenceNumber, String)
        case deleteEntry(String, SequenceNumber)
        case deleteSession(String)
        case deleteUser(String)
        case deleteTenant(String)
        case eraseSession(String)
        case eraseUser(String)
        /// Microseconds.
        case sessionTimes(String, createdAt: Int64? = nil, updatedAt: Int64? = nil)
        case entryTimes(String, SequenceNumber, createdAt: Int64? = nil, amendedAt: Int64? = nil)
        case put(String, String)
        case remove(String)
        /// A document of the session: name, part, value.
        case attach(String, String, String, String)
        case detach(String, String, String)
        case position(String, UInt64?)
    }

    /// The operations of one batch, and its idempotency key in a session that exists.
    struct Change: Sendable {
        var operations: [Operation]
        var durability = Batch.Durability.durable
        var key: String?
        var keySession = ""
    }

    struct Session: Sendable {
        var info: SessionInfo
        var path: String
        var state: [UInt8]
        /// Live entries, ascending.
        var entries: [Entry] = []
        var receipts: [String: CommitReceipt] = [:]
        /// By name and part.
        var documents: [[String]: SessionDocument] = [:]
    }

    private(set) var lsn: UInt64 = 0
    private(set) var tenants: [String: TenantOrdinal] = [:]
    private(set) var users: [String: UserKey] = [:]
    private(set) var live: [String: SessionKey] = [:]
    private(set) var sessions: [SessionKey: Session] = [:]
    private(set) var documents: [String: Document] = [:]
    private(set) var positions: [String: UInt64?] = [:]
    /// Everything that ever had a number, deleted or not.
    private(set) var everSessions: [(key: SessionKey, path: String)] = []
    private(set) var everUsers: [(key: UserKey, path: String)] = []
    private(set) var everTenants: [(key: TenantOrdinal, name: String)] = []
    private(set) var everDocuments: Set<String> = []
    private(set) var everAttached: Set<String> = []
    private(set) var lastTime: Int64 = 0

    /// "tenant/name" in two.
    static func split(_ path: String) -> (tenant: String, name: String) {
        let slash = path.firstIndex(of: "/")!
        return (String(path[..<slash]), String(path[path.index(after: slash)...]))
    }

    func session(_ path: String) -> Session? { live[path].flatMap { sessions[$0] } }

    // MARK: As the store is asked

    /// Whether everything that the change names is there.
    func permits(_ change: Change) -> Bool {
        var created: Set<String> = []
        if change.key != nil, live[change.keySession] == nil { return false }
        for operation in change.operations {
            switch operation {
            case .create(let path, _, _, _):
                if live[path] != nil || !created.insert(path).inserted { return false }
            case .append(let path, _), .update(let path, _, _, _), .attach(let path, _, _, _):
                if live[path] == nil && !created.contains(path) { return false }
            case .amend(let path, let sequence, _), .deleteEntry(let path, let sequence):
                guard let session = session(path), session.entries.contains(where: { $0.sequence == sequence })
                else { return false }
            case .deleteSession(let path), .eraseSession(let path), .detach(let path, _, _):
                if live[path] == nil { return false }
            case .deleteUser(let path), .eraseUser(let path): if users[path] == nil { return false }
            case .deleteTenant(let name): if tenants[name] == nil { return false }
            // Always in a batch with what they belong to.
            case .sessionTimes, .entryTimes: break
            case .put, .remove, .position: break
            }
        }
        return true
    }

    func batch(_ change: Change) -> Batch {
        var batch = Batch(durability: change.durability)
        var created: [String: SessionTarget] = [:]
        func target(_ path: String) -> SessionTarget { created[path] ?? .existing(live[path]!) }
        for operation in change.operations {
            switch operation {
            case .create(let path, let user, let state, let tags):
                let (tenant, id) = Self.split(path)
                created[path] = batch.createSession(
                    id: id, tenant: tenant, user: user, state: Array(state.utf8), tags: tags)
            case .append(let path, let text): batch.append(Array(text.utf8), to: target(path))
            case .update(let path, let state, let tags, let touch):
                batch.update(target(path), state: state.map { Array($0.utf8) }, tags: tags, touch: touch)
            case .amend(let path, let sequence, let text):
                batch.amend(sequence, of: target(path), payload: Array(text.utf8))
            case .deleteEntry(let path, let sequence): batch.deleteEntry(sequence, of: target(path))
            case .deleteSession(let path): batch.deleteSession(live[path]!)
            case .deleteUser(let path): batch.deleteUser(users[path]!)
            case .deleteTenant(let name): batch.deleteTenant(tenants[name]!)
            case .eraseSession(let path): batch.erase(.session(live[path]!))
            case .eraseUser(let path): batch.erase(.user(users[path]!))
            case .sessionTimes(let path, let createdAt, let updatedAt):
                batch.setTimes(
                    of: target(path), createdAt: createdAt.map { Timestamp(microseconds: $0) },
                    updatedAt: updatedAt.map { Timestamp(microseconds: $0) })
            case .entryTimes(let path, let sequence, let createdAt, let amendedAt):
                batch.setTimes(
                    of: sequence, in: target(path), createdAt: createdAt.map { Timestamp(microseconds: $0) },
                    amendedAt: amendedAt.map { Timestamp(microseconds: $0) })
            case .put(let path, let value):
                let (tenant, key) = Self.split(path)
                batch.put(DocumentKey(tenant: tenant, key: Array(key.utf8)), Array(value.utf8))
            case .remove(let path):
                let (tenant, key) = Self.split(path)
                batch.remove(DocumentKey(tenant: tenant, key: Array(key.utf8)))
            case .attach(let path, let name, let part, let value):
                batch.put(name: Array(name.utf8), part: Array(part.utf8), Array(value.utf8), of: target(path))
            case .detach(let path, let name, let part):
                batch.remove(name: Array(name.utf8), part: Array(part.utf8), of: live[path]!)
            case .position(let consumer, let lsn): batch.setPosition(of: consumer, to: lsn.map { LSN($0) })
            }
        }
        if let key = change.key { batch.idempotencyKey(key, in: .existing(live[change.keySession]!)) }
        return batch
    }

    // MARK: As the state changes

    /// Applies a change that is permitted, at the clock's time, and says what the receipt must be.
    mutating func apply(_ change: Change, now: Int64) -> CommitReceipt {
        if let key = change.key, var earlier = session(change.keySession)?.receipts[key] {
            earlier.isReplay = true
            return earlier
        }
        lsn += 1
        lastTime = max(now, lastTime + 1)
        var receipt = CommitReceipt(lsn: LSN(lsn), time: Timestamp(microseconds: lastTime))
        for operation in change.operations { apply(operation, &receipt) }
        if let key = change.key { sessions[live[change.keySession]!]?.receipts[key] = receipt }
        return receipt
    }

    /// A batch of the store's own that changes nothing that a caller sees.
    mutating func applyOwnBatch(now: Int64) {
        lsn += 1
        lastTime = max(now, lastTime + 1)
    }

    private mutating func apply(_ operation: Operation, _ receipt: inout CommitReceipt) {
        let time = receipt.time
        switch operation {
        case .create(let path, let userName, let state, let tags):
            let (tenantName, id) = Self.split(path)
            let tenant = tenantOrCreate(tenantName)
            let userPath = tenantName + "/" + userName
            let user = users[userPath] ?? UserKey(tenant: tenant, user: UInt64(everUsers.count + 1))
            if users[userPath] == nil {
                users[userPath] = user
                everUsers.append((user, userPath))
            }
            let key = SessionKey(tenant: tenant, user: user.user, session: UInt64(everSessions.count + 1))
            everSessions.append((key, path))
            live[path] = key
            let info = SessionInfo(
                key: key, id: id, createdAt: time, updatedAt: time, lastSequence: 0, entryCount: 0, tags: tags,
                stateVersion: receipt.lsn, retentionClass: 0)
            sessions[key] = Session(info: info, path: path, state: Array(state.utf8))
            receipt.sessions.append(key)
        case .append(let path, let text):
            withSession(path) {
                $0.info.lastSequence += 1
                $0.info.entryCount += 1
                $0.info.updatedAt = time
                $0.entries.append(
                    Entry(
                        sequence: $0.info.lastSequence, createdAt: time, amendedAt: nil, payload: Array(text.utf8)))
            }
            receipt.sequences.append(session(path)!.info.lastSequence)
        case .update(let path, let state, let tags, let touch):
            withSession(path) {
                if let state { $0.state = Array(state.utf8) }
                if let tags { $0.info.tags = tags }
                if touch { $0.info.updatedAt = time }
                $0.info.stateVersion = receipt.lsn
            }
        case .amend(let path, let sequence, let text):
            withSession(path) {
                let i = $0.entries.firstIndex { $0.sequence == sequence }!
                $0.entries[i].payload = Array(text.utf8)
                $0.entries[i].amendedAt = time
            }
        case .deleteEntry(let path, let sequence):
            withSession(path) {
                $0.entries.removeAll { $0.sequence == sequence }
                $0.info.entryCount -= 1
            }
        case .deleteSession(let path), .eraseSession(let path): sessions[live.removeValue(forKey: path)!] = nil
        case .deleteUser(let path), .eraseUser(let path):
            let user = users.removeValue(forKey: path)!
            removeSessions { $0.owner == user }
        case .deleteTenant(let name):
            let tenant = tenants.removeValue(forKey: name)!
            removeSessions { $0.tenant == tenant }
            users = users.filter { $0.value.tenant != tenant }
            documents = documents.filter { Self.split($0.key).tenant != name }
        case .sessionTimes(let path, let createdAt, let updatedAt):
            withSession(path) {
                if let createdAt { $0.info.createdAt = Timestamp(microseconds: createdAt) }
                if let updatedAt { $0.info.updatedAt = Timestamp(microseconds: updatedAt) }
            }
        case .entryTimes(let path, let sequence, let createdAt, let amendedAt):
            withSession(path) {
                let i = $0.entries.firstIndex { $0.sequence == sequence }!
                if let createdAt { $0.entries[i].createdAt = Timestamp(microseconds: createdAt) }
                if let amendedAt { $0.entries[i].amendedAt = Timestamp(microseconds: amendedAt) }
            }
        case .put(let path, let value):
            let (tenant, key) = Self.split(path)
            _ = tenantOrCreate(tenant)
            everDocuments.insert(path)
            documents[path] = Document(key: Array(key.utf8), value: Array(value.utf8), version: receipt.lsn)
        case .remove(let path): documents[path] = nil
        case .attach(let path, let name, let part, let value):
            everAttached.insert(name)
            withSession(path) {
                $0.documents[[name, part]] = SessionDocument(
                    session: $0.info.key, part: Array(part.utf8), value: Array(value.utf8), version: receipt.lsn)
            }
        case .detach(let path, let name, let part): withSession(path) { $0.documents[[name, part]] = nil }
        case .position(let consumer, let lsn): positions.updateValue(lsn, forKey: consumer)
        }
    }

    private mutating func tenantOrCreate(_ name: String) -> TenantOrdinal {
        if let known = tenants[name] { return known }
        let new = TenantOrdinal(UInt32(everTenants.count + 1))
        tenants[name] = new
        everTenants.append((new, name))
        return new
    }

    private mutating func withSession(_ path: String, _ body: (inout Session) -> Void) {
        body(&sessions[live[path]!]!)
    }

    private mutating func removeSessions(where isGone: (SessionKey) -> Bool) {
        sessions = sessions.filter { !isGone($0.key) }
        live = live.filter { !isGone($0.value) }
    }
}
