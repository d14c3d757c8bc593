import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import Synchronization
import TestSupport
import Testing

/// The aivo surface over a real store on a simulated disk, in process or behind a socket on a free port.
final class AIVOFixture: Sendable {
    let clock: SimulatedClock
    let disk: SimulatedDisk
    let store: LogStore
    let engine: ChatEngine
    let jobs: PrivacyJobs
    let timers = ManualTimers()
    let surface: AIVOSurface
    private let handler: Handler
    private let server: HTTPServer?
    private let isClosed = Atomic<Bool>(false)
    let port: UInt16?

    static let secret = Array("conformance-secret-0123456789abcdef".utf8)

    init(
        _ route: Route = .inProcess, disk: SimulatedDisk = SimulatedDisk(),
        clock: SimulatedClock = SimulatedClock(stepMicroseconds: 7), options: StoreOptions = StoreOptions(),
        startsJobs: Bool = true, _ adjust: (inout AIVOConfiguration) -> Void = { _ in }
    ) throws {
        self.clock = clock
        self.disk = disk
        let random = SystemRandom()
        var options = options
        options.deletionGraceSeconds = 0
        store = try LogStore.open(disk: disk, clock: clock, random: random, options: options)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 2))
        jobs = PrivacyJobs(engine: engine, disk: disk, format: .aivo, timers: timers)
        if startsJobs { try jobs.start() }
        var configuration = AIVOConfiguration(verifier: TokenVerifier(secret: Self.secret))
        configuration.requestsPerMinute = 0
        adjust(&configuration)
        surface = AIVOSurface(engine: engine, privacy: jobs, timers: timers, configuration: configuration)
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

    deinit { close() }

    /// The first time; then nothing.
    func close() {
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        surface.stopStreams()
        server?.drain(deadline: .seconds(5))
        jobs.stop()
        engine.close()
        try? store.close()
    }

    /// Sends one request and waits for its reply.
    /// - Parameter token: nil: no Authorization.
    func send(
        _ method: String, _ path: String, _ token: AIVOToken? = .teacher, headers: [(String, String)] = [],
        body: [UInt8]? = nil
    ) async throws -> LoopbackReply {
        var headers = headers
        if let token { headers.append(("Authorization", "Bearer \(token.text)")) }
        if let port {
            return try await onOwnThread { [headers] in
                try LoopbackClient(port: port).send(method, path, headers: headers, body: body)
            }
        }
        let exchange = RecordingExchange()
        handler(
            Request(method: method, target: path, headers: headers.map { ($0.0, $0.1) }, body: body ?? []), exchange)
        let response = await exchange.reply()
        return LoopbackReply(
            status: response.status, reason: "", headers: response.headers, body: response.body.bytes)
    }

    /// The same below the first prefix, with a JSON body if there is one.
    func call(
        _ method: String, _ path: String, _ token: AIVOToken? = .teacher, _ json: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> LoopbackReply {
        let type = json == nil ? [] : [("Content-Type", "application/json")]
        return try await send(
            method, "/api/v1" + path, token, headers: headers + type, body: json.map { Array($0.utf8) })
    }

    /// Begins a thread and returns its id.
    func thread(_ learner: String = "learner-1", title: String = "T", _ token: AIVOToken = .teacher) async throws
        -> String
    {
        let reply = try await call(
            "POST", "/threads", token, "{\"learner_id\":\(learner.quoted),\"title\":\(title.quoted)}")
        return try #require(try reply.json["id"]?.string, "\(reply.text)")
    }

    /// Says something and returns the message's id.
    func say(_ content: String, in thread: String, _ token: AIVOToken = .teacher) async throws -> String {
        let reply = try await call(
            "POST", "/threads/\(thread)/messages", token, "{\"content\":\(content.quoted),\"sender_type\":\"teacher\"}")
        return try #require(try reply.json["id"]?.string, "\(reply.text)")
    }

    /// Asks again until the request is done with, letting maintenance and the jobs get on.
    func settled(_ path: String, _ token: AIVOToken = .teacher) async throws -> JSONValue {
        while true {
            let reply = try await call("GET", path, token).json
            let status = reply["status"]?.string
            guard status == "pending" || status == "processing" else { return reply }
            try store.compact()
            jobs.check()
            await Task.yield()
        }
    }
}

/// A token of the golden cases, or one like it.
struct AIVOToken: Sendable {
    var header = #"{"alg":"HS256","typ":"JWT"}"#
    var payload: String
    var key = AIVOFixture.secret

    /// - Parameter claims: in front of `iat` and `exp`.
    init(_ claims: String, expiry: String = "4102444800") {
        payload = "{\(claims),\"iat\":1700000000,\"exp\":\(expiry)}"
    }

    init(_ user: String, _ role: String, _ scope: String, tenant: String = "tenant-a") {
        self.init(#""sub":"\#(user)","tenant_id":"\#(tenant)","role":"\#(role)","learner_scope":\#(scope)"#)
    }

    var text: String {
        let signed = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(payload.utf8))
        return signed + "." + Base64.encodeURL(Cryptography.hmacSHA256(key: key, Array(signed.utf8)))
    }

    static let teacher = AIVOToken(
        #""sub":"user-teach","tenant_id":"tenant-a","role":"teacher","learner_scope":["learner-1","learner-2"],"permissions":["chat:read","chat:write"]"#
    )
    static let guardian = AIVOToken("user-guard", "guardian", #"["learner-1"]"#)
    static let wild = AIVOToken("user-wild", "teacher", #"["*"]"#)
    static let wildStudent = AIVOToken("user-stud", "student", #"["*"]"#)
    static let admin = AIVOToken("user-admin", "admin", "[]")
    static let otherAdmin = AIVOToken("user-admin-b", "admin", "[]", tenant: "tenant-b")
    static let tenantless = AIVOToken(#""sub":"user-x","role":"teacher","learner_scope":["learner-1"]"#)
    static let expired = AIVOToken(#""sub":"user-teach","tenant_id":"tenant-a""#, expiry: "1700000001")

    static let byName: [String: AIVOToken] = [
        "TEACH": teacher, "GUARD": guardian, "WILD": wild, "STUDW": wildStudent, "ADMIN": admin, "OTHER": otherAdmin,
        "NOTEN": tenantless, "EXP": expired,
    ]
}
