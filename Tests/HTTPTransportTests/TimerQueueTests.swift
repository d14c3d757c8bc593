import TestSupport
import Testing

@testable import HTTPTransport

@Suite struct TimerQueueTests {
    @Test func comesOutInOrder() {
        var random = SplitMix64(seed: 7)
        var queue = TimerQueue()
        var expected: [UInt64] = []
        for token in 0..<1000 as Range<UInt64> {
            let due = UInt64.random(in: 0..<500, using: &random)
            queue.insert(.init(due: due, token: token))
            expected.append(due)
        }
        expected.sort()
        #expect(queue.earliest == expected[0])
        var taken: [UInt64] = []
        for now in 0..<500 as Range<UInt64> {
            while let entry = queue.takeDue(at: now) {
                #expect(entry.due == now)
                taken.append(entry.due)
            }
        }
        #expect(taken == expected)
        #expect(queue.isEmpty)
    }
}
