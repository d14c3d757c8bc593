internal import Synchronization

/// What lists of sessions need of the rows of one owner, as the tables of one version have them: 40 bytes a row.
///
/// A list filters and sorts every row of its owner. For an owner with thousands of sessions reading them from the runs
/// takes milliseconds, so the outcome is kept until the tables change; the heads' changes are laid over at each list.
final class OwnerRows: Sendable {
    struct Row: Sendable {
        var user: UInt64
        var session: UInt64
        var summary: SessionRow.Summary
    }

    let rows: [Row]
    /// The number of the manifest whose tables they are of.
    let manifest: UInt64

    init(_ rows: [Row], manifest: UInt64) {
        self.rows = rows
        self.manifest = manifest
    }

    var bytes: Int { rows.count * MemoryLayout<Row>.stride + 128 }
}

/// Rows of the owners that were listed lately, within a budget. Small owners are not worth it.
final class ListCache: Sendable {
    static let leastRows = 128
    private struct State {
        var owners: [[UInt8]: (rows: OwnerRows, used: UInt64)] = [:]
        var bytes = 0
        var clock: UInt64 = 0
    }
    private let budgetBytes: Int
    private let state = Mutex(State())

    init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    func lookup(_ prefix: [UInt8], _ version: Version) -> OwnerRows? {
        state.withLock { s in
            guard let found = s.owners[prefix], found.rows.manifest == version.manifest.number else { return nil }
            s.clock += 1
            s.owners[prefix]!.used = s.clock
            return found.rows
        }
    }

    func insert(_ prefix: [UInt8], _ rows: OwnerRows) {
        guard rows.rows.count >= Self.leastRows, rows.bytes <= budgetBytes else { return }
        state.withLock { s in
            s.clock += 1
            if let old = s.owners.updateValue((rows, s.clock), forKey: prefix) { s.bytes -= old.rows.bytes }
            s.bytes += rows.bytes
            while s.bytes > budgetBytes, let least = s.owners.min(by: { $0.value.used < $1.value.used }) {
                s.owners[least.key] = nil
                s.bytes -= least.value.rows.bytes
            }
        }
    }
}
