internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import SocketIO

/// Who the client is, and the sessions that it makes, joins and ends.
extension POCSocketCall {
    // MARK: authenticate

    /// By a token, or by a user's credentials; a bare user id has to be the handshake's.
    func authenticate() {
        let credentials = object("credentials")
        if let token = members["token"], token.isTruthy {
            guard let caller = try? events.tokens.caller(of: token.string ?? "", at: engine.clock.now()) else {
                return refuseAuthentication()
            }
            let named = members["userId"].flatMap { $0.isTruthy ? POCBody.name($0) : nil }
            return authenticate(as: caller, named: named)
        }
        guard let credentials, !credentials.isEmpty else {
            return fail("authenticationError", "Authentication data required")
        }
        guard let username = credentials["username"]?.string, let password = credentials["password"]?.string else {
            guard let named = credentials["userId"].flatMap(POCBody.name) else { return refuseAuthentication() }
            return authenticate(as: client.caller, named: named)
        }
        let address = socket.request.clientIP(trusting: events.configuration.trustedProxies)
        guard events.loginLimiter?.hit(address).isAllowed ?? true else { return refuseAuthentication() }
        events.passwords.check(username: username, password: password) { result in
            switch result {
            case .failure: fail("authenticationError", "Authentication error")
            case .success(nil): refuseAuthentication()
            case .success(.some(let account)):
                let token = events.tokens.mint(
                    user: account.userID, role: account.role.name, sessionData: .object([:]), at: engine.clock.now())
                guard let caller = try? events.tokens.caller(of: token, at: engine.clock.now()) else {
                    return refuseAuthentication()
                }
                authenticate(as: caller, named: nil)
            }
        }
    }

    private func authenticate(as caller: POCCaller, named: String?) {
        let user = caller.userID ?? ""
        if let named, !named.utf8.elementsEqual(user.utf8) { return refuseAuthentication() }
        if client.authenticate(as: caller) { events.count { $0.authenticated += 1 } }
        answer(
            "authenticationSuccess", ["userId": .string(user), "authenticated": .bool(true), "timestamp": now])
    }

    private func refuseAuthentication() {
        answer("authenticationError", ["error": .string("Authentication failed"), "timestamp": now])
    }

    // MARK: createSession, joinSession

    func createSession() {
        guard client.isAuthenticated, let user = client.caller.userID else {
            return fail("sessionError", "Authentication required")
        }
        var metadata = object("metadata") ?? [:]
        let info = clientInfo
        for (key, value) in zip(info.keys, info.values) { metadata[key] = value }
        var state = SessionState()
        state.metadata = RawJSON(.object(metadata))
        state.userData = POCCall.document(object("userData"))
        let draft = SessionDraft(ids: .poc, owner: user, state: state)
        turns.lifeCycle.open(draft, client.caller.access) { result in
            guard case .success(let session) = result else {
                return fail("sessionError", "Failed to create session")
            }
            join(session)
            answer(
                "sessionCreated",
                [
                    "sessionId": .string(session.id),
                    "session": .object(turns.objects.merged(session, accessed: session.createdAt)), "timestamp": now,
                ])
        }
    }

    func joinSession() {
        guard client.isAuthenticated else { return fail("sessionError", "Authentication required") }
        guard let named = members["sessionId"], named.isTruthy, let id = POCBody.name(named) else {
            return fail("sessionError", "Session ID required")
        }
        guard POCCall.canBeSession(id) else { return fail("sessionError", "Session not found") }
        let window = HistoryWindow(.newest, limit: POCLimits.defaultPage)
        engine.page(of: id, window, client.caller.access) { result in
            switch result {
            case .failure(.sessionNotFound): fail("sessionError", "Session not found")
            case .failure(.forbidden): fail("sessionError", "Access denied")
            case .failure: fail("sessionError", "Failed to join session")
            case .success(let page):
                guard turns.lifeCycle.isLive(page.session) else {
                    turns.lifeCycle.expire(page.session)
                    return fail("sessionError", "Session not found")
                }
                join(page.session)
                let history = page.messages.map { JSONValue.object(turns.objects.message($0, in: page.session)) }
                answer(
                    "sessionJoined",
                    [
                        "sessionId": .string(id),
                        "session": .object(turns.objects.manager(page.session, accessed: engine.clock.now())),
                        "conversationHistory": .array(history), "timestamp": now,
                    ])
            }
        }
    }

    func join(_ session: Session) {
        socket.join(POCSockets.room(session.id))
        client.join(session.id)
    }

    // MARK: endSession

    /// The room hears of it first, this client among it; then this client alone.
    func endSession() {
        guard let id = client.session else { return fail("sessionError", "No active session") }
        turns.lifeCycle.end(id, reason: "user_initiated", client.caller.access) { result in
            switch result {
            case .success, .failure(.sessionNotFound):
                client.leave(id)
                socket.leave(POCSockets.room(id))
                answer("sessionEnded", ["reason": .string("user_initiated"), "timestamp": now])
            case .failure: fail("sessionError", "Failed to end session")
            }
        }
    }
}
