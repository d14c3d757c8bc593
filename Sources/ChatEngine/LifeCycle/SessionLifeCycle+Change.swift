package import LogStore

extension SessionLifeCycle {
    /// What a change does to a session's last activity.
    package enum Touch: Sendable {
        case activity
        case quiet
    }

    /// A session as it is after a change, and what the change appended.
    package struct Changed: Sendable {
        package var session: Session
        package var receipt: CommitReceipt
    }

    /// Changes a session, with whatever else `body` puts into the batch, as one atomic change; again if somebody else was
    /// faster. Never blocks.
    /// - Throws: `sessionNotFound`, `forbidden`, what `body` throws.
    package func change(
        _ id: String, _ access: Access,
        _ body: @escaping @Sendable (inout Session, inout Batch) throws(ChatError) -> Touch,
        completion: @escaping ChatEngine.Completion<Changed>
    ) {
        engine.commit(
            { [self] (result: Result<Changed, ChatError>) in
                if case .failure(.conflict) = result { return change(id, access, body, completion: completion) }
                completion(result)
            },
            prepare: { [self] policy throws(ChatError) in
                var session = try engine.load(try engine.resolve(id, access, policy), owner: nil, policy)
                var batch = Batch(durability: engine.durability)
                batch.require(.stateVersion(session.key, session.version))
                let touch = try body(&session, &batch)
                if session.flags.isActive, session.state.expiresAt == nil {
                    let due = later(engine.clock.now())
                    session.state.expiresAt = due
                    batch.put(ExpiryKey.key(tenant, due, session.id), [])
                }
                batch.update(
                    .existing(session.key), state: session.state.encoded, tags: session.flags.tags,
                    touch: touch == .activity)
                return (batch, (session, touch))
            },
            finish: { receipt, prepared in
                var (session, touch) = prepared
                session.version = receipt.lsn
                session.messageCount += receipt.sequences.count
                session.lastSequence = receipt.sequences.last ?? session.lastSequence
                if touch == .activity || !receipt.sequences.isEmpty { session.updatedAt = receipt.time }
                return Changed(session: session, receipt: receipt)
            })
    }

    /// Appends a message to a session that is live.
    /// - Throws: `sessionNotFound`, `forbidden`.
    package func append(
        _ message: MessageDraft, to id: String, _ access: Access,
        completion: @escaping ChatEngine.Completion<(Session, StoredMessage)>
    ) {
        engine.commit(
            completion,
            prepare: { [self] policy throws(ChatError) in
                let session = try engine.load(try engine.resolve(id, access, policy), owner: nil, policy)
                guard isLive(session) else {
                    expire(session)
                    throw ChatError.sessionNotFound
                }
                let message = made(message)
                var batch = Batch(durability: engine.durability)
                // The sweep requires the last sequence number: it cannot expire the session behind this batch.
                batch.append(message.encoded, to: .existing(session.key))
                return (batch, (session, message))
            },
            finish: { receipt, prepared in
                var (session, message) = prepared
                session.messageCount += 1
                session.lastSequence = receipt.sequences[0]
                session.updatedAt = receipt.time
                return (
                    session, StoredMessage(message: message, sequence: receipt.sequences[0], createdAt: receipt.time)
                )
            })
    }

    /// The message of a draft, its id decided.
    package func made(_ draft: MessageDraft) -> Message {
        var message = Message(
            id: draft.id ?? draft.ids.messageID(at: engine.clock.now(), random: engine.random), role: draft.role,
            content: draft.content, metadata: draft.metadata)
        draft.adjust?(&message)
        return message
    }
}
