import ChatAPI
import ChatEngine
import LogStore
import TestSupport
import Testing

/// What the golden cases leave out: paging, the chat operations, metrics, the log, isolation by user.
@Suite struct LLMChatTests {
    @Test func historyIsPagedByMessageIDs() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let id = try await fixture.newChat("0")
        for index in 1..<80 { _ = try await fixture.chat("\(index)", in: id) }
        let first = try await fixture.get("/chat/\(id)").json
        #expect(first["message_count"]?.number == 160)
        let oldest = try #require(first["messages"]?.array)
        #expect(oldest.count == 100)
        let next = try await fixture.get("/chat/\(id)?after=\(try #require(oldest.last?["id"]?.string))").json
        let rest = try #require(next["messages"]?.array)
        #expect(rest.count == 60)
        #expect(rest.first?["content"]?.string == "50")
        let before = try await fixture.get(
            "/chat/\(id)?limit=3&before=\(try #require(rest.first?["id"]?.string))"
        ).json
        #expect(before["messages"]?.array == Array(oldest.suffix(3)))
        #expect(try await fixture.get("/chat/\(id)?after=\(id)").status == 404)
        #expect(try await fixture.get("/chat/\(id)/messages?limit=2").json["message_count"]?.number == 2)
        #expect(try await fixture.get("/chat/\(id)/messages?limit=-4").json["message_count"]?.number == 100)
    }

    @Test func chatsAreMadeRenamedAndDeleted() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let made = try await fixture.post("/chats", #"{"title":123}"#)
        #expect(made.status == 201)
        #expect(made.fits(#"{"id":"<uuid>","title":"123","created_at":"<ts>","updated_at":"<ts>"}"#), "\(made.text)")
        #expect(try await fixture.post("/chats", "{}").json["title"]?.string == "New Chat")
        let long = String(repeating: "t", count: 256)
        #expect(try await fixture.post("/chats", "{\"title\":\"\(long)\"}").status == 400)
        let id = try #require(try made.json["id"]?.string)

        let renamed = try await fixture.json("PUT", "/chat/\(id)", #"{"title":"ours"}"#, .bob)
        #expect(renamed.status == 200)
        #expect(try renamed.json["title"]?.string == "ours")
        let blank = try await fixture.json("PUT", "/chat/\(id)", #"{"title":" "}"#)
        #expect(
            blank.text == #"{"error":"Bad Request","message":"Title is required and must be a non-empty string"}"#)
        #expect(try await fixture.json("PUT", "/chat/\(id)", #"{"title":"mine"}"#, .charlie).status == 404)

        let all = try await fixture.get("/chats/org", .bob).json
        #expect(all["count"]?.number == 2)
        #expect(all["chats"]?.array?.first?.object?.keys == ["id", "title", "user_id", "created_at", "updated_at"])

        #expect(try await fixture.send("DELETE", "/chat/\(id)", .charlie).status == 404)
        let deleted = try await fixture.send("DELETE", "/chat/\(id)", .bob)
        #expect(deleted.text == #"{"message":"Chat deleted successfully"}"#)
        #expect(try await fixture.send("DELETE", "/chat/\(id)", .bob).status == 404)
        #expect(try await fixture.get("/chat/\(id)").status == 404)
    }

    /// The original removed every message of the chat.
    @Test func oneMessageIsDeleted() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let chat = try await fixture.chat("one")
        let id = try #require(try chat.json["chat_id"]?.string)
        let message = try #require(try chat.json["message_id"]?.string)
        let listed = try await fixture.get("/chat/\(id)/messages").json
        #expect(
            listed["messages"]?.array?.first?.object?.keys == ["id", "role", "content", "token_count", "created_at"])
        #expect(listed["messages"]?.array?.first?["token_count"] == .null)
        let deleted = try await fixture.send("DELETE", "/chat/\(id)/messages/\(message)", .alice)
        #expect(deleted.text == #"{"message":"Message deleted successfully"}"#)
        let again = try await fixture.send("DELETE", "/chat/\(id)/messages/\(message)", .alice)
        #expect(again.status == 404 && again.text == #"{"error":"Not Found","message":"Message not found"}"#)
        let count = try await fixture.get("/chat/\(id.uppercased())/messages/count")
        #expect(count.text == "{\"chat_id\":\"\(id.uppercased())\",\"message_count\":1}")
    }

    /// Retention works by class, so a chat that begins with a message has to have its surface's too.
    @Test func chatsAreOfTheSurfacesRetentionClass() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let begun = try await fixture.newChat()
        let made = try await fixture.post("/chats", "{}").json["id"]?.string
        let tenant = try #require(try fixture.store.tenant(named: "llm:\(LLMFixture.first)"))
        for id in [begun, try #require(made)] {
            let session = try #require(try fixture.store.session(id: id, in: tenant))
            #expect(session.retentionClass == RetentionClass.llm.rawValue)
        }
    }

    @Test func usersMayBeWalledOff() async throws {
        var configuration = LLMConfiguration.unlimited
        configuration.isolation = .user
        let fixture = try LLMFixture(.inProcess, configuration)
        let id = try await fixture.newChat()
        #expect(try await fixture.get("/chat/\(id)", .bob).status == 404)
        #expect(try await fixture.chat("x", in: id, .bob).status == 404)
        #expect(try await fixture.get("/chats/org", .bob).json["count"]?.number == 0)
        #expect(try await fixture.get("/chats/org", .alice).json["count"]?.number == 1)
    }

    @Test func strangersAreAddedOnlyIfConfigured() async throws {
        let headers = [
            ("x-org-id", "00000000-0000-4000-8000-000000000009"), ("x-user-id", "00000000-0000-4000-8000-000000000008"),
        ]
        #expect(try await LLMFixture().get("/chats", nil, headers: headers).status == 401)
        var configuration = LLMConfiguration()
        configuration.autoProvision = true
        let fixture = try LLMFixture(.inProcess, configuration)
        for _ in 0..<2 { #expect(try await fixture.get("/chats", nil, headers: headers).status == 200) }
        #expect(try fixture.engine.accounts(of: headers[0].1).map(\.id) == [headers[1].1])
        let elsewhere = [("x-org-id", LLMFixture.first), headers[1]]
        #expect(try await fixture.get("/chats", nil, headers: elsewhere).status == 403)
        // Refused as another organisation's, and so without an account.
        let capitals = [
            ("x-org-id", "AAAAAAAA-0000-4000-8000-000000000004"), ("x-user-id", "00000000-0000-4000-8000-0000000000bb"),
        ]
        #expect(try await fixture.get("/chats", nil, headers: capitals).status == 403)
        #expect(throws: ChatError.organisationNotFound) {
            try fixture.engine.accounts(of: capitals[0].1.lowercased())
        }
    }

    /// As Node has it, a header that comes twice is one value: whichever a proxy set, the other does not win.
    @Test func identityHeadersThatComeTwice() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let alice = Caller.alice.headers
        for (twice, status) in [
            (alice + [("x-org-id", LLMFixture.second)], 403), ([("x-org-id", LLMFixture.second)] + alice, 403),
            (alice + [("X-User-Id", Caller.bob.rawValue)], 401), (alice, 200),
        ] {
            #expect(try await fixture.get("/chats", nil, headers: twice).status == status)
        }
    }

    @Test func charsetsOfForms() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        for (charset, status) in [("utf-16", 415), ("iso-8859-1", 415), ("UTF-8", 200)] {
            let type = "application/x-www-form-urlencoded; charset=\(charset)"
            let reply = try await fixture.send(
                "POST", "/chat", .alice, headers: [("Content-Type", type)], body: Array("message=a".utf8))
            #expect(reply.status == status)
        }
    }

    @Test func metricsNamePatterns() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let id = try await fixture.newChat()
        _ = try await fixture.get("/chat/\(id)")
        _ = try await fixture.get("/no/such/path")
        let reply = try await fixture.get("/metrics", nil)
        #expect(reply.header("Content-Type") == "text/plain; charset=utf-8; version=0.0.4")
        let lines = reply.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "# HELP http_request_duration_ms Duration of HTTP requests in milliseconds")
        for line in [
            #"http_request_duration_ms_bucket{le="5",method="GET",route="/chat/:chatId",status_code="200"} 1"#,
            #"http_request_duration_ms_bucket{le="+Inf",method="GET",route="/chat/:chatId",status_code="200"} 1"#,
            #"http_requests_total{method="POST",route="/chat",status_code="200"} 1"#,
            #"http_requests_total{method="GET",route="unmatched",status_code="404"} 1"#,
            #"http_requests_in_progress{method="GET",route="/metrics"} 1"#,
        ] {
            #expect(lines.contains { $0 == line }, "\(line)")
        }
        #expect(!reply.text.contains(id))
        #expect(reply.text.contains("\n\n# HELP http_requests_total Total number of HTTP requests\n"))
    }

    @Test func eventsHaveTheOriginalsTexts() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        _ = try await fixture.newChat()
        #expect(
            fixture.events.lines
                == ["Chat request received", "New chat created", "Chat response generated", "HTTP Request"])
    }
}
