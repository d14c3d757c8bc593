internal import ChatEngine

/// The operations of the aivo surface, of one path in the order in which the original has them, and 405 names them.
enum AIVOOperation: SurfaceOperation {
    case root, health, serviceHealth
    case createThread, listThreads, getThread, updateThread, deleteThread
    case createMessage, listMessages, getMessage, updateMessage, deleteMessage
    case requestExport, getExport, downloadExport, requestDeletion, getDeletion, listPrivacyLog
    case listEvents

    /// The service's own prefix, and the one that its web client calls.
    static let prefixes = ["/api/v1", "/chat/v1"]

    /// The original asked for the tenant only, and says so where there is no token.
    var asksForTenantOnly: Bool { self == .getThread || self == .listMessages || self == .getMessage }

    var declaration: OperationDeclaration {
        switch self {
        case .root, .health, .serviceHealth: service
        case .createThread, .listThreads, .getThread, .updateThread, .deleteThread: threads
        case .createMessage, .listMessages, .getMessage, .updateMessage, .deleteMessage: messages
        case .requestExport, .getExport, .downloadExport, .requestDeletion, .getDeletion, .listPrivacyLog: privacy
        case .listEvents: events
        }
    }

    // MARK: Declarations

    private typealias Reply = OperationDeclaration.Reply
    private typealias Parameter = OperationDeclaration.Parameter

    /// An operation below both prefixes.
    private func declare(
        _ method: String, _ path: String, _ summary: String, _ tag: String, parameters: [Parameter] = [],
        body: String? = nil, replies: [Reply]
    ) -> OperationDeclaration {
        var all = replies
        if body != nil {
            all.append(.json(400, "The body is no text", .named("Error")))
            all.append(.json(413, "The body is too large", .named("Error")))
            all.append(.json(415, "The body's Content-Encoding is none that the server knows", .named("Error")))
        }
        if body != nil || parameters.contains(where: { $0.place == .query }) {
            all.append(.json(422, "What was sent is not as declared", .named("ValidationErrors")))
        }
        all.append(.json(401, "No valid token, or one without a tenant", .named("Error")))
        all.append(.json(429, "Too many requests from the address", .named("Error")))
        all.append(.json(503, "Overloaded; see Retry-After", .named("Error")))
        return OperationDeclaration(
            method: method, pattern: Self.prefixes[0] + path, aliases: Self.prefixes.dropFirst().map { $0 + path },
            summary: summary, tag: tag, parameters: parameters,
            body: body.map { OperationDeclaration.Body(schema: .named($0)) }, replies: all)
    }

    private var service: OperationDeclaration {
        switch self {
        case .root:
            OperationDeclaration(
                method: "GET", pattern: "/", summary: "What this is", tag: "service", isPublic: true,
                replies: [.json("The service", .named("Service"))])
        case .health:
            OperationDeclaration(
                method: "GET", pattern: "/health", summary: "How it is", tag: "service", isPublic: true,
                replies: [.json("Healthy or degraded", .named("Health"))])
        default:
            OperationDeclaration(
                method: "GET", pattern: Self.prefixes[0] + "/health",
                aliases: Self.prefixes.dropFirst().map { $0 + "/health" }, summary: "That it is there", tag: "service",
                isPublic: true,
                replies: [
                    .json("It is there", .named("ServiceHealth")),
                    .json(429, "Too many requests from the address", .named("Error")),
                ])
        }
    }

    private var forbidden: Reply { .json(403, "The learner is out of the token's scope", .named("Error")) }
    private var held: Reply { .json(409, "The data is under legal hold", .named("Error")) }
    private var full: Reply { .json(507, "The server's disk is full", .named("Error")) }

    private var offset: Parameter {
        .query("offset", Schema(.integer(minimum: 0, maximum: nil)).defaulting(to: .number(0)))
    }

    private func limit(_ range: ClosedRange<Int>, _ standard: Int) -> Parameter {
        .query("limit", .integer(range).defaulting(to: .number(Double(standard))))
    }

    private var threads: OperationDeclaration {
        let missing = Reply.json(404, "No such thread in the tenant", .named("Error"))
        switch self {
        case .createThread:
            return declare(
                "POST", "/threads", "Begin a thread", "threads", body: "ThreadCreate",
                replies: [.json("The thread", .named("Thread")), forbidden, full])
        case .listThreads:
            return declare(
                "GET", "/threads", "Threads in scope, the one changed last first", "threads",
                parameters: [
                    .query("learner_id", .string.about("Only this learner's; empty: all in scope.")),
                    limit(AIVOLimits.threads, AIVOLimits.defaultThreads), offset,
                ], replies: [.json("A page", .named("ThreadList")), forbidden])
        case .getThread:
            return declare(
                "GET", "/threads/:thread_id", "A thread", "threads",
                replies: [.json("The thread", .named("Thread")), forbidden, missing])
        case .updateThread:
            return declare(
                "PUT", "/threads/:thread_id", "Change a thread; what is absent or null stays", "threads",
                body: "ThreadUpdate", replies: [.json("The thread", .named("Thread")), forbidden, missing, full])
        default:
            return declare(
                "DELETE", "/threads/:thread_id", "Delete a thread with its messages", "threads",
                replies: [.json("Deleted", .named("Confirmation")), forbidden, missing, held])
        }
    }

