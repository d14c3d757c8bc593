package import LogStore

/// Replies that are streamed, in the store:
///
///     document `reply/<id>` of the session    part empty: the reply (`Reply`)
///                                             part <first token>: tokens, as varint(length) and bytes each
///     document `running/<id>` of `llmAccounts`   the reply, while it is streamed and can be resumed: what a server that
///                                             starts has to look for
///
/// Steps of a reply that can be resumed: the question, the reply and `running/` commit as one; tokens follow in small
/// groups, buffered, each before any client sees them; the end is one durable batch: the message, the reply as it ended,
/// and the groups and `running/` removed. So at any instant either the message is there or its tokens so far are, and a
/// client never knows a token that the store does not. Text is in documents of the session only, so it goes with it.
extension ChatEngine {
    /// Appends a group of tokens of a resumable reply. Answered before it is synced: the death of the process does not lose
    /// it, a power cut does.
    /// - Parameter first: how many tokens came before.
    /// - Throws: `sessionNotFound` if the chat is gone.
    package func appendTokens(
        _ tokens: [ArraySlice<UInt8>], first: Int, of reply: UUIDValue, in session: SessionKey,
        completion: @escaping Completion<Void>
    ) {
        var value: [UInt8] = []
        value.reserveCapacity(tokens.reduce(0) { $0 + $1.count + 2 })
        for token in tokens {
            value.append(varint: UInt64(token.count))
            value += token
        }
        commit(
            completion,
            prepare: { [value] _ throws(ChatError) in
                var batch = Batch(durability: .buffered)
                batch.put(
                    name: ReplyKey.name(reply), part: ReplyKey.part(first), value, of: .existing(session))
                return (batch, true)
            }, finish: { _, _ in })
    }

    /// Ends a reply: appends its message, unless there is none, and removes what was kept for resuming it.
    /// - Parameters:
    ///   - reply: with its ending.
    ///   - groups: the `first` of each group of tokens; nil for a reply that could not be resumed.
    /// - Throws: `sessionNotFound` if the chat was deleted meanwhile, and all of the reply with it.
    package func finishReply(
        _ reply: Reply, message: MessageDraft?, groups: [Int]?, completion: @escaping Completion<StoredMessage?>
    ) {
        let turn = Turn(.existing(reply.session), message.map { [$0] } ?? [])
        commit(
            { [self] (result: Result<StoredMessage?, ChatError>) in
                if case .failure(.sessionNotFound) = result, groups != nil { return forget(reply.id, completion) }
                completion(result)
            },
            prepare: { [self] policy throws(ChatError) in
                var (batch, prepared) = try prepareTurn(turn, .operator(tenant: reply.tenant), policy)
                guard let session = prepared.key else { throw ChatError.sessionNotFound }
                batch.put(name: ReplyKey.name(reply.id), reply.encoded, of: .existing(session))
                for first in groups ?? [] {
                    batch.remove(name: ReplyKey.name(reply.id), part: ReplyKey.part(first), of: session)
                }
                if groups != nil { batch.remove(ReplyKey.running(reply.id)) }
                return (batch, prepared)
            }, finish: { $1.saved($0).messages.first })
    }

    private func forget(_ id: UUIDValue, _ completion: @escaping Completion<StoredMessage?>) {
        commit(
            { (_: Result<Bool, ChatError>) in completion(.failure(.sessionNotFound)) },
            prepare: { _ throws(ChatError) in
                var batch = Batch()
                batch.remove(ReplyKey.running(id))
                return (batch, true)
            }, finish: { $1 })
    }

    /// Adds a reply that begins to the batch of its question.
    static func begin(
        _ draft: ReplyDraft, session: String, _ target: SessionTarget, question: Message, to batch: inout Batch
    ) {
        guard case .uuid(let question) = question.id else { preconditionFailure("llm's messages have UUIDs") }
        let reply = Reply(id: draft.id, organisation: draft.organisation, session: session, question: question)
        batch.put(name: ReplyKey.name(reply.id), reply.encoded, of: target)
        batch.put(ReplyKey.running(reply.id), reply.encoded)
    }

    // MARK: Read

    /// A reply that has ended, or one that a server which went down left behind, and its text.
    /// - Throws: `messageNotFound`; `forbidden` of its chat.
    package func reply(
        _ id: UUIDValue, organisation: String, _ access: Access, completion: @escaping Completion<(Reply, UTF8Text)>
    ) {
        read(completion) { [self] policy throws(ChatError) in
            let tenant = TenantName.llm(organisation: organisation)
            guard let document = try replyDocuments(id, tenant, limit: 1, policy).first, document.part.isEmpty else {
                throw ChatError.messageNotFound
            }
            let reply = try Self.decoding { () throws(MalformedRecord) in try Reply(decoding: document.value, id: id) }
            let info = try resolve(reply.session, access, policy)
            guard !reply.tokenBytes.isEmpty else { return (reply, .empty) }
            return (reply, try find(.uuid(id), info.key, policy).message.content)
        }
    }

    private func replyDocuments(
        _ id: UUIDValue, _ tenant: TenantName, limit: Int, _ policy: ReadPolicy
    ) throws(ChatError) -> [SessionDocument] {
        do throws(LogStoreError) {
            return try store.sessionDocuments(
                named: ReplyKey.name(id), tenant: tenant.name, limit: limit, policy: policy)
        } catch {
            throw ChatError(error)
        }
    }
}

/// A reply that begins with the turn that asks for it and can be resumed.
package struct ReplyDraft: Sendable {
    package var id: UUIDValue
    package var organisation: String

    package init(id: UUIDValue, organisation: String) {
        self.id = id
        self.organisation = organisation
    }
}

enum ReplyKey {
    /// Of the documents of the session.
    static func name(_ id: UUIDValue) -> [UInt8] { Array("reply/\(id.string)".utf8) }

    /// The number of the first token as 4 bytes, big-endian, so that groups sort in their order.
    static func part(_ first: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: first >> $0) } }

    static let runningPrefix = Array("running/".utf8)

    static func running(_ id: UUIDValue) -> DocumentKey {
        DocumentKey(tenant: TenantName.llmAccounts.name, key: runningPrefix + Array(id.string.utf8))
    }
}
