internal import ChatEngine
internal import HTTPTransport

/// Checks signatures of tokens with one algorithm.
package struct TokenVerifier: Sendable {
    private enum Method: Sendable {
        case sharedSecret([UInt8])
        case publicKeys(TokenKeySet)
    }

    private let method: Method

    /// HS256.
    package init(secret: [UInt8]) { method = .sharedSecret(secret) }

    /// RS256 or ES256.
    package init(keys: TokenKeySet) { method = .publicKeys(keys) }

    /// The one algorithm, as `alg` names it.
    package var algorithm: String {
        switch method {
        case .sharedSecret: "HS256"
        case .publicKeys(let keys): keys.algorithm.rawValue
        }
    }

    /// What a genuine token says: the texts of its header and of its payload, not looked into.
    struct Signed {
        let header: [UInt8]
        let payload: [UInt8]
    }

    /// Takes a token apart and checks its signature.
    ///
    /// A MAC is compared as text, in constant time and before anything is decoded. A public key has to be found by the
    /// header first.
    func verified(_ token: String) throws(JSONWebToken.Problem) -> Signed {
        let parts = try TokenParts(token)
        switch method {
        case .sharedSecret(let secret):
            let expected = Base64.encodeURL(Cryptography.hmacSHA256(key: secret, parts.signed))
            // Without a secret everybody could sign.
            guard !secret.isEmpty,
                Cryptography.constantTimeEquals(Array(expected.utf8), Array(parts.signature))
            else { throw .signature }
            let (header, _) = try self.header(of: parts)
            return try signed(parts, header)
        case .publicKeys(let keys):
            let (header, object) = try self.header(of: parts)
            guard let key = keys.key(named: object["kid"]), let signature = TokenParts.decoded(parts.signature),
                key.verifies(signature, of: parts.signed)
            else { throw .signature }
            return try signed(parts, header)
        }
    }

    private func header(of parts: TokenParts) throws(JSONWebToken.Problem) -> (text: [UInt8], object: JSONValue) {
        guard let text = TokenParts.decoded(parts.header), let object = JSONWebToken.object(text) else {
            throw .algorithm(nil)
        }
        guard object["alg"] == .string(algorithm) else { throw .algorithm(object["alg"]?.string) }
        return (text, object)
    }

    private func signed(_ parts: TokenParts, _ header: [UInt8]) throws(JSONWebToken.Problem) -> Signed {
        guard let payload = TokenParts.decoded(parts.payload) else { throw .payload }
        return Signed(header: header, payload: payload)
    }
}
