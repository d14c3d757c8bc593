internal import ChatEngine
internal import HTTPTransport

/// The public keys of one algorithm: one key from PEM, or those of a JSON Web Key Set (RFC 7517).
package struct TokenKeySet: Sendable {
    package enum Algorithm: String, Sendable, CaseIterable {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        case rs256 = "RS256"
        /// ECDSA with P-256 and SHA-256.
        case es256 = "ES256"
    }

    /// What is wrong with a configured key.
    package enum Problem: Error, Hashable, Sendable {
        /// Neither a public key nor a certificate in PEM.
        case notPEM
        /// The file holds a private key.
        case privateKey
        /// The key is of another kind than the algorithm's.
        case wrongKind
        /// An RSA key below 2048 bits.
        case tooShort(bits: Int)
        /// The file is not a JSON object with the array `keys`.
        case notAKeySet
        /// The set has no key that fits the algorithm.
        case noKey
        /// Two fitting keys of the set have this `kid`.
        case ambiguous(kid: String)

        /// For the operator, to follow the file's name.
        package var description: String {
            switch self {
            case .notPEM: "holds neither a PUBLIC KEY nor a CERTIFICATE in PEM"
            case .privateKey: "holds a private key; give the public one"
            case .wrongKind: "holds a key of another kind than the algorithm's"
            case .tooShort(let bits): "holds an RSA key of \(bits) bits; at least 2048 are needed"
            case .notAKeySet: "is not a JSON Web Key Set"
            case .noKey: "has no key that fits the algorithm"
            case .ambiguous(let kid): "has two fitting keys with the kid \"\(kid)\""
            }
        }
    }

    /// A key of a set, and what tokens call it.
    private struct Entry: Sendable {
        let kid: String?
        let key: PublicKey
    }

    package let algorithm: Algorithm
    /// At least one; all of the algorithm's kind.
    private let entries: [Entry]
    /// A key from PEM has no name, so it is tried whatever a token calls its key.
    private let isNamed: Bool

    /// The key of a PEM text: `PUBLIC KEY` or `CERTIFICATE`.
    package init(_ algorithm: Algorithm, pem: String) throws(Problem) {
        let key: PublicKey
        do throws(PublicKey.Problem) { key = try PublicKey(pem: pem) } catch {
            switch error {
            case .malformed: throw .notPEM
            case .privateKey: throw .privateKey
            case .unsupported: throw .wrongKind
            case .tooShort(let bits): throw .tooShort(bits: bits)
            }
        }
        guard key.kind == algorithm.kind else { throw .wrongKind }
        self.algorithm = algorithm
        entries = [Entry(kid: nil, key: key)]
        isNamed = false
    }

    /// The keys of a set that are meant for this algorithm. Others, and those that cannot be read, are ignored, as
    /// RFC 7517 §5 asks.
    package init(_ algorithm: Algorithm, jwks text: [UInt8]) throws(Problem) {
        guard let set = try? JSONValue(parsing: text, limits: JSONLimits(depth: 16, bytes: 1 << 20)),
            case .array(let members)? = set["keys"]
        else { throw .notAKeySet }
        var entries: [Entry] = []
        for member in members {
            guard let key = Self.key(member, algorithm) else { continue }
            let kid = member["kid"]?.string
            if let kid, entries.contains(where: { $0.kid?.utf8.elementsEqual(kid.utf8) == true }) {
                throw .ambiguous(kid: kid)
            }
            entries.append(Entry(kid: kid, key: key))
        }
        guard !entries.isEmpty else { throw .noKey }
        self.algorithm = algorithm
        self.entries = entries
        isNamed = true
    }

    /// The key that a token's `kid` names; of a token without one the only key there is.
    func key(named kid: JSONValue?) -> PublicKey? {
        guard isNamed else { return entries[0].key }
        switch kid {
        case nil: return entries.count == 1 ? entries[0].key : nil
        case .string(let kid): return entries.first { $0.kid?.utf8.elementsEqual(kid.utf8) == true }?.key
        default: return nil
        }
    }

    private static func key(_ member: JSONValue, _ algorithm: Algorithm) -> PublicKey? {
        guard member["kty"]?.string == algorithm.keyType, isAbsent(member["use"], or: "sig"),
            isAbsent(member["alg"], or: algorithm.rawValue)
        else { return nil }
        if let operations = member["key_ops"] {
            guard case .array(let names) = operations, names.contains(.string("verify")) else { return nil }
        }
        func bytes(_ name: String) -> [UInt8] { member[name]?.string.flatMap { Base64.decodeURL($0) } ?? [] }
        switch algorithm {
        case .rs256: return try? PublicKey(rsaModulus: bytes("n"), exponent: bytes("e"))
        case .es256:
            guard member["crv"]?.string == "P-256" else { return nil }
            return try? PublicKey(p256X: bytes("x"), y: bytes("y"))
        }
    }

    private static func isAbsent(_ value: JSONValue?, or text: String) -> Bool {
        value == nil || value == .string(text)
    }
}

extension TokenKeySet.Algorithm {
    fileprivate var kind: PublicKey.Kind {
        switch self {
        case .rs256: .rsa
        case .es256: .p256
        }
    }

    fileprivate var keyType: String {
        switch self {
        case .rs256: "RSA"
        case .es256: "EC"
        }
    }
}
