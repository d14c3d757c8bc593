import ChatEngine
import HTTPTransport
import LogStore
import Synchronization
import TestSupport
import Testing

@testable import Events
@testable import Upstream

/// A receiver of webhooks on a free port: answers each request by the next script, the last one for ever.
final class WebhookReceiver: Sendable {
    struct Answer: Sendable {
        var status = 200
        var headers: [(String, String)] = []
    }
    private struct State {
        var answers: [Answer]
        var requests: [Request] = []
    }
    private final class Shared: Sendable {
        let state: Mutex<State>
        let signal = Signal()
        init(_ answers: [Answer]) { state = Mutex(State(answers: answers)) }
    }
    private let shared: Shared
    private let server: HTTPServer
    let port: UInt16

    init(_ answers: [Answer] = [Answer()]) throws {
        let shared = Shared(answers)
        self.shared = shared
        var settings = HTTPServer.Configuration()
        settings.loops = 1
        settings.limits.bodyBytes = 4 << 20
        server = try HTTPServer(configuration: settings)
        port = try server.listen(host: "127.0.0.1", port: 0) { request, exchange in
            let answer = shared.state.withLock { state in
                state.requests.append(request)
                return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
            }
            exchange.respond(
                Response(status: answer.status, headers: answer.headers.map { ($0.0, $0.1) }, body: .bytes([])))
            shared.signal.locked { shared.signal.wakeAll() }
        }
    }

    deinit { server.drain(deadline: .zero) }

    var url: String { "http://127.0.0.1:\(port)/hook" }
    var requests: [Request] { shared.state.withLock { $0.requests } }

    /// Waits until the requests are enough.
    func wait(until isEnough: ([Request]) -> Bool) throws {
        for _ in 0..<300 {
            if isEnough(requests) { return }
            shared.signal.locked { _ = shared.signal.wait(milliseconds: 100) }
        }
        throw LoopbackError.timeout
    }
}

/// Events of the requests' bodies.
func webhookEvents(_ requests: [Request]) throws -> [JSONValue] {
    try requests.flatMap { request in
        guard case .array(let events)? = try JSONValue(parsing: request.body)["events"] else { return [JSONValue]() }
        return events
    }
}

@Suite struct WebhookTests {
    private let secret = Array("whsec".utf8)

    private func sink(
        _ url: String, allowsPrivate: Bool = true, batch: Int = 3
    ) throws -> (WebhookSink, UpstreamWebhookTransport) {
        var configuration = WebhookConfiguration(url: url, secret: secret)
        configuration.batchEvents = batch
        let transport = UpstreamWebhookTransport(
            client: try #require(HTTPClient()), allowsPrivateAddresses: allowsPrivate, timeoutSeconds: 10)
        return (WebhookSink(configuration, transport: transport, clock: LiveClock()), transport)
    }

    private func events(_ count: Int) throws -> [OutgoingEvent] {
        let fixture = try EventFixture()
        let thread = try fixture.thread(of: "kim")
        for i in 1..<count { try fixture.say("m\(i)", in: thread) }
        return try DomainEventReader(fixture.store, after: .zero).next(limit: 1000).enumerated().map {
            OutgoingEvent(number: UInt64($0.offset + 1), event: $0.element)
        }
    }

    /// Sends and collects reports until there are as many as events, or one failure.
    private func send(_ sink: WebhookSink, _ events: [OutgoingEvent]) async -> [DeliveryReport] {
        await withCheckedContinuation { continuation in
            let reports = Mutex<[DeliveryReport]>([])
            sink.send(events) { report in
                let done: [DeliveryReport]? = reports.withLock { reports in
                    reports.append(report)
                    if case .failed = report { return reports }
                    return reports.count == events.count ? reports : nil
                }
                if let done { continuation.resume(returning: done) }
            }
        }
    }

    private func failure(_ reports: [DeliveryReport]) -> DeliveryFailure? {
        if case .failed(let failure)? = reports.last { failure } else { nil }
    }

    @Test func aRequestIsSignedAndHoldsTheEnvelopes() async throws {
        let receiver = try WebhookReceiver()
        let (sink, _) = try sink(receiver.url)
        defer { sink.close() }
        let outgoing = try events(3)
        let begin = LiveClock().now().milliseconds / 1000
        let reports = await send(sink, outgoing)
        #expect(reports.count == 3 && failure(reports) == nil)
        let request = try #require(receiver.requests.first)
        #expect(request.method == "POST" && request.headers["Content-Type"] == "application/json")
        let header = try #require(request.headers["X-Chat-Signature"])
        let seconds = try #require(Int64(header.dropFirst(2).prefix { $0 != "," }))
        #expect((begin...LiveClock().now().milliseconds / 1000).contains(seconds))
        let digest = Cryptography.hmacSHA256(key: secret, Array("\(seconds).".utf8) + request.body)
        let hex = digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(header == "t=\(seconds),v1=\(hex)")
        let received = try webhookEvents([request])
        #expect(received.map { $0["event_id"]?.string } == outgoing.map(\.event.id))
        #expect(received[1]["data"]?["content"]?.string == "m1")
    }

    @Test func aKnownSignature() {
        let signature = WebhookSink.signature(Array("{}".utf8), at: 1_700_000_000, secret: Array("secret".utf8))
        #expect(
            signature == "t=1700000000,v1=\(Self.knownDigest)",
            "computed with another program: printf '1700000000.{}' | openssl dgst -sha256 -hmac secret")
    }
    private static let knownDigest = "b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"

