package import ChatEngine
package import LogStore

/// The claims of the tokens that this server signs itself.
extension JSONWebToken {
    /// A poc token, with the claims of the original and the user's role.
    /// - Parameter sessionData: what the client gave; an empty object if nothing.
    package static func pocClaims(
        userID: String, role: String?, sessionData: JSONValue = .object([:]), now: Timestamp, lifetimeSeconds: Double
    ) -> JSONObject {
        let seconds = Double(now.milliseconds / 1000)
        var claims: JSONObject = [
            "userId": .string(userID), "type": .string(pocType), "issued": .string(now.isoMilliseconds),
            "sessionData": sessionData,
        ]
        if let role { claims["role"] = .string(role) }
        claims["iat"] = .number(seconds)
        claims["exp"] = .number(seconds + lifetimeSeconds)
        claims["aud"] = .string(pocAudience)
        claims["iss"] = .string(pocIssuer)
        return claims
    }

    package static let pocType = "websocket_auth"
    package static let pocAudience = "poc-chat-client"
    package static let pocIssuer = "poc-chat-backend"

    /// An aivo token.
    package static func aivoClaims(
        subject: String, tenant: String, role: String?, learners: [String], permissions: [String], now: Timestamp,
        lifetimeSeconds: Double
    ) -> JSONObject {
        let seconds = Double(now.milliseconds / 1000)
        var claims: JSONObject = ["sub": .string(subject), "tenant_id": .string(tenant)]
        if let role { claims["role"] = .string(role) }
        claims["learner_scope"] = .array(learners.map { .string($0) })
        claims["permissions"] = .array(permissions.map { .string($0) })
        claims["iat"] = .number(seconds)
        claims["exp"] = .number(seconds + lifetimeSeconds)
        return claims
    }
}
