import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// Pages, totals and orders, held against lists that the test keeps itself.
@Suite struct AIVOListTests {
    /// Threads of several learners, in one order: changed last first. The test keeps the order.
    @Test(arguments: [false, true]) func threads(_ flushes: Bool) async throws {
        let fixture = try AIVOFixture()
        var order: [String] = []
        for index in 0..<30 {
            order.insert(try await fixture.thread("learner-\(index % 3 + 1)", title: "\(index)", .admin), at: 0)
        }
        for index in [3, 17, 22, 9] {
            let id = order[index]
            _ = try await fixture.call("PUT", "/threads/\(id)", .admin, "{}")
            order.insert(order.remove(at: index), at: 0)
        }
        if flushes { try fixture.store.flush() }
        let touched = order[12]
        _ = try await fixture.say("hi", in: touched, .admin)
        order.insert(order.remove(at: 12), at: 0)
        let deleted = order[5]
        #expect(try await fixture.call("DELETE", "/threads/\(deleted)", .admin).status == 200)
        order.remove(at: 5)
        for (limit, offset) in [(100, 0), (10, 0), (10, 10), (10, 25), (1, 28), (10, 29), (10, 1000)] {
            let page = try await fixture.call("GET", "/threads?limit=\(limit)&offset=\(offset)", .admin).json
            #expect(Self.ids(page, "threads") == Array(order.dropFirst(offset).prefix(limit)), "\(limit) \(offset)")
            #expect(page["total"] == .number(Double(order.count)))
            #expect(page["limit"] == .number(Double(limit)))
            #expect(page["offset"] == .number(Double(offset)))
        }
        // A teacher of two learners sees their threads merged.
        let all = try await fixture.call("GET", "/threads?limit=100", .admin).json
        let own = (all["threads"]?.array ?? []).filter { $0["learner_id"]?.string != "learner-3" }
        let merged = own.compactMap { $0["id"]?.string }
        let page = try await fixture.call("GET", "/threads?limit=7&offset=3").json
        #expect(Self.ids(page, "threads") == Array(merged.dropFirst(3).prefix(7)))
        #expect(page["total"] == .number(Double(merged.count)))
        let one = try await fixture.call("GET", "/threads?learner_id=learner-1&limit=100").json
        #expect(one["total"] == .number(Double(own.count { $0["learner_id"]?.string == "learner-1" })))
    }

    private static func ids(_ page: JSONValue, _ list: String) -> [String] {
        (page[list]?.array ?? []).compactMap { $0["id"]?.string }
    }

