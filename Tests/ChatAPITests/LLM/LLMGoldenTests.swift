import ChatAPI
import ChatEngine
import TestSupport
import Testing

/// The contract's golden cases that need no stream, in process and over a socket. Where the project decided otherwise the
/// case carries the decision's answer.
@Suite struct LLMGoldenTests {
    @Test(arguments: Route.allCases) func case1and2Health(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let reply = try await fixture.get("/health", nil)
        #expect(reply.status == 200)
        #expect(
            reply.fits(
                #"{"status":"ok","env":"development","timestamp":"<ts>","requestId":"<uuid>","services":"#
                    + #"{"database":"connected","redis":"connected"}}"#), "\(reply.text)")
        #expect(reply.header("X-Request-ID") == (try reply.json["requestId"]?.string))
        #expect(reply.header("X-RateLimit-Limit") == nil)

        let known = try await fixture.get("/health", headers: [("X-Request-ID", "rid-1")])
        #expect(known.status == 200)
        #expect(
            known.fits(
                #"{"status":"ok","env":"development","timestamp":"<ts>","requestId":"rid-1","services":"#
                    + #"{"database":"connected","redis":"connected"},"org":"00000000-0000-0000-0000-000000000001","#
                    + #""user":{"id":"00000000-0000-0000-0001-000000000001","email":"admin@acme.com","role":"admin"}}"#),
            "\(known.text)")
        #expect(known.header("X-Request-ID") == "rid-1")
        #expect(known.header("X-RateLimit-Limit") == nil)
    }

    /// Case 3 is the missing pair; case 6 is decision 4: never 500. Case 7 is decision 8.
    @Test(arguments: Route.allCases) func case3to7Identity(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let missing =
            #"{"error":"Unauthorized","message":"Missing x-org-id or x-user-id headers","hint":"In production, this would be JWT auth. For testing, provide headers."}"#
        for headers in [[], [("x-org-id", LLMFixture.first)], [("x-user-id", Caller.alice.rawValue)]] {
            let reply = try await fixture.get("/chats", nil, headers: headers)
            #expect(reply.status == 401 && reply.text == missing)
            #expect(reply.header("X-RateLimit-Limit") == nil)
        }
        let unknown = #"{"error":"Unauthorized","message":"User not found"}"#
        for user in ["11111111-1111-1111-1111-111111111111", "abc"] {
            let reply = try await fixture.get(
                "/chats", nil, headers: [("x-org-id", LLMFixture.first), ("x-user-id", user)])
            #expect(reply.status == 401 && reply.text == unknown, "\(user)")
        }
        let foreign = #"{"error":"Forbidden","message":"User does not belong to specified organization"}"#
        for (path, organisation) in [
            ("/chats", "invalid-org-id"), ("/chats", LLMFixture.second), ("/health", LLMFixture.second),
            ("/metrics", "x"),
        ] {
            let reply = try await fixture.get(
                path, nil, headers: [("x-org-id", organisation), ("x-user-id", Caller.alice.rawValue)])
            #expect(reply.status == 403 && reply.text == foreign, "\(path)")
        }
        let upper = try await fixture.get(
            "/chats", nil, headers: [("x-org-id", LLMFixture.first), ("x-user-id", Caller.alice.rawValue.uppercased())])
        #expect(upper.status == 200)
        #expect(try await fixture.get("/", nil).status == 401)
        #expect(try await fixture.get("/health/", nil).status == 401)
        #expect(try await fixture.get("/nothing", nil).status == 401)
    }

    @Test(arguments: Route.allCases) func case8to11Chat(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let first = try await fixture.chat("Hello! This is my first message.")
        #expect(first.status == 200)
        #expect(
            first.fits(
                #"{"chat_id":"<uuid>","message_id":"<uuid>","reply":"Chat system online. I received your message: "#
                    + #"\"Hello! This is my first message.\"","created_at":"<ts>"}"#), "\(first.text)")
        #expect(first.header("Content-Type") == "application/json; charset=utf-8")
        #expect(first.header("X-Powered-By") == "Express")
        let id = try #require(try first.json["chat_id"]?.string)
        let second = try await fixture.chat("Tell me more", in: id)
        #expect(try second.json["chat_id"]?.string == id)
        #expect(
            try second.json["reply"]?.string == #"Chat system online. I received your message: "Tell me more""#)
        #expect(try second.json["message_id"] != first.json["message_id"])

        let reply = try await fixture.get("/chat/\(id)")
        let chat = try reply.json
        #expect(
            chat.object?.keys == ["chat_id", "title", "created_at", "updated_at", "message_count", "messages"])
        #expect(chat["title"]?.string == "Hello! This is my first message.")
        #expect(chat["message_count"]?.number == 4)
        let messages = try #require(chat["messages"]?.array)
        #expect(messages.map { $0["role"]?.string } == ["user", "assistant", "user", "assistant"])
        #expect(messages.allSatisfy { $0.object?.keys == ["id", "role", "content", "created_at"] })
        #expect(messages.last?["id"] == (try second.json["message_id"]))
        #expect(try #require(chat["updated_at"]?.string) >= (try #require(messages.last?["created_at"]?.string)))
        #expect(try await fixture.get("/chat/\(id.uppercased())").body == reply.body)

        let list = try await fixture.get("/chats")
        #expect(
            list.fits(
                #"{"chats":[{"id":"\#(id)","title":"Hello! This is my first message.","created_at":"<ts>","updated_at":"<ts>"}],"count":1}"#
            ), "\(list.text)")
        let tag = try #require(list.header("ETag"))
        let fresh = try await fixture.get("/chats", headers: [("If-None-Match", tag)])
        #expect(fresh.status == 304 && fresh.body.isEmpty)
        #expect(try await fixture.get("/chats", .bob).text == #"{"chats":[],"count":0}"#)
    }

