internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Who calls, and what they may reach.
struct POCCaller: Sendable {
    let access: Access
    /// The token's; nil where the surface trusts its callers.
    let userID: String?
    let role: String?
    let sessionData: JSONValue

    var isAdmin: Bool { role == PasswordAccount.Role.admin.name }

    /// Anybody, where authentication is off.
    static let trusted = POCCaller(
        access: .trusted(tenant: .poc), userID: nil, role: nil, sessionData: .object([:]))

    /// Of an operation that asks for no identity: reaches nothing.
    static let nobody = POCCaller(
        access: .verifiedToken(tenant: .poc, user: "", roles: [], reach: .users([])), userID: nil, role: nil,
        sessionData: .object([:]))

    /// Whether sessions of `user` are theirs to make and to see.
    func speaks(for user: String) -> Bool { access.reaches(owner: user) }
}

/// Tokens of the surface: HS256, with the claims of the original. Signature and expiry count; issuer and audience do not.
struct POCTokens: Sendable {
    enum Problem: Error {
        case invalid
        case expired
    }

    let configuration: POCConfiguration
    private let verifier: TokenVerifier

    init(_ configuration: POCConfiguration) {
        self.configuration = configuration
        verifier = TokenVerifier(secret: configuration.secret)
    }

    /// A new token and what is said of it.
    func mint(user: String, role: String?, sessionData: JSONValue, at now: Timestamp) -> String {
        JSONWebToken.mint(
            JSONWebToken.pocClaims(
                userID: user, role: role, sessionData: sessionData, now: now,
                lifetimeSeconds: Double(configuration.tokenLifetimeSeconds)),
            key: configuration.secret)
    }

    func claims(of token: String, at now: Timestamp, graceSeconds: Double = 0) throws(Problem) -> TokenClaims {
        do throws(TokenClaims.Problem) {
            return try TokenClaims(of: token, verifier, now: now, graceSeconds: graceSeconds)
        } catch .expired {
            throw .expired
        } catch {
            throw .invalid
        }
    }

    /// The caller that a token names.
    func caller(of token: String, at now: Timestamp) throws(Problem) -> POCCaller {
        try Self.caller(try claims(of: token, at: now))
    }

    static func caller(_ claims: TokenClaims) throws(Problem) -> POCCaller {
        guard let user = claims["userId"].flatMap(POCBody.name), !user.isEmpty,
            user.unicodeScalars.count <= POCLimits.userIDCharacters
        else { throw .invalid }
        let role = claims["role"]?.string
        let isAdmin = role == PasswordAccount.Role.admin.name
        return POCCaller(
            access: .verifiedToken(
                tenant: .poc, user: user, roles: isAdmin ? [.admin] : [.member], reach: isAdmin ? .tenant : .user(user)),
            userID: user, role: role, sessionData: claims["sessionData"] ?? .object([:]))
    }

    /// The caller of a request to an operation that wants one.
    func caller(of request: Request, at now: Timestamp) throws(POCReply) -> POCCaller {
        guard configuration.enforcesAuthentication else { return .trusted }
        guard let field = request.headers["Authorization"], field.hasPrefix("Bearer ") else {
            throw .error(401, "No token provided")
        }
        do throws(Problem) {
            return try caller(of: String(field.dropFirst("Bearer ".count)), at: now)
        } catch {
            switch error {
            case .invalid: throw .error(401, "Invalid token")
            case .expired: throw .error(401, "Token expired")
            }
        }
    }
}
