package import LogStore

/// The demo bank's ledger of a user, opened with its first use.
///
/// Steps of a change: read the ledger; decide, on that value alone; commit ledger and new bookings in one batch that
/// requires the version that was read. If somebody else was faster, all of it again on a reader thread.
extension ChatEngine {
    /// A user's accounts and cards.
    /// - Throws: `forbidden`.
    package func ledger(of owner: String, _ access: Access, completion: @escaping Completion<Ledger>) {
        changeLedger(of: owner, access, completion) { ledger, _, _ in ledger }
    }

    /// A user's bookings, newest first.
    /// - Parameters:
    ///   - account: nil for both.
    ///   - since: only those booked at or after that time.
    /// - Throws: `forbidden`.
    package func ledgerEntries(
        of owner: String, account: Ledger.AccountKind? = nil, since: Timestamp? = nil, until: Timestamp? = nil,
        limit: Int, _ access: Access, completion: @escaping Completion<[LedgerEntry]>
    ) {
        ledger(of: owner, access) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let ledger):
                read(completion) { [self] policy throws(ChatError) in
                    try entries(of: owner, below: ledger.entryCount + 1, limit: limit, access, policy) { entry in
                        (account == nil || entry.account == account) && since.map { entry.bookedAt >= $0 } ?? true
                            && until.map { entry.bookedAt < $0 } ?? true
                    }
                }
            }
        }
    }

    /// Moves money between a user's own accounts.
    /// - Throws: `forbidden`; what does not fit the ledger is an outcome, no error.
    package func transfer(
        _ order: TransferOrder, of owner: String, _ access: Access, completion: @escaping Completion<TransferOutcome>
    ) {
        changeLedger(of: owner, access, completion) { ledger, time, entries in
            ledger.transfer(order, at: time, &entries)
        }
    }

    /// Blocks or unblocks a card.
    /// - Throws: `forbidden`.
    package func setCard(
        _ kind: Ledger.CardKind, blocked: Bool, of owner: String, _ access: Access,
        completion: @escaping Completion<CardOutcome>
    ) {
        changeLedger(of: owner, access, completion) { ledger, _, _ in ledger.setCard(kind, blocked: blocked) }
    }

    // MARK: Changing

    private typealias Decision<Outcome> = @Sendable (inout Ledger, Timestamp, inout [LedgerEntry]) -> Outcome

    /// How often a change is decided anew before it gives up: each time another change of the same user was made.
    private static let ledgerAttempts = 256

    private func changeLedger<Outcome: Sendable>(
        of owner: String, _ access: Access, _ completion: @escaping Completion<Outcome>,
        decide: @escaping Decision<Outcome>
    ) {
        guard access.reaches(owner: owner) else { return completion(.failure(.forbidden)) }
        attemptChange(of: owner, access, .cached, 1, completion, decide)
    }

    private func attemptChange<Outcome: Sendable>(
        of owner: String, _ access: Access, _ policy: ReadPolicy, _ attempt: Int,
        _ completion: @escaping Completion<Outcome>, _ decide: @escaping Decision<Outcome>
    ) {
        let again: @Sendable (Int) -> Void = { [self] attempt in
            let accepted = readers.submit { [self] in
                attemptChange(of: owner, access, .blocking, attempt, completion, decide)
            }
            if !accepted { completion(.failure(.overloaded(retryAfterSeconds: 1))) }
        }
        do throws(ChatError) {
            let (batch, outcome) = try decided(of: owner, access, policy, decide)
            guard let batch else { return completion(.success(outcome)) }
            do throws(LogStoreError) {
                try store.commit(batch, policy: policy) { [self] result in
                    switch result {
                    case .success: onReader { completion(.success(outcome)) }
                    case .failure(.conflict) where attempt < Self.ledgerAttempts: again(attempt + 1)
                    case .failure(.conflict): completion(.failure(.overloaded(retryAfterSeconds: 1)))
                    case .failure(let error): completion(.failure(ChatError(error)))
                    }
                }
            } catch {
                throw ChatError(error)
            }
        } catch {
            if error == .wouldBlock { again(attempt) } else { completion(.failure(error)) }
        }
    }

    /// A ledger's callers go on with its next change, which no completion of a commit may do: the store runs those while
    /// it commits.
    private func onReader(_ body: @escaping @Sendable () -> Void) {
        if !readers.submit(body) { body() }
    }

    /// - Returns: no batch if nothing has changed.
    private func decided<Outcome>(
        of owner: String, _ access: Access, _ policy: ReadPolicy, _ decide: Decision<Outcome>
    ) throws(ChatError) -> (Batch?, Outcome) {
        let tenant = access.tenant.name
        let key = LedgerKey.ledger(owner, tenant)
        let document: Document?
        do throws(LogStoreError) { document = try store.document(key, policy: policy) } catch { throw ChatError(error) }
        var entries: [LedgerEntry] = []
        let now = clock.now()
        var ledger: Ledger
        if let document {
            ledger = try Self.decoding { () throws(MalformedRecord) in try Ledger(decoding: document.value) }
        } else {
            ledger = Ledger.opened(for: owner, at: now, &entries)
        }
        let before = ledger
        let outcome = decide(&ledger, now, &entries)
        guard document == nil || ledger != before else { return (nil, outcome) }
        var batch = Batch(durability: durability)
        batch.require(.documentVersion(key, document?.version))
        batch.put(key, ledger.encoded)
        for entry in entries { batch.put(LedgerKey.entry(entry.number, owner, tenant), entry.encoded) }
        return (batch, outcome)
    }

    // MARK: Reading

    private static let entryPage: UInt64 = 50

    private func entries(
        of owner: String, below end: UInt64, limit: Int, _ access: Access, _ policy: ReadPolicy,
        where wanted: @Sendable (LedgerEntry) -> Bool
    ) throws(ChatError) -> [LedgerEntry] {
        let prefix = LedgerKey.entries(owner)
        var found: [LedgerEntry] = []
        var end = end
        while found.count < limit, end > 1 {
            let start = end > Self.entryPage ? end - Self.entryPage : 1
            let documents: [Document]
            do throws(LogStoreError) {
                documents = try store.documents(
                    tenant: access.tenant.name, prefix: prefix,
                    after: LedgerKey.entry(start - 1, owner, access.tenant.name).key, limit: Int(end - start),
                    policy: policy)
            } catch {
                throw ChatError(error)
            }
            for document in documents.reversed() {
                let number = UInt64(String(decoding: document.key.suffix(16), as: UTF8.self), radix: 16) ?? 0
                let entry = try Self.decoding { () throws(MalformedRecord) in
                    try LedgerEntry(decoding: document.value, number: number)
                }
                if wanted(entry) { found.append(entry) }
                if found.count == limit { break }
            }
            end = start
        }
        return found
    }

    // MARK: Erasing

    /// Adds to a batch that a user's ledger goes.
    func removeLedger(of owner: String, _ tenant: TenantName, from batch: inout Batch) throws(ChatError) {
        let key = LedgerKey.ledger(owner, tenant.name)
        do throws(LogStoreError) {
            guard let document = try store.document(key) else { return }
            let ledger: Ledger
            do throws(MalformedRecord) { ledger = try Ledger(decoding: document.value) } catch {
                throw LogStoreError.corrupt(file: "ledger", offset: UInt64(error.offset), detail: "\(error.what)")
            }
            batch.remove(key)
            for number in 0..<ledger.entryCount { batch.remove(LedgerKey.entry(number + 1, owner, tenant.name)) }
        } catch {
            throw ChatError(error)
        }
    }
}

private enum LedgerKey {
    static func ledger(_ owner: String, _ tenant: String) -> DocumentKey {
        DocumentKey(tenant: tenant, key: Array("ledger/\(owner)".utf8))
    }

    /// The name's length keeps one user's keys from beginning like another's.
    static func entries(_ owner: String) -> [UInt8] { Array("ledger-entry/\(owner.utf8.count):\(owner)/".utf8) }

    static func entry(_ number: UInt64, _ owner: String, _ tenant: String) -> DocumentKey {
        let digits = String(number, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.utf8.count) + digits
        return DocumentKey(tenant: tenant, key: entries(owner) + Array(padded.utf8))
    }
}