    @Test(arguments: Route.allCases) func case12Validation(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let expected =
            #"{"error":"Bad Request","message":"Message is required and must be a non-empty string"}"#
        for body in [#"{"message":""}"#, "{}", #"{"message":5}"#, #"{"message":" \n "}"#, "[1]"] {
            let reply = try await fixture.post("/chat", body)
            #expect(reply.status == 400 && reply.text == expected, "\(body)")
        }
        let text = try await fixture.send(
            "POST", "/chat", .alice, headers: [("Content-Type", "text/plain")], body: Array("hi".utf8))
        #expect(text.status == 400 && text.text == expected)
        let form = try await fixture.send(
            "POST", "/chat", .alice, headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array("message=a+b%21&chat_id=".utf8))
        #expect(form.status == 200)
        #expect(try form.json["reply"]?.string == #"Chat system online. I received your message: "a b!""#)
    }

    @Test(arguments: Route.allCases) func case13Lengths(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let tooLong = #"{"error":"Bad Request","message":"Message too long (max 10,000 characters)"}"#
        let long = try await fixture.chat(String(repeating: "a", count: 10_001))
        #expect(long.status == 400 && long.text == tooLong)
        let fits = try await fixture.chat(String(repeating: "a", count: 10_000))
        #expect(fits.status == 200)
        #expect(try fits.json["reply"]?.string?.hasSuffix(" \"" + String(repeating: "a", count: 50) + "...\"") == true)
        #expect(try await fixture.chat(String(repeating: "😀", count: 5001)).status == 400)
        #expect(try await fixture.chat(String(repeating: "😀", count: 5000)).status == 200)
    }

    /// The live reply carries the half of a pair that JavaScript's cut leaves; what is stored cannot.
    @Test func case14CutPair() async throws {
        let fixture = try LLMFixture()
        let reply = try await fixture.chat(String(repeating: "a", count: 49) + "😀!")
        #expect(reply.text.contains(#"a\ud83d...\"","created_at""#), "\(reply.text)")
        let id = try #require(try reply.json["chat_id"]?.string)
        let chat = try await fixture.get("/chat/\(id)").json
        #expect(chat["title"]?.string == String(repeating: "a", count: 49) + "\u{FFFD}")
        #expect(chat["messages"]?.array?.last?["content"]?.string?.hasSuffix("a\u{FFFD}...\"") == true)
    }

