#if Kafka
import CRdKafka
import ChatEngine
import LogStore
import Synchronization
import TestSupport
import Testing

@testable import Events

/// The Kafka sink against librdkafka's mock brokers.
@Suite struct KafkaTests {
    private static let messages = "aivo.chat.message.created"

    /// A relay over a store with threads of its own, the sink, and what it reported.
    private final class Running {
        let clock = LiveClock()
        let store: LogStore
        let engine: ChatEngine
        let relay: EventRelay
        let log = Recorder()

        init(
            _ kafka: MockKafka, disk: SimulatedDisk = SimulatedDisk(), options: [(name: String, value: String)] = []
        ) throws {
            store = try LogStore.open(disk: disk, clock: clock, random: SystemRandom())
            engine = ChatEngine(store: store, clock: clock, random: SystemRandom(), readers: ReaderPool(threads: 1))
            var configuration = KafkaConfiguration(bootstrapServers: kafka.bootstrapServers)
            configuration.options = [("reconnect.backoff.max.ms", "500"), ("linger.ms", "1")] + options
            relay = try EventRelay(
                engine, consumers: [("kafka", try KafkaSink(configuration))]
            ) { [log] in log.add("\($0)") }
            relay.start()
        }

        /// Waits as long as it takes: how fast the brokers are is not what is tested.
        func stop() throws {
            relay.stop(within: 60_000)
            engine.close()
            try store.close()
        }

        func thread(of learner: String) throws -> String {
            try engine.createSession(SessionDraft(ids: .uuid, owner: learner), EventFixture.access).id
        }

        func say(_ text: String, in thread: String) throws {
            _ = try engine.saveMessage(
                MessageDraft(ids: .uuid, role: .user, content: UTF8Text(text)), to: thread, EventFixture.access)
        }
    }

    private func texts(_ records: [MockKafka.Record]) throws -> [String] {
        try records.map { try JSONValue(parsing: $0.value)["data"]?["content"]?.string ?? "-" }
    }

    @Test func topicKeyHeadersAndEnvelope() async throws {
        try await onOwnThread {
            let kafka = try MockKafka()
            for kind in EventKind.allCases { kafka.createTopic("aivo.\(kind.topic)") }
            let running = try Running(kafka)
            let thread = try running.thread(of: "kim")
            try running.say("hello", in: thread)
            let access = EventFixture.access
            let message = try running.engine.history(of: thread, .last(1), access).messages[0].message.id
            _ = try running.engine.updateSession(thread, access) { state, _ in state.title = "New" }
            _ = try running.engine.editMessage(message, in: thread, access) { $0.content = "hi" }
            try running.engine.deleteMessage(message, in: thread, access)
            try running.engine.deleteSession(thread, access)
            let records = try kafka.read(EventKind.allCases.map { "aivo.\($0.topic)" }) { $0.count == 6 }
            try running.stop()
            #expect(records.allSatisfy { $0.key == "school:kim" })
            let kinds: [EventKind] = [
                .threadCreated, .messageCreated, .threadUpdated, .messageUpdated, .messageDeleted, .threadDeleted,
            ]
            for kind in kinds {
                let record = try #require(records.first { $0.topic == "aivo.\(kind.topic)" })
                let envelope = try JSONValue(parsing: record.value)
                #expect(envelope["event_type"]?.string == kind.name)
                #expect(record.headers["event_type"] == kind.name)
                #expect(record.headers["event_id"] == envelope["event_id"]?.string)
                #expect(record.headers["content-type"] == "application/json")
                #expect(envelope["learner_id"]?.string == "kim" && envelope["tenant_id"]?.string == "school")
            }
            #expect(running.log.lines.isEmpty)
        }
    }

    @Test func aBrokerThatIsAwayCostsLagOnly() async throws {
        try await onOwnThread {
            let kafka = try MockKafka()
            kafka.createTopic(Self.messages)
            let running = try Running(kafka)
            let threads = try ["kim", "lee"].map { try running.thread(of: $0) }
            for i in 0..<100 { try running.say("a\(i)", in: threads[i % 2]) }
            _ = try kafka.read([Self.messages]) { $0.count >= 50 }
            kafka.setDown(true)
            for i in 0..<300 { try running.say("b\(i)", in: threads[i % 2]) }
            #expect(running.relay.statuses[0].lagBatches > 0)
            kafka.setDown(false)
            let records = try kafka.read([Self.messages]) { records in Set(records.map(\.value)).count == 400 }
            try running.stop()
            try expectOrder(
                records, ["school:kim", "school:lee"], (0..<100).map { "a\($0)" } + (0..<300).map { "b\($0)" })
        }
    }

