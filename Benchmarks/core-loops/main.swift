// What callgrind counts for the guard: whole requests of orion without their sockets. The disk is a real one, since a
// simulated one would cost more than what is counted; what the kernel does is not counted.
//
//   core-loops save|history|list|history-tables|list-tables TURNS
//
// What ends in `-tables` reads what has been flushed, through a warm cache; the others read what is still in the head.
//
// The same requests on every run: clock and random numbers are simulated, and everything happens on one thread, so the
// instructions of two runs differ by what the turns cost.

import BenchmarkSupport
import ChatAPI
import ChatEngine
import Glibc
import HTTPTransport
import LogStore
import Synchronization
import TestSupport

/// Takes the reply as a socket would: header blocks stay in wire form.
final class PlainExchange: Exchange {
    private let response = Mutex<Response?>(nil)

    var reply: Response? { response.withLock { $0 } }

    func addHeader(_ name: String, _ value: String) {}
    func addHeaders(_ block: HeaderBlock) {}
    func removeHeaders() {}
    func respond(_ response: Response) { self.response.withLock { $0 = response } }
}

struct CoreLoops {
    private let handler: Handler
    private let engine: ChatEngine
    private var sessions: [String] = []
    private let text = String(repeating: "What is a write-ahead log? ", count: 11)

    /// - Parameters:
    ///   - sessions: of one user.
    ///   - messages: in each.
    ///   - flushes: whether they are in tables before the first turn.
    init(directory: String, sessions count: Int, messages: Int, flushes: Bool) throws {
        let clock = SimulatedClock(stepMicroseconds: 7)
        let random = SplitMix64Random(seed: 7)
        let store = try LogStore.open(
            disk: try LiveDisk(path: directory + "/store", createIfMissing: true), clock: clock, random: random,
            execution: .inline)
        engine = ChatEngine(store: store, clock: clock, random: random, readers: ReaderPool(threads: 1))
        var configuration = OrionConfiguration()
        configuration.rateLimit = 0
        handler = OrionSurface(engine: engine, configuration: configuration).handler
        for _ in 0..<count {
            let reply = try post("create", #"{"userId":"ann"}"#)
            guard let id = try JSONValue(parsing: reply)["sessionId"]?.string else {
                throw BenchmarkFailure(description: "no session was made")
            }
            sessions.append(id)
        }
        for _ in 0..<messages {
            for index in sessions.indices { try save(index) }
        }
        if flushes {
            try store.flush()
            // The event loop's reads need what they read in the cache; a blocking one brings it there.
            for session in sessions { _ = try engine.history(of: session, .last(messages), .trusted(tenant: .orion)) }
            let query = SessionListQuery(owner: "ann", query: SessionQuery(limit: count), recentMessages: 1)
            _ = try engine.sessions(query, .trusted(tenant: .orion))
        }
    }

    func run(_ loop: String, turns: Int) throws {
        for turn in 0..<turns {
            let index = turn % sessions.count
            switch loop {
            case "save": try save(index)
            case "history", "history-tables": _ = try get("messages?sessionId=\(sessions[index])")
            case "list", "list-tables": _ = try get("list?userId=ann&limit=50")
            default: throw BenchmarkFailure(description: "no such loop: \(loop)")
            }
        }
    }

    private func save(_ index: Int) throws {
        _ = try post(
            "save-message", #"{"sessionId":"\#(sessions[index])","role":"user","content":"\#(text)"}"#)
    }

    private func post(_ path: String, _ json: String) throws -> [UInt8] {
        try send(
            Request(
                method: "POST", target: "/api/sessions/" + path, headers: [("Content-Type", "application/json")],
                body: Array(json.utf8)))
    }

    private func get(_ path: String) throws -> [UInt8] {
        try send(Request(target: "/api/sessions/" + path))
    }

    private func send(_ request: Request) throws -> [UInt8] {
        let exchange = PlainExchange()
        handler(request, exchange)
        // What is in memory is answered within the call, and a durable write too, since no other thread writes.
        guard let reply = exchange.reply, reply.status < 300 else {
            throw BenchmarkFailure(description: "\(request.target): \(exchange.reply?.status ?? 0)")
        }
        return reply.body.bytes
    }
}

do {
    guard CommandLine.arguments.count == 3, let turns = Int(CommandLine.arguments[2]) else {
        throw BenchmarkFailure(description: "core-loops save|history|list|history-tables|list-tables TURNS")
    }
    let directory = TemporaryDirectory()
    let loop = CommandLine.arguments[1]
    let shape = loop.hasPrefix("history") ? (sessions: 4, messages: 50) : (sessions: 50, messages: 1)
    try CoreLoops(
        directory: directory.path, sessions: shape.sessions, messages: shape.messages,
        flushes: loop.hasSuffix("-tables")
    ).run(loop, turns: turns)
    withExtendedLifetime(directory) {}
} catch {
    print("failed: \(error)")
    exit(1)
}
