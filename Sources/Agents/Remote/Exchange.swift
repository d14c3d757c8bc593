internal import ChatEngine
internal import Synchronization
internal import Upstream

/// One POST and its whole reply.
struct ServiceReply: Sendable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]
}

/// What goes to a service.
struct ServiceCall: Sendable {
    var url: String
    var headers: [String]
    var body: [UInt8]
    var milliseconds: Int
    var replyBytes: Int
    var replyHeaders: [String] = []
    /// Whether what has come so far is all that is wanted (an event stream may stay open).
    var isComplete: @Sendable (_ headers: [String: String], _ body: [UInt8]) -> Bool = { _, _ in false }
}

/// Sends calls; one for all agents.
struct ServiceClient: Sendable {
    let client: HTTPClient
    let timers: any Timers

    /// Calls `completion` once, on a thread of the client or the timers, unless it is cancelled before.
    func send(
        _ call: ServiceCall, completion: @escaping @Sendable (Result<ServiceReply, AgentFailure>) -> Void
    ) -> Cancellation {
        let exchange = ServiceExchange(call, completion)
        timers.schedule(afterMicroseconds: UInt64(max(call.milliseconds, 1)) * 1000) { [weak exchange] in
            exchange?.end(.failure(AgentFailure(message: "no reply in time")))
        }
        exchange.start(client)
        return Cancellation { exchange.end(nil) }
    }
}

/// Collects a reply within its bounds. It ends once: with the reply, a failure, the time limit or by cancelling.
private final class ServiceExchange: UpstreamDelegate {
    private struct State {
        var transfer: UpstreamTransfer?
        var headers: [String: String] = [:]
        var body: [UInt8] = []
        var isOver = false
    }

    private let call: ServiceCall
    private let completion: @Sendable (Result<ServiceReply, AgentFailure>) -> Void
    private let state = Mutex(State())

    init(_ call: ServiceCall, _ completion: @escaping @Sendable (Result<ServiceReply, AgentFailure>) -> Void) {
        self.call = call
        self.completion = completion
    }

    func start(_ client: HTTPClient) {
        var request = UpstreamRequest(url: call.url, headers: call.headers, body: call.body)
        // Whole seconds, as a second net below the exact timer.
        request.totalSeconds = call.milliseconds / 1000 + 2
        request.connectMilliseconds = call.milliseconds
        request.replyHeaders = call.replyHeaders
        state.withLock { state in
            if !state.isOver { state.transfer = client.start(request, delegate: self) }
        }
    }

    /// - Parameter result: nil says nothing to anybody.
    func end(_ result: Result<ServiceReply, AgentFailure>?) {
        let transfer = state.withLock { state -> UpstreamTransfer?? in
            guard !state.isOver else { return .none }
            state.isOver = true
            return .some(state.transfer)
        }
        guard let transfer else { return }
        transfer?.cancel()
        if let result { completion(result) }
    }

    func began(status: Int, headers: [String: String]) { state.withLock { $0.headers = headers } }

    func received(_ bytes: [UInt8], status: Int) {
        let reply = state.withLock { state in
            state.body += bytes
            return ServiceReply(status: status, headers: state.headers, body: state.body)
        }
        if reply.body.count > call.replyBytes { return end(.failure(AgentFailure(message: "the reply is too long"))) }
        if call.isComplete(reply.headers, reply.body) { end(.success(reply)) }
    }

    func ended(_ result: Result<UpstreamReply, UpstreamFailure>) {
        switch result {
        case .failure(let failure): end(.failure(AgentFailure(message: failure.message)))
        case .success(let reply):
            let (headers, body) = state.withLock { ($0.headers, $0.body) }
            end(.success(ServiceReply(status: reply.status, headers: headers, body: body)))
        }
    }
}

extension JSONValue {
    /// A service's reply, not more deeply nested than any of ours.
    static func reply(_ bytes: [UInt8]) -> JSONValue? {
        do throws(JSONError) {
            return try JSONValue(parsing: UTF8Validation.repaired(bytes), limits: JSONLimits(depth: 32))
        } catch {
            return nil
        }
    }
}
