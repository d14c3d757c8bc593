internal import ChatEngine

/// The reply that a turn ends with (poc.md 10.4, 10.6): banking's, else that of the tools, else a fixed sentence.
struct FinalReply: Sendable {
    var content: String
    var confidence: Double
    var source: TurnResult.Source
    var metadata: JSONObject
    var contextUpdates = JSONObject()

    static let fallbackSentence = "I understand your message. How can I assist you with your banking needs today?"
    static let errorSentence =
        "I apologize, but I'm having trouble processing your request right now. Please try again."
    static let difficultySentence =
        "I'm sorry, I'm experiencing some technical difficulties. A human agent will assist you shortly."
    static let handOverSentence = "Of course. A human agent will assist you shortly."

    init(_ aggregate: Aggregate, turn: AgentTurn, isBroken: Bool, hasHuman: Bool) {
        let analysis: JSONObject = [
            "intent": .string(Self.intent(aggregate)),
            "entities": aggregate.nlpAnalysis?["entities"] ?? .object([:]),
            "sentiment": aggregate.nlpAnalysis?["sentiment"] ?? .string("neutral"),
        ]
        if hasHuman, isBroken || HumanEscalation.isWanted(turn.text) {
            self.init(
                content: isBroken ? Self.difficultySentence : Self.handOverSentence, confidence: isBroken ? 0.3 : 0.9,
                source: .human,
                metadata: ["escalationRequired": .bool(true), "originalMessage": .string(turn.text)],
                contextUpdates: ["escalationRequested": .bool(true), "fallbackUsed": .bool(isBroken)])
        } else if let banking = aggregate.bankingResult, let text = banking["response"]?.string, !text.isEmpty {
            self.init(
                content: text, confidence: Self.confidence(banking, 0.8), source: .banking, metadata: analysis)
            metadata["suggestedActions"] = Self.list(banking["suggestedActions"])
            metadata["quickReplies"] = Self.list(banking["quickReplies"])
        } else if let tools = aggregate.mcpResult, let text = tools["response"]?.string, !text.isEmpty {
            self.init(
                content: text, confidence: Self.confidence(tools, 0.7), source: .mcp,
                metadata: [
                    "toolsUsed": Self.list(tools["toolsUsed"]), "dataRetrieved": tools["dataRetrieved"] ?? .null,
                    "suggestedActions": Self.list(tools["suggestedActions"]),
                    "quickReplies": Self.list(tools["quickReplies"]),
                ])
        } else {
            self.init(
                content: isBroken ? Self.errorSentence : Self.fallbackSentence, confidence: isBroken ? 0.1 : 0.5,
                source: .fallback, metadata: analysis)
        }
        for key in ["suggestedActions", "quickReplies"] where metadata[key] == nil { metadata[key] = .array([]) }
    }

    private init(
        content: String, confidence: Double, source: TurnResult.Source, metadata: JSONObject,
        contextUpdates: JSONObject = [:]
    ) {
        self.content = content
        self.confidence = confidence
        self.source = source
        self.metadata = metadata
        self.contextUpdates = contextUpdates
    }

    /// What the nlu says, or that nothing particular is wanted.
    static func intent(_ aggregate: Aggregate) -> String {
        let intent = aggregate.intent
        return intent == nil || intent == Intent.unknown.rawValue ? KeywordIntents.general : intent ?? ""
    }

    private static func confidence(_ reply: JSONObject, _ usual: Double) -> Double {
        min(max(reply["confidence"]?.number ?? usual, 0), 1)
    }

    private static func list(_ value: JSONValue?) -> JSONValue {
        if case .array? = value { value ?? .array([]) } else { .array([]) }
    }

    /// `finalResponse` of 10.5.
    var json: JSONValue {
        .object([
            "content": .string(content), "type": .string("text"), "confidence": .number(confidence),
            "source": .string(source == .fallback && confidence < 0.5 ? "error-fallback" : source.id),
            "metadata": .object(metadata),
        ])
    }
}

/// When the customer is handed over to a person. Active with AGENT_FALLBACK_ENABLED.
enum HumanEscalation {
    private static let people: [String] = [
        "human", "real person", "live agent", "human agent", "representative", "customer service", "support agent",
        "someone real", "a person", "a real agent",
    ]
    private static let verbs: Set<String> = [
        "talk", "speak", "connect", "transfer", "need", "want", "get", "contact", "reach", "give", "chat", "call",
    ]

    /// Whether a message asks for a person.
    static func isWanted(_ text: String) -> Bool {
        let utterance = Utterance(text)
        let padded = " " + utterance.words.joined(separator: " ") + " "
        guard people.contains(where: { padded.contains(" \($0) ") }) else { return false }
        return utterance.words.count <= 3 || utterance.words.contains(where: verbs.contains)
    }
}
