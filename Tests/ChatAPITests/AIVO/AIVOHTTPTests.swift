import ChatAPI
import ChatEngine
import HTTPTransport
import TestSupport
import Testing

/// What is not in bodies: methods, paths, cross-origin fields.
@Suite struct AIVOHTTPTests {
    @Test(arguments: Route.allCases) func methodsAndPaths(_ route: Route) async throws {
        let fixture = try AIVOFixture(route)
        let wrong: [(method: String, path: String, allow: String)] = [
            ("PATCH", "/api/v1/threads", "POST"), ("PUT", "/chat/v1/threads", "POST"), ("POST", "/health", "GET"),
            ("POST", "/api/v1/threads/x", "GET"), ("PATCH", "/api/v1/threads/x/messages", "POST"),
            ("POST", "/api/v1/threads/x/messages/y", "GET"), ("GET", "/api/v1/privacy/delete", "POST"),
            ("OPTIONS", "/api/v1/threads", "POST"), ("DELETE", "/", "GET"), ("PUT", "/api/v1/privacy/log", "GET"),
        ]
        for (method, path, allow) in wrong {
            let reply = try await fixture.send(method, path, nil)
            #expect(reply.status == 405, "\(method) \(path)")
            #expect(reply.header("Allow") == allow, "\(method) \(path)")
            #expect(reply.text == #"{"detail":"Method Not Allowed"}"#)
            #expect(reply.header("X-Request-ID") != nil)
        }
        for path in ["/", "/health", "/api/v1/health", "/api/v1/threads", "/api/v1/threads/x"] {
            #expect(try await fixture.send("HEAD", path, nil).status == 405, "HEAD \(path)")
        }
        for path in [
            "/nope", "/api/v1", "/api/v2/threads", "/api/v1/Threads", "/api/v1/threads/x/y", "/chat/v1/privacy",
        ] {
            let reply = try await fixture.send("GET", path, nil)
            #expect(reply.status == 404, "\(path)")
            #expect(reply.text == #"{"detail":"Not Found"}"#)
        }
        for (path, location) in [
            ("/api/v1/threads/", "/api/v1/threads"), ("/health/", "/health"),
            ("/chat/v1/threads/x/messages/?limit=3", "/chat/v1/threads/x/messages?limit=3"),
        ] {
            let reply = try await fixture.send("GET", path, nil)
            #expect(reply.status == 307, "\(path)")
            #expect(reply.header("Location") == location)
            #expect(reply.body.isEmpty)
        }
        let ids = [
            try await fixture.send("GET", "/health", nil).header("X-Request-ID"),
            try await fixture.send("GET", "/health", nil, headers: [("X-Request-ID", "mine")]).header("X-Request-ID"),
        ]
        #expect(ids[0] != nil && ids[1] != nil && ids[0] != ids[1] && ids[1] != "mine")
    }

    @Test(arguments: Route.allCases) func crossOrigin(_ route: Route) async throws {
        let fixture = try AIVOFixture(route)
        let asks = [("Origin", "https://app.test"), ("Access-Control-Request-Method", "PUT")]
        let preflight = try await fixture.send(
            "OPTIONS", "/api/v1/threads", nil,
            headers: asks + [("Access-Control-Request-Headers", "authorization, x-y")])
        #expect(preflight.status == 200)
        #expect(preflight.text == "OK")
        #expect(preflight.header("Content-Type") == "text/plain; charset=utf-8")
        #expect(preflight.header("Access-Control-Allow-Origin") == "https://app.test")
        #expect(preflight.header("Access-Control-Allow-Methods") == "GET, POST, PUT, DELETE, OPTIONS")
        #expect(preflight.header("Access-Control-Allow-Headers") == "authorization, x-y")
        #expect(preflight.header("Access-Control-Max-Age") == "600")
        #expect(preflight.header("Access-Control-Allow-Credentials") == "true")
        #expect(preflight.header("Vary") == "Origin")
        #expect(preflight.header("X-Request-ID") != nil)
        let trace = try await fixture.send(
            "OPTIONS", "/nowhere", nil, headers: [("Origin", "https://x"), ("Access-Control-Request-Method", "TRACE")])
        #expect(trace.status == 400)
        #expect(trace.text == "Disallowed CORS method")

        let simple = try await fixture.send("GET", "/health", nil, headers: [("Origin", "https://x")])
        #expect(simple.header("Access-Control-Allow-Origin") == "*")
        #expect(simple.header("Access-Control-Allow-Credentials") == "true")
        #expect(simple.header("Vary") == nil)
        let cookie = try await fixture.send(
            "GET", "/health", nil, headers: [("Origin", "https://x"), ("Cookie", "a=b")])
        #expect(cookie.header("Access-Control-Allow-Origin") == "https://x")
        #expect(cookie.header("Vary") == "Origin")
        #expect(try await fixture.send("GET", "/health", nil).header("Access-Control-Allow-Credentials") == nil)
        let refused = try await fixture.send("GET", "/api/v1/threads", nil, headers: [("Origin", "https://x")])
        #expect(refused.status == 401)
        #expect(refused.header("Access-Control-Allow-Origin") == "*")
    }

