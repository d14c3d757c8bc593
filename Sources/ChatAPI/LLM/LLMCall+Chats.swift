internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Chats and their messages, without replies.
extension LLMCall {
    func conversation() throws(LLMReply) {
        let id = try chatID()
        let parameters = QueryParameters(request)
        var query = ConversationQuery(limit: Self.limit(parameters, LLMLimits.defaultMessages))
        query.after = try Self.messageID(parameters, "after")
        query.before = try Self.messageID(parameters, "before")
        engine.conversation(id, query, access) { result in
            finish(result, failure: "Failed to retrieve chat") { found in
                LLMReply(200, reserving: Self.size(of: found.messages)) { out in
                    out.append(key: #"{"chat_id":"#)
                    out.append(jsonString: id)
                    out.append(llmTitle: found.session.state.title)
                    out.append(llmTime: "created_at", found.session.createdAt)
                    out.append(llmTime: "updated_at", found.session.updatedAt)
                    out.append(key: #","message_count":"#)
                    out.append(decimal: Int64(found.session.messageCount))
                    out.append(llmMessages: found.messages)
                    out.append(UInt8(ascii: "}"))
                }
            }
        }
    }

    func messages() throws(LLMReply) {
        let id = try chatID()
        let query = ConversationQuery(limit: Self.limit(QueryParameters(request), LLMLimits.defaultMessages))
        engine.conversation(id, query, access) { result in
            finish(result, failure: "Failed to retrieve messages") { found in
                LLMReply(200, reserving: Self.size(of: found.messages)) { out in
                    out.append(key: #"{"chat_id":"#)
                    out.append(jsonString: id)
                    out.append(key: #","message_count":"#)
                    out.append(decimal: Int64(found.messages.count))
                    out.append(llmMessages: found.messages, withTokenCount: true)
                    out.append(UInt8(ascii: "}"))
                }
            }
        }
    }

    func messageCount() throws(LLMReply) {
        let id = try chatID()
        engine.session(id, access) { result in
            finish(result, failure: "Failed to get message count") { summary in
                LLMReply(200) { out in
                    out.append(key: #"{"chat_id":"#)
                    out.append(jsonString: parameters?["chatId"] ?? id)
                    out.append(key: #","message_count":"#)
                    out.append(decimal: Int64(summary.session.messageCount))
                    out.append(UInt8(ascii: "}"))
                }
            }
        }
    }

    func deleteMessage() throws(LLMReply) {
        let id = try chatID()
        guard let message = UUIDValue(text: parameters?["messageId"] ?? "") else {
            throw .notFound("Message not found")
        }
        engine.deleteMessage(.uuid(message), in: id, access) { result in
            finish(result, failure: "Failed to delete message") { _ in
                LLMReply(200, Array(#"{"message":"Message deleted successfully"}"#.utf8))
            }
        }
    }

    // MARK: Chats

    func ownChats() {
        let query = SessionListQuery(owner: account?.id ?? "", query: SessionQuery(limit: LLMLimits.ownChats))
        engine.sessions(query, access) { result in
            finish(result, failure: "Failed to retrieve chats") { Self.list($0, withOwner: false) }
        }
    }

    func organisationChats() {
        // A user who reaches nobody else's chats sees the own ones.
        let owner = surface.configuration.isolation == .user ? account?.id : nil
        let query = SessionListQuery(owner: owner, query: SessionQuery(limit: LLMLimits.organisationChats))
        engine.sessions(query, access) { result in
            finish(result, failure: "Failed to retrieve organization chats") { Self.list($0, withOwner: true) }
        }
    }

    private static func list(_ list: SessionList, withOwner: Bool) -> LLMReply {
        LLMReply(200, reserving: 32 + 256 * list.sessions.count) { out in
            out.append(key: #"{"chats":["#)
            for (index, summary) in list.sessions.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                out.append(llmChat: summary.session, withOwner: withOwner)
            }
            out.append(key: #"],"count":"#)
            out.append(decimal: Int64(list.sessions.count))
            out.append(UInt8(ascii: "}"))
        }
    }

    func createChat() throws(LLMReply) {
        var state = SessionState()
        state.title = try fields.newTitle()
        engine.createSession(SessionDraft(ids: .uuid, owner: account?.id ?? "", state: state), access) { result in
            finish(result, failure: "Failed to create chat") { session in
                LLMReply(201) { $0.append(llmChat: session) }
            }
        }
    }

    func renameChat() throws(LLMReply) {
        let title = try fields.changedTitle()
        let id = try chatID(missing: LLMReply.chatNotYours)
        engine.updateSession(
            id, access, change: { (state, _) throws(ChatError) in state.title = title },
            completion: { result in
                finish(result, missing: LLMReply.chatNotYours, failure: "Failed to update chat") { session in
                    LLMReply(200) { $0.append(llmChat: session) }
                }
            })
    }

    func deleteChat() throws(LLMReply) {
        let id = try chatID(missing: LLMReply.chatNotYours)
        engine.deleteSession(id, access) { result in
            finish(result, missing: LLMReply.chatNotYours, failure: "Failed to delete chat") { _ in
                LLMReply(200, Array(#"{"message":"Chat deleted successfully"}"#.utf8))
            }
        }
    }

    // MARK: Parameters

    /// What is no number above 0 counts as absent.
    private static func limit(_ parameters: QueryParameters, _ absent: Int) -> Int {
        guard case .single(let text) = parameters["limit"], let limit = JavaScriptInteger.parse(text), limit > 0 else {
            return absent
        }
        return min(limit, LLMLimits.mostMessages)
    }

    private static func messageID(_ parameters: QueryParameters, _ name: String) throws(LLMReply) -> MessageID? {
        switch parameters[name] {
        case .absent: return nil
        case .single(let text):
            guard let id = UUIDValue(text: text) else { throw .notFound("Message not found") }
            return .uuid(id)
        case .array, .nested: throw .badRequest("\(name) must be one message id")
        }
    }

    private static func size(of messages: [StoredMessage]) -> Int {
        messages.reduce(512) { $0 + $1.message.content.bytes.count + 160 }
    }
}
