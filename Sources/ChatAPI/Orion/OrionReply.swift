internal import ChatEngine
internal import HTTPTransport

/// A complete JSON reply. Error bodies are `{"error":…}` with, often, a `message`; no text of a lower layer gets out.
struct OrionReply: SurfaceReply {
    var status: Int
    var body: [UInt8]
    var retryAfterSeconds: Int?

    init(_ status: Int, _ body: [UInt8]) {
        self.status = status
        self.body = body
    }

    // MARK: Sending

    /// For the one place that has no request: an error is never conditional.
    var responseWithTag: Response {
        var response = Response(status: status, json: body)
        response.headers.append(("ETag", EntityTag.weak(body)))
        return response
    }

    // MARK: Errors

    static func badRequest(_ error: String, _ message: String? = nil) -> OrionReply {
        if let message { return OrionReply(400, ["error": error, "message": message]) }
        return OrionReply(400, ["error": error])
    }

    static func badQuery(_ name: String, _ message: String) -> OrionReply {
        badRequest("Invalid query parameter: \(name)", message)
    }

    static func badField(_ name: String, _ message: String) -> OrionReply {
        badRequest("Invalid field: \(name)", message)
    }

    static let sessionNotFound = OrionReply(404, ["error": "Session not found"])

    static let foreignSession = OrionReply(
        403,
        [
            "error": "Unauthorized access to session", "message": "Session does not belong to authenticated user",
        ])

    static func tooManyRequests(windowSeconds: Int) -> OrionReply {
        let span =
            windowSeconds % 60 == 0
            ? "\(windowSeconds / 60) minute\(windowSeconds == 60 ? "" : "s")"
            : "\(windowSeconds) second\(windowSeconds == 1 ? "" : "s")"
        return OrionReply(
            429,
            ["error": "Too many requests from this IP, please try again later.", "retryAfter": span])
    }

    static func foreignOrigin(_ origin: String) -> OrionReply {
        OrionReply(403, ["error": "CORS Error", "message": "Origin not allowed", "origin": origin])
    }

    static func notFound(_ request: Request) -> OrionReply {
        var body = Array(#"{"error":"Not Found","message":"#.utf8)
        body.append(jsonString: "Cannot \(request.method) \(request.path)")
        body.append(
            contentsOf: #"""
                ,"availableEndpoints":["GET /health","GET /","POST /api/sessions/create","GET /api/sessions/list",\#
                "GET /api/sessions/:sessionId","POST /api/sessions/delete","GET /api/sessions/messages",\#
                "POST /api/sessions/save-message"]}
                """#.utf8)
        return OrionReply(404, body)
    }

    /// What the body parser of the original answered with 500.
    init(_ problem: JSONBody.Problem) {
        switch problem {
        case .malformed(let error): self = .badRequest("Invalid JSON", error.message)
        case .notAnObject: self = .badRequest("Invalid JSON", "The top level must be an object or an array")
        case .tooLarge:
            self.init(413, ["error": "Payload Too Large", "message": "request entity too large"])
        case .unsupportedCharset(let name):
            self.init(415, ["error": "Unsupported Media Type", "message": "unsupported charset \"\(name)\""])
        case .unsupportedEncoding(let name):
            self.init(415, ["error": "Unsupported Media Type", "message": "unsupported content encoding \"\(name)\""])
        case .malformedEncoding(let reason): self = .badRequest("Invalid request body", reason)
        }
    }

    /// What an engine call ended in. `failure` is the route's own text for what is nobody's mistake.
    init(_ error: ChatError, failure: String, report: (String) -> Void) {
        switch error {
        case .sessionNotFound, .messageNotFound, .userNotFound, .tenantNotFound: self = .sessionNotFound
        case .forbidden: self = .foreignSession
        case .held: self.init(409, ["error": "Conflict", "message": "The data is under legal hold"])
        case .tooLarge(let field):
            self.init(413, ["error": "Payload Too Large", "message": "\(field) is too large"])
        case .invalid(let field, let reason): self = .badField(field, reason)
        case .insufficientStorage:
            self.init(
                507,
                [
                    "error": "Insufficient Storage",
                    "message": "The server's disk is full: nothing was saved. Reading and deleting go on.",
                ])
        case .overloaded(let seconds):
            self.init(503, ["error": "Service Unavailable", "message": "The server is overloaded. Try again."])
            retryAfterSeconds = seconds
        case .unavailable(let reason):
            report("\(failure): \(reason)")
            self.init(503, ["error": "Service Unavailable", "message": "The message store is not available."])
            retryAfterSeconds = 5
        case .conflict, .sessionExists, .organisationNotFound, .accountExists, .wouldBlock, .corrupt:
            report("\(failure): \(error)")
            self.init(500, ["error": failure, "message": "An unexpected error occurred"])
        }
    }
}
