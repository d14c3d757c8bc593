internal import ChatEngine
internal import HTTPTransport

/// Verification of compact JSON Web Tokens (RFC 7515 §7.1, RFC 7519) signed with HMAC-SHA-256. It only ever verifies
/// with the one algorithm it was given: what a token says of its own algorithm can refuse it, never choose.
enum JSONWebToken {
    enum Problem: Error, Hashable {
        /// Not three parts.
        case format
        case signature
        /// The header names an algorithm other than HS256; nil if it has none or is not a JSON object.
        case algorithm(String?)
        /// The payload is not a JSON object.
        case payload
    }

    /// Claims are small; nothing legitimate nests deeper.
    private static let limits = JSONLimits(depth: 16, bytes: 16 << 10)

    /// The claims of a token whose signature fits.
    ///
    /// Order: three parts; the signature, compared as text in constant time; the algorithm; the payload. Nothing of the
    /// token is decoded before its signature has been checked.
    static func verifiedClaims(of token: String, key: [UInt8]) throws(Problem) -> JSONValue {
        let bytes = Array(token.utf8)
        let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
        guard dots.count == 2 else { throw .format }
        let expected = Base64.encodeURL(Cryptography.hmacSHA256(key: key, Array(bytes[..<dots[1]])))
        guard Cryptography.constantTimeEquals(Array(expected.utf8), Array(bytes[(dots[1] + 1)...])) else {
            throw .signature
        }
        guard let header = json(bytes[..<dots[0]]), header.isObject else { throw .algorithm(nil) }
        guard header["alg"] == .string("HS256") else { throw .algorithm(header["alg"]?.string) }
        guard let claims = json(bytes[(dots[0] + 1)..<dots[1]]), claims.isObject else { throw .payload }
        return claims
    }

    private static func json(_ part: ArraySlice<UInt8>) -> JSONValue? {
        guard let decoded = Base64.decodeURL(String(decoding: part, as: UTF8.self)) else { return nil }
        do throws(JSONError) {
            return try JSONValue(parsing: UTF8Validation.repaired(decoded), limits: limits)
        } catch {
            return nil
        }
    }
}
