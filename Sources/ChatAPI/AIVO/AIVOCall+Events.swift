internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// The tenant's changes, for admins: a page at a time, or as a stream of server-sent events.
extension AIVOCall {
    func listEvents(_ member: AIVOMember) throws(AIVOReply) {
        guard member.isAdmin else { throw .adminRequired }
        let given = input.optionalInteger("after").map { LSN(UInt64($0)) }
        guard request.headers.hasToken("text/event-stream", in: "Accept") else {
            return page(after: given, limit: input.integer("limit"), member)
        }
        let last = request.headers["Last-Event-ID"].flatMap { UInt64($0) }.map { LSN($0) }
        let stream = EventStream(surface: surface, member: member, after: last ?? given ?? engine.eventsEnd)
        guard surface.eventStreams.add(stream) else { throw .tooManyStreams }
        exchange.respond(
            Response(
                status: 200,
                headers: [
                    ("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no"),
                ], body: .stream(stream.body)))
        stream.start()
    }

    /// - Parameter after: nil: from the oldest on that there is.
    private func page(after: LSN?, limit: Int, _ member: AIVOMember) {
        engine.events(after: after ?? .zero, limit: limit, member.access) { result in
            switch result {
            case .failure(.gone(let oldest)) where after == nil: page(after: oldest, limit: limit, member)
            case .failure(.gone(let oldest)): answer(.eventsGone(oldest))
            case .failure(.chat(let error)): answer(error)
            case .success(let page):
                let size = page.events.reduce(64) { $0 + $1.approximateBytes }
                answer(
                    AIVOReply(200, reserving: size) { out in
                        out.append(key: #"{"events":["#)
                        for (index, event) in page.events.enumerated() {
                            if index > 0 { out.append(UInt8(ascii: ",")) }
                            out.append(contentsOf: event.envelope)
                        }
                        out.append(key: #"],"next":"#)
                        out.append(decimal: Int64(page.next.rawValue))
                        out.append(key: page.isAtEnd ? #","is_at_end":true}"# : #","is_at_end":false}"#)
                    })
            }
        }
    }
}
