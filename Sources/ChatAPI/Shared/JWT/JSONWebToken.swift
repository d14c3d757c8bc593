package import ChatEngine
internal import HTTPTransport

/// Compact JSON Web Tokens (RFC 7515 §7.1, RFC 7519): three parts, header, payload and signature, joined by dots.
///
/// This is the signature's layer: `TokenVerifier` says whether somebody with the key made the token, `TokenClaims` what
/// the token may be used for. A verifier has one algorithm and keys of that algorithm's kind only: what a token says of
/// its own algorithm can refuse it, never choose. So `alg: none`, and an RSA key's public text as an HMAC secret, have
/// nothing to work on.
package enum JSONWebToken {
    package enum Problem: Error, Hashable, Sendable {
        /// Not three parts, or longer than `longestBytes`.
        case format
        /// Not made with the key; or there is no key, or not just one, that the token could mean.
        case signature
        /// The header names another algorithm; nil if it has none or is not a JSON object.
        case algorithm(String?)
        /// The payload is not a JSON object.
        case payload
    }

    /// Claims are small; this bounds what an unsigned text can make us compute.
    package static let longestBytes = 32 << 10

    /// Nothing legitimate nests deeper.
    static let limits = JSONLimits(depth: 16, bytes: 16 << 10)

    /// The claims of a token that was signed with HMAC-SHA-256. Nothing is said of what they mean, or of the time.
    ///
    /// Order: three parts; the signature; the algorithm; the payload.
    static func verifiedClaims(of token: String, key: [UInt8]) throws(Problem) -> JSONValue {
        let signed = try TokenVerifier(secret: key).verified(token)
        guard let claims = object(signed.payload) else { throw .payload }
        return claims
    }

    /// A token signed with HMAC-SHA-256.
    package static func mint(_ claims: JSONObject, key: [UInt8]) -> String {
        let header = Base64.encodeURL(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
        let signed = header + "." + Base64.encodeURL(JSONValue.object(claims).serialized)
        return signed + "." + Base64.encodeURL(Cryptography.hmacSHA256(key: key, Array(signed.utf8)))
    }

    /// The object in a text, as JavaScript reads it; nil if there is none.
    static func object(_ text: [UInt8]) -> JSONValue? {
        do throws(JSONError) {
            let value = try JSONValue(parsing: UTF8Validation.repaired(text), limits: limits)
            return value.isObject ? value : nil
        } catch {
            return nil
        }
    }
}

/// A token taken apart.
struct TokenParts {
    /// Everything before the second dot: what is signed.
    let signed: [UInt8]
    let header: ArraySlice<UInt8>
    let payload: ArraySlice<UInt8>
    let signature: ArraySlice<UInt8>

    init(_ token: String) throws(JSONWebToken.Problem) {
        let bytes = Array(token.utf8)
        guard bytes.count <= JSONWebToken.longestBytes else { throw .format }
        let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
        guard dots.count == 2 else { throw .format }
        signed = Array(bytes[..<dots[1]])
        header = bytes[..<dots[0]]
        payload = bytes[(dots[0] + 1)..<dots[1]]
        signature = bytes[(dots[1] + 1)...]
    }

    static func decoded(_ part: ArraySlice<UInt8>) -> [UInt8]? {
        Base64.decodeURL(String(decoding: part, as: UTF8.self))
    }
}
