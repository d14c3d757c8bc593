package import LogStore

/// Something that happened in an aivo tenant, ready to be told to others.
package struct DomainEvent: Sendable {
    /// What the change carried.
    package enum Content: Sendable {
        case none
        case thread(SessionState)
        case message(Message)
        /// It is not told any more.
        case withheld(Withholding)
    }

    /// Why content is not told.
    package enum Withholding: String, Sendable {
        /// The learner's data has been erased since.
        case erased
        /// The receiver takes no event of this size.
        case tooLarge = "too_large"
    }

    /// The batch that it is from, its place among the batch's events, and whether it is the last of them.
    package var lsn: LSN
    package var index: Int
    package var isLastOfBatch: Bool
    package var time: Timestamp
    package var note: EventNote
    package var content: Content

    /// The same in every delivery of the event, and no other's: the time tells apart batches of the same LSN before and
    /// after a restore to an earlier state.
    package var id: String { "evt_\(lsn)_\(index)_\(String(time.microseconds, radix: 36))" }

    /// Events of one key arrive in their order.
    package var key: String { "\(note.tenant):\(note.learner)" }

    /// About the bytes of its envelope.
    package var approximateBytes: Int {
        switch content {
        case .none, .withheld: 600
        case .thread(let state):
            600 + (state.title?.bytes.count ?? 0) + (state.description?.bytes.count ?? 0)
                + (state.metadata?.bytes.count ?? 0)
        case .message(let message): 700 + message.content.bytes.count + (message.metadata?.bytes.count ?? 0)
        }
    }

    /// The same event without what the change carried.
    package func withheld(_ reason: Withholding) -> DomainEvent {
        guard !isWithoutContent else { return self }
        var event = self
        event.content = .withheld(reason)
        return event
    }

    package var isWithoutContent: Bool {
        switch content {
        case .none, .withheld: true
        case .thread, .message: false
        }
    }
}

// MARK: Envelope (docs/events.md)

extension DomainEvent {
    private static let service = "chat-svc"
    private static let version = "1.0.0"

    /// The event as consumers get it: one JSON object, without a line break.
    package var envelope: [UInt8] {
        var out = JSONObjectWriter(reserving: approximateBytes)
        out.member("event_id", id)
        out.member("event_type", note.kind.name)
        out.member("tenant_id", note.tenant)
        out.member("learner_id", note.learner)
        var stamp: [UInt8] = []
        stamp.append(isoMicroseconds: time)
        out.member("timestamp", String(decoding: stamp, as: UTF8.self))
        out.member("service", Self.service)
        out.member("version", Self.version)
        out.raw("tenant_isolated", Array("true".utf8)[...])
        out.raw("data", data[...])
        return out.finished
    }

    private var data: [UInt8] {
        var out = JSONObjectWriter(reserving: approximateBytes)
        switch note.kind {
        case .threadCreated, .threadUpdated:
            out.member("thread_id", note.thread)
            thread(&out)
            out.member(note.kind == .threadCreated ? "created_by" : "updated_by", note.actor)
        case .threadDeleted:
            out.member("thread_id", note.thread)
            out.member("deleted_by", note.actor)
        case .messageCreated, .messageUpdated:
            out.member("message_id", note.message?.string)
            out.member("thread_id", note.thread)
            message(&out)
            if note.kind == .messageUpdated { out.member("updated_by", note.actor) }
        case .messageDeleted:
            out.member("message_id", note.message?.string)
            out.member("thread_id", note.thread)
            out.member("deleted_by", note.actor)
        case .exportRequested: request("export", &out)
        case .deletionRequested: request("deletion", &out)
        }
        if case .withheld(let reason) = content { out.member("content_withheld", reason.rawValue) }
        return out.finished
    }

    private func thread(_ out: inout JSONObjectWriter) {
        let state: SessionState? = if case .thread(let state) = content { state } else { nil }
        out.member("title", state?.title)
        out.member("description", state?.description)
        out.raw("metadata", state.map { ($0.metadata ?? .emptyObject).bytes })
    }

    private func message(_ out: inout JSONObjectWriter) {
        let message: Message? = if case .message(let message) = content { message } else { nil }
        out.member("sender_id", message?.senderID)
        out.member("sender_type", message?.senderType.map { "\($0)" })
        out.member("content", message?.content)
        out.member("message_type", message.map { $0.type ?? "text" })
        out.raw("metadata", message.map { ($0.metadata ?? .emptyObject).bytes })
    }

    private func request(_ what: String, _ out: inout JSONObjectWriter) {
        out.member("\(what)_id", note.request)
        out.member("requested_by", note.actor)
        out.member("\(what)_type", note.requestType)
    }
}

/// Writes the members of one JSON object.
private struct JSONObjectWriter {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    init(reserving capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func member(_ name: String, _ text: String?) {
        begin(name)
        if let text { bytes.append(jsonString: text) } else { bytes.append(contentsOf: "null".utf8) }
    }

    mutating func member(_ name: String, _ text: UTF8Text?) {
        begin(name)
        if let text { bytes.append(jsonString: text.bytes) } else { bytes.append(contentsOf: "null".utf8) }
    }

    /// - Parameter json: one JSON value; nil: null. Line breaks and tabs can only be between its tokens: they go.
    mutating func raw(_ name: String, _ json: ArraySlice<UInt8>?) {
        begin(name)
        if let json {
            bytes.append(contentsOf: json.lazy.filter { $0 >= 0x20 })
        } else {
            bytes.append(contentsOf: "null".utf8)
        }
    }

    private mutating func begin(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(jsonString: name)
        bytes.append(UInt8(ascii: ":"))
    }

    var finished: [UInt8] { bytes + [UInt8(ascii: "}")] }
}
