internal import ChatEngine
internal import LogStore
internal import Synchronization

/// A tool that a server offers.
struct Tool: Hashable, Sendable {
    var name: String
    var title: String
    var description: String
    var inputSchema: JSONObject

    init?(_ value: JSONValue) {
        guard let name = value["name"]?.string else { return nil }
        self.name = name
        title = value["title"]?.string ?? ""
        description = value["description"]?.string ?? ""
        if case .object(let schema)? = value["inputSchema"] { inputSchema = schema } else { inputSchema = [:] }
    }
}

/// What a connection to a server has come to.
struct ProtocolSession: Sendable {
    /// `Mcp-Session-Id`; nil if the server keeps no sessions.
    var id: String?
    /// What both sides speak.
    var version: String
    var tools: [Tool] = []
    /// On the monotonic clock.
    var listedAt: UInt64 = 0
}

enum ProtocolFailure: Error, Hashable, Sendable {
    /// No usable reply.
    case transport(String)
    /// 404 to a request with a session id: the server has forgotten it.
    case sessionExpired
    /// The server's error object.
    case refused(code: Int, message: String)
}

/// The Model Context Protocol over streamable HTTP, as a client (JSON-RPC 2.0; the specification's revisions below).
///
/// Steps of a connection: `initialize` with the newest version; the server's answer says which one is spoken, and its header
/// which session this is; `notifications/initialized`; `tools/list`, page after page. Every later request carries session
/// and version. Replies are JSON or an event stream; in a stream the server may ask something itself: a ping is answered,
/// anything else is refused, as no capability was declared.
struct ProtocolClient: Sendable {
    let endpoint: String
    let service: ServiceClient
    let replyBytes: Int
    private let nextID: Counter

    /// Revisions that are spoken, newest first.
    static let versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    /// Bounds for a server that never ends its list.
    static let maximumPages = 20
    static let maximumTools = 500

    typealias Completion<Value> = @Sendable (Result<Value, ProtocolFailure>) -> Void

