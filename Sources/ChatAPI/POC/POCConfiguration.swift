package import HTTPTransport

/// How the poc surface is set up. The defaults are the original's, but for authentication, which it did not enforce.
package struct POCConfiguration: Sendable {
    /// Whether `/api` asks for a token. Sockets always do.
    package var enforcesAuthentication = true
    /// `/auth/token` gives anybody a token for any user: for development.
    package var issuesInsecureTokens = false
    /// Key of HMAC-SHA-256; not empty.
    package var secret: [UInt8]
    package var tokenLifetimeSeconds = 86_400
    /// The same as replies print it.
    package var tokenLifetime = "24h"
    package var allowedOrigins = [3000, 3001, 8080, 8081].map { "http://localhost:\($0)" }
    /// Proxies whose X-Forwarded-For is believed.
    package var trustedProxies: [AddressBlock] = []
    /// Bytes of a decoded request body.
    package var bodyBytes = 10 << 20
    /// UTF-16 units of a message that comes over a socket.
    package var messageUnits = 2000
    /// Messages of a session a window, over REST and sockets together; 0 = no limit.
    package var messageRate = 60
    package var messageWindowSeconds = 60
    /// Requests of an address below `/api` a window; 0 = no limit.
    package var apiRate = 300
    package var apiWindowSeconds = 900
    /// Requests of an address below `/auth` in 15 minutes; 0 = no limit.
    package var authRate = 10
    package var serviceVersion = "1.0.0"
    package var environment = "development"
    /// The first port that the surface listens on, for `/health`.
    package var port = 3006
    package var logLevel = "info"
    /// Of sockets.
    package var pingIntervalMilliseconds = 25_000
    package var pingTimeoutMilliseconds = 5000
    /// Sockets at once.
    package var sockets = 10_000
    /// Threads that agents work on.
    package var agentThreads = 2
    /// Between two looks for sessions that have expired.
    package var sweepMicroseconds: UInt64 = 300_000_000
    /// Services that were configured, as `GET /api` names them: `bankingService` and the like, with their URLs.
    package var services: [(name: String, url: String)] = []
    /// Open connections of the HTTP server.
    package var connections: @Sendable () -> Int = { 0 }
    /// What goes into the log.
    package var log: @Sendable (ServiceEvent) -> Void = { _ in }

    package init(secret: [UInt8]) {
        precondition(!secret.isEmpty)
        self.secret = secret
    }

    static let authWindowSeconds = 900
}

enum POCLimits {
    /// Characters of a user's id: the original's column.
    static let userIDCharacters = 100
    /// Messages of a page of history.
    static let page = 1...100
    static let defaultPage = 50
    /// Messages that come with a session in lists.
    static let recentMessages = 3
    /// Rows of a list of sessions.
    static let sessions = 100
    static let defaultSessions = 10
    /// A token that expired no longer ago is renewed.
    static let refreshGraceSeconds = 7.0 * 86_400
    /// A user who types is taken to have stopped after this time.
    static let typingMicroseconds: UInt64 = 10_000_000
}
