#if Kafka
import CRdKafka

/// librdkafka's own mock brokers, and a reader of what they were given.
final class MockKafka {
    struct Record: Equatable {
        var topic: String
        var partition: Int32
        var offset: Int64
        var key: String
        var value: [UInt8]
        var headers: [String: String]
    }
    enum Failure: Error { case setup, timeout(read: Int) }

    private let handle: OpaquePointer
    private let cluster: OpaquePointer

    init() throws {
        let configuration = rd_kafka_conf_new()
        rd_kafka_conf_set_log_cb(configuration, nil)
        guard let handle = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, nil, 0),
            let cluster = rd_kafka_mock_cluster_new(handle, 1)
        else { throw Failure.setup }
        self.handle = handle
        self.cluster = cluster
    }

    deinit {
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(handle)
    }

    var bootstrapServers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

    func createTopic(_ name: String, partitions: Int32 = 4) {
        _ = rd_kafka_mock_topic_create(cluster, name, partitions, 1)
    }

    /// Hangs up on every Produce request, or no longer does. The brokers' own way to be down gives their port back to the
    /// system, and aborts the process if another test has it when they come up again.
    func setDown(_ isDown: Bool) {
        if isDown {
            failProduce(Array(repeating: RD_KAFKA_RESP_ERR__TRANSPORT, count: 10_000))
        } else {
            rd_kafka_mock_clear_request_errors(cluster, 0)
        }
    }

    /// The next Produce requests are answered so.
    func failProduce(_ codes: [rd_kafka_resp_err_t]) { crdkafka_mock_push_errors(cluster, 0, codes.count, codes) }

    /// Reads the topics from their beginning until `isEnough` says so of everything read.
    func read(_ topics: [String], until isEnough: ([Record]) -> Bool) throws -> [Record] {
        let configuration = rd_kafka_conf_new()
        rd_kafka_conf_set_log_cb(configuration, nil)
        for (name, value) in [
            ("bootstrap.servers", bootstrapServers), ("group.id", "test"), ("enable.auto.commit", "false"),
        ] { rd_kafka_conf_set(configuration, name, value, nil, 0) }
        guard let consumer = rd_kafka_new(RD_KAFKA_CONSUMER, configuration, nil, 0) else { throw Failure.setup }
        defer { rd_kafka_destroy(consumer) }
        rd_kafka_poll_set_consumer(consumer)
        let list = rd_kafka_topic_partition_list_new(16)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for topic in topics {
            for partition in 0..<Int32(4) {
                rd_kafka_topic_partition_list_add(list, topic, partition).pointee.offset = Int64(
                    RD_KAFKA_OFFSET_BEGINNING)
            }
        }
        guard rd_kafka_assign(consumer, list) == RD_KAFKA_RESP_ERR_NO_ERROR else { throw Failure.setup }
        var records: [Record] = []
        while !isEnough(records) {
            guard let message = rd_kafka_consumer_poll(consumer, 60_000) else {
                throw Failure.timeout(read: records.count)
            }
            defer { rd_kafka_message_destroy(message) }
            guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            records.append(Self.record(message))
        }
        return records
    }

    private static func record(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Record {
        func bytes(_ pointer: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8] {
            Array(UnsafeRawBufferPointer(start: pointer, count: count))
        }
        var headers: [String: String] = [:]
        var list: OpaquePointer?
        if rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list {
            var index = 0
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            while rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
                if let name {
                    headers[String(cString: name)] = String(
                        decoding: UnsafeRawBufferPointer(start: value, count: size), as: UTF8.self)
                }
                index += 1
            }
        }
        let m = message.pointee
        return Record(
            topic: String(cString: rd_kafka_topic_name(m.rkt)), partition: m.partition, offset: m.offset,
            key: String(decoding: bytes(m.key, m.key_len), as: UTF8.self), value: bytes(m.payload, m.len),
            headers: headers)
    }
}
#endif
