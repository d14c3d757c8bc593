/// A map from byte strings to byte strings in memcmp order: chunks of at most 256 sorted pairs.
///
/// The head's index. Insertion O(√n), lookup O(log n), ordered scans; no node allocation per key.
struct SortedBytesMap: Sendable {
    typealias Pair = (key: [UInt8], value: [UInt8])
    private static let chunkLimit = 256
    private var chunks: [[Pair]] = []
    private(set) var count = 0

    subscript(key: [UInt8]) -> [UInt8]? {
        guard let c = chunkIndex(for: key) else { return nil }
        let i = Self.lowerBound(chunks[c], key)
        guard i < chunks[c].count, [UInt8].compare(chunks[c][i].key, key) == 0 else { return nil }
        return chunks[c][i].value
    }

    /// Sets a value; returns the one it replaced.
    @discardableResult
    mutating func set(_ key: [UInt8], _ value: [UInt8]) -> [UInt8]? {
        guard let c = chunkIndex(for: key) else {
            if chunks.isEmpty { chunks.append([]) }
            chunks[0].insert((key, value), at: 0)
            count += 1
            splitIfNeeded(0)
            return nil
        }
        let i = Self.lowerBound(chunks[c], key)
        if i < chunks[c].count, [UInt8].compare(chunks[c][i].key, key) == 0 {
            let old = chunks[c][i].value
            chunks[c][i].value = value
            return old
        }
        chunks[c].insert((key, value), at: i)
        count += 1
        splitIfNeeded(c)
        return nil
    }

    /// Calls `body` with the pairs whose keys begin with `prefix`, ascending, from `from` (inclusive) on if that is behind
    /// the prefix, until it returns false.
    func scan<Failure>(
        prefix: [UInt8], from: [UInt8]? = nil, _ body: (Pair) throws(Failure) -> Bool
    ) throws(Failure) {
        let start = [UInt8].later(prefix, from)
        var c = chunkIndex(for: start) ?? 0
        guard c < chunks.count else { return }
        var i = Self.lowerBound(chunks[c], start)
        while c < chunks.count {
            while i < chunks[c].count {
                let pair = chunks[c][i]
                guard pair.key.starts(with: prefix) else { return }
                if try !body(pair) { return }
                i += 1
            }
            c += 1
            i = 0
        }
    }

    func forEach(_ body: (Pair) -> Void) { for chunk in chunks { for pair in chunk { body(pair) } } }

    /// The last chunk whose first key is at or below `key`; nil if all are above.
    private func chunkIndex(for key: [UInt8]) -> Int? {
        var low = 0
        var high = chunks.count
        while low < high {
            let mid = (low + high) / 2
            if [UInt8].compare(chunks[mid][0].key, key) <= 0 { low = mid + 1 } else { high = mid }
        }
        return low == 0 ? nil : low - 1
    }

    private static func lowerBound(_ chunk: [Pair], _ key: [UInt8]) -> Int {
        var low = 0
        var high = chunk.count
        while low < high {
            let mid = (low + high) / 2
            if [UInt8].compare(chunk[mid].key, key) < 0 { low = mid + 1 } else { high = mid }
        }
        return low
    }

    private mutating func splitIfNeeded(_ c: Int) {
        guard chunks[c].count > Self.chunkLimit else { return }
        let half = chunks[c].count / 2
        let tail = Array(chunks[c][half...])
        chunks[c].removeSubrange(half...)
        chunks.insert(tail, at: c + 1)
    }
}
