internal import CGnuTLS
internal import Synchronization

/// A public key that checks signatures made with SHA-256: RSASSA-PKCS1-v1_5 (RFC 8017) of an RSA key, or ECDSA (FIPS
/// 186-5) of a P-256 key. There is no other kind: what is neither is refused when the key is made.
@safe package final class PublicKey: @unchecked Sendable {
    // Unchecked: GnuTLS wants one thread at a time in a key; `lock` sees to that.
    private let key: gnutls_pubkey_t
    private let lock = Mutex(())
    package let kind: Kind

    package enum Kind: Hashable, Sendable {
        case rsa
        case p256
    }

    package enum Problem: Error, Hashable {
        /// Not the encoding that it should be, or not a point of the curve.
        case malformed
        /// The text holds a private key, which has no business here.
        case privateKey
        /// Neither RSA nor P-256.
        case unsupported
        /// An RSA key of so many bits; RFC 7518 §3.3 asks for 2048.
        case tooShort(bits: Int)
    }

    private static let leastBits = 2048
    /// A verification costs the square of the length.
    private static let mostBits = 16_384

    /// The key of a PEM text: a SubjectPublicKeyInfo (`PUBLIC KEY`) or that of a certificate (`CERTIFICATE`). Only the
    /// first block counts.
    package convenience init(pem: String) throws(Problem) {
        if pem.contains("PRIVATE KEY-----") { throw .privateKey }
        let isCertificate = pem.contains("-----BEGIN CERTIFICATE-----")
        try unsafe self.init { (key: gnutls_pubkey_t) in
            unsafe withDatum(Array(pem.utf8)) { text in
                guard isCertificate else {
                    return unsafe gnutls_pubkey_import(key, text, GNUTLS_X509_FMT_PEM)
                }
                var certificate: gnutls_x509_crt_t?
                guard unsafe gnutls_x509_crt_init(&certificate) == 0, let certificate = unsafe certificate else {
                    return GNUTLS_E_MEMORY_ERROR
                }
                defer { unsafe gnutls_x509_crt_deinit(certificate) }
                let code = unsafe gnutls_x509_crt_import(certificate, text, GNUTLS_X509_FMT_PEM)
                return code == 0 ? unsafe gnutls_pubkey_import_x509(key, certificate, 0) : code
            }
        }
    }

    /// An RSA key; both numbers are unsigned and big-endian.
    package convenience init(rsaModulus modulus: [UInt8], exponent: [UInt8]) throws(Problem) {
        guard !modulus.isEmpty, !exponent.isEmpty, modulus.count <= Self.mostBits / 8, exponent.count <= 8 else {
            throw .malformed
        }
        try unsafe self.init { (key: gnutls_pubkey_t) in
            unsafe withDatum(modulus) { modulus in
                unsafe withDatum(exponent) { exponent in unsafe gnutls_pubkey_import_rsa_raw(key, modulus, exponent) }
            }
        }
    }

    /// A P-256 key; each coordinate has 32 bytes, big-endian.
    package convenience init(p256X x: [UInt8], y: [UInt8]) throws(Problem) {
        guard x.count == 32, y.count == 32 else { throw .malformed }
        try unsafe self.init { (key: gnutls_pubkey_t) in
            unsafe withDatum(x) { x in
                unsafe withDatum(y) { y in
                    unsafe gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_SECP256R1, x, y)
                }
            }
        }
    }

    private init(importing load: (gnutls_pubkey_t) -> Int32) throws(Problem) {
        var made: gnutls_pubkey_t?
        let code = unsafe gnutls_pubkey_init(&made)
        guard code == 0, let made = unsafe made else { preconditionFailure("no memory for a key") }
        do throws(Problem) {
            guard unsafe load(made) == 0 else { throw .malformed }
            kind = try unsafe Self.kind(of: made)
        } catch {
            unsafe gnutls_pubkey_deinit(made)
            throw error
        }
        unsafe key = made
    }

    deinit { unsafe gnutls_pubkey_deinit(key) }

    private static func kind(of key: gnutls_pubkey_t) throws(Problem) -> Kind {
        var bits: UInt32 = 0
        let algorithm = unsafe gnutls_pubkey_get_pk_algorithm(key, &bits)
        switch UInt32(bitPattern: algorithm) {
        case GNUTLS_PK_RSA.rawValue:
            guard bits >= leastBits else { throw .tooShort(bits: Int(bits)) }
            guard bits <= mostBits else { throw .unsupported }
            return .rsa
        case GNUTLS_PK_ECDSA.rawValue:
            var curve = GNUTLS_ECC_CURVE_INVALID
            guard unsafe gnutls_pubkey_export_ecc_raw2(key, &curve, nil, nil, 0) == 0,
                curve == GNUTLS_ECC_CURVE_SECP256R1
            else { throw .unsupported }
            guard unsafe gnutls_pubkey_verify_params(key) == 0 else { throw .malformed }
            return .p256
        default: throw .unsupported
        }
    }

    /// Whether `signature` is one of `message` by this key's owner.
    /// - Parameter signature: of P-256 the numbers r and s, 32 bytes each (RFC 7518 §3.4), not their DER form.
    package func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        switch kind {
        case .rsa: return verifies(signature, message, GNUTLS_SIGN_RSA_SHA256)
        case .p256:
            guard signature.count == 64, let encoded = Self.encoded(signature) else { return false }
            return verifies(encoded, message, GNUTLS_SIGN_ECDSA_SHA256)
        }
    }

    private func verifies(_ signature: [UInt8], _ message: [UInt8], _ algorithm: gnutls_sign_algorithm_t) -> Bool {
        guard !signature.isEmpty else { return false }
        return lock.withLock { _ in
            unsafe withDatum(message) { message in
                unsafe withDatum(signature) { signature in
                    unsafe gnutls_pubkey_verify_data2(key, algorithm, 0, message, signature) >= 0
                }
            }
        }
    }

    /// The DER form of r and s.
    private static func encoded(_ signature: [UInt8]) -> [UInt8]? {
        var value = unsafe gnutls_datum_t()
        let code = unsafe withDatum(Array(signature[..<32])) { r in
            unsafe withDatum(Array(signature[32...])) { s in unsafe gnutls_encode_rs_value(&value, r, s) }
        }
        guard code == 0, let data = unsafe value.data else { return nil }
        defer { unsafe gnutls_shim_free(data) }
        return unsafe Array(UnsafeBufferPointer(start: data, count: Int(value.size)))
    }
}

/// Lends `bytes` to a call that takes a datum and does not keep it.
private func withDatum<Value>(_ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Value) -> Value {
    var bytes = bytes
    return unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        var datum = unsafe gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count))
        return unsafe body(&datum)
    }
}
