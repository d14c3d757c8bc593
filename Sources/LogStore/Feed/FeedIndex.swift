internal import Synchronization

/// Where in the log files batches are, now and then one: so that a reader that begins in the middle of a file need not
/// read it from its beginning. Filled by readers; what is missing costs time only.
final class FeedIndex: Sendable {
    struct Place: Sendable {
        /// The newest batch before `offset`.
        var last: LSN
        /// Where the next frame begins.
        var offset: UInt64
    }

    /// At least so many bytes of log lie between two places: 256 places for a file of 64 MiB.
    static let spacingBytes: UInt64 = 256 << 10

    /// By file number; places rise.
    private let places = Mutex<[UInt64: [Place]]>([:])

    /// The nearest place at or before `position` in a file.
    func place(at position: LSN, in file: UInt64) -> Place? {
        places.withLock { $0[file]?.last { $0.last <= position } }
    }

    func note(_ place: Place, in file: UInt64) {
        places.withLock { places in
            let last = places[file]?.last?.offset ?? 0
            if place.offset >= last + Self.spacingBytes { places[file, default: []].append(place) }
        }
    }

    func removeFiles(below number: UInt64) {
        places.withLock { places in
            for file in places.keys where file < number { places[file] = nil }
        }
    }
}

/// Who wants to hear that there is something new for consumers.
final class FeedObservers: Sendable {
    private struct State {
        var next: UInt64 = 0
        var observers: [UInt64: @Sendable () -> Void] = [:]
    }
    private let state = Mutex(State())

    func add(_ observer: @escaping @Sendable () -> Void) -> FeedObservation {
        let id = state.withLock { state in
            state.next += 1
            state.observers[state.next] = observer
            return state.next
        }
        return FeedObservation(id: id, observers: self)
    }

    func remove(_ id: UInt64) { state.withLock { _ = $0.observers.removeValue(forKey: id) } }

    func tell() {
        let observers = state.withLock { Array($0.observers.values) }
        for observer in observers { observer() }
    }
}

/// An observer of the feed, until it is cancelled or let go.
package final class FeedObservation: Sendable {
    private let id: UInt64
    private let observers: FeedObservers

    init(id: UInt64, observers: FeedObservers) {
        self.id = id
        self.observers = observers
    }

    deinit { cancel() }

    /// The observer is not called any more, except where it is being called at this moment.
    package func cancel() { observers.remove(id) }
}

/// How far the feed reaches.
package struct FeedStatus: Hashable, Sendable {
    /// The oldest batch that is still in the log.
    package var oldestLSN: LSN
    /// The first batch of the newest log file: a consumer behind it holds older files.
    package var newestFileLSN: LSN
    /// The newest batch with an annotation, or a later one.
    package var annotatedLSN: LSN
    /// The newest batch that the feed hands out.
    package var durableLSN: LSN
    package var visibleLSN: LSN
}
