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
        let systemPrompt: String?
        let provider: String
        let contextTokens: Int
        let retries: Int
        let connectTimeout: Duration
        let silenceTimeout: Duration
        let replyTimeout: Duration
    }

    init(_ configuration: Configuration) {
        if configuration.text("llm.responder") == "openai", let name = configuration.optionalText("llm.model") {
            model = Model(
                baseURL: configuration.text("llm.base-url"), name: name,
                apiKey: configuration.optionalText("llm.api-key"),
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
