#if Kafka
internal import ChatEngine
internal import Kafka
internal import Synchronization

/// Where Kafka is and how it is spoken to.
package struct KafkaConfiguration: Sendable {
    /// `host:port`, apart by commas.
    package var bootstrapServers: String
    package var clientID = "chat-svc"
    /// Before every topic, with a dot.
    package var topicPrefix = "aivo"
    /// plaintext, ssl, sasl_plaintext or sasl_ssl.
    package var securityProtocol = "plaintext"
    /// Options of librdkafka; they win over the ones above. Values may be secrets.
    package var options: [(name: String, value: String)] = []

    package init(bootstrapServers: String) { self.bootstrapServers = bootstrapServers }

    var all: [(name: String, value: String)] {
        [
            ("bootstrap.servers", bootstrapServers), ("client.id", clientID), ("security.protocol", securityProtocol),
        ] + options
    }
}

/// Events to Kafka: each to the topic of its kind, keyed by tenant and learner, so that those of a learner stay in order
/// within a topic.
///
/// The producer waits for its brokers as long as it takes. It is made anew when it reports a failure, and by the consumer
/// when nothing was confirmed for some minutes: events are read again from the position then.
package final class KafkaSink: EventSink {
    private struct State {
        var producer: KafkaProducer?
        var link: ProducerLink?
    }

    private let configuration: KafkaConfiguration
    private let state = Mutex(State())

    package let window = DeliveryWindow(events: 1000, bytes: 8 << 20, isOneAtATime: false)

    package var trouble: String? { state.withLock { $0.link }?.notice }

    /// - Throws: a sentence without any value, if the options are wrong.
    package init(_ configuration: KafkaConfiguration) throws(KafkaSetupError) {
        self.configuration = configuration
        do throws(KafkaError) {
            try start { _ in }
        } catch {
            switch error {
            case .option(let name): throw KafkaSetupError("Kafka takes no option \(name), or not with that value")
            case .setup(let text): throw KafkaSetupError("Kafka cannot be set up: \(text)")
            case .queueFull, .tooLarge, .failed: throw KafkaSetupError("Kafka cannot be set up")
            }
        }
    }

    private func start(_ report: @escaping @Sendable (DeliveryReport) -> Void) throws(KafkaError) {
        try state.withLock { (state) throws(KafkaError) in
            if let link = state.link {
                link.report(to: report)
                return
            }
            let link = ProducerLink()
            link.report(to: report)
            state.producer = try KafkaProducer(options: configuration.all, delegate: link)
            state.link = link
        }
    }

    package func send(_ events: [OutgoingEvent], report: @escaping @Sendable (DeliveryReport) -> Void) {
        do throws(KafkaError) {
            try start(report)
            guard let producer = state.withLock({ $0.producer }) else { return }
            for outgoing in events {
                do throws(KafkaError) {
                    try producer.produce(record(outgoing.event), token: UInt(outgoing.number))
                } catch .tooLarge {
                    return report(.failed(DeliveryFailure(.tooLarge(outgoing.number), "the event is too large")))
                } catch {
                    return report(.failed(DeliveryFailure(.retry, "the producer refuses a record: \(error)")))
                }
            }
        } catch {
            report(.failed(DeliveryFailure(.retry, "no producer: \(error)")))
        }
    }

    private func record(_ event: DomainEvent) -> KafkaRecord {
        KafkaRecord(
            topic: "\(configuration.topicPrefix).\(event.note.kind.topic)", key: Array(event.key.utf8),
            value: event.envelope,
            headers: [
                ("event_type", event.note.kind.name), ("event_id", event.id), ("content-type", "application/json"),
            ])
    }

    package func reset() { close() }

    package func close() {
        let (producer, link) = state.withLock { state in
            defer {
                state.producer = nil
                state.link = nil
            }
            return (state.producer, state.link)
        }
        link?.report { _ in }
        producer?.close()
    }
}

/// The options of Kafka are wrong.
package struct KafkaSetupError: Error, Hashable, Sendable {
    package var reason: String
    init(_ reason: String) { self.reason = reason }
}

/// From one producer to the consumer's report.
private final class ProducerLink: KafkaProducerDelegate {
    private struct State {
        var report: @Sendable (DeliveryReport) -> Void = { _ in }
        var notice: String?
    }
    private let state = Mutex(State())

    func report(to report: @escaping @Sendable (DeliveryReport) -> Void) { state.withLock { $0.report = report } }

    /// The last thing that the library said about its brokers.
    var notice: String? { state.withLock { $0.notice } }

    func ended(token: UInt, error: KafkaError?) {
        let (report, notice) = state.withLock { ($0.report, $0.notice) }
        switch error {
        case nil: report(.delivered(UInt64(token)))
        case .tooLarge:
            report(.failed(DeliveryFailure(.tooLarge(UInt64(token)), "the broker takes no record of this size")))
        case .failed(let text):
            report(.failed(DeliveryFailure(.retry, [text, notice].compactMap { $0 }.joined(separator: "; "))))
        case .queueFull, .option, .setup: report(.failed(DeliveryFailure(.retry, "the record was not delivered")))
        }
    }

    func failedForGood(_ reason: String) {
        state.withLock { $0.report }(.failed(DeliveryFailure(.retry, "the producer has failed: \(reason)")))
    }

    func noticed(_ reason: String) { state.withLock { $0.notice = reason } }
}
#endif
