/// Times in nanoseconds, counted in buckets whose width grows with the value (the idea of HdrHistogram).
///
/// Values below 64 have a bucket each; above, each power of two is cut into 64 buckets, so a percentile is at most 1.6 %
/// too large. Recording costs a few instructions and no memory, however many values there are.
struct LatencyHistogram: Sendable {
    private static let subBits = 6
    private static let perPower = 1 << subBits

    private var counts = [UInt64](repeating: 0, count: (64 - subBits + 1) * perPower)
    private(set) var count: UInt64 = 0
    private(set) var largest: UInt64 = 0
    private var sum: Double = 0

    mutating func record(_ nanoseconds: UInt64) {
        counts[Self.bucket(nanoseconds)] += 1
        count += 1
        sum += Double(nanoseconds)
        largest = max(largest, nanoseconds)
    }

    mutating func add(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        sum += other.sum
        largest = max(largest, other.largest)
    }

    /// 0 without values.
    var mean: Double { count == 0 ? 0 : sum / Double(count) }

    /// The upper end of the bucket that holds the value of this rank, and never more than the largest value; 0 without
    /// values.
    /// - Parameter share: 0…1.
    func percentile(_ share: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let rank = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (index, bucketCount) in counts.enumerated() {
            seen += bucketCount
            if seen >= rank { return min(largest, Self.upperEnd(index)) }
        }
        return largest
    }

    private static func bucket(_ value: UInt64) -> Int {
        guard value >= UInt64(perPower) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - subBits
        return shift * perPower + Int(value >> UInt64(shift))
    }

    private static func upperEnd(_ bucket: Int) -> UInt64 {
        guard bucket >= perPower else { return UInt64(bucket) }
        let shift = UInt64(bucket / perPower - 1)
        let first = UInt64(bucket % perPower + perPower)
        return (first << shift) | ((1 << shift) - 1)
    }
}
