import Agents
import ChatEngine
import LogStore
import Synchronization
import TestSupport

/// What a turn of the built-in agents costs on one thread: the mean and the slowest of many, by kind of message. The disk is
/// simulated, so a transfer's figure is without its sync.
@main
struct AgentsBenchmark {
    static func main() async throws {
        let clock = LiveClock()
        let random = SplitMix64Random(seed: 1)
        let store = try LogStore.open(disk: SimulatedDisk(), clock: clock, random: random, execution: .inline)
        let engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 1))
        let timers = TimerThread()
        let orchestrator = AgentOrchestrator(engine: engine, configuration: AgentsConfiguration(), timers: timers)
        guard let orchestrator else { return }
        let texts = [
            "hello", "What is my account balance?", "show my last 5 transactions", "calculate 15% of 80",
            "I don't want to block my card, just tell me how much money I have left in my savings account, please",
            "what's the weather like today?", "transfer $0.01 to savings",
        ]
        let count = 2000
        for text in texts {
            var (total, slowest, hash) = (UInt64(0), UInt64(0), UInt64(0))
            for index in 0..<count {
                let turn = AgentTurn(
                    messageID: "msg_\(index)", sessionID: "sess", userID: "ann", text: text, receivedAt: clock.now(),
                    access: .trusted(tenant: .poc))
                let start = clock.monotonicMicroseconds()
                let result = await withCheckedContinuation { continuation in
                    orchestrator.process(turn) { continuation.resume(returning: $0) }
                }
                let spent = clock.monotonicMicroseconds() - start
                total += spent
                slowest = max(slowest, index < 10 ? 0 : spent)
                hash = hash &* 31 &+ UInt64(result.content.utf8.count)
            }
            print("\(total / UInt64(count)) µs mean, \(slowest) µs slowest, hash \(hash): \(text)")
        }
    }
}
