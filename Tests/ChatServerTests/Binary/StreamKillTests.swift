import ChatEngine
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import chat_server

/// The real server, killed while it streams replies that can be resumed.
@Suite struct StreamKillTests {
    private static let alice = [
        ("x-org-id", "00000000-0000-0000-0000-000000000001"), ("x-user-id", "00000000-0000-0000-0001-000000000001"),
        ("Accept", "text/event-stream"),
    ]

    private struct Stream: Sendable {
        /// nil: the server was killed before it told.
        var id: String?
        var events: [String] = []
        var isComplete: Bool { events.last?.contains("\"done\":true") ?? false }
    }

    @Test func everyTokenArrivesOnce() async throws {
        try await onOwnThread {
            let count = 50
            let directory = try TemporaryDirectory()
            #expect(try ServerBinary.run(["init", "--data-dir", directory.path, "--demo"]).ending == .exited(0))
            let settings = ["llm.bucket-size=1000000", "llm.bucket-refill=1000000"]
            let streams = Mutex([Stream](repeating: Stream(), count: count))
            let received = Atomic<Int>(0)
            var kills = 0
            for limit in [300, 450, Int.max] {
                let server = try ServerProcess(directory: directory.path, settings: settings)
                let (port, pid) = (server.port, server.process.pid)
                let goal = limit == Int.max ? limit : received.load(ordering: .relaxed) + limit
                Threads.concurrently(count) { index in
                    var stream = streams.withLock { $0[index] }
                    // A connection that breaks is what this is about: what came before it counts.
                    try? Self.read(&stream, index, port) {
                        let total = received.add(1, ordering: .relaxed).newValue
                        if total == goal { kill(pid, SIGKILL) }
                    }
                    streams.withLock { [stream] in $0[index] = stream }
                }
                guard limit != Int.max else {
                    #expect(try server.stop() == .exited(0))
                    break
                }
                #expect(try server.process.wait() == .killed(signal: SIGKILL))
                kills += 1
            }
            #expect(kills == 2)
            for (index, stream) in streams.withLock({ $0 }).enumerated() {
                let id = try #require(stream.id)
                #expect(stream.events.map(eventID) == (1...stream.events.count).map { "\(id):\($0)" })
                let data = try stream.events.map { try JSONValue(parsing: eventText($0)) }
                let text = data.dropLast().map { $0["token"]?.string ?? "" }.joined()
                #expect(text.hasSuffix("Your message was: \"number \(index)\""))
                #expect(data.last?["fullText"]?.string == text)
            }
        }
    }

    /// Begins the stream, or goes on with it, to its end.
    private static func read(_ stream: inout Stream, _ index: Int, _ port: UInt16, _ event: () -> Void) throws {
        guard !stream.isComplete else { return }
        let reader: EventReader
        if let id = stream.id {
            let last = stream.events.last.map { [("Last-Event-ID", eventID($0))] } ?? []
            reader = try EventReader(port: port, "GET", "/chat/stream/\(id)?resume=1", headers: alice + last)
        } else {
            reader = try EventReader(
                port: port, "POST", "/chat/stream?resume=1", headers: alice, json: #"{"message":"number \#(index)"}"#)
        }
        try reader.readHead()
        let field = reader.head.split(separator: "\r\n").first { $0.hasPrefix("X-Message-ID: ") }
        stream.id = stream.id ?? field.map { String($0.dropFirst("X-Message-ID: ".count)) }
        while let chunk = try reader.next() {
            stream.events.append(chunk)
            event()
        }
    }
}
