internal import ChatEngine

extension SurfaceDescription {
    static let poc = SurfaceDescription(
        name: "poc", title: "POC Chat Backend",
        summary: """
            Sessions and messages of a banking assistant that answers. Every reply is JSON with a timestamp; errors carry \
            error, message, timestamp and requestId. The same is to be had over Socket.IO at /socket.io.
            """,
        security: [
            .init(name: "bearer", kind: .bearer, summary: "HS256, from /auth/login; a user reaches the own sessions.")
        ],
        isSecurityOptional: true, schemas: schemas, operations: POCOperation.declarations)

    private static let schemas: [(name: String, Schema)] = [
        (
            "Message",
            .object([
                .required("id", .matching(#"^msg_\d{13}_[0-9a-z]{1,9}$"#)), .required("message_id", .string),
                .required("sessionId", .string), .required("userId", .string), .required("content", .string),
                .required("type", .string), .required("timestamp", .time),
                .required("direction", .choice("incoming", "outgoing")), .required("metadata", .anyObject),
                .required("sequence_number", .count), .optional("agentInfo", .anyObject.orNull),
                .optional("processing", .anyObject), .required("intent", .string.orNull),
                .required("confidence_score", .number.orNull),
            ])
        ),
        (
            "Answer",
            .object([
                .required("sessionId", .string), .required("message", .named("Message")),
                .required("response", .named("Message")),
                .required(
                    "agent",
                    .object([
                        .required("type", .string), .required("confidence", .number),
                        .required("agentsInvolved", .array(of: .string)), .required("agentIds", .array(of: .string)),
                    ])), .required("agentResult", .anyObject), .required("data", .anyObject),
                .required("timestamp", .time),
            ])
        ),
        (
            "History",
            .object([
                .required("sessionId", .string), .required("history", .array(of: .named("Message"))),
                .required("count", .count.about("Of this page.")), .required("offset", .count),
                .required("limit", .count), .required("hasMore", .boolean), .required("timestamp", .time),
            ])
        ),
        (
            "NewSession",
            .object([
                .required("sessionId", .matching(#"^sess_[0-9a-z]+_[0-9a-z]{1,9}$"#)),
                .required("chatSession", .anyObject), .required("session", .anyObject), .required("userId", .string),
                .required("createdAt", .time), .required("expiresAt", .time), .required("isActive", .boolean),
                .required("status", .string), .required("timestamp", .time),
            ])
        ),
        (
            "LiveSession",
            .object([
                .required("session", .anyObject), .required("sessionId", .string), .required("userId", .string),
                .required("expiresAt", .time), .required("lastActivity", .time), .required("messageCount", .count),
                .required("conversationContext", .anyObject), .required("timestamp", .time),
            ])
        ),
        (
            "Token",
            .object([
                .required("success", .boolean), .required("token", .string), .required("userId", .string),
                .required("expiresIn", .string), .required("tokenType", .constant(.string("Bearer"))),
                .optional("user", .anyObject), .required("timestamp", .time),
            ])
        ),
        ("Success", .object([.required("success", .boolean), .required("timestamp", .time)])),
        (
            "Health",
            .object([
                .required("status", .choice("healthy", "degraded")), .required("service", .string),
                .required("version", .string), .required("uptime", .number.about("Seconds.")),
                .required("timestamp", .time), .required("dependencies", .anyObject),
                .required("memory", .anyObject), .required("activeConnections", .count),
                .required("services", .anyObject),
            ])
        ),
        (
            "Error",
            .object([
                .required("error", .string), .required("message", .string), .required("timestamp", .time),
                .required("requestId", .string), .optional("details", .string), .optional("retryAfter", .count),
            ])
        ),
    ]
}
