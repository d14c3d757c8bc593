extension Setting {
    static let poc: [Setting] = pocIdentity + pocSessions + pocLimits + pocAgents

    private static let pocIdentity: [Setting] = [
        Setting(
            "poc.auth", .choice(["on", "off"]), default: "on",
            "`on` asks `/api` for tokens and shows users the own sessions only; `off` trusts the callers. Sockets always "
                + "need a token."),
        Setting(
            "poc.insecure-tokens", .boolean, default: "false", also: ["ALLOW_INSECURE_AUTH"],
            "`/auth/token` gives a token to anybody, for any user: for development."),
        Setting(
            "poc.jwt-expiry", .duration(.seconds(1)...(.seconds(86_400 * 365))), default: "24h", also: ["JWT_EXPIRY"],
            "How long a token is good."),
        Setting(
            "poc.allowed-origins", .list(.origin),
            default: "http://localhost:3000,http://localhost:3001,http://localhost:8080,http://localhost:8081",
            also: ["ALLOWED_ORIGINS"], "Origins that browsers may call from."),
        Setting(
            "poc.service-version", .text, default: "1.0.0", also: ["SERVICE_VERSION"],
            "What replies name as the service's version."),
        Setting(
            "poc.environment", .text, default: "development", also: ["NODE_ENV"],
            "What `/health` of poc names as its environment."),
    ]

    private static let pocSessions: [Setting] = [
        Setting(
            "poc.session-ttl", .duration(.seconds(1)...(.seconds(86_400 * 365))), default: "1h",
            also: [OriginalName("SESSION_TTL", notation: .milliseconds)],
            "A session without activity expires after this time."),
        Setting(
            "poc.session-cleanup-interval", .duration(.seconds(1)...(.seconds(86_400))), default: "5m",
            also: [OriginalName("SESSION_CLEANUP_INTERVAL", notation: .milliseconds)],
            "How often sessions that have expired are ended, and their sockets told."),
        Setting(
            "poc.max-sessions-per-user", .integer(0...1_000_000), default: "5", also: ["MAX_SESSIONS_PER_USER"],
            "Live sessions of a user; the oldest of more end. 0 is no limit."),
    ]

    private static let pocLimits: [Setting] = [
        Setting(
            "poc.max-body-bytes", .bytes(1024...(1 << 30)), default: "10MiB",
            also: [OriginalName("MAX_FILE_SIZE", notation: .nodeBytes)],
            "Largest request body; where poc listens it counts instead of a smaller `http.max-body-bytes`."),
        Setting(
            "poc.max-message-length", .integer(1...1_000_000), default: "2000", also: ["MAX_MESSAGE_LENGTH"],
            "UTF-16 units of a message that comes over a socket."),
        Setting(
            "poc.message-rate-limit", .integer(0...1_000_000), default: "60",
            also: ["MESSAGE_RATE_LIMIT_MAX", "MESSAGE_RATE_LIMIT"],
            "Messages of a session in one window, over REST and sockets together; 0 is no limit."),
        Setting(
            "poc.message-rate-window", .duration(.seconds(1)...(.seconds(86_400))), default: "60s",
            also: [OriginalName("MESSAGE_RATE_LIMIT_WINDOW", notation: .milliseconds)], "Length of that window."),
        Setting(
            "poc.rate-limit", .integer(0...1_000_000_000), default: "300", also: ["RATE_LIMIT_MAX_REQUESTS"],
            "Requests below `/api` that an address may make in one window; 0 is no limit."),
        Setting(
            "poc.rate-window", .duration(.seconds(1)...(.seconds(86_400 * 30))), default: "15m",
            also: [OriginalName("RATE_LIMIT_WINDOW_MS", notation: .milliseconds)], "Length of that window."),
        Setting(
            "poc.auth-rate-limit", .integer(0...1_000_000_000), default: "10",
            "Requests below `/auth` that an address may make in 15 minutes; 0 is no limit."),
        Setting(
            "poc.ping-interval", .duration(.seconds(1)...(.seconds(3600))), default: "25s",
            also: [OriginalName("WS_PING_INTERVAL", notation: .milliseconds)], "Between two pings of a socket."),
        Setting(
            "poc.ping-timeout", .duration(.milliseconds(100)...(.seconds(3600))), default: "5s",
            also: [OriginalName("WS_PING_TIMEOUT", notation: .milliseconds)],
            "A socket that does not answer a ping for so long is closed."),
    ]

    private static let pocAgents: [Setting] = [
        Setting(
            "poc.banking-url", .text, default: nil, also: ["BANKING_SERVICE_URL"],
            "Base URL of a banking agent; without it the built-in one answers. So for the next three."),
        Setting("poc.nlp-url", .text, default: nil, also: ["NLP_SERVICE_URL"], "Base URL of an nlp agent."),
        Setting("poc.nlu-url", .text, default: nil, also: ["NLU_SERVICE_URL"], "Base URL of an nlu agent."),
        Setting(
            "poc.mcp-url", .text, default: nil, also: ["MCP_SERVICE_URL"],
            "A Model Context Protocol server if it ends in `/mcp`, else the base URL of an agent."),
        Setting(
            "poc.gateway-url", .text, default: nil, also: ["API_GATEWAY_URL"], "Shown by `GET /api`; nothing asks it."),
        Setting(
            "poc.agent-timeout", .duration(.milliseconds(1)...(.seconds(3600))), default: "30s",
            also: [OriginalName("AGENT_RESPONSE_TIMEOUT", notation: .milliseconds)],
            "How long one try of an HTTP agent may take; all agents of a message have 5 s together."),
        Setting(
            "poc.agent-retries", .integer(0...10), default: "1", also: ["AGENT_RETRY_ATTEMPTS"],
            "Tries of an HTTP agent after the first."),
        Setting(
            "poc.human-escalation", .boolean, default: "false", also: ["AGENT_FALLBACK_ENABLED"],
            "Whether the agent that hands over to people is active."),
        Setting(
            "poc.default-agent", .text, default: "banking-assistant", also: ["DEFAULT_AGENT"],
            "The agent that answers what no other was chosen for."),
        Setting(
            "poc.nlu-fallback", .boolean, default: "true", also: ["NLU_FALLBACK_ENABLED"],
            "Whether keywords stand in for an nlu agent that does not answer."),
    ]
}
