internal import ChatEngine
internal import LogStore
internal import Synchronization

/// One message on its way through the agents.
///
/// Steps: nlp and nlu side by side; when both have answered or failed, those that `Selection` names, one after the other,
/// as each sees what was said before; then the final reply.
///
/// Invariants: one step's result is added once, nlp's before nlu's whichever came first; nlp and nlu have half of the
/// turn's budget at most, each later service its share of what is left, so that none can take the others' time; the
/// completion is called once. A service that fails is logged and passed over. nlp's built-in form stands in for one
/// elsewhere that fails, the keyword intents for such an nlu.
final class TurnRun: Sendable {
    private struct State {
        var request: AgentRequest
        var language: JSONObject?
        var intent: JSONObject?
        var waiting: Int
        var errors = 0
        var isBroken = false
    }

    private let orchestrator: AgentOrchestrator
    private let turn: AgentTurn
    private let completion: @Sendable (TurnResult) -> Void
    /// On the monotonic clock.
    private let startedAt: UInt64
    private let state: Mutex<State>

    init(
        _ orchestrator: AgentOrchestrator, _ turn: AgentTurn, _ completion: @escaping @Sendable (TurnResult) -> Void
    ) {
        self.orchestrator = orchestrator
        self.turn = turn
        self.completion = completion
        startedAt = orchestrator.clock.monotonicMicroseconds()
        state = Mutex(State(request: AgentRequest(turn), waiting: turn.type == "text" ? 2 : 1))
    }

    private var elapsedMilliseconds: Int {
        Int((orchestrator.clock.monotonicMicroseconds() - startedAt) / 1000)
    }

    // MARK: nlp and nlu

    func start() {
        let request = state.withLock { $0.request }
        let milliseconds = orchestrator.configuration.turnBudgetMilliseconds / 2
        for name in turn.type == "text" ? [AgentName.nlp, .nlu] : [.nlu] {
            step(name, request, milliseconds) { [self] result in
                let isLast = state.withLock { state in
                    let result = result ?? standIn(name, request)
                    if name == .nlp { state.language = result } else { state.intent = result }
                    state.waiting -= 1
                    return state.waiting == 0
                }
                if isLast { select() }
            }
        }
    }

    /// What answers for an nlp or nlu elsewhere that did not.
    private func standIn(_ name: AgentName, _ request: AgentRequest) -> JSONObject? {
        if name == .nlp {
            return [
                "entities": .object(request.analysis.entities),
                "sentiment": .string(request.analysis.sentiment.rawValue),
            ]
        }
        guard orchestrator.configuration.nluFallbackEnabled else { return nil }
        return KeywordIntents.reply(request.analysis.normalized)
    }

    private func select() {
        let request = state.withLock { state in
            if let language = state.language { add(language, .nlp, &state) }
            if let intent = state.intent { add(intent, .nlu, &state) }
            return state.request
        }
        // Who wants a person is not to be answered, let alone acted for, by anybody else.
        if orchestrator.hasHuman, HumanEscalation.isWanted(turn.text) { return finish() }
        run(Selection.agents(for: request, defaultAgent: orchestrator.configuration.defaultAgent)[...])
    }

    private func add(_ result: JSONObject, _ name: AgentName, _ state: inout State) {
        state.request.previous.add(result, of: name, at: orchestrator.clock.now().isoMilliseconds)
    }

    // MARK: Answers

    private func run(_ agents: ArraySlice<AgentName>) {
        guard let name = agents.first else { return finish() }
        let request = state.withLock { $0.request }
        let left = max(orchestrator.configuration.turnBudgetMilliseconds - elapsedMilliseconds, 0)
        step(name, request, left / agents.count) { [self] result in
            if let result, result["response"]?.string?.isEmpty == false {
                state.withLock { add(result, name, &$0) }
            }
            run(agents.dropFirst())
        }
    }

    /// - Parameter completion: with nil if the agent was skipped or has failed.
    private func step(
        _ name: AgentName, _ request: AgentRequest, _ milliseconds: Int,
        completion: @escaping @Sendable (JSONObject?) -> Void
    ) {
        guard let slot = orchestrator.slot(name) else { return completion(nil) }
        slot.process(request, within: milliseconds) { [self] result in
            switch result {
            case nil: completion(nil)
            case .success(let object)?: completion(object)
            case .failure(let failure)?:
                state.withLock { state in
                    state.errors += 1
                    if failure.isInternal { state.isBroken = true }
                }
                orchestrator.configuration.log(AgentEvent(agent: name.id, message: failure.message))
                completion(nil)
            }
        }
    }

    private func finish() {
        let (aggregate, errors, isBroken) = state.withLock { ($0.request.previous, $0.errors, $0.isBroken) }
        let reply = FinalReply(aggregate, turn: turn, isBroken: isBroken, hasHuman: orchestrator.hasHuman)
        if reply.source == .human { orchestrator.slot(.human)?.count() }
        completion(
            TurnResult(turn, aggregate, reply, milliseconds: elapsedMilliseconds, errors: errors))
    }
}
