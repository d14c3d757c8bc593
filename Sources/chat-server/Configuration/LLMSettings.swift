/// What the llm surface is told, read once from the configuration.
struct LLMSettings: Sendable {
    let isolatesUsers: Bool
    let autoProvision: Bool
    let bucketSize: Int
    /// Tokens a second.
    let bucketRefill: Int
    let maximumStreams: Int
    let replyBytes: Int
    let environment: String
    /// nil: canned replies.
    let model: Model?

    struct Model: Sendable {
        let baseURL: String
        let name: String
        let apiKey: String?
        let authorities: String?
        let systemPrompt: String?
        let provider: String
        let contextTokens: Int
        let retries: Int
        let connectTimeout: Duration
        let silenceTimeout: Duration
        let replyTimeout: Duration

        /// Whether others on the way could read the key.
        var sendsKeyUnencrypted: Bool {
            guard apiKey != nil, baseURL.lowercased().hasPrefix("http://") else { return false }
            let authority = baseURL.dropFirst("http://".count).prefix { !"/?#".contains($0) }
            let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
            let hasPort = host.last != "]" && host.contains(":")
            let address = try? SocketAddress(parsing: hasPort ? String(host) : "\(host):80")
            return address?.isLoopback != true
        }
    }

    init(_ configuration: Configuration) {
        if configuration.text("llm.responder") == "openai", let name = configuration.optionalText("llm.model") {
            model = Model(
                baseURL: configuration.text("llm.base-url"), name: name,
                apiKey: configuration.optionalText("llm.api-key"),
                authorities: configuration.optionalText("llm.ca-file"),
                systemPrompt: configuration.optionalText("llm.system-prompt"),
                provider: configuration.text("llm.provider"),
                contextTokens: configuration.integer("llm.context-tokens"),
                retries: configuration.integer("llm.retries"),
                connectTimeout: configuration.duration("llm.connect-timeout"),
                silenceTimeout: configuration.duration("llm.silence-timeout"),
                replyTimeout: configuration.duration("llm.reply-timeout"))
        } else {
            model = nil
        }
        isolatesUsers = configuration.text("llm.isolation") == "user"
        autoProvision = configuration.boolean("llm.auto-provision")
        bucketSize = configuration.integer("llm.bucket-size")
        bucketRefill = configuration.integer("llm.bucket-refill")
        maximumStreams = configuration.integer("llm.max-streams")
        replyBytes = configuration.integer("llm.max-reply-bytes")
        environment = configuration.text("llm.environment")
    }
}
