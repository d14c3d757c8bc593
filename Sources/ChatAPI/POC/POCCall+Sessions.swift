internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Sessions: make, show, list, end, resume, resolve.
extension POCCall {
    // MARK: Making

    func createSession() throws(POCReply) {
        guard let named = body["userId"] else { throw .error(400, "User ID required") }
        let owner = try owner(named)
        var state = SessionState()
        state.metadata = Self.document(body.object("metadata"))
        state.userData = Self.document(body.object("userData"))
        let draft = SessionDraft(ids: .poc, owner: owner, state: state)
        surface.lifeCycle.open(draft, caller.access) { [self] result in
            switch result {
            case .failure(let error): answer(error, session: "", failure: "Failed to create session")
            case .success(let session):
                let manager = objects.manager(session, accessed: session.createdAt)
                answer(
                    POCReply(
                        201,
                        [
                            "sessionId": .string(session.id), "chatSession": .object(objects.chat(session)),
                            "session": .object(manager), "userId": .string(session.owner),
                            "createdAt": .string(session.createdAt.isoMilliseconds),
                            "expiresAt": manager["expiresAt"] ?? .null, "isActive": .bool(true),
                            "status": .string("active"),
                        ]))
            }
        }
    }

    /// Whose session is made: the named user, if the caller may speak for it.
    func owner(_ named: JSONValue) throws(POCReply) -> String {
        guard let owner = POCBody.name(named) else {
            throw .error(400, "User ID required", message: "userId must be a string")
        }
        guard owner.unicodeScalars.count <= POCLimits.userIDCharacters, !owner.utf8.contains(0) else {
            throw .error(
                400, "User ID required", message: "userId must have at most \(POCLimits.userIDCharacters) characters")
        }
        guard caller.speaks(for: owner) else { throw .userMismatch }
        return owner
    }

    static func document(_ object: JSONObject?) -> RawJSON? {
        guard let object, !object.isEmpty else { return nil }
        return RawJSON(.object(object))
    }

    // MARK: Showing

    func getSession() {
        let id = sessionID
        guard Self.canBeSession(id) else { return answer(.sessionNotFound(id)) }
        engine.session(id, caller.access) { [self] result in
            switch result {
            case .failure(let error): answer(error, session: id, failure: "Failed to retrieve session")
            case .success(let summary):
                let session = summary.session
                guard surface.lifeCycle.isLive(session) else {
                    surface.lifeCycle.expire(session)
                    return answer(.sessionNotFound(id))
                }
                let manager = objects.manager(session, accessed: engine.clock.now())
                var members: JSONObject = ["session": .object(manager)]
                for object in [objects.chat(session), manager] {
                    for name in Self.flatKeys { members[name] = object[name] }
                }
                members["status"] = .string(objects.status(session))
                answer(POCReply(200, members))
            }
        }
    }

    /// What the published document shows beside `session`.
    private static let flatKeys = [
        "sessionId", "userId", "createdAt", "expiresAt", "isActive", "lastActivity", "messageCount",
        "conversationContext", "metadata",
    ]

    func listUserSessions() throws(POCReply) {
        let user = parameters["userId"] ?? ""
        let query = QueryParameters(request)
        let type: String
        switch query["type"] {
        case .absent, .single(""): type = "active"
        case .single(let text) where ["active", "unresolved", "recent"].contains(text): type = text
        default: throw .error(400, "Invalid session type. Use: active, unresolved, or recent")
        }
        guard caller.speaks(for: user) else { throw .error(404, "User not found", ["userId": .string(user)]) }
        var limit = POCLimits.sessions
        if type == "recent" {
            if case .single(let text) = query["limit"] {
                limit = min(JavaScriptInteger.parse(text) ?? 0, POCLimits.sessions)
            } else {
                limit = POCLimits.defaultSessions
            }
        }
        guard limit > 0, user.unicodeScalars.count <= POCLimits.userIDCharacters else {
            return answer(Self.list(user, type, []))
        }
        let mask: UInt32 = type == "recent" ? 0 : SessionFlags(isActive: false).tags
        let resolved: UInt32 = type == "unresolved" ? SessionFlags(isResolved: true).tags : 0
        let sessions = SessionListQuery(
            owner: user, query: SessionQuery(tagMask: mask | resolved, tagValue: 0, limit: limit),
            recentMessages: POCLimits.recentMessages)
        engine.sessions(sessions, caller.access) { [self] result in
            switch result {
            case .failure(let error): answer(error, session: "", failure: "Failed to retrieve user sessions")
            case .success(let page):
                let shown = page.sessions.filter { type == "recent" || surface.lifeCycle.isLive($0.session) }
                answer(Self.list(user, type, shown.map { .object(objects.row($0)) }))
            }
        }
    }

    private static func list(_ user: String, _ type: String, _ sessions: [JSONValue]) -> POCReply {
        POCReply(
            200,
            [
                "userId": .string(user), "type": .string(type), "count": .number(Double(sessions.count)),
                "sessions": .array(sessions),
            ])
    }

    // MARK: Ending

    /// A session that is not there, or has ended, ends with success too.
    func endSession() throws(POCReply) {
        let id = sessionID
        let reason = body.text("reason") ?? "api_request"
        let done = POCReply(200, ["success": .bool(true), "sessionId": .string(id), "reason": .string(reason)])
        guard Self.canBeSession(id) else { return answer(done) }
        surface.lifeCycle.end(id, reason: UTF8Text(reason), caller.access) { [self] result in
            switch result {
            case .success, .failure(.sessionNotFound): answer(done)
            case .failure(let error): answer(error, session: id, failure: "Failed to end session")
            }
        }
    }

    func resolveSession() {
        let id = sessionID
        let failure = "Failed to mark session as resolved"
        let missing = POCReply.error(404, failure, ["details": .string("Session not found")])
        guard Self.canBeSession(id) else { return answer(missing) }
        let notes = body.text("notes").map { UTF8Text($0) }
        surface.lifeCycle.resolve(id, notes: notes, caller.access) { [self] result in
            switch result {
            case .failure(.sessionNotFound), .failure(.forbidden): answer(missing)
            case .failure(let error): answer(error, session: id, failure: failure)
            case .success:
                answer(
                    POCReply(
                        200,
                        [
                            "success": .bool(true), "sessionId": .string(id),
                            "message": .string("Session marked as resolved"),
                        ]))
            }
        }
    }

    // MARK: Resuming

    func resumeSession() {
        let id = sessionID
        let missing = POCReply.error(404, "Failed to resume session", ["details": .string("Session not found")])
        guard Self.canBeSession(id) else { return answer(missing) }
        surface.lifeCycle.resume(id, caller.access) { [self] result in
            switch result {
            case .failure(.sessionNotFound), .failure(.forbidden): answer(missing)
            case .failure(let error): answer(error, session: id, failure: "Failed to resume session")
            case .success(let session): POCResumption(call: self, session: session).start()
            }
        }
    }
}
