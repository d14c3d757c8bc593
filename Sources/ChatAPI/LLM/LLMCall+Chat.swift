internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// `POST /chat`: a message and its reply.
extension LLMCall {
    static let failure = "Failed to process chat request"

    func chat() throws(LLMReply) {
        let message = try fields.checkedMessage(failure: Self.failure)
        let chatID = try fields.checkedChatID(missing: LLMReply.chatNotYours)
        logReceipt("Chat request received", message, chatID)
        guard surface.responder.context == nil else { return try askModel(message, chatID) }
        let reply = CannedReply(to: message)
        let turn = Turn(
            target(chatID, title: message),
            [
                MessageDraft(ids: .uuid, role: .user, content: message),
                MessageDraft(ids: .uuid, role: .assistant, content: reply.utf8),
            ])
        engine.saveTurn(turn, access) { result in
            if case .success(let saved) = result { logReply(saved) }
            finish(result, missing: LLMReply.chatNotYours, failure: Self.failure) { saved in
                Self.reply(chat: saved.sessionID, saved.messages[1], text: reply.text)
            }
        }
    }

    /// The message to be answered. Only a model has tokens to count.
    func question(_ message: UTF8Text) -> MessageDraft {
        var draft = MessageDraft(ids: .uuid, role: .user, content: message)
        if surface.responder.context != nil {
            let count = UInt32(clamping: ContextBudget.estimate(message))
            draft.adjust = { (message: inout Message) in message.tokenCount = count }
        }
        return draft
    }

    /// Where a message goes: a chat that is there, or one that begins with it.
    func target(_ chatID: String?, title: UTF8Text) -> Turn.Target {
        if let chatID { return .existing(chatID) }
        var state = SessionState()
        state.title = title.utf16Prefix(LLMLimits.titleUnits)
        return .new(SessionDraft(ids: .uuid, owner: account?.id ?? "", state: state))
    }

    static func reply(
        chat: String, _ stored: StoredMessage, text: [UInt8], usage: Reply.Usage? = nil
    ) -> LLMReply {
        LLMReply(200, reserving: 256 + text.count) { out in
            out.append(key: #"{"chat_id":"#)
            out.append(jsonString: chat)
            out.append(key: #","message_id":""#)
            stored.message.id.write(to: &out)
            out.append(key: #"","reply":"#)
            out.append(jsonWTF8: text)
            out.append(llmTime: "created_at", stored.createdAt)
            if let usage {
                out.append(UInt8(ascii: ","))
                out.append(llmUsage: usage)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    // MARK: Log

    func logReceipt(_ text: String, _ message: UTF8Text, _ chatID: String?) {
        log(
            .info, text,
            [
                ("orgId", .string(account?.organisation ?? "")), ("userId", .string(account?.id ?? "")),
                ("chatId", .string(chatID ?? "new")), ("messageLength", .integer(message.utf16Count)),
            ])
    }

    private func logReply(_ saved: SavedTurn) {
        if saved.isNew { log(.info, "New chat created", [("chatId", .string(saved.sessionID))]) }
        log(
            .info, "Chat response generated",
            [
                ("chatId", .string(saved.sessionID)),
                ("userMessageId", .string(saved.messages[0].message.id.string)),
                ("assistantMessageId", .string(saved.messages[1].message.id.string)),
            ])
    }
}
