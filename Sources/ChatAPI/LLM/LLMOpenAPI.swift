/// What each operation of the surface takes and gives, for its OpenAPI description.
enum LLMOpenAPI {
    struct Document {
        var summary: String
        var parameters: [Parameter] = []
        /// The name of its schema.
        var body: String?
        var replies: [Reply]
    }

    struct Parameter {
        var name: String
        var schema: String
        var summary: String
        var isHeader = false
    }

    struct Reply {
        var status: Int
        var summary: String
        var schema: String?
        var mediaType = "application/json"

        static func ok(_ schema: String, _ status: Int = 200, _ summary: String = "Done") -> Reply {
            Reply(status: status, summary: summary, schema: schema)
        }

        static let badRequest = Reply(status: 400, summary: "What the body holds does not fit", schema: "Error")
        static let notFound = Reply(
            status: 404, summary: "Not there, or of another organisation", schema: "Error")
        static let failed = Reply(status: 500, summary: "Nobody's mistake but the server's", schema: "Error")
        static let full = Reply(status: 507, summary: "The disk is full: nothing was saved", schema: "Error")

        /// Of every operation that asks who calls.
        static let identified: [Reply] = [
            Reply(status: 401, summary: "No identity headers, or no such user", schema: "Error"),
            Reply(status: 403, summary: "The user is of another organisation", schema: "Error"),
            Reply(status: 429, summary: "The organisation's bucket is empty; see Retry-After", schema: "Error"),
            Reply(status: 503, summary: "Overloaded; see Retry-After", schema: "Error"),
        ]
    }

    static let resume = Parameter(
        name: "resume", schema: #"{"enum":["1"]}"#,
        summary: "With `Accept: text/event-stream`: events have ids, and the reply goes on without its client.")

    static let events = Reply(
        status: 200,
        summary:
            "Events `data: {\"token\":…,\"done\":false}`, then one with done true, fullText, chat_id and message_id, "
            + "or one with error and message",
        schema: "Events", mediaType: "text/event-stream")

    static let description = """
        Organisations, chats and replies. Who calls is said by the headers x-org-id and x-user-id, which carry no \
        secret. Each organisation has a bucket of tokens, shared by its users; X-RateLimit-* tell what is left. Cross-\
        organisation access is always 404. Every reply has an X-Request-ID.
        """

