import TestSupport
import Testing

@testable import LogStore

// The store against SQLite: the same random life as the dictionaries lead, judged by somebody else's queries.
//
// The dictionary model only chooses the changes (what is there to append to) and turns them into batches. Each change
// goes to the store and, as SQL, to SQLite; receipts must agree. After every step come some random questions. One list
// is read over many steps, a page now and a page later, so that its cursor outlives changes, flushes and reopenings.

@Suite("Store: against SQLite")
struct SQLiteTests {
    private static let seeds: [UInt64] = isTorture ? Array(11...42) : [11, 12, 13, 14]

    @Test("A long random life gives the same answers as SQLite", arguments: seeds)
    func randomLife(_ seed: UInt64) throws {
        var life = try SQLiteLife(seed: seed)
        let steps = isTorture ? 2000 : 300
        for step in 0..<steps {
            if let difference = try life.step(step) {
                Issue.record("seed \(seed), step \(step): \(difference)")
                return
            }
        }
        #expect(life.model.lsn > 100 && life.questions > steps && life.cursorPages > 0)
        print(
            "SQLite, seed \(seed): \(life.model.lsn) batches, \(life.model.everSessions.count) sessions, "
                + "\(life.reopenings) reopenings, \(life.questions) questions, \(life.cursorPages) later pages")
    }
}

private struct SQLiteLife {
    private let disk = SimulatedDisk()
    private let clock = SimulatedClock(stepMicroseconds: 3)
    private let options: StoreOptions
    private var random: SplitMix64
    private var store: LogStore
    private(set) var model = StoreModel()
    private var sql: SQLiteModel
    private(set) var questions = 0
    private(set) var reopenings = 0
    private(set) var cursorPages = 0
    /// The list that is read over many steps.
    private var slow: (query: SessionQuery, column: String, owner: Int64)?

    init(seed: UInt64) throws {
        var options = Scenario.smallOptions
        options.headBytes = 8 << 10
        self.options = options
        random = SplitMix64(seed: seed)
        sql = try SQLiteModel()
        store = try Self.open(disk, clock, options, seed: random.next())
    }

    private static func open(
        _ disk: SimulatedDisk, _ clock: SimulatedClock, _ options: StoreOptions, seed: UInt64
    ) throws -> LogStore {
        try LogStore.open(
            disk: disk, clock: clock, random: SplitMix64Random(seed: seed), options: options, execution: .inline)
    }

    /// One step; nil if everything agrees.
    mutating func step(_ step: Int) throws -> String? {
        switch Int.random(in: 0..<60, using: &random) {
        case 0: try store.flush()
        case 1:
            try store.close()
            store = try Self.open(disk, clock, options, seed: random.next())
            reopenings += 1
        case 2: try store.compact()
        case 3:
            try store.maintain()
            if store.status.visibleLSN.rawValue > sql.lsn {
                // An erasure was finished, with a batch of its own.
                guard let time = try store.erasures().compactMap(\.finishedAt).max() else { return "no erasure ended" }
                model.applyOwnBatch(now: time.microseconds)
                sql.applyOwnBatch()
            }
        case 4: clock.jump(microseconds: .random(in: -5_000_000...5_000_000, using: &random))
        default:
            let change =
                step % 9 == 0 ? severalSessions(step) : RandomLife.change(model, step, &random)
            guard model.permits(change) else { break }
            let receipt = try store.commit(model.batch(change))
            _ = model.apply(change, now: receipt.time.microseconds)
            let expected = try sql.apply(change, time: receipt.time)
            // A replay is answered with the time of the first one, which SQLite's side has kept.
            if receipt != expected { return "receipt \(receipt), not \(expected)" }
        }
        if store.status.visibleLSN.rawValue != sql.lsn { return "LSN \(store.status.visibleLSN), not \(sql.lsn)" }
        if step % 250 == 249, let difference = try everything() { return difference }
        return try entries() ?? lists() ?? documents() ?? slowList()
    }

    /// One batch over several sessions, old and new.
    private mutating func severalSessions(_ step: Int) -> StoreModel.Change {
        var operations: [StoreModel.Operation] = [
            .create("t/m\(step)", user: "user\(step % 5)", state: "m", tags: UInt32(step % 3)),
            .append("t/m\(step)", "first"),
        ]
        for path in model.live.keys.sorted().shuffled(using: &random).prefix(Int.random(in: 0...4, using: &random)) {
            operations += [.append(path, "shared \(step)"), .update(path, tags: UInt32(step % 4), touch: false)]
        }
        operations.append(.put("u/m\(step % 4)", "document \(step)"))
        return .init(operations: operations)
    }

    // MARK: Questions

    private mutating func randomSession() -> (key: SessionKey, path: String)? {
        model.everSessions.randomElement(using: &random)
    }

