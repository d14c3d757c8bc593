internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Who asks, by the identity headers, and whether the organisation has a token left. The headers carry no secret: a
/// listener of this surface trusts who can reach it.
struct LLMAuthentication {
    let call: LLMCall
    /// nil: no route has the path and the method.
    let operation: LLMOperation?

    private var surface: LLMSurface { call.surface }

    func begin() {
        let headers = call.request.headers
        let isPublic = LLMOperation.publicPaths.contains(call.request.path)
        // A header that comes twice is one value, as Node joins them: nobody's id, whichever of them a proxy set.
        let organisation = headers.all("x-org-id").joined(separator: ", ")
        let user = headers.all("x-user-id").joined(separator: ", ")
        guard !organisation.isEmpty, !user.isEmpty else {
            guard isPublic else { return call.answer(.missingIdentity) }
            return call.perform(operation)
        }
        guard let id = UUIDValue(text: user)?.string else { return call.answer(.unknownUser) }
        surface.engine.account(id) { result in
            switch result {
            case .failure(let error): refuse(error)
            case .success(let account?): enter(account, organisation, isPublic)
            case .success(nil): provision(id, organisation, isPublic)
            }
        }
    }

    private func provision(_ user: String, _ organisation: String, _ isPublic: Bool) {
        guard surface.configuration.autoProvision, !isPublic, let id = UUIDValue(text: organisation)?.string else {
            return call.answer(.unknownUser)
        }
        // Refused by `enter`, whatever was made before.
        guard id.utf8.elementsEqual(organisation.utf8) else { return call.answer(.foreignOrganisation) }
        surface.engine.provisionAccount(user, organisation: id) { result in
            switch result {
            case .failure(let error): refuse(error)
            case .success(let account): enter(account, organisation, isPublic)
            }
        }
    }

    private func refuse(_ error: ChatError) {
        if case .overloaded = error {
            return call.answer(error, missing: "", failure: "Authentication failed")
        }
        call.log(.error, "Auth middleware error", [("error", .string("\(error)"))])
        call.answer(.authenticationFailed)
    }

    private func enter(_ account: Account, _ organisation: String, _ isPublic: Bool) {
        // Compared as text, as the original did: capitals are another organisation.
        guard organisation.utf8.elementsEqual(account.organisation.utf8) else {
            return call.answer(.foreignOrganisation)
        }
        var call = call
        call.account = account
        call.access = .trustedHeaders(
            tenant: .llm(organisation: account.organisation), user: account.id, roles: account.role.access,
            reach: surface.configuration.isolation == .user ? .user(account.id) : .tenant)
        call.debug("Request authenticated") {
            [("userId", .string(account.id)), ("orgId", .string(organisation)), ("role", .string(account.role.name))]
        }
        guard !isPublic else { return call.perform(operation) }
        takeToken(&call, account)
    }

    private func takeToken(_ call: inout LLMCall, _ account: Account) {
        let decision = surface.limiter.hit(account.organisation)
        let now = surface.engine.clock.now()
        let reset = Timestamp(microseconds: now.microseconds + Int64(decision.resetMicroseconds)).isoMilliseconds
        call.exchange.addHeader("X-RateLimit-Limit", String(decision.limit))
        call.exchange.addHeader("X-RateLimit-Remaining", String(decision.remaining))
        call.exchange.addHeader("X-RateLimit-Reset", reset)
        call.rate = (decision.limit, decision.remaining, reset)
        let tokens = Self.tokens(decision, surface.limiter)
        guard decision.isAllowed else {
            call.log(
                .warning, "Rate limit exceeded",
                [("orgId", .string(account.organisation)), ("tokens", .string(tokens))])
            call.log(
                .warning, "Request rate limited",
                [
                    ("orgId", .string(account.organisation)), ("userId", .string(account.id)),
                    ("path", .string(call.request.path)), ("resetAt", .string(reset)),
                ])
            var reply = LLMReply(429) { out in
                out.append(
                    key: #"""
                        {"error":"Too Many Requests","message":"Rate limit exceeded. Please try again later.","limit":
                        """#)
                out.append(decimal: Int64(decision.limit))
                out.append(key: #","remaining":0,"resetAt":"#)
                out.append(jsonString: reset)
                out.append(UInt8(ascii: "}"))
            }
            reply.retryAfterSeconds = max(1, decision.resetSeconds)
            return call.answer(reply)
        }
        call.debug("Rate limit check - allowed") {
            [
                ("orgId", .string(account.organisation)), ("tokens", .string(tokens)),
                ("remaining", .integer(decision.remaining)),
            ]
        }
        call.debug("Rate limit check passed") {
            [("orgId", .string(account.organisation)), ("remaining", .integer(decision.remaining))]
        }
        call.perform(operation)
    }

    /// How many tokens are left, with two decimals, by what is said of the reset.
    private static func tokens(_ decision: RateDecision, _ limiter: TokenBucketLimiter) -> String {
        let missing = Double(decision.resetMicroseconds) / 1_000_000 * limiter.tokensPerSecond
        let full = decision.isAllowed ? Double(limiter.capacity) : 1
        let hundredths = Int((max(0, full - missing) * 100).rounded(.down))
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
