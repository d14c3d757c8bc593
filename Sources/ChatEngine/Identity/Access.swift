/// Who asks, and what they may reach. Every engine call takes one, and there is none without.
///
/// Only authentication middleware makes one: each initialiser names the authority that it stands on. The type has no
/// default and no way to widen a value, so code behind the middleware can pass it on but not grow it.
package struct Access: Hashable, Sendable {
    /// What the identity rests on.
    package enum Authority: Hashable, Sendable {
        /// The listener trusts all its callers (a surface without authentication); they may name any user of the tenant.
        case trustedListener
        /// A token whose signature and claims were checked.
        case verifiedToken
        /// Identity headers that the operator has declared trustworthy.
        case trustedHeaders
        /// The operator, at the command line or the admin listener.
        case `operator`
    }

    package struct Role: OptionSet, Hashable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let member = Role(rawValue: 1)
        package static let admin = Role(rawValue: 2)
        package static let owner = Role(rawValue: 4)
        package static let superAdmin = Role(rawValue: 8)
        package static let teacher = Role(rawValue: 16)
        package static let guardian = Role(rawValue: 32)
        package static let student = Role(rawValue: 64)
    }

    /// Whose sessions of the tenant may be reached.
    package enum Reach: Hashable, Sendable {
        /// Every user's.
        case tenant
        /// One user's.
        case user(String)
        /// Those of the named users (a platform's learners).
        case users(Set<String>)
    }

    package let authority: Authority
    package let tenant: TenantName
    /// The subject; nil if the authority knows none.
    package let user: String?
    package let roles: Role
    package let reach: Reach

    /// For a surface without authentication: any user of one tenant.
    package static func trusted(tenant: TenantName) -> Access {
        Access(authority: .trustedListener, tenant: tenant, user: nil, roles: [], reach: .tenant)
    }

    /// For middleware that has verified a token.
    package static func verifiedToken(
        tenant: TenantName, user: String, roles: Role = [.member], reach: Reach
    ) -> Access {
        Access(authority: .verifiedToken, tenant: tenant, user: user, roles: roles, reach: reach)
    }

    /// For middleware that has looked up the users of trusted identity headers.
    package static func trustedHeaders(
        tenant: TenantName, user: String, roles: Role = [.member], reach: Reach
    ) -> Access {
        Access(authority: .trustedHeaders, tenant: tenant, user: user, roles: roles, reach: reach)
    }

    /// For the operator's own tools.
    package static func `operator`(tenant: TenantName) -> Access {
        Access(authority: .operator, tenant: tenant, user: nil, roles: [.superAdmin], reach: .tenant)
    }

    /// Whether sessions of `owner` may be reached.
    package func reaches(owner: String) -> Bool {
        switch reach {
        case .tenant: true
        case .user(let name): name.utf8.elementsEqual(owner.utf8)
        case .users(let names): names.contains { $0.utf8.elementsEqual(owner.utf8) }
        }
    }
}
