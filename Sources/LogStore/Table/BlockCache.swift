internal import Synchronization

// The store's one cache of decoded blocks, index pages and filter pages.
//
// 1. Shards, each with its own lock, its part of the budget and a ring of slots (CLOCK with a counter of 0…3).
// 2. A hit raises the page's counter. To make room the hand goes round, lowering counters, and evicts at 0.
// 3. Data comes in with 0, so a page that is read once goes first; index and filter pages come in with 1.
// 4. A page above half of a shard's budget is not kept: the sum of what is resident never exceeds the budget.
//    Readers that hold an evicted page keep it alive: one block, one index page and one filter page each at most.

/// Whether a read may wait for the disk.
package enum ReadPolicy: Hashable, Sendable {
    case blocking
    /// Throws `LogStoreError.wouldBlock` where the cache does not have it.
    case cached
}

enum CachedPage: Sendable {
    case block(DataBlock)
    case index(IndexPage)
    case filter(FilterPage)

    /// Bytes counted against the budget, with what the cache itself needs for a page.
    var charge: Int {
        switch self {
        case .block(let block): block.charge + 192
        case .index(let page): page.charge + 256
        case .filter(let page): page.charge + 192
        }
    }

    fileprivate var startCount: UInt8 { if case .block = self { 0 } else { 1 } }
}

package final class BlockCache: Sendable {
    package struct Statistics: Hashable, Sendable {
        package var hits: UInt64 = 0
        package var misses: UInt64 = 0
        package var evictions: UInt64 = 0
        package var pages = 0
        package var residentBytes = 0
    }

    package let budgetBytes: Int
    private let shards: [Shard]
    private let scratch = Mutex<[RawBuffer]>([])

    /// A cache of at most `budgetBytes`; 0 keeps nothing.
    package init(budgetBytes: Int) {
        precondition(budgetBytes >= 0)
        self.budgetBytes = budgetBytes
        // A shard must be able to hold some blocks, so small caches have fewer.
        var count = 1
        while count < 16 && budgetBytes / (count * 2) >= 2 << 20 { count *= 2 }
        shards = (0..<count).map { _ in Shard(budget: budgetBytes / count) }
    }

    /// Forgets every page of a file, which will not be read again.
    package func remove(file: UInt64) {
        for shard in shards { shard.state.withLock { $0.remove(file: file) } }
    }

    /// Counters since the start and what is resident now, over all shards.
    package var statistics: Statistics {
        shards.reduce(into: Statistics()) { sum, shard in
            let one = shard.state.withLock { $0.statistics }
            sum.hits += one.hits
            sum.misses += one.misses
            sum.evictions += one.evictions
            sum.pages += one.pages
            sum.residentBytes += one.residentBytes
        }
    }

    func lookup(file: UInt64, offset: UInt64) -> CachedPage? {
        let key = PageKey(file: file, offset: offset)
        return shard(of: key).state.withLock { $0.lookup(key) }
    }

    func insert(file: UInt64, offset: UInt64, _ page: CachedPage) {
        let key = PageKey(file: file, offset: offset)
        shard(of: key).state.withLock { $0.insert(key, page) }
    }

    /// Lends a buffer for bytes on their way from the disk. A few are kept, so that a miss does not allocate one.
    func withScratch<R>(_ body: (RawBuffer) throws(LogStoreError) -> R) throws(LogStoreError) -> R {
        let buffer = scratch.withLock { $0.popLast() } ?? RawBuffer(capacity: 64 << 10)
        defer {
            buffer.removeAll()
            if buffer.capacity <= 1 << 20 { scratch.withLock { if $0.count < 8 { $0.append(buffer) } } }
        }
        return try body(buffer)
    }

    private func shard(of key: PageKey) -> Shard { shards[Int(key.mixed >> 32) & (shards.count - 1)] }
}

private struct PageKey: Hashable {
    var file: UInt64
    var offset: UInt64

    var mixed: UInt64 {
        var z = (file &* 0x9E37_79B9_7F4A_7C15) ^ offset
        z = (z ^ (z >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return z ^ (z >> 32)
    }
}

private final class Shard: Sendable {
    let state: Mutex<ClockRing>
    init(budget: Int) { state = Mutex(ClockRing(budget: budget)) }
}

private struct ClockRing: Sendable {
    private struct Slot: Sendable {
        var key: PageKey
        var page: CachedPage?
        var charge: Int
        var count: UInt8
    }

    private let budget: Int
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var places: [PageKey: Int] = [:]
    private var hand = 0
    private(set) var statistics = BlockCache.Statistics()

    init(budget: Int) { self.budget = budget }

    mutating func lookup(_ key: PageKey) -> CachedPage? {
        guard let place = places[key] else {
            statistics.misses += 1
            return nil
        }
        statistics.hits += 1
        if slots[place].count < 3 { slots[place].count += 1 }
        return slots[place].page
    }

    mutating func insert(_ key: PageKey, _ page: CachedPage) {
        let charge = page.charge
        // Two readers may have missed the same page; the first stays.
        guard charge <= budget / 2, places[key] == nil else { return }
        while statistics.residentBytes + charge > budget { evictNext() }
        let slot = Slot(key: key, page: page, charge: charge, count: page.startCount)
        if let place = free.popLast() {
            slots[place] = slot
            places[key] = place
        } else {
            places[key] = slots.count
            slots.append(slot)
        }
        statistics.residentBytes += charge
        statistics.pages += 1
    }

    mutating func remove(file: UInt64) {
        for place in slots.indices where slots[place].page != nil && slots[place].key.file == file { clear(place) }
    }

    /// One step of the hand. Ends: something is resident, and every round lowers every counter.
    private mutating func evictNext() {
        if hand >= slots.count { hand = 0 }
        if slots[hand].page != nil {
            if slots[hand].count == 0 {
                clear(hand)
                statistics.evictions += 1
            } else {
                slots[hand].count -= 1
            }
        }
        hand += 1
    }

    private mutating func clear(_ place: Int) {
        places[slots[place].key] = nil
        statistics.residentBytes -= slots[place].charge
        statistics.pages -= 1
        slots[place].page = nil
        free.append(place)
    }
}
