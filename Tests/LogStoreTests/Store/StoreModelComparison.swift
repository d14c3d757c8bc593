import LogStore

// Asking a store everything that the model knows an answer to.

extension StoreModel {
    /// The first answer of the store that differs from the model's, or nil. An error is a difference.
    func difference(from store: LogStore) -> String? {
        do {
            let status = store.status
            if status.visibleLSN.rawValue != lsn { return "visible LSN \(status.visibleLSN), not \(lsn)" }
            return try namesDifference(store) ?? sessionsDifference(store) ?? listsDifference(store)
                ?? documentsDifference(store)
        } catch {
            return "a read failed: \(error)"
        }
    }

    private func namesDifference(_ store: LogStore) throws -> String? {
        for (key, name) in everTenants {
            let isLive = tenants[name] == key
            if try store.tenantName(key) != (isLive ? name : nil) { return "name of tenant \(key.rawValue)" }
            if try store.tenant(named: name) != tenants[name] { return "tenant \(name)" }
        }
        for (key, path) in everUsers {
            let (tenantName, name) = Self.split(path)
            guard let tenant = tenants[tenantName] else { continue }
            if try store.user(named: name, in: tenant) != users[path] { return "user \(path)" }
            if users[path] == key, try store.userName(key) != name { return "name of user \(path)" }
        }
        return nil
    }

    private func sessionsDifference(_ store: LogStore) throws -> String? {
        for (key, path) in everSessions {
            let expected = sessions[key]
            let found = try store.session(key)
            if found != expected?.info {
                return "session \(path): \(String(describing: found)), not \(String(describing: expected?.info))"
            }
            let entries = expected?.entries ?? []
            let all = try store.entries(of: key, EntryQuery(limit: .max))
            if all != entries {
                return "entries of \(path): \(all.map(\.sequence)), not \(entries.map(\.sequence)), or other contents"
            }
            if try store.entries(of: key, .last(2)) != Array(entries.suffix(2).reversed()) {
                return "last entries of \(path)"
            }
            let state = try store.state(of: key)
            if state?.state != expected?.state || state?.version != expected?.info.stateVersion {
                return "state of \(path)"
            }
            let (tenantName, id) = Self.split(path)
            if let tenant = tenants[tenantName], try store.session(id: id, in: tenant)?.key != live[path] {
                return "session id \(path)"
            }
        }
        return nil
    }

    private func listsDifference(_ store: LogStore) throws -> String? {
        for (user, path) in everUsers {
            for sort in [SessionQuery.Sort.updatedAt, .createdAt] {
                for ascending in [true, false] {
                    let query = SessionQuery(sort: sort, ascending: ascending, limit: 2)
                    let expected = list(query) { $0.owner == user }
                    if try Self.pages(query, { try store.sessions(of: user, $0) }) != expected {
                        return "sessions of \(path) by \(sort), ascending \(ascending)"
                    }
                }
            }
            // What a list reads with its sessions is what one asks for alone, which is compared with the model elsewhere.
            let whole = try store.list(of: user, SessionQuery(limit: .max), [.state, .newestEntry]).sessions
            for listed in whole {
                let key = listed.info.key
                if try listed.info != store.session(key) { return "session \(key) in a list of \(path)" }
                if try listed.state != store.state(of: key)?.state { return "state of \(key) in a list of \(path)" }
                if try listed.newest != store.entries(of: key, .last(1)).first {
                    return "newest entry of \(key) in a list of \(path)"
                }
            }
        }
        for (tenant, name) in everTenants {
            let query = SessionQuery(sort: .createdAt, ascending: true, limit: 3)
            let expected = list(query) { $0.tenant == tenant }
            if try Self.pages(query, { try store.sessions(ofTenant: tenant, $0) }) != expected {
                return "sessions of tenant \(name)"
            }
        }
        return nil
    }

    private func documentsDifference(_ store: LogStore) throws -> String? {
        for path in everDocuments {
            let (tenant, key) = Self.split(path)
            if try store.document(DocumentKey(tenant: tenant, key: Array(key.utf8))) != documents[path] {
                return "document \(path)"
            }
        }
        for tenant in Set(everDocuments.map { Self.split($0).tenant }) {
            let expected = documents.filter { Self.split($0.key).tenant == tenant }.map(\.value)
                .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            if try store.documents(tenant: tenant, prefix: [], limit: .max) != expected {
                return "documents of \(tenant)"
            }
        }
        for tenant in Set(everTenants.map(\.name)) {
            for name in everAttached {
                let expected = attached(tenant) { $0[0] == name }
                if try store.sessionDocuments(named: Array(name.utf8), tenant: tenant) != expected {
                    return "documents \(name) of sessions of \(tenant)"
                }
            }
            var all: [SessionDocument] = []
            var after: [UInt8]?
            while let page = Optional(try store.sessionDocuments(of: tenant, after: after, limit: 2)), !page.isEmpty {
                all += page.map(\.document)
                after = page.last?.key
            }
            if all.count != attached(tenant, { _ in true }).count { return "documents of sessions of \(tenant)" }
        }
        for (consumer, position) in positions {
            if try store.position(of: consumer)?.rawValue != position { return "position of \(consumer)" }
        }
        return nil
    }

    private func attached(_ tenant: String, _ isMeant: ([String]) -> Bool) -> [SessionDocument] {
        sessions.values.filter { Self.split($0.path).tenant == tenant }
            .sorted { ($0.info.key.user, $0.info.key.session) < ($1.info.key.user, $1.info.key.session) }
            .flatMap { session in
                session.documents.filter { isMeant($0.key) }.sorted { $0.key[1] < $1.key[1] }.map(\.value)
            }
    }

    // MARK: Lists

    /// The whole answer to a list, whatever its limit and cursor.
    func list(_ query: SessionQuery, where belongs: (SessionKey) -> Bool) -> [SessionInfo] {
        func place(_ info: SessionInfo) -> (Timestamp, UInt64) {
            (query.sort == .createdAt ? info.createdAt : info.updatedAt, info.key.session)
        }
        let infos = sessions.values.map(\.info).filter {
            if let from = query.createdFrom, $0.createdAt < from { return false }
            if let to = query.createdTo, $0.createdAt > to { return false }
            return belongs($0.key) && $0.tags & query.tagMask == query.tagValue
        }
        return infos.sorted { query.ascending ? place($0) < place($1) : place($0) > place($1) }
    }

    /// All pages of a list, one behind the other.
    static func pages(
        _ query: SessionQuery, _ page: (SessionQuery) throws -> SessionPage
    ) throws -> [SessionInfo] {
        var query = query
        var sessions: [SessionInfo] = []
        while true {
            let answer = try page(query)
            sessions += answer.sessions
            guard let next = answer.next, answer.sessions.count == query.limit else { return sessions }
            query.cursor = next
        }
    }
}
