import LogStore
import TestSupport
import Testing

@testable import ChatEngine

/// Export and import are each other's inverse.
@Suite struct TransferTests {
    private static let tenants: [TenantName] = [.orion, .llm(organisation: "acme"), .aivo(tenant: "school")]

    /// Everything that the domain has, some of it twice.
    private static func fill(_ fixture: EngineFixture) throws {
        let engine = fixture.engine
        for (t, tenant) in tenants.enumerated() {
            let access = Access.operator(tenant: tenant)
            for i in 0..<7 {
                var draft = SessionDraft(ids: .orion, owner: "user \(i % 3) \u{1F600}\"\\\n")
                if i % 2 == 0 { draft.state = try RecordTests.fullState() }
                if i == 3 { draft.flags = SessionFlags(status: .resolved, isActive: false, isResolved: true) }
                let session = try engine.createSession(draft, access)
                for m in 0..<(i * 3) {
                    let content = UTF8Text("message \(m) of \(i) \u{0}\u{7F}\u{2028} \r\n\t é")
                    _ = try engine.saveMessage(
                        MessageDraft(ids: m % 2 == 0 ? .orion : .uuid, role: .user, content: content), to: session.id,
                        access)
                }
                _ = try engine.saveMessage(
                    MessageDraft(ids: .orion, id: MessageID("any id \(t)"), role: nil, content: .empty) { message in
                        if let full = try? RecordTests.fullMessage() {
                            let id = message.id
                            message = full
                            message.id = id
                        }
                        message.metadata = RawJSON(stored: Array("{\n  \"a\": 1.0 }".utf8)[...])
                    }, to: session.id, access)
                if i < 3, let key = try fixture.key(session.id, access) {
                    var batch = Batch()
                    for part in [[], [0, 0, 0, UInt8(i)]] as [[UInt8]] {
                        batch.put(name: Array("reply".utf8), part: part, [1, UInt8(i)], of: .existing(key))
                    }
                    try fixture.store.commit(batch)
                }
                try change(session.id, i, engine, access)
            }
            var batch = Batch()
            batch.put(DocumentKey(tenant: tenant.name, key: Array("text".utf8)), Array("{\"a\":1}".utf8))
            batch.put(DocumentKey(tenant: tenant.name, key: [1, 255, 128]), [UInt8](0...255))
            try fixture.store.commit(batch)
        }
    }

    /// Edits and deletions, in the middle and at the end.
    private static func change(_ id: String, _ i: Int, _ engine: ChatEngine, _ access: Access) throws {
        let messages = try engine.history(of: id, HistoryQuery(limit: 100), access).messages
        if i == 2 {
            for k in [1, 2, 4] { try engine.deleteMessage(messages[k].message.id, in: id, access) }
            let edited = messages[3].message.id
            _ = try engine.editMessage(edited, in: id, access) { $0.content = "edited" }
        }
        if i == 4 { try engine.deleteMessage(messages[messages.count - 1].message.id, in: id, access) }
        if i == 5 {
            _ = try engine.updateSession(id, access) { state, flags in
                flags.isDeleted = true
                state.deletedAt = Timestamp(microseconds: 1_700_000_000_000_001)
            }
        }
        if i == 6 { try engine.deleteSession(id, access) }
    }

    private static func export(_ engine: ChatEngine, _ filter: ExportFilter = ExportFilter()) throws -> String {
        var exporter = try engine.export(filter, .operator)
        var bytes: [UInt8] = []
        // Small pieces, so that the state is carried over many of them.
        while let piece = try exporter.next(bytes: 700) { bytes += piece }
        return String(decoding: bytes, as: UTF8.self)
    }

    @discardableResult
    private static func importLines(_ text: some StringProtocol, _ fixture: EngineFixture) throws -> ImportReport {
        try fixture.engine.importLines(Array(text.utf8), .operator)
    }

