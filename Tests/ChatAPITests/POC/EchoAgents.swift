import ChatAPI
import ChatEngine

/// Agents that say the same back.
struct EchoAgents: TurnProcessor {
    func process(_ turn: AgentTurn, completion: @escaping @Sendable (AgentReply) -> Void) {
        var reply = AgentReply(content: "You said: \(turn.text)", confidence: 0.5, source: "fallback")
        reply.agents = ["nlp-processor", "nlu-intent"]
        reply.metadata = ["intent": .string("general_inquiry"), "entities": .object([:]), "sentiment": .string("neutral")]
        completion(reply)
    }
    var statuses: [AgentStatus] { [] }
}
