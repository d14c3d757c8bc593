internal import ChatEngine
internal import LogStore
internal import Synchronization

/// One consumer of the events: from its durable position to its sink.
///
/// ## Steps of a turn
/// 1. Take the sink's reports. Confirmed events leave the window from its front; the position follows at the last event
///    of a batch.
/// 2. After a failure, or when nothing was confirmed for `stallMicroseconds`, everything under way is given up and read
///    again from the position, after a back-off. So content that was erased meanwhile is not sent again, however long
///    the receiver was away.
/// 3. Fill the window from the log.
/// 4. Write the position, ten times a second or every 200 events, without a sync of its own.
///
/// Invariants: events are sent in the order of the log; the position never passes an event that the sink has not
/// confirmed (but those that the log no longer holds, or that the receiver never takes); each turn is short, because the
/// sink does not block. A crash repeats what was confirmed since the position was last written: at least once.
///
/// Confined to one thread at a time; `report` and `status` may be called from any.
final class Consumer: @unchecked Sendable {  // everything but `inbox` and `shown` is confined to who calls `turn`
    let name: String
    private let sink: any EventSink
    private let store: LogStore
    private let clock: any Clock
    private let random: any RandomSource
    private let tell: @Sendable (RelayEvent) -> Void
    private let wake: @Sendable () -> Void

    private struct Sent {
        var event: DomainEvent
        var bytes: Int
        var isDone: Bool
    }
    private struct Place: Hashable {
        var lsn: LSN
        var index: Int
    }
    /// What the receiver does not take as it is.
    private enum Unwanted { case withContent, atAll }

    private var reader: DomainEventReader
    private var read: ArraySlice<DomainEvent> = []
    /// In the order of sending; the first has the number `firstNumber`.
    private var window: [Sent] = []
    private var firstNumber: UInt64 = 1
    private var windowBytes = 0
    private var unwanted: [Place: Unwanted] = [:]
    private var generation: UInt64 = 0

    private(set) var position: LSN
    private var written: LSN
    private var writtenAt: UInt64?
    /// Events confirmed since the position was written.
    private var progress = 0
    private var attempts = 0
    private var nextAttemptAt: UInt64 = 0
    private var progressAt: UInt64
    private var isStopped = false
    private var storeHasFailed = false

    private struct Inbox {
        var generation: UInt64 = 0
        var reports: [DeliveryReport] = []
    }
    private let inbox = Mutex(Inbox())
    private let shown: Mutex<Shown>

    private struct Shown {
        var position: LSN
        var oldest: Timestamp?
        var delivered: UInt64 = 0
        var failures: UInt64 = 0
        var dropped: UInt64 = 0
        var skipped: UInt64 = 0
        var isFailing = false
    }

    static let writeMicroseconds: UInt64 = 100_000
    private static let writeEvents = 200
    private static let idleMicroseconds: UInt64 = 1_000_000
    static let patienceMicroseconds: UInt64 = 30_000_000
    static let stallMicroseconds: UInt64 = 300_000_000
    static let shortestBackoffMicroseconds: UInt64 = 500_000
    static let longestBackoffMicroseconds: UInt64 = 60_000_000
    private static let longestRetryAfterSeconds = 3600

    /// - Parameters:
    ///   - position: where the store says that it stands.
    ///   - wake: called from any thread when a turn is worth while.
    init(
        name: String, sink: any EventSink, store: LogStore, clock: any Clock, random: any RandomSource, position: LSN,
        tell: @escaping @Sendable (RelayEvent) -> Void, wake: @escaping @Sendable () -> Void
    ) {
        self.name = name
        self.sink = sink
        self.store = store
        self.clock = clock
        self.random = random
        self.tell = tell
        self.wake = wake
        self.position = position
        written = position
        reader = DomainEventReader(store, after: position)
        shown = Mutex(Shown(position: position))
        progressAt = clock.monotonicMicroseconds()
    }

    // MARK: A turn

    /// Does what there is to do.
    /// - Returns: after how many microseconds it wants its next turn, if nobody wakes it before.
    func turn() -> UInt64 {
        takeReports()
        let now = clock.monotonicMicroseconds()
        if !window.isEmpty { lookForStall(now) }
        if !isStopped, now >= nextAttemptAt { fill() }
        // What the sink reported at once.
        takeReports()
        write(now)
        show()
        var delay = Self.idleMicroseconds
        if progress > 0, position > written { delay = Self.writeMicroseconds }
        return now < nextAttemptAt ? min(delay, nextAttemptAt - now) : delay
    }

    /// Nothing is under way or could be sent now.
    var isIdle: Bool { window.isEmpty || attempts > 0 }

