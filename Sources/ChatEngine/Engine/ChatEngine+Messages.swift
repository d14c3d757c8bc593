package import LogStore

/// A message to be saved: everything but what the engine and the store assign.
package struct MessageDraft: Sendable {
    /// How its id is formed, unless `id` names one.
    package var ids: IdentifierFormat
    package var id: MessageID?
    package var role: Message.Role?
    package var content: UTF8Text
    package var metadata: RawJSON?
    /// Messages that the session may have with this one; nil: any number.
    package var mostMessages: UInt32?
    /// The rarer attributes: sets direction, sender, type and the rest on the message before it is stored.
    package var adjust: (@Sendable (inout Message) -> Void)?

    package init(
        ids: IdentifierFormat, id: MessageID? = nil, role: Message.Role?, content: UTF8Text,
        metadata: RawJSON? = nil, adjust: (@Sendable (inout Message) -> Void)? = nil
    ) {
        self.ids = ids
        self.id = id
        self.role = role
        self.content = content
        self.metadata = metadata
        self.adjust = adjust
    }
}

/// Which messages of a session to read; bounds are exclusive.
package struct HistoryQuery: Sendable {
    package var after: SequenceNumber?
    package var before: SequenceNumber?
    package var limit: Int
    package var order: EntryQuery.Order

    package init(
        after: SequenceNumber? = nil, before: SequenceNumber? = nil, limit: Int, order: EntryQuery.Order = .ascending
    ) {
        self.after = after
        self.before = before
        self.limit = limit
        self.order = order
    }

    /// The newest `count` messages, newest first.
    package static func last(_ count: Int) -> HistoryQuery { HistoryQuery(limit: count, order: .descending) }

    var entryQuery: EntryQuery { EntryQuery(after: after, before: before, limit: limit, order: order) }
}

package struct HistoryPage: Sendable {
    package var messages: [StoredMessage]
    /// Where the next page of the same order begins; nil if this one ended what the query covers.
    package var next: HistoryQuery?
}

extension ChatEngine {
    // MARK: Save

    /// Appends a message.
    /// - Throws: `sessionNotFound`, `forbidden`, `insufficientStorage`, `overloaded`, `unavailable`; with `mostMessages`
    ///   also `tooLarge` if the session is full, and `conflict` if it may have become so just now: try again.
    package func saveMessage(
        _ draft: MessageDraft, to id: String, _ access: Access
    ) throws(ChatError) -> StoredMessage {
        try commit(
            prepare: { policy throws(ChatError) in try prepareSave(draft, id, access, policy) },
            finish: { Self.saved($1, $0) })
    }

    /// Appends a message; completes when it is durable.
    package func saveMessage(
        _ draft: MessageDraft, to id: String, _ access: Access, completion: @escaping Completion<StoredMessage>
    ) {
        commit(
            completion,
            prepare: { [self] policy throws(ChatError) in try prepareSave(draft, id, access, policy) },
            finish: { Self.saved($1, $0) })
    }

