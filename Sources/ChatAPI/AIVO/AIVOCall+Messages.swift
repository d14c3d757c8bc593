internal import ChatEngine
internal import HTTPTransport
internal import LogStore

extension AIVOCall {
    /// Others who write into a nearly full thread at the same moment may be faster so often.
    private static let attempts = 16

    func createMessage(_ member: AIVOMember) throws(AIVOReply) {
        let name = input.required("sender_type")
        guard
            let senderType = Message.SenderType.byName.first(where: { name.bytes.elementsEqual($0.name.utf8) })?.value
        else { preconditionFailure("the declaration has other senders") }
        guard configuration.trustsSenderType || member.isAdmin || member.role == senderType.name else {
            throw .foreignSenderType
        }
        let type = input.text("message_type").flatMap { $0 == "text" ? nil : $0 }
        let sender = UTF8Text(member.user)
        var draft = MessageDraft(
            ids: .uuid, role: senderType.role, content: input.required("content"), metadata: input.object("metadata")
        ) { message in
            message.senderType = senderType
            message.senderID = sender
            message.type = type
        }
        if configuration.maximumMessages > 0 { draft.mostMessages = UInt32(clamping: configuration.maximumMessages) }
        save(draft, member, attempts: Self.attempts)
    }

    private func save(_ draft: MessageDraft, _ member: AIVOMember, attempts: Int) {
        engine.saveMessage(draft, to: threadID, member.access) { result in
            switch result {
            case .success(let stored): exchange.onLoop { answer(message(stored)) }
            case .failure(.conflict) where attempts > 1: save(draft, member, attempts: attempts - 1)
            case .failure(.tooLarge("session")): answer(.threadFull(configuration.maximumMessages))
            case .failure(let error): answer(error)
            }
        }
    }

    func listMessages(_ member: AIVOMember) {
        let query = MessagePageQuery(
            after: input.time("after"), before: input.time("before"), limit: input.integer("limit"),
            offset: input.integer("offset"), order: input.required("order") == "asc" ? .ascending : .descending)
        engine.page(of: threadID, query, member.access) { result in
            finish(result) { page in
                let size = page.messages.reduce(64) { $0 + 400 + $1.message.content.bytes.count }
                return AIVOReply(200, reserving: size) { out in
                    out.append(key: #"{"messages":["#)
                    for (index, stored) in page.messages.enumerated() {
                        if index > 0 { out.append(UInt8(ascii: ",")) }
                        out.append(aivoMessage: stored, thread: threadID)
                    }
                    out.append(UInt8(ascii: "]"))
                    out.append(aivoTotal: page.total, limit: query.limit, offset: query.offset)
                }
            }
        }
    }

    func getMessage(_ member: AIVOMember) {
        engine.blocking({ result in finish(result) { message($0) } }) {
            [engine, threadID, messageID] () throws(ChatError) in
            try engine.message(messageID, in: threadID, member.access)
        }
    }

    func updateMessage(_ member: AIVOMember) {
        engine.editMessage(
            messageID, in: threadID, member.access,
            change: { [input] (message) throws(ChatError) in
                try Self.checkOwner(of: message, member, "Can only edit your own messages")
                if let content = input.text("content") { message.content = content }
                if let metadata = input.object("metadata") { message.metadata = metadata }
            },
            completion: { result in finish(result) { message($0) } })
    }

    func deleteMessage(_ member: AIVOMember) {
        engine.deleteMessage(
            messageID, in: threadID, member.access,
            check: { (message) throws(ChatError) in
                try Self.checkOwner(of: message, member, "Can only delete your own messages")
            },
            completion: { result in finish(result) { _ in .message("Message deleted successfully") } })
    }

    private static func checkOwner(
        of message: Message, _ member: AIVOMember, _ refusal: String
    ) throws(ChatError) {
        guard !member.isAdmin, message.senderID != UTF8Text(member.user) else { return }
        throw .invalid(field: AIVOReply.ownership, reason: refusal)
    }

    private func message(_ stored: StoredMessage) -> AIVOReply {
        AIVOReply(200, reserving: 400 + stored.message.content.bytes.count) {
            $0.append(aivoMessage: stored, thread: threadID)
        }
    }
}