    /// Takes reports without sending anything more: for the time before the end.
    func settle() {
        takeReports()
        show()
    }

    /// Writes the position for good and ends the sink.
    func end() {
        takeReports()
        sink.close()
        advanceIdle()
        if position > written {
            var batch = Batch(durability: .durable)
            batch.setPosition(of: name, to: position)
            _ = try? store.commit(batch)
        }
    }

    // MARK: 1. Reports

    private func takeReports() {
        let reports = inbox.withLock { inbox in
            defer { inbox.reports = [] }
            return inbox.reports
        }
        var failure: DeliveryFailure?
        for report in reports {
            switch report {
            case .delivered(let number):
                guard number >= firstNumber, number - firstNumber < UInt64(window.count) else { continue }
                window[Int(number - firstNumber)].isDone = true
            case .failed(let why): failure = failure ?? why
            }
        }
        confirm()
        if let failure { fail(failure) }
    }

    private func confirm() {
        var count = 0
        for sent in window {
            guard sent.isDone else { break }
            count += 1
            windowBytes -= sent.bytes
            if sent.event.isLastOfBatch { position = sent.event.lsn }
            unwanted[Place(lsn: sent.event.lsn, index: sent.event.index)] = nil
        }
        guard count > 0 else { return }
        window.removeFirst(count)
        firstNumber += UInt64(count)
        progress += count
        progressAt = clock.monotonicMicroseconds()
        shown.withLock { $0.delivered += UInt64(count) }
        if attempts > 0 {
            tell(.recovered(consumer: name, attempts: attempts))
            attempts = 0
        }
    }

    // MARK: 2. Failures

    private func fail(_ failure: DeliveryFailure) {
        shown.withLock { $0.failures += 1 }
        var delay = backoff()
        switch failure.kind {
        case .retry: break
        case .retryAfter(let seconds):
            delay = max(delay, UInt64(min(max(0, seconds), Self.longestRetryAfterSeconds)) * 1_000_000)
        case .tooLarge(let number):
            if number >= firstNumber, number - firstNumber < UInt64(window.count) {
                refuse(window[Int(number - firstNumber)].event)
                delay = 0
            }
        case .unwanted:
            isStopped = true
            tell(.stopped(consumer: name, reason: failure.reason))
        }
        if delay > 0, !isStopped {
            if attempts == 0 { tell(.failing(consumer: name, reason: failure.reason)) }
            attempts += 1
        }
        sink.reset()
        rewind()
        nextAttemptAt = clock.monotonicMicroseconds() + delay
    }

    /// A sink that only waits is told of as failing, and later made to begin anew.
    private func lookForStall(_ now: UInt64) {
        let seconds = (now - progressAt) / 1_000_000
        if now - progressAt >= Self.stallMicroseconds {
            fail(DeliveryFailure(.retry, sink.trouble ?? "nothing was confirmed for \(seconds) s"))
        } else if now - progressAt >= Self.patienceMicroseconds, attempts == 0 {
            attempts = 1
            tell(.failing(consumer: name, reason: sink.trouble ?? "nothing was confirmed for \(seconds) s"))
        }
    }

    private func refuse(_ event: DomainEvent) {
        let place = Place(lsn: event.lsn, index: event.index)
        if unwanted[place] == nil, !event.isWithoutContent {
            unwanted[place] = .withContent
            tell(.withheld(consumer: name, event: event.id))
        } else {
            unwanted[place] = .atAll
            shown.withLock { $0.skipped += 1 }
            tell(.skipped(consumer: name, event: event.id))
        }
    }

    /// Twice as long each time, and a random part less, so that many servers do not come at once.
    private func backoff() -> UInt64 {
        let doubled = Self.shortestBackoffMicroseconds << UInt64(min(attempts, 10))
        let longest = min(doubled, Self.longestBackoffMicroseconds)
        return longest / 2 + random.next() % (longest / 2)
    }

    private func rewind() {
        firstNumber += UInt64(window.count)
        window = []
        windowBytes = 0
        read = []
        generation += 1
        inbox.withLock { $0 = Inbox(generation: generation) }
        reader = DomainEventReader(store, after: position)
        progressAt = clock.monotonicMicroseconds()
    }

    // MARK: 3. Sending

