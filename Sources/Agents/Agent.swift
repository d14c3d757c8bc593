package import ChatEngine
package import LogStore

/// A customer's message, and what is known of the conversation.
package struct AgentTurn: Sendable {
    package var messageID: String
    package var sessionID: String
    package var userID: String
    package var text: String
    /// `text`, or whatever the client says.
    package var type: String
    package var receivedAt: Timestamp
    /// The message as clients see it (poc.md 3.1): HTTP agents get it as it is.
    package var message: JSONObject
    /// The manager session's `state` (3.4).
    package var state: JSONObject
    /// The chat session's `conversationContext` (3.5).
    package var conversationContext: JSONObject
    /// Whose ledger may be reached.
    package var access: Access

    package init(
        messageID: String, sessionID: String, userID: String, text: String, type: String = "text",
        receivedAt: Timestamp, message: JSONObject = [:], state: JSONObject = [:],
        conversationContext: JSONObject = [:],
        access: Access
    ) {
        self.messageID = messageID
        self.sessionID = sessionID
        self.userID = userID
        self.text = text
        self.type = type
        self.receivedAt = receivedAt
        self.message = message
        self.state = state
        self.conversationContext = conversationContext
        self.access = access
    }
}

/// What an agent works on.
struct AgentRequest: Sendable {
    let turn: AgentTurn
    /// What the built-in nlp and nlu make of the text; every built-in agent may look at it.
    let analysis: LanguageAnalysis
    let detection: IntentDetection
    /// What other agents have said in this turn.
    var previous = Aggregate()

    init(_ turn: AgentTurn) {
        self.turn = turn
        analysis = LanguageAnalysis(turn.text)
        detection = IntentDetector.detect(analysis)
    }
}

/// Why an agent did not answer.
struct AgentFailure: Error, Hashable, Sendable {
    var message: String
    /// Our own fault, not a service's: the turn cannot go on as if nothing had been asked.
    var isInternal = false
}

/// One that answers. Replies have the members of poc.md 10.3: built-in agents and HTTP agents are the same to the
/// orchestrator.
protocol Agent: Sendable {
    /// Calls `completion` once, on any thread, perhaps before it returns; not after the returned closure was called,
    /// except for what is on its way at that moment.
    /// - Parameter milliseconds: how long it may take.
    func process(
        _ request: AgentRequest, within milliseconds: Int,
        completion: @escaping @Sendable (Result<JSONObject, AgentFailure>) -> Void
    ) -> Cancellation
}

/// Ends what is under way. May be called more than once and when all is over.
struct Cancellation: Sendable {
    let cancel: @Sendable () -> Void
    static let none = Cancellation {}
}
