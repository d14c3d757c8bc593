internal import Synchronization

/// Lines that any thread may add, for tests that check an order of events.
package final class Recorder: Sendable {
    private let storage = Mutex<[String]>([])

    package init() {}

    package func add(_ line: String) { storage.withLock { $0.append(line) } }
    package var lines: [String] { storage.withLock { $0 } }
}
