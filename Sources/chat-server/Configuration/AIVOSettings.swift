/// What the aivo surface is told, read once from the configuration.
struct AIVOSettings: Sendable {
    enum Keys: Sendable {
        /// nil: derived from the server's own.
        case secret(String?)
        case publicKey(algorithm: String, path: String)
        case keySet(algorithm: String, path: String)
    }

    let keys: Keys
    let issuer: String?
    let audience: String?
    let environment: String
    /// 0: no limit.
    let requestsPerMinute: Int
    /// nil: every origin.
    let allowedOrigins: [String]?
    let maximumMessages: Int
    let trustsSenderType: Bool
    let announcesPrivacy: Bool
    let retentionDays: Int

    init(_ configuration: Configuration) {
        let algorithm = configuration.text("aivo.jwt-algorithm").asciiUppercased
        if let path = configuration.optionalText("aivo.jwt-public-key-file") {
            keys = .publicKey(algorithm: algorithm, path: path)
        } else if let path = configuration.optionalText("aivo.jwt-jwks-file") {
            keys = .keySet(algorithm: algorithm, path: path)
        } else {
            keys = .secret(configuration.optionalText("aivo.jwt-secret"))
        }
        issuer = configuration.optionalText("aivo.jwt-issuer")
        audience = configuration.optionalText("aivo.jwt-audience")
        environment = configuration.text("aivo.environment")
        requestsPerMinute = configuration.boolean("aivo.rate-limiting") ? configuration.integer("aivo.rate-limit") : 0
        let origins = configuration.list("aivo.cors-origins")
        allowedOrigins = origins.contains("*") ? nil : origins
        maximumMessages = configuration.integer("aivo.max-messages")
        trustsSenderType = configuration.boolean("aivo.trust-sender-type")
        announcesPrivacy = configuration.boolean("aivo.privacy-enabled")
        retentionDays = Int(configuration.duration("retention.aivo").components.seconds / 86_400)
    }
}

extension Configuration {
    /// Settings of aivo that are right one by one and wrong together.
    func aivoContradictions() -> [String] {
        let files = ["aivo.jwt-public-key-file", "aivo.jwt-jwks-file"].filter { optionalText($0) != nil }
        if files.count > 1 { return ["\(files[0]) and \(files[1]) are both set; tokens are checked by one of them"] }
        let algorithm = text("aivo.jwt-algorithm")
        if algorithm == "hs256", let file = files.first {
            return ["\(file) is set and aivo.jwt-algorithm is hs256; set JWT_ALGORITHM to RS256 or ES256"]
        }
        if algorithm != "hs256", files.isEmpty {
            return [
                "aivo.jwt-algorithm is \(algorithm) and no key is configured; set JWT_PUBLIC_KEY_FILE or JWT_JWKS_FILE"
            ]
        }
        return []
    }
}
