/// A document that belongs to a session and is found by its name, without knowing the session. It goes when the session
/// goes, however that is: deleted, erased, expired, with its user or its tenant.
///
/// It is a record like any document of the tenant; only its key tells (docs/format.md, "Documents of sessions"):
///
///     00 │ length of the name │ name │ user 5 │ session 5 │ part
///
/// Invariants: a live session's row is in every run that holds a document of it, because setting one writes the row anew;
/// so an erasure that looks for rows finds the documents too. No other document's key begins with 00.
package struct SessionDocument: Hashable, Sendable {
    package var session: SessionKey
    /// What tells the documents of one name apart, in their order. Empty: the only one, or the first.
    package var part: [UInt8]
    package var value: [UInt8]
    package var version: LSN
}

enum SessionDocumentKey {
    static let mark: UInt8 = 0
    /// Plain documents come behind the documents of sessions.
    static let end: [UInt8] = [1]

    static func prefix(_ name: [UInt8]) -> [UInt8] { [mark, UInt8(truncatingIfNeeded: name.count)] + name }

    static func make(_ session: SessionKey, _ name: [UInt8], _ part: [UInt8]) -> [UInt8] {
        // What a row's key has behind kind and tenant.
        prefix(name) + IndexKey.row(session).dropFirst(5) + part
    }

    /// How many bytes of an index key come before the session; nil if it is no document of a session.
    static func sessionOffset(_ indexKey: [UInt8]) -> Int? {
        guard indexKey.count > 6, indexKey[0] == IndexKey.Kind.document.rawValue, indexKey[5] == mark else {
            return nil
        }
        let offset = 7 + Int(indexKey[6])
        return offset + 10 <= indexKey.count ? offset : nil
    }

    /// The session that a document belongs to; nil if it is the tenant's own.
    static func session(of indexKey: [UInt8]) -> SessionKey? {
        sessionOffset(indexKey).map { offset in
            SessionKey(
                tenant: IndexKey.tenant(from: indexKey, at: 1), user: IndexKey.bigEndian(indexKey, offset, 5),
                session: IndexKey.bigEndian(indexKey, offset + 5, 5))
        }
    }
}

extension LogStore {
    /// The documents of a name, by session and part. Those whose session is gone are not there any more.
    /// - Parameter name: 1 to 255 bytes.
    package func sessionDocuments(
        named name: [UInt8], tenant: String, limit: Int = .max, policy: ReadPolicy = .blocking
    ) throws(LogStoreError) -> [SessionDocument] {
        let lookup = lookup(policy)
        guard let tenant = try lookup.tenant(named: tenant) else { return [] }
        let prefix = IndexKey.document(tenant, SessionDocumentKey.prefix(name))
        return try sessionDocuments(lookup, prefix: prefix, from: nil, limit: limit, filtered: true).map(\.document)
    }

    /// All documents of a tenant's sessions, by name, behind `after`.
    /// - Returns: each with its name and the key to go on behind.
    package func sessionDocuments(
        of tenant: String, after: [UInt8]? = nil, limit: Int
    ) throws(LogStoreError) -> [(key: [UInt8], name: [UInt8], document: SessionDocument)] {
        let lookup = lookup(.blocking)
        guard limit > 0, let tenant = try lookup.tenant(named: tenant) else { return [] }
        let base = IndexKey.documents(tenant)
        return try sessionDocuments(
            lookup, prefix: base + [SessionDocumentKey.mark], from: after.map { base + $0 + [0] }, limit: limit,
            filtered: false
        ).map { key, document in
            (Array(key.dropFirst(base.count)), Array(key[7..<7 + Int(key[6])]), document)
        }
    }

    private func sessionDocuments(
        _ lookup: Lookup, prefix: [UInt8], from: [UInt8]?, limit: Int, filtered: Bool
    ) throws(LogStoreError) -> [(key: [UInt8], document: SessionDocument)] {
        var found: [(key: [UInt8], document: SessionDocument)] = []
        var last: (session: SessionKey, isLive: Bool)?
        try lookup.scan(prefix: prefix, from: from, filtered: filtered) { (key, value) throws(LogStoreError) in
            guard let offset = SessionDocumentKey.sessionOffset(key), let session = SessionDocumentKey.session(of: key)
            else { return true }
            if last?.session != session { last = (session, try lookup.row(session) != nil) }
            guard last?.isLive == true else { return true }
            let decoded = try Lookup.decoding("document", key) { () throws(ByteReader.Malformed) in
                try IndexValue.decodeVersioned(value)
            }
            if let decoded {
                found.append(
                    (
                        key,
                        SessionDocument(
                            session: session, part: Array(key[(offset + 10)...]), value: decoded.bytes,
                            version: decoded.version)
                    ))
            }
            return found.count < limit
        }
        return found
    }
}
