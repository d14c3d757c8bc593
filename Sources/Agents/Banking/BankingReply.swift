internal import ChatEngine

/// What the built-in assistant says: the members of poc.md 10.3, and what the conversation is to remember.
struct BankingReply: Sendable {
    var text: String
    var confidence: Double
    var quickReplies: [String] = []
    var suggestions: [Suggestion] = []
    /// What is asked back and to be completed by the next message; nil: nothing is open.
    var pending: JSONObject?
    /// Where the conversation stands (`state.currentStep`).
    var step = "completed"

    /// Something to do next.
    enum Suggestion: String, Sendable {
        case balance = "banking.balance.check"
        case history = "banking.transaction.history"
        case transfer = "banking.transfer.money"
        case blockCard = "banking.card.block"
        case unblockCard = "banking.card.unblock"
        case help = "banking.help"

        var label: String {
            switch self {
            case .balance: "Check balance"
            case .history: "Show transactions"
            case .transfer: "Transfer money"
            case .blockCard: "Block a card"
            case .unblockCard: "Unblock a card"
            case .help: "Help"
            }
        }
    }

    init(
        _ text: String, confidence: Double, quickReplies: [String] = [], suggestions: [Suggestion] = [],
        pending: JSONObject? = nil, step: String = "completed"
    ) {
        self.text = text
        self.confidence = confidence
        self.quickReplies = quickReplies
        self.suggestions = suggestions
        self.pending = pending
        self.step = step
    }

    var json: JSONObject {
        [
            "response": .string(text), "confidence": .number(confidence),
            "suggestedActions": .array(
                suggestions.map { .object(["action": .string($0.rawValue), "label": .string($0.label)]) }),
            "quickReplies": .array(quickReplies.map { .string($0) }),
            "conversationContextUpdates": .object([
                "currentStep": .string(step),
                "bankingContext": pending.map { .object(["pending": .object($0)]) } ?? .null,
            ]),
        ]
    }
}
