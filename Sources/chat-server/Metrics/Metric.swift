internal import Synchronization

/// A number that only grows.
final class Counter: Sendable {
    private let counter = ShardedCounter()

    func increment(by amount: UInt64 = 1) { counter.add(amount) }
    var value: UInt64 { counter.value }
}

/// A number that goes up and down; set by its owner, or read when asked for (`MetricsRegistry.gauge(reading:)`).
final class Gauge: Sendable {
    private let bits = Atomic<Int64>(0)

    func set(_ value: Int64) { bits.store(value, ordering: .relaxed) }
    func add(_ amount: Int64) { bits.wrappingAdd(amount, ordering: .relaxed) }
    var value: Int64 { bits.load(ordering: .relaxed) }
}

/// What a histogram counts in: whole numbers inside, the base unit of Prometheus outside.
enum HistogramUnit: Sendable {
    /// Observed in microseconds, shown in seconds.
    case seconds
    /// Shown as observed: sizes of groups, bytes.
    case count

    fileprivate var scale: Double { self == .seconds ? 1e-6 : 1 }
}

/// How many observations fell below each bound, their number and their sum.
final class Histogram: Sendable {
    let unit: HistogramUnit
    /// Upper bounds, inclusive, rising, in the unit of observation; the last bucket (`+Inf`) has none.
    let bounds: [UInt64]
    private let buckets: [ShardedCounter]
    private let total = ShardedCounter()

    /// Bounds for latencies in microseconds, 100 µs to 10 s: the interesting ones lie around an fdatasync.
    static let latencyBounds: [UInt64] = [
        100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        10_000_000,
    ]

    /// Bounds for numbers of items, in powers of two up to 1024.
    static let countBounds: [UInt64] = (0...10).map { 1 << $0 }

    /// - Precondition: the bounds rise.
    init(unit: HistogramUnit, bounds: [UInt64]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds of a histogram must rise")
        self.unit = unit
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in ShardedCounter() }
    }

    /// - Complexity: O(log bounds).
    func observe(_ value: UInt64) {
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < value { low = middle + 1 } else { high = middle }
        }
        buckets[low].add()
        total.add(value)
    }

    struct Reading: Equatable {
        /// Cumulative, one for each bound and one for `+Inf`; the last is the number of observations.
        let cumulative: [UInt64]
        /// In the shown unit.
        let sum: Double
        let bounds: [Double]
    }

    var reading: Reading {
        var running: UInt64 = 0
        let cumulative = buckets.map { bucket in
            running += bucket.value
            return running
        }
        return Reading(
            cumulative: cumulative, sum: Double(total.value) * unit.scale,
            bounds: bounds.map { unit == .seconds ? Double($0) / 1e6 : Double($0) })
    }
}
