internal import ChatEngine
internal import LogStore

/// Who sends a request, by its token.
enum AIVOIdentity: Sendable {
    /// No token, or none that counts.
    case nobody
    /// A genuine token without a tenant.
    case tenantless
    case member(AIVOMember)
}

struct AIVOMember: Sendable {
    /// The tenant as the token names it.
    let tenant: String
    let user: String
    /// nil: none, or none that this surface knows.
    let role: String?
    let access: Access
    /// Seconds since 1970; nil: the token has no end.
    let expiresAt: Double?

    var isAdmin: Bool { access.roles.contains(.admin) || access.roles.contains(.superAdmin) }
}

extension AIVOConfiguration {
    /// Names have to fit the store's.
    private static let idBytes = 1000
    private static let learnerBytes = 4 * AIVOLimits.idCharacters

    /// Reads `Authorization: Bearer …`; the scheme's letters may be of either case, the token is what is behind it.
    func identity(authorization: String?, now: Timestamp) -> AIVOIdentity {
        let parts = (authorization ?? "").split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer",
            let claims = try? TokenClaims(of: String(parts[1]), verifier, rules, now: now)
        else { return .nobody }
        guard let user = claims.subject ?? claims["user_id"]?.string, !user.isEmpty, user.utf8.count <= Self.idBytes
        else { return .nobody }
        guard let tenant = claims["tenant_id"]?.string, !tenant.isEmpty, tenant.utf8.count <= Self.idBytes else {
            return .tenantless
        }
        let role = claims["role"]?.string
        return .member(
            AIVOMember(
                tenant: tenant, user: user, role: role,
                access: .verifiedToken(
                    tenant: .aivo(tenant: tenant), user: user, roles: Self.roles(role),
                    reach: Self.reach(role, claims["learner_scope"])), expiresAt: claims.expiresAt))
    }

    private static func roles(_ role: String?) -> Access.Role {
        switch role {
        case "admin": [.admin]
        case "super_admin": [.superAdmin]
        case "teacher": [.teacher]
        case "guardian": [.guardian]
        case "student": [.student]
        default: []
        }
    }

    /// Admins reach every learner of their tenant, and so do teachers and guardians with `*`; all others those that their
    /// scope names. A scope that is no array names nobody.
    private static func reach(_ role: String?, _ scope: JSONValue?) -> Access.Reach {
        if role == "admin" || role == "super_admin" { return .tenant }
        guard case .array(let elements)? = scope else { return .users([]) }
        let learners = elements.compactMap(\.string)
        if learners.contains("*"), role == "teacher" || role == "guardian" { return .tenant }
        return .users(Set(learners.filter { $0 != "*" && $0.utf8.count <= learnerBytes }))
    }
}
