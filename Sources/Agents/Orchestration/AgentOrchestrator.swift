package import ChatEngine
internal import LogStore
internal import Upstream

/// Has a message answered by the agents (poc.md 10).
///
///     let orchestrator = AgentOrchestrator(engine: engine, configuration: configuration, timers: timers)
///     orchestrator.process(turn) { result in … result.content … }
///
/// An agent is built in unless the configuration names a service for it. `process` returns at once; its completion runs on
/// the caller's thread if nothing had to be waited for, else on one of the store's, of the timers or of the client, and
/// must not block.
package final class AgentOrchestrator: Sendable {
    let configuration: AgentsConfiguration
    let clock: any Clock
    private let slots: [AgentName: AgentSlot]
    /// For agents elsewhere; nil if there are none.
    private let client: HTTPClient?

    /// - Returns: nil if there are agents elsewhere and the HTTP library cannot be set up.
    package init?(engine: ChatEngine, configuration: AgentsConfiguration, timers: any Timers) {
        self.configuration = configuration
        clock = engine.clock
        let clock = engine.clock
        let urls: [AgentName: String] = [
            .banking: configuration.bankingServiceURL, .nlp: configuration.nlpServiceURL,
            .nlu: configuration.nluServiceURL, .mcp: configuration.mcpServiceURL,
        ].compactMapValues { $0 }
        var service: ServiceClient?
        if !urls.isEmpty {
            guard let client = HTTPClient() else { return nil }
            self.client = client
            service = ServiceClient(client: client, timers: timers)
        } else {
            client = nil
        }
        var slots: [AgentName: AgentSlot] = [:]
        for name in AgentName.allCases {
            if let url = urls[name], let service {
                let isProtocol = name == .mcp && Self.path(of: url).hasSuffix("/mcp")
                let agent: any Agent =
                    isProtocol
                    ? ProtocolAgent(endpoint: url, configuration: configuration, service: service, clock: clock)
                    : HTTPAgent(
                        name: name, endpoint: url, configuration: configuration, service: service, clock: clock)
                let breaker = CircuitBreaker(
                    failures: configuration.breakerFailures, openMilliseconds: configuration.breakerOpenMilliseconds,
                    clock: clock)
                slots[name] = AgentSlot(name, agent, breaker: breaker)
            } else {
                slots[name] = AgentSlot(
                    name, Self.builtIn(name, engine), isActive: name != .human || configuration.agentFallbackEnabled)
            }
        }
        self.slots = slots
    }

    /// Without query and slashes at the end.
    private static func path(of url: String) -> String {
        var path = url.prefix { $0 != "?" && $0 != "#" }
        while path.last == "/" { path.removeLast() }
        return String(path)
    }

    private static func builtIn(_ name: AgentName, _ engine: ChatEngine) -> any Agent {
        switch name {
        case .banking: BankingAgent(engine: engine)
        case .nlp, .human: LanguageAgent()
        case .nlu: IntentAgent()
        case .mcp: CalculatorAgent()
        }
    }

    /// Ends what is under way at services; turns that wait for one get no result. Call once.
    package func shutDown() { client?.shutDown() }

    /// The rows of `GET /api/agents`, in the order of the registry.
    package var statuses: [AgentStatus] { AgentName.allCases.compactMap { slots[$0]?.status } }

    /// Has a message answered. `completion` is called once.
    package func process(_ turn: AgentTurn, completion: @escaping @Sendable (TurnResult) -> Void) {
        TurnRun(self, turn, completion).start()
    }

    /// The reply to a message that could not be processed at all (poc.md 10.6).
    /// - Returns: nil if human-escalation is not active: the surface answers with an error.
    package func escalation(of turn: AgentTurn) -> TurnResult? {
        guard hasHuman else { return nil }
        slots[.human]?.count()
        return TurnResult(
            turn, Aggregate(), FinalReply(Aggregate(), turn: turn, isBroken: true, hasHuman: true), milliseconds: 0,
            errors: 1)
    }

    var hasHuman: Bool { slots[.human]?.isActive ?? false }
    func slot(_ name: AgentName) -> AgentSlot? { slots[name] }
}

extension TurnResult {
    init(_ turn: AgentTurn, _ aggregate: Aggregate, _ reply: FinalReply, milliseconds: Int, errors: Int) {
        var aggregate = aggregate
        for (key, value) in zip(reply.contextUpdates.keys, reply.contextUpdates.values) {
            aggregate.contextUpdates[key] = value
        }
        if reply.source == .human { aggregate.involved.append(.human) }
        let update = ConversationUpdate(turn, aggregate, updates: aggregate.contextUpdates)
        self.init(
            content: reply.content, confidence: reply.confidence, source: reply.source, metadata: reply.metadata,
            agentsInvolved: aggregate.involved.map(\.rawValue), agentIDs: aggregate.involved.map(\.id),
            intent: FinalReply.intent(aggregate), entities: aggregate.intentDetection?["entities"] ?? .array([]),
            sentiment: aggregate.nlpAnalysis?["sentiment"]?.string ?? "neutral",
            contextUpdates: aggregate.contextUpdates, state: update.state,
            conversationContext: update.conversationContext, processingMilliseconds: milliseconds, errors: errors,
            aggregate: aggregate.json(final: reply.json, processingMilliseconds: milliseconds))
    }
}
