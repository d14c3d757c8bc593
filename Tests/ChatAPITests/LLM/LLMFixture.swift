import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import Synchronization
import TestSupport
import Testing

/// Who sends a request: the identity headers of the contract's golden cases.
enum Caller: String, Sendable {
    case alice = "00000000-0000-0000-0001-000000000001"
    case bob = "00000000-0000-0000-0001-000000000002"
    case charlie = "00000000-0000-0000-0001-000000000003"

    var organisation: String { self == .charlie ? LLMFixture.second : LLMFixture.first }
    var headers: [(String, String)] { [("x-org-id", organisation), ("x-user-id", rawValue)] }
}

/// The llm surface over a real store on a simulated disk, in process or behind a socket on a free port, with the two
/// organisations and three users of the contract.
final class LLMFixture: Sendable {
    static let first = "00000000-0000-0000-0000-000000000001"
    static let second = "00000000-0000-0000-0000-000000000002"

    let clock: SimulatedClock
    let disk: SimulatedDisk
    let store: LogStore
    let engine: ChatEngine
    let surface: LLMSurface
    let events: Recorder
    /// What replies wait for, with `manual`.
    let timers = ManualTimers()
    private let timerThread: TimerThread?
    private let handler: Handler
    private let server: HTTPServer?
    let port: UInt16?

    init(
        _ route: Route = .inProcess, _ configuration: LLMConfiguration = LLMConfiguration(),
        disk: SimulatedDisk = SimulatedDisk(), manual: Bool = false, responder: (any Responder)? = nil,
        options: StoreOptions = StoreOptions()
    ) throws {
        // Slow enough that a burst of requests takes no token's time, fast enough that times differ.
        clock = SimulatedClock(stepMicroseconds: 7)
        self.disk = disk
        let random = SplitMix64Random(seed: 7)
        store = try LogStore.open(
            disk: disk, clock: clock, random: random, options: options,
            execution: route == .socket ? .threaded : .inline)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 2))
        try Self.addAccounts(engine)
        var configuration = configuration
        let events = Recorder()
        self.events = events
        configuration.log = { events.add($0.message) }
        let thread = manual ? nil : TimerThread()
        timerThread = thread
        let canned = CannedResponder(
            timers: thread ?? timers, random: random, pace: manual ? 10_000...30_000 : 0...0)
        surface = LLMSurface(
            engine: engine, configuration: configuration, responder: responder ?? canned, timers: thread ?? timers)
        try surface.recoverStreams()
        handler = surface.handler
        if route == .socket {
            var settings = HTTPServer.Configuration()
            settings.loops = 1
            let server = try HTTPServer(configuration: settings)
            port = try server.listen(host: "127.0.0.1", port: 0, handler: handler)
            self.server = server
        } else {
            server = nil
            port = nil
        }
    }

    deinit {
        server?.drain(deadline: .zero)
        surface.stopStreams()
        timerThread?.shutDown()
        engine.close()
        try? store.close()
    }

    private static func addAccounts(_ engine: ChatEngine) throws {
        guard try engine.organisations().isEmpty else { return }
        _ = try engine.addOrganisation(name: "Acme Corp", id: first)
        _ = try engine.addOrganisation(name: "Tech Startup Inc", slug: "tech-startup", id: second)
        _ = try engine.addAccount(
            to: first, email: "admin@acme.com", name: "Alice Admin", role: .admin, id: Caller.alice.rawValue)
        _ = try engine.addAccount(to: first, email: "user@acme.com", name: "Bob User", id: Caller.bob.rawValue)
        _ = try engine.addAccount(
            to: second, email: "founder@techstartup.com", name: "Charlie Founder", role: .owner,
            id: Caller.charlie.rawValue)
    }

    /// Sends one request and waits for its reply.
    func send(
        _ method: String, _ path: String, _ caller: Caller? = nil, headers: [(String, String)] = [],
        body: [UInt8]? = nil
    ) async throws -> LoopbackReply {
        let headers = (caller?.headers ?? []) + headers
        if let port {
            return try await onOwnThread {
                try LoopbackClient(port: port).send(method, path, headers: headers, body: body)
            }
        }
        let exchange = RecordingExchange()
        handler(
            Request(method: method, target: path, headers: headers.map { ($0.0, $0.1) }, body: body ?? []), exchange)
        let response = await exchange.reply()
        let hasBody = method != "HEAD" && response.status != 204 && response.status != 304
        return LoopbackReply(
            status: response.status, reason: "", headers: response.headers, body: hasBody ? response.body.bytes : [])
    }

    func get(_ path: String, _ caller: Caller? = .alice, headers: [(String, String)] = []) async throws -> LoopbackReply
    {
        try await send("GET", path, caller, headers: headers)
    }

    func json(
        _ method: String, _ path: String, _ json: String, _ caller: Caller? = .alice,
        headers: [(String, String)] = []
    ) async throws -> LoopbackReply {
        try await send(
            method, path, caller, headers: headers + [("Content-Type", "application/json")], body: Array(json.utf8))
    }

    func post(
        _ path: String, _ json: String, _ caller: Caller? = .alice, headers: [(String, String)] = []
    ) async throws -> LoopbackReply {
        try await self.json("POST", path, json, caller, headers: headers)
    }

    /// Sends a message; in a new chat unless one is named.
    func chat(_ message: String, in chat: String? = nil, _ caller: Caller = .alice) async throws -> LoopbackReply {
        let id = chat.map { ",\"chat_id\":\($0.quoted)" } ?? ""
        return try await post("/chat", "{\"message\":\(message.quoted)\(id)}", caller)
    }

    /// Begins a stream in process and leaves it unread.
    func open(_ path: String) async throws -> Response {
        let exchange = RecordingExchange()
        handler(
            Request(
                method: "POST", target: path, headers: Caller.alice.headers + [("Content-Type", "application/json")],
                body: Array(#"{"message":"x"}"#.utf8)), exchange)
        return await exchange.reply()
    }

    /// Makes a chat and returns its id.
    func newChat(_ message: String = "hello", _ caller: Caller = .alice) async throws -> String {
        try #require(try await chat(message, in: nil, caller).json["chat_id"]?.string)
    }

    /// Fills every bucket.
    func refill() { clock.advance(microseconds: 60_000_000) }
}

extension LLMConfiguration {
    /// With a bucket that no test empties.
    static var unlimited: LLMConfiguration {
        var configuration = LLMConfiguration()
        configuration.bucketSize = 1_000_000
        return configuration
    }
}

extension LoopbackReply {
    /// Whether the body fits `pattern`, in which `<uuid>` and `<ts>` stand for any.
    func fits(_ pattern: String) -> Bool {
        var rest = text[...]
        for (index, part) in pattern.split(separator: "<uuid>", omittingEmptySubsequences: false).enumerated() {
            if index > 0 {
                guard rest.count >= 36, UUIDValue(text: String(rest.prefix(36))) != nil else { return false }
                rest = rest.dropFirst(36)
            }
            for (index, part) in part.split(separator: "<ts>", omittingEmptySubsequences: false).enumerated() {
                if index > 0 {
                    guard rest.prefix(24).wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil else {
                        return false
                    }
                    rest = rest.dropFirst(24)
                }
                guard rest.hasPrefix(part) else { return false }
                rest = rest.dropFirst(part.count)
            }
        }
        return rest.isEmpty
    }
}