    private var messages: OperationDeclaration {
        let path = "/threads/:thread_id/messages"
        let missing = Reply.json(404, "No such thread in the tenant, or no such message in it", .named("Error"))
        let foreign = Reply.json(403, "Out of scope, or somebody else's message", .named("Error"))
        switch self {
        case .createMessage:
            return declare(
                "POST", path, "Say something in a thread", "messages", body: "MessageCreate",
                replies: [
                    .json("The message", .named("Message")), forbidden, missing,
                    .json(409, "The thread is full", .named("Error")), full,
                ])
        case .listMessages:
            return declare(
                "GET", path, "Messages of a thread, the newest first", "messages",
                parameters: [
                    limit(AIVOLimits.messages, AIVOLimits.defaultMessages), offset,
                    .query("before", .instant.about("Only messages created before it; UTC without a zone.")),
                    .query("after", .instant.about("Only messages created after it; UTC without a zone.")),
                    .query("order", .choice("asc", "desc").defaulting(to: .string("desc"))),
                ], replies: [.json("A page", .named("MessageList")), forbidden, missing])
        case .getMessage:
            return declare(
                "GET", path + "/:message_id", "A message", "messages",
                replies: [.json("The message", .named("Message")), forbidden, missing])
        case .updateMessage:
            return declare(
                "PUT", path + "/:message_id", "Change an own message; what is absent or null stays", "messages",
                body: "MessageUpdate", replies: [.json("The message", .named("Message")), foreign, missing, full])
        default:
            return declare(
                "DELETE", path + "/:message_id", "Delete an own message", "messages",
                replies: [.json("Deleted", .named("Confirmation")), foreign, missing, held])
        }
    }

    private var events: OperationDeclaration {
        declare(
            "GET", "/events", "Changes of the tenant, the oldest first; for admins", "events",
            parameters: [
                .query("after", Schema(.integer(minimum: 0, maximum: nil)).about("Only what is behind this position.")),
                limit(AIVOLimits.events, AIVOLimits.defaultEvents),
                .header("Accept", .string.about("text/event-stream: as a stream that goes on.")),
                .header("Last-Event-ID", .string.about("Where a stream goes on; else with what comes.")),
            ],
            replies: [
                .json("A page; as a stream, one event a server-sent event", .named("EventPage")),
                .json(403, "Not an admin's token", .named("Error")),
                .json(410, "The log no longer reaches back to the position", .named("Error")),
            ])
    }

    private var privacy: OperationDeclaration {
        let missing = Reply.json(404, "No such request in the tenant", .named("Error"))
        switch self {
        case .requestExport:
            return declare(
                "POST", "/privacy/export", "Have a learner's data put into a file", "privacy", body: "ExportRequest",
                replies: [.json("Accepted", .named("ExportAccepted")), forbidden, full])
        case .getExport:
            return declare(
                "GET", "/privacy/export/:export_id", "How far an export is", "privacy",
                replies: [.json("The export", .named("Export")), forbidden, missing])
        case .downloadExport:
            return declare(
                // Range and If-Range are HTTP's own. Declared, tools would expect bytes of every range that is well formed.
                "GET", "/privacy/export/:export_id/download", "The file of an export, or a Range of it", "privacy",
                parameters: [.header("If-None-Match", .string)],
                replies: [
                    .text(200, "JSON lines: threads, messages, a manifest", "application/x-ndjson"),
                    .text(206, "The range", "application/x-ndjson"), .unchanged, forbidden, missing,
                    .json(409, "The export is not completed", .named("Error")),
                    .json(410, "The file has expired, or the learner's data has been erased", .named("Error")),
                    .json(416, "No byte of the file is in the range", .named("Error")),
                ])
        case .requestDeletion:
            return declare(
                "POST", "/privacy/delete", "Have a learner's data erased", "privacy", body: "DeletionRequest",
                replies: [
                    .json("Erased for everybody, not yet from every file", .named("DeletionAccepted")), forbidden, held,
                    full,
                ])
        case .getDeletion:
            return declare(
                "GET", "/privacy/delete/:deletion_id", "How far an erasure is", "privacy",
                replies: [.json("The erasure", .named("Deletion")), forbidden, missing])
        default:
            return declare(
                "GET", "/privacy/log", "Privacy requests of the tenant, the newest first; for admins", "privacy",
                parameters: [
                    limit(AIVOLimits.logEntries, AIVOLimits.defaultLogEntries),
                    .query("after", .string.about("`next` of the page before.")),
                ],
                replies: [
                    .json("A page", .named("PrivacyLog")), .json(403, "Not an admin's token", .named("Error")),
                ])
        }
    }
}
