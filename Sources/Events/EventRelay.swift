package import ChatEngine
internal import LogStore
internal import Synchronization

/// The consumers of a server, each on a thread of its own, from `start` to `stop`.
package final class EventRelay: Sendable {
    private let workers: [Worker]
    private let observation = Mutex<FeedObservation?>(nil)
    private let store: LogStore

    /// Before every name in the store, so that a consumer of somebody else is not forgotten.
    private static let prefix = "events:"

    /// Registers consumers that are new, at the end of the log: events from here on are theirs. Forgets those that are not
    /// given any more, so that nothing is kept for them.
    /// - Throws: what the store refuses.
    package init(
        _ engine: ChatEngine, consumers: [(name: String, sink: any EventSink)],
        report: @escaping @Sendable (RelayEvent) -> Void
    ) throws(ChatError) {
        store = engine.store
        let positions = try Self.register(engine.store, consumers.map { Self.prefix + $0.name }, report)
        workers = zip(consumers, positions).map { consumer, position in
            Worker(engine, Self.prefix + consumer.name, consumer.sink, position, report)
        }
    }

    private static func register(
        _ store: LogStore, _ names: [String], _ report: @Sendable (RelayEvent) -> Void
    ) throws(ChatError) -> [LSN] {
        do throws(LogStoreError) {
            let known = try store.consumers().filter { $0.name.hasPrefix(prefix) }
            let end = store.feedStatus.visibleLSN
            var batch = Batch(durability: .durable)
            for (name, _) in known where !names.contains(name) {
                batch.setPosition(of: name, to: nil)
                report(.forgotten(consumer: name))
            }
            var positions: [LSN] = []
            for name in names {
                if let position = known.first(where: { $0.name == name })?.position {
                    positions.append(min(position, end))
                } else {
                    batch.setPosition(of: name, to: end)
                    positions.append(end)
                }
            }
            if !batch.isEmpty { try store.commit(batch) }
            return positions
        } catch {
            throw ChatError.unavailable("\(error)")
        }
    }

    package func start() {
        for worker in workers { worker.start() }
        let workers = workers
        observation.withLock { $0 = store.observeFeed { for worker in workers { worker.wake() } } }
    }

    /// Sends nothing more, waits for so long for what is under way, writes the positions. The store is still open then.
    package func stop(within milliseconds: Int = 2000) {
        observation.withLock { $0 = nil }
        for worker in workers { worker.ask(toStopWithin: milliseconds) }
        for worker in workers { worker.join() }
    }

    package var statuses: [ConsumerStatus] {
        workers.map { worker in
            var status = worker.consumer.status
            status.name = String(status.name.dropFirst(Self.prefix.count))
            return status
        }
    }
}

/// A consumer and its thread.
private final class Worker: Sendable {
    let consumer: Consumer
    private let alarm: Alarm
    private let thread = Mutex<WorkerThread?>(nil)

    init(
        _ engine: ChatEngine, _ name: String, _ sink: any EventSink, _ position: LSN,
        _ report: @escaping @Sendable (RelayEvent) -> Void
    ) {
        let alarm = Alarm(clock: engine.clock)
        self.alarm = alarm
        consumer = Consumer(
            name: name, sink: sink, store: engine.store, clock: engine.clock, random: engine.random,
            position: position, tell: report, wake: { alarm.ring() })
    }

    func start() {
        thread.withLock { thread in
            thread = WorkerThread { [consumer, alarm] in
                while alarm.wait(microseconds: consumer.turn()) {}
                // What is under way may still be confirmed: then it is not sent again at the next start.
                while !consumer.isIdle, alarm.waitForEnd() { consumer.settle() }
                consumer.end()
            }
        }
    }

    func wake() { alarm.ring() }

    func ask(toStopWithin milliseconds: Int) { alarm.stop(within: milliseconds) }

    func join() { thread.withLock { $0 }?.join() }
}

/// Wakes a consumer's thread.
private final class Alarm: @unchecked Sendable {  // everything under `signal`
    private let signal = Signal()
    private var hasRung = false
    private var isStopping = false
    /// When the time for what is under way is over, by the monotonic clock.
    private var deadline: UInt64 = 0
    private let clock: any Clock

    private static let stepMilliseconds = 20

    init(clock: any Clock) { self.clock = clock }

    func ring() {
        signal.locked {
            hasRung = true
            signal.wakeAll()
        }
    }

    func stop(within milliseconds: Int) {
        signal.locked {
            isStopping = true
            deadline = clock.monotonicMicroseconds() + UInt64(milliseconds) * 1000
            signal.wakeAll()
        }
    }

    /// Waits for a ring or for so long.
    /// - Returns: false at the end.
    func wait(microseconds: UInt64) -> Bool {
        signal.locked {
            if !hasRung && !isStopping { _ = signal.wait(milliseconds: Int(microseconds / 1000) + 1) }
            hasRung = false
            return !isStopping
        }
    }

    /// Waits for a ring, at the end.
    /// - Returns: false if the time is up.
    func waitForEnd() -> Bool {
        signal.locked {
            guard clock.monotonicMicroseconds() < deadline else { return false }
            if !hasRung { _ = signal.wait(milliseconds: Self.stepMilliseconds) }
            hasRung = false
            return true
        }
    }
}