    /// A page of a session, live or not; its row, its state and its id.
    private mutating func entries() throws -> String? {
        guard let (key, path) = randomSession() else { return nil }
        questions += 4
        let last = try sql.session(key.session)?.lastSequence ?? 3
        var query = EntryQuery(
            limit: .random(in: 0...7, using: &random), order: Bool.random(using: &random) ? .ascending : .descending)
        if Bool.random(using: &random) { query.after = .random(in: 0...last, using: &random) }
        if Bool.random(using: &random) { query.before = .random(in: 0...last + 1, using: &random) }
        if try store.entries(of: key, query) != sql.entries(key.session, query) { return "\(query) of \(path)" }
        if try store.entries(of: key, .last(3)) != sql.entries(key.session, .last(3)) { return "last 3 of \(path)" }
        let info = try store.session(key)
        if try info != sql.session(key.session) { return "session \(path): \(String(describing: info))" }
        if try store.state(of: key)?.state != sql.state(key.session) { return "state of \(path)" }
        let (tenant, id) = StoreModel.split(path)
        guard let ordinal = try store.tenant(named: tenant) else { return nil }
        return try store.session(id: id, in: ordinal) == sql.session(id: id, tenant: tenant) ? nil : "id \(path)"
    }

    private mutating func randomQuery() -> SessionQuery {
        var query = SessionQuery(
            sort: Bool.random(using: &random) ? .createdAt : .updatedAt, ascending: Bool.random(using: &random),
            limit: .random(in: 1...5, using: &random))
        if Int.random(in: 0..<3, using: &random) == 0 {
            query.tagMask = .random(in: 0...3, using: &random)
            query.tagValue = query.tagMask & .random(in: 0...3, using: &random)
        }
        let times = model.sessions.values.map(\.info.createdAt).sorted()
        if Bool.random(using: &random) { query.createdFrom = times.randomElement(using: &random) }
        if Bool.random(using: &random) { query.createdTo = times.randomElement(using: &random) }
        return query
    }

    private func page(_ query: SessionQuery, _ column: String, _ owner: Int64) throws -> SessionPage {
        if column == "tenant" { return try store.sessions(ofTenant: TenantOrdinal(UInt32(owner)), query) }
        guard let user = model.everUsers.first(where: { $0.key.user == UInt64(owner) }) else {
            return SessionPage(sessions: [], next: nil)
        }
        return try store.sessions(of: user.key, query)
    }

    private mutating func randomOwner() -> (column: String, owner: Int64)? {
        if Int.random(in: 0..<4, using: &random) == 0 {
            return model.everTenants.randomElement(using: &random).map { ("tenant", Int64($0.key.rawValue)) }
        }
        return model.everUsers.randomElement(using: &random).map { ("user", Int64($0.key.user)) }
    }

    /// Every page of one list.
    private mutating func lists() throws -> String? {
        guard let (column, owner) = randomOwner() else { return nil }
        var query = randomQuery()
        while true {
            questions += 1
            let found = try page(query, column, owner)
            if try found != sql.page(query, column: column, owner: owner) { return "\(query) of \(column) \(owner)" }
            guard let next = found.next else { return nil }
            query.cursor = next
        }
    }

    /// The next page of the list that is read slowly.
    private mutating func slowList() throws -> String? {
        guard var list = slow else {
            if let (column, owner) = randomOwner() { slow = (randomQuery(), column, owner) }
            return nil
        }
        guard Int.random(in: 0..<3, using: &random) == 0 else { return nil }
        questions += 1
        let found = try page(list.query, list.column, list.owner)
        if try found != sql.page(list.query, column: list.column, owner: list.owner) { return "later: \(list)" }
        if list.query.cursor != nil { cursorPages += 1 }
        list.query.cursor = found.next
        slow = found.next == nil ? nil : list
        return nil
    }

    private mutating func documents() throws -> String? {
        questions += 2
        let tenant = ["t", "u"].randomElement(using: &random)!
        let prefix = Array(["", "d", "d1", "m"].randomElement(using: &random)!.utf8)
        // Behind a key that may begin with the prefix, or lie before or behind all that do.
        var after: [UInt8]?
        if Bool.random(using: &random) {
            let start = [prefix, Array("c".utf8), Array("d".utf8), Array("x".utf8)].randomElement(using: &random)!
            after = start + Array("\(Int.random(in: 0..<9, using: &random))".utf8)
        }
        let limit = Int.random(in: 1...12, using: &random)
        let found = try store.documents(tenant: tenant, prefix: prefix, after: after, limit: limit)
        if try found != sql.documents(tenant: tenant, prefix: prefix, after: after, limit: limit) {
            return "documents of \(tenant), prefix \(prefix), after \(String(describing: after)), limit \(limit)"
        }
        return try store.position(of: "consumer")?.rawValue == sql.position(of: "consumer") ? nil : "position"
    }

    /// Everything that ever was: names, counts, whole sessions.
    private mutating func everything() throws -> String? {
        for (key, path) in model.everSessions {
            questions += 2
            if try store.session(key) != sql.session(key.session) { return "session \(path)" }
            let all = EntryQuery(limit: 1 << 30)
            if try store.entries(of: key, all) != sql.entries(key.session, all) { return "entries of \(path)" }
        }
        let users = try Set(sql.numbers(of: "users"))
        for (key, path) in model.everUsers {
            questions += 1
            if try store.userName(key) != sql.name(in: "users", Int64(key.user)) { return "user \(path)" }
            if !users.contains(Int64(key.user)),
                try !page(SessionQuery(limit: 1), "user", Int64(key.user)).sessions.isEmpty
            {
                return "sessions of a deleted user \(path)"
            }
        }
        for (key, name) in model.everTenants {
            questions += 1
            if try store.tenantName(key) != sql.name(in: "tenants", Int64(key.rawValue)) { return "tenant \(name)" }
        }
        return nil
    }
}
