internal import Synchronization

/// Messages and their bytes, both ways, without framing; counted from any thread.
package final class TrafficCounters: Sendable {
    package struct Snapshot: Sendable, Equatable {
        package var receivedMessages = 0
        package var receivedBytes = 0
        package var sentMessages = 0
        package var sentBytes = 0
    }

    private let receivedMessages = Atomic<Int>(0)
    private let receivedBytes = Atomic<Int>(0)
    private let sentMessages = Atomic<Int>(0)
    private let sentBytes = Atomic<Int>(0)

    package init() {}

    func received(_ bytes: Int) {
        receivedMessages.add(1, ordering: .relaxed)
        receivedBytes.add(bytes, ordering: .relaxed)
    }

    func sent(_ bytes: Int) {
        sentMessages.add(1, ordering: .relaxed)
        sentBytes.add(bytes, ordering: .relaxed)
    }

    package var snapshot: Snapshot {
        Snapshot(
            receivedMessages: receivedMessages.load(ordering: .relaxed),
            receivedBytes: receivedBytes.load(ordering: .relaxed),
            sentMessages: sentMessages.load(ordering: .relaxed), sentBytes: sentBytes.load(ordering: .relaxed))
    }
}