    /// Decision 4: an id that is no UUID is 404.
    @Test(arguments: Route.allCases) func case15ChatIDs(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let missing = #"{"error":"Not Found","message":"Chat not found or does not belong to your organization"}"#
        for id in [#""11111111-1111-1111-1111-111111111111""#, #""zzz""#, "7", "{}", "true"] {
            let reply = try await fixture.post("/chat", #"{"message":"x","chat_id":\#(id)}"#)
            #expect(reply.status == 404 && reply.text == missing, "\(id)")
        }
        for id in [#""""#, "null", "0", "false"] {
            #expect(try await fixture.post("/chat", #"{"message":"x","chat_id":\#(id)}"#).status == 200, "\(id)")
        }
        let get = try await fixture.get("/chat/zzz")
        #expect(get.status == 404 && get.text == #"{"error":"Not Found","message":"Chat not found"}"#)
    }

    @Test(arguments: Route.allCases) func case16and17Isolation(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let id = try await fixture.newChat()
        let get = try await fixture.get("/chat/\(id)", .charlie)
        #expect(get.status == 404 && get.text == #"{"error":"Not Found","message":"Chat not found"}"#)
        let post = try await fixture.chat("x", in: id, .charlie)
        #expect(post.status == 404)
        #expect(
            post.text == #"{"error":"Not Found","message":"Chat not found or does not belong to your organization"}"#)
        // Within an organisation there is no wall, but the list is the user's own.
        #expect(try await fixture.chat("me too", in: id, .bob).status == 200)
        #expect(try await fixture.get("/chat/\(id)", .bob).json["message_count"]?.number == 4)
        #expect(try await fixture.get("/chats", .bob).json["count"]?.number == 0)
    }

    @Test(arguments: Route.allCases) func case18Bucket(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        for left in (0..<20).reversed() {
            let reply = try await fixture.get("/")
            #expect(reply.status == 200)
            #expect(reply.header("X-RateLimit-Limit") == "20")
            #expect(reply.header("X-RateLimit-Remaining") == "\(left)")
            #expect(
                reply.fits(
                    #"{"message":"Welcome to the LLM Production App","timestamp":"<ts>","requestId":"<uuid>","#
                        + #""org":"00000000-0000-0000-0000-000000000001","user":{"id":"\#(Caller.alice.rawValue)","#
                        + #""email":"admin@acme.com","role":"admin"},"rateLimit":{"limit":20,"remaining":\#(left),"#
                        + #""resetAt":"<ts>"}}"#), "\(reply.text)")
        }
        for (path, caller) in [("/", Caller.alice), ("/nothing", .bob)] {
            let refused = try await fixture.get(path, caller)
            #expect(refused.status == 429)
            #expect(
                refused.fits(
                    #"{"error":"Too Many Requests","message":"Rate limit exceeded. Please try again later.","limit":20,"#
                        + #""remaining":0,"resetAt":"<ts>"}"#), "\(refused.text)")
            #expect(refused.header("X-RateLimit-Remaining") == "0")
            #expect(refused.header("X-RateLimit-Reset") == (try refused.json["resetAt"]?.string))
            #expect(refused.header("Retry-After") == "1")
        }
        #expect(try await fixture.get("/", .charlie).status == 200)
        fixture.clock.advance(microseconds: 1_100_000)
        let again = try await fixture.get("/")
        #expect(again.status == 200 && again.header("X-RateLimit-Remaining") == "0")
    }

    /// Decision 4: as JSON.
    @Test(arguments: Route.allCases) func case19BadBodies(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let malformed = try await fixture.post("/chat", "{bad", nil)
        #expect(malformed.status == 400)
        #expect(try malformed.json.object?.keys == ["error", "message"])
        #expect(malformed.header("X-Request-ID") == nil)
        #expect(malformed.header("Access-Control-Allow-Origin") == nil)
        let large = try await fixture.post(
            "/chat", "{\"message\":\"\(String(repeating: "a", count: 110_000))\"}", nil)
        #expect(large.status == 413)
        #expect(large.text == #"{"error":"Bad Request","message":"request entity too large"}"#)
        let unknown = try await fixture.get("/nothing")
        #expect(unknown.status == 404)
        #expect(unknown.text == #"{"error":"Not Found","message":"Cannot GET /nothing"}"#)
        #expect(unknown.header("X-RateLimit-Remaining") == "19")
    }

    @Test(arguments: Route.allCases) func case20CORS(_ route: Route) async throws {
        let fixture = try LLMFixture(route)
        let reply = try await fixture.send("OPTIONS", "/anything")
        #expect(reply.status == 200 && reply.text == "OK")
        #expect(reply.header("Content-Type") == "text/plain; charset=utf-8")
        #expect(reply.header("Access-Control-Allow-Origin") == "*")
        #expect(
            reply.header("Access-Control-Allow-Headers")
                == "Origin, X-Requested-With, Content-Type, Accept, Authorization, x-org-id, x-user-id")
        #expect(reply.header("Access-Control-Allow-Methods") == "GET, POST, PUT, DELETE, OPTIONS, PATCH")
        #expect(reply.header("X-Request-ID") == nil)
    }

    /// Headers that Node sends by itself, where the connection is kept.
    @Test func persistenceIsAnnounced() async throws {
        let fixture = try LLMFixture(.socket)
        let port = try #require(fixture.port)
        for (method, path, headers) in [
            ("GET", "/health", []), ("OPTIONS", "/x", []), ("GET", "/nothing", Caller.alice.headers),
            ("GET", "/metrics", []),
        ] {
            let reply = try await fixture.send(method, path, headers: headers)
            #expect(reply.header("Connection") == "keep-alive" && reply.header("Keep-Alive") == "timeout=5", "\(path)")
        }
        let bad = try await fixture.post("/chat", "{bad")
        #expect(bad.header("Connection") == "keep-alive" && bad.header("Keep-Alive") == "timeout=5")
        let last = try await fixture.send("GET", "/health", headers: [("Connection", "close")])
        #expect(last.header("Connection") == "close")
        try await onOwnThread {
            let reader = try EventReader(port: port, "POST", "/chat/stream", .alice, json: #"{"message":"x"}"#)
            try reader.readHead()
            #expect(reader.header("Connection") == "keep-alive" && reader.header("Keep-Alive") == nil)
        }
    }

    /// What the original's database refused, with nothing stored.
    @Test func messagesWithNUL() async throws {
        let fixture = try LLMFixture()
        for (path, failure) in [
            ("/chat", "Failed to process chat request"), ("/chat/stream", "Failed to process streaming chat request"),
        ] {
            let reply = try await fixture.post(path, #"{"message":"a\u0000b"}"#)
            #expect(reply.status == 500)
            #expect(reply.text == #"{"error":"Internal Server Error","message":"\#(failure)"}"#)
        }
        #expect(try await fixture.get("/chats").text == #"{"chats":[],"count":0}"#)
    }
}
