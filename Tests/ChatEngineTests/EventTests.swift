import LogStore
import Synchronization
import TestSupport
import Testing

@testable import ChatEngine

/// Domain events: what changes say, and how they are read back.
@Suite struct EventTests {
    private let access = Access.verifiedToken(tenant: .aivo(tenant: "school"), user: "teacher-1", reach: .tenant)

    private func events(_ fixture: EngineFixture) throws -> [DomainEvent] {
        try fixture.engine.events(after: .zero, limit: 1000, access).events
    }

    /// One of each kind of change to a thread of kim.
    private func conversation(_ engine: ChatEngine) throws -> (thread: String, message: String) {
        var state = SessionState()
        state.title = "Reading \"aloud\""
        state.metadata = try RawJSON(validating: Array("{\r\n\t\"level\":2\n}".utf8))
        let thread = try engine.createSession(SessionDraft(ids: .uuid, owner: "kim", state: state), access).id
        let draft = MessageDraft(ids: .uuid, role: .user, content: "hello\n") {
            $0.senderID = "teacher-1"
            $0.senderType = .teacher
        }
        let id = try engine.saveMessage(draft, to: thread, access).message.id
        _ = try engine.updateSession(thread, access) { state, _ in state.description = "d" }
        _ = try engine.editMessage(id, in: thread, access) { $0.content = "bye" }
        try engine.deleteMessage(id, in: thread, access)
        try engine.deleteSession(thread, access)
        return (thread, id.string)
    }

    @Test func envelopes() throws {
        let fixture = try EngineFixture()
        let (thread, message) = try conversation(fixture.engine)
        let events = try events(fixture)
        #expect(
            events.map(\.note.kind) == [
                .threadCreated, .messageCreated, .threadUpdated, .messageUpdated, .messageDeleted, .threadDeleted,
            ])
        for event in events {
            let json = try JSONValue(parsing: event.envelope)
            guard case .object(let object) = json else { return #expect(Bool(false), "an envelope is an object") }
            #expect(
                object.keys == [
                    "event_id", "event_type", "tenant_id", "learner_id", "timestamp", "service", "version",
                    "tenant_isolated", "data",
                ])
            #expect(json["event_type"]?.string == event.note.kind.name && json["tenant_id"]?.string == "school")
            #expect(json["learner_id"]?.string == "kim" && json["service"]?.string == "chat-svc")
            #expect(json["version"]?.string == "1.0.0" && json["tenant_isolated"] == .bool(true))
            #expect(json["timestamp"]?.string?.hasSuffix("Z") == true && event.key == "school:kim")
            #expect(json["data"]?["thread_id"]?.string == thread)
        }
        let data = try events.map {
            String(decoding: try #require(try JSONValue(parsing: $0.envelope)["data"]).serialized, as: UTF8.self)
        }
        let head = #"{"thread_id":"\#(thread)","title":"Reading \"aloud\"","description":"#
        #expect(data[0] == head + #"null,"metadata":{"level":2},"created_by":"teacher-1"}"#)
        let said =
            #"{"message_id":"\#(message)","thread_id":"\#(thread)","sender_id":"teacher-1","sender_type":"teacher","#
        #expect(data[1] == said + #""content":"hello\n","message_type":"text","metadata":{}}"#)
        #expect(data[2] == head + #""d","metadata":{"level":2},"updated_by":"teacher-1"}"#)
        #expect(data[3] == said + #""content":"bye","message_type":"text","metadata":{},"updated_by":"teacher-1"}"#)
        #expect(
            data[4] == #"{"message_id":"\#(message)","thread_id":"\#(thread)","deleted_by":"teacher-1"}"#)
        #expect(data[5] == #"{"thread_id":"\#(thread)","deleted_by":"teacher-1"}"#)
    }

    @Test func privacyRequests() throws {
        let fixture = try EngineFixture()
        var batch = Batch()
        batch.put(DocumentKey(tenant: access.tenant.name, key: [1]), [1])
        for (kind, type) in [(EventKind.exportRequested, "full"), (.deletionRequested, "messages_only")] {
            var note = EventNote(kind, tenant: "school", learner: "kim", actor: "teacher-1")
            note.request = "id-1"
            note.requestType = type
            batch.announce(note)
        }
        try fixture.store.commit(batch)
        let events = try events(fixture)
        #expect(events.map(\.index) == [0, 1] && events.map(\.isLastOfBatch) == [false, true])
        #expect(Set(events.map(\.id)).count == 2)
        let data = try events.map {
            String(decoding: try #require(try JSONValue(parsing: $0.envelope)["data"]).serialized, as: UTF8.self)
        }
        #expect(
            data == [
                #"{"export_id":"id-1","requested_by":"teacher-1","export_type":"full"}"#,
                #"{"deletion_id":"id-1","requested_by":"teacher-1","deletion_type":"messages_only"}"#,
            ])
    }

