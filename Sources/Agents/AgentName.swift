/// The agents, in the order of the registry (poc.md 10.1). The raw value is the short name on the wire.
package enum AgentName: String, Sendable, CaseIterable {
    case banking
    case nlp
    case nlu
    case mcp
    case human

    /// The long id.
    package var id: String {
        switch self {
        case .banking: "banking-assistant"
        case .nlp: "nlp-processor"
        case .nlu: "nlu-intent"
        case .mcp: "mcp-tools"
        case .human: "human-escalation"
        }
    }

    package var title: String {
        switch self {
        case .banking: "Banking Assistant"
        case .nlp: "Natural Language Processor"
        case .nlu: "Natural Language Understanding"
        case .mcp: "Model Context Protocol Tools"
        case .human: "Human Support Escalation"
        }
    }

    /// Also the value of X-Agent-Type.
    package var type: String {
        switch self {
        case .banking: "ai"
        case .nlp: "nlp"
        case .nlu: "nlu"
        case .mcp: "mcp"
        case .human: "human"
        }
    }

    /// How many requests an HTTP agent works on at once.
    package var maximumConcurrent: Int {
        switch self {
        case .banking: 5
        case .nlp, .nlu: 3
        case .mcp: 2
        case .human: 1
        }
    }
}

/// A row of `GET /api/agents`.
package struct AgentStatus: Hashable, Sendable {
    package var name: AgentName
    package var isActive: Bool
    /// False while its circuit breaker is open.
    package var isHealthy: Bool
    package var currentLoad: Int
    package var totalRequests: Int
    /// Of the requests that have ended, 0…1; 0 before the first.
    package var successRate: Double
}
