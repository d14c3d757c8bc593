import ChatEngine
import Glibc
import HTTPTransport
import LogStore
import Synchronization
import TestSupport
import Testing

@testable import chat_server

/// The real server, killed while it posts events.
@Suite struct WebhookKillTests {
    private static let access = Access.verifiedToken(tenant: .aivo(tenant: "school"), user: "t", reach: .tenant)
    private static let secret = "whsec_of_the_test"

    /// What has arrived, in its order, and whom to kill when it is enough.
    private final class Receiver: Sendable {
        struct State {
            var events: [JSONValue] = []
            var badSignatures = 0
            var victim: (pid: pid_t, at: Int)?
            /// Takes nothing before the victim is known.
            var isOpen = false
        }
        let state = Mutex(State())
        let signal = Signal()

        func take(_ request: Request) -> Int {
            defer { signal.locked { signal.wakeAll() } }
            return state.withLock { state in
                guard state.isOpen else { return 503 }
                let body = (try? JSONValue(parsing: request.body))?["events"]?.array ?? []
                if !Self.isSigned(request) { state.badSignatures += 1 }
                // Every seventh is taken and answered as if it were not.
                let isUnwell = (state.events.count + body.count) % 7 == 0
                state.events += body
                if let victim = state.victim, state.events.count >= victim.at {
                    kill(victim.pid, SIGKILL)
                    state.victim = nil
                    state.isOpen = false
                }
                return isUnwell ? 500 : 200
            }
        }

        private static func isSigned(_ request: Request) -> Bool {
            guard let header = request.headers["X-Chat-Signature"], header.hasPrefix("t=") else { return false }
            let seconds = header.dropFirst(2).prefix { $0 != "," }
            let digest = Cryptography.hmacSHA256(key: Array(secret.utf8), Array("\(seconds).".utf8) + request.body)
            return header == "t=\(seconds),v1=" + digest.map { hex($0) }.joined()
        }

        private static func hex(_ byte: UInt8) -> String {
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }

        func wait(until isEnough: ([JSONValue]) -> Bool) throws {
            for _ in 0..<600 {
                if isEnough(state.withLock { $0.events }) { return }
                signal.locked { _ = signal.wait(milliseconds: 100) }
            }
            throw LoopbackError.timeout
        }
    }

    /// Writes messages of three learners while no server has the directory.
    private static func write(_ count: Int, _ written: inout [String: [String]], in directory: String) throws {
        let store = try LogStore.open(
            disk: try LiveDisk(path: directory, createIfMissing: true), clock: LiveClock(), random: SystemRandom())
        let engine = ChatEngine(store: store, clock: LiveClock(), random: SystemRandom())
        for learner in ["kim", "lee", "sam"] where written[learner] == nil {
            _ = try engine.createSession(SessionDraft(ids: .uuid, id: "of-\(learner)", owner: learner), access)
            written[learner] = []
        }
        for i in 0..<count {
            let learner = ["kim", "lee", "sam"][i % 3]
            let draft = MessageDraft(ids: .uuid, role: .user, content: "hello")
            let saved = try engine.saveMessage(draft, to: "of-\(learner)", access)
            written[learner]?.append(saved.message.id.string)
        }
        engine.close()
        try store.close()
    }

    @Test func nothingIsLostAndOrderHolds() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let receiver = Receiver()
            var settings = HTTPServer.Configuration()
            settings.loops = 1
            let http = try HTTPServer(configuration: settings)
            defer { http.drain(deadline: .zero) }
            let port = try http.listen(host: "127.0.0.1", port: 0) { request, exchange in
                exchange.respond(Response(status: receiver.take(request), body: .bytes([])))
            }
            func start() throws -> ServerProcess {
                try ServerProcess(
                    directory: directory.path, settings: ["webhook.batch-size=5", "webhook.allow-private=true"],
                    environment: [
                        "CHAT_WEBHOOK_URL": "http://127.0.0.1:\(port)/hook", "CHAT_WEBHOOK_SECRET": Self.secret,
                    ])
            }
            // The first start gives the receiver its place, at the end of an empty log.
            #expect(try start().stop() == .exited(0))
            var written: [String: [String]] = [:]
            var random = SystemRandomNumberGenerator()
            var kills = 0
            for _ in 0..<(isTorture ? 60 : 4) {
                try Self.write(60, &written, in: directory.path)
                let server = try start()
                let pid = server.process.pid
                receiver.state.withLock {
                    $0.victim = (pid, $0.events.count + Int.random(in: 1...50, using: &random))
                    $0.isOpen = true
                }
                #expect(try server.process.wait() == .killed(signal: SIGKILL))
                kills += 1
            }
            receiver.state.withLock { $0.isOpen = true }
            let server = try start()
            let all = Set(written.values.joined())
            try receiver.wait { Set($0.compactMap { $0["data"]?["message_id"]?.string }) == all }
            #expect(try server.stop() == .exited(0))
            let state = receiver.state.withLock { $0 }
            #expect(state.badSignatures == 0)
            try Self.check(state.events, written, kills)
        }
    }

    private static func check(_ events: [JSONValue], _ written: [String: [String]], _ kills: Int) throws {
        var seen = Set<String>()
        let first = try events.filter { seen.insert(try #require($0["event_id"]?.string)).inserted }
        for (learner, messages) in written {
            let mine = first.filter { $0["learner_id"]?.string == learner }
            #expect(mine.compactMap { $0["data"]?["message_id"]?.string } == messages, "\(learner)")
        }
        #expect(first.count == written.values.joined().count + 3)
        print(
            "webhooks: \(first.count) events over \(kills) kill -9 and a receiver that answers 500 now and then:",
            "none missing, \(events.count - first.count) duplicates")
    }

    @Test func aConfigurationThatCannotWorkIsRefused() throws {
        let directory = try TemporaryDirectory()
        func run(_ environment: [String: String]) throws -> (Ending, String) {
            let child = try ChildProcess(
                [try ServerBinary.path(), "serve", "--data-dir", directory.path, "--listen", "127.0.0.1:0"],
                environment: environment)
            return (try child.wait(), child.standardError)
        }
        let unsigned = try run(["CHAT_WEBHOOK_URL": "https://example.com/"])
        #expect(unsigned.0 == .exited(3) && unsigned.1.contains("CHAT_WEBHOOK_SECRET"))
        let scheme = try run(["CHAT_WEBHOOK_URL": "ftp://example.com/", "CHAT_WEBHOOK_SECRET": "x"])
        #expect(scheme.0 == .exited(3) && scheme.1.contains("not an http or https URL"))
        #if Kafka
        let kafka = try run([
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CHAT_KAFKA_SASL_PASWORD": "hunter2",
        ])
        #expect(kafka.0 == .exited(3) && kafka.1.contains("sasl.pasword") && !kafka.1.contains("hunter2"))
        #endif
    }
}
