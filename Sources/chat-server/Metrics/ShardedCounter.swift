internal import Glibc
internal import Synchronization

/// A sum that many threads add to without sharing a cache line.
///
/// Each thread adds to the shard that its identity hashes to; a reading adds the shards up. A reading that overlaps
/// additions holds some of them and not others, which is all that a monitoring sample needs: it never goes back.
final class ShardedCounter: Sendable {
    private static let shardCount = 8
    /// In units of `Atomic<UInt64>`: a cache line of 64 bytes each.
    private static let stride = 8

    /// Allocated for the object's life and touched by atomic operations only, which is what makes it `Sendable`.
    nonisolated(unsafe) private let shards: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        let count = ShardedCounter.shardCount * ShardedCounter.stride
        shards = .allocate(capacity: count)
        for index in 0..<count { (shards + index).initialize(to: Atomic(0)) }
    }

    deinit {
        shards.deinitialize(count: ShardedCounter.shardCount * ShardedCounter.stride)
        shards.deallocate()
    }

    func add(_ amount: UInt64 = 1) {
        // A thread's identity is the address of its control block; the multiplication spreads it (Fibonacci hashing).
        let hash = UInt64(pthread_self()) &* 0x9E37_79B9_7F4A_7C15
        let shard = Int(hash >> 61)
        shards[shard * ShardedCounter.stride].wrappingAdd(amount, ordering: .relaxed)
    }

    var value: UInt64 {
        var sum: UInt64 = 0
        for shard in 0..<ShardedCounter.shardCount {
            sum &+= shards[shard * ShardedCounter.stride].load(ordering: .relaxed)
        }
        return sum
    }
}
