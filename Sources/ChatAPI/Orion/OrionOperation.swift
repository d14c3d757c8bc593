internal import ChatEngine

/// The operations of the orion surface. The words under `/api/sessions` come before the parameter that would take them.
enum OrionOperation: SurfaceOperation {
    case describeService, getHealth
    case createSession, listSessions, listMessages, saveMessage, deleteSession, getSession

    typealias Reply = OperationDeclaration.Reply

    var declaration: OperationDeclaration {
        switch self {
        case .describeService:
            OperationDeclaration(
                method: "GET", pattern: "/", summary: "Name, version and endpoints", tag: "service", isPublic: true,
                replies: [.json("The service", .named("Service")), .unchanged, .foreignOrigin])
        case .getHealth:
            OperationDeclaration(
                method: "GET", pattern: "/health", summary: "Condition of the store", tag: "service", isPublic: true,
                replies: [
                    .json("healthy; degraded: the disk is full, reading and deleting go on", .named("Health")),
                    .json(503, "unhealthy: the store refuses to go on until a restart", .named("Health")),
                    .unchanged, .foreignOrigin,
                ])
        case .createSession:
            OperationDeclaration(
                method: "POST", pattern: "/api/sessions/create", summary: "Begin a session", tag: "sessions",
                body: .init(
                    schema: .object([
                        .required(
                            "userId",
                            .string(1...OrionLimits.userIDCharacters).about(
                                "The owner. With tokens: optional, and if given the token's subject.")),
                        .optional(
                            "firstMessage",
                            .string.orNull.about(
                                "Gives the title, is counted in messageCount, and is not stored as a message.")),
                    ])),
                replies: [.json(201, "The session", .named("Session"))] + Reply.ofWriting + [.full])
        case .listSessions:
            OperationDeclaration(
                method: "GET", pattern: "/api/sessions/list", summary: "Sessions of a user", tag: "sessions",
                parameters: [
                    .query(
                        "userId", .nonEmptyString.about("Compared exactly. With tokens: ignored and not required."),
                        isRequired: true),
                    .query(
                        "startDate",
                        .string.about("Created at or after: RFC 3339 date-time or YYYY-MM-DD (midnight UTC).")),
                    .query("endDate", .string.about("Created at or before, to the millisecond.")),
                    .query("limit", .count.defaulting(to: .number(100)).about("At most 1000; more is cut to it.")),
                    .query(
                        "sortBy",
                        .string.defaulting(to: .string("updatedAt")).about(
                            "createdAt or updatedAt; anything else counts as updatedAt.")),
                    .query(
                        "sortOrder",
                        .string.defaulting(to: .string("desc")).about("asc or desc; anything else counts as desc.")),
                    .query("cursor", .string.about("Empty: begin paging. Else the nextCursor of the page before.")),
                ],
                replies: [.json("A page", .named("SessionList")), .unchanged] + Reply.common)
        case .listMessages:
            OperationDeclaration(
                method: "GET", pattern: "/api/sessions/messages", summary: "All messages of a session, oldest first",
                tag: "messages", parameters: [.query("sessionId", .nonEmptyString, isRequired: true)],
                replies: [
                    .json(
                        "The messages; none for an unknown session, unless the server asks for tokens",
                        .named("MessageList")), .unchanged, .notFound,
                ] + Reply.common)
        case .saveMessage:
            OperationDeclaration(
                method: "POST", pattern: "/api/sessions/save-message", summary: "Append a message", tag: "messages",
                body: .init(
                    schema: .object([
                        .required("sessionId", .nonEmptyString), .required("role", .choice("user", "assistant")),
                        .required("content", .nonEmptyString),
                        .optional("metadata", .anyObject.orNull.about("Comes back with its members reordered.")),
                    ])),
                replies: [.json(201, "The message, durable", .named("Message")), .notFound] + Reply.ofWriting + [.full])
        case .deleteSession:
            OperationDeclaration(
                method: "POST", pattern: "/api/sessions/delete", summary: "Delete a session and its messages",
                tag: "sessions", body: .init(schema: .object([.required("sessionId", .nonEmptyString)])),
                replies: [
                    .json(
                        "Deleted",
                        .object([.required("success", .constant(.bool(true))), .required("message", .string)])),
                    .notFound,
                ] + Reply.ofWriting)
        case .getSession:
            OperationDeclaration(
                method: "GET", pattern: "/api/sessions/:sessionId", summary: "One session", tag: "sessions",
                replies: [.json("The session", .named("Session")), .unchanged, .notFound] + Reply.common)
        }
    }
}

