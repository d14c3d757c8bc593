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

    /// Any tenant, by the name that the store has: for the operator, who may name data of every surface.
    package static func stored(_ name: String) -> TenantName { TenantName(name: name) }

    package var description: String { name }
}
