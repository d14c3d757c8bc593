import CSQLite

/// A SQLite database in memory, as little of it as a model needs: statements with parameters, rows of values.
final class SQLiteDatabase {
    enum Value: Hashable {
        case null
        case integer(Int64)
        case text(String)
        case blob([UInt8])

        var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
        var text: String? { if case .text(let value) = self { value } else { nil } }
        var blob: [UInt8]? { if case .blob(let value) = self { value } else { nil } }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private var handle: OpaquePointer?
    /// Compiled once for each text.
    private var statements: [String: OpaquePointer] = [:]

    init(schema: String) throws {
        guard sqlite3_open(":memory:", &handle) == SQLITE_OK, sqlite3_exec(handle, schema, nil, nil, nil) == SQLITE_OK
        else { throw failure(schema) }
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close(handle)
    }

    /// The number that the newest inserted row was given.
    var insertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Runs one statement and gives all of its rows.
    @discardableResult
    func run(_ sql: String, _ parameters: Value...) throws -> [[Value]] { try run(sql, parameters) }

    @discardableResult
    func run(_ sql: String, _ parameters: [Value]) throws -> [[Value]] {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in parameters.enumerated() {
            guard bind(value, Int32(index + 1), statement) == SQLITE_OK else { throw failure(sql) }
        }
        var rows: [[Value]] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append((0..<sqlite3_column_count(statement)).map { column($0, statement) })
            case SQLITE_DONE: return rows
            default: throw failure(sql)
            }
        }
    }

    private func prepared(_ sql: String) throws -> OpaquePointer {
        if let known = statements[sql] { return known }
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else {
            throw failure(sql)
        }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: Value, _ index: Int32, _ statement: OpaquePointer) -> Int32 {
        // SQLITE_TRANSIENT: the bytes are copied before the call returns.
        let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let value): return sqlite3_bind_int64(statement, index, value)
        case .text(let value): return sqlite3_bind_text(statement, index, value, Int32(value.utf8.count), copies)
        case .blob(let value):
            return value.isEmpty
                ? sqlite3_bind_zeroblob(statement, index, 0)
                : sqlite3_bind_blob(statement, index, value, Int32(value.count), copies)
        }
    }

    private func column(_ index: Int32, _ statement: OpaquePointer) -> Value {
        let count = Int(sqlite3_column_bytes(statement, index))
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_TEXT:
            let text = UnsafeBufferPointer(start: sqlite3_column_text(statement, index), count: count)
            return .text(String(decoding: text, as: UTF8.self))
        case SQLITE_BLOB:
            return .blob(Array(UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, index), count: count)))
        default: return .null
        }
    }

    private func failure(_ sql: String) -> Failure {
        Failure(description: "\(String(cString: sqlite3_errmsg(handle))) in \(sql)")
    }
}
