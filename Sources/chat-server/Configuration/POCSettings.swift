/// What the poc surface is told, read once from the configuration.
struct POCSettings: Sendable {
    let enforcesAuthentication: Bool
    let issuesInsecureTokens: Bool
    /// nil: the server's own.
    let secret: String?
    let tokenLifetime: Duration
    let allowedOrigins: [String]
    let serviceVersion: String
    let environment: String
    let sessionLifetime: Duration
    let sweepInterval: Duration
    let sessionsPerUser: Int
    let bodyBytes: Int
    let messageUnits: Int
    let messageRate: Int
    let messageWindow: Duration
    let rate: Int
    let rateWindow: Duration
    let authRate: Int
    let pingInterval: Duration
    let pingTimeout: Duration
    /// Base URLs; nil: built in.
    let bankingURL: String?
    let nlpURL: String?
    let nluURL: String?
    let mcpURL: String?
    let gatewayURL: String?
    let agentTimeout: Duration
    let agentRetries: Int
    let escalatesToHumans: Bool
    let defaultAgent: String
    let fallsBackToKeywords: Bool

    init(_ configuration: Configuration) {
        enforcesAuthentication = configuration.text("poc.auth") == "on"
        issuesInsecureTokens = configuration.boolean("poc.insecure-tokens")
        secret = configuration.optionalText("poc.jwt-secret")
        tokenLifetime = configuration.duration("poc.jwt-expiry")
        allowedOrigins = configuration.list("poc.allowed-origins")
        serviceVersion = configuration.text("poc.service-version")
        environment = configuration.text("poc.environment")
        sessionLifetime = configuration.duration("poc.session-ttl")
        sweepInterval = configuration.duration("poc.session-cleanup-interval")
        sessionsPerUser = configuration.integer("poc.max-sessions-per-user")
        bodyBytes = configuration.integer("poc.max-body-bytes")
        messageUnits = configuration.integer("poc.max-message-length")
        messageRate = configuration.integer("poc.message-rate-limit")
        messageWindow = configuration.duration("poc.message-rate-window")
        rate = configuration.integer("poc.rate-limit")
        rateWindow = configuration.duration("poc.rate-window")
        authRate = configuration.integer("poc.auth-rate-limit")
        pingInterval = configuration.duration("poc.ping-interval")
        pingTimeout = configuration.duration("poc.ping-timeout")
        bankingURL = configuration.optionalText("poc.banking-url")
        nlpURL = configuration.optionalText("poc.nlp-url")
        nluURL = configuration.optionalText("poc.nlu-url")
        mcpURL = configuration.optionalText("poc.mcp-url")
        gatewayURL = configuration.optionalText("poc.gateway-url")
        agentTimeout = configuration.duration("poc.agent-timeout")
        agentRetries = configuration.integer("poc.agent-retries")
        escalatesToHumans = configuration.boolean("poc.human-escalation")
        defaultAgent = configuration.text("poc.default-agent")
        fallsBackToKeywords = configuration.boolean("poc.nlu-fallback")
    }

    /// The token's lifetime in hours, minutes or seconds: `24h`.
    var tokenLifetimeText: String {
        let seconds = tokenLifetime.components.seconds
        if seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
    }
}
