internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// What an operation was given, by name: values that fit the operation's declaration.
///
/// Steps: the query's parameters in the order of their declaration, then the body: is there one, is it JSON, is it an
/// object, its members in the order of the schema. All that is wrong is told at once. Members that are not declared are
/// ignored; of a name that comes twice the last value counts. A default of the declaration stands in for what is absent.
struct RequestInput: Sendable {
    enum Value: Sendable {
        case null
        case text(UTF8Text)
        case integer(Int)
        case time(Timestamp)
        case object(RawJSON)
    }

    enum Problem: Error {
        case invalid([ValidationError])
        /// Not text at all, or nothing that a decoder can hold.
        case unreadable
        case tooLarge
        case unsupportedEncoding(String)
    }

    private var values: [String: Value] = [:]

    init(
        _ request: Request, _ declaration: OperationDeclaration, schemas: [String: Schema], bodyBytes: Int
    ) throws(Problem) {
        var errors: [ValidationError] = []
        readQuery(request, declaration, &errors)
        if let body = declaration.body {
            try readBody(request, body, schemas, limits: JSONLimits(bytes: bodyBytes), &errors)
        }
        guard errors.isEmpty else { throw .invalid(errors) }
    }

    // MARK: What there is

    /// nil: absent or null.
    func text(_ name: String) -> UTF8Text? { if case .text(let text)? = values[name] { text } else { nil } }
    func object(_ name: String) -> RawJSON? { if case .object(let object)? = values[name] { object } else { nil } }
    func time(_ name: String) -> Timestamp? { if case .time(let time)? = values[name] { time } else { nil } }

    /// - Precondition: the declaration has a default for it, or demands it.
    func integer(_ name: String) -> Int {
        guard case .integer(let number)? = values[name] else { preconditionFailure("\(name) is no declared number") }
        return number
    }

    /// nil: absent.
    func optionalInteger(_ name: String) -> Int? {
        if case .integer(let number)? = values[name] { number } else { nil }
    }

    /// - Precondition: the declaration demands it, or has a default for it.
    func required(_ name: String) -> UTF8Text {
        guard let text = text(name) else { preconditionFailure("\(name) is no declared text") }
        return text
    }

    // MARK: Query

    private mutating func readQuery(
        _ request: Request, _ declaration: OperationDeclaration, _ errors: inout [ValidationError]
    ) {
        let parameters = declaration.parameters.filter { $0.place == .query }
        guard !parameters.isEmpty else { return }
        let items = request.queryItems
        for parameter in parameters {
            guard let text = items.last(where: { $0.name == parameter.name })?.value else {
                if parameter.isRequired { errors.append(.missing(.query(parameter.name), Array("null".utf8))) }
                values[parameter.name] = Self.standard(parameter.schema)
                continue
            }
            do throws(ValidationError) {
                values[parameter.name] = try QueryRule(parameter.schema, .query(parameter.name)).value(of: text)
            } catch {
                errors.append(error)
            }
        }
    }

    private static func standard(_ schema: Schema) -> Value? {
        switch schema.standard {
        case .string(let text): .text(UTF8Text(text))
        case .number(let number): .integer(Int(number))
        default: nil
        }
    }

    // MARK: Body

    private mutating func readBody(
        _ request: Request, _ declared: OperationDeclaration.Body, _ schemas: [String: Schema], limits: JSONLimits,
        _ errors: inout [ValidationError]
    ) throws(Problem) {
        switch request.bodyError {
        case .tooLarge: throw .tooLarge
        case .unsupportedEncoding(let name): throw .unsupportedEncoding(name)
        case .malformedEncoding: throw .unreadable
        case nil: break
        }
        guard request.body.count <= limits.bytes else { throw .tooLarge }
        guard !request.body.isEmpty else { return errors.append(.missing(.body(), Array("null".utf8))) }
        guard Self.isJSON(request) else {
            var input: [UInt8] = []
            input.append(jsonString: UTF8Validation.repaired(request.body))
            return errors.append(.notAnObject(input))
        }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = request.body.starts(with: mark) ? Array(request.body.dropFirst(mark.count)) : request.body
        guard UTF8Validation.isValid(text) else { throw .unreadable }
        var members: [(name: [UInt8], value: JSONToken)] = []
        var scanner = JSONScanner(text.span, limits: limits)
        let root: JSONToken
        do throws(JSONError) {
            root = try scanner.members { key, value in members.append((JSONString.decode(key, in: text), value)) }
        } catch {
            if error.reason == .tooDeep { throw .unreadable }
            return errors.append(.malformedJSON(PythonJSON.refusal(of: text)))
        }
        guard root.kind != .null else { return errors.append(.missing(.body(), Array("null".utf8))) }
        guard root.kind == .object else { return errors.append(.notAnObject(PythonJSON.compact(root.range, of: text))) }
        guard case .object(let properties) = Self.resolved(declared.schema, schemas).kind else {
            preconditionFailure("a declared body is an object")
        }
        for property in properties {
            guard let token = members.last(where: { $0.name.elementsEqual(property.name.utf8) })?.value else {
                if property.isRequired {
                    errors.append(.missing(.body(property.name), PythonJSON.compact(root.range, of: text)))
                }
                values[property.name] = Self.standard(property.schema)
                continue
            }
            do throws(ValidationError) {
                let rule = BodyRule(Self.resolved(property.schema, schemas), .body(property.name), text)
                values[property.name] = try rule.value(of: token)
            } catch {
                errors.append(error)
            }
        }
    }

