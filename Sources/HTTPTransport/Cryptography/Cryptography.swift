internal import CGnuTLS

/// Hashes, authentication codes and random bytes, from GnuTLS: there is no second crypto stack.
package enum Cryptography {
    package static func sha1(_ bytes: [UInt8]) -> [UInt8] { hash(GNUTLS_DIG_SHA1, bytes, count: 20) }

    /// - Parameter digest: room for 20 bytes.
    static func sha1(_ bytes: [UInt8], into digest: UnsafeMutableRawBufferPointer) {
        precondition(digest.count >= 20)
        let code = unsafe gnutls_hash_fast(GNUTLS_DIG_SHA1, bytes, bytes.count, digest.baseAddress)
        precondition(code == 0, "SHA-1 is part of every GnuTLS")
    }

    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { hash(GNUTLS_DIG_SHA256, bytes, count: 32) }

    /// HMAC (RFC 2104) with SHA-256.
    package static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        let code = unsafe gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key.count, bytes, bytes.count, &digest)
        precondition(code == 0, "HMAC-SHA-256 is part of every GnuTLS")
        return digest
    }

    /// Compares in a time that depends on the lengths only, never on where the first difference is.
    package static func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        return unsafe gnutls_memcmp(a, b, a.count) == 0
    }

    /// Bytes fit for keys.
    package static func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let code = unsafe gnutls_rnd(GNUTLS_RND_KEY, &bytes, count)
        precondition(code == 0, "the system's random generator failed")
        return bytes
    }

    private static func hash(_ algorithm: gnutls_digest_algorithm_t, _ bytes: [UInt8], count: Int) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: count)
        let code = unsafe gnutls_hash_fast(algorithm, bytes, bytes.count, &digest)
        precondition(code == 0, "SHA-1 and SHA-256 are part of every GnuTLS")
        return digest
    }
}