    private func prepareSave(
        _ draft: MessageDraft, _ id: String, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> (Batch, Message) {
        let info = try resolve(id, access, policy)
        var message = Message(
            id: draft.id ?? draft.ids.messageID(at: clock.now(), random: random), role: draft.role,
            content: draft.content, metadata: draft.metadata)
        draft.adjust?(&message)
        var batch = Batch(durability: durability)
        if let most = draft.mostMessages {
            guard info.entryCount < most else { throw .tooLarge(field: "session") }
            // What has expired and is not yet removed must not count, and the store's condition counts it.
            batch.require(
                info.lastSequence < most
                    ? .entryCount(info.key, below: most) : .lastSequence(info.key, info.lastSequence))
        }
        batch.append(message.encoded, to: .existing(info.key))
        try announce(.messageCreated, of: id, message: message.id, key: info.key, in: &batch, access, policy)
        return (batch, message)
    }

    private static func saved(_ message: Message, _ receipt: CommitReceipt) -> StoredMessage {
        StoredMessage(message: message, sequence: receipt.sequences[0], createdAt: receipt.time)
    }

    // MARK: Read

    /// A page of a session's messages.
    /// - Throws: `sessionNotFound`, `forbidden`.
    /// - Complexity: O(page) at any depth.
    package func history(
        of id: String, _ query: HistoryQuery, _ access: Access
    ) throws(ChatError) -> HistoryPage {
        try page(id, query, access, .blocking)
    }

    /// A page of a session's messages. A long session is read page by page: call again with `HistoryPage.next`.
    package func history(
        of id: String, _ query: HistoryQuery, _ access: Access, completion: @escaping Completion<HistoryPage>
    ) {
        read(completion) { [self] policy throws(ChatError) in try page(id, query, access, policy) }
    }

    /// The same, but always on a reader thread: for a caller that goes through many pages and must not recurse.
    package func historyOnReader(
        of id: String, _ query: HistoryQuery, _ access: Access, completion: @escaping Completion<HistoryPage>
    ) {
        blocking(completion) { [self] () throws(ChatError) in try page(id, query, access, .blocking) }
    }

    /// The same page as it is stored: for replies that are written from the bytes.
    /// - Parameter onReader: always on a reader thread.
    package func encodedHistory(
        of id: String, _ query: HistoryQuery, _ access: Access, onReader: Bool = false,
        completion: @escaping Completion<EncodedHistoryPage>
    ) {
        let read: @Sendable (ReadPolicy) throws(ChatError) -> EncodedHistoryPage = { [self] policy throws(ChatError) in
            try entryPage(id, query, access, policy)
        }
        guard onReader else { return self.read(completion, read) }
        blocking(completion) { () throws(ChatError) in try read(.blocking) }
    }

    private func page(
        _ id: String, _ query: HistoryQuery, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> HistoryPage {
        let page = try entryPage(id, query, access, policy)
        return HistoryPage(messages: try Self.stored(page.messages), next: page.next)
    }

    private func entryPage(
        _ id: String, _ query: HistoryQuery, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> EncodedHistoryPage {
        let info = try resolve(id, access, policy)
        guard query.limit > 0 else { return EncodedHistoryPage(messages: [], next: nil) }
        let entries = try storedEntries(of: info.key, query.entryQuery, policy)
        guard entries.count == query.limit, let last = entries.last?.sequence else {
            return EncodedHistoryPage(messages: entries, next: nil)
        }
        var next = query
        switch query.order {
        case .ascending:
            guard last < min(info.lastSequence, (query.before ?? .max) - 1) else { break }
            next.after = last
            // What is appended while a reader goes through the pages is not part of them.
            if next.before == nil, info.lastSequence < .max { next.before = info.lastSequence + 1 }
            return EncodedHistoryPage(messages: entries, next: next)
        case .descending:
            guard last > (query.after ?? 0) + 1 else { break }
            next.before = last
            return EncodedHistoryPage(messages: entries, next: next)
        }
        return EncodedHistoryPage(messages: entries, next: nil)
    }

    /// The message of a session that has the external id.
    /// - Throws: `sessionNotFound`, `forbidden`, `messageNotFound`.
    /// - Complexity: O(messages of the session): the store has no index by message id. Newest first, since those are the
    ///   ones that clients name.
    package func message(_ id: MessageID, in session: String, _ access: Access) throws(ChatError) -> StoredMessage {
        try find(id, try resolve(session, access, .blocking).key)
    }

    func find(
        _ id: MessageID, _ key: SessionKey, _ policy: ReadPolicy = .blocking
    ) throws(ChatError) -> StoredMessage {
        var query = EntryQuery.last(256)
        while true {
            let messages = try entries(of: key, query, policy)
            if let found = messages.first(where: { $0.message.id == id }) { return found }
            guard messages.count == query.limit, let last = messages.last else { throw .messageNotFound }
            query.before = last.sequence
        }
    }

    // MARK: Change

    /// Edits a message: its id, sequence and creation time stay. The last of two concurrent edits wins.
    /// - Throws: `sessionNotFound`, `forbidden`, `messageNotFound`, what `change` throws.
    package func editMessage(
        _ id: MessageID, in session: String, _ access: Access,
        change: (inout Message) throws(ChatError) -> Void
    ) throws(ChatError) -> StoredMessage {
        let info = try resolve(session, access, .blocking)
        var stored = try find(id, info.key)
        try change(&stored.message)
        stored.message.id = id
        var batch = Batch(durability: durability)
        batch.amend(stored.sequence, of: .existing(info.key), payload: stored.message.encoded)
        try announce(.messageUpdated, of: session, message: id, key: info.key, in: &batch, access, .blocking)
        do throws(LogStoreError) {
            stored.editedAt = try store.commit(batch).time
            return stored
        } catch {
            throw ChatError(error)
        }
    }

    /// Edits a message, on a reader thread.
    package func editMessage(
        _ id: MessageID, in session: String, _ access: Access,
        change: @escaping @Sendable (inout Message) throws(ChatError) -> Void,
        completion: @escaping Completion<StoredMessage>
    ) {
        blocking(completion) { [self] () throws(ChatError) in
            try editMessage(id, in: session, access, change: change)
        }
    }

    /// Removes a message; its sequence number is not used again.
    /// - Throws: `sessionNotFound`, `forbidden`, `messageNotFound`, `held`, what `check` throws.
    package func deleteMessage(
        _ id: MessageID, in session: String, _ access: Access,
        check: (Message) throws(ChatError) -> Void = { _ throws(ChatError) in }
    ) throws(ChatError) {
        let info = try resolve(session, access, .blocking)
        let stored = try find(id, info.key)
        try check(stored.message)
        try refuseIfHeld(info.key)
        var batch = Batch(durability: durability)
        batch.deleteEntry(stored.sequence, of: .existing(info.key))
        try announce(.messageDeleted, of: session, message: id, key: info.key, in: &batch, access, .blocking)
        do throws(LogStoreError) {
            _ = try store.commit(batch)
        } catch {
            throw ChatError(error)
        }
    }

    /// Removes a message, on a reader thread.
    package func deleteMessage(
        _ id: MessageID, in session: String, _ access: Access,
        check: @escaping @Sendable (Message) throws(ChatError) -> Void = { _ throws(ChatError) in },
        completion: @escaping Completion<Void>
    ) {
        blocking(completion) { [self] () throws(ChatError) in
            try deleteMessage(id, in: session, access, check: check)
        }
    }
}