    private static func resolved(_ schema: Schema, _ schemas: [String: Schema]) -> Schema {
        guard case .reference(let name) = schema.kind, let found = schemas[name] else { return schema }
        return found
    }

    /// Whether FastAPI would parse the body: no Content-Type at all, or JSON by its subtype.
    private static func isJSON(_ request: Request) -> Bool {
        guard let field = request.headers["Content-Type"], !field.isEmpty else { return true }
        guard let type = MediaType(field)?.essence, type.hasPrefix("application/") else { return false }
        return type == "application/json" || type.hasSuffix("+json")
    }
}

// MARK: Rules

/// Takes a JSON value that fits a schema, as pydantic does.
private struct BodyRule {
    let schema: Schema
    let place: [ValidationError.Step]
    let text: [UInt8]

    init(_ schema: Schema, _ place: [ValidationError.Step], _ text: [UInt8]) {
        self.schema = schema
        self.place = place
        self.text = text
    }

    func value(of token: JSONToken) throws(ValidationError) -> RequestInput.Value {
        if token.kind == .null, schema.isNullable { return .null }
        let input = { PythonJSON.compact(token.range, of: text) }
        switch schema.kind {
        case .string(let minimum, let maximum, _, _):
            guard token.kind == .string else { throw .stringType(place, input()) }
            guard !token.contents.contains(.loneSurrogate) else { throw .stringUnicode(place, input()) }
            let found = UTF8Text(valid: JSONString.decode(token, in: text))
            let count = found.scalarCount
            if let minimum, count < minimum { throw .tooShort(place, input(), minimum: minimum) }
            if let maximum, count > maximum { throw .tooLong(place, input(), maximum: maximum) }
            return .text(found)
        case .choice(let choices):
            guard token.kind == .string, !token.contents.contains(.loneSurrogate) else {
                throw .literal(place, input(), choices)
            }
            let found = UTF8Text(valid: JSONString.decode(token, in: text))
            guard choices.contains(where: { found.bytes.elementsEqual($0.utf8) }) else {
                throw .literal(place, input(), choices)
            }
            return .text(found)
        case .object:
            guard token.kind == .object else { throw .dictionaryType(place, input()) }
            guard !token.contents.contains(.loneSurrogate) else { throw .stringUnicode(place, input()) }
            return .object(RawJSON(scanned: input()[...]))
        case .any, .integer, .number, .boolean, .constant, .array, .instant, .reference:
            preconditionFailure("no body of a surface that validates by declaration has such a member")
        }
    }
}

/// Takes a query parameter that fits a schema, as pydantic does in lax mode.
private struct QueryRule {
    let schema: Schema
    let place: [ValidationError.Step]

    init(_ schema: Schema, _ place: [ValidationError.Step]) {
        self.schema = schema
        self.place = place
    }

    func value(of text: String) throws(ValidationError) -> RequestInput.Value {
        var input: [UInt8] = []
        input.append(jsonString: text)
        switch schema.kind {
        case .integer(let minimum, let maximum):
            guard text.utf8.count <= PythonJSON.integerDigits else { throw .integerSize(place, input) }
            guard let number = PydanticInteger.parse(text) else { throw .integerParsing(place, input) }
            if let maximum, number > maximum { throw .tooLarge(place, input, maximum: maximum) }
            if let minimum, number < minimum { throw .tooSmall(place, input, minimum: minimum) }
            return .integer(number)
        case .instant:
            do throws(PydanticTime.Refusal) { return .time(try PydanticTime.parse(text)) } catch {
                throw .time(place, input, error.reason)
            }
        case .string(let minimum, let maximum, _, _):
            let count = text.unicodeScalars.count
            if let minimum, count < minimum { throw .tooShort(place, input, minimum: minimum) }
            if let maximum, count > maximum { throw .tooLong(place, input, maximum: maximum) }
            return .text(UTF8Text(text))
        case .choice(let choices):
            guard choices.contains(where: { $0.utf8.elementsEqual(text.utf8) }) else {
                throw .literal(place, input, choices)
            }
            return .text(UTF8Text(text))
        case .any, .number, .boolean, .constant, .array, .object, .reference:
            preconditionFailure("no query of a surface that validates by declaration has such a parameter")
        }
    }
}

/// Integers as pydantic reads them out of a text: blanks around, a sign, underscores between digits, `.0` behind.
enum PydanticInteger {
    /// nil if it is none. Values beyond `Int` saturate.
    static func parse(_ text: String) -> Int? {
        var rest = Array(text.utf8)[...]
        while let last = rest.last, Self.isBlank(last) { rest.removeLast() }
        rest = rest.drop(while: Self.isBlank)
        if let point = rest.firstIndex(of: UInt8(ascii: ".")) {
            let fraction = rest[(point + 1)...]
            guard !fraction.isEmpty, fraction.allSatisfy({ $0 == UInt8(ascii: "0") }) else { return nil }
            rest = rest[..<point]
        }
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard let first = rest.first, let last = rest.last, first != UInt8(ascii: "_"), last != UInt8(ascii: "_") else {
            return nil
        }
        var value = 0
        var previous: UInt8 = 0
        for byte in rest {
            defer { previous = byte }
            if byte == UInt8(ascii: "_") {
                guard previous != byte else { return nil }
                continue
            }
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte) - 0x30)
            value = overflow || carry ? .max : sum
        }
        return isNegative ? -value : value
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
