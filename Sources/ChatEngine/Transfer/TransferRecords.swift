internal import LogStore

// The lines of an export (docs/operating.md, "Export and import"), each way. Every attribute that `Message` and
// `SessionState` have is in both halves; a test fills every one of them and compares.

/// A session without its messages.
struct SessionRecord: Sendable {
    var tenant: String
    var user: String
    var id: String
    var createdAt: Timestamp
    var updatedAt: Timestamp
    var tags: UInt32
    var retentionClass: UInt8
    var state: SessionState

    var line: [UInt8] {
        var line = LineWriter("session")
        line.string("tenant", tenant)
        line.string("user", user)
        line.string("id", id)
        line.time("createdAt", createdAt)
        line.time("updatedAt", updatedAt)
        // For those who read the file; tags say the same, and an import goes by them.
        let flags = SessionFlags(tags: tags)
        line.string("status", flags.isDeleted ? "deleted" : Self.statuses.first { $0.value == flags.status }?.word)
        line.number("tags", tags)
        line.number("retentionClass", retentionClass)
        line.object("state") { state.write(to: &$0) }
        return line.finish()
    }

    private static let statuses: [(word: String, value: SessionFlags.Status)] = [
        ("active", .active), ("pending", .pending), ("resolved", .resolved), ("expired", .expired),
        ("terminated", .terminated),
    ]
}

extension SessionRecord {
    init(_ line: LineReader) throws(LineError) {
        tenant = try line.required("tenant").string
        user = try line.required("user").string
        id = try line.required("id").string
        guard !tenant.isEmpty, !id.isEmpty else { throw LineError("has an empty tenant or id") }
        guard let createdAt = try line.time("createdAt") else { throw LineError("has no createdAt") }
        self.createdAt = createdAt
        updatedAt = try line.time("updatedAt") ?? createdAt
        tags = try line.number("tags") ?? 0
        retentionClass =
            try line.number("retentionClass") ?? TenantName.stored(tenant).retentionClass.rawValue
        state = try line.object("state").map { (inner) throws(LineError) in try SessionState(inner) } ?? SessionState()
    }
}

extension SessionState {
    func write(to line: inout LineWriter) {
        line.text("title", title)
        line.text("description", description)
        line.text("firstMessage", firstMessage)
        line.json("metadata", metadata)
        line.text("createdBy", createdBy)
        line.text("resolutionNotes", resolutionNotes)
        line.time("expiresAt", expiresAt)
        line.time("endedAt", endedAt)
        line.text("endedReason", endedReason)
        line.time("deletedAt", deletedAt)
        line.json("conversationContext", conversationContext)
        line.json("progress", progress)
        line.json("statistics", statistics)
        line.json("security", security)
        line.json("userData", userData)
        line.json("clientInfo", clientInfo)
    }

    init(_ line: LineReader) throws(LineError) {
        self.init()
        title = try line.text("title")
        description = try line.text("description")
        firstMessage = try line.text("firstMessage")
        metadata = try line.json("metadata", "metadataText")
        createdBy = try line.text("createdBy")
        resolutionNotes = try line.text("resolutionNotes")
        expiresAt = try line.time("expiresAt")
        endedAt = try line.time("endedAt")
        endedReason = try line.text("endedReason")
        deletedAt = try line.time("deletedAt")
        conversationContext = try line.json("conversationContext", "conversationContextText")
        progress = try line.json("progress", "progressText")
        statistics = try line.json("statistics", "statisticsText")
        security = try line.json("security", "securityText")
        userData = try line.json("userData", "userDataText")
        clientInfo = try line.json("clientInfo", "clientInfoText")
    }
}

/// A message and the session that it belongs to.
struct MessageRecord: Sendable {
    var tenant: String
    var session: String
    var stored: StoredMessage

    var line: [UInt8] {
        let message = stored.message
        var line = LineWriter("message")
        line.string("tenant", tenant)
        line.string("session", session)
        line.number("sequence", stored.sequence)
        line.time("createdAt", stored.createdAt)
        line.time("editedAt", stored.editedAt)
        line.id("id", message.id)
        line.string("role", Self.roles.first { $0.value == message.role }?.word)
        line.string("direction", Self.directions.first { $0.value == message.direction }?.word)
        line.string("senderType", Self.senders.first { $0.value == message.senderType }?.word)
        line.text("senderId", message.senderID)
        line.text("messageType", message.type)
        line.text("content", message.content)
        line.json("metadata", message.metadata)
        line.id("parentId", message.parentID)
        line.number("tokenCount", message.tokenCount)
        if let analysis = message.analysis { line.object("analysis") { analysis.write(to: &$0) } }
        return line.finish()
    }

