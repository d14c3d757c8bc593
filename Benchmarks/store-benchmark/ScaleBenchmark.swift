import BenchmarkSupport
import Glibc
import LogStore
import TestSupport

// Many sessions: does anything depend on how much is stored?
//
// Three processes, so that memory and opening are those of a server and not of the load:
// 1. `scale-load` makes a user with many sessions, a session with many messages, and users with ten sessions each.
// 2. `scale-write` appends without end until it is killed (SIGKILL): the next opening has a log to replay.
// 3. `scale-measure` opens, measures, and verifies nothing was lost that was flushed.

struct Scale {
    var sessions: Int
    var sessionsOfOneUser: Int
    var messagesOfOneSession: Int
    var messages: Int

    static let full = Scale(sessions: 1_000_000, sessionsOfOneUser: 10_000, messagesOfOneSession: 100_000, messages: 10)
    static let small = Scale(sessions: 20_000, sessionsOfOneUser: 1000, messagesOfOneSession: 2000, messages: 2)

    init(sessions: Int, sessionsOfOneUser: Int, messagesOfOneSession: Int, messages: Int) {
        self.sessions = sessions
        self.sessionsOfOneUser = sessionsOfOneUser
        self.messagesOfOneSession = messagesOfOneSession
        self.messages = messages
    }

    /// Ten messages in each, one user with a hundredth of them, a tenth as many messages in the long one.
    init(sessions: Int) {
        self.init(
            sessions: sessions, sessionsOfOneUser: max(50, sessions / 100), messagesOfOneSession: sessions / 10,
            messages: 10)
    }

    static let largeUser = "many sessions"
    static let longSession = "session_0"

    func load(_ path: String) throws {
        let store = try openStore(path)
        var source = Messages(seed: 5)
        let start = monotonic()
        let long = try store.load(user: "one session", first: 0, sessions: 1, messages: 0, bytes: 0, &source)[0]
        try store.grow(long, by: messagesOfOneSession, bytes: 200, &source)
        var first = 1
        while first <= sessionsOfOneUser {
            let count = min(500, sessionsOfOneUser - first + 1)
            _ = try store.load(
                user: Self.largeUser, first: first, sessions: count, messages: messages, bytes: 200,
                &source)
            first += count
        }
        while first < sessions {
            _ = try store.load(
                user: "u\(first / 10)", first: first, sessions: min(10, sessions - first), messages: messages,
                bytes: 200,
                &source)
            first += 10
        }
        try store.flush()
        let seconds = Double(monotonic() - start) / 1e9
        let status = store.status
        print(
            "loaded \(status.sessionsCreated) sessions, \(status.storedEntries) messages of 200 B in \(number(seconds)) s; "
                + "\(status.segments) segments, \(status.indexRuns) index runs, \(status.tableBytes >> 20) MiB of tables"
        )
        try store.close()
    }

    /// Appends until it is killed; says so once it has begun.
    func write(_ path: String) throws {
        let store = try openStore(path)
        guard let tenant = try store.tenant(named: "bench"),
            let session = try store.session(id: Self.longSession, in: tenant)
        else { throw BenchmarkFailure(description: "the load is not there") }
        let message = [UInt8](repeating: 0x61, count: 4000)
        var count = 0
        while true {
            try store.append(message, to: session.key, .buffered)
            count += 1
            if count == 10_000 {
                print("written")
                fflush(nil)
            }
        }
    }

    func measure(_ path: String) throws {
        let begun = monotonic()
        let store = try openStore(path)
        let opened = Double(monotonic() - begun) / 1e6
        let status = store.status
        print(
            "opened after SIGKILL in \(number(opened)) ms, \(status.headBytes >> 20) MiB of log replayed; "
                + "resident \(residentMiB().now) MiB")
        guard let tenant = try store.tenant(named: "bench"),
            let large = try store.user(named: Self.largeUser, in: tenant),
            let long = try store.session(id: Self.longSession, in: tenant)
        else { throw BenchmarkFailure(description: "the load is not there") }
        var random = SplitMix64(seed: 6)
        var witness = Witness()
        try lists(store, tenant, large, &random, &witness)
        try pages(store, tenant, long, &random, &witness)
        try appends(store, tenant, long, &random)
        let resident = residentMiB()
        record(
            "scale",
            [("openedMs", .number(opened)), ("residentMiB", .init(resident.now)), ("mostMiB", .init(resident.most))])
        print("resident \(resident.now) MiB, at most \(resident.most) MiB; witness \(witness.text)")
        try store.close()
    }

    private func lists(
        _ store: LogStore, _ tenant: TenantOrdinal, _ large: UserKey, _ random: inout SplitMix64,
        _ witness: inout Witness
    ) throws {
        for sort in [SessionQuery.Sort.updatedAt, .createdAt] {
            var samples = Samples()
            for _ in 0..<200 {
                let page = try samples.time { try store.sessions(of: large, SessionQuery(sort: sort, limit: 50)) }
                witness.see(page.sessions)
            }
            print("list, 50 of \(sessionsOfOneUser) sessions by \(sort): \(samples.summary)")
        }
        var samples = Samples()
        for _ in 0..<2000 {
            let number = Int.random(in: (sessionsOfOneUser / 10 + 1)..<(sessions / 10), using: &random)
            guard let user = try store.user(named: "u\(number)", in: tenant) else {
                throw BenchmarkFailure(description: "no user \(number)")
            }
            witness.see(try samples.time { try store.sessions(of: user, SessionQuery(limit: 50)).sessions })
        }
        print("list, a random user's 10 sessions: \(samples.summary)")
    }

    private func pages(
        _ store: LogStore, _ tenant: TenantOrdinal, _ long: SessionInfo, _ random: inout SplitMix64,
        _ witness: inout Witness
    ) throws {
        var last = Samples()
        var middle = Samples()
        for _ in 0..<2000 {
            witness.see(try last.time { try store.entries(of: long.key, .last(20)) })
            let after = SequenceNumber.random(in: 0..<SequenceNumber(messagesOfOneSession), using: &random)
            witness.see(try middle.time { try store.entries(of: long.key, EntryQuery(after: after, limit: 20)) })
        }
        print("last 20 of a session of \(messagesOfOneSession): \(last.summary)")
        print("20 from anywhere in it: \(middle.summary)")
        var byID = Samples()
        var samples = Samples()
        for _ in 0..<2000 {
            let number = Int.random(in: 1..<sessions, using: &random)
            let found = try byID.time { try store.session(id: "session_\(number)", in: tenant) }
            guard let found else { throw BenchmarkFailure(description: "no session \(number)") }
            witness.see(try samples.time { try store.entries(of: found.key, .last(20)) })
        }
        print("a random session by its id: \(byID.summary)")
        print("the messages of a random session: \(samples.summary)")
    }

    private func appends(
        _ store: LogStore, _ tenant: TenantOrdinal, _ long: SessionInfo, _ random: inout SplitMix64
    ) throws {
        let message = [UInt8](repeating: 0x62, count: 500)
        var toLong = Samples()
        var toRandom = Samples()
        for _ in 0..<1000 {
            try toLong.time { try store.append(message, to: long.key) }
            let number = Int.random(in: 1..<sessions, using: &random)
            guard let found = try store.session(id: "session_\(number)", in: tenant) else {
                throw BenchmarkFailure(description: "no session \(number)")
            }
            try toRandom.time { try store.append(message, to: found.key) }
        }
        print("durable append to the session of \(messagesOfOneSession): \(toLong.summary)")
        print("durable append to a random session: \(toRandom.summary)")
    }
}
