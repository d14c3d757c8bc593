internal import ChatEngine
internal import HTTPTransport

/// A request's body as an object, of JSON or of a form; empty if it is neither. A member that comes twice counts with its
/// last value.
struct POCBody: Sendable {
    let members: JSONObject

    init(_ request: Request, limit: Int) throws(JSONBody.Problem) {
        if let type = request.headers["Content-Type"].flatMap(MediaType.init),
            type.essence == "application/x-www-form-urlencoded"
        {
            members = try Self.form(request, limit)
            return
        }
        let limits = JSONLimits(bytes: limit)
        let body = try JSONBody(request, limits: limits) { _, _, _ in }
        guard !body.text.isEmpty else {
            members = [:]
            return
        }
        do throws(JSONError) {
            if case .object(let object) = try JSONValue(parsing: body.text, limits: limits) {
                members = object
            } else {
                members = [:]
            }
        } catch {
            throw .malformed(error)
        }
    }

    private static func form(_ request: Request, _ limit: Int) throws(JSONBody.Problem) -> JSONObject {
        switch request.bodyError {
        case .tooLarge: throw .tooLarge
        case .unsupportedEncoding(let name): throw .unsupportedEncoding(name)
        case .malformedEncoding(let reason): throw .malformedEncoding(reason)
        case nil: break
        }
        guard request.body.count <= limit else { throw .tooLarge }
        return POCForm.members(of: UTF8Validation.repaired(request.body))
    }

    /// The member if its value is truthy.
    subscript(name: String) -> JSONValue? {
        guard let value = members[name], value.isTruthy else { return nil }
        return value
    }

    /// The member if it is a string that is not empty.
    func text(_ name: String) -> String? { self[name]?.string }

    /// The member if it is an object.
    func object(_ name: String) -> JSONObject? {
        if case .object(let object)? = members[name] { object } else { nil }
    }

    /// A name that clients also write as a number; nil for anything without a plain text.
    static func name(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .number, .bool: String(decoding: value.serialized, as: UTF8.self)
        case .null, .array, .object: nil
        }
    }
}
