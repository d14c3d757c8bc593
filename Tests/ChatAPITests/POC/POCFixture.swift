import Agents
import ChatAPI
package import ChatEngine
import HTTPTransport
import LogStore
import Synchronization
import TestSupport
import Testing

/// The poc surface over a real store on a simulated disk, with timers and a clock that tests move, in process or behind a
/// socket on a free port.
final class POCFixture: Sendable {
    static let secret = Array("poc-test-secret".utf8)

    let clock: SimulatedClock
    let disk: SimulatedDisk
    let store: LogStore
    let engine: ChatEngine
    let timers = ManualTimers()
    /// Time limits of agents elsewhere are real.
    private let agentTimers = TimerThread()
    private let orchestrator: AgentOrchestrator
    let surface: POCSurface
    let passwords: PasswordChecker
    private let handler: Handler
    private let server: HTTPServer?
    let port: UInt16?

    init(
        _ route: Route = .inProcess, agents: AgentsConfiguration = AgentsConfiguration(),
        disk: SimulatedDisk = SimulatedDisk(),
        clock: SimulatedClock = SimulatedClock(stepMicroseconds: 7),
        lifeCycle: SessionLifeCycle.Settings = SessionLifeCycle.Settings(),
        change: (inout POCConfiguration) -> Void = { _ in }
    ) throws {
        self.clock = clock
        self.disk = disk
        let random = SplitMix64Random(seed: 11)
        store = try LogStore.open(disk: disk, clock: clock, random: random, execution: .threaded)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 2))
        passwords = PasswordChecker(engine)
        orchestrator = try #require(AgentOrchestrator(engine: engine, configuration: agents, timers: agentTimers))
        var configuration = POCConfiguration(secret: Self.secret)
        configuration.apiRate = 0
        configuration.authRate = 0
        configuration.issuesInsecureTokens = true
        change(&configuration)
        surface = POCSurface(
            engine: engine, configuration: configuration, lifeCycle: lifeCycle, agents: orchestrator,
            passwords: passwords,
            timers: timers)
        handler = surface.handler
        if route == .socket {
            var settings = HTTPServer.Configuration()
            settings.loops = 1
            settings.limits.bodyBytes = 10 << 20
            let server = try HTTPServer(configuration: settings)
            port = try server.listen(host: "127.0.0.1", port: 0, handler: handler)
            self.server = server
        } else {
            server = nil
            port = nil
        }
    }

    deinit {
        surface.closeSockets()
        server?.drain(deadline: .seconds(5))
        surface.shutDown()
        orchestrator.shutDown()
        agentTimers.shutDown()
        passwords.shutDown()
        engine.close()
        try? store.close()
    }

    func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> LoopbackReply {
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

    /// Sends a request with JSON and, unless `user` is nil, that user's token.
    func call(
        _ method: String, _ path: String, _ json: String? = nil, as user: String? = "ann", role: String? = nil,
        headers: [(String, String)] = []
    ) async throws -> LoopbackReply {
        var headers = headers
        if let user { headers.append(("Authorization", "Bearer " + token(user, role: role))) }
        if json != nil { headers.append(("Content-Type", "application/json")) }
        return try await send(method, path, headers: headers, body: json.map { Array($0.utf8) })
    }

    func token(_ user: String, role: String? = nil, lifetimeSeconds: Double = 86_400) -> String {
        JSONWebToken.mint(
            JSONWebToken.pocClaims(userID: user, role: role, now: clock.now(), lifetimeSeconds: lifetimeSeconds),
            key: Self.secret)
    }

    /// Makes a session and returns its id.
    func session(_ user: String = "ann", _ more: String = "") async throws -> String {
        let reply = try await call("POST", "/api/sessions", "{\"userId\":\(user.quoted)\(more)}", as: user)
        try #require(reply.status == 201, "\(reply.text)")
        return try #require(try reply.json["sessionId"]?.string)
    }

    /// Sends a message to a session.
    @discardableResult
    func say(_ text: String, in session: String, as user: String = "ann") async throws -> JSONValue {
        let reply = try await call(
            "POST", "/api/sessions/\(session)/messages", "{\"content\":\(text.quoted)}", as: user)
        try #require(reply.status == 200, "\(reply.text)")
        return try reply.json
    }

    /// The rows of a history.
    func history(_ session: String, _ query: String = "", as user: String = "ann") async throws -> [JSONValue] {
        let reply = try await call("GET", "/api/chat/history?sessionId=\(session)\(query)", as: user)
        try #require(reply.status == 200, "\(reply.text)")
        guard case .array(let rows)? = try reply.json["history"] else { return [] }
        return rows
    }
}

extension JSONValue {
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    var text: String { String(decoding: serialized, as: UTF8.self) }
}

// Expected values are written as literals.
extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
    ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    package init(dictionaryLiteral members: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        self = .object(object)
    }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(stringLiteral text: String) { self = .string(text) }
    package init(integerLiteral number: Int) { self = .number(Double(number)) }
    package init(booleanLiteral flag: Bool) { self = .bool(flag) }
    package init(nilLiteral: ()) { self = .null }
}
