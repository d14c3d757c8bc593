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

    init(_ configuration: Configuration) {
        isolatesUsers = configuration.text("llm.isolation") == "user"
        autoProvision = configuration.boolean("llm.auto-provision")
        bucketSize = configuration.integer("llm.bucket-size")
        bucketRefill = configuration.integer("llm.bucket-refill")
        maximumStreams = configuration.integer("llm.max-streams")
        replyBytes = configuration.integer("llm.max-reply-bytes")
        environment = configuration.text("llm.environment")
    }
}
