internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// One request on its route: what middleware found out, and the operations. Field checks come before session checks, and
/// nothing is changed before all of them have passed.
struct OrionCall: Sendable {
    let surface: OrionSurface
    let request: Request
    let exchange: any Exchange
    let access: Access
    let fields: OrionFields
    let parameters: PathParameters

    private var engine: ChatEngine { surface.engine }
    private var isHardened: Bool { surface.configuration.tokens != nil }

    func perform(_ operation: OrionOperation) {
        do throws(OrionReply) {
            switch operation {
            case .describeService: answer(OrionReply(200, Array(OrionDocuments.root.utf8)))
            case .getHealth: health()
            case .createSession: try create()
            case .listSessions: try list()
            case .listMessages: try messages()
            case .saveMessage: try save()
            case .deleteSession: try delete()
            case .getSession: try session()
            }
        } catch {
            answer(error)
        }
    }

    // MARK: Sessions

    private func create() throws(OrionReply) {
        let owner = try owner()
        var state = SessionState()
        if let token = fields.truthy(fields.firstMessage) {
            state.firstMessage = try fields.string(token, "firstMessage")
        }
        state.title = SessionTitle.derived(from: state.firstMessage ?? .empty)
        let draft = SessionDraft(ids: .orion, owner: owner, state: state)
        engine.createSession(draft, access) { [self] result in
            finish(result, failure: "Failed to create session") { session in
                OrionReply(201) { $0.append(orionSession: SessionSummary(session: session)) }
            }
        }
    }

    /// Whose session a create makes.
    private func owner() throws(OrionReply) -> String {
        let token = fields.truthy(fields.userID)
        if isHardened, let user = access.user {
            if let token {
                let named = try fields.string(token, "userId").string.lowercased()
                guard named.utf8.elementsEqual(user.utf8) else {
                    throw OrionReply(
                        403,
                        ["error": "userId mismatch", "message": "Request userId must match authenticated user"])
                }
            }
            return user
        }
        guard let token else { throw .badRequest("Missing required field: userId") }
        let text = try fields.text(token, "userId")
        guard text.scalarCount <= OrionLimits.userIDCharacters else {
            throw .badField("userId", "must have at most \(OrionLimits.userIDCharacters) characters")
        }
        return text.string
    }

    private func session() throws(OrionReply) {
        guard let id = Self.sessionID(parameters["sessionId"] ?? "") else { throw .sessionNotFound }
        engine.session(id, access, includesLastMessage: true) { [self] result in
            finish(result, failure: "Failed to get session") { summary in
                OrionReply(200) { $0.append(orionSession: summary) }
            }
        }
    }

