internal import LogStore

/// What an import did.
package struct ImportReport: Hashable, Sendable {
    /// Made, or brought up to what the file has.
    package var sessions = 0
    package var messages = 0
    package var documents = 0
    /// Lines of which the store had everything already.
    package var present = 0
    /// Lines of sessions that are past their retention, or not there.
    package var skipped = 0

    package init() {}

    package static func += (a: inout ImportReport, b: ImportReport) {
        a.sessions += b.sessions
        a.messages += b.messages
        a.documents += b.documents
        a.present += b.present
        a.skipped += b.skipped
    }
}

/// A line that cannot be imported, or a store that cannot take it. What came before the line is stored.
package enum ImportError: Error, Hashable, Sendable {
    /// The line of the text that was given, from 1.
    case line(Int, reason: String)
    case store(ChatError)
}

/// Reads the lines of an export into the store.
///
/// ## Rules
/// - A session that is not there is made, with its own times. One that is there keeps what it has; state, tags and
///   `updatedAt` follow the file if its `updatedAt` is newer.
/// - A message is appended if the session's numbers end before it. Numbers that are missing in between count as deleted.
///   One that is there stays, unless the file has a newer edit of the same message.
/// - A document is set if it differs.
/// So the same file again changes nothing, and an import that was cut short is finished by doing it again.
///
/// Lines become batches of some hundred changes. Each line names its session, so any piece of a file that begins behind
/// one that was imported can be imported by itself. Blocks on the disk; confined to its caller.
package struct Importer {
    private let engine: ChatEngine
    private let durability: Batch.Durability
    private var batch: Batch
    private var operations = 0
    private var bytes = 0
    /// Sessions that the batch is about.
    private var staged: [SessionName: Staged] = [:]
    private var report = ImportReport()
    private var pending = ImportReport()

    private struct SessionName: Hashable {
        var tenant: String
        var id: String
    }

    private struct Staged {
        var target: SessionTarget
        var last: SequenceNumber
        /// What is stored already, edits included, ends here.
        var stored: SequenceNumber
        var requiresLast = false
    }

    private static let batchOperations = 512
    private static let batchBytes = 1 << 20
    private static let attempts = 8
    /// More numbers than this are not deleted for a gap: it is rather a mistake of the file.
    private static let largestGap: SequenceNumber = 1 << 20

    init(engine: ChatEngine) {
        self.engine = engine
        durability = .durable
        batch = Batch(durability: .durable)
    }

    /// Imports whole lines; empty ones count and do nothing.
    /// - Throws: the first line that does not fit. The lines before it are stored.
    package static func apply(_ text: [UInt8], to engine: ChatEngine) throws(ImportError) -> ImportReport {
        var attempt = 1
        while true {
            var importer = Importer(engine: engine)
            do throws(ImportError) {
                return try importer.run(text)
            } catch .store(let error) where (error == .conflict || error == .sessionExists) && attempt < attempts {
                // Somebody wrote to a session of the batch since it was looked at. Doing it again is what imports are for.
                attempt += 1
            } catch .store(.overloaded) where attempt < attempts {
                attempt += 1
            }
        }
    }

    private mutating func run(_ text: [UInt8]) throws(ImportError) -> ImportReport {
        var number = 0
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            number += 1
            if text[start..<end].contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) {
                do throws(LineError) {
                    try stage(Array(text[start..<end]))
                } catch {
                    try commit()
                    if let failure { throw .store(failure) }
                    throw .line(number, reason: error.reason)
                }
                if let failure { throw .store(failure) }
                if operations >= Self.batchOperations || bytes >= Self.batchBytes { try commit() }
            }
            start = end + 1
        }
        try commit()
        return report
    }

    /// What the store said while a line was staged; nothing of the batch is committed then.
    private var failure: ChatError?

    /// Calls the store. What it refuses ends the import, not the line.
    private mutating func ask<Value>(_ body: (LogStore) throws(LogStoreError) -> Value) -> Value? {
        guard failure == nil else { return nil }
        do throws(LogStoreError) {
            return try body(engine.store)
        } catch {
            failure = ChatError(error)
            return nil
        }
    }

    private mutating func commit() throws(ImportError) {
        guard operations > 0, failure == nil else { return }
        do throws(LogStoreError) { try engine.store.commit(batch) } catch { throw .store(ChatError(error)) }
        report += pending
        pending = ImportReport()
        batch = Batch(durability: durability)
        operations = 0
        bytes = 0
        staged.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ size: Int, _ count: Int = 1) {
        operations += count
        bytes += size
    }

    // MARK: Lines

    private mutating func stage(_ text: [UInt8]) throws(LineError) {
        let line = try LineReader(text)
        let type = try line.required("type").string
        switch type {
        case "export":
            guard let version = try line.number("version", as: Int.self), version <= TransferFormat.version else {
                throw LineError("is of a newer format; use the version that wrote it, or a later one")
            }
        case "session": stage(try SessionRecord(line))
        case "message": try stage(try MessageRecord(line))
        case "deleted":
            let record = try DeletedRecord(line)
            guard let name = find(record.tenant, record.session) else { return }
            try fill(name, through: record.through)
        case "document": stage(try DocumentRecord(line))
        case "damaged", "end": break
        default: throw LineError("is of an unknown type")
        }
    }

    private mutating func stage(_ record: SessionRecord) {
        let name = SessionName(tenant: record.tenant, id: record.id)
        guard staged[name] == nil else { return pending.present += 1 }
        let tenant = ask { (store) throws(LogStoreError) in try store.tenant(named: record.tenant) } ?? nil
        let found = tenant.flatMap { tenant in
            ask { (store) throws(LogStoreError) in try store.session(id: record.id, in: tenant) } ?? nil
        }
        guard failure == nil else { return }
        if let found {
            staged[name] = Staged(
                target: .existing(found.key), last: found.lastSequence, stored: found.lastSequence)
            guard record.updatedAt > found.updatedAt else { return report.present += 1 }
            batch.require(.stateVersion(found.key, found.stateVersion))
            batch.update(.existing(found.key), state: record.state.encoded, tags: record.tags, touch: false)
            batch.setTimes(of: .existing(found.key), updatedAt: record.updatedAt)
            pending.sessions += 1
            return add(record.id.utf8.count + 256, 2)
        }
        if engine.store.isPastRetention(
            tenant, retentionClass: record.retentionClass, updatedAt: record.updatedAt)
        {
            return report.skipped += 1
        }
        let state = record.state.encoded
        let target = batch.createSession(
            id: record.id, tenant: record.tenant, user: record.user, state: state, tags: record.tags,
            retentionClass: record.retentionClass)
        batch.setTimes(of: target, createdAt: record.createdAt, updatedAt: record.updatedAt)
        staged[name] = Staged(target: target, last: 0, stored: 0)
        pending.sessions += 1
        add(state.count + record.id.utf8.count + 256, 2)
    }

    /// The session of a message; nil, and the line is skipped, if there is none.
    private mutating func find(_ tenantName: String, _ id: String) -> SessionName? {
        let name = SessionName(tenant: tenantName, id: id)
        if staged[name] != nil { return name }
        let tenant = ask { (store) throws(LogStoreError) in try store.tenant(named: tenantName) } ?? nil
        let found = tenant.flatMap { tenant in
            ask { (store) throws(LogStoreError) in try store.session(id: id, in: tenant) } ?? nil
        }
        guard let found else {
            report.skipped += 1
            return nil
        }
        staged[name] = Staged(target: .existing(found.key), last: found.lastSequence, stored: found.lastSequence)
        return name
    }

    /// Before the first number is given in a session that was there: nobody else may have given one meanwhile.
    private mutating func requireLast(_ name: SessionName) {
        guard let session = staged[name], !session.requiresLast, case .existing(let key) = session.target else {
            return
        }
        batch.require(.lastSequence(key, session.last))
        staged[name]?.requiresLast = true
    }

    /// Gives the numbers up to `through` to messages that are deleted in the same batch.
    private mutating func fill(_ name: SessionName, through: SequenceNumber) throws(LineError) {
        guard let session = staged[name], through > session.last else { return pending.present += 1 }
        guard through - session.last <= Self.largestGap else {
            throw LineError("leaves out more than \(Self.largestGap) messages of its session")
        }
        requireLast(name)
        while let last = staged[name]?.last, last < through, failure == nil {
            batch.append([], to: session.target, touch: false)
            batch.deleteEntry(last + 1, of: session.target)
            staged[name]?.last = last + 1
            add(64, 2)
            guard operations >= Self.batchOperations, last + 1 < through else { continue }
            do throws(ImportError) { try commit() } catch {
                if case .store(let reason) = error { failure = reason }
                return
            }
            guard find(name.tenant, name.id) != nil else { return }
            return try fill(name, through: through)
        }
    }

    private mutating func stage(_ record: MessageRecord) throws(LineError) {
        guard let name = find(record.tenant, record.session), let session = staged[name] else { return }
        let stored = record.stored
        guard stored.sequence > session.last else { return stageEdit(record, name, session) }
        if stored.sequence - 1 > session.last { try fill(name, through: stored.sequence - 1) }
        guard failure == nil, let target = staged[name]?.target else { return }
        requireLast(name)
        let payload = stored.message.encoded
        if let editedAt = stored.editedAt {
            batch.append([], to: target, touch: false)
            batch.setTimes(of: stored.sequence, in: target, createdAt: stored.createdAt)
            batch.amend(stored.sequence, of: target, payload: payload)
            batch.setTimes(of: stored.sequence, in: target, amendedAt: editedAt)
            add(payload.count + 128, 4)
        } else {
            batch.append(payload, to: target, touch: false)
            batch.setTimes(of: stored.sequence, in: target, createdAt: stored.createdAt)
            add(payload.count + 64, 2)
        }
        staged[name]?.last = stored.sequence
        pending.messages += 1
    }

    /// A message whose number has been given: only a newer edit of the same message is news.
    private mutating func stageEdit(_ record: MessageRecord, _ name: SessionName, _ session: Staged) {
        guard let editedAt = record.stored.editedAt, record.stored.sequence <= session.stored,
            case .existing(let key) = session.target
        else { return report.present += 1 }
        let query = EntryQuery(after: record.stored.sequence - 1, limit: 1)
        let entry = ask { (store) throws(LogStoreError) in try store.entries(of: key, query).first } ?? nil
        guard let entry, entry.sequence == record.stored.sequence, entry.amendedAt.map({ $0 < editedAt }) ?? true,
            let known = try? ChatEngine.stored(entry), known.message.id == record.stored.message.id
        else { return report.present += 1 }
        let payload = record.stored.message.encoded
        batch.amend(entry.sequence, of: session.target, payload: payload)
        batch.setTimes(of: entry.sequence, in: session.target, amendedAt: editedAt)
        pending.messages += 1
        add(payload.count + 64, 2)
    }

    private mutating func stage(_ record: DocumentRecord) {
        if let session = record.session { return stage(record, of: session) }
        let key = DocumentKey(tenant: record.tenant, key: record.key)
        let known = ask { (store) throws(LogStoreError) in try store.document(key) } ?? nil
        guard failure == nil else { return }
        guard known?.value != record.value else { return report.present += 1 }
        batch.put(key, record.value)
        pending.documents += 1
        add(record.key.count + record.value.count + 64)
    }

    private mutating func stage(_ record: DocumentRecord, of session: String) {
        guard let name = find(record.tenant, session), let target = staged[name]?.target else { return }
        if case .existing(let key) = target {
            let known = ask { (store) throws(LogStoreError) in
                try store.sessionDocuments(named: record.key, tenant: record.tenant)
            }
            guard let known else { return }
            let same = known.contains { $0.session == key && $0.part == record.part && $0.value == record.value }
            guard !same else { return report.present += 1 }
        }
        batch.put(name: record.key, part: record.part, record.value, of: target)
        pending.documents += 1
        add(record.key.count + record.value.count + 64)
    }
}

extension ChatEngine {
    /// Imports whole lines of an export. Blocks.
    package func importLines(_ text: [UInt8], _ access: StoreAccess) throws(ImportError) -> ImportReport {
        try Importer.apply(text, to: self)
    }

    /// Imports whole lines of an export, on a reader thread.
    package func importLines(
        _ text: [UInt8], _ access: StoreAccess,
        completion: @escaping @Sendable (Result<ImportReport, ImportError>) -> Void
    ) {
        let accepted = readers.submit { [self] in
            do throws(ImportError) {
                completion(.success(try importLines(text, access)))
            } catch {
                completion(.failure(error))
            }
        }
        if !accepted { completion(.failure(.store(.overloaded(retryAfterSeconds: 1)))) }
    }
}
