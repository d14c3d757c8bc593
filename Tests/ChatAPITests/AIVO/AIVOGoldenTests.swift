import ChatAPI
import ChatEngine
import HTTPTransport
import TestSupport
import Testing

/// All golden cases of the contract, under both prefixes, in process and over a socket, in their order against one fresh
/// surface each.
@Suite struct AIVOGoldenTests {
    @Test(arguments: Route.allCases, ["/api/v1", "/chat/v1"]) func cases(_ route: Route, _ prefix: String) async throws
    {
        let fixture = try AIVOFixture(route)
        var run = GoldenRun(fixture: fixture, prefix: prefix)
        for golden in AIVOGoldenCases.all { try await run.check(golden) }
    }

    /// The token that the contract has signed beforehand.
    @Test func preSignedToken() async throws {
        let text =
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLXRlYWNoIiwidGVuYW50X2lkIjoidGVuYW50LWEiLCJyb2xlIjoidGVhY2hlciIsImxlYXJuZXJfc2NvcGUiOlsibGVhcm5lci0xIiwibGVhcm5lci0yIl0sInBlcm1pc3Npb25zIjpbImNoYXQ6cmVhZCIsImNoYXQ6d3JpdGUiXSwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDB9.EQo5L-HTPMABefnhmSRhOxBS3nBRwJjEwmQByeFzfOc"
        #expect(AIVOToken.teacher.text == text)
        let reply = try await AIVOFixture().send(
            "GET", "/api/v1/threads", nil, headers: [("Authorization", "Bearer \(text)")])
        #expect(reply.status == 200)
    }

    /// B2: the 61st request of an address within a minute; the five open paths are not counted.
    @Test(arguments: Route.allCases) func rateLimit(_ route: Route) async throws {
        let fixture = try AIVOFixture(route) { $0.requestsPerMinute = 60 }
        for _ in 0..<60 { #expect(try await fixture.call("GET", "/health", nil).status == 200) }
        let refused = try await fixture.call("GET", "/health", nil)
        #expect(refused.status == 429)
        #expect(try refused.json == .object(["detail": .string("Rate limit exceeded")]))
        #expect(try #require(refused.header("Retry-After").flatMap { Int($0) }) <= 60)
        for path in ["/health", "/"] { #expect(try await fixture.send("GET", path, nil).status == 200) }
        fixture.clock.advance(microseconds: 60_000_000)
        #expect(try await fixture.call("GET", "/health", nil).status == 200)
    }

    /// B5: the scheme's case does not matter, and neither does an audience that nobody has configured.
    @Test func schemeAndAudience() async throws {
        let fixture = try AIVOFixture()
        let lower = try await fixture.send(
            "GET", "/api/v1/threads", nil, headers: [("Authorization", "bearer \(AIVOToken.teacher.text)")])
        #expect(lower.status == 200)
        let token = AIVOToken(#""sub":"u","tenant_id":"tenant-a","role":"admin","aud":"somebody""#)
        #expect(try await fixture.call("GET", "/threads", token).status == 200)
        let strict = try AIVOFixture { $0.rules = TokenClaims.Rules(audience: "aivo") }
        #expect(try await strict.call("GET", "/threads", token).status == 401)
    }
}

private struct GoldenRun {
    let fixture: AIVOFixture
    let prefix: String
    var saved: [String: String] = [:]

    init(fixture: AIVOFixture, prefix: String) {
        self.fixture = fixture
        self.prefix = prefix
    }

    mutating func check(_ golden: AIVOGoldenCases.Case) async throws {
        let path = substituted(golden.path.hasPrefix(".") ? String(golden.path.dropFirst()) : prefix + golden.path)
        var headers = golden.json == nil ? [] : [("Content-Type", "application/json")]
        if golden.token == "junk" { headers.append(("Authorization", "Bearer junk")) }
        let token = golden.token.flatMap { AIVOToken.byName[$0] }
        let reply = try await fixture.send(
            golden.method, path, token, headers: headers, body: golden.json.map { Array(substituted($0).utf8) })
        #expect(reply.status == golden.status, "\(golden.name): \(reply.text)")
        let id = try #require(reply.header("X-Request-ID"), "\(golden.name)")
        #expect(id.wholeMatch(of: Self.uuid) != nil, "\(golden.name): \(id)")
        #expect(reply.header("Content-Type") == "application/json", "\(golden.name)")
        if let body = golden.body {
            let expected = try JSONValue(parsing: Array(substituted(body).utf8))
            #expect(Self.matches(try reply.json, expected), "\(golden.name): \(reply.text)")
        }
        if let (name, key) = golden.save { saved[name] = try #require(try reply.json[key]?.string) }
        if let (key, name) = golden.later {
            #expect(try #require(try reply.json[key]?.string) > (try #require(saved[name])), "\(golden.name)")
        }
    }

    private static var uuid: Regex<Substring> { /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/ }
    private static var time: Regex<(Substring, Substring?)> { /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z/ }

    private static func matches(_ actual: JSONValue, _ expected: JSONValue) -> Bool {
        switch (actual, expected) {
        case (.string, .string("*")): true
        case (.string(let text), .string("<uuid>")): text.wholeMatch(of: uuid) != nil
        case (.string(let text), .string("<ts>")): text.wholeMatch(of: time) != nil
        case (.array(let a), .array(let e)): a.count == e.count && zip(a, e).allSatisfy { matches($0, $1) }
        case (.object(let a), .object(let e)):
            Set(a.keys) == Set(e.keys) && e.keys.allSatisfy { matches(a[$0] ?? .null, e[$0] ?? .null) }
        default: actual == expected
        }
    }

    private func substituted(_ text: String) -> String {
        saved.reduce(text) { $0.replacing("{{\($1.key)}}", with: $1.value) }
    }
}
