import ChatEngine
import HTTPTransport
import LogStore
import Testing

@testable import ChatAPI

/// What genuine tokens may say.
@Suite struct TokenClaimsTests {
    private let key = [UInt8]("a key of these tests".utf8)
    private var verifier: TokenVerifier { TokenVerifier(secret: key) }
    private let now = Timestamp(microseconds: 1_700_000_000_500_000)

    private func token(_ payload: [UInt8], header: String = #"{"alg":"HS256"}"#) -> String {
        let signed = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(payload)
        return signed + "." + Base64.encodeURL(Cryptography.hmacSHA256(key: key, Array(signed.utf8)))
    }

    private func claims(
        _ payload: String, header: String = #"{"alg":"HS256"}"#, _ rules: TokenClaims.Rules = TokenClaims.Rules(),
        grace: Double = 0
    ) throws(TokenClaims.Problem) -> TokenClaims {
        try TokenClaims(
            of: token(Array(payload.utf8), header: header), verifier, rules, now: now, graceSeconds: grace)
    }

    @Test func whatIsReadOfAToken() throws {
        let claims = try claims(#"{"sub":"ann","exp":1700000000.75,"iat":1.7e9,"nbf":-1,"role":"teacher","n":null}"#)
        #expect(claims.subject == "ann")
        #expect(claims.expiresAt == 1_700_000_000.75)
        #expect(claims.issuedAt == 1_700_000_000)
        #expect(claims["role"] == .string("teacher"))
        #expect(claims["n"] == .null)
        #expect(claims.members.keys == ["sub", "exp", "iat", "nbf", "role", "n"])
        let empty = try self.claims("{}")
        #expect(empty.subject == nil && empty.expiresAt == nil && empty.issuedAt == nil)
    }

    @Test(arguments: ["exp", "nbf", "iat"])
    func timesAreNumbers(_ name: String) {
        for value in [#""1800000000""#, #""1""#, "null", "true", "[1800000000]", "{}", "1e999", "-1e999"] {
            #expect(throws: TokenClaims.Problem.malformed(name)) { try claims(#"{"\#(name)":\#(value)}"#) }
        }
    }

    @Test func subjectsAreTexts() {
        for value in ["1", "null", "true", #"["ann"]"#, "{}"] {
            #expect(throws: TokenClaims.Problem.malformed("sub")) { try claims(#"{"sub":\#(value)}"#) }
        }
    }

    @Test func times() throws {
        // The instant itself: expired, and no longer too early.
        #expect(throws: TokenClaims.Problem.expired) { try claims(#"{"exp":1700000000.5}"#) }
        #expect(throws: TokenClaims.Problem.expired) { try claims(#"{"exp":-5}"#) }
        _ = try claims(#"{"exp":1700000000.6,"nbf":1700000000.5,"iat":1700000000.5}"#)
        #expect(throws: TokenClaims.Problem.notYetValid) { try claims(#"{"nbf":1700000000.6}"#) }
        #expect(throws: TokenClaims.Problem.notYetValid) { try claims(#"{"iat":1700000001}"#) }
        let leeway = TokenClaims.Rules(leewaySeconds: 10)
        _ = try claims(#"{"exp":1699999991,"nbf":1700000010,"iat":1700000010}"#, leeway)
        #expect(throws: TokenClaims.Problem.expired) { try claims(#"{"exp":1699999990}"#, leeway) }
        #expect(throws: TokenClaims.Problem.notYetValid) { try claims(#"{"iat":1700000011}"#, leeway) }
        // Renewal: up to seven days after the end.
        let week = 7.0 * 86_400
        _ = try claims(#"{"exp":1699395201}"#, grace: week)
        #expect(throws: TokenClaims.Problem.expired) { try claims(#"{"exp":1699395200.5}"#, grace: week) }
    }

    @Test func issuerAndAudience() throws {
        let rules = TokenClaims.Rules(issuer: "joe", audience: "chat")
        for audience in [#""chat""#, #"["chat"]"#, #"["x",1,"chat"]"#] {
            _ = try claims(#"{"iss":"joe","aud":\#(audience)}"#, rules)
        }
        for issuer in [#""Joe""#, "null", "1", #"["joe"]"#] {
            #expect(throws: TokenClaims.Problem.issuer) { try claims(#"{"iss":\#(issuer),"aud":"chat"}"#, rules) }
        }
        #expect(throws: TokenClaims.Problem.issuer) { try claims(#"{"aud":"chat"}"#, rules) }
        for audience in [#""chats""#, "null", "[]", #"["x"]"#, #"[["chat"]]"#, #"{"chat":1}"#] {
            #expect(throws: TokenClaims.Problem.audience) { try claims(#"{"iss":"joe","aud":\#(audience)}"#, rules) }
        }
        #expect(throws: TokenClaims.Problem.audience) { try claims(#"{"iss":"joe"}"#, rules) }
        // Only what is configured is looked at.
        _ = try claims(#"{"iss":7,"aud":"somebody"}"#)
        let kelvin = TokenClaims.Rules(issuer: "K")
        #expect(throws: TokenClaims.Problem.issuer) { try claims("{\"iss\":\"\u{212A}\"}", kelvin) }
    }

    @Test func nothingComesTwice() throws {
        for payload in [
            #"{"sub":"ann","sub":"bob"}"#, #"{"sub":"ann","sub":"ann"}"#, #"{"sub":"ann","\u0073ub":"bob"}"#,
            #"{"sub":null,"role":1,"sub":"bob","role":2}"#,
        ] {
            #expect(throws: TokenClaims.Problem.malformed("sub")) { try claims(payload) }
        }
        #expect(throws: TokenClaims.Problem.malformed("alg")) {
            try claims("{}", header: #"{"alg":"none","alg":"HS256"}"#)
        }
        // Inside of a claim nobody chooses by names.
        _ = try claims(#"{"sessionData":{"a":1,"a":2}}"#)
    }

    @Test func headersThatAskForMore() {
        for header in [#"{"alg":"HS256","crit":["exp"]}"#, #"{"alg":"HS256","b64":false,"crit":["b64"]}"#] {
            #expect(throws: TokenClaims.Problem.malformed("crit")) { try claims("{}", header: header) }
        }
    }

    @Test func payloadsThatAreNone() {
        for payload in ["", "null", "[]", "7", #""x""#, "{", "{}{}", #"{"sub":"\ud800"}"#, "\u{FEFF}{}"] {
            #expect(throws: TokenClaims.Problem.token(.payload)) { try claims(payload) }
        }
        let deep = #"{"a":"# + String(repeating: "[", count: 16) + String(repeating: "]", count: 16) + "}"
        #expect(throws: TokenClaims.Problem.token(.payload)) { try claims(deep) }
        for bytes: [UInt8] in [[0x7B, 0x22, 0xC0, 0x80, 0x22, 0x3A, 0x31, 0x7D], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            let token = token(bytes)
            #expect(throws: TokenClaims.Problem.token(.payload)) { try TokenClaims(of: token, verifier, now: now) }
        }
        #expect(throws: TokenClaims.Problem.token(.signature)) {
            try TokenClaims(of: token([]) + "A", verifier, now: now)
        }
    }

    @Test func tokensOfPublicKeys() throws {
        let rules = TokenClaims.Rules(issuer: "joe", audience: "chat")
        let then = Timestamp(microseconds: 1_700_003_600_499_999)
        for (token, verifier) in [
            (TokenVectors.rsToken, TokenVerifier(keys: try TokenKeySet(.rs256, pem: TokenVectors.rsPEM))),
            (TokenVectors.esToken, TokenVerifier(keys: try TokenKeySet(.es256, pem: TokenVectors.esPEM))),
        ] {
            #expect(try TokenClaims(of: token, verifier, rules, now: then).subject == "ann")
            #expect(throws: TokenClaims.Problem.expired) {
                try TokenClaims(of: token, verifier, rules, now: Timestamp(microseconds: then.microseconds + 1))
            }
        }
    }

    @Test func tokensOfThisServer() throws {
        let poc = JSONWebToken.pocClaims(userID: "u1", role: "admin", now: now, lifetimeSeconds: 86_400)
        let rules = TokenClaims.Rules(issuer: JSONWebToken.pocIssuer, audience: JSONWebToken.pocAudience)
        let read = try TokenClaims(of: JSONWebToken.mint(poc, key: key), verifier, rules, now: now)
        #expect(read.members == poc)
        #expect(read["issued"] == .string("2023-11-14T22:13:20.500Z"))
        #expect(read["type"] == .string("websocket_auth"))
        #expect(read.expiresAt == 1_700_086_400 && read.issuedAt == 1_700_000_000)
        let aivo = JSONWebToken.aivoClaims(
            subject: "t1", tenant: "school", role: "teacher", learners: ["l1", "l2"], permissions: [], now: now,
            lifetimeSeconds: 60)
        let claims = try TokenClaims(of: JSONWebToken.mint(aivo, key: key), verifier, now: now)
        #expect(claims.subject == "t1")
        #expect(claims["learner_scope"] == .array([.string("l1"), .string("l2")]))
        for other in [key + [1], []] {
            let token = JSONWebToken.mint(aivo, key: other)
            #expect(throws: TokenClaims.Problem.token(.signature)) { try TokenClaims(of: token, verifier, now: now) }
        }
        let unsigned = JSONWebToken.mint(aivo, key: [])
        #expect(throws: TokenClaims.Problem.token(.signature)) {
            try TokenClaims(of: unsigned, TokenVerifier(secret: []), now: now)
        }
    }
}