    private func delete() throws(OrionReply) {
        guard let token = fields.truthy(fields.sessionID) else {
            throw .badRequest("Missing required field: sessionId")
        }
        guard let id = try sessionID(token) else { throw .sessionNotFound }
        engine.deleteSession(id, access) { [self] result in
            finish(result, failure: "Failed to delete session") { _ in
                OrionReply(200, Array(#"{"success":true,"message":"Session deleted successfully"}"#.utf8))
            }
        }
    }

    private func list() throws(OrionReply) {
        let parameters = QueryParameters(request)
        let list = try OrionListQuery(parameters, hardenedOwner: isHardened ? access.user : nil, surface.configuration)
        guard let owner = list.owner, list.query.limit > 0 else {
            return answer(OrionReply(200, Array(#"{"sessions":[],"count":0}"#.utf8)))
        }
        engine.encodedSessions(SessionListQuery(owner: owner, query: list.query), access) { [self] result in
            do throws(ChatError) {
                answer(OrionReply(200, try Self.written(try result.get(), owner, pages: list.pages, list.query)))
            } catch {
                answer(error, failure: "Failed to get sessions")
            }
        }
    }

    private static func written(
        _ page: ListedPage, _ owner: String, pages: Bool, _ query: SessionQuery
    ) throws(ChatError) -> [UInt8] {
        var ownerText: [UInt8] = []
        ownerText.append(jsonString: owner)
        let sessions = page.sessions.span
        var out: [UInt8] = []
        // Enough unless much has to be escaped: then it grows.
        var size = 128
        for index in sessions.indices {
            size += sessions[index].state.count * 2 + (sessions[index].newest?.payload.count ?? 0) + 384
        }
        out.reserveCapacity(size)
        out.append(key: #"{"sessions":["#)
        for index in sessions.indices {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            try out.append(orionSession: sessions[index], owner: ownerText)
        }
        out.append(key: #"],"count":"#)
        out.append(decimal: Int64(page.sessions.count))
        if pages, let next = page.next {
            out.append(key: #","nextCursor":"#)
            out.append(jsonString: OrionCursor.encode(next, query))
        }
        out.append(UInt8(ascii: "}"))
        return out
    }

    // MARK: Messages

    private func messages() throws(OrionReply) {
        let id: String?
        switch QueryParameters(request)["sessionId"] {
        case .absent, .single(""): throw .badRequest("Missing required query parameter: sessionId")
        case .single(let text):
            guard !text.utf8.contains(0) else { throw .badQuery("sessionId", "must not contain U+0000") }
            id = Self.sessionID(text)
        case .array, .nested: id = nil
        }
        guard let id else {
            return answer(isHardened ? .sessionNotFound : OrionReply(200, OrionMessageList.empty))
        }
        OrionMessageList(id: id, call: self).start()
    }

    private func save() throws(OrionReply) {
        guard let sessionToken = fields.truthy(fields.sessionID), let roleToken = fields.truthy(fields.role),
            let contentToken = fields.truthy(fields.content)
        else { throw .badRequest("Missing required fields: sessionId, role, content") }
        let role: Message.Role
        if roleToken.kind == .string, JSONString.matches(roleToken, "user", in: fields.text) {
            role = .user
        } else if roleToken.kind == .string, JSONString.matches(roleToken, "assistant", in: fields.text) {
            role = .assistant
        } else {
            throw .badRequest(#"Invalid role. Must be "user" or "assistant""#)
        }
        let content =
            isHardened ? try fields.string(contentToken, "content") : try fields.text(contentToken, "content")
        let metadata = try fields.document(fields.metadata, "metadata")
        guard let id = try sessionID(sessionToken) else { throw .sessionNotFound }
        let draft = MessageDraft(ids: .orion, role: role, content: content, metadata: metadata)
        // Made once: a closure inside the other would copy the whole call again.
        let answer: ChatEngine.Completion<StoredMessage> = { [self] result in
            finish(result, failure: "Failed to save message") { stored in
                let size = content.bytes.count + (metadata?.bytes.count ?? 0) + id.utf8.count + 192
                return OrionReply(201, reserving: size) { $0.append(orionMessage: stored, session: id) }
            }
        }
        engine.saveMessage(draft, to: id, access) { [exchange] result in exchange.onLoop { answer(result) } }
    }

    // MARK: Health

    private func health() {
        let status = engine.condition
        let isRefusing = status.failure != nil
        // Full is not down: reading and deleting go on, so probes must not take the process away.
        let condition = isRefusing ? "unhealthy" : status.isAcceptingAppends ? "healthy" : "degraded"
        var body: [UInt8] = []
        body.reserveCapacity(192 + surface.configuration.database.utf8.count)
        body.append(key: #"{"status":"#)
        body.append(jsonString: condition)
        body.append(key: #","service":"orion-chat-backend","version":"1.0.0","timestamp":""#)
        body.append(isoMilliseconds: engine.clock.now())
        body.append(key: #"","uptime":"#)
        body.append(jsonNumber: Double(surface.uptimeMicroseconds) / 1_000_000)
        body.append(key: #","database":"#)
        body.append(jsonString: surface.configuration.database)
        body.append(UInt8(ascii: "}"))
        answer(OrionReply(isRefusing ? 503 : 200, body))
    }

    // MARK: Answers

    func answer(_ reply: OrionReply) { reply.sendTagged(request, exchange) }

    func answer(_ error: ChatError, failure: String) {
        answer(OrionReply(error, failure: failure, report: surface.configuration.report))
    }

    private func finish<Value>(
        _ result: Result<Value, ChatError>, failure: String, _ success: (Value) -> OrionReply
    ) {
        switch result {
        case .success(let value): answer(success(value))
        case .failure(let error): answer(error, failure: failure)
        }
    }

    // MARK: Ids

    /// The id that a body names; nil if no session can have it.
    private func sessionID(_ token: JSONToken) throws(OrionReply) -> String? {
        let text = isHardened ? try fields.string(token, "sessionId") : try fields.text(token, "sessionId")
        return Self.sessionID(text.string)
    }

    /// Ids that are longer than any that was ever given out, or hold what none holds, need no look at the store.
    private static func sessionID(_ text: String) -> String? {
        var bytes = text
        guard bytes.withUTF8({ !$0.isEmpty && $0.count <= 255 && !$0.contains(0) }) else { return nil }
        return text
    }
}
