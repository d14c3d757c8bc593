#if Kafka
internal import CRdKafka
internal import Glibc
internal import Synchronization

/// Why the library refuses something. Its texts hold no value of an option, because one of them may be a secret.
package enum KafkaError: Error, Hashable, Sendable {
    /// The library has no such option, or its value does not fit.
    case option(name: String)
    /// It cannot start; in its own words.
    case setup(String)
    /// Its queue has no room at the moment.
    case queueFull
    /// The record is larger than the library or the broker takes.
    case tooLarge
    /// This record was not delivered; in the library's words.
    case failed(String)
}

/// A record to be produced.
package struct KafkaRecord: Sendable {
    package var topic: String
    package var key: [UInt8]
    package var value: [UInt8]
    package var headers: [(name: String, value: String)]

    package init(topic: String, key: [UInt8], value: [UInt8], headers: [(name: String, value: String)]) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// Hears what became of records. Called on the producer's own thread; must not block.
package protocol KafkaProducerDelegate: AnyObject, Sendable {
    /// Called once for each record that `produce` took, unless the producer is closed before.
    func ended(token: UInt, error: KafkaError?)
    /// The producer as a whole can do nothing more: it is to be closed and made anew.
    func failedForGood(_ reason: String)
    /// Something about the brokers that an operator may want to know.
    func noticed(_ reason: String)
}

/// An idempotent producer: librdkafka, and a thread that serves its delivery reports.
///
/// Invariants: records of one key go out in the order of `produce`, each is acknowledged by all in-sync replicas before
/// it is reported, and a gap (a record given up while a later one may have gone out) fails the producer as a whole.
/// After `close` the delegate hears no more; what was under way may or may not have arrived.
package final class KafkaProducer: @unchecked Sendable {
    // Unchecked: librdkafka's handle may be used from any thread; `thread` is set once, in `init`.
    private let handle: OpaquePointer
    private let link: DelegateLink
    private let isClosing = Atomic<Bool>(false)
    private var thread = pthread_t()

    /// What the order and the at-least-once promise rest on.
    private static let fixed = [
        ("enable.idempotence", "true"), ("acks", "all"), ("enable.gapless.guarantee", "true"),
    ]
    /// Records wait for the brokers as long as it takes: whoever produces decides when it is too long.
    private static let defaults = [
        ("compression.type", "lz4"), ("linger.ms", "10"), ("message.timeout.ms", "0"),
        ("queue.buffering.max.kbytes", "65536"), ("message.max.bytes", "16777216"), ("retry.backoff.ms", "200"),
        ("reconnect.backoff.ms", "200"), ("reconnect.backoff.max.ms", "10000"), ("socket.keepalive.enable", "true"),
        ("log.connection.close", "false"),
    ]
    private static let pollMilliseconds: Int32 = 200

    /// - Parameter options: of librdkafka, by its names; they win over this class's defaults.
    /// - Throws: `option`, also for one that the class's promises rest on; `setup`.
    package init(
        options: [(name: String, value: String)], delegate: any KafkaProducerDelegate
    ) throws(KafkaError) {
        link = DelegateLink(delegate)
        handle = try Self.make(options, link)
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<KafkaProducer>.fromOpaque(argument).takeRetainedValue().serve()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "pthread_create: \(status)")
    }

    private static func make(
        _ options: [(name: String, value: String)], _ link: DelegateLink
    ) throws(KafkaError) -> OpaquePointer {
        guard let configuration = rd_kafka_conf_new() else { throw .setup("out of memory") }
        do throws(KafkaError) {
            for (name, value) in defaults + options.map({ ($0.name, $0.value) }) + fixed {
                let isTaken = fixed.contains { $0.0 == name && $0.1 != value }
                guard !isTaken, rd_kafka_conf_set(configuration, name, value, nil, 0) == RD_KAFKA_CONF_OK else {
                    throw .option(name: name)
                }
            }
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(link).toOpaque())
        rd_kafka_conf_set_log_cb(configuration, nil)
        rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, opaque in
            guard let message, let opaque, let token = message.pointee._private else { return }
            let link = Unmanaged<DelegateLink>.fromOpaque(opaque).takeUnretainedValue()
            link.delegate.ended(token: UInt(bitPattern: token), error: KafkaProducer.error(message.pointee.err))
        }
        rd_kafka_conf_set_error_cb(configuration) { handle, code, reason, opaque in
            guard let handle, let opaque else { return }
            let link = Unmanaged<DelegateLink>.fromOpaque(opaque).takeUnretainedValue()
            let text = rd_kafka_resp_err_t(code) == RD_KAFKA_RESP_ERR__FATAL ? KafkaProducer.fatalError(handle) : nil
            if let text {
                link.delegate.failedForGood(text)
            } else {
                link.delegate.noticed(reason.map { String(cString: $0) } ?? "error \(code)")
            }
        }
        var text = [CChar](repeating: 0, count: 512)
        guard let handle = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count) else {
            rd_kafka_conf_destroy(configuration)
            throw .setup(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return handle
    }

    private static func fatalError(_ handle: OpaquePointer) -> String? {
        var text = [CChar](repeating: 0, count: 512)
        guard rd_kafka_fatal_error(handle, &text, text.count) != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func error(_ code: rd_kafka_resp_err_t) -> KafkaError? {
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR: nil
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: .tooLarge
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: .queueFull
        default: .failed(String(cString: rd_kafka_err2str(code)))
        }
    }

    // MARK: Producing

    /// Hands a record over; the delegate hears of it by `token`, which is not 0.
    /// - Throws: `queueFull`, `tooLarge`, `failed`; the record is not sent then.
    package func produce(_ record: KafkaRecord, token: UInt) throws(KafkaError) {
        let headers = rd_kafka_headers_new(record.headers.count)
        for header in record.headers {
            rd_kafka_header_add(headers, header.name, -1, header.value, header.value.utf8.count)
        }
        let code = crdkafka_produce(
            handle, record.topic, record.key, record.key.count, record.value, record.value.count, headers,
            UnsafeMutableRawPointer(bitPattern: token))
        guard let error = Self.error(code) else { return }
        rd_kafka_headers_destroy(headers)
        throw error
    }

    /// Ends it without waiting for what is under way. Call once, not from the delegate.
    package func close() {
        isClosing.store(true, ordering: .releasing)
        pthread_join(thread, nil)
        rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)
        rd_kafka_destroy(handle)
    }

    private func serve() {
        while !isClosing.load(ordering: .acquiring) { rd_kafka_poll(handle, Self.pollMilliseconds) }
    }
}

/// What the library's callbacks are given.
private final class DelegateLink: Sendable {
    let delegate: any KafkaProducerDelegate
    init(_ delegate: any KafkaProducerDelegate) { self.delegate = delegate }
}
#endif
