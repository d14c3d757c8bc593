import Agents
import ChatEngine
import LogStore
import Synchronization
import TestSupport

/// Has the agents ask a Model Context Protocol server, whose address is the argument, and compares what they say.
/// Exits with 1 and the difference if it is not what it should be.
@main
struct AgentsClient {
    private static let cases: [(text: String, reply: String)] = [
        ("please calculate 19 + 23", "42.0"),
        ("lookup the weather in Paris", "Sunny in Paris"),
        ("search documents for \"Emma\", 2 at most", "Emma 1\nEmma 2"),
    ]

    static func main() async throws {
        let clock = LiveClock()
        let random = SplitMix64Random(seed: 1)
        let store = try LogStore.open(disk: SimulatedDisk(), clock: clock, random: random, execution: .inline)
        let engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 1))
        let timers = TimerThread()
        var configuration = AgentsConfiguration()
        configuration.mcpServiceURL = CommandLine.arguments.dropFirst().first
        configuration.log = { print("log: \($0.agent): \($0.message)") }
        guard let orchestrator = AgentOrchestrator(engine: engine, configuration: configuration, timers: timers) else {
            fatalError("no HTTP library")
        }
        var failures = 0
        func say(_ text: String) async -> TurnResult {
            let turn = AgentTurn(
                messageID: "msg", sessionID: "sess", userID: "ann", text: text, receivedAt: clock.now(),
                access: .trusted(tenant: .poc))
            return await withCheckedContinuation { continuation in
                orchestrator.process(turn) { continuation.resume(returning: $0) }
            }
        }
        for (text, reply) in cases {
            let result = await say(text)
            if result.content != reply || result.source != .mcp {
                print("\(text): \(result.content) instead of \(reply)")
                failures += 1
            }
        }
        let failed = await say("use the tool explode")
        if failed.source != .mcp || !failed.content.contains("boom") && !failed.content.contains("explode") {
            print("a failing tool: \(failed.content)")
            failures += 1
        }
        print(failures == 0 ? "\(cases.count + 1) questions answered" : "\(failures) differences")
        if failures > 0 { fatalError("not as it should be") }
    }
}
