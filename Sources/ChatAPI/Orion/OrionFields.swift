internal import ChatEngine
internal import HTTPTransport

/// The members of a request body that orion's routes know, found in one pass; all others are ignored. A member that comes
/// twice counts with its last value.
struct OrionFields {
    let text: [UInt8]
    let userID: JSONToken?
    let firstMessage: JSONToken?
    let sessionID: JSONToken?
    let role: JSONToken?
    let content: JSONToken?
    let metadata: JSONToken?

    init(_ request: Request, limit: Int) throws(JSONBody.Problem) {
        var userID: JSONToken?
        var firstMessage: JSONToken?
        var sessionID: JSONToken?
        var role: JSONToken?
        var content: JSONToken?
        var metadata: JSONToken?
        let body = try JSONBody(request, limits: JSONLimits(bytes: limit)) { text, key, value in
            if JSONString.matches(key, "sessionId", in: text) {
                sessionID = value
            } else if JSONString.matches(key, "role", in: text) {
                role = value
            } else if JSONString.matches(key, "content", in: text) {
                content = value
            } else if JSONString.matches(key, "metadata", in: text) {
                metadata = value
            } else if JSONString.matches(key, "userId", in: text) {
                userID = value
            } else if JSONString.matches(key, "firstMessage", in: text) {
                firstMessage = value
            }
        }
        text = body.text
        self.userID = userID
        self.firstMessage = firstMessage
        self.sessionID = sessionID
        self.role = role
        self.content = content
        self.metadata = metadata
    }

    /// The token if its value is truthy.
    func truthy(_ token: JSONToken?) -> JSONToken? {
        guard let token, token.isTruthy(in: text) else { return nil }
        return token
    }

    /// The text of a truthy value, as the original's database driver would have stored it: strings verbatim; numbers, true
    /// and objects as their JSON text. Arrays became database array literals there, which no client can want.
    /// - Throws: the 400 for arrays and for U+0000, which no text of the original could hold.
    func text(_ token: JSONToken, _ name: String) throws(OrionReply) -> UTF8Text {
        guard !token.contents.contains(.nul) else { throw .badField(name, "must not contain U+0000") }
        switch token.kind {
        case .string: return UTF8Text(valid: JSONString.decode(token, in: text))
        case .array: throw .badField(name, "must be a string")
        case .number, .object, .true, .false, .null: return UTF8Text(valid: try serialized(token, name))
        }
    }

    /// The same for a field that has to be a string.
    func string(_ token: JSONToken, _ name: String) throws(OrionReply) -> UTF8Text {
        guard token.kind == .string else { throw .badField(name, "must be a string") }
        return try text(token, name)
    }

    /// The metadata of a message as the original's `jsonb` column gives it back; nil for `{}`.
    ///
    /// Falsy values and empty arrays are `{}`, objects, numbers and true are themselves, a string is JSON text of its own.
    func document(_ token: JSONToken?, _ name: String) throws(OrionReply) -> RawJSON? {
        guard let token = truthy(token) else { return nil }
        try Self.checkJSONB(token, name)
        let document: [UInt8]
        switch token.kind {
        case .array:
            guard !token.contents.contains(.elements) else { throw .badField(name, "must be a JSON object") }
            return nil
        case .string:
            let inner = JSONString.decode(token, in: text)
            try check(inner, name)
            document = JSONBOrder.canonical(inner)
        default:
            document = JSONBOrder.canonical(text, at: token.range.lowerBound)
        }
        return document == Array("{}".utf8) ? nil : RawJSON(scanned: document[...])
    }

    /// What PostgreSQL refuses inside `jsonb`.
    private static func checkJSONB(_ token: JSONToken, _ name: String) throws(OrionReply) {
        if token.contents.contains(.nul) { throw .badField(name, "must not contain U+0000") }
        if token.contents.contains(.loneSurrogate) { throw .badField(name, "must not contain lone surrogates") }
    }

    /// Whether a text can be `jsonb`.
    private func check(_ json: [UInt8], _ name: String) throws(OrionReply) {
        let token: JSONToken
        do throws(JSONError) {
            var scanner = JSONScanner(json.span)
            token = try scanner.document()
        } catch {
            throw .badField(name, "must be a JSON object")
        }
        try Self.checkJSONB(token, name)
    }

    private func serialized(_ token: JSONToken, _ name: String) throws(OrionReply) -> [UInt8] {
        try Self.checkJSONB(token, name)
        let json = Array(text[token.range])
        do throws(JSONError) { return try JSONValue(parsing: json).serialized } catch {
            throw .badField(name, "must be a JSON object")
        }
    }
}
