internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// The parameters of `GET /api/sessions/list`, checked in the order in which the original read them.
struct OrionListQuery {
    /// nil: no user can be meant (a repeated `userId`), so the list is empty.
    let owner: String?
    let query: SessionQuery
    /// Whether the request carries `cursor`: only then a `nextCursor` is answered.
    let pages: Bool

    init(
        _ parameters: QueryParameters, hardenedOwner: String?, _ configuration: OrionConfiguration
    ) throws(OrionReply) {
        if let hardenedOwner { owner = hardenedOwner } else { owner = try Self.owner(parameters["userId"]) }
        var query = SessionQuery(limit: try Self.limit(parameters["limit"], maximum: configuration.pageLimit))
        if parameters["sortBy"] == .single("createdAt") { query.sort = .createdAt }
        query.ascending = try Self.isAscending(parameters["sortOrder"])
        // Both bounds count whole milliseconds, which is what clients see of a time.
        if let from = try Self.date(parameters["startDate"], "startDate") {
            query.createdFrom = Timestamp(microseconds: from.milliseconds * 1000)
        }
        if let to = try Self.date(parameters["endDate"], "endDate") {
            query.createdTo = Timestamp(microseconds: to.milliseconds * 1000 + 999)
        }
        switch parameters["cursor"] {
        case .absent: pages = false
        case .single(""): pages = true
        case .single(let text):
            guard let cursor = OrionCursor.decode(text, query) else {
                throw .badQuery("cursor", "not a nextCursor of a list in this order")
            }
            query.cursor = cursor
            pages = true
        case .array, .nested: throw .badQuery("cursor", "must be given once")
        }
        self.query = query
    }

    private static func owner(_ value: QueryParameters.Value) throws(OrionReply) -> String? {
        switch value {
        case .absent, .single(""): throw .badRequest("Missing required query parameter: userId")
        case .single(let user):
            guard !user.utf8.contains(0) else { throw .badQuery("userId", "must not contain U+0000") }
            return user.utf8.count > OrionLimits.userIDCharacters * 4 ? nil : user
        case .array, .nested: return nil
        }
    }

    /// The integer that the value begins with, as `parseInt` reads it.
    private static func limit(_ value: QueryParameters.Value, maximum: Int) throws(OrionReply) -> Int {
        let text: String?
        switch value {
        case .absent: return OrionLimits.defaultPage
        case .single(let single): text = single
        case .array(let several): text = several.first
        case .nested: text = nil
        }
        guard let number = text.flatMap(JavaScriptInteger.parse) else {
            throw .badQuery("limit", "must be an integer")
        }
        guard number >= 0 else { throw .badQuery("limit", "must not be negative") }
        return min(number, maximum)
    }

    private static func isAscending(_ value: QueryParameters.Value) throws(OrionReply) -> Bool {
        switch value {
        case .absent: return false
        case .single(let order): return order.lowercased() == "asc"
        case .array, .nested: throw .badQuery("sortOrder", "must be given once")
        }
    }

    private static func date(_ value: QueryParameters.Value, _ name: String) throws(OrionReply) -> Timestamp? {
        switch value {
        case .absent, .single(""): return nil
        case .single(let text):
            if let time = Calendar.parse(text) { return time }
        case .array, .nested: break
        }
        throw .badQuery(name, "must be an RFC 3339 date-time (a + as %2B) or YYYY-MM-DD")
    }
}
