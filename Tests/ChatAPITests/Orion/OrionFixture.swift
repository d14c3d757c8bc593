import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// How a test reaches the surface.
enum Route: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case inProcess
    case socket
    var testDescription: String { rawValue }
}

/// The orion surface over a real store on a simulated disk, in process or behind a socket on a free port.
final class OrionFixture: Sendable {
    let clock: SimulatedClock
    let disk: SimulatedDisk
    let store: LogStore
    let engine: ChatEngine
    let surface: OrionSurface
    private let handler: Handler
    private let server: HTTPServer?
    let port: UInt16?

    init(
        _ route: Route = .inProcess, _ configuration: OrionConfiguration = .unlimited,
        disk: SimulatedDisk = SimulatedDisk(), clock: SimulatedClock = SimulatedClock(stepMicroseconds: 7)
    ) throws {
        self.clock = clock
        self.disk = disk
        let random = SplitMix64Random(seed: 7)
        store = try LogStore.open(
            disk: disk, clock: clock, random: random, execution: route == .socket ? .threaded : .inline)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 2))
        var configuration = configuration
        configuration.database = "logstore://\(store.id)"
        surface = OrionSurface(engine: engine, configuration: configuration)
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
        server?.drain(deadline: .seconds(5))
        engine.close()
        try? store.close()
    }

    /// Sends one request and waits for its reply.
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

    func post(_ path: String, _ json: String, headers: [(String, String)] = []) async throws -> LoopbackReply {
        try await send(
            "POST", "/api/sessions/" + path, headers: headers + [("Content-Type", "application/json")],
            body: Array(json.utf8))
    }

    func get(_ path: String, headers: [(String, String)] = []) async throws -> LoopbackReply {
        try await send("GET", path, headers: headers)
    }

    /// Makes a session and returns its id.
    func session(_ user: String = "ann", first: String? = nil) async throws -> String {
        let message = first.map { ",\"firstMessage\":\($0.quoted)" } ?? ""
        let reply = try await post("create", "{\"userId\":\(user.quoted)\(message)}")
        return try #require(try reply.json["sessionId"]?.string)
    }

    /// The session as the surface shows it.
    func show(_ id: String) async throws -> JSONValue { try await get("/api/sessions/\(id)").json }

    func save(_ id: String, _ fields: String, headers: [(String, String)] = []) async throws -> LoopbackReply {
        try await post("save-message", "{\"sessionId\":\(id.quoted),\"role\":\"user\",\(fields)}", headers: headers)
    }
}

extension OrionConfiguration {
    /// Version 1.0 without its rate limit.
    static var unlimited: OrionConfiguration {
        var configuration = OrionConfiguration()
        configuration.rateLimit = 0
        return configuration
    }
}

extension LoopbackReply {
    var json: JSONValue { get throws { try JSONValue(parsing: body) } }
}

extension String {
    /// As a JSON string literal.
    var quoted: String {
        var bytes: [UInt8] = []
        bytes.append(jsonString: self)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONValue {
    var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
}
