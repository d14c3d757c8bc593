internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// A complete JSON reply. Error bodies are `{"detail":…}`; no text of a lower layer gets out.
struct AIVOReply: SurfaceReply {
    var status: Int
    var body: [UInt8]
    var retryAfterSeconds: Int?

    init(_ status: Int, _ body: [UInt8]) {
        self.status = status
        self.body = body
    }

    init(_ status: Int, _ detail: String) { self.init(status, ["detail": detail]) }

    static func message(_ text: String) -> AIVOReply { AIVOReply(200, ["message": text]) }

    func send(_ exchange: any Exchange) {
        if status == 500 {
            // Starlette's outermost handler knows nothing of what is inside it.
            exchange.removeHeaders()
            return exchange.respond(Response(status: 500, text: "Internal Server Error"))
        }
        if let retryAfterSeconds { exchange.addHeader("Retry-After", String(retryAfterSeconds)) }
        exchange.respond(
            Response(status: status, headers: [("Content-Type", "application/json")], body: .bytes(body)))
    }

    // MARK: Errors

    static let notFound = AIVOReply(404, "Not Found")
    static let methodNotAllowed = AIVOReply(405, "Method Not Allowed")
    static let authenticationRequired = AIVOReply(401, "Authentication required")
    static let tenantRequired = AIVOReply(401, "Tenant context required")
    static let learnerOutOfScope = AIVOReply(403, "Access denied: Insufficient permissions for this learner")
    static let adminRequired = AIVOReply(403, "Access denied: admin role required")
    static let foreignSenderType = AIVOReply(403, "sender_type is not the role of the token")
    static let threadNotFound = "Thread not found"
    static let held = AIVOReply(409, "Data is under legal hold")
    static let unreadable = AIVOReply(400, "There was an error parsing the body")
    static let internalError = AIVOReply(500, "Internal Server Error")

    static let tooManyStreams = AIVOReply(503, "Too many event streams are open").retry(afterSeconds: 5)

    static func eventsGone(_ oldest: LSN) -> AIVOReply {
        AIVOReply(410, "Events before \(oldest) are no longer in the log")
    }

    static func threadFull(_ most: Int) -> AIVOReply {
        AIVOReply(409, "Thread has reached its maximum of \(most) messages")
    }

    init(_ problem: RequestInput.Problem) {
        switch problem {
        case .invalid(let errors):
            self.init(422, reserving: 256 * errors.count) { out in
                out.append(key: #"{"detail":["#)
                for (index, error) in errors.enumerated() {
                    if index > 0 { out.append(UInt8(ascii: ",")) }
                    error.write(to: &out)
                }
                out.append(key: "]}")
            }
        case .unreadable: self = .unreadable
        case .tooLarge: self.init(413, "Request body is too large")
        case .unsupportedEncoding: self.init(415, "Unsupported content encoding")
        }
    }

    /// What an engine call ended in.
    /// - Parameter missing: the text for something that is not there.
    init(_ error: ChatError, missing: String = threadNotFound, log: (ServiceEvent) -> Void) {
        switch error {
        case .sessionNotFound, .userNotFound, .tenantNotFound: self.init(404, missing)
        case .messageNotFound: self.init(404, "Message not found")
        case .forbidden: self = .learnerOutOfScope
        case .held: self = .held
        case .tooLarge(let field): self.init(413, "\(field) is too large")
        case .invalid(AIVOReply.ownership, let reason): self.init(403, reason)
        case .invalid(let field, let reason): self.init(400, "\(field): \(reason)")
        case .insufficientStorage:
            self.init(507, "The server's disk is full: nothing was saved. Reading and deleting go on.")
        case .overloaded(let seconds):
            self.init(503, "The server is overloaded")
            retryAfterSeconds = seconds
        case .unavailable(let reason):
            log(ServiceEvent(.error, "the store refused", [("reason", .string(reason))]))
            self.init(503, "The message store is not available")
            retryAfterSeconds = 5
        case .conflict:
            self.init(503, "The thread is being written by too many at once")
            retryAfterSeconds = 1
        case .sessionExists, .organisationNotFound, .accountExists, .wouldBlock, .corrupt:
            log(ServiceEvent(.error, "a request failed", [("error", .string("\(error)"))]))
            self = .internalError
        }
    }

    /// The field of the `ChatError.invalid` by which a change says that the message is somebody else's.
    static let ownership = "sender_id"
}