    /// Every page of a thread with deletions, in both orders, with and without times, before and after a flush.
    @Test(arguments: [false, true]) func messages(_ flushes: Bool) async throws {
        let fixture = try AIVOFixture()
        let thread = try await fixture.thread()
        var kept: [(id: String, time: String)] = []
        for index in 0..<80 {
            let reply = try await fixture.call(
                "POST", "/threads/\(thread)/messages", .teacher,
                "{\"content\":\"\(index)\",\"sender_type\":\"teacher\"}")
            kept.append(
                (try #require(try reply.json["id"]?.string), try #require(try reply.json["created_at"]?.string)))
            if flushes && index == 40 { try fixture.store.flush() }
        }
        for index in [79, 60, 59, 58, 41, 40, 39, 12, 1, 0] {
            let message = kept.remove(at: index)
            #expect(try await fixture.call("DELETE", "/threads/\(thread)/messages/\(message.id)").status == 200)
        }
        let edited = kept[20].id
        #expect(try await fixture.call("PUT", "/threads/\(thread)/messages/\(edited)", .teacher, "{}").status == 200)
        if flushes { try fixture.store.compact() }
        func check(_ query: String, _ expected: [String], total: Int) async throws {
            let page = try await fixture.call("GET", "/threads/\(thread)/messages?\(query)").json
            #expect(Self.ids(page, "messages") == expected, "\(query)")
            #expect(page["total"] == .number(Double(total)), "\(query)")
        }
        let oldest = kept.map(\.id)
        let newest = Array(oldest.reversed())
        for offset in [0, 1, 19, 20, 21, 35, 50, 69, 70, 71, 5000] {
            let page = Array(newest.dropFirst(offset).prefix(9))
            try await check("limit=9&offset=\(offset)", page, total: 70)
            try await check(
                "limit=9&offset=\(offset)&order=asc", Array(oldest.dropFirst(offset).prefix(9)), total: 70)
        }
        for (low, high) in [(0, 69), (10, 50), (19, 21), (35, 36), (0, 1)] {
            let inside = Array(oldest[(low + 1)..<high])
            let times = "after=\(kept[low].time)&before=\(kept[high].time)"
            try await check("\(times)&limit=200", inside.reversed(), total: inside.count)
            try await check(
                "\(times)&limit=3&offset=2&order=asc", Array(inside.dropFirst(2).prefix(3)), total: inside.count)
        }
        try await check("before=\(kept[0].time)", [], total: 0)
        try await check("after=\(kept[69].time)", [], total: 0)
        try await check("after=\(kept[50].time)&before=\(kept[20].time)", [], total: 0)
        try await check("before=2020-01-01&order=asc", [], total: 0)
        try await check("after=2020-01-01&limit=1", [newest[0]], total: 70)
    }

    /// `updated_at` moves with a change of the thread and with a new message, not with a change of a message.
    @Test func updatedAt() async throws {
        let fixture = try AIVOFixture()
        let id = try await fixture.thread()
        func updated() async throws -> String {
            try #require(try await fixture.call("GET", "/threads/\(id)").json["updated_at"]?.string)
        }
        let created = try await updated()
        let message = try await fixture.say("a", in: id)
        let afterMessage = try await updated()
        #expect(afterMessage > created)
        _ = try await fixture.call("PUT", "/threads/\(id)/messages/\(message)", .teacher, #"{"content":"b"}"#)
        _ = try await fixture.call("DELETE", "/threads/\(id)/messages/\(message)")
        #expect(try await updated() == afterMessage)
        _ = try await fixture.call("PUT", "/threads/\(id)", .teacher, "{}")
        #expect(try await updated() > afterMessage)
    }

    /// The cap counts what is there: a deleted message makes room.
    @Test func cap() async throws {
        let fixture = try AIVOFixture { $0.maximumMessages = 3 }
        let thread = try await fixture.thread()
        var last = ""
        for index in 0..<3 { last = try await fixture.say("\(index)", in: thread) }
        func post() async throws -> LoopbackReply {
            try await fixture.call(
                "POST", "/threads/\(thread)/messages", .teacher, #"{"content":"c","sender_type":"teacher"}"#)
        }
        let full = try await post()
        #expect(full.status == 409)
        #expect(full.text == #"{"detail":"Thread has reached its maximum of 3 messages"}"#)
        #expect(try await fixture.call("DELETE", "/threads/\(thread)/messages/\(last)").status == 200)
        #expect(try await post().status == 200)
        #expect(try await post().status == 409)
        #expect(try await fixture.call("GET", "/threads/\(thread)/messages").json["total"] == .number(3))
    }

    /// Many writers at the cap: exactly as many are let in as there is room for.
    @Test func capUnderConcurrency() async throws {
        let fixture = try AIVOFixture { $0.maximumMessages = 10 }
        let thread = try await fixture.thread()
        let outcomes = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await fixture.call(
                        "POST", "/threads/\(thread)/messages", .teacher, #"{"content":"c","sender_type":"teacher"}"#
                    ).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == 200 } == 10)
        #expect(outcomes.count { $0 == 409 } == 30)
        #expect(try await fixture.call("GET", "/threads/\(thread)/messages").json["total"] == .number(10))
    }

    /// Expired messages are neither listed nor counted, nor in the way of new ones; their threads stay.
    @Test func retention() async throws {
        var options = StoreOptions()
        options.retention = RetentionPolicy(
            classes: [RetentionClass.aivo.rawValue: 86_400], lastingSessions: [RetentionClass.aivo.rawValue])
        let fixture = try AIVOFixture(options: options) { $0.maximumMessages = 2 }
        let idle = try await fixture.thread(title: "idle")
        let busy = try await fixture.thread(title: "busy")
        for index in 0..<2 { _ = try await fixture.say("\(index)", in: busy) }
        fixture.clock.advance(microseconds: 23 * 3_600_000_000)
        _ = try await fixture.call("PUT", "/threads/\(busy)", .teacher, "{}")
        fixture.clock.advance(microseconds: 2 * 3_600_000_000)
        let list = try await fixture.call("GET", "/threads").json
        #expect(Self.ids(list, "threads") == [busy, idle])
        #expect(list["total"] == .number(2))
        #expect(try await fixture.call("GET", "/threads/\(idle)").status == 200)
        #expect(try await fixture.call("GET", "/threads/\(busy)/messages").json["total"] == .number(0))
        let fresh = try await fixture.say("new", in: busy)
        for query in ["", "order=asc", "after=2020-01-01", "order=asc&offset=0"] {
            let page = try await fixture.call("GET", "/threads/\(busy)/messages?\(query)").json
            #expect(Self.ids(page, "messages") == [fresh])
            #expect(page["total"] == .number(1))
        }
    }
}
