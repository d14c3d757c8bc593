import Agents
import ChatEngine
import LogStore
import Synchronization
import TestSupport

/// Agents over a real store on a simulated disk.
final class AgentsFixture: Sendable {
    let clock: SimulatedClock
    let store: LogStore
    let engine: ChatEngine
    let orchestrator: AgentOrchestrator
    let events = Recorder()
    private let timerThread: TimerThread?
    let access = Access.trusted(tenant: .poc)

    init(
        _ change: (inout AgentsConfiguration) -> Void = { _ in }, timers: (any Timers)? = nil,
        disk: SimulatedDisk = SimulatedDisk(), execution: LogStore.Execution = .inline
    ) throws {
        clock = SimulatedClock(stepMicroseconds: 1)
        let random = SplitMix64Random(seed: 42)
        store = try LogStore.open(disk: disk, clock: clock, random: random, execution: execution)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 2))
        var configuration = AgentsConfiguration()
        let events = events
        configuration.log = { events.add("\($0.agent): \($0.message)") }
        change(&configuration)
        timerThread = timers == nil ? TimerThread() : nil
        guard
            let orchestrator = AgentOrchestrator(
                engine: engine, configuration: configuration, timers: timers ?? timerThread ?? TimerThread())
        else { throw FixtureError.noLibrary }
        self.orchestrator = orchestrator
    }

    enum FixtureError: Error { case noLibrary }

    deinit {
        orchestrator.shutDown()
        timerThread?.shutDown()
        engine.close()
        try? store.close()
    }

    func turn(
        _ text: String, id: String = "msg_1", user: String = "ann", state: JSONObject = [:], context: JSONObject = [:]
    ) -> AgentTurn {
        AgentTurn(
            messageID: id, sessionID: "sess_1_a", userID: user, text: text, receivedAt: clock.now(),
            message: ["id": .string(id), "content": .string(text), "type": .string("text")], state: state,
            conversationContext: context, access: access)
    }

    func answer(_ turn: AgentTurn) async -> TurnResult {
        await withCheckedContinuation { continuation in
            orchestrator.process(turn) { continuation.resume(returning: $0) }
        }
    }

    func answer(_ text: String) async -> TurnResult { await answer(turn(text)) }
}

/// A customer who says one thing after another.
final class Conversation: Sendable {
    private struct State {
        var count = 0
        var state: JSONObject = [:]
        var context: JSONObject = [:]
    }

    let fixture: AgentsFixture
    let user: String
    private let memory = Mutex(State())

    init(_ fixture: AgentsFixture, user: String = "ann") {
        self.fixture = fixture
        self.user = user
    }

    var context: JSONObject { memory.withLock { $0.context } }
    var state: JSONObject { memory.withLock { $0.state } }

    @discardableResult
    func say(_ text: String) async -> TurnResult {
        let turn = memory.withLock { memory in
            memory.count += 1
            return fixture.turn(
                text, id: "msg_\(memory.count)", user: user, state: memory.state, context: memory.context)
        }
        let result = await fixture.answer(turn)
        memory.withLock { memory in
            memory.state = result.state
            memory.context = result.conversationContext
        }
        return result
    }

    /// Cents by account.
    func balances() async throws -> [Ledger.AccountKind: Int64] {
        let ledger = try await ledger().get()
        return Dictionary(uniqueKeysWithValues: ledger.accounts.map { ($0.kind, $0.cents) })
    }

    func ledger() async -> Result<Ledger, ChatError> {
        await withCheckedContinuation { continuation in
            fixture.engine.ledger(of: user, fixture.access) { continuation.resume(returning: $0) }
        }
    }

    func entries() async throws -> [LedgerEntry] {
        try await withCheckedContinuation { continuation in
            fixture.engine.ledgerEntries(of: user, limit: 10_000, fixture.access) {
                continuation.resume(returning: $0)
            }
        }.get()
    }
}