    @Test func anEmptyStoreBecomesTheSameAndTheSameAgainChangesNothing() throws {
        let first = try EngineFixture()
        try Self.fill(first)
        let text = try Self.export(first.engine)
        #expect(
            text.split(separator: "\n").last
                == #"{"type":"end","sessions":18,"messages":141,"documents":24,"damaged":0}"#)
        try first.store.compact()
        #expect(try Self.export(first.engine) == text)

        let second = try EngineFixture()
        let report = try Self.importLines(text, second)
        #expect(report.sessions == 18)
        #expect(report.messages == 141)
        #expect(report.documents == 24)
        #expect(try Self.export(second.engine) == text)
        let lsn = second.store.status.visibleLSN
        let again = try Self.importLines(text, second)
        #expect(again.sessions + again.messages + again.documents == 0)
        #expect(second.store.status.visibleLSN == lsn)
        try second.store.compact()
        #expect(try Self.export(second.engine) == text)
    }

    @Test func everyAttributeIsFilled() throws {
        func empty(_ value: Any) -> [String] {
            Mirror(reflecting: value).children.compactMap { child in
                let mirror = Mirror(reflecting: child.value)
                return mirror.displayStyle == .optional && mirror.children.isEmpty ? child.label : nil
            }
        }
        let message = try RecordTests.fullMessage()
        #expect(empty(message).isEmpty)
        #expect(empty(try #require(message.analysis)).isEmpty)
        #expect(empty(try RecordTests.fullState()).isEmpty)
    }

    @Test func recordsComeBack() throws {
        let stored = StoredMessage(
            message: try RecordTests.fullMessage(), sequence: 7, createdAt: Timestamp(microseconds: -1),
            editedAt: Timestamp(microseconds: Int64(1) << 61))
        let line = MessageRecord(tenant: "t", session: "s", stored: stored).line
        #expect(try MessageRecord(LineReader(Array(line.dropLast()))).stored == stored)
        let session = SessionRecord(
            tenant: "t", user: "", id: "s", createdAt: Timestamp(microseconds: 0),
            updatedAt: Timestamp(microseconds: -62_135_596_800_000_001), tags: .max, retentionClass: 9,
            state: try RecordTests.fullState())
        let back = try SessionRecord(LineReader(Array(session.line.dropLast())))
        #expect(back.state == session.state)
        #expect(back.updatedAt == session.updatedAt)
        #expect(back.tags == session.tags && back.retentionClass == 9 && back.user.isEmpty)
    }

    /// Wherever an import stops, doing it again finishes it.
    @Test func anImportThatWasCutShortIsFinishedByDoingItAgain() throws {
        let first = try EngineFixture()
        try Self.fill(first)
        let text = try Self.export(first.engine)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for cut in stride(from: 1, to: lines.count, by: 11) {
            let second = try EngineFixture()
            try Self.importLines(lines.prefix(cut).joined(separator: "\n"), second)
            if cut % 2 == 0 { try second.store.flush() }
            try Self.importLines(text, second)
            #expect(try Self.export(second.engine) == text)
        }
        // Line by line: each names its session.
        let third = try EngineFixture()
        for line in lines { try Self.importLines(line, third) }
        #expect(try Self.export(third.engine) == text)
    }

    @Test func filtersChooseSessions() throws {
        let fixture = try EngineFixture()
        try Self.fill(fixture)
        func sessions(_ filter: ExportFilter) throws -> Int {
            try Self.export(fixture.engine, filter).split(separator: "\n").count { $0.hasPrefix(#"{"type":"session""#) }
        }
        #expect(try sessions(ExportFilter(tenant: "orion")) == 6)
        #expect(try sessions(ExportFilter(tenant: "orion", user: "user 1 \u{1F600}\"\\\n")) == 2)
        let tenant = try #require(try fixture.store.tenant(named: "orion"))
        let times = try fixture.store.walk(.tenant(tenant), limit: 100).map(\.updatedAt).sorted()
        #expect(try sessions(ExportFilter(tenant: "orion", since: times[4])) == 2)
        #expect(try sessions(ExportFilter(since: times[0])) == 18)
        #expect(throws: ChatError.tenantNotFound) { try Self.export(fixture.engine, ExportFilter(tenant: "x")) }
        #expect(throws: ChatError.userNotFound) {
            try Self.export(fixture.engine, ExportFilter(tenant: "orion", user: "x"))
        }
        #expect(throws: ChatError.invalid(field: "user", reason: "needs a tenant")) {
            try Self.export(fixture.engine, ExportFilter(user: "x"))
        }
    }

