internal import ChatEngine
internal import LogStore
internal import Synchronization

/// A message that a user sends, from whichever door.
struct POCMessage: Sendable {
    enum Door: Sendable {
        /// `POST /api/chat/message`.
        case chat
        /// `POST /api/sessions/:id/messages` and sockets.
        case session
    }

    var content: UTF8Text
    var type: String
    var metadata: JSONObject
    var attachments: JSONValue
    var clientInfo: JSONObject?
    var door: Door
}

/// A message and what was answered.
struct POCAnswer: Sendable {
    var session: Session
    var incoming: StoredMessage
    var outgoing: StoredMessage
    var reply: AgentReply

    var agent: JSONValue {
        .object([
            "type": .string(AgentName.short(reply.source)), "confidence": .number(reply.confidence),
            "agentsInvolved": .array(reply.agents.map { .string(AgentName.short($0)) }),
            "agentIds": .array(reply.agents.map { .string($0) }),
        ])
    }
}

/// Answers messages.
///
/// 1. The message is appended to its session, which must be live: it is durable before anybody hears of it, whatever
///    becomes of the agents.
/// 2. The agents answer.
/// 3. One batch appends the reply and updates the conversation's context, state and statistics by it.
/// 4. The reply goes to the session's room, then to whoever asked.
///
/// Turns of one session may overlap; step 3 works on the state as it is then.
final class POCTurns: Sendable {
    let lifeCycle: SessionLifeCycle
    let agents: any TurnProcessor
    let objects: POCObjects
    private let limiter: SlidingWindowLimiter?
    /// Set by the sockets: sends an event to a session's room.
    private let push = Mutex<@Sendable (_ session: String, _ event: String, JSONObject) -> Void>({ _, _, _ in })

    init(_ lifeCycle: SessionLifeCycle, _ agents: any TurnProcessor, _ configuration: POCConfiguration) {
        self.lifeCycle = lifeCycle
        self.agents = agents
        objects = POCObjects(lifeCycle: lifeCycle)
        limiter =
            configuration.messageRate > 0
            ? SlidingWindowLimiter(
                limit: configuration.messageRate, windowSeconds: configuration.messageWindowSeconds,
                clock: lifeCycle.engine.clock)
            : nil
    }

    func pushes(through action: @escaping @Sendable (_ session: String, _ event: String, JSONObject) -> Void) {
        push.withLock { $0 = action }
    }

    func send(_ event: String, _ object: JSONObject, to session: String) {
        push.withLock { $0 }(session, event, object)
    }

    /// Counts a message of a session, sockets and REST together. nil: it may go on; else seconds to wait.
    func refusal(of session: String) -> Int? {
        guard let decision = limiter?.hit(session), !decision.isAllowed else { return nil }
        return max(1, decision.resetSeconds)
    }

    /// - Parameter accepted: called when the message is durable, before the agents are asked.
    func answer(
        _ message: POCMessage, in session: String, _ access: Access,
        accepted: @escaping @Sendable (Session, StoredMessage) -> Void = { _, _ in },
        completion: @escaping ChatEngine.Completion<POCAnswer>
    ) {
        lifeCycle.append(Self.draft(message), to: session, access) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let (session, incoming)):
                accepted(session, incoming)
                let turn = AgentTurn(
                    messageID: incoming.message.id.string, sessionID: session.id, userID: session.owner,
                    text: message.content.string, type: message.type, receivedAt: incoming.createdAt,
                    message: objects.message(incoming, in: session), state: POCObjects.progress(session),
                    conversationContext: POCObjects.context(session), access: access)
                agents.process(turn) { [self] reply in
                    store(reply, to: message, session, incoming, access, completion)
                }
            }
        }
    }

    private static func draft(_ message: POCMessage) -> MessageDraft {
        var metadata = message.metadata
        if let clientInfo = message.clientInfo { metadata["clientInfo"] = .object(clientInfo) }
        metadata["attachments"] = message.attachments
        let type = message.type == "text" ? nil : UTF8Text(message.type)
        return MessageDraft(
            ids: .poc, role: .user, content: message.content, metadata: RawJSON(.object(metadata))
        ) { draft in
            draft.direction = .incoming
            draft.type = type
        }
    }

    private func store(
        _ reply: AgentReply, to message: POCMessage, _ session: Session, _ incoming: StoredMessage, _ access: Access,
        _ completion: @escaping ChatEngine.Completion<POCAnswer>
    ) {
        let outgoing = lifeCycle.made(Self.draft(reply, to: message.door))
        lifeCycle.change(
            session.id, access,
            { session, batch throws(ChatError) in
                ConversationUpdate(reply).apply(to: &session, at: incoming.createdAt)
                batch.append(outgoing.encoded, to: .existing(session.key))
                return .activity
            },
            completion: { [self] result in
                switch result {
                case .failure(let error): completion(.failure(error))
                case .success(let changed):
                    let stored = StoredMessage(
                        message: outgoing, sequence: changed.receipt.sequences[0], createdAt: changed.receipt.time)
                    let answer = POCAnswer(
                        session: changed.session, incoming: incoming, outgoing: stored, reply: reply)
                    send("newMessage", objects.message(stored, in: changed.session), to: changed.session.id)
                    completion(.success(answer))
                }
            })
    }

    private static func draft(_ reply: AgentReply, to door: POCMessage.Door) -> MessageDraft {
        var metadata = reply.metadata
        metadata["suggestedActions"] = .array(reply.suggestedActions)
        metadata["quickReplies"] = .array(reply.quickReplies)
        let info: JSONObject =
            switch door {
            case .chat:
                [
                    "agentId": .string("system"), "agentType": .string(AgentName.short(reply.source)),
                    "confidence": reply.confidence == 0 ? .null : .number(reply.confidence), "processingTime": .null,
                ]
            case .session:
                [
                    "agentId": .string("orchestrator"), "agentType": .string("ai"), "confidence": .null,
                    "processingTime": .number(Double(reply.milliseconds)),
                ]
            }
        var agentInfo = info
        agentInfo["agentIds"] = .array(reply.agents.map { .string($0) })
        var analysis = MessageAnalysis()
        analysis.agentInfo = RawJSON(.object(agentInfo))
        analysis.intent = reply.metadata["intent"]?.string.map { UTF8Text($0) }
        if let entities = reply.metadata["entities"], entities != .object([:]) { analysis.entities = RawJSON(entities) }
        analysis.sentiment = reply.metadata["sentiment"]?.string.map { UTF8Text($0) }
        analysis.confidence = reply.confidence
        analysis.processingTimeMilliseconds = UInt64(max(0, reply.milliseconds))
        let found = analysis
        return MessageDraft(
            ids: .poc, role: .assistant, content: UTF8Text(reply.content), metadata: RawJSON(.object(metadata))
        ) { draft in
            draft.direction = .outgoing
            draft.analysis = found
        }
    }
}
