@testable import LogStore

/// The second model: the same store as anybody would write it on SQLite, with foreign keys that cascade, keyset
/// pagination and counts that are counted.
///
/// Nothing of the dictionary model is used: numbers come from AUTOINCREMENT, order from ORDER BY, deletion from ON DELETE
/// CASCADE. Times are the receipt's, because both clocks cannot be asked at the same instant.
struct SQLiteModel {
    static let schema = """
        PRAGMA foreign_keys = ON;
        CREATE TABLE tenants (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
        CREATE TABLE users (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant INTEGER NOT NULL REFERENCES tenants ON DELETE CASCADE,
            name TEXT NOT NULL, UNIQUE (tenant, name));
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant INTEGER NOT NULL REFERENCES tenants ON DELETE CASCADE,
            user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
            external TEXT NOT NULL, state BLOB NOT NULL, tags INTEGER NOT NULL, version INTEGER NOT NULL,
            created INTEGER NOT NULL, updated INTEGER NOT NULL, last INTEGER NOT NULL DEFAULT 0,
            UNIQUE (tenant, external));
        CREATE INDEX by_updated ON sessions (user, updated, id);
        CREATE INDEX by_created ON sessions (user, created, id);
        CREATE TABLE messages (
            session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
            sequence INTEGER NOT NULL, created INTEGER NOT NULL, amended INTEGER, payload BLOB NOT NULL,
            PRIMARY KEY (session, sequence)) WITHOUT ROWID;
        CREATE TABLE documents (
            tenant INTEGER NOT NULL REFERENCES tenants ON DELETE CASCADE,
            key BLOB NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (tenant, key));
        CREATE TABLE receipts (
            session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE,
            key TEXT NOT NULL, lsn INTEGER NOT NULL, PRIMARY KEY (session, key));
        CREATE TABLE positions (consumer TEXT PRIMARY KEY, lsn INTEGER NOT NULL);
        """

    let database: SQLiteDatabase
    private(set) var lsn: UInt64 = 0
    /// What each batch with a key was answered; the table says which batch that was.
    private var answers: [Int64: CommitReceipt] = [:]

    init() throws { database = try SQLiteDatabase(schema: Self.schema) }

    /// Applies a change that the store took at `time`, and says what the receipt must be.
    mutating func apply(_ change: StoreModel.Change, time: Timestamp) throws -> CommitReceipt {
        if let key = change.key {
            let session = try sessionNumber(change.keySession)
            let rows = try database.run("SELECT lsn FROM receipts WHERE session = ? AND key = ?", session, .text(key))
            if let earlier = rows.first?[0].integer, var receipt = answers[earlier] {
                receipt.isReplay = true
                return receipt
            }
        }
        lsn += 1
        var receipt = CommitReceipt(lsn: LSN(lsn), time: time)
        try database.run("BEGIN")
        for operation in change.operations { try apply(operation, &receipt) }
        if let key = change.key {
            try database.run(
                "INSERT INTO receipts VALUES (?, ?, ?)", try sessionNumber(change.keySession), .text(key), number(lsn))
            answers[Int64(lsn)] = receipt
        }
        try database.run("COMMIT")
        return receipt
    }

    /// A batch of the store's own, of which no reader of sessions sees anything: an erasure was finished.
    mutating func applyOwnBatch() { lsn += 1 }

