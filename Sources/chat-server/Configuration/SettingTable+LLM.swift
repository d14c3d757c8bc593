extension Setting {
    static let llm: [Setting] = [
        Setting(
            "llm.isolation", .choice(["org", "user"]), default: "org",
            "Whose chats a user reaches: all of the organisation (`org`) or the own ones (`user`)."),
        Setting(
            "llm.auto-provision", .boolean, default: "false",
            "Unknown ids of users and organisations are added when they first come; else they are refused."),
        Setting(
            "llm.bucket-size", .integer(1...1_000_000_000), default: "20",
            "Tokens in an organisation's bucket: requests that it may make at once."),
        Setting(
            "llm.bucket-refill", .integer(1...1_000_000_000), default: "1",
            "Tokens that come back to a bucket in a second."),
        Setting(
            "llm.max-streams", .integer(1...1_000_000), default: "1000",
            "Replies that may be streamed at once; more are answered 503."),
        Setting(
            "llm.max-reply-bytes", .bytes(1024...(16 << 20)), default: "1MiB",
            "Longest reply; a longer one is cut off as failed."),
        Setting(
            "llm.responder", .choice(["canned", "openai"]), default: "canned",
            "Who answers: fixed texts, or a model behind an OpenAI-compatible server."),
        Setting(
            "llm.base-url", .text, default: "http://127.0.0.1:11434/v1",
            "Base URL of that server, ending in `/v1`; the default is where Ollama listens."),
        Setting("llm.model", .text, default: nil, "Name of the model; `openai` needs one."),
        Setting("llm.api-key", .text, default: nil, isSecret: true, "Sent to the server as a bearer token."),
        Setting(
            "llm.ca-file", .path, default: nil,
            "PEM file of the authorities that may have signed that server's certificate; without one the system's."),
        Setting("llm.system-prompt", .text, default: nil, "Put before the messages of every chat."),
        Setting("llm.provider", .text, default: "LLM", "What error texts call the provider: `LLM API error: …`."),
        Setting(
            "llm.context-tokens", .integer(1...10_000_000), default: "8000",
            "Estimated tokens of a chat's newest messages that the model is given."),
        Setting(
            "llm.retries", .integer(0...10), default: "2",
            "How often the model is asked again after 429, 5xx or a broken connection, as long as no token has come."),
        Setting(
            "llm.connect-timeout", .duration(.milliseconds(100)...(.seconds(60))), default: "5s",
            "How long connecting to the server may take."),
        Setting(
            "llm.silence-timeout", .duration(.seconds(1)...(.seconds(3600))), default: "60s",
            "How long the server may send nothing, before or within a reply."),
        Setting(
            "llm.reply-timeout", .duration(.seconds(1)...(.seconds(86_400))), default: "10m",
            "How long a reply may take in all."),
        Setting("llm.environment", .text, default: "development", "What `/health` of llm names as its environment."),
    ]
}
