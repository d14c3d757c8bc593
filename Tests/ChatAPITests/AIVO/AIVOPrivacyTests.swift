import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// Exports and erasures, from the request to the bytes.
@Suite struct AIVOPrivacyTests {
    private static let canary = "CANARY-7f3a"

    // MARK: Exports

    /// The bundle has every thread before its messages, a manifest that fits the bytes, and nobody else's data.
    @Test(arguments: Route.allCases, ["full", "metadata_only"]) func bundle(_ route: Route, _ type: String) async throws
    {
        let fixture = try AIVOFixture(route)
        var threads: [String] = []
        var messages: [[String]] = []
        for index in 0..<3 {
            let thread = try await fixture.thread(title: "thread \(index)")
            threads.append(thread)
            var own: [String] = []
            for number in 0..<20 * index { own.append(try await fixture.say("content \(number) \"\n", in: thread)) }
            messages.append(own)
        }
        let foreign = try await fixture.thread("learner-2", title: Self.canary)
        _ = try await fixture.say(Self.canary, in: foreign)
        _ = try await fixture.call("DELETE", "/threads/\(threads[2])/messages/\(messages[2].removeLast())")
        let id = try await Self.order(fixture, type: type)
        let done = try await fixture.settled("/privacy/export/\(id)")
        #expect(done["status"]?.string == "completed")
        #expect(done["thread_count"] == .number(3))
        #expect(done["message_count"] == .number(59))
        #expect(done["available"] == .bool(true))
        let reply = try await fixture.call("GET", "/privacy/export/\(id)/download")
        #expect(reply.status == 200)
        #expect(reply.header("Content-Type") == "application/x-ndjson")
        #expect(reply.header("Content-Disposition") == "attachment; filename=\"export-\(id).jsonl\"")
        let body = try await Self.body(of: reply, fixture, route, id)
        #expect(done["size"] == .number(Double(body.count)))
        let lines = body.split(separator: 10).map { Array($0) }
        let values = try lines.map { try JSONValue(parsing: $0) }
        var expected: [String] = []
        for (thread, own) in zip(threads, messages) { expected += [thread] + own }
        #expect(values.dropLast().compactMap { $0["id"]?.string } == expected)
        for value in values.dropLast() {
            guard value["type"]?.string == "message" else {
                #expect(value.object?.count == 10)
                continue
            }
            #expect((value["content"] != nil) == (type == "full"))
            #expect(value.object?.count == (type == "full" ? 10 : 9))
        }
        let manifest = try #require(values.last)
        let before = Array(body.dropLast(lines[lines.count - 1].count + 1))
        let digest = Cryptography.sha256(before).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined()
        #expect(
            manifest
                == .object([
                    "type": .string("manifest"), "threads": .number(3), "messages": .number(59),
                    "sha256": .string(digest),
                ]))
        #expect(!String(decoding: body, as: UTF8.self).contains(Self.canary))
    }

    private static func order(
        _ fixture: AIVOFixture, _ learner: String = "learner-1", type: String = "full", _ token: AIVOToken = .teacher
    ) async throws -> String {
        let reply = try await fixture.call(
            "POST", "/privacy/export", token, #"{"learner_id":"\#(learner)","export_type":"\#(type)"}"#)
        return try #require(try reply.json["export_id"]?.string, "\(reply.text)")
    }

    private static func erase(
        _ fixture: AIVOFixture, _ learner: String = "learner-1", type: String = "full", _ token: AIVOToken = .teacher
    ) async throws -> String {
        let reply = try await fixture.call(
            "POST", "/privacy/delete", token, #"{"learner_id":"\#(learner)","deletion_type":"\#(type)"}"#)
        return try #require(try reply.json["deletion_id"]?.string, "\(reply.text)")
    }

    /// In process the reply's body is a stream that nobody reads: then the file itself is looked at.
    private static func body(
        of reply: LoopbackReply, _ fixture: AIVOFixture, _ route: Route, _ id: String
    ) async throws -> [UInt8] {
        route == .socket ? reply.body : try contents("server-export-\(id).jsonl", fixture.disk)
    }

    private static func contents(_ name: String, _ disk: SimulatedDisk) throws -> [UInt8] {
        let file = try disk.open(name)
        defer { file.close() }
        var bytes = [UInt8](repeating: 0, count: Int(file.size))
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return Array(bytes[..<count])
    }

    @Test func ranges() async throws {
        let fixture = try AIVOFixture(.socket)
        let thread = try await fixture.thread()
        for index in 0..<50 { _ = try await fixture.say("message \(index)", in: thread) }
        let id = try await Self.order(fixture)
        _ = try await fixture.settled("/privacy/export/\(id)")
        let path = "/privacy/export/\(id)/download"
        let whole = try await fixture.call("GET", path)
        let (body, size) = (whole.body, whole.body.count)
        let tag = try #require(whole.header("ETag"))
        #expect(whole.header("Accept-Ranges") == "bytes")
        let parts: [(field: String, range: Range<Int>)] = [
            ("bytes=0-0", 0..<1), ("bytes=10-19", 10..<20), ("bytes=100-", 100..<size), ("bytes=-7", size - 7..<size),
            ("bytes=0-99999999", 0..<size), ("bytes=-99999999", 0..<size), ("BYTES=5-6", 5..<7),
            ("bytes=\(size - 1)-99999999999999999999999", size - 1..<size),
        ]
        for (field, range) in parts {
            let reply = try await fixture.call("GET", path, headers: [("Range", field)])
            #expect(reply.status == 206, "\(field)")
            #expect(reply.body == Array(body[range]), "\(field)")
            #expect(reply.header("Content-Range") == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
        }
        for field in ["bytes=\(size)-", "bytes=-0", "bytes=99999999999999999999-"] {
            let reply = try await fixture.call("GET", path, headers: [("Range", field)])
            #expect(reply.status == 416, "\(field)")
            #expect(reply.header("Content-Range") == "bytes */\(size)")
        }
        for field in ["bytes=5-4", "bytes=a-b", "bytes=", "bytes=-", "lines=1-2", "bytes=0-1,3-4", "bytes=+1-2"] {
            let reply = try await fixture.call("GET", path, headers: [("Range", field)])
            #expect(reply.status == 200, "\(field)")
            #expect(reply.body == body)
        }
        let same = try await fixture.call("GET", path, headers: [("Range", "bytes=0-3"), ("If-Range", tag)])
        #expect(same.status == 206)
        let other = try await fixture.call("GET", path, headers: [("Range", "bytes=0-3"), ("If-Range", "\"x\"")])
        #expect(other.status == 200)
        #expect(try await fixture.call("GET", path, headers: [("If-None-Match", tag)]).status == 304)
    }

    @Test func unknownLearnersAndIDs() async throws {
        let fixture = try AIVOFixture()
        let id = try await Self.order(fixture, "nobody", .admin)
        let done = try await fixture.settled("/privacy/export/\(id)", .admin)
        #expect(done["status"]?.string == "completed")
        #expect(done["message_count"] == .number(0))
        let erased = try await Self.erase(fixture, "nobody", .admin)
        #expect(try await fixture.settled("/privacy/delete/\(erased)", .admin)["status"]?.string == "completed")
        // The kinds are apart, and ids are UUIDs.
        for path in [
            "/privacy/export/\(erased)", "/privacy/delete/\(id)", "/privacy/export/x", "/privacy/export/x/download",
            "/privacy/delete/00000000-0000-4000-8000-000000000000",
        ] {
            #expect(try await fixture.call("GET", path, .admin).status == 404, "\(path)")
        }
        #expect(try await fixture.call("GET", "/privacy/export/\(id)").status == 403)
        #expect(try await fixture.call("GET", "/privacy/export/\(id)/download").status == 403)
        #expect(try await fixture.call("GET", "/privacy/delete/\(erased)").status == 403)
    }

    @Test func bundlesExpire() async throws {
        let fixture = try AIVOFixture()
        let id = try await Self.order(fixture)
        _ = try await fixture.settled("/privacy/export/\(id)")
        #expect(try fixture.disk.list().contains { $0.name == "server-export-\(id).jsonl" })
        fixture.clock.advance(microseconds: 24 * 3_600_000_000)
        // From the moment on, whether or not the file has been removed.
        #expect(try await fixture.call("GET", "/privacy/export/\(id)/download").status == 410)
        fixture.jobs.check()
        #expect(try !fixture.disk.list().contains { $0.name.hasPrefix("server-export-") })
        let row = try await fixture.call("GET", "/privacy/export/\(id)").json
        #expect(row["status"]?.string == "completed")
        #expect(row["available"] == .bool(false))
    }

    /// A job that a crash interrupted is begun anew at the next start, and what it left is not taken for a bundle.
    @Test func exportsSurviveARestart() async throws {
        let disk = SimulatedDisk()
        let clock = SimulatedClock(stepMicroseconds: 7)
        let first = try AIVOFixture(disk: disk, clock: clock)
        let thread = try await first.thread()
        for index in 0..<10 { _ = try await first.say("message \(index)", in: thread) }
        // Stopped jobs leave the request where it is.
        first.jobs.stop()
        let id = try await Self.order(first)
        #expect(try await first.call("GET", "/privacy/export/\(id)/download").status == 409)
        first.close()
        let leftover = try disk.create("server-export-\(id).jsonl")
        try Array("half a line".utf8).withUnsafeBytes { try leftover.append($0) }
        leftover.close()
        try disk.create("server-export-00000000-0000-4000-8000-000000000000.jsonl").close()
        let second = try AIVOFixture(disk: disk, clock: clock)
        let done = try await second.settled("/privacy/export/\(id)")
        #expect(done["status"]?.string == "completed")
        #expect(done["message_count"] == .number(10))
        let body = try Self.contents("server-export-\(id).jsonl", disk)
        #expect(body.split(separator: 10).count == 12)
        #expect(try disk.list().count { $0.name.hasPrefix("server-export-") } == 1)
    }

    // MARK: Erasures

    /// What an erasure takes is gone at once, and when it says `completed` no file has a byte of it: messages, titles,
    /// bundles. What is another learner's stays.
    @Test(arguments: ["full", "threads_only", "messages_only"]) func nothingIsLeft(_ type: String) async throws {
        let fixture = try AIVOFixture()
        var threads: [String] = []
        for index in 0..<4 {
            let thread = try await fixture.thread(title: type == "messages_only" ? "kept \(index)" : Self.canary)
            threads.append(thread)
            for _ in 0..<10 { _ = try await fixture.say("\(Self.canary) \(index)", in: thread) }
            if index == 1 { try fixture.store.flush() }
        }
        let message = try await fixture.say("edited away", in: threads[0])
        _ = try await fixture.call(
            "PUT", "/threads/\(threads[0])/messages/\(message)", .teacher, #"{"content":"\#(Self.canary) edit"}"#)
        let before = try await fixture.call("GET", "/threads?learner_id=learner-1").json
        let other = try await fixture.thread("learner-2", title: "other")
        _ = try await fixture.say("stays", in: other)
        let bundle = try await Self.order(fixture)
        _ = try await fixture.settled("/privacy/export/\(bundle)")
        let foreignBundle = try await Self.order(fixture, "learner-2")
        _ = try await fixture.settled("/privacy/export/\(foreignBundle)")
        #expect(try Self.filesWithCanary(fixture.disk).count >= 2)

        let id = try await Self.erase(fixture, type: type)
        let after = try await fixture.call("GET", "/threads?learner_id=learner-1").json
        if type == "messages_only" {
            #expect(after == before)
            for thread in threads {
                #expect(try await fixture.call("GET", "/threads/\(thread)/messages").json["total"] == .number(0))
            }
            // The threads live on.
            _ = try await fixture.say("after", in: threads[2])
        } else {
            #expect(after["total"] == .number(0))
            for thread in threads { #expect(try await fixture.call("GET", "/threads/\(thread)").status == 404) }
        }
        let done = try await fixture.settled("/privacy/delete/\(id)")
        #expect(done["status"]?.string == "completed")
        #expect(done["message_count"] == .number(41))
        #expect(done["thread_count"] == .number(type == "messages_only" ? 0 : 4))
        #expect(done["completed_at"]?.string != nil)
        #expect(try Self.filesWithCanary(fixture.disk) == [])
        #expect(try await fixture.call("GET", "/privacy/export/\(bundle)/download").status == 410)
        #expect(try await fixture.call("GET", "/privacy/export/\(foreignBundle)").json["available"] == .bool(true))
        #expect(try await fixture.call("GET", "/threads/\(other)/messages").json["total"] == .number(1))
        if type == "messages_only" {
            #expect(try await fixture.call("GET", "/threads/\(threads[2])/messages").json["total"] == .number(1))
        }
        // The rows are still there, and say who asked.
        let log = try await fixture.call("GET", "/privacy/log", .admin).json["entries"]?.array ?? []
        #expect(log.count == 3)
        #expect(log.first?["deletion_id"]?.string == id)
        #expect(log.allSatisfy { $0["requested_by"]?.string == "user-teach" })
    }

    private static func filesWithCanary(_ disk: SimulatedDisk) throws -> [String] {
        let pattern = Array(canary.utf8)
        return try disk.list().map(\.name).filter { name in
            let bytes = try contents(name, disk)
            guard bytes.count >= pattern.count else { return false }
            return (0...bytes.count - pattern.count).contains { start in
                bytes[start] == pattern[0] && bytes[start..<start + pattern.count].elementsEqual(pattern)
            }
        }
    }

    /// An erasure that waits does not say `completed`.
    @Test func completedMeansGone() async throws {
        let fixture = try AIVOFixture()
        let thread = try await fixture.thread()
        _ = try await fixture.say(Self.canary, in: thread)
        // Without maintenance nothing leaves the files.
        fixture.jobs.stop()
        let id = try await Self.erase(fixture)
        fixture.jobs.check()
        let row = try await fixture.call("GET", "/privacy/delete/\(id)").json
        #expect(row["status"]?.string == "pending")
        #expect(row["completed_at"] == .null)
        #expect(try await fixture.call("GET", "/threads/\(thread)").status == 404)
    }

    /// A deletion that a crash interrupted is followed to its end by the next start.
    @Test(arguments: ["full", "messages_only"]) func erasuresSurviveARestart(_ type: String) async throws {
        let disk = SimulatedDisk()
        let clock = SimulatedClock(stepMicroseconds: 7)
        let first = try AIVOFixture(disk: disk, clock: clock)
        let thread = try await first.thread(title: type == "full" ? Self.canary : "kept")
        for _ in 0..<5 { _ = try await first.say(Self.canary, in: thread) }
        let bundle = try await Self.order(first)
        _ = try await first.settled("/privacy/export/\(bundle)")
        first.jobs.stop()
        let id = try await Self.erase(first, type: type)
        first.close()
        let second = try AIVOFixture(disk: disk, clock: clock)
        let done = try await second.settled("/privacy/delete/\(id)")
        #expect(done["status"]?.string == "completed")
        #expect(done["message_count"] == .number(5))
        #expect(try Self.filesWithCanary(disk) == [])
    }

    /// A learner's name may come back: an erasure is of the one that was there.
    @Test func newDataAfterAnErasureStays() async throws {
        let fixture = try AIVOFixture()
        _ = try await fixture.thread(title: "old")
        let id = try await Self.erase(fixture)
        let new = try await fixture.thread(title: "new")
        _ = try await fixture.say("new", in: new)
        #expect(try await fixture.settled("/privacy/delete/\(id)")["thread_count"] == .number(1))
        #expect(try await fixture.call("GET", "/threads/\(new)/messages").json["total"] == .number(1))
    }

    // MARK: Holds and the log

    /// A legal hold forbids every way of deleting, whatever it is placed on; writing goes on.
    @Test(arguments: [DataSubject.tenant, .user("learner-1"), .session("")])
    func holds(_ level: DataSubject) async throws {
        let fixture = try AIVOFixture()
        let thread = try await fixture.thread()
        let message = try await fixture.say("evidence", in: thread)
        let subject = if case .session = level { DataSubject.session(thread) } else { level }
        let access = Access.operator(tenant: .aivo(tenant: "tenant-a"))
        try fixture.engine.setHold(true, on: subject, access)
        func refusals() async throws -> [Int] {
            var statuses: [Int] = []
            let texts = try await [
                fixture.call("DELETE", "/threads/\(thread)/messages/\(message)"),
                fixture.call("DELETE", "/threads/\(thread)"),
                fixture.call(
                    "POST", "/privacy/delete", .teacher, #"{"learner_id":"learner-1","deletion_type":"full"}"#),
                fixture.call(
                    "POST", "/privacy/delete", .teacher, #"{"learner_id":"learner-1","deletion_type":"messages_only"}"#),
                fixture.call(
                    "POST", "/privacy/delete", .teacher, #"{"learner_id":"learner-1","deletion_type":"threads_only"}"#),
            ]
            for reply in texts where reply.status == 409 {
                #expect(reply.text == #"{"detail":"Data is under legal hold"}"#)
            }
            statuses = texts.map(\.status)
            return statuses
        }
        #expect(try await refusals() == [409, 409, 409, 409, 409])
        #expect(try await fixture.call("GET", "/threads/\(thread)/messages/\(message)").status == 200)
        _ = try await fixture.say("more", in: thread)
        let export = try await Self.order(fixture)
        #expect(try await fixture.settled("/privacy/export/\(export)")["message_count"] == .number(2))
        // What was refused left no row.
        #expect(try await fixture.call("GET", "/privacy/log", .admin).json["entries"]?.array?.count == 1)
        try fixture.engine.setHold(false, on: subject, access)
        #expect(try await fixture.call("DELETE", "/threads/\(thread)/messages/\(message)").status == 200)
        #expect(try await fixture.call("DELETE", "/threads/\(thread)").status == 200)
    }

    @Test func theLogPageByPage() async throws {
        let fixture = try AIVOFixture()
        var ids: [String] = []
        for index in 0..<7 {
            ids.insert(
                try await index % 2 == 0 ? Self.order(fixture) : Self.erase(fixture, "learner-2"), at: 0)
        }
        var seen: [String] = []
        var after: String?
        repeat {
            let query = after.map { "&after=\($0)" } ?? ""
            let page = try await fixture.call("GET", "/privacy/log?limit=3\(query)", .admin).json
            let entries = page["entries"]?.array ?? []
            #expect(entries.count <= 3)
            seen += entries.compactMap { $0["export_id"]?.string ?? $0["deletion_id"]?.string }
            after = page["next"]?.string
        } while after != nil
        #expect(seen == ids)
        #expect(try await fixture.call("GET", "/privacy/log").status == 403)
        #expect(try await fixture.call("GET", "/privacy/log?limit=201", .admin).status == 422)
    }
}
