@testable import LogStore

// The store's reads as SQL.

extension SQLiteModel {
    private typealias Value = SQLiteDatabase.Value

    private static let columns = """
        SELECT tenant, user, id, external, created, updated, last, tags, version,
            (SELECT count(*) FROM messages WHERE session = sessions.id)
        FROM sessions
        """

    func session(_ number: UInt64) throws -> SessionInfo? {
        try database.run(Self.columns + " WHERE id = ?", .integer(Int64(number))).first.map(Self.info)
    }

    func session(id: String, tenant: String) throws -> SessionInfo? {
        try database.run(
            Self.columns + " WHERE external = ? AND tenant = (SELECT id FROM tenants WHERE name = ?)", .text(id),
            .text(tenant)
        ).first.map(Self.info)
    }

    func state(_ number: UInt64) throws -> [UInt8]? {
        try database.run("SELECT state FROM sessions WHERE id = ?", .integer(Int64(number))).first?[0].blob
    }

    func entries(_ number: UInt64, _ query: EntryQuery) throws -> [Entry] {
        let order = query.order == .ascending ? "ASC" : "DESC"
        return try database.run(
            "SELECT sequence, created, amended, payload FROM messages WHERE session = ? AND sequence > ? "
                + "AND sequence < ? ORDER BY sequence \(order) LIMIT ?",
            .integer(Int64(number)), .integer(Int64(query.after ?? 0)),
            .integer(query.before.map { Int64($0) } ?? .max),
            .integer(Int64(query.limit))
        ).map { row in
            Entry(
                sequence: SequenceNumber(row[0].integer!), createdAt: Self.time(row[1]),
                amendedAt: row[2].integer.map { Timestamp(microseconds: $0) }, payload: row[3].blob!)
        }
    }

    /// One page of a list; `column` is `user` or `tenant`, of the number `owner`.
    func page(_ query: SessionQuery, column: String, owner: Int64) throws -> SessionPage {
        let sort = query.sort == .createdAt ? "created" : "updated"
        var conditions = ["\(column) = ?", "tags & ? = ?", "created BETWEEN ? AND ?"]
        var parameters: [Value] = [
            .integer(owner), .integer(Int64(query.tagMask)), .integer(Int64(query.tagValue)),
            .integer(query.createdFrom?.microseconds ?? .min), .integer(query.createdTo?.microseconds ?? .max),
        ]
        if let cursor = query.cursor {
            conditions.append("(\(sort), id) \(query.ascending ? ">" : "<") (?, ?)")
            parameters += [.integer(cursor.value.microseconds), .integer(Int64(cursor.session))]
        }
        let direction = query.ascending ? "ASC" : "DESC"
        // One row more than asked for says whether there is a next page.
        parameters.append(.integer(Int64(query.limit) + 1))
        let rows = try database.run(
            Self.columns + " WHERE " + conditions.joined(separator: " AND ")
                + " ORDER BY \(sort) \(direction), id \(direction) LIMIT ?", parameters)
        let sessions = rows.prefix(query.limit).map(Self.info)
        guard rows.count > query.limit, let last = sessions.last else {
            return SessionPage(sessions: sessions, next: nil)
        }
        let value = query.sort == .createdAt ? last.createdAt : last.updatedAt
        return SessionPage(sessions: sessions, next: SessionCursor(value: value, session: last.key.session))
    }

    func documents(tenant: String, prefix: [UInt8], after: [UInt8]?, limit: Int) throws -> [Document] {
        try database.run(
            "SELECT key, value, version FROM documents WHERE tenant = (SELECT id FROM tenants WHERE name = ?) "
                + "AND substr(key, 1, ?) = ? AND (? IS NULL OR key > ?) ORDER BY key LIMIT ?",
            .text(tenant), .integer(Int64(prefix.count)), .blob(prefix), after.map { .blob($0) } ?? .null,
            after.map { .blob($0) } ?? .null, .integer(Int64(limit))
        ).map { Document(key: $0[0].blob!, value: $0[1].blob!, version: LSN(UInt64($0[2].integer!))) }
    }

    func position(of consumer: String) throws -> UInt64? {
        try database.run("SELECT lsn FROM positions WHERE consumer = ?", .text(consumer)).first
            .map { UInt64($0[0].integer!) }
    }

    /// Numbers of everything that is live.
    func numbers(of table: String) throws -> [Int64] {
        try database.run("SELECT id FROM \(table) ORDER BY id").map { $0[0].integer! }
    }

    func userKey(_ number: Int64) throws -> UserKey? {
        try database.run("SELECT tenant FROM users WHERE id = ?", .integer(number)).first
            .map { UserKey(tenant: TenantOrdinal(UInt32($0[0].integer!)), user: UInt64(number)) }
    }

    func name(in table: String, _ number: Int64) throws -> String? {
        try database.run("SELECT name FROM \(table) WHERE id = ?", .integer(number)).first?[0].text
    }

    private static func time(_ value: Value) -> Timestamp { Timestamp(microseconds: value.integer!) }

    private static func info(_ row: [Value]) -> SessionInfo {
        SessionInfo(
            key: SessionKey(
                tenant: TenantOrdinal(UInt32(row[0].integer!)), user: UInt64(row[1].integer!),
                session: UInt64(row[2].integer!)),
            id: row[3].text!, createdAt: time(row[4]), updatedAt: time(row[5]),
            lastSequence: SequenceNumber(row[6].integer!), entryCount: UInt32(row[9].integer!),
            tags: UInt32(row[7].integer!), stateVersion: LSN(UInt64(row[8].integer!)), retentionClass: 0)
    }
}