    @Test func crossOriginWithAList() async throws {
        let fixture = try AIVOFixture { $0.allowedOrigins = ["https://app.test"] }
        let method = ("Access-Control-Request-Method", "POST")
        let foreign = try await fixture.send(
            "OPTIONS", "/api/v1/threads", nil, headers: [("Origin", "https://evil.test"), method])
        #expect(foreign.status == 400)
        #expect(foreign.text == "Disallowed CORS origin")
        #expect(foreign.header("Access-Control-Allow-Origin") == nil)
        let both = try await fixture.send(
            "OPTIONS", "/x", nil,
            headers: [("Origin", "https://evil.test"), ("Access-Control-Request-Method", "PATCH")])
        #expect(both.text == "Disallowed CORS origin, method")
        let own = try await fixture.send("GET", "/health", nil, headers: [("Origin", "https://app.test")])
        #expect(own.header("Access-Control-Allow-Origin") == "https://app.test")
        #expect(own.header("Vary") == "Origin")
        let other = try await fixture.send("GET", "/health", nil, headers: [("Origin", "https://evil.test")])
        #expect(other.status == 200)
        #expect(other.header("Access-Control-Allow-Origin") == nil)
    }

    /// The five open paths are not counted; everything else is, refused requests are not logged.
    @Test func rateLimitCounts() async throws {
        let fixture = try AIVOFixture { $0.requestsPerMinute = 5 }
        let method = [("Origin", "https://x"), ("Access-Control-Request-Method", "GET")]
        _ = try await fixture.send("OPTIONS", "/api/v1/threads", nil, headers: method)
        _ = try await fixture.call("GET", "/threads", nil)
        _ = try await fixture.call("GET", "/nope", nil)
        _ = try await fixture.call("PATCH", "/threads", nil)
        #expect(try await fixture.call("GET", "/threads").status == 200)
        for path in ["/docs", "/redoc", "/openapi.json"] {
            #expect(try await fixture.send("GET", path, nil).status == 404)
        }
        let refused = try await fixture.call("GET", "/threads")
        #expect(refused.status == 429)
        #expect(refused.header("X-Request-ID") != nil)
        fixture.clock.advance(microseconds: 59_000_000)
        #expect(try await fixture.call("GET", "/threads").status == 429)
        fixture.clock.advance(microseconds: 1_000_000)
        #expect(try await fixture.call("GET", "/threads").status == 200)
    }

    @Test func rootTellsOfProduction() async throws {
        let fixture = try AIVOFixture {
            $0.environment = "production"
            $0.servesDocumentation = false
            $0.retentionDays = 30
            $0.maximumMessages = 7
            $0.requestsPerMinute = 9
        }
        let root = try await fixture.send("GET", "/", nil).json
        #expect(root["docs"] == .null)
        #expect(root["features"]?["message_retention"]?.string == "30 days")
        #expect(root["features"]?["max_thread_messages"] == .number(7))
        #expect(root["features"]?["rate_limiting"] == .bool(true))
        #expect(try await fixture.send("GET", "/health", nil).json["environment"]?.string == "production")
    }

    /// Whole seconds have no fraction, as Python prints them.
    @Test func wholeSeconds() async throws {
        let fixture = try AIVOFixture(clock: SimulatedClock())
        let reply = try await fixture.call("POST", "/threads", .teacher, #"{"learner_id":"learner-1","title":"t"}"#)
        let first = try #require(try reply.json["created_at"]?.string)
        #expect(first.hasPrefix("2026-01-01T00:00:00"))
        #expect(first.hasSuffix("Z"))
        #expect(!first.contains(".000000"))
    }
}
