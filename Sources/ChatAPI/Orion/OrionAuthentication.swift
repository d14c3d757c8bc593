internal import ChatEngine
internal import HTTPTransport
internal import LogStore

extension OrionConfiguration.Tokens {
    /// The access value that a request's token gives, or the reply that refuses it. The order of the checks and their texts
    /// are the original's; the algorithm is checked in addition.
    func access(of request: Request, now: Timestamp) throws(OrionReply) -> Access {
        let scheme = "Bearer "
        guard let field = request.headers["Authorization"], field.hasPrefix(scheme),
            field.utf8.count > scheme.utf8.count
        else {
            throw OrionReply(
                401,
                [
                    "error": "Missing or invalid Authorization header",
                    "message": "Authorization header must be in format: Bearer <token>",
                ])
        }
        let claims: JSONValue
        do throws(JSONWebToken.Problem) {
            claims = try JSONWebToken.verifiedClaims(of: String(field.dropFirst(scheme.count)), key: secret)
        } catch {
            throw Self.refusal(error)
        }
        try check("issuer", claims["iss"], issuer)
        try check("audience", claims["aud"], audience)
        guard let expiry = Self.seconds(claims["exp"]), expiry != 0,
            expiry >= (Double(now.milliseconds) / 1000).rounded(.down)
        else { throw Self.invalid("Token expired") }
        guard let claim = claims["sub"], claim.isTruthy else { throw Self.invalid("Missing subject claim") }
        guard let subject = claim.string else { throw Self.invalid("Invalid subject claim") }
        let user = subject.lowercased()
        guard subjects.isEmpty || subjects.contains(where: { $0.utf8.elementsEqual(user.utf8) }) else {
            throw Self.invalid("Unauthorized user: \(subject) (only \(subjects.joined(separator: ", ")) is authorized)")
        }
        guard user.unicodeScalars.count <= OrionLimits.userIDCharacters, !user.utf8.contains(0) else {
            throw Self.invalid("Invalid subject claim")
        }
        return .verifiedToken(tenant: .orion, user: user, reach: .user(user))
    }

    private func check(_ what: String, _ claim: JSONValue?, _ expected: String) throws(OrionReply) {
        if case .string(let value)? = claim, value.utf8.elementsEqual(expected.utf8) { return }
        throw Self.invalid("Invalid \(what): expected \(expected), got \(Self.text(claim))")
    }

    private static func invalid(_ message: String) -> OrionReply {
        OrionReply(403, ["error": "Invalid token", "message": message])
    }

    private static func refusal(_ problem: JSONWebToken.Problem) -> OrionReply {
        switch problem {
        case .format: invalid("Invalid token format")
        case .signature: invalid("Invalid signature")
        case .algorithm(let name): invalid("Invalid algorithm: expected HS256, got \(name ?? "undefined")")
        case .payload: invalid("Invalid token payload")
        }
    }

    /// A number, or a text that JavaScript compares as one. Anything else, which JavaScript would let live for ever, is no
    /// expiry.
    private static func seconds(_ claim: JSONValue?) -> Double? {
        switch claim {
        case .number(let value): value
        case .string(let text) where !text.isEmpty && text.utf8.allSatisfy({ (0x30...0x39).contains($0) }): Double(text)
        default: nil
        }
    }

    /// How a template literal of JavaScript prints a claim.
    private static func text(_ claim: JSONValue?) -> String {
        switch claim {
        case nil: "undefined"
        case .string(let text): text
        case .object: "[object Object]"
        case .array(let elements): elements.map { $0 == .null ? "" : text($0) }.joined(separator: ",")
        case .null, .bool, .number: String(decoding: claim?.serialized ?? [], as: UTF8.self)
        }
    }
}
