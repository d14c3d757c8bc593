import ChatEngine
import HTTPTransport
import TestSupport
import Testing

@testable import ChatAPI

/// Signatures: the vectors of RFC 7515 and 7520, keys, and what is not to be let through.
@Suite struct TokenSignatureTests {
    typealias V = TokenVectors

    private static func keySet(_ keys: String...) -> [UInt8] {
        Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8)
    }

    private static func key(_ text: String) throws -> [UInt8] { try #require(Base64.decodeURL(text)) }

    private static func payload(_ token: String, _ verifier: TokenVerifier) throws -> String {
        String(decoding: try verifier.verified(token).payload, as: UTF8.self)
    }

    @Test func vectorsOfTheRFCs() throws {
        let claims = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
        #expect(try Self.payload(V.a1, TokenVerifier(secret: Self.key(V.a1Key))) == claims)
        for verifier in [
            TokenVerifier(keys: try TokenKeySet(.rs256, pem: V.a2PEM)),
            TokenVerifier(keys: try TokenKeySet(.rs256, jwks: Self.keySet(V.a3JWK, V.a2JWK))),
        ] {
            #expect(verifier.algorithm == "RS256")
            #expect(try Self.payload(V.a2, verifier) == claims)
            #expect(throws: JSONWebToken.Problem.algorithm("ES256")) { try verifier.verified(V.a3) }
            #expect(throws: JSONWebToken.Problem.algorithm("HS256")) { try verifier.verified(V.a1) }
        }
        for verifier in [
            TokenVerifier(keys: try TokenKeySet(.es256, pem: V.a3PEM)),
            TokenVerifier(keys: try TokenKeySet(.es256, jwks: Self.keySet(V.a3JWK, V.a2JWK))),
        ] {
            #expect(verifier.algorithm == "ES256")
            #expect(try Self.payload(V.a3, verifier) == claims)
            #expect(throws: JSONWebToken.Problem.algorithm("RS256")) { try verifier.verified(V.a2) }
        }
        let text = "It\u{2019}s a dangerous business, Frodo, going out your door."
        let rsa = TokenVerifier(keys: try TokenKeySet(.rs256, jwks: Self.keySet(V.cookbookRSA, V.rsJWK)))
        #expect(try Self.payload(V.cookbook41, rsa).hasPrefix(text))
        #expect(try Self.payload(V.cookbook44, TokenVerifier(secret: Self.key(V.cookbookOct))).hasPrefix(text))
    }

    @Test func aKeyComesFromACertificateToo() throws {
        let rsa = TokenVerifier(keys: try TokenKeySet(.rs256, pem: V.rsCert))
        let ecdsa = TokenVerifier(keys: try TokenKeySet(.es256, pem: "a comment\n" + V.esCert))
        // A key from PEM has no name: the token's does not matter.
        for token in [V.rsToken, V.rsTokenNoKid] { #expect(try Self.payload(token, rsa).contains("ann")) }
        #expect(try Self.payload(V.esToken, ecdsa).contains("ann"))
        #expect(throws: JSONWebToken.Problem.signature) { try rsa.verified(V.a2) }
        #expect(throws: JSONWebToken.Problem.signature) { try ecdsa.verified(V.a3) }
    }

    @Test func keysThatAreRefused() {
        let privateKey = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
        let cases: [(TokenKeySet.Algorithm, String, TokenKeySet.Problem)] = [
            (.rs256, V.rsShortPEM, .tooShort(bits: 1024)), (.rs256, V.esPEM, .wrongKind), (.es256, V.rsPEM, .wrongKind),
            (.es256, V.p384PEM, .wrongKind), (.es256, "", .notPEM), (.es256, "\0", .notPEM), (.rs256, "x", .notPEM),
            (.rs256, String(V.rsPEM.dropLast(60)), .notPEM), (.es256, privateKey, .privateKey),
            (.es256, V.esPEM + privateKey, .privateKey),
        ]
        for (algorithm, pem, problem) in cases {
            #expect(throws: problem) { try TokenKeySet(algorithm, pem: pem) }
            #expect(!problem.description.isEmpty)
        }
    }

    @Test func aSetsKeyIsChosenByItsName() throws {
        func verifier(_ algorithm: TokenKeySet.Algorithm, _ keys: String...) throws -> TokenVerifier {
            TokenVerifier(
                keys: try TokenKeySet(algorithm, jwks: Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8)))
        }
        // By name, whatever the order and the strangers.
        let strangers = [#"{"kty":"oct","k":"AAAA","kid":"r1"}"#, "7", #"{"kty":"RSA","kid":"r1"}"#]
        let both = try verifier(.rs256, strangers[0], strangers[1], strangers[2], V.esJWK, V.cookbookRSA, V.rsJWK)
        #expect(try Self.payload(V.rsToken, both).contains("ann"))
        #expect(try Self.payload(V.cookbook41, both).contains("Frodo"))
        // Without a name only where there is no choice.
        #expect(throws: JSONWebToken.Problem.signature) { try both.verified(V.rsTokenNoKid) }
        let one = try verifier(.rs256, V.esJWK, V.rsJWK)
        #expect(try Self.payload(V.rsTokenNoKid, one).contains("ann"))
        // A name that no key has, and a name that is none.
        #expect(throws: JSONWebToken.Problem.signature) { try one.verified(V.cookbook41) }
        let parts = V.rsToken.split(separator: ".")
        for header in [#"{"alg":"RS256","kid":1}"#, #"{"alg":"RS256","kid":null}"#, #"{"alg":"RS256","kid":"r2"}"#] {
            let token = "\(Base64.encodeURL(Array(header.utf8))).\(parts[1]).\(parts[2])"
            #expect(throws: JSONWebToken.Problem.signature) { try one.verified(token) }
        }
        // Keys that are for something else.
        for other in [
            #""use":"enc""#, #""alg":"RS512""#, #""key_ops":["sign"]"#, #""alg":null"#, #""key_ops":"verify""#,
        ] {
            let key = "{\(other)," + V.rsJWK.dropFirst()
            #expect(throws: TokenKeySet.Problem.noKey) { try verifier(.rs256, key) }
        }
        let meant = #"{"use":"sig","alg":"RS256","key_ops":["verify"],"# + V.rsJWK.dropFirst()
        #expect(try Self.payload(V.rsToken, verifier(.rs256, meant)).contains("ann"))
        #expect(throws: TokenKeySet.Problem.noKey) { try verifier(.es256, V.rsJWK) }
        #expect(throws: TokenKeySet.Problem.ambiguous(kid: "r1")) { try verifier(.rs256, V.rsJWK, V.rsJWK) }
    }

    @Test func setsThatAreRefused() {
        for text in ["", "[]", "{}", #"{"keys":{}}"#, V.rsJWK, #"{"keys":["#] {
            #expect(throws: TokenKeySet.Problem.notAKeySet) { try TokenKeySet(.rs256, jwks: Array(text.utf8)) }
        }
        // A point that is not on the curve.
        let zero = Base64.encodeURL([UInt8](repeating: 0, count: 31) + [1])
        let point = #"{"kty":"EC","crv":"P-256","x":"\#(zero)","y":"\#(zero)"}"#
        #expect(throws: TokenKeySet.Problem.noKey) { try TokenKeySet(.es256, jwks: Self.keySet(point)) }
    }

    @Test func confusionsAreRefused() throws {
        let rsa = TokenVerifier(keys: try TokenKeySet(.rs256, pem: V.rsPEM))
        let ecdsa = TokenVerifier(keys: try TokenKeySet(.es256, pem: V.esPEM))
        // An HMAC made with the public key's text: only a verifier whose secret is that text takes it.
        #expect(throws: JSONWebToken.Problem.algorithm("HS256")) { try rsa.verified(V.confusedToken) }
        // Another signature scheme, or encoding, under the right name.
        #expect(throws: JSONWebToken.Problem.signature) { try rsa.verified(V.pssToken) }
        #expect(throws: JSONWebToken.Problem.signature) { try ecdsa.verified(V.esDERToken) }
        // The numbers that would fit every message if they were not looked at.
        let signed = V.esToken.split(separator: ".").prefix(2).joined(separator: ".")
        for number: [UInt8] in [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 0xFF, count: 32)] {
            let token = signed + "." + Base64.encodeURL(number + number)
            #expect(throws: JSONWebToken.Problem.signature) { try ecdsa.verified(token) }
        }
        for name in ["none", "None", "nOnE", "HS256", "hs256", "RS512", "PS256", "ES384", ""] {
            let payload = V.rsToken.split(separator: ".")[1]
            for signature in ["", "AAAA"] {
                let token = Base64.encodeURL(Array(#"{"alg":"\#(name)"}"#.utf8)) + ".\(payload).\(signature)"
                #expect(throws: JSONWebToken.Problem.algorithm(name)) { try rsa.verified(token) }
                #expect(throws: JSONWebToken.Problem.algorithm(name)) { try ecdsa.verified(token) }
                #expect(throws: JSONWebToken.Problem.signature) { try TokenVerifier(secret: [1]).verified(token) }
            }
        }
    }

    @Test func partsAndLength() throws {
        let verifier = TokenVerifier(secret: try Self.key(V.a1Key))
        let parts = V.a1.split(separator: ".").map(String.init)
        for token in ["", ".", "a.b", V.a1 + ".", "." + V.a1, "a.b.c.d", parts[0] + "." + parts[1]] {
            #expect(throws: JSONWebToken.Problem.format) { try verifier.verified(token) }
        }
        for token in ["..", V.a1 + "=", V.a1 + " ", " " + V.a1, V.a1.dropLast() + "l", parts[0] + "." + parts[1] + "."]
        {
            #expect(throws: JSONWebToken.Problem.signature) { try verifier.verified(token) }
        }
        // The longest there may be is genuine, one byte more is not looked at.
        let key = [UInt8](repeating: 7, count: 32)
        func minted(_ length: Int) -> String {
            JSONWebToken.mint(["a": .string(String(repeating: "x", count: length))], key: key)
        }
        var length = JSONWebToken.longestBytes / 4 * 3 - 100
        while minted(length + 1).utf8.count <= JSONWebToken.longestBytes { length += 1 }
        #expect(try TokenVerifier(secret: key).verified(minted(length)).payload.count == length + 8)
        #expect(throws: JSONWebToken.Problem.format) { try TokenVerifier(secret: key).verified(minted(length + 1)) }
    }

    /// No token that differs in a bit from a genuine one is genuine.
    @Test func flippedBits() throws {
        var random = SplitMix64(seed: 20)
        let cases: [(String, TokenVerifier, Int)] = [
            (V.a1, TokenVerifier(secret: try Self.key(V.a1Key)), 2000),
            (V.rsToken, TokenVerifier(keys: try TokenKeySet(.rs256, pem: V.rsPEM)), 300),
            (V.esToken, TokenVerifier(keys: try TokenKeySet(.es256, pem: V.esPEM)), 300),
        ]
        for (token, verifier, rounds) in cases {
            _ = try verifier.verified(token)
            for _ in 0..<rounds {
                var bytes = Array(token.utf8)
                for _ in 0...Int.random(in: 0...2, using: &random) {
                    let index = Int.random(in: bytes.indices, using: &random)
                    bytes[index] ^= 1 << UInt8.random(in: 0..<7, using: &random)
                }
                let flipped = String(decoding: bytes, as: UTF8.self)
                guard flipped != token else { continue }
                #expect(throws: JSONWebToken.Problem.self) { try verifier.verified(flipped) }
            }
        }
    }
}
