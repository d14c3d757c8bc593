internal import CGnuTLS

/// What is kept of a password: PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2) over a salt of its own. It is slow on purpose,
/// 0.1 s where the processor has instructions for SHA-256 and several times that elsewhere, so it never runs on an event
/// loop: see `PasswordChecker`.
package struct PasswordHash: Hashable, Sendable {
    /// Of new hashes. Older ones carry their own number, so this may rise.
    package static let iterations: UInt32 = 600_000
    /// Longer ones are refused: nobody types them, and their length is work.
    package static let longestPasswordBytes = 1024
    private static let saltBytes = 16
    private static let digestBytes = 32
    private static let scheme = "pbkdf2-sha256"

    private let iterations: UInt32
    private let salt: [UInt8]
    private let digest: [UInt8]

    /// Hashes a password with a new salt. Slow: not for an event loop.
    /// - Returns: nil if it is empty or too long, or holds a NUL.
    package init?(of password: String) {
        guard Self.isPassword(password) else { return nil }
        var salt = [UInt8](repeating: 0, count: Self.saltBytes)
        let code = gnutls_rnd(GNUTLS_RND_KEY, &salt, salt.count)
        precondition(code == 0, "the system's random generator failed")
        self.init(password, salt: salt, iterations: Self.iterations)
    }

    init(_ password: String, salt: [UInt8], iterations: UInt32) {
        self.iterations = iterations
        self.salt = salt
        digest = Self.digest(password, salt, iterations)
    }

    private init(iterations: UInt32, salt: [UInt8], digest: [UInt8]) {
        self.iterations = iterations
        self.salt = salt
        self.digest = digest
    }

    /// A hash that no password has, and that takes as long to compare: for users that are not there.
    static let ofNobody = PasswordHash(
        iterations: iterations, salt: [UInt8](repeating: 0, count: saltBytes),
        digest: [UInt8](repeating: 0, count: digestBytes))

    /// Whether it is this password's. The digests are compared in constant time.
    package func matches(_ password: String) -> Bool {
        guard Self.isPassword(password) else { return false }
        return gnutls_memcmp(Self.digest(password, salt, iterations), digest, digest.count) == 0
    }

    /// HMAC pads its key with NULs, so passwords that differ in those at their end only would be the same.
    private static func isPassword(_ text: String) -> Bool {
        (1...longestPasswordBytes).contains(text.utf8.count) && !text.utf8.contains(0)
    }

    private static func digest(_ password: String, _ salt: [UInt8], _ iterations: UInt32) -> [UInt8] {
        var (key, salt) = (Array(password.utf8), salt)
        var digest = [UInt8](repeating: 0, count: digestBytes)
        let code = key.withUnsafeMutableBufferPointer { key in
            salt.withUnsafeMutableBufferPointer { salt in
                var keyDatum = gnutls_datum_t(data: key.baseAddress, size: UInt32(key.count))
                var saltDatum = gnutls_datum_t(data: salt.baseAddress, size: UInt32(salt.count))
                return gnutls_pbkdf2(GNUTLS_MAC_SHA256, &keyDatum, &saltDatum, iterations, &digest, digest.count)
            }
        }
        precondition(code == 0, "PBKDF2 with SHA-256 is part of every GnuTLS")
        return digest
    }

    // MARK: Text form

    /// `pbkdf2-sha256$ITERATIONS$SALT$DIGEST`, the last two in hexadecimal.
    package var text: String { "\(Self.scheme)$\(iterations)$\(Self.hexadecimal(salt))$\(Self.hexadecimal(digest))" }

    /// Reads the text form; nil for anything else, fewer iterations than new hashes have, or so many that a login would
    /// take minutes.
    package init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == Self.scheme, let iterations = UInt32(parts[1]),
            (Self.iterations...100 * Self.iterations).contains(iterations),
            let salt = Self.bytes(parts[2]), salt.count == Self.saltBytes,
            let digest = Self.bytes(parts[3]), digest.count == Self.digestBytes
        else { return nil }
        self.init(iterations: iterations, salt: salt, digest: digest)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[place]), let low = value(digits[place + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
