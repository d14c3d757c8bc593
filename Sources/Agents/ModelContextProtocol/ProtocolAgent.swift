internal import ChatEngine
internal import LogStore
internal import Synchronization

/// The tools of a Model Context Protocol server.
///
/// Steps: take the session that is there, or connect; choose a tool; call it. When the server has forgotten the session, or
/// the first connection breaks, once anew. A message that fits no tool gets no reply.
final class ProtocolAgent: Agent {
    private let client: ProtocolClient
    private let clock: any Clock
    private let session = Mutex<ProtocolSession?>(nil)

    /// How long a list of tools is believed.
    static let listMicroseconds: UInt64 = 300_000_000
    static let confidence = 0.7
    /// Of a tool that says it could not.
    static let errorConfidence = 0.3

    init(endpoint: String, configuration: AgentsConfiguration, service: ServiceClient, clock: any Clock) {
        client = ProtocolClient(endpoint: endpoint, service: service, replyBytes: configuration.replyBytes)
        self.clock = clock
    }

    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation {
        let time = TimeLeft(clock, milliseconds: milliseconds)
        attempt(request, time, isLast: false, completion)
        return Cancellation { time.cancel() }
    }

    private func attempt(
        _ request: AgentRequest, _ time: TimeLeft, isLast: Bool,
        _ completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) {
        withSession(time) { [self] result in
            switch result {
            case .failure(let failure): again(failure, request, time, isLast: isLast, completion)
            case .success(let session):
                let chooser = ToolChooser(text: request.turn.text, analysis: request.analysis)
                guard let choice = chooser.choose(among: session.tools) else { return completion(.success([:])) }
                client.call(choice.tool, choice.arguments, session, time) { [self] result in
                    switch result {
                    case .success(let answer): completion(.success(Self.reply(answer, choice.tool)))
                    // Only what was surely not carried out is sent again.
                    case .failure(.sessionExpired):
                        again(.sessionExpired, request, time, isLast: isLast, completion)
                    case .failure(let failure): completion(.failure(AgentFailure(failure)))
                    }
                }
            }
        }
    }

    private func again(
        _ failure: ProtocolFailure, _ request: AgentRequest, _ time: TimeLeft, isLast: Bool,
        _ completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) {
        session.withLock { $0 = nil }
        guard !isLast, time.milliseconds > 0 else { return completion(.failure(AgentFailure(failure))) }
        if case .refused = failure { return completion(.failure(AgentFailure(failure))) }
        attempt(request, time, isLast: true, completion)
    }

    private func withSession(_ time: TimeLeft, _ completion: @escaping ProtocolClient.Completion<ProtocolSession>) {
        let now = clock.monotonicMicroseconds()
        let kept: ProtocolClient.Completion<ProtocolSession> = { [self] result in
            if case .success(var session) = result {
                session.listedAt = now
                self.session.withLock { [session] in $0 = session }
            }
            completion(result)
        }
        guard var current = session.withLock({ $0 }) else { return client.connect(time, completion: kept) }
        guard now >= current.listedAt + Self.listMicroseconds else { return completion(.success(current)) }
        current.tools = []
        client.list(current, cursor: nil, page: 1, time, completion: kept)
    }

    // MARK: The result

    /// Text of the content's parts; what is structured goes on as data.
    private static func reply(_ result: JSONObject, _ tool: Tool) -> JSONObject {
        var texts: [String] = []
        if case .array(let parts)? = result["content"] {
            for part in parts {
                switch part["type"]?.string {
                case "text": texts.append(part["text"]?.string ?? "")
                case "resource":
                    texts.append(part["resource"]?["text"]?.string ?? part["resource"]?["uri"]?.string ?? "")
                case "resource_link": texts.append(part["uri"]?.string ?? "")
                default: continue
                }
            }
        }
        let structured = result["structuredContent"]
        var text = texts.filter { !$0.isEmpty }.joined(separator: "\n")
        if text.isEmpty, let structured { text = String(decoding: structured.serialized, as: UTF8.self) }
        let isError = result["isError"] == .bool(true)
        if isError { text = "I couldn't do that: " + (text.isEmpty ? "the tool \(tool.name) failed." : text) }
        return [
            "response": .string(text.isEmpty ? "Done." : text),
            "confidence": .number(isError ? errorConfidence : confidence), "toolsUsed": .array([.string(tool.name)]),
            "dataRetrieved": structured ?? .object(["content": .array(texts.map { .string($0) })]),
        ]
    }
}

extension AgentFailure {
    fileprivate init(_ failure: ProtocolFailure) {
        switch failure {
        case .transport(let text): self.init(message: text)
        case .sessionExpired: self.init(message: "the server has ended the session")
        case .refused(let code, let message): self.init(message: "error \(code): \(message)")
        }
    }
}
