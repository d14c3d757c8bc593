internal import ChatEngine

/// The operations of the poc surface that are HTTP; those of its sockets are in docs/poc.md.
enum POCOperation: SurfaceOperation {
    case describeService, getHealth, getHealthStatus, getHealthMetrics
    case login, issueToken, refreshToken, validateToken, logout, getAuthenticationStatus
    case createSession, getSession, endSession, listUserSessions, resumeSession, resolveSession
    case sendMessage, chat, getChatHistory, getSessionHistory
    case listAgents, processMessage

    typealias Reply = OperationDeclaration.Reply

    var declaration: OperationDeclaration {
        switch self {
        case .describeService, .getHealth, .getHealthStatus, .getHealthMetrics: serviceDeclaration
        case .login, .issueToken, .refreshToken, .validateToken, .logout, .getAuthenticationStatus:
            authenticationDeclaration
        case .createSession, .getSession, .endSession, .listUserSessions, .resumeSession, .resolveSession:
            sessionDeclaration
        case .sendMessage, .chat, .getChatHistory, .getSessionHistory: messageDeclaration
        case .listAgents, .processMessage: agentDeclaration
        }
    }

    // MARK: Service

    private var serviceDeclaration: OperationDeclaration {
        switch self {
        case .getHealth:
            OperationDeclaration(
                method: "GET", pattern: "/health", aliases: ["/api/health", "/health/health", "/api/health/health"],
                summary: "Condition of the store, sessions, agents and sockets; 200 also when degraded",
                tag: "service", isPublic: true, replies: [.json("The condition", .named("Health")), .unchanged])
        case .getHealthStatus:
            OperationDeclaration(
                method: "GET", pattern: "/health/status", aliases: ["/api/health/status"],
                summary: "What runs, and how it is configured", tag: "service", isPublic: true,
                replies: [.json("The status", .anyObject), .unchanged])
        case .getHealthMetrics:
            OperationDeclaration(
                method: "GET", pattern: "/health/metrics", aliases: ["/api/health/metrics"],
                summary: "Memory, processor time and counts", tag: "service", isPublic: true,
                replies: [.json("The numbers", .anyObject), .unchanged])
        default:
            OperationDeclaration(
                method: "GET", pattern: "/api", summary: "Name, version and endpoints", tag: "service", isPublic: true,
                replies: [.json("The service", .anyObject), .unchanged])
        }
    }

    // MARK: Authentication

    private var authenticationDeclaration: OperationDeclaration {
        func post(_ path: String, _ summary: String, _ body: [Schema.Property], _ replies: [Reply])
            -> OperationDeclaration
        {
            OperationDeclaration(
                method: "POST", pattern: "/auth/\(path)", summary: summary, tag: "authentication", isPublic: true,
                body: .init(schema: .object(body)), replies: replies + [.limited])
        }
        let token = Schema.Property.required("token", .nonEmptyString)
        switch self {
        case .login:
            return post(
                "login", "A token for a user with a password",
                [.required("username", .nonEmptyString), .required("password", .nonEmptyString)],
                [.json("The token", .named("Token")), .refusal(400, "A field is missing"), .unauthorized])
        case .issueToken:
            return post(
                "token", "A token for a user; asks for credentials unless the server was told otherwise",
                [
                    .required("userId", .nonEmptyString),
                    .optional(
                        "credentials",
                        .object([.required("username", .string), .required("password", .string)])),
                    .optional("sessionData", .anyObject.about("Comes back in the token's claims.")),
                ],
                [.json("The token", .named("Token")), .refusal(400, "A field is missing"), .unauthorized])
        case .refreshToken:
            return post(
                "refresh", "A new token for one that expired at most 7 days ago", [token],
                [.json("The token", .named("Token")), .refusal(400, "A field is missing"), .unauthorized])
        case .validateToken:
            return post(
                "validate", "What a token says", [token],
                [
                    .json(
                        "It is valid",
                        .object([
                            .required("valid", .boolean), .required("userId", .string), .required("issued", .string),
                            .required("expires", .time), .required("sessionData", .anyObject),
                            .required("timestamp", .time),
                        ])), .refusal(400, "A field is missing"), .unauthorized,
                ])
        case .logout:
            return post(
                "logout", "Nothing is kept of tokens, so nothing is revoked", [.optional("token", .string)],
                [.json("Always", .named("Success"))])
        default:
            return OperationDeclaration(
                method: "GET", pattern: "/auth/status", summary: "What the service can do", tag: "authentication",
                isPublic: true, replies: [.json("The features", .anyObject), .unchanged, .limited])
        }
    }

