package import ChatEngine
package import LogStore

/// A customer's message, and what is known of the conversation.
package struct AgentTurn: Sendable {
    package var messageID: String
    package var sessionID: String
    package var userID: String
    package var text: String
    package var type: String
    package var receivedAt: Timestamp
    /// The message as clients see it.
    package var message: JSONObject
    /// The manager session's `state`.
    package var state: JSONObject
    /// The chat session's `conversationContext`.
    package var conversationContext: JSONObject
    package var access: Access
}

/// What agents made of it. Agents are named by their long ids.
package struct AgentReply: Sendable {
    package var content: String
    package var confidence: Double
    /// Who wrote `content`: an agent, or `fallback`.
    package var source: String
    /// Intent, entities, sentiment and what else the reply says of itself.
    package var metadata: JSONObject
    package var suggestedActions: [JSONValue]
    package var quickReplies: [JSONValue]
    /// Those that answered, in their order.
    package var agents: [String]
    /// What the conversation's state gains.
    package var contextUpdates: JSONObject
    /// Agents that failed.
    package var failures: Int
    package var milliseconds: Int
    /// Everything, as `/api/process` shows it.
    package var aggregate: JSONObject

    package init(content: String, confidence: Double, source: String) {
        self.content = content
        self.confidence = confidence
        self.source = source
        metadata = [:]
        suggestedActions = []
        quickReplies = []
        agents = []
        contextUpdates = [:]
        failures = 0
        milliseconds = 0
        aggregate = [:]
    }
}

/// An agent as `/api/agents` shows it.
package struct AgentStatus: Sendable {
    package var id: String
    package var name: String
    package var type: String
    package var isActive: Bool
    package var isHealthy: Bool
    package var currentLoad: Int
    package var totalRequests: Int
    /// 0…1.
    package var successRate: Double

    package init(
        id: String, name: String, type: String, isActive: Bool, isHealthy: Bool, currentLoad: Int, totalRequests: Int,
        successRate: Double
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.isActive = isActive
        self.isHealthy = isHealthy
        self.currentLoad = currentLoad
        self.totalRequests = totalRequests
        self.successRate = successRate
    }
}

/// Who answers. Agents that fail are this one's affair: there is always a reply, in bounded time.
package protocol TurnProcessor: Sendable {
    /// Calls back once, on any thread. Never blocks.
    func process(_ turn: AgentTurn, completion: @escaping @Sendable (AgentReply) -> Void)
    /// In the order of the registry.
    var statuses: [AgentStatus] { get }
}

/// The names of agents that clients of the seed know.
enum AgentName {
    static func short(_ id: String) -> String {
        switch id {
        case "banking-assistant": "banking"
        case "nlp-processor": "nlp"
        case "nlu-intent": "nlu"
        case "mcp-tools": "mcp"
        case "human-escalation", "fallback-human": "human"
        case "error-fallback": "fallback"
        default: id
        }
    }
}
