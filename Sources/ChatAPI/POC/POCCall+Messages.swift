internal import Agents
internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Messages and histories.
extension POCCall {
    // MARK: POST /api/sessions/:sessionId/messages

    func sendMessage() throws(POCReply) {
        let id = sessionID
        let message = try message(body["content"], body.object("metadata"), .session)
        guard Self.canBeSession(id) else { throw .sessionNotFound(id) }
        liveSession(id) { [self] found in
            switch found {
            case .failure(let error): answer(error, session: id, failure: Self.processFailure)
            case .success(nil): answer(.sessionNotFound(id))
            case .success(.some): answer(message, in: id)
            }
        }
    }

    // MARK: POST /api/chat/message

    func chat() throws(POCReply) {
        guard
            let id = request.headers["X-Session-ID"].flatMap({ $0.isEmpty ? nil : $0 })
                ?? body["sessionId"].flatMap(POCBody.name)
        else {
            throw .error(400, "Session ID required in X-Session-ID header or body")
        }
        let metadata = body.object("metadata") ?? body.object("context")
        let message = try message(body["message"] ?? body["content"], metadata, .chat)
        guard Self.canBeSession(id) else { return try begin(message, requested: id) }
        liveSession(id) { [self] found in
            switch found {
            case .failure(let error): answer(error, session: id, failure: Self.processFailure)
            case .success(.some): answer(message, in: id)
            case .success(nil):
                do throws(POCReply) { try begin(message, requested: id) } catch { answer(error) }
            }
        }
    }

    /// Makes a session for a message whose own is not there.
    private func begin(_ message: POCMessage, requested: String) throws(POCReply) {
        let header = request.headers["X-User-ID"].flatMap { $0.isEmpty ? nil : JSONValue.string($0) }
        let owner: String
        if let named = body["userId"] ?? header {
            owner = try self.owner(named)
        } else {
            owner = caller.userID ?? "anonymous"
        }
        var state = SessionState()
        state.metadata = RawJSON(
            .object([
                "autoCreated": .bool(true), "requestedSessionId": .string(requested),
                "createdAt": .string(engine.clock.now().isoMilliseconds),
            ]))
        surface.lifeCycle.open(SessionDraft(ids: .poc, owner: owner, state: state), caller.access) { [self] result in
            switch result {
            case .failure(let error): answer(error, session: requested, failure: "Failed to create session")
            case .success(let session): answer(message, in: session.id)
            }
        }
    }

    // MARK: Both

    private static let processFailure = "Failed to process message"

    private func message(
        _ content: JSONValue?, _ metadata: JSONObject?, _ door: POCMessage.Door
    ) throws(POCReply) -> POCMessage {
        guard let content else { throw .error(400, "Message content required") }
        guard let text = content.string else {
            throw .error(400, "Message content required", message: "The message's content must be a string")
        }
        return POCMessage(
            content: UTF8Text(text), type: body.text("type") ?? "text", metadata: metadata ?? [:],
            attachments: POCMessage.attachments(body.members["attachments"]), clientInfo: nil, door: door)
    }

    /// nil if the session is not there or has ended.
    private func liveSession(_ id: String, completion: @escaping ChatEngine.Completion<Session?>) {
        engine.session(id, caller.access) { [self] result in
            switch result {
            case .failure(.sessionNotFound): completion(.success(nil))
            case .failure(let error): completion(.failure(error))
            case .success(let summary):
                let isLive = surface.lifeCycle.isLive(summary.session)
                if !isLive { surface.lifeCycle.expire(summary.session) }
                completion(.success(isLive ? summary.session : nil))
            }
        }
    }

    private func answer(_ message: POCMessage, in session: String) {
        if let seconds = surface.turns.refusal(of: session) { return answer(.tooManyMessages(seconds)) }
        surface.turns.answer(message, in: session, caller.access) { [self] result in
            switch result {
            case .failure(let error): answer(error, session: session, failure: Self.processFailure)
            case .success(let found): answer(POCReply(200, members(of: found)))
            }
        }
    }