    private func apply(_ operation: StoreModel.Operation, _ receipt: inout CommitReceipt) throws {
        let time = SQLiteDatabase.Value.integer(receipt.time.microseconds)
        let version = number(receipt.lsn.rawValue)
        switch operation {
        case .create(let path, let userName, let state, let tags):
            let (tenantName, external) = StoreModel.split(path)
            let tenant = try tenantOrCreate(tenantName)
            let user = try userOrCreate(userName, tenant)
            try database.run(
                "INSERT INTO sessions (tenant, user, external, state, tags, version, created, updated) "
                    + "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                tenant, user, .text(external), blob(state), .integer(Int64(tags)), version, time, time)
            receipt.sessions.append(
                SessionKey(
                    tenant: TenantOrdinal(UInt32(tenant.integer!)), user: UInt64(user.integer!),
                    session: UInt64(database.insertedRow)))
        case .append(let path, let text):
            let session = try sessionNumber(path)
            let rows = try database.run(
                "UPDATE sessions SET last = last + 1, updated = ? WHERE id = ? RETURNING last", time, session)
            try database.run(
                "INSERT INTO messages (session, sequence, created, payload) VALUES (?, ?, ?, ?)", session, rows[0][0],
                time, blob(text))
            receipt.sequences.append(SequenceNumber(rows[0][0].integer!))
        case .update(let path, let state, let tags, let touch):
            try database.run(
                "UPDATE sessions SET state = coalesce(?, state), tags = coalesce(?, tags), "
                    + "updated = coalesce(?, updated), version = ? WHERE id = ?",
                state.map { blob($0) } ?? .null, tags.map { .integer(Int64($0)) } ?? .null, touch ? time : .null,
                version, try sessionNumber(path))
        case .amend(let path, let sequence, let text):
            try database.run(
                "UPDATE messages SET payload = ?, amended = ? WHERE session = ? AND sequence = ?", blob(text), time,
                try sessionNumber(path), .integer(Int64(sequence)))
        case .deleteEntry(let path, let sequence):
            try database.run(
                "DELETE FROM messages WHERE session = ? AND sequence = ?", try sessionNumber(path),
                .integer(Int64(sequence)))
        case .deleteSession(let path), .eraseSession(let path):
            try database.run("DELETE FROM sessions WHERE id = ?", try sessionNumber(path))
        case .deleteUser(let path), .eraseUser(let path):
            let (tenant, name) = StoreModel.split(path)
            try database.run(
                "DELETE FROM users WHERE name = ? AND tenant = (SELECT id FROM tenants WHERE name = ?)", .text(name),
                .text(tenant))
        case .deleteTenant(let name): try database.run("DELETE FROM tenants WHERE name = ?", .text(name))
        case .sessionTimes(let path, let createdAt, let updatedAt):
            try database.run(
                "UPDATE sessions SET created = coalesce(?, created), updated = coalesce(?, updated) WHERE id = ?",
                createdAt.map { .integer($0) } ?? .null, updatedAt.map { .integer($0) } ?? .null,
                try sessionNumber(path))
        case .entryTimes(let path, let sequence, let createdAt, let amendedAt):
            try database.run(
                "UPDATE messages SET created = coalesce(?, created), amended = coalesce(?, amended) "
                    + "WHERE session = ? AND sequence = ?",
                createdAt.map { .integer($0) } ?? .null, amendedAt.map { .integer($0) } ?? .null,
                try sessionNumber(path), .integer(Int64(sequence)))
        case .put(let path, let value):
            let (tenant, key) = StoreModel.split(path)
            try database.run(
                "INSERT INTO documents VALUES (?1, ?2, ?3, ?4) "
                    + "ON CONFLICT DO UPDATE SET value = ?3, version = ?4",
                try tenantOrCreate(tenant), blob(key), blob(value), version)
        case .remove(let path):
            let (tenant, key) = StoreModel.split(path)
            try database.run(
                "DELETE FROM documents WHERE key = ? AND tenant = (SELECT id FROM tenants WHERE name = ?)", blob(key),
                .text(tenant))
        // The other model compares these.
        case .attach, .detach: break
        case .position(let consumer, let lsn):
            if let lsn {
                try database.run("INSERT OR REPLACE INTO positions VALUES (?, ?)", .text(consumer), number(lsn))
            } else {
                try database.run("DELETE FROM positions WHERE consumer = ?", .text(consumer))
            }
        }
    }

    private func tenantOrCreate(_ name: String) throws -> SQLiteDatabase.Value {
        if let known = try database.run("SELECT id FROM tenants WHERE name = ?", .text(name)).first { return known[0] }
        try database.run("INSERT INTO tenants (name) VALUES (?)", .text(name))
        return .integer(database.insertedRow)
    }

    private func userOrCreate(_ name: String, _ tenant: SQLiteDatabase.Value) throws -> SQLiteDatabase.Value {
        let known = try database.run("SELECT id FROM users WHERE tenant = ? AND name = ?", tenant, .text(name))
        if let known = known.first { return known[0] }
        try database.run("INSERT INTO users (tenant, name) VALUES (?, ?)", tenant, .text(name))
        return .integer(database.insertedRow)
    }

    private func sessionNumber(_ path: String) throws -> SQLiteDatabase.Value {
        let (tenant, external) = StoreModel.split(path)
        let rows = try database.run(
            "SELECT id FROM sessions WHERE external = ? AND tenant = (SELECT id FROM tenants WHERE name = ?)",
            .text(external), .text(tenant))
        guard let row = rows.first else { throw SQLiteDatabase.Failure(description: "no session \(path)") }
        return row[0]
    }

    private func number(_ value: UInt64) -> SQLiteDatabase.Value { .integer(Int64(value)) }
    private func blob(_ text: String) -> SQLiteDatabase.Value { .blob(Array(text.utf8)) }
}
