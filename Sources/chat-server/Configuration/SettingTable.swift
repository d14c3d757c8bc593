/// The one table of settings. Only settings that have an effect are here; a condition names a setting further up.
extension Setting {
    static let table: [Setting] =
        http + store + retention + orion + llm + poc + tokens + aivo + events + log + admin

    private static let byKey: [String: Setting] = Dictionary(uniqueKeysWithValues: table.map { ($0.key, $0) })

    static func named(_ key: String) -> Setting? { byKey[key] }

    /// The surfaces that a listener may serve.
    static let surfaceNames = ["orion", "llm", "poc", "aivo"]

    /// Variables of the original services that have nothing to configure here; a line of the log says so.
    static let ignoredVariables = [
        "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_SSL", "DB_POOL_MAX", "DB_POOL_MIN",
        "DB_IDLE_TIMEOUT", "DB_CONNECTION_TIMEOUT", "DB_LOGGING", "DATABASE_URL", "REDIS_URL", "CONVERSATION_TIMEOUT",
        "AUTO_SAVE_INTERVAL", "SESSION_STORAGE_TYPE", "MAX_CONVERSATION_HISTORY", "MAX_CONCURRENT_AGENTS",
        "LOG_MAX_SIZE", "LOG_MAX_FILES", "DEBUG_CHAT_PROCESSING", "NLU_TIMEOUT", "NLU_RETRY_ATTEMPTS",
        "NLU_RETRY_DELAY",
    ]

    private static let withEdgeProfile = SettingCondition(key: "store.profile", text: "edge")
    private static let withJWT = SettingCondition(key: "orion.auth", text: "jwt")

    private static let http: [Setting] = [
        Setting(
            "http.listen", .listeners, default: "127.0.0.1:3002", also: originals("PORT", notation: .loopbackPort),
            "Listeners, `HOST:PORT` or `HOST:PORT=surface,…`; without a list of surfaces a listener serves them all."),
        Setting(
            "http.loops", .integer(0...256), default: "0",
            "Event loops, each with its own thread; 0 is one for each core."),
        Setting(
            "http.max-connections", .integer(1...1_000_000), default: "4096",
            "Open connections over all listeners; more are closed at once."),
        Setting(
            "http.max-body-bytes", .bytes(1024...(1 << 30)), default: "1MiB",
            "Largest request body after decompression; larger ones are answered 413."),
        Setting(
            "http.header-bytes", .bytes(1024...(1 << 20)), default: "16KiB",
            "Largest request line with all headers; larger ones are answered 431."),
        Setting(
            "http.idle-timeout", .duration(.seconds(1)...(.seconds(86_400))), default: "5s",
            "A kept-alive connection without a request is closed after this time."),
        Setting(
            "http.read-timeout", .duration(.seconds(1)...(.seconds(86_400))), default: "60s",
            "A request that has not arrived in full after this time is dropped with its connection."),
        Setting(
            "http.tls-cert", .path, default: nil,
            "Certificate chain, PEM; with `http.tls-key` every listener but the admin one speaks TLS."),
        Setting("http.tls-key", .path, default: nil, "Private key of the certificate, PEM."),
        Setting(
            "http.trust-proxy", .addressBlocks, default: "",
            "Proxies whose X-Forwarded-For is believed, as CIDR blocks or addresses."),
    ]

    private static let store: [Setting] = [
        Setting("store.data-dir", .path, default: nil, "The data directory: everything the server keeps."),
        Setting(
            "store.sync", .choice(["durable", "buffered"]), default: "durable",
            "`durable` answers a write after fdatasync; `buffered` before it: a power cut loses the last writes."),
        Setting(
            "store.profile", .choice(["server", "edge"]), default: "server",
            "`edge` is for small devices: less memory, smaller files."),
        Setting(
            "store.head-bytes", .bytes((1 << 20)...(1 << 34)), default: "64MiB",
            when: ConditionalDefault(condition: withEdgeProfile, text: "8MiB"),
            "Memory for messages that are in the log and not yet in a segment."),
        Setting(
            "store.log-file-bytes", .bytes((1 << 20)...(1 << 32)), default: "64MiB",
            when: ConditionalDefault(condition: withEdgeProfile, text: "8MiB"),
            "Size at which the write-ahead log goes on in a new file."),
        Setting(
            "store.cache-bytes", .bytes(0...(1 << 40)), default: "64MiB",
            when: ConditionalDefault(condition: withEdgeProfile, text: "8MiB"),
            "Memory for blocks read from segments."),
        Setting(
            "store.read-threads", .integer(1...256), default: "4",
            when: ConditionalDefault(condition: withEdgeProfile, text: "2"),
            "Threads that read from the disk on behalf of the event loops."),
        Setting(
            "store.soft-limit-percent", .integer(0...90), default: "5",
            "With less free space than this share of the file system, writes are refused with 507."),
        Setting(
            "store.soft-limit-bytes", .bytes(0...(1 << 50)), default: "2GiB",
            "Upper bound of the space that `store.soft-limit-percent` keeps free."),
        Setting(
            "store.deletion-grace", .duration(.seconds(1)...(.seconds(86_400 * 30))), default: "1h",
            when: ConditionalDefault(condition: withEdgeProfile, text: "10m"),
            "Files that are no longer needed stay this long, so that a running copy of the directory finds them."),
        Setting(
            "store.log-retention", .duration(.zero...(.seconds(86_400 * 400))), default: "0s",
            "Log files stay this long after the next one was begun, for `restore --log-from`; an erasure removes them "
                + "earlier."),
        Setting(
            "store.accept-prefix", .boolean, default: "false",
            "Open a store with a damaged log up to the damage, and give up what came after it."),
        Setting(
            "store.erasure-deadline", .duration(.seconds(1)...(.seconds(86_400 * 365))), default: "7d",
            "An erasure that is not finished after this time is logged as an error, once an hour."),
        Setting(
            "store.scrub-interval", .duration(.zero...(.seconds(86_400 * 365))), default: "14d",
            "Every table is read again this often, to find what has rotted; 0 is never."),
        Setting(
            "store.scrub-bytes-per-second", .bytes((64 << 10)...(1 << 34)), default: "4MiB",
            "How fast the scrub reads at most."),
        Setting(
            "store.compaction-bytes-per-second", .bytes(0...(1 << 34)), default: "64MiB",
            "How fast compaction reads at most; 0 is no limit."),
    ]

