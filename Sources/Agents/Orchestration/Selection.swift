internal import ChatEngine

/// Who answers a message once nlp and nlu have been heard: by intent first, by the keywords of poc.md 10.2 second.
///
/// An intent selects if it is one of the built-in nlu's names and its confidence reaches the threshold: banking for
/// everything of the bank and for small talk, the tools for sums. Any other intent leaves it to the keywords. A question
/// that banking has asked back is banking's to hear the answer of. Nobody selected: the default agent.
enum Selection {
    private static let bankingWords = [
        "account", "balance", "transfer", "payment", "card", "transaction", "deposit", "withdrawal",
    ]
    private static let toolWords = ["calculate", "search", "lookup", "external", "api", "tool"]

    static func agents(for request: AgentRequest, defaultAgent: String) -> [AgentName] {
        var selected: [AgentName] = []
        let byIntent = agent(ofIntent: request.previous.intentDetection)
        // The numbers of a sum are no answer to `how much?`.
        if request.pending != nil, byIntent != .mcp { selected.append(.banking) }
        if let byIntent {
            if !selected.contains(byIntent) { selected.append(byIntent) }
        } else {
            let text = request.analysis.normalized
            let current = request.turn.state["currentIntent"]?.string ?? ""
            let isBanking = bankingWords.contains { text.contains($0) } || current.contains("banking")
            if isBanking, !selected.contains(.banking) { selected.append(.banking) }
            if toolWords.contains(where: { text.contains($0) }) { selected.append(.mcp) }
        }
        if request.turn.state["requiresTools"]?.isTruthy == true, !selected.contains(.mcp) { selected.append(.mcp) }
        if selected.isEmpty, let agent = AgentName.allCases.first(where: { $0.id == defaultAgent }) {
            selected.append(agent)
        }
        return selected
    }

    private static func agent(ofIntent detection: JSONObject?) -> AgentName? {
        guard let name = detection?["intent"]?.string, let intent = Intent(rawValue: name), intent != .unknown,
            let confidence = detection?["confidence"]?.number, confidence >= Intent.threshold
        else { return nil }
        return intent == .calculate ? .mcp : .banking
    }
}
