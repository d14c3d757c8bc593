import BenchmarkSupport
import CLMDB

/// LMDB: a transaction for each append, synced (its default); no read-ahead, as its documentation advises for random reads
/// of a database larger than memory.
final class LMDBEngine: Engine {
    // The environment may be used from any thread.
    private nonisolated(unsafe) let environment: OpaquePointer
    private let table: MDB_dbi

    private static let mapBytes = 16 << 30

    init(path: String) throws {
        var environment: OpaquePointer?
        try Self.check(mdb_env_create(&environment))
        guard let environment, LiveDirectory.make(path) else {
            throw BenchmarkFailure(description: "LMDB does not open \(path)")
        }
        try Self.check(mdb_env_set_mapsize(environment, Self.mapBytes))
        try Self.check(mdb_env_open(environment, path, UInt32(MDB_NORDAHEAD | MDB_NOTLS), 0o600))
        self.environment = environment
        var table: MDB_dbi = 0
        var transaction: OpaquePointer?
        try Self.check(mdb_txn_begin(environment, nil, 0, &transaction))
        try Self.check(mdb_dbi_open(transaction, nil, 0, &table))
        try Self.check(mdb_txn_commit(transaction))
        self.table = table
    }

    func append(_ payload: [UInt8], session: Int, sequence: UInt64) throws {
        try load([LoadedEntry(session: session, sequence: sequence, payload: payload)])
    }

    func load(_ entries: [LoadedEntry]) throws {
        var transaction: OpaquePointer?
        try Self.check(mdb_txn_begin(environment, nil, 0, &transaction))
        do {
            for entry in entries {
                try put(entryKey(entry.session, entry.sequence), entry.payload, transaction)
                try put(sessionKey(entry.session), bigEndian(entry.sequence), transaction)
            }
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try Self.check(mdb_txn_commit(transaction))
    }

    private func put(_ key: [UInt8], _ value: [UInt8], _ transaction: OpaquePointer?) throws {
        var key = key
        var value = value
        let status = key.withUnsafeMutableBytes { keyBytes in
            value.withUnsafeMutableBytes { valueBytes in
                var keyPart = MDB_val(mv_size: keyBytes.count, mv_data: keyBytes.baseAddress)
                var valuePart = MDB_val(mv_size: valueBytes.count, mv_data: valueBytes.baseAddress)
                return mdb_put(transaction, table, &keyPart, &valuePart, 0)
            }
        }
        try Self.check(status)
    }

    func finishLoading() throws { try Self.check(mdb_env_sync(environment, 1)) }

    func last(_ count: Int, session: Int) throws -> [[UInt8]] {
        var transaction: OpaquePointer?
        try Self.check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction))
        defer { mdb_txn_abort(transaction) }
        var cursor: OpaquePointer?
        try Self.check(mdb_cursor_open(transaction, table, &cursor))
        defer { mdb_cursor_close(cursor) }
        var after = entryKey(session, .max)
        let prefix = Array(after.prefix(9))
        return after.withUnsafeMutableBytes { bytes in
            var key = MDB_val(mv_size: bytes.count, mv_data: bytes.baseAddress)
            var value = MDB_val()
            // The first key behind the session, or the end; the entries are before it.
            let status = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)
            var found: [[UInt8]] = []
            var step = status == 0 ? MDB_PREV : MDB_LAST
            while found.count < count, mdb_cursor_get(cursor, &key, &value, step) == 0 {
                step = MDB_PREV
                guard UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size).prefix(9).elementsEqual(prefix)
                else { break }
                found.append([UInt8](UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)))
            }
            return found
        }
    }

    var tableBytes: UInt64? { nil }

    func close() throws { mdb_env_close(environment) }

    private static func check(_ status: Int32) throws {
        guard status == 0 else { throw BenchmarkFailure(description: "LMDB: \(String(cString: mdb_strerror(status)))") }
    }
}
