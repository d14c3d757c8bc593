import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

@testable import ChatAPI

/// What an erasure or a deletion takes of replies and accounts.
@Suite struct LLMErasureTests {
    private static let access = Access.operator(tenant: .llm(organisation: LLMFixture.first))
    private static let resumed = [("Accept", "text/event-stream"), ("Content-Type", "application/json")]

    /// Begins a reply that can be resumed and gives it `tokens` tokens; its chat's id and its own.
    private static func begin(
        _ fixture: LLMFixture, tokens: Int, message: String = "hi"
    ) async throws -> (chat: String, id: String) {
        let exchange = RecordingExchange()
        fixture.surface.handler(
            Request(
                method: "POST", target: "/chat/stream?resume=1", headers: Caller.alice.headers + resumed,
                body: Array("{\"message\":\(message.quoted)}".utf8)), exchange)
        let response = await exchange.reply()
        for _ in 0..<tokens { fixture.timers.fireNext() }
        return (try #require(response.header("X-Chat-ID")), try #require(response.header("X-Message-ID")))
    }

    /// Documents of sessions and running replies, whoever's.
    private static func documents(_ fixture: LLMFixture) throws -> Int {
        try fixture.store.sessionDocuments(of: "llm:\(LLMFixture.first)", limit: .max).count
            + fixture.store.documents(tenant: "llm", prefix: Array("running/".utf8), limit: 9).count
    }

    /// Fires timers until no reply is being streamed.
    private static func settle(_ fixture: LLMFixture) async throws {
        try await onOwnThread {
            spin {
                fixture.timers.fire()
                return fixture.surface.streams.count == 0
            }
        }
    }

    @Test func aChatTakesItsRepliesWithIt() async throws {
        let fixture = try LLMFixture(.socket, .unlimited, manual: true)
        let ended = try await Self.begin(fixture, tokens: 0)
        try await Self.settle(fixture)
        #expect(try await fixture.get("/chat/stream/\(ended.id)").status == 200)
        let running = try await Self.begin(fixture, tokens: 5)
        // Both replies, the mark of the running one, and tokens of it.
        try await onOwnThread { try spin { try Self.documents(fixture) > 3 } }
        for chat in [ended.chat, running.chat] {
            #expect(try await fixture.send("DELETE", "/chat/\(chat)", .alice).status == 200)
        }
        // The reply that is still made notices at its next token.
        try await Self.settle(fixture)
        #expect(try Self.documents(fixture) == 0)
        for id in [ended.id, running.id] { #expect(try await fixture.get("/chat/stream/\(id)").status == 404) }
    }

    @Test func anErasedUserLeavesNoByte() async throws {
        let secret = "xyzzyplugh"
        let disk = SimulatedDisk()
        var options = StoreOptions()
        options.deletionGraceSeconds = 0
        var fixture: LLMFixture? = try LLMFixture(.inProcess, .unlimited, disk: disk, manual: true, options: options)
        if let fixture {
            _ = try await Self.begin(fixture, tokens: 27, message: secret)
            while fixture.timers.fire() {}
            try fixture.store.flush()
            // Most of this one's reply is in tables when the next server finds it.
            _ = try await Self.begin(fixture, tokens: 27, message: secret)
            try fixture.store.flush()
        }
        fixture = nil
        let next = try LLMFixture(.inProcess, .unlimited, disk: disk, manual: true, options: options)
        #expect(!disk.holders(of: secret).isEmpty && !disk.holders(of: "admin@acme.com").isEmpty)
        _ = try next.engine.erase(.user(Caller.alice.rawValue), Self.access)
        while next.timers.fire() {}
        // The clocks of both fixtures begin at the same time.
        for _ in 0..<2 {
            next.refill()
            try next.store.maintain()
        }
        #expect(try next.engine.erasures(.operator).map(\.progress) == [.completed])
        #expect(disk.holders(of: secret).isEmpty, "\(disk.holders(of: secret))")
        #expect(disk.holders(of: "admin@acme.com").isEmpty, "\(disk.holders(of: "admin@acme.com"))")
        #expect(try await next.get("/chats", .alice).status == 401)
        #expect(try await next.get("/chats", .bob).status == 200)
    }

    /// The account alone, and a whole organisation.
    @Test func accountsAreErased() async throws {
        let fixture = try LLMFixture(.inProcess, .unlimited)
        let job = try fixture.engine.erase(.user(Caller.bob.rawValue), Self.access)
        #expect(job.kind == .user && job.messages == 0)
        #expect(try fixture.engine.accounts(of: LLMFixture.first).map(\.id) == [Caller.alice.rawValue])
        #expect(throws: ChatError.userNotFound) {
            try fixture.engine.erase(.user(Caller.charlie.rawValue), Self.access)
        }
        _ = try await fixture.newChat()
        _ = try fixture.engine.erase(.tenant, Self.access)
        #expect(throws: ChatError.organisationNotFound) { try fixture.engine.organisation(LLMFixture.first) }
        #expect(try fixture.engine.organisations().count == 1)
        #expect(try await fixture.get("/chats", .alice).status == 401)
        #expect(try await fixture.get("/chats", .charlie).status == 200)
    }

    /// A store of a version that kept replies as documents of tenants, one ended, one running.
    @Test func repliesOfEarlierVersionsAreAdopted() async throws {
        let disk = SimulatedDisk()
        var ended: (chat: String, id: String) = ("", "")
        var running = ended
        do {
            let fixture = try LLMFixture(.inProcess, .unlimited, disk: disk, manual: true)
            ended = try await Self.begin(fixture, tokens: 27)
            while fixture.timers.fire() {}
            running = try await Self.begin(fixture, tokens: 9)
            fixture.surface.stopStreams()
            try Self.asTheyWere(fixture.store)
        }
        let next = try LLMFixture(.inProcess, .unlimited, disk: disk)
        #expect(try next.store.documents(tenant: "llm:\(LLMFixture.first)", prefix: [], limit: 9).isEmpty)
        #expect(try await next.get("/chat/stream/\(ended.id)").status == 200)
        let chat = running.chat
        try await onOwnThread {
            try spin { try next.engine.session(chat, Self.access).session.messageCount == 2 }
        }
        let text = try await next.get("/chat/\(running.chat)").json["messages"]?.array?.last?["content"]?.string
        #expect(
            text
                == #"This is a simulated streaming response to your message. Each word will arrive separately, simulating how a real LLM would stream tokens. Your message was: "hi""#
        )
        #expect(try next.engine.leftoverReplies().isEmpty)
    }

    private static func asTheyWere(_ store: LogStore) throws {
        let tenant = "llm:\(LLMFixture.first)"
        for (_, name, document) in try store.sessionDocuments(of: tenant, limit: .max) {
            var batch = Batch()
            batch.remove(name: name, part: document.part, of: document.session)
            if document.part.isEmpty {
                batch.put(DocumentKey(tenant: tenant, key: name), document.value)
            } else {
                let id = Array("running/".utf8) + name.dropFirst("reply/".utf8.count)
                batch.put(
                    DocumentKey(tenant: "llm", key: id + [UInt8(ascii: "/")] + document.part), document.value)
            }
            try store.commit(batch)
        }
    }
}
