/// Chooses which tables to merge. Pure: the tables of a manifest in, a choice out.
///
/// ## The rule
/// Tables of one kind, retention class and time bucket, adjacent in generations, are a window. A window is worth
/// merging if it has at least `fanOut` tables, none is larger than a quarter of their sum, and the sum is at most
/// `maximumBytes`. So each merge makes of a byte's table one at least four times as large, usually `fanOut` times, and a
/// byte is written again about log₈(largest / flushed) times. Of the windows that are worth it the cheapest is taken
/// first: it frees most tables for a byte written. Before that comes a table of which deletions have left less than three
/// quarters.
///
/// A time bucket is a tenth of the class's retention, by the newest entry: a merge never keeps old entries alive by
/// putting them beside new ones.
struct CompactionPicker {
    static let fanOut = 8
    /// The filter of an index run is built in memory: a larger run would need too much.
    static func maximumBytes(_ kind: TableKind) -> UInt64 { kind == .segment ? 4 << 30 : 512 << 20 }
    private static let maximumInputs = 32

    /// Seconds that entries of a class are kept; 0 or none: for ever.
    var retention: [UInt8: Int] = [:]

    /// A table that is more than a quarter dead, rewritten alone; else a window that is worth merging, oldest first; nil if
    /// there is neither.
    func pick(_ tables: [Manifest.TableEntry], freeBytes: UInt64 = .max) -> [Manifest.TableEntry]? {
        let dead = tables.filter { $0.garbageBytes > $0.rawBytes / 4 && $0.size <= freeBytes }
        if let worst = dead.max(by: { $0.garbageBytes < $1.garbageBytes }) { return [worst] }
        var best: (tables: [Manifest.TableEntry], bytes: UInt64)?
        for group in groups(tables) {
            for start in group.indices {
                guard let window = window(group[start...], freeBytes) else { continue }
                if best.map({ window.bytes < $0.bytes }) ?? true { best = window }
            }
        }
        return best?.tables
    }

    /// All windows that a full compaction merges: as long as they may be, single tables included.
    func all(_ tables: [Manifest.TableEntry]) -> [[Manifest.TableEntry]] {
        var windows: [[Manifest.TableEntry]] = []
        for group in groups(tables) {
            var window: [Manifest.TableEntry] = []
            var bytes: UInt64 = 0
            for table in group {
                if !window.isEmpty, bytes + table.size > Self.maximumBytes(table.name.kind) {
                    windows.append(window)
                    window = []
                    bytes = 0
                }
                window.append(table)
                bytes += table.size
            }
            if !window.isEmpty { windows.append(window) }
        }
        return windows
    }

    /// Runs of adjacent tables that may be merged at all, oldest first.
    private func groups(_ tables: [Manifest.TableEntry]) -> [[Manifest.TableEntry]] {
        var groups: [[Manifest.TableEntry]] = []
        let byClass = Dictionary(grouping: tables) { [$0.name.kind.rawValue, $0.name.retentionClass] }
        for key in byClass.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            var group: [Manifest.TableEntry] = []
            for table in byClass[key]!.sorted(by: { $0.name.generationLow < $1.name.generationLow }) {
                if let last = group.last, bucket(last) != bucket(table) {
                    groups.append(group)
                    group = []
                }
                group.append(table)
            }
            groups.append(group)
        }
        return groups
    }

    private func bucket(_ table: Manifest.TableEntry) -> Int64 {
        guard table.name.kind == .segment, let seconds = retention[table.name.retentionClass], seconds > 0 else {
            return 0
        }
        return table.maximumTime / max(1, Int64(seconds) * 100_000)
    }

    /// The longest window from the start of `tables` that is worth merging.
    private func window(
        _ tables: ArraySlice<Manifest.TableEntry>, _ freeBytes: UInt64
    ) -> (tables: [Manifest.TableEntry], bytes: UInt64)? {
        guard let kind = tables.first?.name.kind else { return nil }
        let limit = min(Self.maximumBytes(kind), freeBytes)
        var found: (tables: [Manifest.TableEntry], bytes: UInt64)?
        var bytes: UInt64 = 0
        var largest: UInt64 = 0
        for (count, i) in tables.indices.prefix(Self.maximumInputs).enumerated() {
            bytes += tables[i].size
            largest = max(largest, tables[i].size)
            guard bytes <= limit else { break }
            if count + 1 >= Self.fanOut, largest <= bytes / 4 {
                found = (Array(tables[tables.startIndex...i]), bytes)
            }
        }
        return found
    }
}
