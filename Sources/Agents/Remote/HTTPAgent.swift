internal import ChatEngine
internal import LogStore
internal import Synchronization

/// An agent elsewhere: `POST {endpoint}/api/process` (poc.md 10.3).
///
/// A try that fails for a reason that may pass (no connection, 5xx, 408, 429) is repeated, as often as allowed and as far as
/// there is time. Any other reply that is not an object in a 2xx is a failed step.
struct HTTPAgent: Agent {
    let name: AgentName
    /// Without a slash at its end.
    let endpoint: String
    let configuration: AgentsConfiguration
    let service: ServiceClient
    let clock: any Clock

    /// Between two tries.
    static let pauseMicroseconds: UInt64 = 100_000

    init(
        name: AgentName, endpoint: String, configuration: AgentsConfiguration, service: ServiceClient, clock: any Clock
    ) {
        self.name = name
        var endpoint = endpoint
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        self.endpoint = endpoint
        self.configuration = configuration
        self.service = service
        self.clock = clock
    }

    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation {
        let tries = HTTPAgentTries(agent: self, call: call(request), milliseconds: milliseconds, completion: completion)
        tries.send()
        return Cancellation { tries.cancel() }
    }

    private func call(_ request: AgentRequest) -> ServiceCall {
        let turn = request.turn
        let body: JSONObject = [
            "message": .object(turn.message),
            "conversationContext": .object(turn.state),
            "previousResults": .object(request.previous.json()),
            "sessionInfo": .object([
                "sessionId": .string(turn.sessionID), "userId": .string(turn.userID),
                "timestamp": .string(turn.receivedAt.isoMilliseconds),
            ]),
        ]
        return ServiceCall(
            url: endpoint + "/api/process",
            headers: [
                "Content-Type: application/json", "Accept: application/json", "X-Agent-Type: \(name.type)",
                "X-Session-ID: \(turn.sessionID.headerValue)",
            ],
            body: JSONValue.object(body).serialized, milliseconds: 0, replyBytes: configuration.replyBytes)
    }
}

/// The tries of one request.
private final class HTTPAgentTries: Sendable {
    private struct State {
        var attempts = 0
        var current: Cancellation?
        var isCancelled = false
    }

    private let agent: HTTPAgent
    private let call: ServiceCall
    /// On the monotonic clock.
    private let deadline: UInt64
    private let completion: @Sendable (Result<JSONObject, AgentFailure>) -> Void
    private let state = Mutex(State())

    init(
        agent: HTTPAgent, call: ServiceCall, milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) {
        self.agent = agent
        self.call = call
        deadline = agent.clock.monotonicMicroseconds() + UInt64(max(milliseconds, 0)) * 1000
        self.completion = completion
    }

    func cancel() {
        let current = state.withLock { state in
            state.isCancelled = true
            return state.current
        }
        current?.cancel()
    }

    private var leftMilliseconds: Int {
        let now = agent.clock.monotonicMicroseconds()
        return now < deadline ? Int((deadline - now) / 1000) : 0
    }

    func send() {
        var call = call
        call.milliseconds = min(agent.configuration.agentResponseTimeout, leftMilliseconds)
        guard call.milliseconds > 0 else { return completion(.failure(AgentFailure(message: "no time is left"))) }
        let isWanted = state.withLock { state in
            state.attempts += 1
            return !state.isCancelled
        }
        guard isWanted else { return }
        let current = agent.service.send(call) { [self] result in take(result) }
        let isCancelled = state.withLock { state in
            state.current = current
            return state.isCancelled
        }
        if isCancelled { current.cancel() }
    }

    private func take(_ result: Result<ServiceReply, AgentFailure>) {
        switch result {
        case .failure(let failure): again(failure)
        case .success(let reply) where reply.status >= 500 || reply.status == 408 || reply.status == 429:
            again(AgentFailure(message: "status \(reply.status)"))
        case .success(let reply):
            guard (200..<300).contains(reply.status) else {
                return completion(.failure(AgentFailure(message: "status \(reply.status)")))
            }
            guard case .object(let object)? = JSONValue.reply(reply.body) else {
                return completion(.failure(AgentFailure(message: "the reply is not a JSON object")))
            }
            completion(.success(object))
        }
    }

    private func again(_ failure: AgentFailure) {
        let attempts = state.withLock { $0.attempts }
        guard attempts <= agent.configuration.agentRetryAttempts,
            leftMilliseconds * 1000 > Int(HTTPAgent.pauseMicroseconds)
        else { return completion(.failure(failure)) }
        agent.service.timers.schedule(afterMicroseconds: HTTPAgent.pauseMicroseconds) { [self] in send() }
    }
}

extension String {
    /// The text as a header's value: whatever could end the line is left out.
    var headerValue: String {
        var scalars = UnicodeScalarView()
        for scalar in unicodeScalars.prefix(256) where scalar.value > 0x20 && scalar.value < 0x7F {
            scalars.append(scalar)
        }
        return String(scalars)
    }
}
