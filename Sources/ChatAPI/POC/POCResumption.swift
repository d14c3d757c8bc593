internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// The reply of a resumed session: with its whole history, oldest first.
///
/// Steps: pages are read and written into one buffer. A history that ends before the buffer has `bufferedBytes` is sent
/// as any other reply. A longer one becomes a stream, and from there a page is read when the chunk before it has been
/// taken: memory holds about two pages whatever the history's length, and no thread waits for the client. What is
/// appended meanwhile is not part of it.
final class POCResumption: Sendable {
    private static let pageMessages = 100
    private static let bufferedBytes = 256 << 10

    private struct State {
        var buffer: [UInt8]
        var count = 0
        var stream: BodyStream?
    }

    private let call: POCCall
    private let session: Session
    private let state: Mutex<State>

    init(call: POCCall, session: Session) {
        self.call = call
        self.session = session
        let head: JSONObject = [
            "success": .bool(true), "sessionId": .string(session.id),
            "session": .object([
                "userId": .string(session.owner), "isActive": .bool(true),
                "lastActivity": .string(session.updatedAt.isoMilliseconds),
                "messageCount": .number(Double(session.messageCount)),
                "conversationContext": .object(POCObjects.context(session)),
            ]),
        ]
        var buffer = JSONValue.object(head).serialized
        buffer.removeLast()
        buffer += Array(#","history":["#.utf8)
        state = Mutex(State(buffer: buffer))
    }

    func start() {
        read(HistoryQuery(before: session.lastSequence + 1, limit: Self.pageMessages), onReader: false)
    }

    private func read(_ query: HistoryQuery, onReader: Bool) {
        let completion: ChatEngine.Completion<HistoryPage> = { [self] result in
            switch result {
            case .success(let page): take(page)
            case .failure(let error):
                if let stream = state.withLock({ $0.stream }) { return stream.fail() }
                call.answer(error, session: session.id, failure: "Failed to resume session")
            }
        }
        if onReader {
            call.engine.historyOnReader(of: session.id, query, call.caller.access, completion: completion)
        } else {
            call.engine.history(of: session.id, query, call.caller.access, completion: completion)
        }
    }

    private func take(_ page: HistoryPage) {
        let isFirstChunk: Bool
        let stream: BodyStream?
        (stream, isFirstChunk) = state.withLock { state in
            for stored in page.messages {
                if state.count > 0 { state.buffer.append(UInt8(ascii: ",")) }
                state.buffer.append(json: .object(call.objects.message(stored, in: session, full: true)))
                state.count += 1
            }
            if page.next == nil {
                state.buffer += Array(
                    #"],"message":"Session resumed successfully. You can continue the conversation.","timestamp":""#
                        .utf8)
                state.buffer.append(isoMilliseconds: call.engine.clock.now())
                state.buffer += Array(#""}"#.utf8)
            }
            let isFirst = state.stream == nil
            if isFirst, page.next != nil, state.buffer.count >= Self.bufferedBytes { state.stream = BodyStream() }
            return (state.stream, isFirst)
        }
        guard let stream else {
            if let next = page.next { return read(next, onReader: false) }
            return call.exchange.respond(Response(json: state.withLock { $0.buffer }))
        }
        if isFirstChunk {
            call.exchange.respond(
                Response(
                    status: 200, headers: [("Content-Type", "application/json; charset=utf-8")], body: .stream(stream)))
        }
        let bytes = state.withLock { state in
            defer { state.buffer = [] }
            return state.buffer
        }
        send(bytes, stream) { [self] in
            if let next = page.next { read(next, onReader: true) } else { stream.finish() }
        }
    }

    /// Hands the chunk over, now or when there is room; then goes on. Ends here if the client has gone.
    private func send(_ bytes: [UInt8], _ stream: BodyStream, then: @escaping @Sendable () -> Void) {
        switch stream.offer(bytes, onWritable: { [self] in send(bytes, stream, then: then) }) {
        case .accepted: then()
        case .full, .disconnected: break
        }
    }
}
