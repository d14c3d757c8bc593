/// Settings of the aivo surface, and of what its environment decides.
extension Setting {
    static let aivo: [Setting] = [
        Setting(
            "aivo.environment", .text, default: "development", also: originals("ENVIRONMENT"),
            "What `/health` of aivo names as its environment; `production` turns the documentation off."),
        Setting(
            "aivo.jwt-algorithm", .choice(["hs256", "rs256", "es256"]), default: "hs256",
            also: originals("JWT_ALGORITHM"),
            "How tokens of aivo are signed; `rs256` and `es256` need one of the two key files."),
        Setting(
            "aivo.jwt-public-key-file", .path, default: nil, also: originals("JWT_PUBLIC_KEY_FILE"),
            "Public key of the tokens, PEM."),
        Setting(
            "aivo.jwt-jwks-file", .path, default: nil, also: originals("JWT_JWKS_FILE"),
            "Public keys of the tokens, a JSON Web Key Set."),
        Setting("aivo.jwt-issuer", .text, default: nil, "The `iss` that tokens must carry; any if not set."),
        Setting("aivo.jwt-audience", .text, default: nil, "The `aud` that tokens must carry; any if not set."),
        Setting(
            "aivo.rate-limiting", .boolean, default: "true", also: originals("ENABLE_RATE_LIMITING"),
            "Whether the requests of an address are limited."),
        Setting(
            "aivo.rate-limit", .integer(1...1_000_000), default: "60",
            also: originals("RATE_LIMIT_REQUESTS_PER_MINUTE"),
            "Requests that an address may make in any minute."),
        Setting(
            "aivo.cors-origins", .list(.text), default: "*", also: originals("CORS_ORIGINS", notation: .jsonList),
            "Origins that browsers may call from; `*` is every one."),
        Setting(
            "aivo.max-messages", .integer(0...1_000_000_000), default: "1000",
            also: originals("MAX_MESSAGES_PER_THREAD"),
            "Messages that a thread may have; 0 is no limit."),
        Setting(
            "aivo.trust-sender-type", .boolean, default: "true",
            "Store `sender_type` as declared; `false` refuses one that is not the token's role, unless an admin's."),
        Setting(
            "aivo.privacy-enabled", .boolean, default: "true", also: originals("PRIVACY_ENABLED"),
            "What `/` of aivo says of privacy; exports, erasures and holds are there in any case."),
        Setting(
            "http.docs", .choice(["on", "off"]), default: "on",
            when: ConditionalDefault(
                condition: SettingCondition(key: "aivo.environment", text: "production"), text: "off"),
            "Whether `/docs` and `/openapi.json` are served."),
    ]

    /// The original's variable, with and without its prefix; the one with it wins.
    static func originals(_ name: String, notation: OriginalName.Notation = .same) -> [OriginalName] {
        [OriginalName("CHAT_\(name)", notation: notation), OriginalName(name, notation: notation)]
    }
}
