package import ChatEngine

/// What a turn came to: the values that a surface makes its answers of.
package struct TurnResult: Sendable {
    /// Who speaks: `agent.type`.
    package enum Source: String, Sendable {
        case banking, mcp, human, fallback

        /// The long form, of `finalResponse.source` (poc.md 10.4).
        package var id: String {
            switch self {
            case .banking: AgentName.banking.id
            case .mcp: AgentName.mcp.id
            case .human: "fallback-human"
            case .fallback: "fallback"
            }
        }
    }

    package var content: String
    package var confidence: Double
    package var source: Source
    /// Of the reply: intent, entities, sentiment, toolsUsed, dataRetrieved as the source has them; `suggestedActions` and
    /// `quickReplies` always.
    package var metadata: JSONObject
    /// Short names of those that answered, in their order.
    package var agentsInvolved: [String]
    /// The same by their long ids.
    package var agentIDs: [String]
    /// `general_inquiry` if none is known.
    package var intent: String
    /// By the nlu, `[{entity, value}]`.
    package var entities: JSONValue
    package var sentiment: String
    /// What changes in the conversation, as the agents say it.
    package var contextUpdates: JSONObject
    /// The manager session's `state` after the turn (3.4).
    package var state: JSONObject
    /// The chat session's `conversationContext` after the turn (3.5).
    package var conversationContext: JSONObject
    package var processingMilliseconds: Int
    /// Steps that failed.
    package var errors: Int
    /// The object of 10.5.
    package var aggregate: JSONObject

    package var suggestedActions: JSONValue { metadata["suggestedActions"] ?? .array([]) }
    package var quickReplies: JSONValue { metadata["quickReplies"] ?? .array([]) }

    /// `statistics` of a manager session (3.4) after this turn. `messageCount` is the surface's to count.
    package func updated(statistics: JSONObject) -> JSONObject {
        var statistics = statistics
        func add(_ key: String, _ amount: Int) {
            statistics[key] = .number((statistics[key]?.number ?? 0) + Double(amount))
        }
        func insert(_ key: String, _ names: [String]) {
            var known: [JSONValue] = []
            if case .array(let values)? = statistics[key] { known = values }
            for name in names where !known.contains(.string(name)) { known.append(.string(name)) }
            statistics[key] = .array(known)
        }
        add("totalInteractionTime", processingMilliseconds)
        add("errorsEncountered", errors)
        insert("agentsUsed", agentIDs)
        insert("intentsProcessed", [intent])
        return statistics
    }
}
