internal import Synchronization
package import Upstream

/// Webhooks by libcurl.
package final class UpstreamWebhookTransport: WebhookTransport {
    private let client: HTTPClient
    private let allowsPrivateAddresses: Bool
    private let timeoutSeconds: Int
    private let transfer = Mutex<UpstreamTransfer?>(nil)

    /// - Parameter allowsPrivateAddresses: whether the URL may lead to this machine or its network.
    package init(client: HTTPClient, allowsPrivateAddresses: Bool, timeoutSeconds: Int) {
        self.client = client
        self.allowsPrivateAddresses = allowsPrivateAddresses
        self.timeoutSeconds = timeoutSeconds
    }

    package func post(
        _ url: String, headers: [String], body: [UInt8], completion: @escaping @Sendable (WebhookReply) -> Void
    ) {
        var request = UpstreamRequest(url: url, headers: headers, body: body)
        request.totalSeconds = timeoutSeconds
        request.silenceSeconds = timeoutSeconds
        request.refusesPrivateAddresses = !allowsPrivateAddresses
        let started = client.start(request, delegate: Delegate(completion))
        transfer.withLock { $0 = started }
    }

    package func cancel() { transfer.withLock { $0.take() }?.cancel() }

    package func shutDown() { client.shutDown() }

    private final class Delegate: UpstreamDelegate {
        private let completion: @Sendable (WebhookReply) -> Void

        init(_ completion: @escaping @Sendable (WebhookReply) -> Void) { self.completion = completion }

        /// What a receiver says beside its status is of no interest.
        func received(_ bytes: [UInt8], status: Int) {}

        func ended(_ result: Result<UpstreamReply, UpstreamFailure>) {
            switch result {
            case .success(let reply):
                completion(.answered(status: reply.status, retryAfterSeconds: reply.retryAfterSeconds))
            case .failure(let failure): completion(.failed(failure.message))
            }
        }
    }
}
