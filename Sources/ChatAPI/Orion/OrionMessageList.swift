internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// The reply of `GET /api/sessions/messages`: all messages of a session, oldest first, whatever their number.
///
/// Steps: pages are read and written into one buffer. If the list ends before the buffer has `bufferedListBytes`, it is
/// sent as any other reply, with its length and an ETag. Else the reply becomes a stream: the buffer is its first chunk,
/// and from there a page is read when the chunk before it has been taken, so memory holds about two pages whatever the
/// session's length and however slowly the client reads. No thread waits for the client.
///
/// The number of messages in a page follows their size, towards `pageBytes`. What is appended meanwhile is not part of
/// the list; a session that is deleted meanwhile breaks the stream off, so that the client sees it as incomplete.
final class OrionMessageList: Sendable {
    static let empty = Array(#"{"messages":[],"count":0}"#.utf8)
    private static let firstPage = 64
    private static let pageBytes = 128 << 10
    private static let largestPage = 1024
    /// Of a message in the reply, at most: what is neither its payload nor common to all.
    private static let otherBytes = 160

    private let id: String
    private let call: OrionCall
    private let sessionKey: [UInt8]
    private let state: Mutex<State>

    private struct State {
        var buffer = Array(#"{"messages":["#.utf8)
        var count = 0
        /// Set when the reply has become a stream.
        var stream: BodyStream?
        var isStarted = false
    }

    init(id: String, call: OrionCall) {
        self.id = id
        self.call = call
        sessionKey = Array(orionSessionKey: id)
        state = Mutex(State())
    }

    func start() {
        read(HistoryQuery(limit: Self.firstPage), onReader: false)
    }

    private func read(_ query: HistoryQuery, onReader: Bool) {
        call.surface.engine.encodedHistory(of: id, query, call.access, onReader: onReader) { [self] in take($0) }
    }

    private func take(_ result: Result<EncodedHistoryPage, ChatError>) {
        do throws(ChatError) {
            let page = try result.get()
            let chunk = try state.withLock { (state) throws(ChatError) in try append(page, to: &state) }
            if let next = page.next { goOn(next, chunk) } else { end(chunk) }
        } catch {
            fail(error)
        }
    }

    /// Writes a page. Returns the stream and what to send over it, if the reply is one.
    private func append(
        _ page: EncodedHistoryPage, to state: inout State
    ) throws(ChatError) -> (stream: BodyStream, bytes: [UInt8])? {
        let messages = page.messages.span
        // Enough unless much has to be escaped: then the buffer grows.
        var size = state.buffer.count + Self.otherBytes
        for index in messages.indices { size += messages[index].payload.count + sessionKey.count + Self.otherBytes }
        state.buffer.reserveCapacity(size)
        for index in messages.indices {
            if state.count > 0 { state.buffer.append(UInt8(ascii: ",")) }
            try state.buffer.append(orionMessage: messages[index], session: sessionKey)
            state.count += 1
        }
        if page.next == nil {
            state.buffer.append(key: #"],"count":"#)
            state.buffer.append(decimal: Int64(state.count))
            state.buffer.append(UInt8(ascii: "}"))
        } else if state.stream == nil {
            guard state.buffer.count >= call.surface.configuration.bufferedListBytes else { return nil }
            state.stream = BodyStream()
        }
        guard let stream = state.stream else { return nil }
        let bytes = state.buffer
        state.buffer = []
        return (stream, bytes)
    }

    private func end(_ chunk: (stream: BodyStream, bytes: [UInt8])?) {
        guard let chunk else {
            return call.answer(OrionReply(200, state.withLock { $0.buffer }))
        }
        send(chunk) { chunk.stream.finish() }
    }

    private func goOn(_ next: HistoryQuery, _ chunk: (stream: BodyStream, bytes: [UInt8])?) {
        var next = next
        guard let chunk else {
            next.limit = pageSize(state.withLock { ($0.count, $0.buffer.count) })
            return read(next, onReader: false)
        }
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        if isFirst {
            call.exchange.respond(
                Response(
                    status: 200, headers: [("Content-Type", "application/json; charset=utf-8")],
                    body: .stream(chunk.stream)))
        }
        next.limit = pageSize((next.limit, chunk.bytes.count))
        send(chunk) { [self, next] in read(next, onReader: true) }
    }

    /// Hands the chunk over, now or when there is room; then goes on. Ends here if the client has gone.
    private func send(
        _ chunk: (stream: BodyStream, bytes: [UInt8]), then: @escaping @Sendable () -> Void
    ) {
        switch chunk.stream.offer(chunk.bytes, onWritable: { [self] in send(chunk, then: then) }) {
        case .accepted: then()
        case .full, .disconnected: break
        }
    }

    private func pageSize(_ sample: (messages: Int, bytes: Int)) -> Int {
        let average = max(1, sample.bytes / max(1, sample.messages))
        return min(max(1, Self.pageBytes / average), Self.largestPage)
    }

    private func fail(_ error: ChatError) {
        if let stream = state.withLock({ $0.stream }) { return stream.fail() }
        if error == .sessionNotFound, call.surface.configuration.tokens == nil {
            return call.answer(OrionReply(200, Self.empty))
        }
        call.answer(error, failure: "Failed to get messages")
    }
}
