package import ChatEngine
package import LogStore

/// What a genuine token may be used for (RFC 7519 §4.1), strictly: a claim that means something has its type or the token
/// is refused.
///
/// Order: signature; form (UTF-8 without unpaired surrogates, no member twice, no critical extension); the types of the
/// registered claims; their times; issuer and audience. So a token that is out of date is one that was good once.
package struct TokenClaims: Sendable {
    package enum Problem: Error, Hashable, Sendable {
        /// The signature's layer refused it.
        case token(JSONWebToken.Problem)
        /// The claim, or header parameter, is there twice or does not have its type.
        case malformed(String)
        /// Its `exp` has come.
        case expired
        /// Its `nbf`, or even its `iat`, has not come yet.
        case notYetValid
        /// Another issuer than the configured one, or none.
        case issuer
        /// Not meant for the configured audience.
        case audience
    }

    /// What a surface asks of its tokens.
    package struct Rules: Hashable, Sendable {
        /// nil: `iss` is not looked at.
        package var issuer: String?
        /// nil: `aud` is not looked at.
        package var audience: String?
        /// Seconds by which the issuer's clock may be off.
        package var leewaySeconds: Double

        package init(issuer: String? = nil, audience: String? = nil, leewaySeconds: Double = 0) {
            self.issuer = issuer
            self.audience = audience
            self.leewaySeconds = leewaySeconds
        }
    }

    /// All claims, in their order.
    package let members: JSONObject
    /// `sub`; nil if there is none.
    package let subject: String?
    /// `exp`, `iat`: seconds since 1970, perhaps with a fraction; nil if there is none.
    package let expiresAt: Double?
    package let issuedAt: Double?

    package subscript(name: String) -> JSONValue? { members[name] }

    /// The claims of a token that is genuine and that `rules` allow at `now`.
    /// - Parameter graceSeconds: a token that expired no longer ago than this passes: for its renewal.
    package init(
        of token: String, _ verifier: TokenVerifier, _ rules: Rules = Rules(), now: Timestamp, graceSeconds: Double = 0
    ) throws(Problem) {
        let signed: TokenVerifier.Signed
        do throws(JSONWebToken.Problem) { signed = try verifier.verified(token) } catch { throw .token(error) }
        guard let header = try Self.strictObject(signed.header) else { throw .token(.algorithm(nil)) }
        // RFC 7515 §4.1.11: who does not understand an extension has to refuse; none is understood here.
        guard header["crit"] == nil else { throw .malformed("crit") }
        guard let members = try Self.strictObject(signed.payload) else { throw .token(.payload) }
        self.members = members
        subject = try Self.text("sub", members)
        expiresAt = try Self.seconds("exp", members)
        issuedAt = try Self.seconds("iat", members)
        let notBefore = try Self.seconds("nbf", members)
        let seconds = Double(now.microseconds) / 1e6
        if let expiresAt, expiresAt + rules.leewaySeconds + graceSeconds <= seconds { throw .expired }
        for time in [notBefore, issuedAt].compactMap({ $0 }) where time - rules.leewaySeconds > seconds {
            throw .notYetValid
        }
        try rules.check(members)
    }

    /// The object in a text; nil if it holds none.
    private static func strictObject(_ text: [UInt8]) throws(Problem) -> JSONObject? {
        guard UTF8Validation.isValid(text) else { return nil }
        var scanner = JSONScanner(text.span, limits: JSONWebToken.limits)
        var names: Set<[UInt8]> = []
        var twice: [UInt8]?
        do throws(JSONError) {
            let root = try scanner.members { key, _ in
                let name = JSONString.decode(key, in: text)
                if !names.insert(name).inserted { twice = twice ?? name }
            }
            // Two subjects with unpaired surrogates would read as the same one.
            guard !root.contents.contains(.loneSurrogate) else { return nil }
        } catch {
            return nil
        }
        if let twice { throw .malformed(String(decoding: twice, as: UTF8.self)) }
        guard case .object(let object)? = try? JSONValue(parsing: text, limits: JSONWebToken.limits) else { return nil }
        return object
    }

    private static func text(_ name: String, _ members: JSONObject) throws(Problem) -> String? {
        guard let claim = members[name] else { return nil }
        guard let text = claim.string else { throw .malformed(name) }
        return text
    }

    /// A NumericDate (RFC 7519 §2).
    private static func seconds(_ name: String, _ members: JSONObject) throws(Problem) -> Double? {
        guard let claim = members[name] else { return nil }
        guard let seconds = claim.number, seconds.isFinite else { throw .malformed(name) }
        return seconds
    }
}

extension TokenClaims.Rules {
    fileprivate func check(_ members: JSONObject) throws(TokenClaims.Problem) {
        if let issuer, !Self.isSame(members["iss"], issuer) { throw .issuer }
        guard let audience else { return }
        switch members["aud"] {
        case .array(let names): if !names.contains(where: { Self.isSame($0, audience) }) { throw .audience }
        case let name: if !Self.isSame(name, audience) { throw .audience }
        }
    }

    /// Byte for byte: `==` of texts takes canonically equivalent ones for the same.
    private static func isSame(_ claim: JSONValue?, _ text: String) -> Bool {
        claim?.string?.utf8.elementsEqual(text.utf8) == true
    }
}
