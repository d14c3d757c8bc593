import ChatEngine
import Glibc
import Synchronization
import TestSupport
import Testing

/// Clients that write to one session each over connections that are kept alive, and remember what was acknowledged.
///
/// A client sends its next message when the last one was answered, so at most one message of each is in flight when the
/// server dies. After a restart a session must therefore hold: everything acknowledged, in order and once, and behind it
/// at most the one message whose answer did not come. The session's count and last message are changed by the same batch
/// as the message, so they must agree with what is listed: a batch is there wholly or not at all.
final class WriteLoad: Sendable {
    struct Message: Equatable {
        /// nil: not acknowledged.
        let id: String?
        let content: String
    }

    struct Journal {
        var session: String?
        var acknowledged: [Message] = []
        /// Sent, and not answered with 201.
        var pending: String?
        var nextNumber = 0
    }

    /// Its own for each client; a class, because a mutex cannot be an array's element.
    final class JournalBox: Sendable {
        let journal = Mutex(Journal())
        func withLock<Value: Sendable>(_ body: (inout sending Journal) -> sending Value) -> Value {
            journal.withLock(body)
        }
    }

    let journals: [JournalBox]
    private let acknowledgedInAll = Atomic<Int>(0)

    init(clients: Int) { journals = (0..<clients).map { _ in JournalBox() } }

    var clientCount: Int { journals.count }
    var acknowledged: Int { acknowledgedInAll.load(ordering: .relaxed) }

    /// Writes with all clients at once until each has lost its connection, or has been refused.
    /// - Parameter onAcknowledgement: called with the number of messages acknowledged so far, in all.
    func run(port: UInt16, seed: UInt64, onAcknowledgement: @escaping @Sendable (Int) -> Void) {
        Threads.concurrently(journals.count) { [self] index in
            var random = SplitMix64(seed: seed &+ UInt64(index))
            let client = LoopbackClient(port: port)
            while let count = try? save(index, client, &random) { onAcknowledgement(count) }
        }
    }

    private struct Refused: Error {}

    /// - Returns: how many messages were acknowledged in all.
    private func save(_ index: Int, _ client: LoopbackClient, _ random: inout SplitMix64) throws -> Int {
        let session = try session(index, client)
        let content = journals[index].withLock { journal in
            journal.nextNumber += 1
            // Up to 4 KiB, so that a few hundred messages make a flush.
            let padding = String(repeating: "x", count: Int(random.next() % 4096))
            let content = "client \(index) message \(journal.nextNumber) \(padding)"
            journal.pending = content
            return content
        }
        let reply = try client.json(
            "POST", "/api/sessions/save-message",
            #"{"sessionId":"\#(session)","role":"user","content":"\#(content)"}"#)
        guard reply.status == 201, let id = reply.body["id"]?.string else { throw Refused() }
        journals[index].withLock { journal in
            journal.acknowledged.append(Message(id: id, content: content))
            journal.pending = nil
        }
        return acknowledgedInAll.add(1, ordering: .relaxed).newValue
    }

    private func session(_ index: Int, _ client: LoopbackClient) throws -> String {
        if let known = journals[index].withLock({ $0.session }) { return known }
        let reply = try client.json("POST", "/api/sessions/create", #"{"userId":"client-\#(index)"}"#)
        guard reply.status == 201, let id = reply.body["sessionId"]?.string else { throw Refused() }
        journals[index].withLock { $0.session = id }
        return id
    }

    /// Compares what the server has with the journals. A message whose answer did not come may be there; it counts as
    /// acknowledged from then on.
    /// - Returns: how many of those were there.
    @discardableResult
    func check(_ client: LoopbackClient) throws -> Int {
        var adopted = 0
        for (index, journal) in journals.enumerated() {
            guard let session = journal.withLock({ $0.session }) else { continue }
            let listed = try client.json("GET", "/api/sessions/messages?sessionId=\(session)")
            try #require(listed.status == 200)
            let messages = (listed.body["messages"]?.array ?? []).map {
                Message(id: $0["id"]?.string, content: $0["content"]?.string ?? "")
            }
            let (expected, pending) = journal.withLock { ($0.acknowledged, $0.pending) }
            try #require(
                Array(messages.prefix(expected.count)) == expected,
                "client \(index): \(expected.count) acknowledged, \(messages.count) found")
            let rest = messages.dropFirst(expected.count)
            try #require(
                rest.isEmpty || rest.map(\.content) == [pending].compactMap { $0 },
                "client \(index): \(rest.count) messages that nobody sent, or sent twice")
            try checkSummary(session, messages, client)
            journal.withLock {
                $0.acknowledged = messages
                $0.pending = nil
            }
            adopted += rest.count
        }
        return adopted
    }

    private func checkSummary(_ session: String, _ messages: [Message], _ client: LoopbackClient) throws {
        let summary = try client.json("GET", "/api/sessions/\(session)").body
        try #require(summary["messageCount"]?.number == Double(messages.count))
        try #require(summary["lastMessage"]?.string == messages.last?.content ?? "")
    }
}

/// Whether the long forms of the tests are wanted.
let isTorture = getenv("CHAT_TORTURE") != nil
