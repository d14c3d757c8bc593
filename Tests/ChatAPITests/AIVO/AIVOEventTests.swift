import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// Changes of a tenant, for its admins.
@Suite struct AIVOEventTests {
    /// Every change is told once, in order, page by page, to its own tenant only.
    @Test(arguments: Route.allCases) func pages(_ route: Route) async throws {
        let fixture = try AIVOFixture(route)
        let thread = try await fixture.thread()
        _ = try await fixture.call("PUT", "/threads/\(thread)", .guardian, #"{"title":"new"}"#)
        let message = try await fixture.say("hello", in: thread)
        _ = try await fixture.call("POST", "/threads", .otherAdmin, #"{"learner_id":"x","title":"other tenant"}"#)
        _ = try await fixture.call("PUT", "/threads/\(thread)/messages/\(message)", .teacher, #"{"content":"hello!"}"#)
        _ = try await fixture.call("DELETE", "/threads/\(thread)/messages/\(message)")
        let export = try await fixture.call(
            "POST", "/privacy/export", .teacher, #"{"learner_id":"learner-1","export_type":"metadata_only"}"#)
        _ = try await fixture.call("DELETE", "/threads/\(thread)", .admin)
        let deletion = try await fixture.call(
            "POST", "/privacy/delete", .guardian, #"{"learner_id":"learner-1","deletion_type":"messages_only"}"#)
        var events: [JSONValue] = []
        var after = 0.0
        while true {
            let page = try await fixture.call("GET", "/events?limit=2&after=\(Int(after))", .admin).json
            events += page["events"]?.array ?? []
            after = try #require(page["next"]?.number)
            if page["is_at_end"] == .bool(true) { break }
        }
        #expect(
            events.compactMap { $0["event_type"]?.string } == [
                "CHAT_THREAD_CREATED", "CHAT_THREAD_UPDATED", "CHAT_MESSAGE_CREATED", "CHAT_MESSAGE_UPDATED",
                "CHAT_MESSAGE_DELETED", "CHAT_PRIVACY_EXPORT_REQUESTED", "CHAT_THREAD_DELETED",
                "CHAT_PRIVACY_DELETION_REQUESTED",
            ])
        #expect(events.allSatisfy { $0["tenant_id"]?.string == "tenant-a" && $0["learner_id"]?.string == "learner-1" })
        #expect(Set(events.compactMap { $0["event_id"]?.string }).count == 8)
        #expect(events[1]["data"]?["updated_by"]?.string == "user-guard")
        #expect(events[5]["data"]?["export_id"] == (try export.json["export_id"]))
        #expect(events[5]["data"]?["export_type"]?.string == "metadata_only")
        #expect(events[7]["data"]?["deletion_id"] == (try deletion.json["deletion_id"]))
        #expect(events[7]["data"]?["requested_by"]?.string == "user-guard")
        #expect(try await fixture.call("GET", "/events").status == 403)
        #expect(try await fixture.call("GET", "/events", nil).status == 401)
        #expect(try await fixture.call("GET", "/events?limit=0&after=-1", .admin).status == 422)
    }

    /// A stream tells what comes; who comes back with the last id gets what it missed, and nothing twice.
    @Test func stream() async throws {
        let fixture = try AIVOFixture(.socket)
        let port = try #require(fixture.port)
        let thread = try await fixture.thread()
        let headers = [("Authorization", "Bearer \(AIVOToken.admin.text)"), ("Accept", "text/event-stream")]
        let first = try await onOwnThread {
            let reader = try EventReader(port: port, "GET", "/api/v1/events?after=0", headers: headers)
            try reader.readHead()
            #expect(reader.head.contains("Content-Type: text/event-stream"))
            return try reader.next() ?? ""
        }
        #expect(first.contains("event: CHAT_THREAD_CREATED\n"))
        let id = try #require(first.split(separator: "\n").first { $0.hasPrefix("id: ") }?.dropFirst(4))
        for index in 0..<5 { _ = try await fixture.say("\(index)", in: thread) }
        let resumed = headers + [("Last-Event-ID", String(id))]
        let texts = try await onOwnThread {
            let reader = try EventReader(port: port, "GET", "/api/v1/events", headers: resumed)
            var text = ""
            while text.split(separator: "\n").count(where: { $0.hasPrefix("data: ") }) < 5 {
                text += try reader.next() ?? ""
            }
            return text
        }
        #expect(texts.split(separator: "\n").count { $0 == "event: CHAT_MESSAGE_CREATED" } == 5)
        #expect(!texts.contains("CHAT_THREAD_CREATED"))
        // A stream that is open hears of what happens now, and ends when the surface stops.
        let live = try await onOwnThread {
            let reader = try EventReader(port: port, "GET", "/api/v1/events", headers: headers)
            try reader.readHead()
            return Unchecked(reader)
        }
        _ = try await fixture.say("live", in: thread)
        let heard = try await onOwnThread { try live.value.next() ?? "" }
        #expect(heard.contains(#""content":"live""#))
        fixture.surface.stopStreams()
        #expect(try await onOwnThread { try live.value.next() } == nil)
    }

    private struct Unchecked<Value>: @unchecked Sendable {  // one thread after the other uses it
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    @Test func streamsAreBounded() async throws {
        let fixture = try AIVOFixture(.socket) { $0.maximumEventStreams = 1 }
        let port = try #require(fixture.port)
        let headers = [("Authorization", "Bearer \(AIVOToken.admin.text)"), ("Accept", "text/event-stream")]
        let statuses = try await onOwnThread {
            let first = try EventReader(port: port, "GET", "/api/v1/events", headers: headers)
            try first.readHead()
            let second = try LoopbackClient(port: port).send("GET", "/api/v1/events", headers: headers)
            return (first.head, second.status)
        }
        #expect(statuses.0.hasPrefix("HTTP/1.1 200"))
        #expect(statuses.1 == 503)
    }
}
