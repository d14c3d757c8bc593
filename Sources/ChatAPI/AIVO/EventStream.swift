internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// One client that hears of its tenant's changes as they come.
///
/// Steps: a page of events is read on a reader thread and offered to the connection; when it has been taken and there are
/// more, the next one is read, else the stream waits for the log to grow. So memory holds one page, and a client that does
/// not read is not read for. The id of an event is the position to come back with: of a batch's events only the last has
/// the batch's own, so who comes back gets a batch that was cut in two again, whole.
///
/// It ends with the client, with the token, when the server stops, or when the log no longer reaches back.
final class EventStream: Sendable {
    private struct State {
        var position: LSN
        /// Somebody reads, or offers what was read.
        var isBusy = false
        /// The log has grown since the last read began.
        var isWoken = false
        var isEnded = false
        var observation: FeedObservation?
    }

    let body = BodyStream(capacity: 256 << 10)
    private let surface: AIVOSurface
    private let member: AIVOMember
    private let state: Mutex<State>

    private static let pageEvents = 64
    private static let heartbeatMicroseconds: UInt64 = 15_000_000

    init(surface: AIVOSurface, member: AIVOMember, after position: LSN) {
        self.surface = surface
        self.member = member
        state = Mutex(State(position: position))
    }

    func start() {
        body.onDisconnect { [weak self] in self?.end() }
        let observation = surface.engine.observeEvents { [weak self] in self?.wake() }
        state.withLock { if !$0.isEnded { $0.observation = observation } }
        heartbeat()
        wake()
    }

    /// Ends the stream, for whatever reason. Without effect after the first time.
    func end() {
        let observation = state.withLock { state -> FeedObservation? in
            state.isEnded = true
            defer { state.observation = nil }
            return state.observation
        }
        observation?.cancel()
        body.finish()
        surface.eventStreams.remove(self)
    }

    /// There may be something new. Never blocks: the log's own thread calls it.
    private func wake() {
        let begins = state.withLock { state in
            guard !state.isEnded else { return false }
            if state.isBusy {
                state.isWoken = true
                return false
            }
            state.isBusy = true
            return true
        }
        if begins { read() }
    }

    private func read() {
        guard !hasExpired else { return end() }
        let position = state.withLock { state in
            state.isWoken = false
            return state.position
        }
        surface.engine.events(after: position, limit: Self.pageEvents, member.access) { [self] result in
            switch result {
            case .success(let page):
                state.withLock { $0.position = page.next }
                send(Self.text(page), isAtEnd: page.isAtEnd)
            case .failure(.gone(let oldest)):
                _ = body.offer(Array("event: gone\ndata: {\"oldest\":\(oldest.rawValue)}\n\n".utf8))
                end()
            case .failure(.chat(.overloaded)):
                surface.timers.schedule(afterMicroseconds: 1_000_000) { [self] in read() }
            case .failure: end()
            }
        }
    }

    private func send(_ text: [UInt8], isAtEnd: Bool) {
        if !text.isEmpty {
            switch body.offer(text, onWritable: { [self] in send(text, isAtEnd: isAtEnd) }) {
            case .accepted: break
            case .full: return
            case .disconnected: return end()
            }
        }
        let goesOn = state.withLock { state in
            guard !state.isEnded else { return false }
            if isAtEnd && !state.isWoken { state.isBusy = false }
            return state.isBusy
        }
        if goesOn { read() }
    }

    private static func text(_ page: EventPage) -> [UInt8] {
        var out: [UInt8] = []
        for event in page.events {
            let position = event.isLastOfBatch ? event.lsn.rawValue : event.lsn.rawValue - 1
            out.append(key: "id: ")
            out.append(decimal: Int64(position))
            out.append(key: "\nevent: ")
            out.append(contentsOf: event.note.kind.name.utf8)
            out.append(key: "\ndata: ")
            out.append(contentsOf: event.envelope)
            out.append(key: "\n\n")
        }
        return out
    }

    /// A comment line now and then shows that the connection lives, and finds out when it does not.
    private func heartbeat() {
        surface.timers.schedule(afterMicroseconds: Self.heartbeatMicroseconds) { [weak self] in
            guard let self, !state.withLock({ $0.isEnded }) else { return }
            guard !hasExpired else { return end() }
            _ = body.offer(Array(": \n\n".utf8))
            heartbeat()
        }
    }

    private var hasExpired: Bool {
        member.expiresAt.map { Double(surface.engine.clock.now().microseconds) / 1e6 >= $0 } ?? false
    }
}

/// The streams of a surface.
final class EventStreams: Sendable {
    private let streams = Mutex<[ObjectIdentifier: EventStream]>([:])
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// - Returns: false if there are too many.
    func add(_ stream: EventStream) -> Bool {
        streams.withLock { streams in
            guard streams.count < capacity else { return false }
            streams[ObjectIdentifier(stream)] = stream
            return true
        }
    }

    func remove(_ stream: EventStream) { streams.withLock { $0[ObjectIdentifier(stream)] = nil } }

    func endAll() {
        for stream in streams.withLock({ Array($0.values) }) { stream.end() }
    }
}