    @Test func otherSurfacesPublishNothing() throws {
        let fixture = try EngineFixture()
        let session = try fixture.session()
        _ = try fixture.say("hello", in: session.id)
        _ = try conversation(fixture.engine)
        #expect(try events(fixture).count == 6)
        #expect(throws: EventFeedError.chat(.forbidden)) {
            try fixture.engine.events(after: .zero, limit: 1, .trusted(tenant: .orion))
        }
        let learner = Access.verifiedToken(tenant: .aivo(tenant: "school"), user: "kim", reach: .user("kim"))
        #expect(throws: EventFeedError.chat(.forbidden)) {
            try fixture.engine.events(after: .zero, limit: 1, learner)
        }
    }

    @Test func tenantsAreApart() throws {
        let fixture = try EngineFixture()
        let other = Access.verifiedToken(tenant: .aivo(tenant: "school2"), user: "x", reach: .tenant)
        _ = try conversation(fixture.engine)
        _ = try fixture.engine.createSession(SessionDraft(ids: .uuid, owner: "lee"), other)
        #expect(try events(fixture).count == 6)
        #expect(try fixture.engine.events(after: .zero, limit: 9, other).events.map(\.note.learner) == ["lee"])
    }

    @Test func pages() throws {
        let fixture = try EngineFixture()
        for _ in 0..<20 { _ = try conversation(fixture.engine) }
        let all = try events(fixture)
        var paged: [String] = []
        var position = LSN.zero
        while true {
            let page = try fixture.engine.events(after: position, limit: 7, access)
            #expect(page.events.count == 7 || page.isAtEnd)
            paged += page.events.map(\.id)
            position = page.next
            if page.isAtEnd { break }
        }
        #expect(paged == all.map(\.id) && all.count == 120)
        #expect(position == fixture.engine.eventsEnd)
        #expect(
            try fixture.engine.events(after: all[50].lsn, limit: 3, access).events.map(\.id) == all[51...53].map(\.id))
    }

    @Test func aPositionThatTheLogNoLongerHoldsIsGone() throws {
        var options = StoreOptions()
        options.logFileBytes = 64 << 10
        options.deletionGraceSeconds = 1
        options.softLimitBytes = 0
        let fixture = try EngineFixture(options: options)
        for _ in 0..<12 {
            _ = try conversation(fixture.engine)
            try fixture.store.flush()
            fixture.clock.advance(microseconds: 2_000_000)
        }
        try fixture.store.compact()
        fixture.clock.advance(microseconds: 2_000_000)
        try fixture.store.maintain()
        let error = #expect(throws: EventFeedError.self) {
            try fixture.engine.events(after: .zero, limit: 1, access)
        }
        guard case .gone(let oldest)? = error else { return #expect(Bool(false), "\(error as Any)") }
        #expect(oldest > .zero)
        #expect(throws: Never.self) { try fixture.engine.events(after: oldest, limit: 1, access) }
    }

    @Test(arguments: ["user", "session", "tenant"])
    func whatWasErasedComesWithoutContent(_ subject: String) throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let thread = try engine.createSession(SessionDraft(ids: .uuid, owner: "kim"), access).id
        let draft = MessageDraft(ids: .uuid, role: .user, content: "SECRET")
        _ = try engine.saveMessage(draft, to: thread, access)
        #expect(try events(fixture).contains { contains($0, "SECRET") })
        switch subject {
        case "user": _ = try engine.erase(.user("kim"), access)
        case "session": _ = try engine.erase(.session(thread), access)
        default: _ = try engine.erase(.tenant, .operator(tenant: access.tenant))
        }
        // The name may come back; what is new of it is not erased.
        let again = try engine.createSession(SessionDraft(ids: .uuid, owner: "kim"), access).id
        _ = try engine.saveMessage(MessageDraft(ids: .uuid, role: .user, content: "new"), to: again, access)
        let events = try events(fixture)
        #expect(events.count == 4)
        #expect(!events.contains { contains($0, "SECRET") })
        #expect(contains(events[1], #""content":null"#) && contains(events[1], #""content_withheld":"erased""#))
        #expect(contains(events[3], #""content":"new""#))
    }

    private func contains(_ event: DomainEvent, _ text: String) -> Bool {
        event.envelope.firstRange(of: Array(text.utf8)) != nil
    }

    @Test func observersHearOfEventsOnly() throws {
        let fixture = try EngineFixture()
        let calls = Atomic<Int>(0)
        let observation = fixture.engine.observeEvents { calls.add(1, ordering: .relaxed) }
        let session = try fixture.session()
        _ = try fixture.say("x", in: session.id)
        #expect(calls.load(ordering: .relaxed) == 0)
        _ = try conversation(fixture.engine)
        #expect(calls.load(ordering: .relaxed) == 6)
        observation.cancel()
    }

    @Test func notesOfAllKindsAndTheirBytes() throws {
        for kind in EventKind.allCases {
            var note = EventNote(kind, tenant: "t", learner: "l", actor: "a")
            note.thread = "th"
            note.message = MessageID("8a6e0804-2bd0-4672-b79d-d97027f9071a")
            note.request = "r"
            note.requestType = "full"
            #expect(try EventNote(decoding: note.encoded) == note)
        }
        let bare = EventNote(.threadDeleted, tenant: "t", learner: "", actor: nil)
        #expect(try EventNote(decoding: bare.encoded) == bare)
        // A kind of a newer version is passed over, not an error.
        var newer = bare.encoded
        newer[2] = 99
        #expect(try EventNote(decoding: newer) == nil)
    }
}
