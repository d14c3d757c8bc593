internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// What the operator may order of a running server: erasures, legal holds, retention, accounts, export and import. The
/// verbs of the same names send their orders here, and offline ones through the same code without a socket.
///
/// A loopback address keeps other machines out, not the pages in a browser on this one. So whatever a page could send is
/// refused: a request with an `Origin`, with a `Host` that is not a loopback name (DNS rebinding), or a change without a
/// JSON content type.
struct AdminOperations: Sendable {
    let engine: ChatEngine
    let logger: Logger?

    /// Lines are imported in pieces of this size at most; a line is never larger.
    static let bodyBytes = 64 << 20

    /// The methods of each path.
    private static let routes: [(path: String, methods: [String])] = [
        ("/erase", ["POST"]), ("/erasures", ["GET"]), ("/hold", ["POST", "DELETE"]), ("/holds", ["GET"]),
        ("/retention/confirm", ["POST"]), ("/export", ["GET"]), ("/import", ["POST"]),
        ("/organisations", ["GET", "POST", "DELETE"]), ("/users", ["GET", "POST", "DELETE"]),
        ("/users/password", ["POST"]),
    ]

    /// - Returns: false if the path is not one of these; nothing is answered then.
    func answer(_ request: Request, _ exchange: any Exchange) -> Bool {
        guard let route = Self.routes.first(where: { $0.path == request.path }) else { return false }
        guard route.methods.contains(request.method) else {
            let allowed = route.methods.joined(separator: ", ")
            exchange.respond(Response(status: 405, headers: [("Allow", allowed)]))
            return true
        }
        if let refusal = Self.refusal(request) {
            exchange.respond(refusal)
            return true
        }
        do throws(OperationRefusal) { try perform(request, exchange) } catch { exchange.respond(error.response) }
        return true
    }

    private static func refusal(_ request: Request) -> Response? {
        let host = request.headers["Host"].map { host in
            (try? SocketAddress(parsing: host)) ?? (try? SocketAddress(parsing: host + ":80"))
        }
        guard request.headers["Origin"] == nil, host??.isLoopback == true else {
            return OperationRefusal(403, "this is for programs on this machine, not for pages in a browser").response
        }
        guard request.method == "GET" || request.headers["Content-Type"]?.hasPrefix("application/") == true else {
            return OperationRefusal(415, "the content type is to be application/json, or application/x-ndjson").response
        }
        return nil
    }

