package import HTTPTransport

/// How the orion surface is set up. The defaults are those of its version 1.0.
package struct OrionConfiguration: Sendable {
    /// Tokens of the hardened version (P1).
    package struct Tokens: Sendable {
        /// Key of HMAC-SHA-256; not empty.
        package var secret: [UInt8]
        package var issuer: String
        package var audience: String
        /// Subjects that are let in, compared in lower case; empty lets every subject in.
        package var subjects: [String]

        package init(
            secret: [UInt8], issuer: String = "https://www.sidekickportal.com", audience: String = "orion-core",
            subjects: [String] = []
        ) {
            precondition(!secret.isEmpty)
            self.secret = secret
            self.issuer = issuer
            self.audience = audience
            self.subjects = subjects.map { $0.lowercased() }
        }
    }

    /// nil: the surface trusts its callers.
    package var tokens: Tokens?
    /// Requests of one address a window; 0 = no limit.
    package var rateLimit = 200
    package var rateWindowSeconds = 900
    package var allowedOrigins = [
        "http://localhost:3000", "http://localhost:3005", "https://www.sidekickportal.com",
        "https://sidekickportal.com",
    ]
    /// Each has one `*`, which stands for any text.
    package var originPatterns = [
        "https://*.vercel.app", "https://*.trycloudflare.com", "https://*.ngrok.io", "https://*.sidekickportal.com",
    ]
    /// Proxies whose X-Forwarded-For is believed.
    package var trustedProxies: [AddressBlock] = []
    /// Bytes of a decoded request body.
    package var bodyBytes = 1 << 20
    /// Sessions on a page of a list; a larger `limit` is cut to it.
    package var pageLimit = 1000
    /// Message lists up to this size have a length and an ETag; longer ones are streamed in pages.
    package var bufferedListBytes = 1 << 20
    /// What `/health` names as the database.
    package var database = "logstore://"
    /// Told what clients are not: why the store refused.
    package var report: @Sendable (String) -> Void = { _ in }

    package init() {}

    /// The defaults of the hardened version: 100 requests a window, and only origins that are listed.
    package static func hardened(_ tokens: Tokens) -> OrionConfiguration {
        var configuration = OrionConfiguration()
        configuration.tokens = tokens
        configuration.rateLimit = 100
        configuration.allowedOrigins = [
            "https://www.sidekickportal.com", "https://sidekickportal.com", "http://localhost:3000",
            "http://localhost:3005",
        ]
        configuration.originPatterns = []
        return configuration
    }
}

/// Limits that the original's database columns set.
enum OrionLimits {
    /// Characters of a user id: `varchar(255)`.
    static let userIDCharacters = 255
    static let defaultPage = 100
}
