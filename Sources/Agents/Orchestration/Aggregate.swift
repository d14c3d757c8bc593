package import ChatEngine

/// What the agents of a turn have said so far: the object of poc.md 10.5.
package struct Aggregate: Sendable {
    /// `{agentType, result, timestamp}` each, in the order of their answers.
    package var responses: [JSONValue] = []
    package var nlpAnalysis: JSONObject?
    package var intentDetection: JSONObject?
    package var bankingResult: JSONObject?
    package var mcpResult: JSONObject?
    package var contextUpdates = JSONObject()
    package var involved: [AgentName] = []

    /// What one reply may change in the conversation's context, which is stored.
    static let updateBytes = 65_536

    mutating func add(_ result: JSONObject, of agent: AgentName, at timestamp: String) {
        switch agent {
        case .nlp: nlpAnalysis = result
        case .nlu: intentDetection = result
        case .banking: bankingResult = result
        case .mcp: mcpResult = result
        case .human: break
        }
        involved.append(agent)
        responses.append(
            .object([
                "agentType": .string(agent.type), "result": .object(result), "timestamp": .string(timestamp),
            ]))
        guard case .object(let updates)? = result["conversationContextUpdates"],
            JSONValue.object(updates).serialized.count <= Self.updateBytes
        else { return }
        for (key, value) in zip(updates.keys, updates.values) { contextUpdates[key] = value }
    }

    var intent: String? { intentDetection?["intent"]?.string }

    /// - Parameter final: `finalResponse`; null while the agents are at work.
    func json(final: JSONValue = .null, processingMilliseconds: Int = 0) -> JSONObject {
        [
            "responses": .array(responses),
            "nlpAnalysis": nlpAnalysis.map { .object($0) } ?? .null,
            "intentDetection": intentDetection.map { .object($0) } ?? .null,
            "bankingResult": bankingResult.map { .object($0) } ?? .null,
            "mcpResult": mcpResult.map { .object($0) } ?? .null,
            "finalResponse": final,
            "conversationContextUpdates": .object(contextUpdates),
            "processingTime": .number(Double(processingMilliseconds)),
            "agentsInvolved": .array(involved.map { .string($0.rawValue) }),
        ]
    }
}
