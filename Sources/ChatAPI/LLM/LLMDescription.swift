internal import ChatEngine

extension SurfaceDescription {
    static let llm = SurfaceDescription(
        name: "llm", title: "LLM Production App",
        summary: """
            Organisations, chats and replies. Who calls is said by the headers x-org-id and x-user-id, which carry no \
            secret. Each organisation has a bucket of tokens, shared by its users; X-RateLimit-* tell what is left. \
            Cross-organisation access is always 404. Every reply has an X-Request-ID.
            """,
        security: [
            .init(name: "organisation", kind: .header("x-org-id")), .init(name: "user", kind: .header("x-user-id")),
        ],
        schemas: [
            ("Error", .object([.required("error", .string), .required("message", .string)])),
            (
                "MessageToChat",
                .object([
                    .required(
                        "message", .string(1...LLMLimits.messageUnits).about("Not blank; counted in UTF-16 units.")),
                    .optional("chat_id", .uuid.orNull.about("The chat to go on with; without it a new one begins.")),
                ])
            ),
            ("Title", .object([.optional("title", .string(0...LLMLimits.titleCharacters))])),
            (
                "Reply",
                .object([
                    .required("chat_id", .uuid), .required("message_id", .uuid), .required("reply", .string),
                    .required("created_at", .time), .optional("usage", .named("Usage")),
                ])
            ),
            (
                "Usage",
                .object([
                    .optional("input_tokens", .count), .optional("output_tokens", .count),
                    .optional("total_tokens", .count),
                    .optional("estimated", .constant(.bool(true)).about("Only if the provider did not count.")),
                ]).about("Only if a model answered.")
            ),
            (
                "Chat",
                .object([
                    .required("id", .uuid), .required("title", .string.orNull),
                    .optional("user_id", .uuid.about("Only in the organisation's list.")),
                    .required("created_at", .time), .required("updated_at", .time),
                ])
            ),
            ("ChatList", .object([.required("chats", .array(of: .named("Chat"))), .required("count", .count)])),
            (
                "Message",
                .object([
                    .required("id", .uuid), .required("role", .choice("user", "assistant", "system")),
                    .required("content", .string),
                    .optional("token_count", .integer.orNull.about("Only in /chat/{chatId}/messages.")),
                    .required("created_at", .time),
                ])
            ),
            (
                "Conversation",
                .object([
                    .required("chat_id", .uuid), .required("title", .string.orNull), .required("created_at", .time),
                    .required("updated_at", .time),
                    .required("message_count", .count.about("Of the chat, not of the page.")),
                    .required("messages", .array(of: .named("Message"))),
                ])
            ),
            (
                "MessageList",
                .object([
                    .required("chat_id", .uuid), .required("message_count", .count),
                    .required("messages", .array(of: .named("Message"))),
                ])
            ),
            ("Count", .object([.required("chat_id", .string), .required("message_count", .count)])),
            ("Cancelled", .object([.required("cancelled", .boolean.about("false: it had ended already."))])),
            ("Confirmation", .object([.required("message", .string)])),
            (
                "User",
                .object([
                    .required("id", .uuid), .required("email", .string),
                    .required("role", .choice("member", "admin", "owner")),
                ])
            ),
            (
                "Welcome",
                .object([
                    .required("message", .string), .required("timestamp", .time), .required("requestId", .string),
                    .required("org", .string), .required("user", .named("User")), .required("rateLimit", .anyObject),
                ])
            ),
            (
                "Health",
                .object([
                    .required("status", .choice("ok", "degraded")), .required("env", .string),
                    .required("timestamp", .time), .required("requestId", .string), .required("services", .anyObject),
                    .optional("org", .string), .optional("user", .named("User")),
                ])
            ),
        ],
        operations: LLMOperation.declarations)
}
