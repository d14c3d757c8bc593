internal import CGnuTLS

/// SHA-256 of bytes that come piece by piece. Confined to one thread at a time.
final class SHA256Stream {
    private var handle: gnutls_hash_hd_t?

    init() {
        let code = gnutls_hash_init(&handle, GNUTLS_DIG_SHA256)
        precondition(code == 0, "SHA-256 is part of every GnuTLS")
    }

    deinit { if let handle { gnutls_hash_deinit(handle, nil) } }

    func update(_ bytes: [UInt8]) {
        guard let handle else { preconditionFailure("the digest has been taken") }
        let code = gnutls_hash(handle, bytes, bytes.count)
        precondition(code == 0, "hashing failed")
    }

    /// The digest of everything so far; ends the stream.
    func finish() -> [UInt8] {
        guard let handle else { preconditionFailure("the digest has been taken") }
        var digest = [UInt8](repeating: 0, count: 32)
        gnutls_hash_deinit(handle, &digest)
        self.handle = nil
        return digest
    }
}