    /// Between any two pieces of an export the store goes on: what was there before and is not deleted is exported once,
    /// whole, and an import takes it.
    @Test func anExportOfAStoreThatIsInUse() throws {
        var random = SplitMix64(seed: 11)
        let fixture = try EngineFixture()
        let access = Access.operator(tenant: .orion)
        var counts: [String: Int] = [:]
        for i in 0..<60 {
            let session = try fixture.session("user\(i % 5)")
            counts[session.id] = i % 9
            for m in 0..<(i % 9) { _ = try fixture.say("m\(m)", in: session.id) }
        }
        var exporter = try fixture.engine.export(ExportFilter(), .operator)
        var bytes: [UInt8] = []
        var deleted: Set<String> = []
        while let piece = try exporter.next(bytes: 400) {
            bytes += piece
            let id = counts.keys.sorted()[Int.random(in: 0..<counts.count, using: &random)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: _ = try fixture.session("user\(Int.random(in: 0..<9, using: &random))")
            case 1 where deleted.insert(id).inserted: try fixture.engine.deleteSession(id, access)
            case 2: try fixture.store.compact()
            case 3: try fixture.store.flush()
            default: if !deleted.contains(id) { _ = try fixture.say("more", in: id) }
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let copy = try EngineFixture()
        try Self.importLines(text, copy)
        let lines = text.split(separator: "\n")
        #expect(lines.last?.hasPrefix(#"{"type":"end""#) == true)
        #expect(!text.contains(#""type":"damaged""#))
        for (id, count) in counts where !deleted.contains(id) {
            #expect(lines.count { $0.hasPrefix(#"{"type":"session""#) && $0.contains(id) } == 1)
            let history = try copy.engine.history(of: id, HistoryQuery(limit: 1000), access).messages
            #expect(history.prefix(count).map(\.message.content) == (0..<count).map { UTF8Text("m\($0)") })
        }
    }

    /// A second export of a store that went on brings the copy up to date: new messages, a newer state, a newer edit.
    @Test func aLaterExportIsFollowed() throws {
        let first = try EngineFixture()
        let second = try EngineFixture()
        let access = Access.operator(tenant: .orion)
        let session = try first.session()
        let one = try first.say("one", in: session.id)
        try Self.importLines(try Self.export(first.engine), second)
        _ = try first.say("two", in: session.id)
        _ = try first.engine.updateSession(session.id, access) { state, _ in state.title = "new" }
        _ = try first.engine.editMessage(one.message.id, in: session.id, access) { $0.content = "edited" }
        let text = try Self.export(first.engine)
        try Self.importLines(text, second)
        #expect(try Self.export(second.engine) == text)
        // What went on in the copy stays.
        second.clock.advance(microseconds: 1_000_000)
        _ = try second.say("three", in: session.id)
        let own = try Self.export(second.engine)
        try Self.importLines(text, second)
        #expect(try Self.export(second.engine) == own)
    }

    @Test(arguments: [
        ("nonsense", "is not JSON"), ("[]", "is not a JSON object"), (#"{"type":"x"}"#, "unknown type"),
        (#"{"type":"export","version":2}"#, "newer format"), ("{}", "has no type"),
        (#"{"type":"session","tenant":"t","user":"u","id":"","createdAt":0}"#, "empty tenant or id"),
        (#"{"type":"session","tenant":"t","user":"u","id":"s","createdAt":"yesterday"}"#, "not a time"),
        (#"{"type":"message","tenant":"orion","session":"s","sequence":0}"#, "has no sequence"),
        (#"{"type":"deleted","tenant":"orion","session":"s","from":3,"through":2}"#, "no range"),
        (#"{"type":"deleted","tenant":"orion","session":"s","from":1,"through":4000000000}"#, "leaves out more"),
        (#"{"type":"document","tenant":"t","keyHex":"0","value":""}"#, "odd length"),
    ])
    func aBadLineIsNamedAndWhatCameBeforeIsKept(line: String, reason: String) throws {
        let fixture = try EngineFixture()
        let good = #"{"type":"session","tenant":"orion","user":"u","id":"s","createdAt":"2026-01-01T00:00:00Z"}"#
        let error = #expect(throws: ImportError.self) { try Self.importLines("\n\(good)\n\(line)\n", fixture) }
        guard case .line(3, let text)? = error else {
            Issue.record("not line 3: \(String(describing: error))")
            return
        }
        #expect(text.contains(reason))
        #expect(try fixture.engine.session("s", .operator(tenant: .orion)).session.owner == "u")
    }

    @Test func whatIsPastItsRetentionIsSkipped() throws {
        var options = StoreOptions()
        options.retention.classes[RetentionClass.orion.rawValue] = 3600
        let fixture = try EngineFixture(options: options)
        let report = try Self.importLines(
            """
            {"type":"session","tenant":"orion","user":"u","id":"old","createdAt":"2025-01-01T00:00:00Z"}
            {"type":"message","tenant":"orion","session":"old","sequence":1,"createdAt":0,"id":"m","content":""}
            {"type":"session","tenant":"llm:a","user":"u","id":"old","createdAt":"2025-01-01T00:00:00Z"}
            """, fixture)
        #expect(report.skipped == 2)
        #expect(report.sessions == 1)
    }

    @Test func newSessionsHaveTheirSurfacesRetentionClass() throws {
        let fixture = try EngineFixture()
        for (tenant, expected) in zip(Self.tenants + [.poc], [RetentionClass.orion, .llm, .aivo, .poc]) {
            let session = try fixture.session("u", .operator(tenant: tenant))
            #expect(try fixture.store.session(session.key)?.retentionClass == expected.rawValue)
        }
        #expect(TenantName.stored("else").retentionClass == .other)
        #expect(RetentionClass(surface: "other") == nil)
    }
}

@Suite struct ErasureTests {
    let access = Access.operator(tenant: .orion)

    @Test func aUserIsErasedAndAHoldForbidsIt() throws {
        let fixture = try EngineFixture()
        let engine = fixture.engine
        let session = try fixture.session()
        _ = try fixture.say("secret", in: session.id)
        try engine.setHold(true, on: .session(session.id), access)
        let lsn = fixture.store.status.visibleLSN
        try engine.setHold(true, on: .session(session.id), access)
        #expect(fixture.store.status.visibleLSN == lsn)
        #expect(try engine.holds(.operator) == [LegalHold(tenant: "orion", user: "ann", session: session.id)])
        #expect(throws: ChatError.held) { try engine.erase(.user("ann"), access) }
        #expect(throws: ChatError.held) { try engine.deleteSession(session.id, access) }
        try engine.setHold(false, on: .session(session.id), access)
        #expect(try engine.holds(.operator).isEmpty)

        let job = try engine.erase(.user("ann"), access)
        #expect(job.kind == .user && job.tenant == "orion" && job.sessions == 1 && job.messages == 1)
        #expect(job.finishedAt == nil)
        #expect(try engine.erasures(.operator) == [job])
        #expect(throws: ChatError.sessionNotFound) { try engine.session(session.id, access) }
        #expect(throws: ChatError.userNotFound) { try engine.erase(.user("ann"), access) }
        fixture.clock.advance(microseconds: 3_601_000_000)
        try fixture.store.maintain()
        fixture.clock.advance(microseconds: 3_601_000_000)
        try fixture.store.maintain()
        #expect(try engine.erasures(.operator)[0].finishedAt != nil)
    }

    @Test func softDeletedSessionsCanBeErasedAndReachIsKept() throws {
        let fixture = try EngineFixture()
        let session = try fixture.session()
        _ = try fixture.engine.updateSession(session.id, access) { $1.isDeleted = true }
        let bob = Access.verifiedToken(tenant: .orion, user: "bob", reach: .user("bob"))
        #expect(throws: ChatError.forbidden) { try fixture.engine.erase(.session(session.id), bob) }
        #expect(throws: ChatError.forbidden) { try fixture.engine.erase(.user("ann"), bob) }
        #expect(throws: ChatError.forbidden) { try fixture.engine.erase(.tenant, bob) }
        #expect(throws: ChatError.tenantNotFound) { try fixture.engine.erase(.tenant, .operator(tenant: .poc)) }
        #expect(try fixture.engine.erase(.session(session.id), access).kind == .session)
        #expect(try fixture.engine.erase(.tenant, access).kind == .tenant)
    }
}

extension EngineFixture {
    fileprivate func key(_ id: String, _ access: Access) throws -> SessionKey? {
        try store.tenant(named: access.tenant.name).flatMap { try store.session(id: id, in: $0)?.key }
    }
}
