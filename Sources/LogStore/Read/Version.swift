internal import Glibc

/// The tables of one manifest, open for reading. Never changes; a reader holds the one it began with, so a flush or a
/// merge takes no file away from under it.
final class Version: Sendable {
    let manifest: Manifest
    /// Message tables, by generation, oldest first.
    let segments: [TableReader]
    /// The same by retention class: within one, generation intervals do not overlap.
    private let segmentsByClass: [UInt8: [TableReader]]
    /// Index runs, newest first: the first that knows a key wins.
    let index: [TableReader]

    init(manifest: Manifest, tables: [TableReader]) {
        self.manifest = manifest
        segments = tables.filter { $0.name.kind == .segment }.sorted { $0.name.generationLow < $1.name.generationLow }
        segmentsByClass = Dictionary(grouping: segments) { $0.name.retentionClass }
        index = tables.filter { $0.name.kind == .index }.sorted { $0.name.generationLow > $1.name.generationLow }
    }

    /// The newest value of an index key, tombstones included; nil if no run knows it.
    /// - Complexity: a filter page a run, and for the run that has it an index page and a block.
    func value(of key: [UInt8], _ policy: ReadPolicy) throws(LogStoreError) -> [UInt8]? {
        for run in index {
            guard try run.mightContain(prefix: key, policy) else { continue }
            if let value = try run.get(key, policy) { return value }
        }
        return nil
    }

    /// Whether `prefix` may occur, for prefixes that `IndexKey.filterPrefixes` puts into filters.
    func runs(withPrefix prefix: [UInt8], filtered: Bool, _ policy: ReadPolicy) throws(LogStoreError) -> [TableReader] {
        var runs: [TableReader] = []
        for run in index where try run.mayHold(prefix, filtered: filtered, policy) { runs.append(run) }
        return runs
    }

    /// The segment of a retention class that holds a generation; nil if it has none.
    func segment(holding generation: UInt64, ofClass retentionClass: UInt8) -> TableReader? {
        guard let segments = segmentsByClass[retentionClass] else { return nil }
        var low = 0
        var high = segments.count
        while low < high {
            let mid = (low + high) / 2
            if segments[mid].name.generationHigh < generation { low = mid + 1 } else { high = mid }
        }
        guard low < segments.count, segments[low].name.generationLow <= generation else { return nil }
        return segments[low]
    }
}

extension TableReader {
    /// Whether keys under `prefix` may be there.
    /// - Parameter filtered: the prefix is one that `IndexKey.filterPrefixes` puts into filters.
    func mayHold(_ prefix: [UInt8], filtered: Bool, _ policy: ReadPolicy) throws(LogStoreError) -> Bool {
        if filtered, try !mightContain(prefix: prefix, policy) { return false }
        return overlaps(prefix, prefix.prefixEnd ?? properties.lastKey)
    }
}

/// Walks the keys of several runs in order; of equal keys only the newest run's is seen.
struct MergeCursor {
    /// Those that stand on a key under the prefix, newest run first. There are a dozen, so the least is found by looking.
    private var cursors: [TableCursor] = []
    private let prefix: [UInt8]
    /// The cursor with the least key; nil at the end.
    private var current: Int?

    /// - Parameter runs: newest first.
    init(
        _ runs: [TableReader], prefix: [UInt8], from: [UInt8]? = nil, _ policy: ReadPolicy, fillsCache: Bool = true
    ) throws(LogStoreError) {
        self.prefix = prefix
        let start = [UInt8].later(prefix, from)
        cursors.reserveCapacity(runs.count)
        for run in runs {
            let cursor = run.cursor(policy, fillsCache: fillsCache)
            try cursor.seek(to: start)
            if isInside(cursor) { cursors.append(cursor) }
        }
        select()
    }

    var isValid: Bool { current != nil }
    var key: [UInt8] { cursors[current!].key }
    var value: [UInt8] { cursors[current!].value }

    /// The current key is below `key`.
    func precedes(_ key: [UInt8]) -> Bool {
        unsafe key.withUnsafeBytes { unsafe compareKeys(cursors[current!].keyBytes, $0) < 0 }
    }

    /// Calls `body` with the current key and value in place.
    func withRecord<R>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(LogStoreError) -> R
    ) throws(LogStoreError) -> R {
        try unsafe body(cursors[current!].keyBytes, cursors[current!].valueBytes)
    }

    mutating func next() throws(LogStoreError) {
        guard let least = current else { return }
        if cursors.count == 1 {
            try move(0)
            return current = cursors.isEmpty ? nil : 0
        }
        // Older runs with the same key move first: comparing needs the key in place.
        var i = cursors.count - 1
        while i > least {
            if unsafe compareKeys(cursors[i].keyBytes, cursors[least].keyBytes) == 0 { try move(i) }
            i -= 1
        }
        try move(least)
        select()
    }

    private mutating func move(_ i: Int) throws(LogStoreError) {
        try cursors[i].next()
        if !isInside(cursors[i]) { cursors.remove(at: i) }
    }

    private func isInside(_ cursor: TableCursor) -> Bool {
        guard cursor.isValid else { return false }
        let key = unsafe cursor.keyBytes
        return unsafe key.count >= prefix.count
            && prefix.withUnsafeBytes { p in
                unsafe p.count == 0 || memcmp(p.baseAddress!, key.baseAddress!, p.count) == 0
            }
    }

    private mutating func select() {
        guard !cursors.isEmpty else { return current = nil }
        var least = 0
        for i in cursors.indices.dropFirst() where unsafe compareKeys(cursors[i].keyBytes, cursors[least].keyBytes) < 0
        {
            least = i
        }
        current = least
    }
}