extension OperationDeclaration.Reply {
    fileprivate static func refusal(_ status: Int, _ summary: String) -> Self {
        .json(status, summary, .named("Error"))
    }

    fileprivate static let foreignOrigin = refusal(403, "The origin is not allowed")
    fileprivate static let notFound = refusal(404, "No such session")
    fileprivate static let full = refusal(507, "The disk is full: nothing was saved; reading and deleting go on")

    private static let retryAfter: [(name: String, schema: Schema)] = [("Retry-After", .count.about("Seconds."))]

    /// Of every operation below /api/sessions.
    fileprivate static let common: [Self] = [
        refusal(400, "A field or parameter is missing or wrong, or the body is not JSON. Nothing was changed."),
        refusal(401, "No token"),
        refusal(403, "The origin is not allowed, the token is refused, or the session is somebody else's"),
        Self(
            status: 429, summary: "The quota is used up; no CORS headers",
            content: .json(.object([.required("error", .string), .required("retryAfter", .string)])),
            headers: retryAfter),
        Self(
            status: 503, summary: "Overloaded, or the store refuses to go on", content: .json(.named("Error")),
            headers: retryAfter),
    ]

    fileprivate static let ofWriting: [Self] =
        common + [
            refusal(409, "The data is under legal hold"), refusal(413, "The body has more than 1 MiB"),
            refusal(415, "A charset other than UTF-8 and UTF-16, or a content coding other than gzip and deflate"),
        ]
}

extension SurfaceDescription {
    static let orion = SurfaceDescription(
        name: "orion", title: "ORION-CORE Chat Backend",
        summary: """
            Chat sessions and their messages. Every reply is JSON. Under /api each client address has a quota a window; \
            RateLimit-* headers tell what is left of it. Requests from origins that are not allowed get 403. OPTIONS on \
            any path is answered as a CORS preflight. Where the server asks for tokens, every operation below \
            /api/sessions needs one, and reaches the sessions of its subject only.
            """,
        security: [
            .init(
                name: "bearer", kind: .bearer,
                summary: "HS256; claims iss, aud, exp, sub. Only where the server was started with --orion-auth jwt.")
        ],
        isSecurityOptional: true,
        schemas: [
            (
                "Session",
                .object([
                    .required("sessionId", .matching(#"^session_\d{13}_[0-9a-z]{1,13}$"#)),
                    .required("userId", .string), .required("title", .string), .required("firstMessage", .string),
                    .required("lastMessage", .string), .required("messageCount", .count),
                    .required("createdAt", .time), .required("updatedAt", .time), .required("metadata", .anyObject),
                ])
            ),
            (
                "SessionList",
                .object([
                    .required("sessions", .array(of: .named("Session"))),
                    .required("count", .count.about("Of this page.")),
                    .optional("nextCursor", .string.about("Only if the request carried cursor and more is left.")),
                ])
            ),
            (
                "Message",
                .object([
                    .required("id", .matching(#"^msg_\d{13}_[0-9a-z]{1,13}$"#)), .required("sessionId", .string),
                    .required("role", .choice("user", "assistant")), .required("content", .string),
                    .required("timestamp", .time),
                    .required(
                        "metadata", .any.about("An object; a number, true or null if the client sent such JSON.")),
                ])
            ),
            (
                "MessageList",
                .object([.required("messages", .array(of: .named("Message"))), .required("count", .count)])
            ),
            (
                "Health",
                .object([
                    .required("status", .choice("healthy", "degraded", "unhealthy")),
                    .required("service", .constant(.string("orion-chat-backend"))), .required("version", .string),
                    .required("timestamp", .time), .required("uptime", .number.about("Seconds.")),
                    .required("database", .string),
                ])
            ),
            (
                "Service",
                .object([
                    .required("service", .string), .required("version", .string), .required("endpoints", .anyObject),
                    .required("documentation", .string),
                ])
            ),
            (
                "Error",
                .object([.required("error", .string), .optional("message", .string), .optional("origin", .string)])
            ),
        ],
        operations: OrionOperation.declarations)
}
