internal import ChatEngine
internal import HTTPTransport
package import LogStore
internal import Synchronization

/// Where webhooks go.
package struct WebhookConfiguration: Sendable {
    /// http or https.
    package var url: String
    package var secret: [UInt8]
    /// Events in one request at most.
    package var batchEvents = 100

    package init(url: String, secret: [UInt8]) {
        self.url = url
        self.secret = secret
    }
}

/// Sends a request and tells how it was answered; a seam for tests.
package protocol WebhookTransport: AnyObject, Sendable {
    /// `completion` is called once, from any thread, unless `cancel` or `shutDown` came before.
    func post(
        _ url: String, headers: [String], body: [UInt8], completion: @escaping @Sendable (WebhookReply) -> Void)
    /// Gives up what is under way.
    func cancel()
    /// Ends it; call once.
    func shutDown()
}

package enum WebhookReply: Hashable, Sendable {
    case answered(status: Int, retryAfterSeconds: Int)
    /// No answer; in the library's words.
    case failed(String)
}

/// Events to a URL, by POST: one request at a time, with a few events each, in order.
///
/// A request is `{"events":[envelope, …]}`. Its header `X-Chat-Signature` is `t=<seconds>,v1=<hex>`: HMAC-SHA256 with the
/// secret over the seconds, a dot and the body; each attempt is signed anew. 2xx confirms all events of a request; 410
/// says that nobody wants them; 413 halves the requests, down to one event, which then goes without its content. Anything
/// else is tried again.
package final class WebhookSink: EventSink {
    private let configuration: WebhookConfiguration
    private let transport: any WebhookTransport
    private let clock: any Clock
    private let batchEvents: Mutex<Int>

    private static let requestBytes = 1 << 20

    package init(_ configuration: WebhookConfiguration, transport: any WebhookTransport, clock: any Clock) {
        self.configuration = configuration
        self.transport = transport
        self.clock = clock
        batchEvents = Mutex(configuration.batchEvents)
    }

    package var window: DeliveryWindow {
        DeliveryWindow(events: batchEvents.withLock { $0 }, bytes: Self.requestBytes, isOneAtATime: true)
    }

    package func send(_ events: [OutgoingEvent], report: @escaping @Sendable (DeliveryReport) -> Void) {
        var body = Array(#"{"events":["#.utf8)
        for (index, outgoing) in events.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            body += outgoing.event.envelope
        }
        body += Array("]}".utf8)
        let seconds = clock.now().milliseconds / 1000
        let headers = [
            "Content-Type: application/json", "User-Agent: chat-server",
            "X-Chat-Signature: \(Self.signature(body, at: seconds, secret: configuration.secret))",
        ]
        let numbers = events.map(\.number)
        transport.post(configuration.url, headers: headers, body: body) { [weak self] reply in
            self?.answered(reply, numbers, report)
        }
    }

    /// `t=<seconds>,v1=<hex>`.
    package static func signature(_ body: [UInt8], at seconds: Int64, secret: [UInt8]) -> String {
        let digest = Cryptography.hmacSHA256(key: secret, Array("\(seconds).".utf8) + body)
        let hex = digest.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }
        return "t=\(seconds),v1=\(hex.joined())"
    }

    private func answered(
        _ reply: WebhookReply, _ numbers: [UInt64], _ report: @Sendable (DeliveryReport) -> Void
    ) {
        switch reply {
        case .answered(200..<300, _):
            batchEvents.withLock { $0 = min(configuration.batchEvents, $0 * 2) }
            for number in numbers { report(.delivered(number)) }
        case .answered(410, _):
            report(.failed(DeliveryFailure(.unwanted, "it answered 410")))
        case .answered(413, _):
            guard numbers.count > 1 else {
                return report(.failed(DeliveryFailure(.tooLarge(numbers[0]), "it answered 413")))
            }
            batchEvents.withLock { $0 = max(1, numbers.count / 2) }
            report(.failed(DeliveryFailure(.retry, "it answered 413")))
        case .answered(let status, let seconds):
            report(
                .failed(DeliveryFailure(seconds > 0 ? .retryAfter(seconds: seconds) : .retry, "it answered \(status)")))
        case .failed(let reason): report(.failed(DeliveryFailure(.retry, reason)))
        }
    }

    package func reset() { transport.cancel() }

    package func close() {
        transport.cancel()
        transport.shutDown()
    }
}