    private static let roles: [(word: String, value: Message.Role)] = [
        ("user", .user), ("assistant", .assistant), ("system", .system),
    ]
    private static let directions: [(word: String, value: Message.Direction)] = [
        ("incoming", .incoming), ("outgoing", .outgoing),
    ]
    private static let senders: [(word: String, value: Message.SenderType)] = [
        ("teacher", .teacher), ("guardian", .guardian), ("student", .student), ("system", .system),
        ("assistant", .assistant),
    ]
}

extension MessageRecord {
    init(_ line: LineReader) throws(LineError) {
        tenant = try line.required("tenant").string
        session = try line.required("session").string
        guard let sequence = try line.number("sequence", as: SequenceNumber.self), sequence > 0 else {
            throw LineError("has no sequence")
        }
        guard let createdAt = try line.time("createdAt") else { throw LineError("has no createdAt") }
        guard let id = try line.id("id") else { throw LineError("has no id") }
        var message = Message(id: id, role: try line.word("role", Self.roles), content: try line.required("content"))
        message.direction = try line.word("direction", Self.directions)
        message.senderType = try line.word("senderType", Self.senders)
        message.senderID = try line.text("senderId")
        message.type = try line.text("messageType")
        message.metadata = try line.json("metadata", "metadataText")
        message.parentID = try line.id("parentId")
        message.tokenCount = try line.number("tokenCount")
        message.analysis = try line.object("analysis").map { (inner) throws(LineError) in try MessageAnalysis(inner) }
        stored = StoredMessage(
            message: message, sequence: sequence, createdAt: createdAt, editedAt: try line.time("editedAt"))
    }
}

extension MessageAnalysis {
    func write(to line: inout LineWriter) {
        line.json("processing", processing)
        line.json("agentInfo", agentInfo)
        line.text("intent", intent)
        line.json("entities", entities)
        line.text("sentiment", sentiment)
        // The shortest digits that read back as the same number, a negative zero's sign included.
        if let confidence, confidence.isFinite {
            line.json("confidence", RawJSON(stored: Array("\(confidence)".utf8)[...]))
        }
        line.number("processingTimeMs", processingTimeMilliseconds)
        line.json("errorInfo", errorInfo)
    }

    init(_ line: LineReader) throws(LineError) {
        self.init()
        processing = try line.json("processing", "processingText")
        agentInfo = try line.json("agentInfo", "agentInfoText")
        intent = try line.text("intent")
        entities = try line.json("entities", "entitiesText")
        sentiment = try line.text("sentiment")
        confidence = try line.double("confidence")
        processingTimeMilliseconds = try line.number("processingTimeMs")
        errorInfo = try line.json("errorInfo", "errorInfoText")
    }
}

/// Numbers of a session that belong to messages that were deleted: they are not given again.
struct DeletedRecord: Sendable {
    var tenant: String
    var session: String
    var from: SequenceNumber
    var through: SequenceNumber

    var line: [UInt8] {
        var line = LineWriter("deleted")
        line.string("tenant", tenant)
        line.string("session", session)
        line.number("from", from)
        line.number("through", through)
        return line.finish()
    }
}

extension DeletedRecord {
    init(_ line: LineReader) throws(LineError) {
        tenant = try line.required("tenant").string
        session = try line.required("session").string
        guard let from = try line.number("from", as: SequenceNumber.self), from > 0,
            let through = try line.number("through", as: SequenceNumber.self), through >= from
        else { throw LineError("has no range of sequence numbers") }
        self.from = from
        self.through = through
    }
}

/// A document of a tenant, or of a session: what surfaces keep beside messages.
struct DocumentRecord: Sendable {
    var tenant: String
    /// The external id; nil: it is the tenant's own.
    var session: String?
    /// Of a session's document the name.
    var key: [UInt8]
    /// Of a session's document only.
    var part: [UInt8] = []
    var value: [UInt8]

    var line: [UInt8] {
        var line = LineWriter("document")
        line.string("tenant", tenant)
        line.string("session", session)
        line.opaque("key", key)
        if !part.isEmpty { line.opaque("part", part) }
        line.opaque("value", value)
        return line.finish()
    }
}

extension DocumentRecord {
    init(_ line: LineReader) throws(LineError) {
        tenant = try line.required("tenant").string
        guard let key = try line.opaque("key", "keyHex"), let value = try line.opaque("value", "valueHex") else {
            throw LineError("has no key or no value")
        }
        session = try line.text("session")?.string
        part = try line.opaque("part", "partHex") ?? []
        guard session == nil ? part.isEmpty && key.first != 0 : 1...255 ~= key.count else {
            throw LineError("has a key that no document has")
        }
        self.key = key
        self.value = value
    }
}
