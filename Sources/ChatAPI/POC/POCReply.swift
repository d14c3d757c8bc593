internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// A reply of the poc surface, thrown where it is an error. Every reply ends with its `timestamp`; an error carries `error`,
/// `message` and `requestId` too.
struct POCReply: Error, Sendable {
    var status: Int
    var members: JSONObject
    var isError = false
    var retryAfterSeconds: Int?

    init(_ status: Int = 200, _ members: JSONObject) {
        self.status = status
        self.members = members
    }

    /// - Parameter message: for people; the error's text again, unless told.
    static func error(_ status: Int, _ error: String, message: String? = nil, _ more: JSONObject = [:]) -> POCReply {
        var members: JSONObject = ["error": .string(error)]
        for (key, value) in zip(more.keys, more.values) { members[key] = value }
        members["message"] = .string(message ?? members["details"]?.string ?? error)
        var reply = POCReply(status, members)
        reply.isError = true
        return reply
    }

    func body(at time: Timestamp, requestID: String) -> [UInt8] {
        var members = members
        if members["timestamp"] == nil { members["timestamp"] = .string(time.isoMilliseconds) }
        if isError { members["requestId"] = .string(requestID) }
        return JSONValue.object(members).serialized
    }

    func send(_ request: Request, _ exchange: any Exchange, at time: Timestamp, requestID: String) {
        if let retryAfterSeconds { exchange.addHeader("Retry-After", String(retryAfterSeconds)) }
        var response = Response(status: status, json: body(at: time, requestID: requestID))
        if !isError { EntityTag.apply(to: &response, for: request) }
        exchange.respond(response)
    }

    // MARK: Errors

    static func sessionNotFound(_ id: String) -> POCReply {
        error(404, "Session not found", ["sessionId": .string(id)])
    }

    static let userMismatch = error(
        403, "userId mismatch", message: "Request userId must match authenticated user")

    static func tooManyMessages(_ seconds: Int) -> POCReply {
        tooMany("Too many messages", "You are sending messages too quickly. Please slow down.", seconds)
    }

    static func tooMany(_ text: String, _ message: String, _ seconds: Int) -> POCReply {
        var reply = error(429, text, message: message, ["retryAfter": .number(Double(seconds))])
        reply.retryAfterSeconds = max(1, seconds)
        return reply
    }

    static func noRoute(_ request: Request) -> POCReply {
        error(
            404, "Endpoint not found", message: "Cannot \(request.method) \(request.path)",
            [
                "path": .string(request.target), "method": .string(request.method),
                "service": .string(POCService.name),
                "availableEndpoints": .object([
                    "health": .string("/health"), "auth": .string("/auth"), "api": .string("/api"),
                    "websocket": .string("/socket.io"),
                ]),
            ])
    }

    /// A body that the parser refused. Why is said in development only, as the original does.
    init(_ problem: JSONBody.Problem, inDevelopment: Bool) {
        self = .error(
            problem.status, "Internal server error", message: inDevelopment ? problem.message : "Something went wrong")
    }

    /// What an engine call ended in.
    /// - Parameter failure: the route's own text for what is nobody's mistake.
    init(_ error: ChatError, session: String, failure: String, log: (ServiceEvent) -> Void) {
        switch error {
        case .sessionNotFound, .messageNotFound, .userNotFound, .tenantNotFound, .forbidden:
            self = .sessionNotFound(session)
        case .held: self = .error(409, failure, ["details": .string("The data is under legal hold")])
        case .tooLarge(let field): self = .error(413, failure, ["details": .string("\(field) is too large")])
        case .invalid(let field, let reason): self = .error(400, failure, ["details": .string("\(field) \(reason)")])
        case .insufficientStorage:
            self = .error(
                507, failure,
                ["details": .string("The server's disk is full: nothing was saved. Reading and ending go on.")])
        case .overloaded(let seconds):
            self = .error(503, "Services not available", message: "The server is overloaded. Try again.")
            retryAfterSeconds = seconds
        case .unavailable(let reason):
            log(ServiceEvent(.error, "the store refused", [("what", .string(failure)), ("reason", .string(reason))]))
            self = .error(503, "Services not available", message: "The message store is not available.")
            retryAfterSeconds = 5
        case .conflict, .sessionExists, .organisationNotFound, .accountExists, .wouldBlock, .corrupt:
            log(
                ServiceEvent(.error, "a request failed", [("what", .string(failure)), ("reason", .string("\(error)"))]))
            self = .error(500, failure, ["details": .string("An unexpected error occurred")])
        }
    }
}

enum POCService {
    static let name = "poc-chat-backend"
    static let fullName = "POC Chat Backend"
}
