import ChatEngine
import LogStore
import Synchronization
import TestSupport

@testable import Events

/// An engine over a store on a simulated disk, with threads of some learners in the tenant `school`.
final class EventFixture {
    let clock = SimulatedClock(stepMicroseconds: 1)
    private(set) var disk: SimulatedDisk
    private(set) var store: LogStore
    private(set) var engine: ChatEngine
    let options: StoreOptions
    static let access = Access.verifiedToken(tenant: .aivo(tenant: "school"), user: "teacher-1", reach: .tenant)

    init(disk: SimulatedDisk = SimulatedDisk(), configure: (inout StoreOptions) -> Void = { _ in }) throws {
        self.disk = disk
        var options = StoreOptions()
        options.logFileBytes = 64 << 10
        options.logReserveBytes = 4096
        options.reserveBytes = 0
        options.softLimitBytes = 0
        options.deletionGraceSeconds = 1
        configure(&options)
        self.options = options
        (store, engine) = try Self.open(disk, clock, options)
    }

    deinit {
        engine.close()
        try? store.close()
    }

    private static func open(
        _ disk: SimulatedDisk, _ clock: SimulatedClock, _ options: StoreOptions
    ) throws -> (LogStore, ChatEngine) {
        let random = SplitMix64Random(seed: 42)
        let store = try LogStore.open(disk: disk, clock: clock, random: random, options: options, execution: .inline)
        return (store, ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 1)))
    }

    /// The process or the machine ends at this moment and starts again on what the disk holds then.
    func crash(onto next: SimulatedDisk) throws {
        engine.close()
        disk = next
        (store, engine) = try Self.open(next, clock, options)
    }

    func thread(of learner: String) throws -> String {
        var state = SessionState()
        state.title = "Reading"
        return try engine.createSession(SessionDraft(ids: .uuid, owner: learner, state: state), Self.access).id
    }

    @discardableResult
    func say(_ text: String, in thread: String) throws -> StoredMessage {
        let draft = MessageDraft(ids: .uuid, role: .user, content: UTF8Text(text)) {
            $0.senderID = "teacher-1"
            $0.senderType = .teacher
        }
        return try engine.saveMessage(draft, to: thread, Self.access)
    }

    func consumer(_ sink: any EventSink, at position: LSN = .zero, _ log: Recorder = Recorder()) -> Consumer {
        Consumer(
            name: "events:test", sink: sink, store: store, clock: clock, random: SplitMix64Random(seed: 7),
            position: position, tell: { log.add("\($0)") }, wake: {})
    }
}

/// A sink that does what a test says.
final class FakeSink: EventSink {
    struct State {
        var window = DeliveryWindow(events: 10, bytes: 1 << 20, isOneAtATime: false)
        /// Under way, in order.
        var pending: [OutgoingEvent] = []
        var report: (@Sendable (DeliveryReport) -> Void)?
        /// What the receiver has got, in its order, once for each arrival.
        var arrived: [DomainEvent] = []
        var sends = 0
        var resets = 0
        var isClosed = false
    }
    let state = Mutex(State())

    var window: DeliveryWindow {
        get { state.withLock { $0.window } }
        set { state.withLock { $0.window = newValue } }
    }
    var arrived: [DomainEvent] { state.withLock { $0.arrived } }
    var pending: [OutgoingEvent] { state.withLock { $0.pending } }
    var resets: Int { state.withLock { $0.resets } }

    func send(_ events: [OutgoingEvent], report: @escaping @Sendable (DeliveryReport) -> Void) {
        state.withLock {
            $0.pending += events
            $0.report = report
            $0.sends += 1
        }
    }

    /// The receiver gets the first `count` of what is under way, and confirms it.
    func deliver(_ count: Int = .max) {
        let (taken, report) = state.withLock { state in
            let taken = Array(state.pending.prefix(count))
            state.pending.removeFirst(taken.count)
            state.arrived += taken.map(\.event)
            return (taken, state.report)
        }
        for outgoing in taken { report?(.delivered(outgoing.number)) }
    }

    /// The receiver gets the first `count`, and its confirmation is lost.
    func deliverUnconfirmed(_ count: Int) {
        state.withLock { state in state.arrived += state.pending.prefix(count).map(\.event) }
    }

    func fail(_ kind: DeliveryFailure.Kind = .retry, _ reason: String = "away") {
        state.withLock { $0.report }?(.failed(DeliveryFailure(kind, reason)))
    }

    func reset() {
        state.withLock {
            $0.pending = []
            $0.resets += 1
        }
    }

    func close() {
        state.withLock {
            $0.pending = []
            $0.isClosed = true
        }
    }
}

extension DomainEvent {
    var json: JSONValue {
        guard let value = try? JSONValue(parsing: envelope) else { return .null }
        return value
    }
    /// The message's text, if it has one.
    var text: String? {
        guard case .message(let message) = content else { return nil }
        return message.content.string
    }
}
