internal import ChatEngine
internal import Events
internal import LogStore
internal import Synchronization
internal import Upstream

extension Server {
    /// Starts what tells other systems of changes, if any is configured.
    func startEvents(
        _ configuration: Configuration, _ registry: MetricsRegistry, _ clock: LiveClock
    ) throws(CommandFailure) {
        let settings = EventSettings(configuration)
        var consumers: [(name: String, sink: any EventSink)] = []
        if let kafka = settings.kafka, let sink = try Self.kafkaSink(kafka, logger) {
            consumers.append(("kafka", sink))
        }
        if let webhook = settings.webhook { consumers.append(("webhook", try Self.webhookSink(webhook, clock))) }
        do throws(ChatError) {
            let relay = try EventRelay(engine, consumers: consumers) { [logger] in logger.log(LogEvent($0)) }
            registry.register(relay)
            relay.start()
            self.relay.withLock { $0 = relay }
        } catch {
            for consumer in consumers { consumer.sink.close() }
            throw CommandFailure(.failure, "the receivers of events cannot be registered: \(error)")
        }
    }

    private static func kafkaSink(
        _ settings: EventSettings.Kafka, _ logger: Logger
    ) throws(CommandFailure) -> (any EventSink)? {
        #if Kafka
        var configuration = KafkaConfiguration(bootstrapServers: settings.bootstrapServers)
        configuration.clientID = settings.clientID
        configuration.topicPrefix = settings.topicPrefix
        configuration.securityProtocol = settings.securityProtocol
        configuration.options = settings.options
        do throws(KafkaSetupError) { return try KafkaSink(configuration) } catch {
            throw CommandFailure(.configuration, error.reason)
        }
        #else
        logger.warning("Kafka is configured, but this program was built without it: nothing is sent")
        return nil
        #endif
    }

    private static func webhookSink(
        _ settings: EventSettings.Webhook, _ clock: LiveClock
    ) throws(CommandFailure) -> any EventSink {
        guard let client = HTTPClient() else { throw CommandFailure(.failure, "libcurl cannot be set up") }
        var configuration = WebhookConfiguration(url: settings.url, secret: Array(settings.secret.utf8))
        configuration.batchEvents = settings.batchEvents
        let transport = UpstreamWebhookTransport(
            client: client, allowsPrivateAddresses: settings.allowsPrivateAddresses,
            timeoutSeconds: settings.timeoutSeconds)
        return WebhookSink(configuration, transport: transport, clock: clock)
    }
}

extension MetricsRegistry {
    /// How far the receivers of events are.
    func register(_ relay: EventRelay) {
        func value(
            _ name: String, _ help: String, isCounter: Bool = false,
            _ read: @escaping @Sendable (ConsumerStatus) -> Double
        ) {
            _ = register(
                ConsumerFamily(name: name, help: help, kind: isCounter ? .counter : .gauge, relay: relay, read: read))
        }
        value("chat_events_lag", "Batches of the log behind a receiver's position; 0 without an event among them.") {
            Double($0.lagBatches)
        }
        value("chat_events_lag_seconds", "Age of the oldest event that a receiver has not confirmed.") {
            $0.lagSeconds
        }
        value("chat_events_delivered_total", "Events confirmed.", isCounter: true) { Double($0.delivered) }
        value("chat_events_failures_total", "Deliveries that failed and were repeated.", isCounter: true) {
            Double($0.failures)
        }
        value("chat_events_dropped_total", "Batches of the log lost to a receiver too far behind.", isCounter: true) {
            Double($0.dropped)
        }
        value("chat_events_skipped_total", "Events left out: too large even without content.", isCounter: true) {
            Double($0.skipped)
        }
    }
}

/// One number of each receiver.
private final class ConsumerFamily: MetricFamily {
    let name: String
    private let help: String
    private let kind: MetricKind
    private let relay: EventRelay
    private let read: @Sendable (ConsumerStatus) -> Double

    init(
        name: String, help: String, kind: MetricKind, relay: EventRelay,
        read: @escaping @Sendable (ConsumerStatus) -> Double
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        self.relay = relay
        self.read = read
    }

    func append(to text: inout String) {
        appendHead(name: name, help: help, kind: kind, to: &text)
        for status in relay.statuses {
            appendSample(name: name, labels: [("consumer", status.name)], value: numberText(read(status)), to: &text)
        }
    }
}

extension LogEvent {
    /// What the relay reports, as a log line.
    init(_ event: RelayEvent) {
        func fields(_ consumer: String, _ rest: [(String, LogValue)] = []) -> [(name: String, value: LogValue)] {
            [("consumer", .string(consumer))] + rest.map { ($0.0, $0.1) }
        }
        switch event {
        case .failing(let consumer, let reason):
            self.init(
                .warning, "events cannot be delivered; it is tried again until they can",
                fields: fields(consumer, [("reason", .string(reason))]))
        case .recovered(let consumer, let attempts):
            self.init(
                .info, "events are delivered again",
                fields: fields(consumer, [("attempts", .integer(Int64(attempts)))]))
        case .dropped(let consumer, let after, let through):
            self.init(
                .error, "events were lost to a receiver that is too far behind; see events.max-lag-bytes",
                fields: fields(
                    consumer, [("after", .integer(Int64(after))), ("through", .integer(Int64(through)))]))
        case .withheld(let consumer, let id):
            self.init(
                .warning, "an event is too large for the receiver and goes without its content",
                fields: fields(consumer, [("event", .string(id))]))
        case .skipped(let consumer, let id):
            self.init(
                .error, "the receiver does not take an event; it is left out",
                fields: fields(consumer, [("event", .string(id))]))
        case .stopped(let consumer, let reason):
            self.init(
                .error, "the receiver wants no more events; it is asked again at the next start",
                fields: fields(consumer, [("reason", .string(reason))]))
        case .storeFailed(let consumer, let reason):
            self.init(
                .error, "events cannot be read, or a position not be written",
                fields: fields(consumer, [("reason", .string(reason))]))
        case .forgotten(let consumer):
            self.init(
                .info, "a receiver of events is configured no more; its place is given up", fields: fields(consumer))
        }
    }
}
