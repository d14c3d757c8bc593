internal import ChatEngine
internal import LogStore

/// What a reply changes in its session: the conversation's context, its state, and the statistics.
struct ConversationUpdate: Sendable {
    let reply: AgentReply

    init(_ reply: AgentReply) { self.reply = reply }

    private var intent: String? { reply.metadata["intent"]?.string }

    func apply(to session: inout Session, at time: Timestamp) {
        session.state.conversationContext = RawJSON(.object(context(POCObjects.context(session))))
        session.state.progress = RawJSON(.object(progress(POCObjects.progress(session))))
        session.state.statistics = RawJSON(.object(statistics(POCObjects.statistics(session), session, time)))
    }

    private func context(_ old: JSONObject) -> JSONObject {
        var context = old
        if let intent {
            if let current = old["currentIntent"]?.string {
                var previous = Self.array(old["previousIntents"]) + [.string(current)]
                previous.removeFirst(max(0, previous.count - POCLimits.previousIntents))
                context["previousIntents"] = .array(previous)
            }
            context["currentIntent"] = .string(intent)
        }
        if case .object(let found)? = reply.metadata["entities"], !found.isEmpty {
            context["entities"] = .object(found)
        }
        if let banking = reply.contextUpdates["bankingContext"] { context["bankingContext"] = banking }
        if let preferences = reply.contextUpdates["preferences"] { context["preferences"] = preferences }
        return context
    }

    private func progress(_ old: JSONObject) -> JSONObject {
        var progress = old
        progress["currentStep"] = .string("conversation")
        progress["conversationStage"] = .string("active")
        for (key, value) in zip(reply.contextUpdates.keys, reply.contextUpdates.values) { progress[key] = value }
        if let intent { progress["lastIntent"] = .string(intent) }
        return progress
    }

    private func statistics(_ old: JSONObject, _ session: Session, _ time: Timestamp) -> JSONObject {
        var statistics = old
        func add(_ count: Int, to name: String) {
            statistics[name] = .number((old[name]?.number ?? 0) + Double(count))
        }
        func name(_ values: [String], in list: String) {
            var known = Self.array(old[list])
            for value in values where !known.contains(.string(value)) && known.count < POCLimits.namedStatistics {
                known.append(.string(value))
            }
            statistics[list] = .array(known)
        }
        add(1, to: "messageCount")
        add(reply.failures, to: "errorsEncountered")
        name(reply.agents, in: "agentsUsed")
        name([intent].compactMap { $0 }, in: "intentsProcessed")
        let elapsed = max(0, time.milliseconds - session.createdAt.milliseconds)
        statistics["totalInteractionTime"] = .number(Double(elapsed))
        return statistics
    }

    private static func array(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let elements)? = value { elements } else { [] }
    }
}
