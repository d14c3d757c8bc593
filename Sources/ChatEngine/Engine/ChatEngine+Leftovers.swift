package import LogStore

/// What a server that starts finds of replies that were being streamed.
///
/// Steps: documents of earlier versions are made documents of their sessions; every `running/` names a reply; its tokens
/// are read from its session. Those whose chat or question is gone are removed.
extension ChatEngine {
    /// A reply that was being streamed when the server went down.
    package struct Leftover: Sendable {
        package var reply: Reply
        package var session: SessionKey
        package var question: UTF8Text
        package var tokens: [[UInt8]] = []
        /// The number of each group's first token.
        package var groups: [Int] = []
    }

    /// The replies that were being streamed when the server went down. To be called before anything is streamed. Blocks.
    package func leftoverReplies() throws(ChatError) -> [Leftover] {
        try adoptEarlierReplies()
        var found: [Leftover] = []
        for document in try accountDocuments("running/") {
            let idText = document.key.dropFirst(ReplyKey.runningPrefix.count)
            guard let id = UUIDValue(canonical: idText) else { continue }
            let reply = try Self.decoding { () throws(MalformedRecord) in try Reply(decoding: document.value, id: id) }
            var batch = Batch()
            batch.remove(ReplyKey.running(id))
            if let session = try session(of: reply) {
                if let leftover = try leftover(reply, session) {
                    found.append(leftover)
                    continue
                }
                for part in try parts(of: reply) { batch.remove(name: ReplyKey.name(id), part: part.part, of: session) }
            }
            try change(batch)
        }
        return found
    }

    private func leftover(_ reply: Reply, _ session: SessionKey) throws(ChatError) -> Leftover? {
        let question: UTF8Text
        do throws(ChatError) {
            question = try find(.uuid(reply.question), session).message.content
        } catch .messageNotFound {
            return nil
        }
        var leftover = Leftover(reply: reply, session: session, question: question)
        for part in try parts(of: reply) where part.part.count == 4 {
            leftover.groups.append(part.part.reduce(0) { $0 << 8 | Int($1) })
            guard Self.readTokens(part.value, to: &leftover.tokens) else {
                throw ChatError.corrupt("tokens of \(reply.id.string)")
            }
        }
        return leftover
    }

    private static func readTokens(_ bytes: [UInt8], to tokens: inout [[UInt8]]) -> Bool {
        var position = 0
        while position < bytes.count {
            var (count, shift) = (0, 0)
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                count |= Int(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 || shift > 35 { break }
            }
            guard count <= bytes.count - position else { return false }
            tokens.append(Array(bytes[position..<position + count]))
            position += count
        }
        return true
    }

    // MARK: Earlier versions

    /// The first versions kept replies and their tokens as documents of tenants, which outlived the chats:
    /// `reply/<id>` of the organisation, `running/<id>/<first token>` of `llmAccounts`.
    private func adoptEarlierReplies() throws(ChatError) {
        var sessions: [UUIDValue: SessionKey] = [:]
        for organisation in try organisations() {
            for document in try accountDocuments("reply/", of: organisation.tenant) {
                var batch = Batch()
                batch.remove(DocumentKey(tenant: organisation.tenant.name, key: document.key))
                if let id = UUIDValue(canonical: document.key.dropFirst("reply/".utf8.count)) {
                    let reply = try Self.decoding { () throws(MalformedRecord) in
                        try Reply(decoding: document.value, id: id)
                    }
                    if let session = try session(of: reply) {
                        batch.put(name: ReplyKey.name(id), document.value, of: .existing(session))
                        if reply.ending == nil { sessions[id] = session }
                    }
                }
                try change(batch)
            }
        }
        for document in try accountDocuments("running/") {
            let rest = document.key.dropFirst(ReplyKey.runningPrefix.count)
            guard rest.count == 41, let id = UUIDValue(canonical: rest.prefix(36)) else { continue }
            var batch = Batch()
            batch.remove(DocumentKey(tenant: TenantName.llmAccounts.name, key: document.key))
            if let session = sessions[id] {
                batch.put(
                    name: ReplyKey.name(id), part: Array(rest.suffix(4)), document.value, of: .existing(session))
            }
            try change(batch)
        }
    }

    // MARK: The store

    private func session(of reply: Reply) throws(ChatError) -> SessionKey? {
        do throws(ChatError) {
            return try resolve(reply.session, .operator(tenant: reply.tenant), .blocking).key
        } catch .sessionNotFound {
            return nil
        }
    }

    private func parts(of reply: Reply) throws(ChatError) -> [SessionDocument] {
        do throws(LogStoreError) {
            return try store.sessionDocuments(named: ReplyKey.name(reply.id), tenant: reply.tenant.name)
        } catch {
            throw ChatError(error)
        }
    }
}
