internal import ChatEngine

/// How the aivo surface is set up. The defaults are the contract's.
package struct AIVOConfiguration: Sendable {
    /// Checks tokens.
    package var verifier: TokenVerifier
    /// Issuer and audience, where they are to be checked.
    package var rules = TokenClaims.Rules()
    /// What `/health` and `/` name; `production` hides the documentation.
    package var environment = "development"
    /// Whether `/docs` is served.
    package var servesDocumentation = true
    /// `chat-svc-<host>-<process>-<8 hexadecimal digits>`.
    package var instance = "chat-svc-unknown-0-00000000"
    /// Requests of an address in any minute; 0 is no limit.
    package var requestsPerMinute = 60
    /// nil: every origin.
    package var allowedOrigins: [String]?
    /// Messages of a thread; 0 is no limit.
    package var maximumMessages = 1000
    /// Days that messages are kept, for show; 0 is for ever. The store's retention enforces it.
    package var retentionDays = 365
    /// What `/` says of privacy; its endpoints are there in any case.
    package var announcesPrivacy = true
    /// `sender_type` is stored as declared, not held against the token's role.
    package var trustsSenderType = true
    /// Clients that may hear of changes at once.
    package var maximumEventStreams = 100
    /// Bytes of a decoded request body.
    package var bodyBytes = 1 << 20
    package var log: @Sendable (ServiceEvent) -> Void = { _ in }

    package init(verifier: TokenVerifier) { self.verifier = verifier }
}

/// Limits of the contract.
enum AIVOLimits {
    /// Unicode scalars of a learner's or tenant's id.
    static let idCharacters = 255
    static let titleCharacters = 255
    static let threads = 1...100
    static let defaultThreads = 20
    static let messages = 1...200
    static let defaultMessages = 50
    static let logEntries = 1...200
    static let defaultLogEntries = 50
    static let events = 1...1000
    static let defaultEvents = 100
}
