internal import ChatEngine
internal import HTTPTransport

/// The members of a request body that the surface's routes know, of JSON or of a form; all others are ignored. A JSON
/// member that comes twice counts with its last value. A body of any other type counts as empty.
struct LLMFields: Sendable {
    enum Value: Hashable, Sendable {
        /// Not there, or null.
        case absent
        case string(UTF8Text)
        /// A number, true or false, as JSON prints it.
        case literal(String, isTruthy: Bool)
        /// An object or an array.
        case structure

        /// JavaScript's ToBoolean.
        var isTruthy: Bool {
            switch self {
            case .absent: false
            case .string(let text): !text.isEmpty
            case .literal(_, let isTruthy): isTruthy
            case .structure: true
            }
        }
    }

    private(set) var message = Value.absent
    private(set) var chatID = Value.absent
    private(set) var title = Value.absent

    init(_ request: Request, limit: Int) throws(JSONBody.Problem) {
        if let type = request.headers["Content-Type"].flatMap(MediaType.init),
            type.essence == "application/x-www-form-urlencoded"
        {
            let charset = type.charset ?? "utf-8"
            guard charset == "utf-8" || request.body.isEmpty && request.bodyError == nil else {
                throw .unsupportedCharset(charset.uppercased())
            }
            try readForm(request, limit)
            return
        }
        var tokens: (message: JSONToken?, chatID: JSONToken?, title: JSONToken?)
        let body = try JSONBody(request, limits: JSONLimits(bytes: limit)) { text, key, value in
            if JSONString.matches(key, "message", in: text) {
                tokens.message = value
            } else if JSONString.matches(key, "chat_id", in: text) {
                tokens.chatID = value
            } else if JSONString.matches(key, "title", in: text) {
                tokens.title = value
            }
        }
        message = Self.value(tokens.message, body.text)
        chatID = Self.value(tokens.chatID, body.text)
        title = Self.value(tokens.title, body.text)
    }

    private mutating func readForm(_ request: Request, _ limit: Int) throws(JSONBody.Problem) {
        switch request.bodyError {
        case .tooLarge: throw .tooLarge
        case .unsupportedEncoding(let name): throw .unsupportedEncoding(name)
        case .malformedEncoding(let reason): throw .malformedEncoding(reason)
        case nil: break
        }
        guard request.body.count <= limit else { throw .tooLarge }
        let form = QueryParameters(form: UTF8Validation.repaired(request.body))
        message = Self.value(form["message"])
        chatID = Self.value(form["chat_id"])
        title = Self.value(form["title"])
    }

    private static func value(_ value: QueryParameters.Value) -> Value {
        switch value {
        case .absent: .absent
        case .single(let text): .string(UTF8Text(text))
        case .array, .nested: .structure
        }
    }

    private static func value(_ token: JSONToken?, _ text: [UInt8]) -> Value {
        guard let token else { return .absent }
        switch token.kind {
        case .null: return .absent
        case .string: return .string(UTF8Text(valid: JSONString.decode(token, in: text)))
        case .object, .array: return .structure
        case .true: return .literal("true", isTruthy: true)
        case .false: return .literal("false", isTruthy: false)
        case .number:
            let number = JSONNumber.parse(text[token.range])
            return .literal(
                String(decoding: JSONValue.number(number).serialized, as: UTF8.self), isTruthy: number != 0)
        }
    }

    // MARK: What the routes make of them

    /// The message of a request to chat.
    /// - Parameter failure: the route's text for U+0000, which the original's database refused.
    func checkedMessage(failure: String) throws(LLMReply) -> UTF8Text {
        guard case .string(let text) = message, !text.trimmed.isEmpty else {
            throw .badRequest("Message is required and must be a non-empty string")
        }
        guard text.utf16Count <= LLMLimits.messageUnits else {
            throw .badRequest("Message too long (max 10,000 characters)")
        }
        guard !text.containsNUL else { throw LLMReply(500, error: "Internal Server Error", failure) }
        return text
    }

    /// The chat that a request to chat goes on with; nil begins a new one.
    /// - Throws: the 404 with `missing` if no chat can have that id.
    func checkedChatID(missing: String) throws(LLMReply) -> String? {
        guard chatID.isTruthy else { return nil }
        guard case .string(let text) = chatID, let id = UUIDValue(text: text.string) else { throw .notFound(missing) }
        return id.string
    }

    /// The title of a new chat.
    func newTitle() throws(LLMReply) -> UTF8Text {
        guard title.isTruthy else { return "New Chat" }
        switch title {
        case .string(let text): return try Self.checked(text)
        case .literal(let text, _): return UTF8Text(text)
        case .absent, .structure: throw .badRequest("Title must be a string")
        }
    }

    /// The title that a chat is renamed to.
    func changedTitle() throws(LLMReply) -> UTF8Text {
        guard case .string(let text) = title, !text.trimmed.isEmpty else {
            throw .badRequest("Title is required and must be a non-empty string")
        }
        return try Self.checked(text)
    }

    private static func checked(_ title: UTF8Text) throws(LLMReply) -> UTF8Text {
        guard title.scalarCount <= LLMLimits.titleCharacters else {
            throw .badRequest("Title too long (max \(LLMLimits.titleCharacters) characters)")
        }
        guard !title.containsNUL else { throw .badRequest("Title must not contain U+0000") }
        return title
    }
}