    /// One for each surface that is served, and the exceptions.
    private static let retention: [Setting] =
        surfaceNames.map { surface in
            Setting(
                "retention.\(surface)", .duration(.zero...TenantRetention.longest),
                default: surface == "aivo" ? "365d" : "0",
                also: surface == "aivo" ? originals("MESSAGE_RETENTION_DAYS", notation: .days) : [],
                "How long messages of \(surface) are kept; 0 is for ever.")
        } + [
            Setting(
                "retention.tenants", .list(.retention), default: "",
                "Tenants that keep their messages for another time, as `tenant=30d`; 0 is for ever.")
        ]

    private static let orion: [Setting] = [
        Setting(
            "orion.auth", .choice(["off", "jwt"]), default: "off",
            "`jwt` asks every session route for a token signed with `orion.jwt-secret`; `off` trusts the callers."),
        Setting(
            "orion.jwt-secret", .text, default: nil, also: [OriginalName("ORION_SHARED_JWT_SECRET", onlyWhen: withJWT)],
            isSecret: true, "Shared secret of the tokens (HS256)."),
        Setting(
            "orion.jwt-issuer", .text, default: "https://www.sidekickportal.com",
            also: [OriginalName("ORION_SHARED_JWT_ISS", onlyWhen: withJWT)], "The `iss` that tokens must carry."),
        Setting(
            "orion.jwt-audience", .text, default: "orion-core",
            also: [OriginalName("ORION_SHARED_JWT_AUD", onlyWhen: withJWT)], "The `aud` that tokens must carry."),
        Setting(
            "orion.authorized-users", .list(.text), default: "",
            also: [OriginalName("AUTHORIZED_USER_EMAIL", onlyWhen: withJWT)],
            "The `sub` values that are let in, capitals ignored; empty lets every valid token in."),
        Setting(
            "orion.rate-limit", .integer(0...1_000_000_000), default: "200",
            when: ConditionalDefault(condition: withJWT, text: "100"),
            also: [OriginalName("RATE_LIMIT_MAX_REQUESTS", onlyWhen: withJWT)],
            "Requests that an address may make in one window; 0 is no limit."),
        Setting(
            "orion.rate-window", .duration(.seconds(1)...(.seconds(86_400 * 30))), default: "15m",
            "Length of the rate limit's window."),
        Setting(
            "orion.allowed-origins", .list(.origin),
            default:
                "http://localhost:3000,http://localhost:3005,https://www.sidekickportal.com,https://sidekickportal.com",
            also: [OriginalName("ALLOWED_ORIGINS", onlyWhen: withJWT)], "Origins that browsers may call from."),
        Setting(
            "orion.origin-patterns", .list(.originPattern),
            default:
                "https://*.vercel.app,https://*.trycloudflare.com,https://*.ngrok.io,https://*.sidekickportal.com",
            when: ConditionalDefault(condition: withJWT, text: ""),
            "Origins with one `*` for any text; they end where the pattern ends, so there is no port."),
    ]

    private static let log: [Setting] = [
        Setting(
            "log.level", .choice(["debug", "info", "warning", "error"], aliases: ["warn": "warning"]), default: "info",
            also: ["LOG_LEVEL"], "Lowest level that is logged."),
        Setting(
            "log.format", .choice(["auto", "json", "human"]), default: "auto",
            also: [OriginalName("NODE_ENV", notation: .nodeEnvironment)],
            "`auto` is `human` on a terminal and `json` (a line for each event) elsewhere."),
    ]

    private static let admin: [Setting] = [
        Setting(
            "admin.listen", .address, default: nil,
            "Loopback listener for health, metrics and the operator's orders; off unless given.")
    ]
}
