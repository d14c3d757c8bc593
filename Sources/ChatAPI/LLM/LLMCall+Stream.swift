internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// Streamed replies: begun, read again, stopped.
extension LLMCall {
    private static let streamFailure = "Failed to process streaming chat request"

    /// `POST /chat/stream`. Everything that can be refused is, as JSON; from the first event on the status is 200.
    func streamChat() throws(LLMReply) {
        let message = try fields.checkedMessage(failure: Self.streamFailure)
        let chatID = try fields.checkedChatID(missing: LLMReply.chatNotFound)
        logReceipt("Streaming chat request received", message, chatID)
        guard surface.streams.reserve() else { throw .tooManyStreams }
        let id = UUIDValue(random: engine.random)
        let isResumable = wantsIDs && request.headers.hasToken("text/event-stream", in: "Accept")
        let organisation = account?.organisation ?? ""
        let turn = Turn(
            target(chatID, title: message), [question(message)],
            reply: isResumable ? ReplyDraft(id: id, organisation: organisation) : nil)
        engine.saveTurn(turn, access) { result in
            switch result {
            case .failure(let error):
                surface.streams.release()
                answer(error, missing: LLMReply.chatNotFound, failure: Self.streamFailure)
            case .success(let saved):
                begin(id, saved, message, organisation, isResumable)
            }
        }
    }

    /// On the store's thread: what takes longer is left to others.
    private func begin(
        _ id: UUIDValue, _ saved: SavedTurn, _ message: UTF8Text, _ organisation: String, _ isResumable: Bool
    ) {
        guard case .uuid(let question) = saved.messages[0].message.id else { return answer(.authenticationFailed) }
        let reply = Reply(id: id, organisation: organisation, session: saved.sessionID, question: question)
        let generation = Generation(
            reply, in: saved.session, isResumable: isResumable, surface: surface, requestID: requestID)
        guard surface.streams.add(generation) else { return answer(.tooManyStreams) }
        // Of a model's text nobody knows the length yet.
        let text = surface.responder.isDeterministic ? CannedReply(streamedTo: message).utf8 : message
        log(.info, "Starting stream", [("textLength", .integer(text.utf16Count))])
        attach(
            StreamClient(showsIDs: isResumable, stopsReply: !isResumable, delivered: 0, measurement: measurement),
            to: generation, chat: saved.sessionID)
        surface.start(generation, answering: message, in: saved.sessionID, access)
    }

    private func attach(_ client: StreamClient, to generation: Generation, chat: String?) {
        var headers = [
            (name: "Content-Type", value: "text/event-stream"), ("Cache-Control", "no-cache"),
            ("X-Accel-Buffering", "no"), ("X-Message-ID", generation.id.string),
        ]
        if let chat { headers.append(("X-Chat-ID", chat)) }
        exchange.respond(Response(status: 200, headers: headers, body: .stream(client.stream)))
        if !generation.add(client) { client.fail() }
    }

    /// Whether the request asks for event ids.
    private var wantsIDs: Bool { QueryParameters(request)["resume"] == .single("1") }

    // MARK: Reading again

    /// `GET /chat/stream/:messageId`: a running reply from the beginning or from behind `Last-Event-ID`, and on to its
    /// end; or all of one that has ended.
    func resumeStream() throws(LLMReply) {
        let id = try messageID()
        let delivered = try lastEvent(of: id)
        engine.reply(id, organisation: account?.organisation ?? "", access) { result in
            switch result {
            case .failure(.messageNotFound): runningStream(id, delivered)
            case .failure(let error):
                answer(error, missing: LLMReply.streamNotFound, failure: "Failed to retrieve stream")
            case .success((let reply, let text)):
                if reply.ending == nil { runningStream(id, delivered) } else { replay(reply, text, delivered) }
            }
        }
    }

    private func runningStream(_ id: UUIDValue, _ delivered: Int) {
        guard let generation = surface.streams[id] else { return answer(.notFound(LLMReply.streamNotFound)) }
        reach(generation) {
            let client = StreamClient(
                showsIDs: wantsIDs, stopsReply: false, delivered: delivered, measurement: measurement)
            attach(client, to: generation, chat: nil)
        }
    }

    /// A reply that has ended. Who has had its last event is told not to come back: 204 ends an EventSource.
    private func replay(_ reply: Reply, _ text: UTF8Text, _ delivered: Int) {
        guard delivered <= reply.tokenBytes.count else { return exchange.respond(Response(status: 204)) }
        let generation = Generation(
            reply, surface: surface, requestID: requestID, ended: Array(text.bytes))
        let client = StreamClient(showsIDs: wantsIDs, stopsReply: false, delivered: delivered, measurement: measurement)
        attach(client, to: generation, chat: reply.session)
    }

    /// How many events the client has had, by its `Last-Event-ID`.
    private func lastEvent(of id: UUIDValue) throws(LLMReply) -> Int {
        guard let text = request.headers["Last-Event-ID"], !text.isEmpty else { return 0 }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, UUIDValue(text: String(parts[0])) == id, let number = Int(parts[1]),
            number >= 0, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw .badRequest("Last-Event-ID does not belong to this stream") }
        return number
    }

    // MARK: Stopping

    /// `POST /chat/stream/:messageId/cancel`.
    func cancelStream() throws(LLMReply) {
        let id = try messageID()
        if let generation = surface.streams[id] {
            return reach(generation) {
                let isCancelled = generation.stop(.aborted)
                answer(LLMReply(200, Array("{\"cancelled\":\(isCancelled)}".utf8)))
            }
        }
        engine.reply(id, organisation: account?.organisation ?? "", access) { result in
            finish(
                result.mapError { $0 == .messageNotFound ? .sessionNotFound : $0 }, missing: LLMReply.streamNotFound,
                failure: "Failed to cancel stream"
            ) { _ in LLMReply(200, Array(#"{"cancelled":false}"#.utf8)) }
        }
    }

    /// Goes on if the caller reaches the reply's chat.
    private func reach(_ generation: Generation, _ body: @escaping @Sendable () -> Void) {
        guard generation.organisation == account?.organisation else {
            return answer(.notFound(LLMReply.streamNotFound))
        }
        engine.session(generation.chat, access) { result in
            switch result {
            case .success: body()
            case .failure(let error):
                answer(error, missing: LLMReply.streamNotFound, failure: "Failed to retrieve stream")
            }
        }
    }

    private func messageID() throws(LLMReply) -> UUIDValue {
        guard let id = UUIDValue(text: parameters?["messageId"] ?? "") else {
            throw .notFound(LLMReply.streamNotFound)
        }
        return id
    }
}
