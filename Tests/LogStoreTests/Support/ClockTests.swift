import LogStore
import TestSupport
import Testing

@Suite("Clocks and random sources")
struct ClockTests {
    @Test func liveClockIsOfThisCenturyAndNeverGoesBack() {
        let clock = LiveClock()
        #expect(clock.now() > Timestamp(microseconds: 1_700_000_000_000_000))
        #expect(clock.now() < Timestamp(microseconds: 4_102_444_800_000_000))
        var last = clock.monotonicMicroseconds()
        for _ in 0..<1000 {
            let next = clock.monotonicMicroseconds()
            #expect(next >= last)
            last = next
        }
    }

    @Test func systemRandomDoesNotRepeat() {
        let source = SystemRandom()
        let values = Set((0..<1000).map { _ in source.next() })
        #expect(values.count == 1000)
        #expect(values.reduce(0, |) == .max, "every bit is set in some")
        #expect(values.reduce(.max, &) == 0, "and clear in some")
    }

    @Test func simulatedClockMovesOnlyWhenTold() {
        let clock = SimulatedClock(start: Timestamp(microseconds: 100))
        #expect(clock.now() == clock.now())
        clock.advance(microseconds: 5)
        #expect((clock.now().microseconds, clock.monotonicMicroseconds()) == (105, 5))
        clock.jump(microseconds: -50)
        #expect((clock.now().microseconds, clock.monotonicMicroseconds()) == (55, 5))
        let stepping = SimulatedClock(start: Timestamp(microseconds: 0), stepMicroseconds: 3)
        #expect([stepping.now(), stepping.now(), stepping.now()].map(\.microseconds) == [0, 3, 6])
    }

    @Test func splitMix64IsThePublishedSequence() {
        // The first outputs for seed 1234567 of the reference implementation (prng.di.unimi.it/splitmix64.c).
        let source = SplitMix64Random(seed: 1_234_567)
        let expected: [UInt64] = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        #expect((0..<3).map { _ in source.next() } == expected)
    }
}
