/// A tenant's name in the store. The surfaces have disjoint name spaces, so that a header or a token of one can never name
/// data of another.
package struct TenantName: Hashable, Sendable, CustomStringConvertible {
    package let name: String

    private init(name: String) { self.name = name }

    /// The orion surface's one tenant.
    package static let orion = TenantName(name: "orion")
    /// The poc surface's one tenant.
    package static let poc = TenantName(name: "poc")
    /// The users that log in with a password (`PasswordAccount`). No session is ever in it, and no erasure of `poc` comes
    /// here.
    package static let passwordAccounts = TenantName(name: "poc-accounts")
    /// The llm surface's accounts: which organisations and users there are. No session is ever in it.
    package static let llmAccounts = TenantName(name: "llm")
    /// An organisation of the llm surface.
    package static func llm(organisation: String) -> TenantName { TenantName(name: "llm:\(organisation)") }
    /// A tenant of the aivo surface, as its tokens name it.
    package static func aivo(tenant: String) -> TenantName { TenantName(name: "aivo:\(tenant)") }

    /// The aivo surface's jobs of all its tenants. No session is ever in it.
    package static let aivoJobs = TenantName(name: "aivo")

    /// Any tenant, by the name that the store has: for the operator, who may name data of every surface.
    package static func stored(_ name: String) -> TenantName { TenantName(name: name) }

    /// The id, if it is an organisation of the llm surface.
    package var organisation: String? { name.hasPrefix("llm:") ? String(name.dropFirst("llm:".count)) : nil }

    package var description: String { name }
}
