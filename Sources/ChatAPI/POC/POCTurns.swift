internal import Agents
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
    var result: TurnResult

    var agent: JSONValue {
        .object([
            "type": .string(result.source.rawValue), "confidence": .number(result.confidence),
            "agentsInvolved": .array(result.agentsInvolved.map { .string($0) }),
            "agentIds": .array(result.agentIDs.map { .string($0) }),
        ])
    }
}

/// Answers messages.
///
/// 1. The message is appended to its session, which must be live: it is durable before anybody hears of it, whatever
///    becomes of the agents.
/// 2. The agents answer, on threads of their own: understanding a text is work, and the store's writer has none to spare.
/// 3. One batch appends the reply and updates the conversation's context, state and statistics by it.
/// 4. The reply goes to the session's room, then to whoever asked.
///
/// Turns of one session may overlap; step 3 works on the state as it is then.
final class POCTurns: Sendable {
    let lifeCycle: SessionLifeCycle
    let agents: AgentOrchestrator
    let objects: POCObjects
    private let workers: ReaderPool
    private let limiter: SlidingWindowLimiter?
    /// Set by the sockets: sends an event to a session's room.
    private let push = Mutex(Push { _, _, _ in })

    /// In a structure: a mutex of a bare closure wraps it anew at every use.
    private struct Push: Sendable {
        let send: @Sendable (_ session: String, _ event: String, JSONObject) -> Void
    }

    init(_ lifeCycle: SessionLifeCycle, _ agents: AgentOrchestrator, _ configuration: POCConfiguration) {
        self.lifeCycle = lifeCycle
        workers = ReaderPool(threads: configuration.agentThreads, capacity: 4096)
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
        push.withLock { $0 = Push(send: action) }
    }

    func send(_ event: String, _ object: JSONObject, to session: String) {
        push.withLock { $0 }.send(session, event, object)
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
                ask(turn, { completion(.failure($0)) }) { [self] result in
                    store(result, to: message, session, incoming, access, completion)
                }
            }
        }
    }

    /// Has the agents answer, on a thread of theirs.
    func ask(
        _ turn: AgentTurn, _ overloaded: @escaping @Sendable (ChatError) -> Void,
        completion: @escaping @Sendable (TurnResult) -> Void
    ) {
        let accepted = workers.submit { [agents] in agents.process(turn, completion: completion) }
        if !accepted { overloaded(.overloaded(retryAfterSeconds: 1)) }
    }

    /// Answers what waits for a thread. Once, when no more messages come.
    func shutDown() { workers.shutDown() }

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
        _ result: TurnResult, to message: POCMessage, _ session: Session, _ incoming: StoredMessage, _ access: Access,
        _ completion: @escaping ChatEngine.Completion<POCAnswer>
    ) {
        let outgoing = lifeCycle.made(Self.draft(result, to: message.door))
        lifeCycle.change(
            session.id, access,
            { session, batch throws(ChatError) in
                session.state.progress = RawJSON(.object(result.state))
                session.state.conversationContext = RawJSON(.object(result.conversationContext))
                session.state.statistics = RawJSON(.object(Self.statistics(session, result)))
                batch.append(outgoing.encoded, to: .existing(session.key))
                return .activity
            },
            completion: { [self] stored in
                switch stored {
                case .failure(let error): completion(.failure(error))
                case .success(let changed):
                    let stored = StoredMessage(
                        message: outgoing, sequence: changed.receipt.sequences[0], createdAt: changed.receipt.time)
                    let answer = POCAnswer(
                        session: changed.session, incoming: incoming, outgoing: stored, result: result)
                    send("newMessage", objects.message(stored, in: changed.session), to: changed.session.id)
                    completion(.success(answer))
                }
            })
    }

    private static func statistics(_ session: Session, _ result: TurnResult) -> JSONObject {
        var statistics = result.updated(statistics: POCObjects.statistics(session))
        statistics["messageCount"] = .number(POCObjects.incoming(session) + 1)
        return statistics
    }

    private static func draft(_ result: TurnResult, to door: POCMessage.Door) -> MessageDraft {
        var agentInfo: JSONObject =
            switch door {
            case .chat:
                [
                    "agentId": .string("system"), "agentType": .string(result.source.rawValue),
                    "confidence": result.confidence == 0 ? .null : .number(result.confidence),
                    "processingTime": .null,
                ]
            case .session:
                [
                    "agentId": .string("orchestrator"), "agentType": .string("ai"), "confidence": .null,
                    "processingTime": .number(Double(result.processingMilliseconds)),
                ]
            }
        agentInfo["agentIds"] = .array(result.agentIDs.map { .string($0) })
        var analysis = MessageAnalysis()
        analysis.agentInfo = RawJSON(.object(agentInfo))
        analysis.intent = UTF8Text(result.intent)
        if !result.entities.elements.isEmpty { analysis.entities = RawJSON(result.entities) }
        analysis.sentiment = UTF8Text(result.sentiment)
        analysis.confidence = result.confidence
        analysis.processingTimeMilliseconds = UInt64(max(0, result.processingMilliseconds))
        let found = analysis
        return MessageDraft(
            ids: .poc, role: .assistant, content: UTF8Text(result.content), metadata: RawJSON(.object(result.metadata))
        ) { draft in
            draft.direction = .outgoing
            draft.analysis = found
        }
    }
}

extension JSONValue {
    /// Of an array; none of anything else.
    fileprivate var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}