    // MARK: Sessions

    private var sessionDeclaration: OperationDeclaration {
        switch self {
        case .getSession:
            OperationDeclaration(
                method: "GET", pattern: "/api/sessions/:sessionId", summary: "A live session", tag: "sessions",
                replies: [.json("The session", .named("LiveSession")), .unchanged, .notFound] + Reply.common)
        case .endSession:
            OperationDeclaration(
                method: "DELETE", pattern: "/api/sessions/:sessionId",
                summary: "End a session; succeeds for unknown and ended ones too", tag: "sessions",
                body: .init(
                    schema: .object([.optional("reason", .string.defaulting(to: .string("api_request")))]),
                    isRequired: false), replies: [.json("Ended", .named("Success")), .notFound] + Reply.common)
        case .listUserSessions:
            OperationDeclaration(
                method: "GET", pattern: "/api/users/:userId/sessions",
                summary: "Sessions of a user, by last activity, the newest first", tag: "sessions",
                parameters: [
                    .query("type", .choice("active", "unresolved", "recent").defaulting(to: .string("active"))),
                    .query(
                        "limit",
                        .integer(POCLimits.page).defaulting(to: .number(Double(POCLimits.defaultSessions))).about(
                            "Of recent ones only.")),
                ],
                replies: [
                    .json(
                        "The sessions, each with its newest messages",
                        .object([
                            .required("userId", .string), .required("type", .string), .required("count", .count),
                            .required("sessions", .array(of: .anyObject)), .required("timestamp", .time),
                        ])), .unchanged, .notFound,
                ] + Reply.common)
        case .resumeSession:
            OperationDeclaration(
                method: "POST", pattern: "/api/sessions/:sessionId/resume",
                summary: "Make a session live again, whyever it ended, under its id", tag: "sessions",
                replies: [
                    .json(
                        "The session with its whole history",
                        .object([
                            .required("success", .boolean), .required("sessionId", .string),
                            .required("session", .anyObject), .required("history", .array(of: .named("Message"))),
                            .required("message", .string), .required("timestamp", .time),
                        ])), .notFound,
                ] + Reply.common)
        case .resolveSession:
            OperationDeclaration(
                method: "POST", pattern: "/api/sessions/:sessionId/resolve",
                summary: "Mark a session as resolved; it stays active", tag: "sessions",
                body: .init(schema: .object([.optional("notes", .string)]), isRequired: false),
                replies: [.json("Resolved", .named("Success")), .notFound] + Reply.common)
        default:
            OperationDeclaration(
                method: "POST", pattern: "/api/sessions", summary: "Begin a session", tag: "sessions",
                body: .init(
                    schema: .object([
                        .required("userId", .string(1...POCLimits.userIDCharacters)),
                        .optional("metadata", .anyObject), .optional("userData", .anyObject),
                    ])),
                replies: [
                    .json(201, "The session; the oldest of too many have ended", .named("NewSession")),
                    .refusal(403, "The token is another user's"), .full,
                ] + Reply.common)
        }
    }

    // MARK: Messages

