extension Setting {
    static let events: [Setting] = [
        Setting(
            "events.max-lag-bytes", .bytes((64 << 20)...(1 << 50)), default: "16GiB",
            when: ConditionalDefault(
                condition: SettingCondition(key: "store.profile", text: "edge"), text: "256MiB"),
            "Log files kept for receivers of events that are behind; above that the oldest events are lost to them."),
        Setting(
            "kafka.bootstrap-servers", .text, default: nil, also: ["KAFKA_BOOTSTRAP_SERVERS"],
            "Brokers, `HOST:PORT` apart by commas; without it nothing is sent to Kafka."),
        Setting(
            "kafka.topic-prefix", .text, default: "aivo", also: ["KAFKA_TOPIC_PREFIX"],
            "What topics begin with, before a dot."),
        Setting(
            "kafka.client-id", .text, default: "chat-svc", also: ["KAFKA_CLIENT_ID"],
            "How the server names itself to the brokers."),
        Setting(
            "kafka.security-protocol", .choice(["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]),
            default: "plaintext", also: ["KAFKA_SECURITY_PROTOCOL"],
            "How brokers are spoken to; `CHAT_KAFKA_SASL_PASSWORD` and the like give librdkafka's own options."),
        Setting(
            "webhook.url", .text, default: nil, "Where events are posted to; without it nothing is posted."),
        Setting(
            "webhook.secret", .text, default: nil, isSecret: true,
            "Signs the requests (HMAC-SHA256); the receiver has it too."),
        Setting(
            "webhook.allow-private", .boolean, default: "false",
            "Whether the URL may lead to this machine, a private or a link-local address."),
        Setting("webhook.batch-size", .integer(1...1000), default: "100", "Events in one request at most."),
        Setting(
            "webhook.timeout", .duration(.seconds(1)...(.seconds(600))), default: "30s",
            "How long a request may take."),
    ]
}
