internal import LogStore
internal import Synchronization

extension SessionLifeCycle {
    package struct Sweep: Hashable, Sendable {
        /// Entries of the index that were due.
        package var due: Int
        package var expired: Int

        package init(due: Int = 0, expired: Int = 0) {
            self.due = due
            self.expired = expired
        }
    }

    /// Entries of one batch.
    private static let group = 64

    /// Counts the sessions that are active, then sweeps at once and every `interval` until the timers end.
    package func start(sweepingEveryMicroseconds interval: UInt64, _ timers: any Timers) {
        engine.blocking({ (_: Result<Bool, ChatError>) in self.sweepRegularly(interval, timers) }) {
            () throws(ChatError) in
            let active = try self.indexed()
            self.counts.withLock { $0.active += active }
            return true
        }
    }

    private func sweepRegularly(_ interval: UInt64, _ timers: any Timers) {
        engine.blocking({ [self] (_: Result<Sweep, ChatError>) in
            timers.schedule(afterMicroseconds: interval) { [self] in sweepRegularly(interval, timers) }
        }) { () throws(ChatError) in try self.sweep() }
    }

    /// How many entries the index has of sessions that were made before now.
    private func indexed() throws(ChatError) -> Int {
        let end = later(engine.clock.now())
        var count = 0
        var after: [UInt8]?
        while true {
            let page = try entries(after: after, limit: 1000)
            for document in page {
                guard let entry = ExpiryKey.parse(document.key), entry.time <= end else { return count }
                count += 1
            }
            guard page.count == 1000 else { return count }
            after = page.last?.key
        }
    }

    /// Ends what has expired. Blocks.
    /// - Complexity: O(entries that are due), each one session read, 64 a sync.
    @discardableResult
    package func sweep() throws(ChatError) -> Sweep {
        var sweep = Sweep()
        let now = engine.clock.now()
        var after: [UInt8]?
        while true {
            let page = try entries(after: after, limit: Self.group)
            var due: [(key: [UInt8], session: String)] = []
            for document in page {
                guard let entry = ExpiryKey.parse(document.key), entry.time <= now else { break }
                due.append((document.key, entry.session))
            }
            guard !due.isEmpty else { return sweep }
            sweep.due += due.count
            do throws(ChatError) {
                sweep.expired += try settle(due, now)
            } catch .conflict {
                // Somebody was active just now: one at a time, and that one stays for the next sweep.
                for entry in due {
                    do throws(ChatError) { sweep.expired += try settle([entry], now) } catch .conflict { continue }
                }
            }
            guard due.count == Self.group else { return sweep }
            after = due.last?.key
        }
    }

    private func entries(after: [UInt8]?, limit: Int) throws(ChatError) -> [Document] {
        do throws(LogStoreError) {
            return try engine.store.documents(tenant: tenant.name, prefix: ExpiryKey.prefix, after: after, limit: limit)
        } catch {
            throw ChatError(error)
        }
    }

    /// Ends the sessions of due entries, or gives them later entries, in one batch. Returns how many ended.
    private func settle(_ due: [(key: [UInt8], session: String)], _ now: Timestamp) throws(ChatError) -> Int {
        let access = Access.operator(tenant: tenant)
        var batch = Batch(durability: engine.durability)
        var ended: [Session] = []
        for entry in due {
            batch.remove(DocumentKey(tenant: tenant.name, key: entry.key))
            var session: Session
            do throws(ChatError) {
                session = try engine.load(try engine.resolve(entry.session, access, .blocking), owner: nil, .blocking)
            } catch .sessionNotFound {
                continue
            }
            guard session.flags.isActive else { continue }
            batch.require(.stateVersion(session.key, session.version))
            batch.require(.lastSequence(session.key, session.lastSequence))
            let expiry = expiry(of: session)
            if expiry <= now {
                end(&session, Self.expired, &batch)
                ended.append(session)
            } else {
                session.state.expiresAt = expiry
                batch.put(ExpiryKey.key(tenant, expiry, session.id), [])
            }
            batch.update(
                .existing(session.key), state: session.state.encoded, tags: session.flags.tags, touch: false)
        }
        do throws(LogStoreError) { try engine.store.commit(batch) } catch { throw ChatError(error) }
        for session in ended { hasEnded(session) }
        return ended.count
    }
}
