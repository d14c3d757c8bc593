internal import ChatEngine

/// The built-in nlp: entities, sentiment, tokens.
struct LanguageAgent: Agent {
    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation {
        let analysis = request.analysis
        completion(
            .success([
                "entities": .object(analysis.entities),
                "sentiment": .string(analysis.sentiment.rawValue),
                "normalized": .string(analysis.normalized),
                "tokens": .array(analysis.tokens.map { .string($0) }),
            ]))
        return .none
    }
}

/// The built-in nlu: intent, entities, what they mean for the conversation.
struct IntentAgent: Agent {
    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation {
        let detection = request.detection
        var parameters = JSONObject()
        for entity in detection.entities where parameters[entity.kind.rawValue] == nil {
            parameters[entity.kind.rawValue] = .string(entity.value)
        }
        completion(
            .success([
                "intent": .string(detection.intent.rawValue),
                "confidence": .number(detection.confidence),
                "entities": .array(detection.entityList),
                "parameters": .object(parameters),
                "conversationContextUpdates": .object([
                    "currentIntent": .string(detection.intent.rawValue),
                    "intentConfidence": .number(detection.confidence),
                    "detectedEntities": .array(detection.entityList),
                    "languageCode": .string("en-US"),
                ]),
                "metadata": .object(["source": .string("builtin")]),
            ]))
        return .none
    }
}

/// What stands in for an nlu that does not answer: the keywords of poc.md 11.3, the first that fits.
enum KeywordIntents {
    private static let table: [(intent: String, words: [String])] = [
        ("check_balance", ["balance", "how much", "account total", "funds"]),
        ("transfer_funds", ["transfer", "send money", "pay", "payment"]),
        ("transaction_history", ["transactions", "history", "statement", "recent activity"]),
        ("card_services", ["card", "credit", "debit", "atm", "pin"]),
        ("loan_inquiry", ["loan", "mortgage", "borrow", "credit"]),
    ]
    static let general = "general_inquiry"

    /// - Parameter text: in small letters.
    static func reply(_ text: String) -> JSONObject {
        let found = table.first { entry in entry.words.contains { text.contains($0) } }
        return [
            "intent": .string(found?.intent ?? general), "confidence": .number(found == nil ? 0.4 : 0.6),
            "entities": .array([]), "metadata": .object(["source": .string("keywords")]),
        ]
    }
}
