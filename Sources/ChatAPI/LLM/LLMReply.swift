internal import ChatEngine
internal import HTTPTransport

/// A complete JSON reply. Error bodies are `{"error":…,"message":…}`; no text of a lower layer gets out.
struct LLMReply: SurfaceReply {
    var status: Int
    var body: [UInt8]
    var retryAfterSeconds: Int?

    init(_ status: Int, _ body: [UInt8]) {
        self.status = status
        self.body = body
    }

    init(_ status: Int, error: String, _ message: String) {
        self.init(status, ["error": error, "message": message])
    }

    // MARK: Errors

    static func badRequest(_ message: String) -> LLMReply { LLMReply(400, error: "Bad Request", message) }
    static func notFound(_ message: String) -> LLMReply { LLMReply(404, error: "Not Found", message) }

    static let chatNotFound = "Chat not found"
    static let chatNotYours = "Chat not found or does not belong to your organization"

    static let missingIdentity = LLMReply(
        401,
        Array(
            #"""
            {"error":"Unauthorized","message":"Missing x-org-id or x-user-id headers","hint":"In production, this \#
            would be JWT auth. For testing, provide headers."}
            """#.utf8))
    static let unknownUser = LLMReply(401, error: "Unauthorized", "User not found")
    static let foreignOrganisation = LLMReply(
        403, error: "Forbidden", "User does not belong to specified organization")
    static let authenticationFailed = LLMReply(500, error: "Internal server error", "Authentication failed")

    /// For the metrics and the log: nobody gets it.
    static let clientGone = LLMReply(499, error: "Client Closed Request", "The client has gone")

    static let streamNotFound = "Stream not found"
    static let tooManyStreams = LLMReply(
        503, error: "Service Unavailable", "Too many replies are being streamed. Try again."
    ).retry(afterSeconds: 1)

    static func noRoute(_ request: Request) -> LLMReply { notFound("Cannot \(request.method) \(request.path)") }

    /// A body that the parser refused.
    init(_ problem: JSONBody.Problem) {
        self.init(problem.status, error: "Bad Request", problem.message)
    }

    /// What the log calls a failure of a route.
    private static let events = [
        "Failed to process chat request": "Chat endpoint error",
        "Failed to process streaming chat request": "Streaming chat endpoint error",
        "Failed to retrieve chat": "Get chat error", "Failed to retrieve chats": "List chats error",
    ]

    /// What an engine call ended in.
    /// - Parameters:
    ///   - missing: the route's text for a chat that is not there or out of reach.
    ///   - failure: the route's text for what is nobody's mistake.
    ///   - log: is told what happened, under the original's name for it, if it is worth an error.
    init(_ error: ChatError, missing: String, failure: String, log: (_ event: String, _ error: String) -> Void) {
        switch error {
        case .sessionNotFound, .forbidden, .userNotFound, .tenantNotFound: self = .notFound(missing)
        case .messageNotFound: self = .notFound("Message not found")
        case .held: self.init(409, error: "Conflict", "The data is under legal hold")
        case .tooLarge(let field): self.init(413, error: "Bad Request", "\(field) is too large")
        case .invalid(let field, let reason): self = .badRequest("\(field) \(reason)")
        case .insufficientStorage:
            self.init(507, error: "Insufficient Storage", "The server's disk is full: nothing was saved.")
        case .overloaded(let seconds):
            self.init(503, error: "Service Unavailable", "The server is overloaded. Try again.")
            retryAfterSeconds = seconds
        case .unavailable, .conflict, .sessionExists, .organisationNotFound, .accountExists, .wouldBlock, .corrupt:
            log(Self.events[failure] ?? "Query error", "\(failure): \(error)")
            self.init(500, error: "Internal Server Error", failure)
        }
    }
}
