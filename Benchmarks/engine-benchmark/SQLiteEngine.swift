import BenchmarkSupport
import CSQLite
import Synchronization

/// SQLite: WAL with synchronous=FULL, a transaction for each append, tables without rowids. One connection that the
/// threads share: with several, SQLite's writers would wait for its lock by sleeping.
final class SQLiteEngine: Engine {
    private struct Connection {
        nonisolated(unsafe) var handle: OpaquePointer
        nonisolated(unsafe) var statements: [String: OpaquePointer] = [:]
    }

    private let connection: Mutex<Connection>

    init(path: String) throws {
        var handle: OpaquePointer?
        guard LiveDirectory.make(path), sqlite3_open("\(path)/sqlite.db", &handle) == SQLITE_OK, let handle else {
            throw BenchmarkFailure(description: "SQLite does not open \(path)")
        }
        let settings = """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-\(Engines.cacheBytes >> 10);
            PRAGMA temp_store=MEMORY;
            CREATE TABLE IF NOT EXISTS sessions(id INTEGER PRIMARY KEY, last INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS entries(
                session INTEGER, sequence INTEGER, payload BLOB NOT NULL, PRIMARY KEY(session, sequence)) WITHOUT ROWID;
            """
        guard sqlite3_exec(handle, settings, nil, nil, nil) == SQLITE_OK else {
            throw BenchmarkFailure(description: "SQLite: \(String(cString: sqlite3_errmsg(handle)))")
        }
        connection = Mutex(Connection(handle: handle))
    }

    func append(_ payload: [UInt8], session: Int, sequence: UInt64) throws {
        try load([LoadedEntry(session: session, sequence: sequence, payload: payload)])
    }

    func load(_ entries: [LoadedEntry]) throws {
        try connection.withLock { connection in
            try Self.run(&connection, "BEGIN IMMEDIATE", [])
            for entry in entries {
                try Self.run(
                    &connection, "INSERT INTO entries VALUES(?,?,?)", [Int64(entry.session), Int64(entry.sequence)],
                    entry.payload)
                try Self.run(
                    &connection, "INSERT INTO sessions VALUES(?,?) ON CONFLICT(id) DO UPDATE SET last=excluded.last",
                    [Int64(entry.session), Int64(entry.sequence)])
            }
            try Self.run(&connection, "COMMIT", [])
        }
    }

    private static func prepared(_ connection: inout Connection, _ sql: String) throws -> OpaquePointer {
        if let known = connection.statements[sql] { return known }
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(connection.handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
            throw BenchmarkFailure(description: "SQLite: \(String(cString: sqlite3_errmsg(connection.handle)))")
        }
        connection.statements[sql] = statement
        return statement
    }

    private static func run(
        _ connection: inout Connection, _ sql: String, _ integers: [Int64], _ blob: [UInt8]? = nil
    ) throws {
        let statement = try prepared(&connection, sql)
        defer { sqlite3_reset(statement) }
        for (index, value) in integers.enumerated() { sqlite3_bind_int64(statement, Int32(index + 1), value) }
        // Static: the bytes outlive the step.
        let status =
            blob?.withUnsafeBytes { bytes in
                sqlite3_bind_blob(statement, Int32(integers.count + 1), bytes.baseAddress, Int32(bytes.count), nil)
                return sqlite3_step(statement)
            } ?? sqlite3_step(statement)
        guard status == SQLITE_DONE || status == SQLITE_ROW else {
            throw BenchmarkFailure(description: "SQLite: \(String(cString: sqlite3_errmsg(connection.handle)))")
        }
    }

    func finishLoading() throws {
        try connection.withLock { connection in
            guard
                sqlite3_exec(
                    connection.handle, "PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", nil,
                    nil, nil) == SQLITE_OK
            else {
                throw BenchmarkFailure(description: "SQLite: \(String(cString: sqlite3_errmsg(connection.handle)))")
            }
        }
    }

    func last(_ count: Int, session: Int) throws -> [[UInt8]] {
        try connection.withLock { connection in
            let statement = try Self.prepared(
                &connection, "SELECT payload FROM entries WHERE session=? ORDER BY sequence DESC LIMIT ?")
            defer { sqlite3_reset(statement) }
            sqlite3_bind_int64(statement, 1, Int64(session))
            sqlite3_bind_int64(statement, 2, Int64(count))
            var found: [[UInt8]] = []
            while sqlite3_step(statement) == SQLITE_ROW {
                let bytes = UnsafeRawBufferPointer(
                    start: sqlite3_column_blob(statement, 0), count: Int(sqlite3_column_bytes(statement, 0)))
                found.append([UInt8](bytes))
            }
            return found
        }
    }

    var tableBytes: UInt64? { nil }

    func close() throws {
        connection.withLock { connection in
            for statement in connection.statements.values { sqlite3_finalize(statement) }
            sqlite3_close(connection.handle)
        }
    }
}
