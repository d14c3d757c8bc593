import BenchmarkSupport
import LogStore
import Synchronization
import TestSupport

/// The store of chat-server, with its default sizes.
final class LogStoreEngine: CompletionEngine {
    private let store: LogStore
    private let sessions: [SessionKey]

    init(path: String, sessions count: Int) throws {
        store = try openStore(path) { $0.cacheBytes = Engines.cacheBytes }
        var found: [SessionKey] = []
        if let tenant = try store.tenant(named: "bench") {
            for index in 0..<count {
                guard let session = try store.session(id: "session_\(index)", in: tenant) else { break }
                found.append(session.key)
            }
        }
        var source = Messages(seed: 1)
        while found.count < count {
            let first = found.count
            found += try store.load(
                user: "u\(first / 50)", first: first, sessions: min(50, count - first), messages: 0, bytes: 0, &source)
        }
        sessions = found
        try store.flush()
    }

    func append(_ payload: [UInt8], session: Int, sequence: UInt64) throws {
        try store.append(payload, to: sessions[session])
    }

    func append(
        _ payload: [UInt8], session: Int, sequence: UInt64, completion: @escaping @Sendable (String?) -> Void
    ) throws {
        var batch = Batch()
        batch.append(payload, to: .existing(sessions[session]))
        try store.commit(batch) { result in
            if case .failure(let error) = result { completion("\(error)") } else { completion(nil) }
        }
    }

    func load(_ entries: [LoadedEntry]) throws {
        var batch = Batch(durability: .buffered)
        for entry in entries { batch.append(entry.payload, to: .existing(sessions[entry.session])) }
        try store.commit(batch)
    }

    func finishLoading() throws {
        try store.flush()
        try store.compact()
        try store.maintain()
    }

    func last(_ count: Int, session: Int) throws -> [[UInt8]] {
        try store.entries(of: sessions[session], .last(count)).map(\.payload)
    }

    var tableBytes: UInt64? { store.status.tableBytes }

    func close() throws { try store.close() }
}
