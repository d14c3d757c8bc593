internal import LogStore

/// Replies that are streamed, in the store:
///
///     tenant of the organisation   reply/<id>                   the reply (`Reply`)
///     tenant `llmAccounts`         running/<id>                 the same, while it is streamed and can be resumed
///                                  running/<id>/<first token>   tokens, as varint(length) and bytes each
///
/// Steps of a reply that can be resumed: the question, `reply/` and `running/` commit as one; tokens follow in small
/// groups, buffered, each before any client sees them; the end is one durable batch: the message, `reply/` as it ended,
/// and all of `running/` removed. So at any instant either the message is there or its tokens so far are, and a client
/// never knows a token that the store does not.
extension ChatEngine {
    /// Appends a group of tokens of a resumable reply. Answered before it is synced: the death of the process does not lose
    /// it, a power cut does.
    /// - Parameter first: how many tokens came before.
    package func appendTokens(
        _ tokens: [ArraySlice<UInt8>], first: Int, of reply: UUIDValue, completion: @escaping Completion<Void>
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
                batch.put(ReplyKey.tokens(reply, first: first), value)
                return (batch, true)
            }, finish: { _, _ in })
    }

    /// Ends a reply: appends its message, unless there is none, and removes what was kept for resuming it.
    /// - Parameters:
    ///   - reply: with its ending.
    ///   - groups: the `first` of each group of tokens; nil for a reply that could not be resumed.
    /// - Throws: `sessionNotFound` if the chat was deleted meanwhile; the groups are removed all the same.
    package func finishReply(
        _ reply: Reply, message: MessageDraft?, groups: [Int]?, completion: @escaping Completion<StoredMessage?>
    ) {
        let turn = Turn(.existing(reply.session), message.map { [$0] } ?? [])
        commit(
            { [self] (result: Result<StoredMessage?, ChatError>) in
                if case .failure(.sessionNotFound) = result, let groups { return forget(reply, groups, completion) }
                completion(result)
            },
            prepare: { [self] policy throws(ChatError) in
                var (batch, prepared) = try prepareTurn(turn, .operator(tenant: reply.tenant), policy)
                batch.put(ReplyKey.reply(reply), reply.encoded)
                if let groups { Self.removeRunning(reply.id, groups, &batch) }
                return (batch, prepared)
            }, finish: { $1.saved($0).messages.first })
    }

    private func forget(_ reply: Reply, _ groups: [Int], _ completion: @escaping Completion<StoredMessage?>) {
        commit(
            { (_: Result<Bool, ChatError>) in completion(.failure(.sessionNotFound)) },
            prepare: { _ throws(ChatError) in
                var batch = Batch()
                batch.remove(ReplyKey.reply(reply))
                Self.removeRunning(reply.id, groups, &batch)
                return (batch, true)
            }, finish: { $1 })
    }

    private static func removeRunning(_ id: UUIDValue, _ groups: [Int], _ batch: inout Batch) {
        batch.remove(ReplyKey.running(id))
        for first in groups { batch.remove(ReplyKey.tokens(id, first: first)) }
    }

    /// Adds a reply that begins to the batch of its question.
    static func begin(_ draft: ReplyDraft, session: String, question: Message, to batch: inout Batch) {
        guard case .uuid(let question) = question.id else { preconditionFailure("llm's messages have UUIDs") }
        let reply = Reply(id: draft.id, organisation: draft.organisation, session: session, question: question)
        batch.put(ReplyKey.reply(reply), reply.encoded)
        batch.put(ReplyKey.running(reply.id), reply.encoded)
    }

    // MARK: Read

    /// A reply that has ended, or one that a server which went down left behind, and its text.
    /// - Throws: `messageNotFound`; `sessionNotFound` and `forbidden` of its chat.
    package func reply(
        _ id: UUIDValue, organisation: String, _ access: Access, completion: @escaping Completion<(Reply, UTF8Text)>
    ) {
        read(completion) { [self] policy throws(ChatError) in
            guard let document = try document(ReplyKey.reply(id, organisation), policy) else {
                throw ChatError.messageNotFound
            }
            let reply = try Self.decoding { () throws(MalformedRecord) in try Reply(decoding: document.value, id: id) }
            let info = try resolve(reply.session, access, policy)
            guard !reply.tokenBytes.isEmpty else { return (reply, .empty) }
            return (reply, try find(.uuid(id), info.key, policy).message.content)
        }
    }

    /// A reply that was being streamed when the server went down.
    package struct Leftover: Sendable {
        package var reply: Reply
        package var question: UTF8Text
        package var tokens: [[UInt8]]
        package var groups: [Int]
    }

    /// The replies that were being streamed when the server went down. Those whose chat is gone are removed. Blocks.
    package func leftoverReplies() throws(ChatError) -> [Leftover] {
        var found: [Leftover] = []
        let prefix = Array("running/".utf8)
        var after: [UInt8]?
        while true {
            let page: [Document]
            do throws(LogStoreError) {
                page = try store.documents(
                    tenant: TenantName.llmAccounts.name, prefix: prefix, after: after, limit: 1000)
            } catch {
                throw ChatError(error)
            }
            for document in page { try add(document, to: &found, prefix.count) }
            guard page.count == 1000 else { break }
            after = page.last?.key
        }
        var kept: [Leftover] = []
        for var leftover in found {
            do throws(ChatError) {
                let access = Access.operator(tenant: leftover.reply.tenant)
                leftover.question = try message(.uuid(leftover.reply.question), in: leftover.reply.session, access)
                    .message.content
                kept.append(leftover)
            } catch .sessionNotFound {
                forget(leftover.reply, leftover.groups) { _ in }
            } catch .messageNotFound {
                forget(leftover.reply, leftover.groups) { _ in }
            }
        }
        return kept
    }

    /// The head of a reply comes before its tokens, and those in their order: keys are sorted.
    private func add(_ document: Document, to found: inout [Leftover], _ prefix: Int) throws(ChatError) {
        guard let id = UUIDValue(canonical: document.key.dropFirst(prefix).prefix(36)) else { return }
        let rest = document.key.dropFirst(prefix + 37)
        if rest.isEmpty {
            let reply = try Self.decoding { () throws(MalformedRecord) in try Reply(decoding: document.value, id: id) }
            return found.append(Leftover(reply: reply, question: .empty, tokens: [], groups: []))
        }
        guard let last = found.indices.last, found[last].reply.id == id else { return }
        found[last].groups.append(rest.reduce(0) { $0 << 8 | Int($1) })
        var position = 0
        while position < document.value.count {
            var (count, shift) = (0, 0)
            while position < document.value.count {
                let byte = document.value[position]
                position += 1
                count |= Int(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 || shift > 35 { break }
            }
            guard count <= document.value.count - position else { throw ChatError.corrupt("tokens of \(id.string)") }
            found[last].tokens.append(Array(document.value[position..<position + count]))
            position += count
        }
    }

    private func document(_ key: DocumentKey, _ policy: ReadPolicy) throws(ChatError) -> Document? {
        do throws(LogStoreError) { return try store.document(key, policy: policy) } catch { throw ChatError(error) }
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

private enum ReplyKey {
    static func reply(_ reply: Reply) -> DocumentKey { Self.reply(reply.id, reply.organisation) }

    static func reply(_ id: UUIDValue, _ organisation: String) -> DocumentKey {
        DocumentKey(tenant: TenantName.llm(organisation: organisation).name, key: Array("reply/\(id.string)".utf8))
    }

    static func running(_ id: UUIDValue) -> DocumentKey {
        DocumentKey(tenant: TenantName.llmAccounts.name, key: Array("running/\(id.string)".utf8))
    }

    /// The number of the first token as 4 bytes, big-endian, so that groups sort in their order.
    static func tokens(_ id: UUIDValue, first: Int) -> DocumentKey {
        var key = running(id)
        key.key.append(UInt8(ascii: "/"))
        for shift in [24, 16, 8, 0] { key.key.append(UInt8(truncatingIfNeeded: first >> shift)) }
        return key
    }
}