    private func fill() {
        let limit = sink.window
        while window.count < limit.events, !(limit.isOneAtATime && !window.isEmpty) {
            if read.isEmpty, !readMore(limit.events - window.count) { break }
            let room = limit.events - window.count
            var batch: [OutgoingEvent] = []
            while let next = read.first, batch.count < room {
                let event = adjusted(next)
                let bytes = event.approximateBytes
                if windowBytes + bytes > limit.bytes, !window.isEmpty { break }
                read.removeFirst()
                let isSkipped = unwanted[Place(lsn: event.lsn, index: event.index)] == .atAll
                if window.isEmpty { progressAt = clock.monotonicMicroseconds() }
                window.append(Sent(event: event, bytes: bytes, isDone: isSkipped))
                windowBytes += bytes
                if !isSkipped {
                    batch.append(
                        OutgoingEvent(number: firstNumber + UInt64(window.count) - 1, event: event))
                }
            }
            guard !batch.isEmpty else {
                confirm()
                if window.isEmpty { continue }
                break
            }
            send(batch)
        }
        if window.isEmpty, read.isEmpty { advanceIdle() }
    }

    private func send(_ batch: [OutgoingEvent]) {
        let sentIn = generation
        sink.send(batch) { [weak self] report in
            guard let self else { return }
            let isCurrent = inbox.withLock { inbox in
                // Of a delivery that was given up: what it says is about nothing any more.
                guard inbox.generation == sentIn else { return false }
                inbox.reports.append(report)
                return true
            }
            if isCurrent { wake() }
        }
    }

    private func adjusted(_ event: DomainEvent) -> DomainEvent {
        unwanted[Place(lsn: event.lsn, index: event.index)] == nil ? event : event.withheld(.tooLarge)
    }

    /// - Returns: false if there is nothing to be had now.
    private func readMore(_ limit: Int) -> Bool {
        do throws(EventFeedError) {
            while read.isEmpty {
                let start = reader.position
                read = try reader.next(limit: min(limit, 512))[...]
                if read.isEmpty, reader.position == start { return false }
            }
            storeHasFailed = false
            return true
        } catch {
            switch error {
            case .gone(let oldest):
                shown.withLock { $0.dropped += oldest.rawValue - min(oldest, reader.position).rawValue }
                tell(.dropped(consumer: name, after: reader.position.rawValue, through: oldest.rawValue))
                if window.isEmpty { position = max(position, oldest) }
                reader = DomainEventReader(store, after: max(oldest, reader.position))
                progress += 1
                return true
            case .chat(let reason): storeFailed("\(reason)")
            }
            nextAttemptAt = clock.monotonicMicroseconds() + Self.longestBackoffMicroseconds
            return false
        }
    }

    private func storeFailed(_ reason: String) {
        if !storeHasFailed { tell(.storeFailed(consumer: name, reason: reason)) }
        storeHasFailed = true
    }

    // MARK: 4. The position

    /// With nothing under way the position is where the reader is: what lies between are batches without events.
    private func advanceIdle() {
        if window.isEmpty, read.isEmpty, reader.position > position { position = reader.position }
    }

    /// Writing the position is a batch of the log as well, so it is written only if events were confirmed or if it holds
    /// older log files back: else a server at rest would write for ever. Where writes are answered before their sync
    /// (`store.sync` buffered) an event waits for one: then the position is written with a sync.
    private func write(_ now: UInt64) {
        if let writtenAt, now - writtenAt < Self.writeMicroseconds, progress < Self.writeEvents { return }
        let feed = store.feedStatus
        let wantsSync = feed.annotatedLSN > feed.durableLSN
        let isWanted = progress > 0 || written.next < feed.newestFileLSN
        guard wantsSync || (position > written && isWanted) else { return }
        writtenAt = now
        var batch = Batch(durability: wantsSync ? .durable : .buffered)
        batch.setPosition(of: name, to: position)
        do throws(LogStoreError) {
            try store.commit(batch) { _ in }
            written = position
            progress = 0
        } catch {
            // The next turn tries again; a store that fails for good says so itself.
            if case .closed = error { return }
            storeFailed("\(error)")
        }
    }

    // MARK: Status

    private func show() {
        let oldest = window.first?.event.time ?? read.first?.time
        shown.withLock { shown in
            shown.position = position
            shown.isFailing = attempts > 0 || isStopped
            // While it is being tried again there is nothing in the window.
            if oldest != nil || !shown.isFailing { shown.oldest = oldest }
        }
    }

    var status: ConsumerStatus {
        let shown = shown.withLock { $0 }
        let feed = store.feedStatus
        let isBehind = feed.annotatedLSN > shown.position && feed.durableLSN > shown.position
        let age = shown.oldest.map { max(0, clock.now().microseconds - $0.microseconds) } ?? 0
        return ConsumerStatus(
            name: name, position: shown.position.rawValue,
            lagBatches: isBehind ? feed.durableLSN.rawValue - shown.position.rawValue : 0,
            lagSeconds: isBehind ? Double(age) / 1e6 : 0, delivered: shown.delivered, failures: shown.failures,
            dropped: shown.dropped, skipped: shown.skipped, isFailing: shown.isFailing)
    }
}
