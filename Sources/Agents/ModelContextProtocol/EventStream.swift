internal import ChatEngine
internal import Synchronization

/// Cuts an event stream (WHATWG HTML, "Server-sent events") into the data of its events.
enum EventStream {
    /// - Parameter start: where the last call left off; moved behind the last whole event.
    /// - Returns: the data of each event that is complete.
    static func events(in bytes: [UInt8], from start: inout Int) -> [[UInt8]] {
        var events: [[UInt8]] = []
        var data: [UInt8]?
        var line = start
        while let (end, next) = lineEnd(bytes, line) {
            let content = bytes[line..<end]
            line = next
            if content.isEmpty {
                if let whole = data { events.append(whole) }
                data = nil
                start = next
            } else if content.starts(with: "data:".utf8) {
                var value = content.dropFirst(5)
                if value.first == 0x20 { value.removeFirst() }
                data = data.map { $0 + [10] + value } ?? Array(value)
            }
        }
        return events
    }

    /// The end of a line and the beginning of the next; nil if the line is not complete. A carriage return that is the
    /// last byte may be half of a line end.
    private static func lineEnd(_ bytes: [UInt8], _ start: Int) -> (end: Int, next: Int)? {
        var index = start
        while index < bytes.count {
            if bytes[index] == 10 { return (index, index + 1) }
            if bytes[index] == 13 {
                guard index + 1 < bytes.count else { return nil }
                return (index, bytes[index + 1] == 10 ? index + 2 : index + 1)
            }
            index += 1
        }
        return nil
    }
}

/// Looks through a reply while it comes in, for the response with one id; hears of what the server asks meanwhile.
final class ResponseWatcher: Sendable {
    private struct State {
        var position = 0
        var response: JSONObject?
    }

    private let state = Mutex(State())
    private let id: Int
    /// Called with each request of the server (`ping`, sampling, …).
    private let asked: @Sendable (JSONObject) -> Void

    init(id: Int, asked: @escaping @Sendable (JSONObject) -> Void) {
        self.id = id
        self.asked = asked
    }

    /// - Returns: whether the response has come.
    func look(at body: [UInt8], headers: [String: String]) -> Bool {
        guard Self.isEventStream(headers) else { return false }
        var questions: [JSONObject] = []
        let isThere = state.withLock { state in
            for event in EventStream.events(in: body, from: &state.position) {
                for message in Self.messages(event) { sort(message, &state, &questions) }
            }
            return state.response != nil
        }
        for question in questions { asked(question) }
        return isThere
    }

    /// The response of a whole reply; nil if there is none with the id.
    func response(in reply: ServiceReply) -> JSONObject? {
        if Self.isEventStream(reply.headers) {
            // A stream may end without the blank line.
            _ = look(at: reply.body + [10, 10], headers: reply.headers)
        } else {
            var questions: [JSONObject] = []
            state.withLock { state in
                for message in Self.messages(reply.body) { sort(message, &state, &questions) }
            }
        }
        return state.withLock { $0.response }
    }

    private func sort(_ message: JSONObject, _ state: inout State, _ questions: inout [JSONObject]) {
        if message["method"] != nil {
            if message["id"] != nil { questions.append(message) }
        } else if message["id"]?.number == Double(id) {
            state.response = message
        }
    }

    /// One message, or the messages of a batch.
    private static func messages(_ bytes: [UInt8]) -> [JSONObject] {
        switch JSONValue.reply(bytes) {
        case .object(let message)?: [message]
        case .array(let batch)?: batch.compactMap { if case .object(let message) = $0 { message } else { nil } }
        default: []
        }
    }

    private static func isEventStream(_ headers: [String: String]) -> Bool {
        headers["Content-Type"]?.lowercased().hasPrefix("text/event-stream") == true
    }
}
