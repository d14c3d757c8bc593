internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Tokens: `/auth`.
extension POCCall {
    // MARK: Issuing

    func login() throws(POCReply) {
        guard let username = body.text("username"), let password = body.text("password") else {
            throw .error(400, "Username and password required")
        }
        check(username, password, failure: "Failed to generate token") { [self] account in
            var members = issued(account.userID, account.role, sessionData: .object([:]))
            members["user"] = .object([
                "userId": .string(account.userID), "username": .string(account.username),
                "role": .string(account.role.name),
            ])
            answer(POCReply(200, members))
        }
    }

    /// A user with credentials, or, where the server was told so, anybody.
    func issueToken() throws(POCReply) {
        let sessionData = body.object("sessionData").map { JSONValue.object($0) } ?? .object([:])
        if let credentials = body.object("credentials"), let username = credentials["username"]?.string,
            let password = credentials["password"]?.string
        {
            guard let named = body["userId"].flatMap(POCBody.name) else { throw .error(400, "User ID required") }
            return check(username, password, failure: "Failed to generate token") { [self] account in
                guard named.utf8.elementsEqual(account.userID.utf8) || named.utf8.elementsEqual(account.username.utf8)
                else { return answer(.error(401, "Invalid credentials")) }
                answer(POCReply(200, issued(account.userID, account.role, sessionData: sessionData)))
            }
        }
        guard let value = body["userId"], let user = POCBody.name(value) else { throw .error(400, "User ID required") }
        guard user.unicodeScalars.count <= POCLimits.userIDCharacters, !user.utf8.contains(0) else {
            throw .error(
                400, "User ID required", message: "userId must have at most \(POCLimits.userIDCharacters) characters")
        }
        guard configuration.issuesInsecureTokens else { throw .error(401, "Invalid credentials") }
        answer(POCReply(200, issued(user, nil, sessionData: sessionData)))
    }

    func refreshToken() throws(POCReply) {
        let token = try token()
        let caller: POCCaller
        do throws(POCTokens.Problem) {
            let claims = try surface.tokens.claims(
                of: token, at: engine.clock.now(), graceSeconds: POCLimits.refreshGraceSeconds)
            caller = try POCTokens.caller(claims)
        } catch {
            switch error {
            case .expired: throw .error(401, "Token too old for refresh")
            case .invalid: throw .error(401, "Invalid token")
            }
        }
        let role = caller.role.flatMap { PasswordAccount.Role(name: $0) }
        answer(POCReply(200, issued(caller.userID ?? "", role, sessionData: caller.sessionData)))
    }

    /// The body's; what is there and is no text is no token either, and is refused as an invalid one.
    private func token() throws(POCReply) -> String {
        guard let value = body["token"] else { throw .error(400, "Token required") }
        return value.string ?? ""
    }

    private func issued(_ user: String, _ role: PasswordAccount.Role?, sessionData: JSONValue) -> JSONObject {
        let token = surface.tokens.mint(
            user: user, role: role?.name, sessionData: sessionData, at: engine.clock.now())
        return [
            "success": .bool(true), "token": .string(token), "userId": .string(user),
            "expiresIn": .string(configuration.tokenLifetime), "tokenType": .string("Bearer"),
        ]
    }

    private func check(
        _ username: String, _ password: String, failure: String,
        _ success: @escaping @Sendable (PasswordAccount) -> Void
    ) {
        surface.passwords.check(username: username, password: password) { [self] result in
            switch result {
            case .failure(let error): answer(error, session: "", failure: failure)
            case .success(nil):
                configuration.log(ServiceEvent(.warning, "a login was refused"))
                answer(.error(401, "Invalid credentials"))
            case .success(.some(let account)): success(account)
            }
        }
    }

    // MARK: Looking at

    func validateToken() throws(POCReply) {
        let token = try token()
        let claims: TokenClaims
        do throws(POCTokens.Problem) {
            claims = try surface.tokens.claims(of: token, at: engine.clock.now())
        } catch {
            switch error {
            case .expired: throw Self.notValid("Token expired")
            case .invalid: throw Self.notValid("Invalid token")
            }
        }
        guard claims["type"]?.string == JSONWebToken.pocType else { throw .error(401, "Invalid token type") }
        var members: JSONObject = ["valid": .bool(true), "userId": claims["userId"] ?? .null]
        members["issued"] = claims["issued"] ?? .null
        members["expires"] =
            claims.expiresAt.map {
                .string(Timestamp(microseconds: Int64(min(max($0, 0), 253_402_300_799)) * 1_000_000).isoMilliseconds)
            } ?? .null
        members["sessionData"] = claims["sessionData"] ?? .object([:])
        answer(POCReply(200, members))
    }

    private static func notValid(_ text: String) -> POCReply {
        var reply = POCReply(401, ["valid": .bool(false), "error": .string(text), "message": .string(text)])
        reply.isError = true
        return reply
    }

    /// Tokens are not kept, so there is nothing to revoke.
    func logout() {
        answer(POCReply(200, ["success": .bool(true), "message": .string("Logged out successfully")]))
    }

    func authenticationStatus() {
        answer(
            POCReply(
                200,
                [
                    "service": .string("authentication"), "status": .string("operational"),
                    "features": .object([
                        "tokenGeneration": .bool(true), "tokenRefresh": .bool(true), "tokenValidation": .bool(true),
                        "logout": .bool(true),
                    ]),
                    "configuration": .object([
                        "jwtExpiry": .string(configuration.tokenLifetime),
                        "issuer": .string(JSONWebToken.pocIssuer), "audience": .string(JSONWebToken.pocAudience),
                    ]),
                ]))
    }
}
