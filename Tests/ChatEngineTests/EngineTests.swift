import LogStore
import Synchronization
import TestSupport
import Testing

@testable import ChatEngine

/// An engine over a store on a simulated disk.
final class EngineFixture: Sendable {
    let clock = SimulatedClock(stepMicroseconds: 1)
    let disk: SimulatedDisk
    let store: LogStore
    let engine: ChatEngine

    init(
        disk: SimulatedDisk = SimulatedDisk(), options: StoreOptions = StoreOptions(),
        execution: LogStore.Execution = .inline
    ) throws {
        self.disk = disk
        let random = SplitMix64Random(seed: 42)
        store = try LogStore.open(disk: disk, clock: clock, random: random, options: options, execution: execution)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 2))
    }

    deinit {
        engine.close()
        try? store.close()
    }

    func session(_ owner: String = "ann", _ access: Access = .trusted(tenant: .orion)) throws -> Session {
        try engine.createSession(SessionDraft(ids: .orion, owner: owner), access)
    }

    func say(_ text: String, in id: String, _ access: Access = .trusted(tenant: .orion)) throws -> StoredMessage {
        try engine.saveMessage(MessageDraft(ids: .orion, role: .user, content: UTF8Text(text)), to: id, access)
    }
}

/// Waits for a completion.
func outcome<Value: Sendable>(
    _ call: (@escaping ChatEngine.Completion<Value>) -> Void
) async -> Result<Value, ChatError> {
    await withCheckedContinuation { continuation in call { continuation.resume(returning: $0) } }
}

@Suite struct EngineTests {
    let orion = Access.trusted(tenant: .orion)

    @Test func aConversation() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let session = try fixture.session()
        #expect(session.createdAt == session.updatedAt)
        let saved = try (1...5).map { try fixture.say("message \($0)", in: session.id) }
        #expect(saved.map(\.sequence) == [1, 2, 3, 4, 5])
        let page = try engine.history(of: session.id, HistoryQuery(limit: 2), orion)
        #expect(page.messages == Array(saved[0..<2]))
        let next = try #require(page.next)
        let second = try engine.history(of: session.id, next, orion)
        #expect(second.messages == Array(saved[2..<4]))
        let third = try engine.history(of: session.id, try #require(second.next), orion)
        #expect(third.messages == [saved[4]])
        #expect(third.next == nil)
        let last = try engine.history(of: session.id, .last(2), orion)
        #expect(last.messages == [saved[4], saved[3]])
        #expect(last.next != nil)
        let summary = try engine.session(session.id, orion, includesLastMessage: true)
        #expect(summary.lastMessage == saved[4])
        #expect(summary.session.messageCount == 5)
        #expect(summary.session.updatedAt == saved[4].createdAt)
    }