    private func members(of answer: POCAnswer) -> JSONObject {
        let result = answer.result
        let response = objects.message(answer.outgoing, in: answer.session)
        return [
            "sessionId": .string(answer.session.id),
            "message": .object(objects.message(answer.incoming, in: answer.session)),
            "response": .object(response), "agent": answer.agent,
            "agentResult": .object([
                "processingTime": .number(Double(result.processingMilliseconds)),
                "agentsInvolved": .array(result.agentsInvolved.map { .string($0) }),
            ]),
            // What the later web front end reads.
            "data": .object([
                "message": .string(result.content),
                "intent": .object([
                    "detected": .string(result.intent), "confidence": .number(result.confidence),
                    "entities": result.entities,
                ]),
                "response": .object(["type": .string("text"), "timestamp": response["timestamp"] ?? .null]),
                "conversation": .object([
                    "sessionId": .string(answer.session.id), "messageId": response["id"] ?? .null,
                ]),
            ]),
        ]
    }

    // MARK: Histories

    func chatHistory() throws(POCReply) {
        guard case .single(let id) = QueryParameters(request)["sessionId"], !id.isEmpty else {
            throw .error(400, "sessionId query parameter required")
        }
        try history(of: id)
    }

    func history(of id: String) throws(POCReply) {
        let query = QueryParameters(request)
        func number(_ name: String) -> Int? {
            guard case .single(let text) = query[name] else { return nil }
            return JavaScriptInteger.parse(text)
        }
        let asked = POCHistoryQuery(
            limit: number("limit"), offset: number("offset"), before: number("before"), after: number("after"))
        guard Self.canBeSession(id) else { return answer(POCReply(200, asked.empty(id))) }
        engine.page(of: id, asked.window, caller.access) { [self] result in
            switch result {
            case .failure(.sessionNotFound): answer(POCReply(200, asked.empty(id)))
            case .failure(let error): answer(error, session: id, failure: "Failed to retrieve history")
            case .success(let page):
                let rows = page.messages.map { JSONValue.object(objects.message($0, in: page.session)) }
                answer(POCReply(200, asked.members(id, rows, hasMore: page.hasMore)))
            }
        }
    }
}

extension POCMessage {
    /// What a client calls attachments, if it is a list; they are kept as they are.
    static func attachments(_ value: JSONValue?) -> JSONValue {
        guard let value, case .array = value else { return .array([]) }
        return value
    }
}

/// Which part of a history a client wants: by offset from the oldest, or by cursors, which are sequence numbers as rows
/// carry them, from 0.
struct POCHistoryQuery: Sendable {
    let limit: Int
    let offset: Int
    let window: HistoryWindow

    /// A limit of 0 or none is 50, others are brought into 1…100.
    init(limit: Int?, offset: Int?, before: Int?, after: Int?, standard: HistoryWindow.Place? = nil) {
        let wanted = limit ?? 0
        self.limit =
            wanted == 0
            ? POCLimits.defaultPage : min(max(wanted, POCLimits.page.lowerBound), POCLimits.page.upperBound)
        self.offset = max(0, offset ?? 0)
        let place: HistoryWindow.Place =
            if let before {
                .before(SequenceNumber(clamping: max(0, before)).addingClamped(1))
            } else if let after {
                .after(after < 0 ? 0 : SequenceNumber(clamping: after).addingClamped(1))
            } else if let offset {
                .offset(max(0, offset))
            } else {
                standard ?? .offset(0)
            }
        window = HistoryWindow(place, limit: self.limit)
    }

    func empty(_ session: String) -> JSONObject { members(session, [], hasMore: false) }

    func members(_ session: String, _ rows: [JSONValue], hasMore: Bool) -> JSONObject {
        [
            "sessionId": .string(session), "history": .array(rows), "count": .number(Double(rows.count)),
            "offset": .number(Double(offset)), "limit": .number(Double(limit)), "hasMore": .bool(hasMore),
        ]
    }
}

extension SequenceNumber {
    fileprivate func addingClamped(_ number: SequenceNumber) -> SequenceNumber {
        let (sum, overflow) = addingReportingOverflow(number)
        return overflow ? .max : sum
    }
}