    @Test(arguments: [
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
    ])
    func requestErrors(_ code: rd_kafka_resp_err_t) async throws {
        try await onOwnThread {
            let kafka = try MockKafka()
            kafka.createTopic(Self.messages)
            // "Timed out" leaves open whether the broker has the records. The library takes an accepted later request as
            // proof that it has, because a broker refuses gaps; the mock does not, so there must be no later request.
            let options = code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT ? [("max.in.flight", "1")] : []
            let running = try Running(kafka, options: options)
            let thread = try running.thread(of: "kim")
            for i in 0..<20 { try running.say("a\(i)", in: thread) }
            _ = try kafka.read([Self.messages]) { $0.count == 20 }
            kafka.failProduce([code, code, code])
            for i in 0..<100 { try running.say("b\(i)", in: thread) }
            let records = try kafka.read([Self.messages]) { Set($0.map(\.value)).count == 120 }
            try running.stop()
            print(
                "kafka: three answers of error \(code.rawValue): \(records.count - 120) duplicates,",
                "\(running.relay.statuses[0].failures) new producers")
            try expectOrder(records, ["school:kim"], (0..<20).map { "a\($0)" } + (0..<100).map { "b\($0)" })
        }
    }

    @Test func aRecordThatTheBrokerDoesNotTakeGoesWithoutContent() async throws {
        try await onOwnThread {
            let kafka = try MockKafka()
            kafka.createTopic(Self.messages)
            let running = try Running(kafka, options: [("message.max.bytes", "100000")])
            let thread = try running.thread(of: "kim")
            try running.say(String(repeating: "x", count: 90_000), in: thread)
            try running.say(String(repeating: "\u{1}", count: 30_000), in: thread)
            try running.say("after", in: thread)
            let records = try kafka.read([Self.messages]) { Set($0.map(\.value)).count == 3 }
            try running.stop()
            var seen = Set<[UInt8]>()
            let first = records.filter { seen.insert($0.value).inserted }
            let texts = try texts(first)
            #expect(texts[0].count == 90_000 && texts[1] == "-" && texts[2] == "after")
            let data = try JSONValue(parsing: first[1].value)["data"]
            #expect(data?["content_withheld"]?.string == "too_large" && data?["message_id"]?.string?.count == 36)
        }
    }

    @Test func anOrderlyRestartRepeatsNothing() async throws {
        try await onOwnThread {
            let kafka = try MockKafka()
            kafka.createTopic(Self.messages)
            let disk = SimulatedDisk()
            var thread = ""
            for round in 0..<5 {
                let running = try Running(kafka, disk: disk)
                if round == 0 { thread = try running.thread(of: "kim") }
                for i in 0..<40 { try running.say("\(round)-\(i)", in: thread) }
                try running.stop()
            }
            let last = try Running(kafka, disk: disk)
            let records = try kafka.read([Self.messages]) { Set($0.map(\.value)).count == 200 }
            try last.stop()
            #expect(records.count == 200)
            try expectOrder(records, ["school:kim"], (0..<5).flatMap { round in (0..<40).map { "\(round)-\($0)" } })
        }
    }

    @Test func wrongOptionsAreRefusedWithoutTheirValues() {
        for (name, value) in [("no.such.option", "hunter2"), ("acks", "hunter2"), ("enable.idempotence", "false")] {
            var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
            configuration.options = [(name, value)]
            let error = #expect(throws: KafkaSetupError.self) { try KafkaSink(configuration) }
            #expect(error?.reason.contains(name) == true && error?.reason.contains("hunter2") == false)
        }
    }

    /// First arrivals of each key come in the order of writing, and nothing is missing.
    private func expectOrder(_ records: [MockKafka.Record], _ keys: [String], _ written: [String]) throws {
        var seen = Set<[UInt8]>()
        let first = records.filter { seen.insert($0.value).inserted }
        let texts = try texts(first)
        #expect(Set(texts) == Set(written))
        for key in keys {
            let mine = zip(first, texts).filter { $0.0.key == key }.map(\.1)
            let places = mine.compactMap { written.firstIndex(of: $0) }
            #expect(places == places.sorted(), "\(key)")
        }
    }
}
#endif
