/// Where events go, read once from the configuration.
struct EventSettings: Sendable {
    let maximumLagBytes: Int
    /// nil: not to Kafka.
    let kafka: Kafka?
    /// nil: to no URL.
    let webhook: Webhook?

    struct Kafka: Sendable {
        let bootstrapServers: String
        let topicPrefix: String
        let clientID: String
        let securityProtocol: String
        let options: [(name: String, value: String)]
    }

    struct Webhook: Sendable {
        let url: String
        let secret: String
        let allowsPrivateAddresses: Bool
        let batchEvents: Int
        let timeoutSeconds: Int
    }

    init(_ configuration: Configuration) {
        maximumLagBytes = configuration.integer("events.max-lag-bytes")
        kafka = configuration.optionalText("kafka.bootstrap-servers").map { servers in
            Kafka(
                bootstrapServers: servers, topicPrefix: configuration.text("kafka.topic-prefix"),
                clientID: configuration.text("kafka.client-id"),
                securityProtocol: configuration.text("kafka.security-protocol"), options: configuration.kafkaOptions)
        }
        if let url = configuration.optionalText("webhook.url"),
            let secret = configuration.optionalText("webhook.secret")
        {
            webhook = Webhook(
                url: url, secret: secret, allowsPrivateAddresses: configuration.boolean("webhook.allow-private"),
                batchEvents: configuration.integer("webhook.batch-size"),
                timeoutSeconds: Int(configuration.duration("webhook.timeout").components.seconds))
        } else {
            webhook = nil
        }
    }
}

/// Options of librdkafka by variables: `CHAT_KAFKA_SASL_USERNAME` is `sasl.username`.
enum KafkaOptions {
    static let prefix = "CHAT_KAFKA_"

    /// - Parameter variable: begins with the prefix.
    static func name(of variable: String) -> String {
        String(variable.dropFirst(prefix.count).map { $0 == "_" ? "." : $0 }).asciiLowercased
    }
}

extension Configuration {
    /// Event settings that are right one by one and wrong together.
    func eventContradictions() -> [String] {
        guard let url = optionalText("webhook.url") else { return [] }
        var problems: [String] = []
        if !url.hasPrefix("http://"), !url.hasPrefix("https://") {
            problems.append("webhook.url: \"\(url)\" is not an http or https URL")
        }
        if optionalText("webhook.secret")?.isEmpty ?? true {
            problems.append("webhook.url is set and webhook.secret is not; set CHAT_WEBHOOK_SECRET")
        }
        return problems
    }
}