    private func perform(_ request: Request, _ exchange: any Exchange) throws(OperationRefusal) {
        switch (request.path, request.method) {
        case ("/erase", _):
            let (subject, access) = try Self.subject(request)
            run(exchange) { () throws(ChatError) in
                let job = try engine.erase(subject, access)
                logger?.info("an erasure was ordered", [("sessions", .integer(Int64(job.sessions)))])
                return AdminReplies.job(job)
            }
        case ("/erasures", _):
            run(exchange) { () throws(ChatError) in
                .object(["erasures": .array(try engine.erasures(.operator).map(AdminReplies.job))])
            }
        case ("/hold", let method):
            let (subject, access) = try Self.subject(request)
            run(exchange) { () throws(ChatError) in
                try engine.setHold(method == "POST", on: subject, access)
                logger?.info("a legal hold was changed", [("held", .boolean(method == "POST"))])
                return .object(["held": .bool(method == "POST")])
            }
        case ("/holds", _):
            run(exchange) { () throws(ChatError) in
                .object(["holds": .array(try engine.holds(.operator).map(AdminReplies.hold))])
            }
        case ("/retention/confirm", _):
            engine.store.confirmExpiry()
            exchange.respond(Response(json: #"{"confirmed":true}"#))
        case ("/organisations", _), ("/users", _), ("/users/password", _):
            try AdminAccounts(engine: engine, logger: logger).perform(request, exchange)
        case ("/export", _): AdminExport.start(engine, logger, try Self.filter(request), exchange)
        default: importLines(request, exchange)
        }
    }

    /// Does on a reader thread what may block, and answers.
    func run(_ exchange: any Exchange, _ body: @escaping @Sendable () throws(ChatError) -> JSONValue) {
        engine.blocking({ result in
            switch result {
            case .success(let value): exchange.respond(Response(json: value.serialized))
            case .failure(let error): exchange.respond(OperationRefusal(error).response)
            }
        }) { () throws(ChatError) in try body() }
    }

    private func importLines(_ request: Request, _ exchange: any Exchange) {
        if let error = request.bodyError { return exchange.respond(OperationRefusal(error).response) }
        engine.importLines(request.body, .operator) { result in
            switch result {
            case .success(let report): exchange.respond(Response(json: AdminReplies.report(report).serialized))
            case .failure(.store(let error)): exchange.respond(OperationRefusal(error).response)
            case .failure(.line(let line, let reason)):
                let reply: JSONObject = ["error": .string(reason), "line": .number(Double(line))]
                exchange.respond(Response(status: 400, json: JSONValue.object(reply).serialized))
            }
        }
    }

    // MARK: Parameters

    /// Whose data: members of the body, or of the query.
    private static func subject(_ request: Request) throws(OperationRefusal) -> (DataSubject, Access) {
        let given = try texts(request, ["tenant", "user", "session"])
        guard let tenant = given["tenant"], !tenant.isEmpty else { throw OperationRefusal(400, "tenant is missing") }
        let access = Access.operator(tenant: .stored(tenant))
        switch (given["user"], given["session"]) {
        case (nil, nil): return (.tenant, access)
        case (let user?, nil): return (.user(user), access)
        case (nil, let session?): return (.session(session), access)
        default: throw OperationRefusal(400, "give a user or a session, not both")
        }
    }

    /// The members of the body, or the query's parameters: texts with these names only.
    static func texts(_ request: Request, _ names: [String]) throws(OperationRefusal) -> [String: String] {
        if let error = request.bodyError { throw OperationRefusal(error) }
        var given: [String: String] = [:]
        if request.body.isEmpty {
            for item in request.queryItems { given[item.name] = item.value }
        } else {
            guard case .object(let object)? = try? JSONValue(parsing: request.body) else {
                throw OperationRefusal(400, "the body is not a JSON object")
            }
            for (name, value) in zip(object.keys, object.values) {
                guard let text = value.string else { throw OperationRefusal(400, "\(name) is not a text") }
                given[name] = text
            }
        }
        if let unknown = given.keys.first(where: { !names.contains($0) }) {
            throw OperationRefusal(400, "there is no parameter \(unknown)")
        }
        return given
    }

    private static func filter(_ request: Request) throws(OperationRefusal) -> ExportFilter {
        var filter = ExportFilter()
        for (name, value) in request.queryItems {
            switch name {
            case "tenant": filter.tenant = value
            case "user": filter.user = value
            case "since":
                guard let time = Calendar.parse(value) else {
                    throw OperationRefusal(400, "since is not a time such as 2026-11-21 or 2026-11-21T08:00:00Z")
                }
                filter.since = time
            default: throw OperationRefusal(400, "there is no parameter \(name)")
            }
        }
        return filter
    }
}

/// Why an order is not carried out.
struct OperationRefusal: Error, Sendable {
    let status: Int
    let reason: String

    init(_ status: Int, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    init(_ error: ChatError) {
        switch error {
        case .sessionNotFound, .messageNotFound: self.init(404, "there is no such session")
        case .userNotFound: self.init(404, "there is no such user")
        case .tenantNotFound: self.init(404, "there is no such tenant")
        case .forbidden: self.init(403, "that is out of reach")
        case .held: self.init(409, "a legal hold forbids it; lift the hold first")
        case .organisationNotFound: self.init(404, "there is no such organisation")
        case .accountExists: self.init(409, "there is one with that id, slug, address or name already")
        case .conflict, .sessionExists: self.init(409, "it was changed by somebody else meanwhile; try again")
        case .invalid("request", let reason): self.init(400, reason)
        case .invalid(let field, let reason): self.init(400, "\(field) \(reason)")
        case .tooLarge(let field): self.init(413, "the \(field) is too large")
        case .insufficientStorage: self.init(507, "the disk is nearly full")
        case .overloaded: self.init(503, "the server is overloaded; try again later")
        case .unavailable(let reason): self.init(503, "the store takes no writes: \(reason)")
        case .corrupt(let detail): self.init(500, "data is damaged: \(detail)")
        case .wouldBlock: self.init(500, "the store did not answer")
        }
    }

    init(_ error: BodyError) {
        switch error {
        case .tooLarge(let limit): self.init(413, "the body has more than \(limit) bytes")
        case .unsupportedEncoding(let name): self.init(415, "the content encoding \(name) is unknown")
        case .malformedEncoding(let reason): self.init(400, "the body is not what its encoding says: \(reason)")
        }
    }

    var response: Response {
        Response(status: status, json: JSONValue.object(["error": .string(reason)]).serialized)
    }
}

/// The objects that operations answer with.
enum AdminReplies {
    static func job(_ job: ErasureJob) -> JSONValue {
        .object([
            "subject": .string(job.kind.rawValue), "tenant": job.tenant.map { .string($0) } ?? .null,
            "number": .string(job.number), "status": .string(job.progress.rawValue),
            "sessions": .number(Double(job.sessions)), "messages": .number(Double(job.messages)),
            "orderedAt": .string(job.orderedAt.isoMilliseconds),
            "completedAt": job.finishedAt.map { .string($0.isoMilliseconds) } ?? .null,
        ])
    }

    static func hold(_ hold: LegalHold) -> JSONValue {
        var object: JSONObject = ["tenant": .string(hold.tenant)]
        if let user = hold.user { object["user"] = .string(user) }
        if let session = hold.session { object["session"] = .string(session) }
        return .object(object)
    }

    static func report(_ report: ImportReport) -> JSONValue {
        .object([
            "sessions": .number(Double(report.sessions)), "messages": .number(Double(report.messages)),
            "documents": .number(Double(report.documents)), "present": .number(Double(report.present)),
            "skipped": .number(Double(report.skipped)),
        ])
    }
}
