package import LogStore

/// The domain: tenants, users, sessions and their messages, over one `LogStore`. It knows no HTTP.
///
///     let engine = ChatEngine(store: store, clock: LiveClock(), random: SystemRandom())
///     let access = Access.trusted(tenant: .orion)
///     let session = try engine.createSession(SessionDraft(ids: .orion, owner: "ann"), access)
///     let saved = try engine.saveMessage(MessageDraft(ids: .orion, role: .user, content: "hello"), to: session.id, access)
///     let page = try engine.history(of: session.id, HistoryQuery(limit: 50), access)
///
/// Every call takes an `Access` value, those that are about the whole store a `StoreAccess`; there is none without. Every
/// call comes in two styles. The blocking one returns or throws and is for tools and tests. The completion style never
/// blocks its caller: what memory can answer is answered before the call returns; what needs the disk runs on the
/// `ReaderPool`; a commit completes on the store's writer thread. So a completion may run on any thread, once, and is to
/// be short.
///
/// Ids and times that a client sees are decided before a batch is logged (the time of a message is the store's time of its
/// batch). `Domain/` has the values and their stored form, `Identity/` who may do what and how things are called,
/// `Limits/` the rate limiters, `JSON/` documents, `Transfer/` export and import.
package final class ChatEngine: Sendable {
    package let store: LogStore
    package let clock: any Clock
    package let random: any RandomSource
    let readers: ReaderPool
    /// When a write is answered: after its sync, or before.
    let durability: Batch.Durability

    /// - Parameters:
    ///   - readers: threads for reads that miss the cache; shut down by `close`.
    ///   - durability: of every write; `buffered` answers before the sync, and a power cut loses the last writes.
    package init(
        store: LogStore, clock: any Clock, random: any RandomSource, readers: ReaderPool = ReaderPool(),
        durability: Batch.Durability = .durable
    ) {
        self.store = store
        self.durability = durability
        self.clock = clock
        self.random = random
        self.readers = readers
    }

    /// Ends the reader threads. The store stays open: it is its opener's. Call once.
    package func close() { readers.shutDown() }

    /// What a call ends in.
    package typealias Completion<Value> = @Sendable (Result<Value, ChatError>) -> Void

    /// Counts, free space and condition of the store.
    package var status: StoreStatus { store.status }

    /// Whether the store takes writes, and why not.
    package var condition: (isAcceptingAppends: Bool, failure: LogStoreError?) { store.condition }
}

// MARK: The two styles

extension ChatEngine {
    /// Answers from memory before it returns, else on a reader thread.
    func read<Value: Sendable>(
        _ completion: @escaping Completion<Value>,
        _ body: @escaping @Sendable (ReadPolicy) throws(ChatError) -> Value
    ) {
        do throws(ChatError) {
            completion(.success(try body(.cached)))
        } catch {
            guard error == .wouldBlock else { return completion(.failure(error)) }
            deferToReader(completion) {
                do throws(ChatError) {
                    completion(.success(try body(.blocking)))
                } catch {
                    completion(.failure(error))
                }
            }
        }
    }

    /// Builds a batch with `prepare` and commits it; `finish` makes the answer of the receipt. From memory if possible,
    /// else on a reader thread. `prepare` may run twice.
    func commit<Value: Sendable, Context: Sendable>(
        _ completion: @escaping Completion<Value>,
        prepare: @escaping @Sendable (ReadPolicy) throws(ChatError) -> (Batch, Context),
        finish: @escaping @Sendable (CommitReceipt, Context) -> Value
    ) {
        do throws(ChatError) {
            try submit(.cached, completion, prepare, finish)
        } catch {
            guard error == .wouldBlock else { return completion(.failure(error)) }
            deferToReader(completion) { [self] in
                do throws(ChatError) {
                    try submit(.blocking, completion, prepare, finish)
                } catch {
                    completion(.failure(error))
                }
            }
        }
    }

    /// The blocking style of `commit`.
    func commit<Value, Context>(
        prepare: (ReadPolicy) throws(ChatError) -> (Batch, Context), finish: (CommitReceipt, Context) -> Value
    ) throws(ChatError) -> Value {
        let (batch, context) = try prepare(.blocking)
        do throws(LogStoreError) {
            return finish(try store.commit(batch), context)
        } catch {
            throw ChatError(error)
        }
    }

