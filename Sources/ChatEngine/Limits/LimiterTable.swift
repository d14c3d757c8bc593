internal import LogStore
internal import Synchronization

/// The state that a rate limiter keeps for each key (an address, a session, an organisation), bounded in memory.
///
/// Keys are spread over shards, each behind its own mutex. A full shard makes room by looking at the next few entries
/// under a clock hand and dropping the one that has used up the least of its limit; what has expired costs nothing to
/// drop. Entries that have used up all of it are never dropped before they expire: if nothing else is found, the newcomer
/// is counted in one entry that all such newcomers of the shard share. So an attacker with many keys cannot buy a blocked
/// key's forgiveness, and can at worst make unknown keys share a limit.
final class LimiterTable<State: LimiterState>: Sendable {
    private final class Shard: Sendable {
        let contents: Mutex<Contents>
        init(capacity: Int) { contents = Mutex(Contents(capacity: capacity)) }
    }

    struct Contents: Sendable {
        var places: [String: Int] = [:]
        var entries: [(key: String, state: State)] = []
        var overflow = State()
        var hand = 0
        let capacity: Int
        init(capacity: Int) { self.capacity = capacity }
    }

    /// How many entries one eviction looks at: enough to find an idle one, few enough to be cheap.
    private static var sample: Int { 8 }
    private let shards: [Shard]

    /// - Parameter capacity: keys at most, over all shards.
    init(capacity: Int, shards count: Int = 64) {
        let used = max(1, min(count, capacity))
        shards = (0..<used).map { _ in Shard(capacity: max(1, capacity / used)) }
    }

    /// Runs `body` on the state of `key`, which is new if it was not known.
    func update<R: Sendable>(
        _ key: String, at now: UInt64, _ body: (inout sending State) -> sending R
    ) -> R {
        let shard = shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
        return shard.contents.withLock { contents in
            if let place = contents.places[key] { return body(&contents.entries[place].state) }
            guard let place = Self.place(for: key, in: &contents, at: now) else { return body(&contents.overflow) }
            return body(&contents.entries[place].state)
        }
    }

    /// Keys known now.
    var count: Int { shards.reduce(0) { $0 + $1.contents.withLock { $0.entries.count } } }

    private static func place(for key: String, in contents: inout Contents, at now: UInt64) -> Int? {
        if contents.entries.count < contents.capacity {
            contents.places[key] = contents.entries.count
            contents.entries.append((key, State()))
            return contents.entries.count - 1
        }
        var best: Int?
        var bestUse = 1.0
        for _ in 0..<min(sample, contents.entries.count) {
            contents.hand = (contents.hand + 1) % contents.entries.count
            let use = contents.entries[contents.hand].state.use(at: now)
            if use < bestUse {
                best = contents.hand
                bestUse = use
            }
            if use <= 0 { break }
        }
        guard let best else { return nil }
        contents.places[contents.entries[best].key] = nil
        contents.places[key] = best
        contents.entries[best] = (key, State())
        return best
    }
}

protocol LimiterState: Sendable {
    init()
    /// How much of its limit the key has used up: 0 = forgetting it changes nothing, 1 or more = it is being refused.
    func use(at now: UInt64) -> Double
}

/// What a rate limiter says of one request.
package struct RateDecision: Hashable, Sendable {
    package var isAllowed: Bool
    package var limit: Int
    /// Requests left.
    package var remaining: Int
    /// Microseconds until the limiter's reset: a window's end; a full bucket, or the next token if refused.
    package var resetMicroseconds: UInt64

    package init(isAllowed: Bool, limit: Int, remaining: Int, resetMicroseconds: UInt64) {
        self.isAllowed = isAllowed
        self.limit = limit
        self.remaining = remaining
        self.resetMicroseconds = resetMicroseconds
    }

    /// Whole seconds, rounded up.
    package var resetSeconds: Int { Int((resetMicroseconds + 999_999) / 1_000_000) }
}
