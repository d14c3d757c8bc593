internal import ChatEngine
internal import Synchronization

/// The replies that are being streamed now.
final class StreamRegistry: Sendable {
    private struct State {
        var generations: [UUIDValue: Generation] = [:]
        /// Places taken by requests whose question is being stored.
        var reserved = 0
        var isClosed = false
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = capacity }

    /// Takes a place for a reply.
    /// - Returns: false if all are taken or the server goes down.
    func reserve() -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.generations.count + state.reserved < capacity else { return false }
            state.reserved += 1
            return true
        }
    }

    /// Gives a place back that no reply came for.
    func release() { state.withLock { $0.reserved -= 1 } }

    /// Puts a reply into a place that was taken.
    /// - Returns: false if the server goes down.
    func add(_ generation: Generation) -> Bool {
        state.withLock { state in
            state.reserved -= 1
            guard !state.isClosed else { return false }
            state.generations[generation.id] = generation
            return true
        }
    }

    /// Adds a reply of the server before, whatever the capacity.
    func add(recovered generation: Generation) {
        state.withLock { $0.generations[generation.id] = generation }
    }

    func remove(_ generation: Generation) {
        state.withLock { $0.generations[generation.id] = nil }
    }

    subscript(_ id: UUIDValue) -> Generation? { state.withLock { $0.generations[id] } }

    var count: Int { state.withLock { $0.generations.count } }

    /// Takes no more replies and returns those that are there.
    func close() -> [Generation] {
        state.withLock { state in
            state.isClosed = true
            return Array(state.generations.values)
        }
    }
}