    private var messageDeclaration: OperationDeclaration {
        let fields: [Schema.Property] = [
            .optional("type", .string.defaulting(to: .string("text"))), .optional("metadata", .anyObject),
            .optional("attachments", .array(of: .any)),
        ]
        let window: [OperationDeclaration.Parameter] = [
            .query("limit", .integer(POCLimits.page).defaulting(to: .number(Double(POCLimits.defaultPage)))),
            .query("offset", .count.about("Messages to leave out, from the oldest.")),
            .query("before", .count.about("Sequence number: the newest messages below it.")),
            .query("after", .count.about("Sequence number: the oldest messages above it.")),
        ]
        let answered: [Reply] = [.json("The message and its reply, both durable", .named("Answer")), .full]
        let history: [Reply] = [
            .json("A page, oldest first; empty for an unknown session", .named("History")), .unchanged, .notFound,
        ]
        switch self {
        case .sendMessage:
            return OperationDeclaration(
                method: "POST", pattern: "/api/sessions/:sessionId/messages", summary: "Send a message to a session",
                tag: "messages", body: .init(schema: .object([.required("content", .nonEmptyString)] + fields)),
                replies: answered + [.notFound] + Reply.common)
        case .getChatHistory:
            return OperationDeclaration(
                method: "GET", pattern: "/api/chat/history", summary: "Messages of a session", tag: "messages",
                parameters: [.query("sessionId", .nonEmptyString, isRequired: true)] + window,
                replies: history + Reply.common)
        case .getSessionHistory:
            return OperationDeclaration(
                method: "GET", pattern: "/api/sessions/:sessionId/history", summary: "Messages of a session",
                tag: "messages", parameters: window, replies: history + Reply.common)
        default:
            return OperationDeclaration(
                method: "POST", pattern: "/api/chat/message",
                summary: "Send a message; a session that is not there is made under a new id", tag: "messages",
                parameters: [
                    .header("X-Session-ID", .string.about("Or sessionId in the body.")),
                    .header("X-User-ID", .string.about("Owner of a session that is made, if userId does not say.")),
                ],
                body: .init(
                    schema: .object(
                        [
                            .required("message", .nonEmptyString.about("Or content.")), .optional("sessionId", .string),
                            .optional("userId", .string), .optional("context", .anyObject.about("Or metadata.")),
                        ] + fields)), replies: answered + [.notFound] + Reply.common)
        }
    }

    // MARK: Agents

    private var agentDeclaration: OperationDeclaration {
        switch self {
        case .processMessage:
            OperationDeclaration(
                method: "POST", pattern: "/api/process", summary: "Ask the agents; no message is stored", tag: "agents",
                body: .init(
                    schema: .object([
                        .required("message", .object([.required("content", .nonEmptyString)])),
                        .required("sessionInfo", .anyObject), .optional("conversationContext", .anyObject),
                    ])),
                replies: [
                    .json(
                        "What they said",
                        .object([
                            .required("success", .boolean), .required("result", .anyObject),
                            .required("timestamp", .time), .required("processingTime", .count),
                        ]))
                ] + Reply.common)
        default:
            OperationDeclaration(
                method: "GET", pattern: "/api/agents", summary: "The agents and how they are", tag: "agents",
                replies: [
                    .json(
                        "The agents",
                        .object([
                            .required("agents", .array(of: .anyObject)), .required("summary", .anyObject),
                            .required("timestamp", .time),
                        ])), .unchanged,
                ] + Reply.common)
        }
    }
}

extension OperationDeclaration.Reply {
    fileprivate static func refusal(_ status: Int, _ summary: String) -> Self {
        .json(status, summary, .named("Error"))
    }

    fileprivate static let notFound = refusal(404, "No such session, or somebody else's")
    fileprivate static let unauthorized = refusal(401, "The token or the credentials are refused")
    fileprivate static let full = refusal(507, "The disk is full: nothing was saved; reading and ending go on")
    fileprivate static let limited = Self(
        status: 429, summary: "Too many requests", content: .json(.named("Error")),
        headers: [("Retry-After", .count.about("Seconds."))])

    /// Of every operation below /api.
    fileprivate static let common: [Self] = [
        refusal(400, "A field or parameter is missing or wrong, or the body is not JSON. Nothing was changed."),
        refusal(401, "No token, or one that is refused"), refusal(413, "The body is too large"), limited,
        Self(
            status: 503, summary: "Overloaded, or the store refuses to go on", content: .json(.named("Error")),
            headers: [("Retry-After", .count.about("Seconds."))]),
    ]
}
