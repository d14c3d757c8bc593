internal import ChatEngine
internal import LogStore

/// Messages, typing and what else happens in a session.
extension POCSocketCall {
    // MARK: sendMessage

    func sendMessage() {
        guard let session = client.session else { return fail("messageError", "No active session") }
        if isRefused(session) { return fail("messageError", "Rate limit exceeded") }
        let message: POCMessage
        switch checkedMessage() {
        case .failure(let problem): return fail("messageError", problem.text)
        case .success(let checked): message = checked
        }
        turns.answer(message, in: session, client.caller.access, accepted: { tellReceived($1) }) { result in
            switch result {
            case .success: break
            // It has just expired.
            case .failure(.sessionNotFound): fail("messageError", "No active session")
            case .failure: fail("messageError", "Failed to process message")
            }
        }
    }

    private func tellReceived(_ stored: StoredMessage) {
        answer(
            "messageReceived",
            [
                "messageId": .string(stored.message.id.string),
                "timestamp": .string(stored.createdAt.isoMilliseconds), "status": .string("processing"),
            ])
    }

    private func isRefused(_ session: String) -> Bool {
        let isRefused = turns.refusal(of: session) != nil
        if client.limit(isRefused) { events.count { $0.limited += isRefused ? 1 : -1 } }
        return isRefused
    }

    private enum Problem: Error {
        case noContent
        case tooLong

        var text: String {
            switch self {
            case .noContent: "Message content required"
            case .tooLong: "Message too long"
            }
        }
    }

    private func checkedMessage() -> Result<POCMessage, Problem> {
        guard let content = members["content"]?.string else { return .failure(.noContent) }
        let text = UTF8Text(content)
        guard !text.trimmed.isEmpty else { return .failure(.noContent) }
        guard text.utf16Count <= events.configuration.messageUnits else { return .failure(.tooLong) }
        let type = members["type"]?.string ?? ""
        return .success(
            POCMessage(
                content: text, type: type.isEmpty ? "text" : type, metadata: object("metadata") ?? [:],
                attachments: POCMessage.attachments(members["attachments"]), clientInfo: clientInfo, door: .session))
    }

    // MARK: chat:message, chat:history

    /// The session that an alias event is about: the named one, else the joined one.
    private func namedSession() -> String? {
        let named = members["sessionId"].flatMap { $0.isTruthy ? POCBody.name($0) : nil }
        guard let id = named ?? client.session, POCCall.canBeSession(id) else { return nil }
        return id
    }

    func chatMessage() {
        guard let id = namedSession() else { return fail("Session ID required", code: "SESSION_REQUIRED") }
        engine.session(id, client.caller.access) { result in
            switch result {
            case .failure(.sessionNotFound): fail("Session not found", code: "SESSION_NOT_FOUND")
            case .failure(.forbidden): fail("Access denied", code: "ACCESS_DENIED")
            case .failure: fail("Failed to process message", code: "FAILED")
            case .success(let summary):
                guard turns.lifeCycle.isLive(summary.session) else {
                    turns.lifeCycle.expire(summary.session)
                    return fail("Session not found", code: "SESSION_NOT_FOUND")
                }
                chatMessage(in: summary.session)
            }
        }
    }

    private func chatMessage(in session: Session) {
        if isRefused(session.id) { return fail("Rate limit exceeded", code: "RATE_LIMITED") }
        let message: POCMessage
        switch checkedMessage() {
        case .failure(let problem): return fail(problem.text, code: "INVALID_MESSAGE")
        case .success(let checked): message = checked
        }
        join(session)
        turns.answer(
            message, in: session.id, client.caller.access,
            accepted: { _, stored in
                events.emit(
                    socket, "messageReceived",
                    [
                        "messageId": .string(stored.message.id.string),
                        "timestamp": .string(stored.createdAt.isoMilliseconds), "status": .string("processing"),
                    ])
            },
            completion: { result in
                guard case .success(let found) = result else {
                    return fail("Failed to process message", code: "FAILED")
                }
                let shown = turns.objects.message(found.outgoing, in: found.session)
                var response = JSONObject()
                for name in ["sessionId", "id", "message_id", "content", "type", "direction"] {
                    response[name] = shown[name]
                }
                response["agent"] = found.agent
                response["timestamp"] = shown["timestamp"]
                answer("chat:response", response)
            })
    }

    /// The newest messages, unless offset or cursors say otherwise; oldest first.
    func chatHistory() {
        guard let id = namedSession() else { return fail("Session ID required", code: "SESSION_REQUIRED") }
        func number(_ name: String) -> Int? {
            guard let value = members[name]?.number, value.isFinite else { return nil }
            return Int(max(-1, min(value, 4_294_967_295)))
        }
        let query = POCHistoryQuery(
            limit: number("limit"), offset: number("offset"), before: number("before"), after: number("after"),
            standard: .newest)
        engine.page(of: id, query.window, client.caller.access) { result in
            switch result {
            case .failure(.sessionNotFound): fail("Session not found", code: "SESSION_NOT_FOUND")
            case .failure(.forbidden): fail("Access denied", code: "ACCESS_DENIED")
            case .failure: fail("Failed to retrieve history", code: "FAILED")
            case .success(let page):
                join(page.session)
                let rows = page.messages.map { JSONValue.object(turns.objects.message($0, in: page.session)) }
                answer(
                    "chat:history",
                    [
                        "sessionId": .string(id), "messages": .array(rows), "count": .number(Double(rows.count)),
                        "hasMore": .bool(page.hasMore), "timestamp": now,
                    ])
            }
        }
    }

    // MARK: typing, stopTyping

    func typing() {
        guard let session = client.session else { return }
        let typed = client.type(until: engine.clock.monotonicMicroseconds() + POCLimits.typingMicroseconds)
        if typed.begins { events.count { $0.typing += 1 } }
        tellOthers("userTyping", of: session)
        if typed.needsTimer { watchTyping(POCLimits.typingMicroseconds) }
    }

    func stopTyping() {
        guard let session = client.session, client.stopTyping() else { return }
        events.count { $0.typing -= 1 }
        tellOthers("userStoppedTyping", of: session)
    }

    private func watchTyping(_ delay: UInt64) {
        events.timers.schedule(afterMicroseconds: delay) {
            switch client.typingTimerFired(at: engine.clock.monotonicMicroseconds()) {
            case .over: break
            case .again(let rest): watchTyping(rest)
            case .stopped:
                events.count { $0.typing -= 1 }
                if let session = client.session { tellOthers("userStoppedTyping", of: session) }
            }
        }
    }

    // MARK: uploadFile, ping

    /// The original takes the name and size of a file, and nothing else.
    func uploadFile() {
        guard client.session != nil else { return fail("fileUploadError", "No active session") }
        guard let filename = members["filename"]?.string, !filename.isEmpty else {
            return fail("fileUploadError", "File upload failed")
        }
        answer(
            "fileUploadSuccess",
            [
                "fileId": .string(POCIdentifier.make("file", engine)), "filename": .string(filename),
                "size": members["size"] ?? .null, "timestamp": now,
            ])
    }

    func ping() {
        var object: JSONObject = ["timestamp": now]
        let given = members
        for (key, value) in zip(given.keys, given.values) { object[key] = value }
        answer("pong", object)
    }
}