    @Test func answersDecide() async throws {
        let outgoing = try events(3)
        let cases: [(WebhookReceiver.Answer, DeliveryFailure.Kind)] = [
            (.init(status: 500), .retry),
            (.init(status: 503, headers: [("Retry-After", "17")]), .retryAfter(seconds: 17)),
            (.init(status: 404), .retry), (.init(status: 410), .unwanted),
            (.init(status: 302, headers: [("Location", "/elsewhere")]), .retry),
        ]
        for (answer, kind) in cases {
            let receiver = try WebhookReceiver([answer])
            let (sink, _) = try sink(receiver.url)
            let found = failure(await send(sink, outgoing))
            #expect(found?.kind == kind, "\(answer.status)")
            #expect(receiver.requests.map(\.path) == ["/hook"], "no redirect is followed")
            sink.close()
        }
    }

    @Test func tooLargeHalvesTheRequestsDownToOneEvent() async throws {
        let receiver = try WebhookReceiver([.init(status: 413)])
        let (sink, _) = try sink(receiver.url, batch: 8)
        defer { sink.close() }
        let outgoing = try events(8)
        var sizes: [Int] = []
        while sink.window.events > 1 {
            sizes.append(sink.window.events)
            #expect(failure(await send(sink, Array(outgoing.prefix(sink.window.events))))?.kind == .retry)
        }
        #expect(sizes == [8, 4, 2])
        #expect(failure(await send(sink, [outgoing[0]]))?.kind == .tooLarge(1))
    }

    @Test(arguments: ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433"])
    func privateAddressesAreRefused(_ host: String) async throws {
        let receiver = try WebhookReceiver()
        let (sink, _) = try sink("http://\(host):\(receiver.port)/hook", allowsPrivate: false)
        defer { sink.close() }
        let reason = failure(await send(sink, try events(1)))?.reason
        #expect(reason == "the address is private, and those are not allowed")
        #expect(receiver.requests.isEmpty)
    }

    @Test func whichAddressesArePublic() {
        func v4(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) -> Bool { AddressPolicy.isPublic([a, b, c, d]) }
        #expect(v4(8, 8, 8, 8) && v4(172, 32, 0, 1) && v4(100, 128, 0, 1) && v4(192, 167, 1, 1) && v4(223, 1, 1, 1))
        #expect(!v4(10, 1, 2, 3) && !v4(172, 31, 0, 1) && !v4(192, 168, 0, 1) && !v4(169, 254, 169, 254))
        #expect(
            !v4(127, 255, 0, 1) && !v4(0, 0, 0, 0) && !v4(100, 64, 0, 1) && !v4(224, 0, 0, 1) && !v4(255, 255, 255, 255)
        )
        func v6(_ head: [UInt8], _ tail: [UInt8] = []) -> Bool {
            AddressPolicy.isPublic(head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail)
        }
        #expect(v6([0x2a, 0x00]) && v6([0x26, 0x06, 0x47]) && v6([], [0xff, 0xff, 8, 8, 8, 8]))
        #expect(v6([0, 0x64, 0xff, 0x9b], [8, 8, 8, 8]) && v6([0x20, 0x02, 8, 8, 8, 8]))
        #expect(!v6([]) && !v6([], [1]) && !v6([0xfc]) && !v6([0xfd, 1]) && !v6([0xfe, 0x80]) && !v6([0xff, 2]))
        #expect(!v6([], [0xff, 0xff, 10, 0, 0, 1]) && !v6([0, 0x64, 0xff, 0x9b], [127, 0, 0, 1]))
        #expect(!v6([0x20, 0x02, 192, 168, 0, 1]) && !v6([0x20, 0x01, 0x0d, 0xb8]) && !v6([0x20, 0x01, 0, 0]))
        #expect(!AddressPolicy.isPublic([]) && !AddressPolicy.isPublic([8, 8, 8]))
    }

    /// From a running store to a receiver that fails now and then.
    @Test func throughTheRelay() async throws {
        try await onOwnThread {
            let flaky: [WebhookReceiver.Answer] = [.init(), .init(status: 500), .init(), .init(status: 413), .init()]
            let receiver = try WebhookReceiver(flaky)
            let store = try LogStore.open(disk: SimulatedDisk(), clock: LiveClock(), random: SystemRandom())
            let engine = ChatEngine(store: store, clock: LiveClock(), random: SystemRandom())
            let (sink, _) = try sink(receiver.url, batch: 10)
            let log = Recorder()
            let relay = try EventRelay(engine, consumers: [("webhook", sink)]) { log.add("\($0)") }
            relay.start()
            let access = EventFixture.access
            let thread = try engine.createSession(SessionDraft(ids: .uuid, owner: "kim"), access).id
            for i in 0..<100 {
                let draft = MessageDraft(ids: .uuid, role: .user, content: UTF8Text("m\(i)"))
                _ = try engine.saveMessage(draft, to: thread, access)
            }
            try receiver.wait { requests in
                (try? webhookEvents(requests).contains { $0["data"]?["content"]?.string == "m99" }) ?? false
            }
            relay.stop()
            #expect(relay.statuses[0].delivered == 101)
            engine.close()
            try store.close()
            var seen = Set<String>()
            let first = try webhookEvents(receiver.requests).filter {
                seen.insert($0["event_id"]?.string ?? "").inserted
            }
            #expect(first.dropFirst().map { $0["data"]?["content"]?.string } == (0..<100).map { "m\($0)" })
            #expect(log.lines.count { $0.contains("failing") } == log.lines.count { $0.contains("recovered") })
        }
    }
}
