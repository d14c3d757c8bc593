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
        Setting("llm.environment", .text, default: "development", "What `/health` of llm names as its environment."),
    ]
}
