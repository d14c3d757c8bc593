/// A request to another server.
package struct UpstreamRequest: Sendable {
    /// http or https.
    package var url: String
    /// `Name: value`.
    package var headers: [String]
    /// Sent by POST.
    package var body: [UInt8]
    package var connectMilliseconds = 5000
    /// How long nothing may come, before the reply or within it.
    package var silenceSeconds = 60
    package var totalSeconds = 600
    /// PEM file of the authorities that may have signed the server's certificate; nil: the system's.
    package var authorities: String?
    /// Connects to public addresses only, whatever the URL's name leads to, and through no proxy.
    package var refusesPrivateAddresses = false
    /// The header fields of the reply that the delegate wants to know.
    package var replyHeaders: [String] = []

    package init(url: String, headers: [String], body: [UInt8]) {
        self.url = url
        self.headers = headers
        self.body = body
    }
}

/// How a reply ended that came to its end.
package struct UpstreamReply: Hashable, Sendable {
    package var status: Int
    /// What Retry-After asks for; 0 if it is absent.
    package var retryAfterSeconds: Int
}

/// Why there is no whole reply, in the library's words; they hold no header of the request.
package struct UpstreamFailure: Error, Hashable, Sendable {
    package var message: String
}

/// Hears of a transfer. Called on the client's one thread; must not block.
package protocol UpstreamDelegate: AnyObject, Sendable {
    /// The reply has begun: its status and the fields asked for, those that it has. Before anything else but a failure.
    func began(status: Int, headers: [String: String])
    /// Some of the body.
    func received(_ bytes: [UInt8], status: Int)
    /// Called once, unless the transfer was cancelled before.
    func ended(_ result: Result<UpstreamReply, UpstreamFailure>)
}

extension UpstreamDelegate {
    package func began(status: Int, headers: [String: String]) {}
}