    /// What is appended while a reader goes through the pages is not part of them.
    @Test func pagesEndWhereTheListBegan() throws {
        let fixture = try EngineFixture()
        let session = try fixture.session()
        for index in 0..<4 { _ = try fixture.say("\(index)", in: session.id) }
        let page = try fixture.engine.history(of: session.id, HistoryQuery(limit: 2), orion)
        for index in 4..<9 { _ = try fixture.say("\(index)", in: session.id) }
        let rest = try fixture.engine.history(of: session.id, try #require(page.next), orion)
        #expect(rest.messages.map(\.message.content.string) == ["2", "3"])
        #expect(rest.next == nil)
    }

    @Test func everyAttributeIsKept() throws {
        let fixture = try EngineFixture()
        let state = try RecordTests.fullState()
        let flags = SessionFlags(status: .pending, isActive: true, isResolved: true)
        let session = try fixture.engine.createSession(
            SessionDraft(ids: .poc, owner: "ann", state: state, flags: flags), .trusted(tenant: .poc))
        #expect(session.id.hasPrefix("sess_"))
        let full = try RecordTests.fullMessage()
        let draft = MessageDraft(
            ids: .poc, id: full.id, role: full.role, content: full.content, metadata: full.metadata,
            adjust: { $0 = full })
        let saved = try fixture.engine.saveMessage(draft, to: session.id, .trusted(tenant: .poc))
        #expect(saved.message == full)
        let read = try fixture.engine.session(session.id, .trusted(tenant: .poc), includesLastMessage: true)
        #expect(read.session.state == state)
        #expect(read.session.flags == flags)
        #expect(read.lastMessage?.message == full)
    }

    @Test func editsAndDeletesMessages() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let session = try fixture.session()
        let saved = try (0..<600).map { try fixture.say("\($0)", in: session.id) }
        let edited = try engine.editMessage(saved[3].message.id, in: session.id, orion) { message throws(ChatError) in
            message.content = "changed"
            message.id = MessageID("other")
        }
        #expect(edited.message.id == saved[3].message.id)
        #expect(edited.createdAt == saved[3].createdAt)
        #expect(edited.editedAt != nil)
        #expect(try engine.message(saved[3].message.id, in: session.id, orion) == edited)
        try engine.deleteMessage(saved[599].message.id, in: session.id, orion)
        #expect(throws: ChatError.messageNotFound) { try engine.message(saved[599].message.id, in: session.id, orion) }
        #expect(throws: ChatError.messageNotFound) {
            try engine.deleteMessage(MessageID("none"), in: session.id, orion)
        }
        let summary = try engine.session(session.id, orion, includesLastMessage: true)
        #expect(summary.session.messageCount == 599)
        #expect(summary.lastMessage == saved[598])
    }

    @Test func listsFilterAndPage() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let made = try (0..<7).map { _ in try fixture.session() }
        _ = try engine.updateSession(made[2].id, orion) { _, flags throws(ChatError) in
            flags.isResolved = true
            flags.status = .resolved
        }
        _ = try engine.updateSession(made[4].id, orion) { _, flags throws(ChatError) in flags.isDeleted = true }
        func ids(_ query: SessionQuery) throws -> [String] {
            var query = query
            var ids: [String] = []
            while true {
                let list = try engine.sessions(SessionListQuery(owner: "ann", query: query), orion)
                ids += list.sessions.map(\.session.id)
                guard let next = list.next else { return ids }
                query.cursor = next
            }
        }
        let live = made.indices.filter { $0 != 4 }
        #expect(try ids(SessionQuery(sort: .createdAt, ascending: true, limit: 2)) == live.map { made[$0].id })
        #expect(try ids(SessionQuery(sort: .updatedAt, limit: 2)).first == made[2].id)
        let resolved = SessionFlags.resolvedBit
        #expect(try ids(SessionQuery(tagMask: resolved, tagValue: resolved, limit: 9)) == [made[2].id])
        #expect(throws: ChatError.sessionNotFound) { try engine.session(made[4].id, orion) }
        #expect(
            try engine.sessions(SessionListQuery(owner: "nobody", query: SessionQuery(limit: 9)), orion).sessions
                .isEmpty)
        #expect(
            try engine.sessions(SessionListQuery(owner: nil, query: SessionQuery(limit: 9)), orion).sessions.count == 6)
    }

    @Test func updatesRetryOnConflict() async throws {
        let fixture = try EngineFixture(execution: .threaded)
        let id = try fixture.session().id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<25 {
                        let result: Result<Session, ChatError> = await outcome { done in
                            fixture.engine.updateSession(
                                id, .trusted(tenant: .orion),
                                change: { state, _ throws(ChatError) in
                                    let count = state.title.flatMap { Int($0.string) } ?? 0
                                    state.title = UTF8Text("\(count + 1)")
                                }, completion: done)
                        }
                        _ = try result.get()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try fixture.engine.session(id, orion).session.state.title == "100")
    }

    @Test func deletesSessionsAndUsers() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let (a, b, c) = (try fixture.session(), try fixture.session(), try fixture.session("bob"))
        try engine.deleteSession(a.id, orion)
        #expect(throws: ChatError.sessionNotFound) { try engine.deleteSession(a.id, orion) }
        #expect(throws: ChatError.sessionNotFound) { try fixture.say("x", in: a.id) }
        try engine.deleteUser("ann", orion)
        #expect(throws: ChatError.sessionNotFound) { try engine.session(b.id, orion) }
        #expect(throws: ChatError.userNotFound) { try engine.deleteUser("nobody", orion) }
        #expect(try engine.session(c.id, orion).session.owner == "bob")
    }

    // MARK: Isolation

    @Test func tenantsAreDisjoint() throws {
        let fixture = try EngineFixture()
        let session = try fixture.session()
        let others: [TenantName] = [.poc, .llm(organisation: "orion"), .aivo(tenant: "orion"), .llm(organisation: "")]
        for tenant in others {
            let access = Access.trusted(tenant: tenant)
            _ = try fixture.session("ann", access)
            #expect(throws: ChatError.sessionNotFound) { try fixture.engine.session(session.id, access) }
            #expect(throws: ChatError.sessionNotFound) { try fixture.say("x", in: session.id, access) }
            #expect(throws: ChatError.sessionNotFound) { try fixture.engine.deleteSession(session.id, access) }
            #expect(throws: ChatError.sessionNotFound) { try fixture.engine.history(of: session.id, .last(1), access) }
        }
        #expect(try fixture.engine.session(session.id, orion).session.messageCount == 0)
    }

    @Test func reachIsHeldOnEveryCall() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let theirs = try fixture.session("bob")
        let message = try fixture.say("secret", in: theirs.id)
        let ann = Access.verifiedToken(tenant: .orion, user: "ann", reach: .user("ann"))
        let scoped = Access.verifiedToken(tenant: .orion, user: "t", roles: .teacher, reach: .users(["ann", "eve"]))
        for access in [ann, scoped] {
            let all = SessionListQuery(owner: nil, query: SessionQuery(limit: 1))
            let bobs = SessionListQuery(owner: "bob", query: SessionQuery(limit: 1))
            #expect(throws: ChatError.forbidden) { try engine.session(theirs.id, access) }
            #expect(throws: ChatError.forbidden) { try engine.sessions(all, access) }
            #expect(throws: ChatError.forbidden) { try engine.sessions(bobs, access) }
            #expect(throws: ChatError.forbidden) { try engine.history(of: theirs.id, .last(1), access) }
            #expect(throws: ChatError.forbidden) { try fixture.say("x", in: theirs.id, access) }
            #expect(throws: ChatError.forbidden) { try engine.deleteSession(theirs.id, access) }
            #expect(throws: ChatError.forbidden) { try engine.deleteUser("bob", access) }
            #expect(throws: ChatError.forbidden) { try engine.deleteMessage(message.message.id, in: theirs.id, access) }
            #expect(throws: ChatError.forbidden) {
                try engine.editMessage(message.message.id, in: theirs.id, access) { _ throws(ChatError) in }
            }
            #expect(throws: ChatError.forbidden) {
                try engine.updateSession(theirs.id, access) { _, _ throws(ChatError) in }
            }
            #expect(throws: ChatError.forbidden) { try fixture.session("bob", access) }
            #expect(try fixture.session("ann", access).owner == "ann")
        }
        #expect(try engine.session(theirs.id, .trusted(tenant: .orion)).session.messageCount == 1)
    }

    // MARK: Cold reads, failures

    /// A session that is on disk only is answered on a reader thread; the caller never waits.
    @Test func coldReadsGoToTheReaders() async throws {
        var options = StoreOptions()
        options.cacheBytes = 64 << 10
        let disk = SimulatedDisk()
        var ids: [String] = []
        do {
            let fixture = try EngineFixture(disk: disk, options: options)
            for _ in 0..<50 {
                let id = try fixture.session().id
                for index in 0..<20 { _ = try fixture.say(String(repeating: "\(index) ", count: 100), in: id) }
                ids.append(id)
            }
            try fixture.store.flush()
        }
        let fixture = try EngineFixture(disk: disk, options: options)
        for id in ids {
            let page: Result<HistoryPage, ChatError> = await outcome {
                fixture.engine.history(of: id, .last(3), orion, completion: $0)
            }
            #expect(try page.get().messages.map(\.sequence) == [20, 19, 18])
            let saved: Result<StoredMessage, ChatError> = await outcome {
                fixture.engine.saveMessage(
                    MessageDraft(ids: .orion, role: .user, content: "x"), to: id, orion, completion: $0)
            }
            #expect(try saved.get().sequence == 21)
        }
    }

    @Test func aClosedStoreIsUnavailable() async throws {
        let fixture = try EngineFixture()
        let id = try fixture.session().id
        try fixture.store.close()
        let result: Result<StoredMessage, ChatError> = await outcome {
            fixture.engine.saveMessage(
                MessageDraft(ids: .orion, role: .user, content: "x"), to: id, orion, completion: $0)
        }
        guard case .failure(.unavailable) = result else {
            Issue.record("\(result)")
            return
        }
    }

    @Test func idsHaveTheirForms() throws {
        let fixture = try EngineFixture()
        let random = SplitMix64Random(seed: 1)
        let time = fixture.clock.now()
        let forms: [(IdentifierFormat, String, String)] = [
            (.orion, #"session_\d{13}_[0-9a-z]{1,13}"#, #"msg_\d{13}_[0-9a-z]{1,13}"#),
            (.poc, #"sess_[0-9a-z]+_[0-9a-z]{1,9}"#, #"msg_\d{13}_[0-9a-z]{1,9}"#),
            (
                .uuid, #"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"#,
                #"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"#
            ),
        ]
        for (format, session, message) in forms {
            var seen: Set<String> = []
            let (sessionForm, messageForm) = (try Regex(session), try Regex(message))
            for _ in 0..<200 {
                let id = format.sessionID(at: time, random: random)
                #expect(try sessionForm.wholeMatch(in: id) != nil)
                let name = format.messageID(at: time, random: random).string
                #expect(try messageForm.wholeMatch(in: name) != nil)
                seen.insert(id)
                seen.insert(name)
            }
            #expect(seen.count == 400)
        }
    }
}

@Suite struct ReaderPoolTests {
    @Test func runsWhatIsQueuedAndThenNothing() {
        let pool = ReaderPool(threads: 3, capacity: 10_000)
        let count = Mutex(0)
        for _ in 0..<1000 { #expect(pool.submit { count.withLock { $0 += 1 } }) }
        pool.shutDown()
        #expect(count.withLock { $0 } == 1000)
        #expect(!pool.submit {})
    }

    @Test func refusesWhenFull() {
        let pool = ReaderPool(threads: 1, capacity: 2)
        let gate = Mutex(())
        var refused = false
        gate.withLock { _ in
            // One may be running (waiting for the gate), two may wait: of four, one at least is refused.
            refused = !(0..<4).allSatisfy { _ in pool.submit { gate.withLock { _ in } } }
        }
        #expect(refused)
        pool.shutDown()
    }
}
