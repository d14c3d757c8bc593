package import LogStore

/// Messages that are saved together, in a session that is there or is made for them.
package struct Turn: Sendable {
    package enum Target: Sendable {
        case existing(String)
        case new(SessionDraft)
    }
    package var target: Target
    package var messages: [MessageDraft]
    /// A reply to the last message, to be streamed so that it can be resumed.
    package var reply: ReplyDraft?

    package init(_ target: Target, _ messages: [MessageDraft], reply: ReplyDraft? = nil) {
        self.target = target
        self.messages = messages
        self.reply = reply
    }
}

package struct SavedTurn: Sendable {
    package var session: SessionKey
    package var sessionID: String
    /// Whether the session was made for it.
    package var isNew: Bool
    package var messages: [StoredMessage]
}

/// Which messages of a conversation to read, oldest first. With `before` alone the newest ones that come before it.
package struct ConversationQuery: Sendable {
    package var after: MessageID?
    package var before: MessageID?
    package var limit: Int

    package init(after: MessageID? = nil, before: MessageID? = nil, limit: Int) {
        self.after = after
        self.before = before
        self.limit = limit
    }
}

/// A session and some of its messages, oldest first.
package struct Conversation: Sendable {
    package var session: Session
    package var messages: [StoredMessage]
}

extension ChatEngine {
    // MARK: Save

    /// Saves messages, and makes the session if the turn says so, as one atomic change.
    /// - Throws: `sessionNotFound`, `forbidden`, `insufficientStorage`, `overloaded`, `unavailable`.
    package func saveTurn(_ turn: Turn, _ access: Access, completion: @escaping Completion<SavedTurn>) {
        commit(
            completion,
            prepare: { [self] policy throws(ChatError) in try prepareTurn(turn, access, policy) },
            finish: { $1.saved($0) })
    }

    /// The same, waiting for it.
    package func saveTurn(_ turn: Turn, _ access: Access) throws(ChatError) -> SavedTurn {
        try commit(
            prepare: { policy throws(ChatError) in try prepareTurn(turn, access, policy) }, finish: { $1.saved($0) })
    }

    func prepareTurn(
        _ turn: Turn, _ access: Access, _ policy: ReadPolicy
    ) throws(ChatError) -> (Batch, PreparedTurn) {
        var batch = Batch(durability: durability)
        var prepared = PreparedTurn(key: nil, id: "", messages: [])
        let target: SessionTarget
        switch turn.target {
        case .existing(let id):
            let info = try resolve(id, access, policy)
            (prepared.key, prepared.id) = (info.key, info.id)
            target = .existing(info.key)
        case .new(let draft):
            guard access.reaches(owner: draft.owner) else { throw .forbidden }
            prepared.id = draft.id ?? draft.ids.sessionID(at: clock.now(), random: random)
            target = batch.createSession(
                id: prepared.id, tenant: access.tenant.name, user: draft.owner, state: draft.state.encoded,
                tags: draft.flags.tags, retentionClass: access.tenant.retentionClass.rawValue)
        }
        for draft in turn.messages {
            var message = Message(
                id: draft.id ?? draft.ids.messageID(at: clock.now(), random: random), role: draft.role,
                content: draft.content, metadata: draft.metadata)
            draft.adjust?(&message)
            batch.append(message.encoded, to: target)
            prepared.messages.append(message)
        }
        if let reply = turn.reply, let question = prepared.messages.last {
            Self.begin(reply, session: prepared.id, target, question: question, to: &batch)
        }
        return (batch, prepared)
    }

    struct PreparedTurn: Sendable {
        /// nil: the batch makes the session.
        var key: SessionKey?
        var id: String
        var messages: [Message]

        func saved(_ receipt: CommitReceipt) -> SavedTurn {
            SavedTurn(
                session: key ?? receipt.sessions[0], sessionID: id, isNew: key == nil,
                messages: zip(messages, receipt.sequences).map {
                    StoredMessage(message: $0, sequence: $1, createdAt: receipt.time)
                })
        }
    }

    // MARK: Read

    /// A session with some of its messages.
    /// - Throws: `sessionNotFound`, `forbidden`; `messageNotFound` if the query names one that is not there.
    /// - Complexity: O(page), and with a message id O(messages behind it).
    package func conversation(
        _ id: String, _ query: ConversationQuery, _ access: Access, completion: @escaping Completion<Conversation>
    ) {
        read(completion) { [self] policy throws(ChatError) in
            let info = try resolve(id, access, policy)
            let session = try load(info, owner: nil, policy)
            var bounds = EntryQuery(limit: max(0, query.limit))
            if let after = query.after { bounds.after = try find(after, info.key, policy).sequence }
            if let before = query.before { bounds.before = try find(before, info.key, policy).sequence }
            if query.before != nil, query.after == nil { bounds.order = .descending }
            var messages = bounds.limit > 0 ? try entries(of: info.key, bounds, policy) : []
            if bounds.order == .descending { messages.reverse() }
            return Conversation(session: session, messages: messages)
        }
    }

    /// The newest messages of a session that fit into `limit`, oldest first: those that `admits` takes, newest first,
    /// up to the first that it does not. Always on a reader thread.
    /// - Parameter admits: gets what it returned for the message before (at first 0); nil ends the reading.
    package func newestMessages(
        of id: String, limit: Int, _ access: Access,
        admits: @escaping @Sendable (_ message: Message, _ taken: Int) -> Int?,
        completion: @escaping Completion<[StoredMessage]>
    ) {
        blocking(completion) { [self] () throws(ChatError) in
            let info = try resolve(id, access, .blocking)
            var taken: [StoredMessage] = []
            var total = 0
            var query = EntryQuery.last(min(limit, 64))
            while taken.count < limit {
                let page = try entries(of: info.key, query, .blocking)
                for stored in page where taken.count < limit {
                    guard let next = admits(stored.message, total) else { return taken.reversed() }
                    total = next
                    taken.append(stored)
                }
                guard page.count == query.limit, let last = page.last else { break }
                query.before = last.sequence
            }
            return taken.reversed()
        }
    }
}