    static let components = #"""
        {"securitySchemes": {
          "organisation": {"type": "apiKey", "in": "header", "name": "x-org-id"},
          "user": {"type": "apiKey", "in": "header", "name": "x-user-id"}},
         "schemas": {
          "Error": {"type": "object", "required": ["error", "message"], "properties": {
            "error": {"type": "string"}, "message": {"type": "string"}}},
          "MessageToChat": {"type": "object", "required": ["message"], "properties": {
            "message": {"type": "string", "minLength": 1, "maxLength": 10000, "description": "Not blank; counted in UTF-16 units."},
            "chat_id": {"type": ["string", "null"], "format": "uuid", "description": "The chat to go on with; without it a new one begins."}}},
          "Title": {"type": "object", "properties": {"title": {"type": "string", "maxLength": 255}}},
          "Reply": {"type": "object", "required": ["chat_id", "message_id", "reply", "created_at"], "properties": {
            "chat_id": {"type": "string", "format": "uuid"}, "message_id": {"type": "string", "format": "uuid"},
            "reply": {"type": "string"}, "created_at": {"type": "string", "format": "date-time"},
            "usage": {"$ref": "#/components/schemas/Usage"}}},
          "Usage": {"type": "object", "description": "Only if a model answered.", "properties": {
            "input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"},
            "estimated": {"const": true, "description": "Only if the provider did not count."}}},
          "Chat": {"type": "object", "required": ["id", "title", "created_at", "updated_at"], "properties": {
            "id": {"type": "string", "format": "uuid"}, "title": {"type": ["string", "null"]},
            "user_id": {"type": "string", "format": "uuid", "description": "Only in the organisation's list."},
            "created_at": {"type": "string", "format": "date-time"}, "updated_at": {"type": "string", "format": "date-time"}}},
          "ChatList": {"type": "object", "required": ["chats", "count"], "properties": {
            "chats": {"type": "array", "items": {"$ref": "#/components/schemas/Chat"}}, "count": {"type": "integer"}}},
          "Message": {"type": "object", "required": ["id", "role", "content", "created_at"], "properties": {
            "id": {"type": "string", "format": "uuid"}, "role": {"enum": ["user", "assistant", "system"]},
            "content": {"type": "string"},
            "token_count": {"type": ["integer", "null"], "description": "Only in /chat/{chatId}/messages."},
            "created_at": {"type": "string", "format": "date-time"}}},
          "Conversation": {"type": "object", "properties": {
            "chat_id": {"type": "string", "format": "uuid"}, "title": {"type": ["string", "null"]},
            "created_at": {"type": "string", "format": "date-time"}, "updated_at": {"type": "string", "format": "date-time"},
            "message_count": {"type": "integer", "description": "Of the chat, not of the page."},
            "messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}}},
          "MessageList": {"type": "object", "properties": {
            "chat_id": {"type": "string", "format": "uuid"}, "message_count": {"type": "integer"},
            "messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}}},
          "Count": {"type": "object", "properties": {
            "chat_id": {"type": "string"}, "message_count": {"type": "integer"}}},
          "Cancelled": {"type": "object", "properties": {
            "cancelled": {"type": "boolean", "description": "false: it had ended already."}}},
          "Confirmation": {"type": "object", "properties": {"message": {"type": "string"}}},
          "User": {"type": "object", "properties": {
            "id": {"type": "string", "format": "uuid"}, "email": {"type": "string"},
            "role": {"enum": ["member", "admin", "owner"]}}},
          "Welcome": {"type": "object", "properties": {
            "message": {"type": "string"}, "timestamp": {"type": "string", "format": "date-time"},
            "requestId": {"type": "string"}, "org": {"type": "string"}, "user": {"$ref": "#/components/schemas/User"},
            "rateLimit": {"type": "object"}}},
          "Health": {"type": "object", "properties": {
            "status": {"enum": ["ok", "degraded"]}, "env": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"}, "requestId": {"type": "string"},
            "services": {"type": "object"}, "org": {"type": "string"}, "user": {"$ref": "#/components/schemas/User"}}},
          "Document": {"type": "object"}}}
        """#
}

extension LLMSurface.Operation {
    var document: LLMOpenAPI.Document {
        typealias Reply = LLMOpenAPI.Reply
        let page = LLMOpenAPI.Parameter(
            name: "limit", schema: #"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#,
            summary: "Messages at most.")
        func reads(_ summary: String, _ schema: String, _ more: [Reply] = []) -> LLMOpenAPI.Document {
            .init(summary: summary, replies: [.ok(schema)] + more + [.failed] + Reply.identified)
        }
        switch self {
        case .root: return reads("Who calls, and what is left of the bucket", "Welcome")
        case .health:
            return .init(
                summary: "Condition of the store",
                replies: [.ok("Health"), .init(status: 503, summary: "The store refuses to go on", schema: "Health")])
        case .metrics:
            return .init(
                summary: "Requests in the Prometheus text format",
                replies: [.init(status: 200, summary: "Text", schema: "Text", mediaType: "text/plain")])
        case .openAPI: return .init(summary: "This document", replies: [.ok("Document")])
        case .documentation:
            return .init(
                summary: "Documentation to read",
                replies: [.init(status: 200, summary: "A page", schema: "Page", mediaType: "text/html")])
        case .chat:
            return .init(
                summary: "Send a message and get the reply", body: "MessageToChat",
                replies: [.ok("Reply", 200, "Both messages are durable"), .badRequest, .notFound, .failed, .full]
                    + Reply.identified)
        case .conversation:
            var document = reads("A chat with its messages, oldest first", "Conversation", [.notFound])
            document.parameters = [
                page,
                .init(
                    name: "after", schema: #"{"type":"string","format":"uuid"}"#, summary: "Messages behind this one."),
                .init(
                    name: "before", schema: #"{"type":"string","format":"uuid"}"#,
                    summary: "The newest messages that come before this one."),
            ]
            return document
        case .ownChats: return reads("The caller's own chats, newest change first, at most 50", "ChatList")
        case .organisationChats: return reads("The organisation's chats, newest change first, at most 100", "ChatList")
        case .createChat:
            return .init(
                summary: "Begin an empty chat", body: "Title",
                replies: [.ok("Chat", 201, "The chat"), .badRequest, .failed, .full] + Reply.identified)
        case .renameChat:
            return .init(
                summary: "Rename a chat", body: "Title",
                replies: [.ok("Chat"), .badRequest, .notFound, .failed, .full] + Reply.identified)
        case .deleteChat: return reads("Delete a chat with its messages", "Confirmation", [.notFound])
        case .messages:
            var document = reads("Messages of a chat, oldest first", "MessageList", [.notFound])
            document.parameters = [page]
            return document
        case .messageCount: return reads("How many messages a chat has", "Count", [.notFound])
        case .deleteMessage: return reads("Delete one message", "Confirmation", [.notFound])
        case .stream:
            return .init(
                summary: "Send a message and have the reply streamed", parameters: [LLMOpenAPI.resume],
                body: "MessageToChat",
                replies: [LLMOpenAPI.events, .badRequest, .notFound, .failed, .full] + Reply.identified)
        case .resumeStream:
            return .init(
                summary: "Read a streamed reply, running or ended",
                parameters: [
                    LLMOpenAPI.resume,
                    .init(
                        name: "Last-Event-ID", schema: #"{"type":"string"}"#,
                        summary: "The id of the last event that came; what follows it is sent.", isHeader: true),
                ],
                replies: [
                    LLMOpenAPI.events, .init(status: 204, summary: "The client has had all of it"), .badRequest,
                    .notFound, .failed,
                ] + Reply.identified)
        case .cancelStream: return reads("Stop a reply; what there is of it is stored", "Cancelled", [.notFound])
        }
    }
}
