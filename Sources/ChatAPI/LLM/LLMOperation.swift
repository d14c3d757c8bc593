internal import ChatEngine

/// The operations of the llm surface. Words come before the parameters that would take them.
enum LLMOperation: SurfaceOperation {
    case root, health, metrics
    case chat, conversation, ownChats, createChat, renameChat, deleteChat, organisationChats
    case messages, messageCount, deleteMessage
    case stream, resumeStream, cancelStream

    typealias Reply = OperationDeclaration.Reply

    /// Exactly these paths need no identity and cost no token.
    static let publicPaths: Set<String> = ["/health", "/metrics"]

    var declaration: OperationDeclaration {
        switch self {
        case .root: Self.reads("/", "Who calls, and what is left of the bucket", "Welcome", tag: "service")
        case .health:
            OperationDeclaration(
                method: "GET", pattern: "/health", summary: "Condition of the store", tag: "service", isPublic: true,
                replies: [
                    .json(200, "Serving", .named("Health")), .json(503, "The store refuses to go on", .named("Health")),
                ])
        case .metrics:
            OperationDeclaration(
                method: "GET", pattern: "/metrics", summary: "Requests in the Prometheus text format", tag: "service",
                isPublic: true, replies: [.text(200, "Text", "text/plain")])
        case .chat:
            OperationDeclaration(
                method: "POST", pattern: "/chat", summary: "Send a message and get the reply", tag: "replies",
                body: .init(schema: .named("MessageToChat")),
                replies: [.json(200, "Both messages are durable", .named("Reply")), .notFound] + Reply.ofWriting)
        case .conversation:
            Self.reads(
                "/chat/:chatId", "A chat with its messages, oldest first", "Conversation", [.notFound],
                parameters: [
                    Self.chatID, Self.limit, .query("after", .uuid.about("Messages behind this one.")),
                    .query("before", .uuid.about("The newest messages that come before this one.")),
                ])
        case .ownChats: Self.reads("/chats", "The caller's own chats, newest change first, at most 50", "ChatList")
        case .organisationChats:
            Self.reads("/chats/org", "The organisation's chats, newest change first, at most 100", "ChatList")
        case .createChat:
            OperationDeclaration(
                method: "POST", pattern: "/chats", summary: "Begin an empty chat", tag: "chats",
                body: .init(schema: .named("Title"), isRequired: false),
                replies: [.json(201, "The chat", .named("Chat"))] + Reply.ofWriting)
        case .renameChat:
            OperationDeclaration(
                method: "PUT", pattern: "/chat/:chatId", summary: "Rename a chat", tag: "chats",
                parameters: [Self.chatID], body: .init(schema: .named("Title")),
                replies: [.json(200, "Done", .named("Chat")), .notFound] + Reply.ofWriting)
        case .deleteChat:
            Self.reads(
                "/chat/:chatId", method: "DELETE", "Delete a chat with its messages", "Confirmation",
                [.notFound, .held], parameters: [Self.chatID])
        case .messages:
            Self.reads(
                "/chat/:chatId/messages", "Messages of a chat, oldest first", "MessageList", [.notFound],
                tag: "messages", parameters: [Self.chatID, Self.limit])
        case .messageCount:
            Self.reads(
                "/chat/:chatId/messages/count", "How many messages a chat has", "Count", [.notFound], tag: "messages",
                parameters: [Self.chatID])
        case .deleteMessage:
            Self.reads(
                "/chat/:chatId/messages/:messageId", method: "DELETE", "Delete one message", "Confirmation",
                [.notFound, .held], tag: "messages", parameters: [Self.chatID, Self.messageID])
        case .stream:
            OperationDeclaration(
                method: "POST", pattern: "/chat/stream", summary: "Send a message and have the reply streamed",
                tag: "replies", parameters: [Self.resume], body: .init(schema: .named("MessageToChat")),
                replies: [Self.events, .notFound] + Reply.ofWriting)
        case .resumeStream:
            OperationDeclaration(
                method: "GET", pattern: "/chat/stream/:messageId", summary: "Read a streamed reply, running or ended",
                tag: "replies",
                parameters: [
                    Self.messageID, Self.resume,
                    .header(
                        "Last-Event-ID",
                        .string.about("The id of the last event that came; what follows it is sent.")),
                ],
                replies: [
                    Self.events, .init(status: 204, summary: "The client has had all of it"), .badRequest, .notFound,
                ] + Reply.identified)
        case .cancelStream:
            Self.reads(
                "/chat/stream/:messageId/cancel", method: "POST", "Stop a reply; what there is of it is stored",
                "Cancelled", [.notFound], tag: "replies", parameters: [Self.messageID])
        }
    }

    private static func reads(
        _ pattern: String, method: String = "GET", _ summary: String, _ schema: String, _ more: [Reply] = [],
        tag: String = "chats", parameters: [OperationDeclaration.Parameter] = []
    ) -> OperationDeclaration {
        OperationDeclaration(
            method: method, pattern: pattern, summary: summary, tag: tag, parameters: parameters,
            replies: [.json(200, "Done", .named(schema))] + more + Reply.identified)
    }

    private static let chatID = OperationDeclaration.Parameter.path("chatId", .uuid)
    private static let messageID = OperationDeclaration.Parameter.path("messageId", .uuid)
    private static let limit = OperationDeclaration.Parameter.query(
        "limit",
        .integer(1...LLMLimits.mostMessages).defaulting(to: .number(Double(LLMLimits.defaultMessages))).about(
            "Messages at most."))
    private static let resume = OperationDeclaration.Parameter.query(
        "resume",
        .choice("1").about(
            "With `Accept: text/event-stream`: events have ids, and the reply goes on without its client."))
    private static let events = Reply.text(
        200,
        """
        Events `data: {"token":…,"done":false}`, then one with done true, fullText, chat_id and message_id, or one with \
        error and message
        """, "text/event-stream")
}

extension OperationDeclaration.Reply {
    private static func refusal(_ status: Int, _ summary: String) -> Self { .json(status, summary, .named("Error")) }

    fileprivate static let badRequest = refusal(400, "What the body holds does not fit")
    fileprivate static let notFound = refusal(404, "Not there, or of another organisation")
    fileprivate static let held = refusal(409, "The data is under legal hold")

    /// Of every operation that asks who calls.
    fileprivate static let identified: [Self] = [
        refusal(401, "No identity headers, or no such user"), refusal(403, "The user is of another organisation"),
        refusal(429, "The organisation's bucket is empty; see Retry-After"),
        refusal(500, "Nobody's mistake but the server's"), refusal(503, "Overloaded; see Retry-After"),
    ]

    fileprivate static let ofWriting: [Self] =
        [badRequest] + identified + [
            refusal(413, "The body is too large"),
            refusal(415, "A charset or a content coding that is not understood"),
            refusal(507, "The disk is full: nothing was saved"),
        ]
}