    init(endpoint: String, service: ServiceClient, replyBytes: Int) {
        self.endpoint = endpoint
        self.service = service
        self.replyBytes = replyBytes
        nextID = Counter()
    }

    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        func next() -> Int { value.add(1, ordering: .relaxed).newValue }
    }

    // MARK: Connecting

    /// Opens a session and learns its tools.
    func connect(_ time: TimeLeft, completion: @escaping Completion<ProtocolSession>) {
        let parameters: JSONObject = [
            "protocolVersion": .string(Self.versions[0]), "capabilities": .object([:]),
            "clientInfo": .object(["name": .string("chat-server"), "version": .string("1.0.0")]),
        ]
        request("initialize", parameters, nil, time) { result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(let (answer, headers)):
                guard let version = answer["protocolVersion"]?.string, Self.versions.contains(version) else {
                    return completion(
                        .failure(.transport("the server speaks no version of the protocol that is known")))
                }
                let session = ProtocolSession(id: headers["Mcp-Session-Id"], version: version)
                notify("notifications/initialized", session, time) { failure in
                    if let failure { return completion(.failure(failure)) }
                    guard answer["capabilities"]?["tools"] != nil else { return completion(.success(session)) }
                    list(session, cursor: nil, page: 1, time, completion: completion)
                }
            }
        }
    }

    /// `tools/list`, all pages.
    func list(
        _ session: ProtocolSession, cursor: String?, page: Int, _ time: TimeLeft,
        completion: @escaping Completion<ProtocolSession>
    ) {
        let parameters: JSONObject = cursor.map { ["cursor": .string($0)] } ?? [:]
        request("tools/list", parameters, session, time) { result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(let (answer, _)):
                var session = session
                if case .array(let tools)? = answer["tools"] { session.tools += tools.compactMap(Tool.init) }
                guard let next = answer["nextCursor"]?.string, page < Self.maximumPages,
                    session.tools.count < Self.maximumTools
                else { return completion(.success(session)) }
                list(session, cursor: next, page: page + 1, time, completion: completion)
            }
        }
    }

    /// `tools/call`.
    func call(
        _ tool: Tool, _ arguments: JSONObject, _ session: ProtocolSession, _ time: TimeLeft,
        completion: @escaping Completion<JSONObject>
    ) {
        let parameters: JSONObject = ["name": .string(tool.name), "arguments": .object(arguments)]
        request("tools/call", parameters, session, time) { completion($0.map(\.answer)) }
    }

    // MARK: Messages

    private typealias Answer = (answer: JSONObject, headers: [String: String])

    private func request(
        _ method: String, _ parameters: JSONObject, _ session: ProtocolSession?, _ time: TimeLeft,
        completion: @escaping Completion<Answer>
    ) {
        let id = nextID.next()
        let watcher = ResponseWatcher(id: id) { question in answer(question, session, time) }
        let message: JSONObject = [
            "jsonrpc": .string("2.0"), "id": .number(Double(id)), "method": .string(method),
            "params": .object(parameters),
        ]
        send(message, session, time, isComplete: { watcher.look(at: $1, headers: $0) }) { result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(let reply):
                guard let response = watcher.response(in: reply) else {
                    return completion(.failure(.transport("status \(reply.status) without a response")))
                }
                if let error = response["error"] {
                    let code = error["code"]?.number.flatMap { Int(exactly: $0) } ?? 0
                    return completion(.failure(.refused(code: code, message: error["message"]?.string ?? "")))
                }
                guard case .object(let answer)? = response["result"] else {
                    return completion(.failure(.transport("a response without a result")))
                }
                completion(.success((answer, reply.headers)))
            }
        }
    }

    private func notify(
        _ method: String, _ session: ProtocolSession, _ time: TimeLeft,
        completion: @escaping @Sendable (ProtocolFailure?) -> Void
    ) {
        send(["jsonrpc": .string("2.0"), "method": .string(method)], session, time) { result in
            switch result {
            case .failure(let failure): completion(failure)
            case .success: completion(nil)
            }
        }
    }

    /// What the server asks while it answers.
    private func answer(_ question: JSONObject, _ session: ProtocolSession?, _ time: TimeLeft) {
        var message: JSONObject = ["jsonrpc": .string("2.0"), "id": question["id"] ?? .null]
        if question["method"]?.string == "ping" {
            message["result"] = .object([:])
        } else {
            message["error"] = .object(["code": .number(-32601), "message": .string("Method not found")])
        }
        send(message, session, time) { _ in }
    }

    private func send(
        _ message: JSONObject, _ session: ProtocolSession?, _ time: TimeLeft,
        isComplete: @escaping @Sendable ([String: String], [UInt8]) -> Bool = { _, _ in false },
        completion: @escaping Completion<ServiceReply>
    ) {
        let left = time.milliseconds
        guard left > 0 else { return completion(.failure(.transport("no time is left"))) }
        var headers = ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
        if let session {
            headers.append("MCP-Protocol-Version: \(session.version)")
            if let id = session.id { headers.append("Mcp-Session-Id: \(id.headerValue)") }
        }
        var call = ServiceCall(
            url: endpoint, headers: headers, body: JSONValue.object(message).serialized, milliseconds: left,
            replyBytes: replyBytes, replyHeaders: ["Content-Type", "Mcp-Session-Id"])
        call.isComplete = isComplete
        let hasSession = session?.id != nil
        time.hold(
            service.send(call) { result in
                switch result {
                case .failure(let failure): completion(.failure(.transport(failure.message)))
                case .success(let reply) where reply.status == 404 && hasSession: completion(.failure(.sessionExpired))
                // Errors may come as a JSON-RPC response in a 4xx: `request` looks for it.
                case .success(let reply) where reply.status >= 500:
                    completion(.failure(.transport("status \(reply.status)")))
                case .success(let reply): completion(.success(reply))
                }
            })
    }
}

/// The time of one turn at an agent, and what is under way in it.
final class TimeLeft: Sendable {
    private struct State {
        var current: Cancellation?
        var isCancelled = false
    }

    /// On the monotonic clock.
    private let deadline: UInt64
    private let clock: any Clock
    private let state = Mutex(State())

    init(_ clock: any Clock, milliseconds: Int) {
        self.clock = clock
        deadline = clock.monotonicMicroseconds() + UInt64(max(milliseconds, 0)) * 1000
    }

    /// 0 when it is over or cancelled.
    var milliseconds: Int {
        guard !state.withLock({ $0.isCancelled }) else { return 0 }
        let now = clock.monotonicMicroseconds()
        return now < deadline ? Int((deadline - now) / 1000) : 0
    }

    func hold(_ cancellation: Cancellation) {
        let isCancelled = state.withLock { state in
            state.current = cancellation
            return state.isCancelled
        }
        if isCancelled { cancellation.cancel() }
    }

    func cancel() {
        let current = state.withLock { state in
            state.isCancelled = true
            return state.current
        }
        current?.cancel()
    }
}
