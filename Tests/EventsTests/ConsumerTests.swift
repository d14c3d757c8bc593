import ChatEngine
import LogStore
import Synchronization
import TestSupport
import Testing

@testable import Events

@Suite struct ConsumerTests {
    private let second: UInt64 = 1_000_000

    @Test func confirmedEventsMoveThePosition() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let consumer = fixture.consumer(sink)
        let thread = try fixture.thread(of: "kim")
        for i in 1...5 { try fixture.say("m\(i)", in: thread) }
        _ = consumer.turn()
        #expect(sink.pending.count == 6)
        #expect(consumer.status.lagBatches == 6)
        sink.deliver(3)
        _ = consumer.turn()
        #expect(consumer.position == LSN(3))
        #expect(consumer.status.delivered == 3 && consumer.status.lagBatches == 3)
        sink.deliver()
        _ = consumer.turn()
        #expect(consumer.position == fixture.store.status.durableLSN)
        #expect(consumer.status.lagBatches == 0 && consumer.status.lagSeconds == 0)
        #expect(sink.arrived.compactMap(\.text) == ["m1", "m2", "m3", "m4", "m5"])
    }

    @Test func thePositionIsWrittenWithoutASyncAndNotAtRest() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let consumer = fixture.consumer(sink)
        let thread = try fixture.thread(of: "kim")
        let syncs = fixture.store.status.statistics.logSyncs
        for _ in 0..<200 {
            _ = consumer.turn()
            sink.deliver()
            fixture.clock.advance(microseconds: 100_000)
        }
        _ = thread
        #expect(fixture.store.status.statistics.logSyncs == syncs)
        // One batch: the position behind the one event; then the consumer is at rest.
        #expect(fixture.store.status.visibleLSN == LSN(2))
        #expect(try fixture.store.position(of: "events:test") == LSN(1))
    }

    @Test func aFailureIsRepeatedFromThePositionWithABackOff() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let log = Recorder()
        let consumer = fixture.consumer(sink, log)
        let thread = try fixture.thread(of: "kim")
        for i in 1...3 { try fixture.say("m\(i)", in: thread) }
        _ = consumer.turn()
        sink.deliver(2)
        var waits: [UInt64] = []
        for _ in 0..<10 {
            sink.fail()
            _ = consumer.turn()
            #expect(sink.pending.isEmpty)
            var waited: UInt64 = 0
            while sink.pending.isEmpty {
                fixture.clock.advance(microseconds: 50_000)
                waited += 50_000
                _ = consumer.turn()
            }
            waits.append(waited)
            #expect(sink.pending.map(\.event.lsn) == [LSN(3), LSN(4)])
        }
        #expect(waits.allSatisfy { $0 <= 61 * second } && waits[9] > 25 * second && waits[0] < second)
        #expect(log.lines.count == 1, "a line for the beginning, not one for each try")
        sink.deliver()
        _ = consumer.turn()
        #expect(log.lines.count == 2 && log.lines[1].contains("recovered"))
        #expect(sink.arrived.count == 4 && consumer.position == LSN(4))
        #expect(consumer.status.failures == 10 && !consumer.status.isFailing)
    }

    @Test func theReceiverMayAskForTime() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let consumer = fixture.consumer(sink)
        _ = try fixture.thread(of: "kim")
        _ = consumer.turn()
        sink.fail(.retryAfter(seconds: 120))
        _ = consumer.turn()
        fixture.clock.advance(microseconds: 119 * second)
        _ = consumer.turn()
        #expect(sink.pending.isEmpty)
        fixture.clock.advance(microseconds: second)
        _ = consumer.turn()
        #expect(sink.pending.count == 1)
    }

    @Test func reportsOfADeliveryThatWasGivenUpCountForNothing() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let consumer = fixture.consumer(sink)
        _ = try fixture.thread(of: "kim")
        _ = consumer.turn()
        let old = try #require(sink.state.withLock { $0.report })
        let number = sink.pending[0].number
        sink.fail()
        _ = consumer.turn()
        fixture.clock.advance(microseconds: 2 * second)
        _ = consumer.turn()
        #expect(sink.pending.count == 1)
        old(.delivered(number))
        old(.delivered(sink.pending[0].number))
        _ = consumer.turn()
        #expect(consumer.position == .zero && consumer.status.delivered == 0)
    }

    @Test func whatIsNeverConfirmedIsGivenUpAndReadAgain() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let consumer = fixture.consumer(sink)
        let thread = try fixture.thread(of: "kim")
        try fixture.say("secret", in: thread)
        _ = consumer.turn()
        #expect(sink.pending.last?.event.text == "secret")
        _ = try fixture.engine.erase(.user("kim"), EventFixture.access)
        fixture.clock.advance(microseconds: Consumer.stallMicroseconds)
        _ = consumer.turn()
        #expect(sink.resets == 1 && sink.pending.isEmpty)
        fixture.clock.advance(microseconds: second)
        _ = consumer.turn()
        #expect(sink.pending.count == 2)
        #expect(sink.pending.allSatisfy { $0.event.isWithoutContent })
        #expect(sink.pending[1].event.json["data"]?["content"] == .null)
        #expect(sink.pending[1].event.json["data"]?["content_withheld"]?.string == "erased")
    }

    @Test func aSinkThatOnlyWaitsIsToldOfOnceAndItsRecoveryToo() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let log = Recorder()
        let consumer = fixture.consumer(sink, log)
        _ = try fixture.thread(of: "kim")
        for _ in 0..<1000 {
            _ = consumer.turn()
            fixture.clock.advance(microseconds: second)
        }
        #expect(sink.resets >= 3)
        #expect(log.lines.count == 1 && log.lines[0].contains("nothing was confirmed for 30 s"))
        #expect(consumer.status.isFailing && consumer.status.lagSeconds > 990)
        sink.deliver()
        _ = consumer.turn()
        #expect(log.lines.count == 2 && !consumer.status.isFailing)
    }

    @Test func whatTheReceiverDoesNotTakeGoesWithoutContentAndThenIsLeftOut() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let log = Recorder()
        let consumer = fixture.consumer(sink, log)
        let thread = try fixture.thread(of: "kim")
        try fixture.say("large", in: thread)
        try fixture.say("after", in: thread)
        _ = consumer.turn()
        sink.deliver(1)
        sink.fail(.tooLarge(sink.pending[0].number))
        _ = consumer.turn()
        #expect(sink.pending.map(\.event.text) == [nil, "after"])
        #expect(sink.pending[0].event.json["data"]?["content_withheld"]?.string == "too_large")
        sink.fail(.tooLarge(sink.pending[0].number))
        _ = consumer.turn()
        #expect(sink.pending.map(\.event.text) == ["after"])
        sink.deliver()
        _ = consumer.turn()
        #expect(consumer.position == LSN(3) && consumer.status.skipped == 1)
        #expect(log.lines.count == 2)
    }

    @Test func aReceiverThatWantsNoMoreIsLeftAlone() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        let log = Recorder()
        let consumer = fixture.consumer(sink, log)
        _ = try fixture.thread(of: "kim")
        _ = consumer.turn()
        sink.fail(.unwanted, "it answered 410")
        for _ in 0..<100 {
            fixture.clock.advance(microseconds: 60 * second)
            _ = consumer.turn()
        }
        #expect(sink.pending.isEmpty && consumer.position == .zero && consumer.status.isFailing)
        #expect(log.lines.count == 1)
    }

    @Test func theWindowIsBoundedInEventsAndBytes() throws {
        let fixture = try EventFixture()
        let sink = FakeSink()
        sink.window = DeliveryWindow(events: 4, bytes: 1 << 20, isOneAtATime: false)
        let consumer = fixture.consumer(sink)
        let thread = try fixture.thread(of: "kim")
        for i in 1...20 { try fixture.say(String(repeating: "x", count: 10_000) + "\(i)", in: thread) }
        _ = consumer.turn()
        #expect(sink.pending.count == 4)
        sink.deliver(1)
        _ = consumer.turn()
        #expect(sink.pending.count == 4)
        sink.window = DeliveryWindow(events: 100, bytes: 50_000, isOneAtATime: true)
        sink.deliver(3)
        _ = consumer.turn()
        #expect(sink.pending.count == 1, "one at a time: what is under way comes first")
        sink.deliver()
        _ = consumer.turn()
        #expect(sink.pending.count == 4)
    }

    @Test func eventsThatTheLogNoLongerHoldsAreToldAsLost() throws {
        let fixture = try EventFixture { $0.feedLagBytes = 100 << 10 }
        let sink = FakeSink()
        let log = Recorder()
        let consumer = fixture.consumer(sink, log)
        var batch = Batch()
        batch.setPosition(of: "events:test", to: .zero)
        try fixture.store.commit(batch)
        let thread = try fixture.thread(of: "kim")
        for i in 1...100 { try fixture.say(String(repeating: "y", count: 3000) + "\(i)", in: thread) }
        for _ in 0..<12 {
            try fixture.store.flush()
            try fixture.say("more", in: thread)
            fixture.clock.advance(microseconds: 2 * second)
        }
        try fixture.store.compact()
        fixture.clock.advance(microseconds: 2 * second)
        try fixture.store.maintain()
        let oldest = fixture.store.feedStatus.oldestLSN
        #expect(oldest > LSN(10))
        for _ in 0..<100 {
            _ = consumer.turn()
            sink.deliver()
        }
        #expect(log.lines.count == 1 && log.lines[0].contains("dropped"))
        #expect(consumer.status.dropped == oldest.rawValue - 1)
        #expect(sink.arrived.first?.lsn == oldest)
        #expect(consumer.position == fixture.store.status.durableLSN)
    }

    @Test func whereWritesAreAnsweredBeforeTheirSyncEventsStillGoOut() throws {
        let fixture = try EventFixture()
        let buffered = ChatEngine(
            store: fixture.store, clock: fixture.clock, random: SplitMix64Random(seed: 1),
            readers: ReaderPool(threads: 1), durability: .buffered)
        defer { buffered.close() }
        let sink = FakeSink()
        let consumer = fixture.consumer(sink)
        _ = try buffered.createSession(SessionDraft(ids: .uuid, owner: "kim"), EventFixture.access)
        _ = consumer.turn()
        #expect(sink.pending.isEmpty)
        fixture.clock.advance(microseconds: 2 * second)
        _ = consumer.turn()
        _ = consumer.turn()
        #expect(sink.pending.count == 1)
    }
}
