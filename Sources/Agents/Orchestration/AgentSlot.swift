internal import ChatEngine
internal import LogStore
internal import Synchronization

/// An agent's place in the registry: how busy and how well it is.
///
/// The bound on concurrent requests and the circuit breaker are for services elsewhere; what is built in costs microseconds
/// and has neither.
final class AgentSlot: Sendable {
    private struct Load {
        var current = 0
        var total = 0
        var succeeded = 0
    }

    let name: AgentName
    let isActive: Bool
    private let agent: any Agent
    /// Of a service elsewhere.
    private let breaker: CircuitBreaker?
    private let load = Mutex(Load())

    init(_ name: AgentName, _ agent: any Agent, breaker: CircuitBreaker? = nil, isActive: Bool = true) {
        self.name = name
        self.agent = agent
        self.breaker = breaker
        self.isActive = isActive
    }

    var isRemote: Bool { breaker != nil }

    var status: AgentStatus {
        let (current, total, succeeded) = load.withLock { ($0.current, $0.total, $0.succeeded) }
        let ended = total - current
        return AgentStatus(
            name: name, isActive: isActive, isHealthy: breaker?.isClosed ?? true, currentLoad: current,
            totalRequests: total, successRate: ended > 0 ? Double(succeeded) / Double(ended) : 0)
    }

    /// Counts a request that something other than the agent answers.
    func count() {
        load.withLock { load in
            load.total += 1
            load.succeeded += 1
        }
    }

    /// Gives the agent a request.
    /// - Parameter completion: called once, on any thread; with nil, at once, if the agent is skipped: busy, or open.
    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>?) -> Void
    ) {
        let isBusy = load.withLock { load in
            guard isActive, !isRemote || load.current < name.maximumConcurrent else { return true }
            load.current += 1
            return false
        }
        guard !isBusy else { return completion(nil) }
        guard breaker?.admits() ?? true else {
            load.withLock { $0.current -= 1 }
            return completion(nil)
        }
        load.withLock { $0.total += 1 }
        _ = agent.process(request, within: milliseconds) { [self] result in
            let succeeded = if case .success = result { true } else { false }
            breaker?.record(success: succeeded)
            load.withLock { load in
                load.current -= 1
                if succeeded { load.succeeded += 1 }
            }
            completion(result)
        }
    }
}