    private func submit<Value: Sendable, Context: Sendable>(
        _ policy: ReadPolicy,
        _ completion: @escaping Completion<Value>,
        _ prepare: @Sendable (ReadPolicy) throws(ChatError) -> (Batch, Context),
        _ finish: @escaping @Sendable (CommitReceipt, Context) -> Value
    ) throws(ChatError) {
        let (batch, context) = try prepare(policy)
        do throws(LogStoreError) {
            try store.commit(batch, policy: policy) { result in
                switch result {
                case .success(let receipt): completion(.success(finish(receipt, context)))
                case .failure(let error): completion(.failure(ChatError(error)))
                }
            }
        } catch {
            throw ChatError(error)
        }
    }

    private func deferToReader<Value>(_ completion: Completion<Value>, _ work: @escaping @Sendable () -> Void) {
        if !readers.submit(work) { completion(.failure(.overloaded(retryAfterSeconds: 1))) }
    }
}

// MARK: Finding things

extension ChatEngine {
    /// The session `id` of the access value's tenant.
    /// - Throws: `sessionNotFound` (also for soft-deleted ones), `forbidden`.
    func resolve(_ id: String, _ access: Access, _ policy: ReadPolicy) throws(ChatError) -> SessionInfo {
        do throws(LogStoreError) {
            guard let tenant = try store.tenant(named: access.tenant.name, policy: policy),
                let info = try store.session(id: id, in: tenant, policy: policy),
                info.tags & SessionFlags.deletedBit == 0
            else { throw LogStoreError.sessionNotFound }
            if case .tenant = access.reach { return info }
            guard let owner = try store.userName(info.key.owner, policy: policy), access.reaches(owner: owner) else {
                throw LogStoreError.invalid("forbidden")
            }
            return info
        } catch .invalid("forbidden") {
            throw .forbidden
        } catch {
            throw ChatError(error)
        }
    }

    /// The session with its owner's name and its state document.
    func load(_ info: SessionInfo, owner: String?, _ policy: ReadPolicy) throws(ChatError) -> Session {
        do throws(LogStoreError) {
            guard let (bytes, version) = try store.state(of: info.key, policy: policy) else {
                throw LogStoreError.sessionNotFound
            }
            var name = owner
            if name == nil { name = try store.userName(info.key.owner, policy: policy) }
            guard let name else { throw LogStoreError.sessionNotFound }
            var session = Session(info, owner: name, state: try Self.decodeState(bytes))
            session.version = version
            return session
        } catch {
            throw ChatError(error)
        }
    }

    func entries(
        of key: SessionKey, _ query: EntryQuery, _ policy: ReadPolicy
    ) throws(ChatError) -> [StoredMessage] {
        try Self.stored(try storedEntries(of: key, query, policy))
    }

    func storedEntries(of key: SessionKey, _ query: EntryQuery, _ policy: ReadPolicy) throws(ChatError) -> [Entry] {
        do throws(LogStoreError) {
            return try store.entries(of: key, query, policy: policy)
        } catch {
            throw ChatError(error)
        }
    }

    static func stored(_ entries: [Entry]) throws(ChatError) -> [StoredMessage] {
        var messages: [StoredMessage] = []
        messages.reserveCapacity(entries.count)
        for entry in entries { messages.append(try stored(entry)) }
        return messages
    }

    static func stored(_ entry: Entry) throws(ChatError) -> StoredMessage {
        do throws(MalformedRecord) {
            return StoredMessage(
                message: try Message(decoding: entry.payload), sequence: entry.sequence, createdAt: entry.createdAt,
                editedAt: entry.amendedAt)
        } catch {
            throw ChatError(error)
        }
    }

    static func decodeState(_ bytes: [UInt8]) throws(LogStoreError) -> SessionState {
        guard !bytes.isEmpty else { return SessionState() }
        do throws(MalformedRecord) {
            return try SessionState(decoding: bytes)
        } catch {
            throw .corrupt(file: "session state", offset: UInt64(error.offset), detail: "\(error.what)")
        }
    }
}
