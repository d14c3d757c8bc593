internal import ChatEngine
internal import LogStore

/// Sessions and messages as clients see them. Messages have both spellings of their keys.
struct POCObjects: Sendable {
    let lifeCycle: SessionLifeCycle

    // MARK: Sessions

    /// The session as its manager has it.
    /// - Parameter accessed: when it was last asked for.
    func manager(_ session: Session, accessed: Timestamp) -> JSONObject {
        var object: JSONObject = [
            "sessionId": .string(session.id), "userId": .string(session.owner),
            "createdAt": .string(session.createdAt.isoMilliseconds),
            "lastAccessTime": .string(accessed.isoMilliseconds),
            "expiresAt": .string(lifeCycle.expiry(of: session).isoMilliseconds),
            "isActive": .bool(lifeCycle.isLive(session)),
            "metadata": .object(Self.object(session.state.metadata)),
            "state": .object(Self.progress(session)),
            "statistics": .object(Self.statistics(session)),
            "security": .object(Self.security(session)),
        ]
        Self.addEnd(session, to: &object)
        return object
    }

    /// The session as the chat service has it.
    func chat(_ session: Session) -> JSONObject {
        var object: JSONObject = [
            "sessionId": .string(session.id), "userId": .string(session.owner),
            "createdAt": .string(session.createdAt.isoMilliseconds),
            "lastActivity": .string(session.updatedAt.isoMilliseconds), "isActive": .bool(lifeCycle.isLive(session)),
            "userData": .object(Self.object(session.state.userData)),
            "messageCount": .number(Self.incoming(session)),
            "conversationContext": .object(Self.context(session)),
        ]
        Self.addEnd(session, to: &object)
        if session.flags.isResolved { object["isResolved"] = .bool(true) }
        return object
    }

    /// Both, as `sessionCreated` has them.
    func merged(_ session: Session, accessed: Timestamp) -> JSONObject {
        var object = chat(session)
        let manager = manager(session, accessed: accessed)
        for (key, value) in zip(manager.keys, manager.values) { object[key] = value }
        return object
    }

    /// A row of a user's list.
    func row(_ summary: SessionSummary) -> JSONObject {
        let session = summary.session
        return [
            "sessionId": .string(session.id), "status": .string(status(session)),
            "isActive": .bool(lifeCycle.isLive(session)), "isResolved": .bool(session.flags.isResolved),
            "lastActivity": .string(session.updatedAt.isoMilliseconds),
            "messageCount": .number(Double(session.messageCount)),
            "createdAt": .string(session.createdAt.isoMilliseconds),
            "recentMessages": .array(summary.recentMessages.map { .object(message($0, in: session)) }),
        ]
    }

    func status(_ session: Session) -> String {
        if session.flags.isActive, !lifeCycle.isLive(session) { return "expired" }
        return switch session.flags.status {
        case .active: "active"
        case .pending: "pending"
        case .resolved: "resolved"
        case .expired: "expired"
        case .terminated: "terminated"
        }
    }

    private static func addEnd(_ session: Session, to object: inout JSONObject) {
        guard !session.flags.isActive else { return }
        object["endedAt"] = session.state.endedAt.map { .string($0.isoMilliseconds) }
        object["endReason"] = session.state.endedReason.map { .string($0.string) }
    }

    // MARK: Documents of a session

    static func progress(_ session: Session) -> JSONObject {
        guard let stored = session.state.progress else {
            return [
                "currentStep": .string("initial"), "conversationStage": .string("greeting"),
                "authenticationStatus": .string("pending"), "lastIntent": .null, "contextStack": .array([]),
                "preferences": .object([:]),
            ]
        }
        return object(stored)
    }

    static func context(_ session: Session) -> JSONObject {
        guard let stored = session.state.conversationContext else {
            return [
                "currentIntent": .null, "bankingContext": .null, "previousIntents": .array([]),
                "entities": .object([:]), "preferences": .object([:]),
            ]
        }
        return object(stored)
    }

    static func statistics(_ session: Session) -> JSONObject {
        guard let stored = session.state.statistics else {
            return [
                "messageCount": .number(0), "totalInteractionTime": .number(0), "agentsUsed": .array([]),
                "intentsProcessed": .array([]), "errorsEncountered": .number(0),
            ]
        }
        return object(stored)
    }

    /// How many messages the user has sent.
    static func incoming(_ session: Session) -> Double { statistics(session)["messageCount"]?.number ?? 0 }

    private static func security(_ session: Session) -> JSONObject {
        var security = JSONObject()
        security["ipAddress"] = object(session.state.metadata)["ipAddress"]
        security["authenticatedAt"] = .null
        security["lastAuthCheck"] = .null
        security["securityFlags"] = .array([])
        security["trustScore"] = .number(1)
        return security
    }

    /// A stored document that is an object; empty if there is none.
    static func object(_ json: RawJSON?) -> JSONObject {
        guard let json, case .object(let object)? = value(json) else { return [:] }
        return object
    }

    static func value(_ json: RawJSON) -> JSONValue? { try? JSONValue(parsing: Array(json.bytes)) }

    // MARK: Messages

    /// A message. Sequence numbers count from 0 here.
    /// - Parameter full: with the columns that only a resumed session's history has.
    func message(_ stored: StoredMessage, in session: Session, full: Bool = false) -> JSONObject {
        let message = stored.message
        let analysis = message.analysis
        let isOutgoing = message.direction == .outgoing
        let (id, time) = (JSONValue.string(message.id.string), JSONValue.string(stored.createdAt.isoMilliseconds))
        let type = JSONValue.string(message.type?.string ?? "text")
        let agent = analysis?.agentInfo.flatMap(Self.value) ?? .null
        var object: JSONObject = [
            "id": id, "message_id": id, "sessionId": .string(session.id), "session_id": .string(session.id),
            "userId": .string(session.owner), "user_id": .string(session.owner),
            "content": .string(message.content.string), "type": type, "message_type": type, "timestamp": time,
            "created_at": time, "direction": .string(isOutgoing ? "outgoing" : "incoming"),
            "metadata": .object(Self.object(message.metadata)),
        ]
        if isOutgoing {
            object["agentInfo"] = agent
            object["agent_info"] = agent
        } else {
            object["processing"] = .object([
                "nlpAnalyzed": .bool(false), "nluProcessed": .bool(false), "mcpHandled": .bool(false),
                "bankingProcessed": .bool(false),
            ])
        }
        object["intent"] = analysis?.intent.map { .string($0.string) } ?? .null
        object["confidence_score"] = analysis?.confidence.map { .number($0) } ?? .null
        object["sequence_number"] = .number(Double(stored.sequence) - 1)
        guard full else { return object }
        object["processing"] = object["processing"] ?? .null
        object["agent_info"] = agent
        object["entities"] = analysis?.entities.flatMap(Self.value) ?? .null
        object["sentiment"] = analysis?.sentiment.map { .string($0.string) } ?? .null
        object["processing_time_ms"] = analysis?.processingTimeMilliseconds.map { .number(Double($0)) } ?? .null
        object["error_info"] = analysis?.errorInfo.flatMap(Self.value) ?? .null
        object["parent_message_id"] = message.parentID.map { .string($0.string) } ?? .null
        object["updated_at"] = .string((stored.editedAt ?? stored.createdAt).isoMilliseconds)
        return object
    }
}
