internal import ChatEngine

/// How a turn changes what is remembered of a conversation (poc.md 3.4, 3.5).
struct ConversationUpdate {
    var state: JSONObject
    var conversationContext: JSONObject

    private static let rememberedIntents = 20
    private static let stackDepth = 10

    init(_ turn: AgentTurn, _ aggregate: Aggregate, updates: JSONObject) {
        state = turn.state
        conversationContext = turn.conversationContext
        let intent = FinalReply.intent(aggregate)
        for (key, value) in zip(updates.keys, updates.values) where key != "bankingContext" { state[key] = value }
        state["currentIntent"] = .string(intent)
        if updates["lastIntent"] == nil { state["lastIntent"] = .string(intent) }
        state["conversationStage"] = .string(intent == Intent.farewell.rawValue ? "closing" : "in_progress")
        state["contextStack"] = .array(
            Self.appended(.string(intent), to: state["contextStack"], keeping: Self.stackDepth))
        if let previous = turn.conversationContext["currentIntent"], previous != .null {
            conversationContext["previousIntents"] = .array(
                Self.appended(
                    previous, to: turn.conversationContext["previousIntents"], keeping: Self.rememberedIntents))
        }
        conversationContext["currentIntent"] = .string(intent)
        if let banking = updates["bankingContext"] { conversationContext["bankingContext"] = banking }
        var entities = JSONObject()
        if case .object(let known)? = conversationContext["entities"] { entities = known }
        for (name, value) in Self.entities(aggregate.intentDetection?["entities"]) { entities[name] = value }
        conversationContext["entities"] = .object(entities)
    }

    private static func appended(_ value: JSONValue, to list: JSONValue?, keeping count: Int) -> [JSONValue] {
        var values: [JSONValue] = []
        if case .array(let known)? = list { values = known }
        return Array((values + [value]).suffix(count))
    }

    /// At most so many names of entities are taken from one reply of a service.
    private static let maximumEntities = 50

    /// `[{entity, value}]`, or an object by name.
    private static func entities(_ value: JSONValue?) -> [(String, JSONValue)] {
        switch value {
        case .array(let list)?:
            list.prefix(maximumEntities).compactMap { item in
                guard let name = item["entity"]?.string, let value = item["value"] else { return nil }
                return (name, value)
            }
        case .object(let object)?: Array(zip(object.keys, object.values).prefix(maximumEntities)).map { ($0.0, $0.1) }
        default: []
        }
    }
}
