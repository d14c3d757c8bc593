import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// Histories, limits, headers, tokens and bad input.
@Suite struct POCRequestTests {
    @Test func formsNest() async throws {
        let fixture = try POCFixture()
        let form =
            "userId=ann&metadata[userAgent]=U+A&metadata[tags][]=a&metadata%5Btags%5D[]=b&userData[x][0]=1"
            + "&userData[x][1]=2"
        let reply = try await fixture.send(
            "POST", "/api/sessions",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Authorization", "Bearer " + fixture.token("ann")),
            ], body: Array(form.utf8))
        #expect(reply.status == 201)
        #expect(try reply.json["session"]?["metadata"] == ["userAgent": "U A", "tags": ["a", "b"]])
        #expect(try reply.json["chatSession"]?["userData"] == ["x": ["1", "2"]])
    }

    /// Why a body was refused is told in development only.
    @Test(arguments: ["development", "production"]) func refusedBodies(_ environment: String) async throws {
        let fixture = try POCFixture { $0.environment = environment }
        let reply = try await fixture.call("POST", "/api/sessions", "{bad")
        #expect(reply.status == 400)
        #expect(try reply.json["error"]?.string == "Internal server error")
        #expect(try (reply.json["message"]?.string == "Something went wrong") == (environment == "production"))
    }

    @Test(arguments: ["validate", "refresh"]) func whatIsNoTextIsNoToken(_ operation: String) async throws {
        let fixture = try POCFixture()
        for token in ["5", "{}", "true"] {
            let reply = try await fixture.call("POST", "/auth/\(operation)", "{\"token\":\(token)}", as: nil)
            #expect(reply.status == 401)
            #expect(try reply.json["error"]?.string == "Invalid token")
        }
        #expect(try await fixture.call("POST", "/auth/\(operation)", #"{"token":0}"#, as: nil).status == 400)
    }

    @Test func healthHasTheKeysOfTheOriginal() async throws {
        let fixture = try POCFixture()
        let status = try await fixture.call("GET", "/health/status", as: nil).json
        for key in ["port", "logLevel", "sessionTTL", "maxConcurrentAgents", "messageRateLimit"] {
            #expect(status["configuration"]?[key] != nil, "\(key)")
        }
        let metrics = try await fixture.call("GET", "/health/metrics", as: nil).json
        for key in ["nodeVersion", "platform", "arch"] { #expect(metrics["env"]?[key]?.string != nil, "\(key)") }
    }

    // MARK: Histories

    @Test func historiesByOffsetAndCursor() async throws {
        let fixture = try POCFixture { $0.messageRate = 0 }
        let id = try await fixture.session()
        for number in 0..<10 { try await fixture.say("message \(number)", in: id) }
        func numbers(_ query: String) async throws -> [Double?] {
            try await fixture.history(id, query).map { $0["sequence_number"]?.number }
        }
        #expect(try await numbers("") == (0..<20).map { Double($0) })
        #expect(try await numbers("&limit=3&offset=17") == [17, 18, 19])
        #expect(try await numbers("&limit=3&offset=19") == [19])
        #expect(try await numbers("&offset=20").isEmpty)
        #expect(try await numbers("&before=10&limit=3") == [7, 8, 9])
        #expect(try await numbers("&before=2&limit=3") == [0, 1])
        #expect(try await numbers("&before=0").isEmpty)
        #expect(try await numbers("&after=17") == [18, 19])
        #expect(try await numbers("&after=-1&limit=2") == [0, 1])
        #expect(try await numbers("&after=4294967295").isEmpty)
        #expect(try await numbers("&limit=0&offset=-5").count == 20)
        func more(_ query: String) async throws -> JSONValue? {
            try await fixture.call("GET", "/api/sessions/\(id)/history?\(query)").json["hasMore"]
        }
        #expect(try await more("limit=20") == .bool(false))
        #expect(try await more("limit=19") == .bool(true))
        #expect(try await more("limit=3&before=10") == .bool(true))
        #expect(try await more("limit=3&before=3") == .bool(false))
        let unknown = try await fixture.call("GET", "/api/chat/history?sessionId=nope")
        #expect(unknown.status == 200)
        #expect(try unknown.json["count"]?.number == 0)
        // Both spellings.
        let row = try #require(try await fixture.history(id, "&limit=1").first)
        for (a, b) in [
            ("id", "message_id"), ("type", "message_type"), ("timestamp", "created_at"), ("sessionId", "session_id"),
            ("userId", "user_id"),
        ] { #expect(row[a] != nil && row[a] == row[b]) }
    }

    /// 15 times the depth is not three times the cost, which is that of finding the place in the tables' indexes.
    @Test func aPageCostsTheSameAtAnyDepth() async throws {
        let fixture = try POCFixture()
        let id = try await fixture.session()
        let access = Access.operator(tenant: .poc)
        for _ in 0..<20 {
            let drafts = (0..<500).map { MessageDraft(ids: .poc, role: .user, content: UTF8Text("message \($0)")) }
            _ = try fixture.engine.saveTurn(Turn(.existing(id), drafts), access)
        }
        try fixture.store.flush()
        func blocks(_ query: String) async throws -> Int {
            let before = fixture.engine.status.cache
            #expect(try await fixture.history(id, query).count == 10)
            let after = fixture.engine.status.cache
            return Int(after.hits + after.misses) - Int(before.hits + before.misses)
        }
        let near = try await blocks("&limit=10&offset=600")
        for query in ["&limit=10&offset=9000", "&limit=10&before=9990", "&limit=10&after=5000"] {
            let count = try await blocks(query)
            #expect(count <= 3 * near, "\(query): \(count), near the beginning \(near)")
        }
    }

    @Test func aLongHistoryIsResumedAsAStream() async throws {
        let fixture = try POCFixture(.socket)
        let id = try await fixture.session()
        let access = Access.operator(tenant: .poc)
        let text = String(repeating: "long ", count: 100)
        for _ in 0..<10 {
            let drafts = (0..<100).map { MessageDraft(ids: .poc, role: .user, content: UTF8Text("\($0) \(text)")) }
            _ = try fixture.engine.saveTurn(Turn(.existing(id), drafts), access)
        }
        let reply = try await fixture.call("POST", "/api/sessions/\(id)/resume")
        #expect(reply.header("Transfer-Encoding") == "chunked")
        let rows = try #require(try reply.json["history"]?.elements)
        #expect(rows.map { $0["sequence_number"]?.number } == (0..<1000).map { Double($0) })
        #expect(try reply.json["timestamp"] != nil)
    }

    // MARK: Limits

    @Test(arguments: Route.allCases) func theSixtyFirstMessage(_ route: Route) async throws {
        let fixture = try POCFixture(route)
        let id = try await fixture.session()
        for _ in 0..<60 { try await fixture.say("hi", in: id) }
        let reply = try await fixture.call(
            "POST", "/api/chat/message", #"{"message":"hi"}"#, headers: [("X-Session-ID", id)])
        #expect(reply.status == 429)
        let wait = try #require(reply.header("Retry-After").flatMap { Int($0) })
        #expect((1...60).contains(wait))
        #expect(try reply.json["retryAfter"]?.number == Double(wait))
        #expect(try reply.json["error"]?.string == "Too many messages")
        #expect(try reply.json["message"]?.string == "You are sending messages too quickly. Please slow down.")
        #expect(try await fixture.history(id, "&limit=100").count == 100)
        let other = try await fixture.session()
        try await fixture.say("hi", in: other)
    }

    @Test func addressesHaveLimits() async throws {
        let fixture = try POCFixture {
            $0.apiRate = 3
            $0.authRate = 2
        }
        for _ in 0..<3 { #expect(try await fixture.send("GET", "/api").status == 200) }
        let refused = try await fixture.send("GET", "/api")
        #expect(refused.status == 429)
        #expect(refused.header("RateLimit-Policy") == "3;w=900")
        #expect(refused.header("RateLimit-Remaining") == "0")
        #expect(refused.header("Retry-After") == refused.header("RateLimit-Reset"))
        #expect(try refused.json["retryAfter"]?.number == 900)
        #expect(try await fixture.send("GET", "/api/health").status == 200)
        for _ in 0..<2 { #expect(try await fixture.send("GET", "/auth/status").status == 200) }
        let auth = try await fixture.send("GET", "/auth/status")
        #expect(try auth.json["error"]?.string == "Too many authentication attempts")
        fixture.clock.advance(microseconds: 901_000_000)
        #expect(try await fixture.send("GET", "/api").status == 200)
    }

    // MARK: Headers

    @Test func everyReplyHasTheHeaders() async throws {
        let fixture = try POCFixture()
        for path in ["/health", "/nope", "/api/agents"] {
            let reply = try await fixture.send("GET", path, headers: [("X-Request-ID", "mine")])
            #expect(reply.header("X-Request-ID") == "mine")
            #expect(reply.header("X-Content-Type-Options") == "nosniff")
            #expect(reply.header("Strict-Transport-Security") == "max-age=31536000; includeSubDomains; preload")
            #expect(reply.header("Content-Type") == "application/json; charset=utf-8")
        }
        let made = try await fixture.send("GET", "/health")
        #expect(made.header("X-Request-ID")?.wholeMatch(of: /req_\d{13}_[0-9a-z]{9}/) != nil)
        let friend = try await fixture.send("GET", "/health", headers: [("Origin", "http://localhost:8080")])
        #expect(friend.header("Access-Control-Allow-Origin") == "http://localhost:8080")
        #expect(friend.header("Access-Control-Allow-Credentials") == "true")
        let stranger = try await fixture.send("GET", "/health", headers: [("Origin", "http://evil.example")])
        #expect(stranger.status == 200)
        #expect(stranger.header("Access-Control-Allow-Origin") == nil)
        let asked = try await fixture.send("OPTIONS", "/api/sessions", headers: [("Origin", "http://localhost:3000")])
        #expect(asked.status == 204)
        #expect(asked.header("Access-Control-Allow-Headers")?.contains("X-Session-ID") == true)
    }

    // MARK: Bad input

    @Test(arguments: Route.allCases) func badInputChangesNothing(_ route: Route) async throws {
        let fixture = try POCFixture(route) { $0.bodyBytes = 2000 }
        let id = try await fixture.session()
        let cases: [(String, String, String, Int)] = [
            ("POST", "/api/sessions", "{bad", 400), ("POST", "/api/sessions", "7", 400),
            ("POST", "/api/sessions", "[]", 400), ("POST", "/api/sessions", #"{"userId":{}}"#, 400),
            ("POST", "/api/sessions", #"{"userId":"\#(String(repeating: "u", count: 101))"}"#, 400),
            ("POST", "/api/sessions/\(id)/messages", #"{"content":{"a":1}}"#, 400),
            ("POST", "/api/sessions/\(id)/messages", #"{"content":""}"#, 400),
            ("POST", "/api/chat/message", #"{"message":"\#(String(repeating: "x", count: 3000))"}"#, 413),
            ("POST", "/api/process", "{}", 400), ("GET", "/api/users/ann/sessions?type=all", "", 400),
            ("GET", "/api/chat/history?sessionId=", "", 400), ("PATCH", "/api/sessions", "{}", 404),
            ("GET", "/api/sessions/%zz", "", 400),
        ]
        for (method, path, body, status) in cases {
            let reply = try await fixture.call(method, path, body.isEmpty ? nil : body)
            #expect(reply.status == status, "\(method) \(path) \(body.prefix(40)): \(reply.text)")
            let json = try reply.json
            for key in ["error", "message", "timestamp", "requestId"] {
                #expect(json[key]?.string?.isEmpty == false, "\(method) \(path): \(key)")
            }
        }
        #expect(try await fixture.history(id).isEmpty)
        #expect(try await fixture.call("GET", "/api/users/ann/sessions").json["count"]?.number == 1)
    }

    @Test func formsAreTakenToo() async throws {
        let fixture = try POCFixture()
        let reply = try await fixture.send(
            "POST", "/auth/token", headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array("userId=ann%20b".utf8))
        #expect(try reply.json["userId"]?.string == "ann b")
    }

    // MARK: Tokens

    @Test func loginAndTokens() async throws {
        let fixture = try POCFixture { $0.issuesInsecureTokens = false }
        let hash = try #require(PasswordHash(of: "s3cret"))
        _ = try fixture.engine.addPasswordAccount(username: "ann", password: hash, userID: "user_ann")
        _ = try fixture.engine.addPasswordAccount(username: "root", password: hash, role: .admin, userID: "user_root")
        func auth(_ path: String, _ json: String) async throws -> LoopbackReply {
            try await fixture.call("POST", "/auth/" + path, json, as: nil)
        }
        let login = try await auth("login", #"{"username":"ann","password":"s3cret"}"#)
        #expect(login.status == 200)
        #expect(try login.json["user"]?["userId"]?.string == "user_ann")
        for body in [
            #"{"username":"ann","password":"wrong"}"#, #"{"username":"nobody","password":"s3cret"}"#,
        ] {
            let refused = try await auth("login", body)
            #expect(refused.status == 401)
            #expect(try refused.json["error"]?.string == "Invalid credentials")
        }
        #expect(try await auth("login", #"{"username":"ann"}"#).status == 400)
        // Nobody gets a token for a name alone.
        #expect(try await auth("token", #"{"userId":"user_ann"}"#).status == 401)
        let given = try await auth(
            "token", #"{"userId":"user_ann","credentials":{"username":"ann","password":"s3cret"}}"#)
        #expect(given.status == 200)
        let foreign = try await auth(
            "token", #"{"userId":"user_root","credentials":{"username":"ann","password":"s3cret"}}"#)
        #expect(foreign.status == 401)
        // The role is the account's and goes with a refresh.
        let admin = try #require(
            try await auth("login", #"{"username":"root","password":"s3cret"}"#).json["token"]?.string)
        fixture.clock.advance(microseconds: 86_400_000_000 * 7)
        let renewed = try #require(try await auth("refresh", #"{"token":"\#(admin)"}"#).json["token"]?.string)
        #expect(try await auth("validate", #"{"token":"\#(admin)"}"#).json["error"]?.string == "Token expired")
        let valid = try await auth("validate", #"{"token":"\#(renewed)"}"#)
        #expect(try valid.json["valid"] == .bool(true))
        #expect(try valid.json["expires"]?.string?.hasSuffix(".000Z") == true)
        let id = try await fixture.session("somebody")
        let seen = try await fixture.send(
            "GET", "/api/sessions/\(id)", headers: [("Authorization", "Bearer " + renewed)])
        #expect(seen.status == 200)
        fixture.clock.advance(microseconds: 86_400_000_000 * 2)
        let old = try await auth("refresh", #"{"token":"\#(admin)"}"#)
        #expect(try old.json["error"]?.string == "Token too old for refresh")
        #expect(try await auth("refresh", #"{"token":"x.y.z"}"#).json["error"]?.string == "Invalid token")
        #expect(try await auth("refresh", "{}").json["error"]?.string == "Token required")
    }

    @Test func healthIsReal() async throws {
        let fixture = try POCFixture { $0.connections = { 12 } }
        for _ in 0..<3 { _ = try await fixture.session() }
        let health = try await fixture.send("GET", "/health").json
        #expect(health["activeConnections"]?.number == 12)
        #expect(health["services"]?["chatService"]?["activeSessions"]?.number == 3)
        #expect((health["memory"]?["rss"]?.number ?? 0) > 1_000_000)
        for path in ["/health/status", "/health/metrics", "/api/health/status", "/api/health/metrics"] {
            #expect(try await fixture.send("GET", path).status == 200)
        }
    }
}
