internal import ChatEngine

/// An element of the list that FastAPI answers with 422: pydantic's error type, the place, the sentence, what was given,
/// and the numbers and words of the rule that it breaks.
struct ValidationError: Error, Sendable {
    /// A step of the place.
    enum Step: Sendable {
        case name(String)
        case index(Int)
    }

    enum Context: Sendable {
        case text(String)
        case number(Int)
    }

    var type: StaticString
    var place: [Step]
    var message: String
    /// JSON text.
    var input: [UInt8]
    var context: (name: StaticString, value: Context)?

    func write(to out: inout [UInt8]) {
        out.append(key: #"{"type":""#)
        out.append(key: type)
        out.append(key: #"","loc":["#)
        for (index, step) in place.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            switch step {
            case .name(let name): out.append(jsonString: name)
            case .index(let number): out.append(decimal: Int64(number))
            }
        }
        out.append(key: #"],"msg":"#)
        out.append(jsonString: message)
        out.append(key: #","input":"#)
        out.append(contentsOf: input)
        if let context {
            out.append(key: #","ctx":{""#)
            out.append(key: context.name)
            out.append(key: #"":"#)
            switch context.value {
            case .text(let text): out.append(jsonString: text)
            case .number(let number): out.append(decimal: Int64(number))
            }
            out.append(UInt8(ascii: "}"))
        }
        out.append(UInt8(ascii: "}"))
    }
}

extension [ValidationError.Step] {
    static func body(_ name: String? = nil) -> Self { [.name("body")] + (name.map { [.name($0)] } ?? []) }
    static func query(_ name: String) -> Self { [.name("query"), .name(name)] }
}

// MARK: Rules, with pydantic's names and sentences

extension ValidationError {
    static func missing(_ place: [Step], _ input: [UInt8]) -> Self {
        Self(type: "missing", place: place, message: "Field required", input: input)
    }

    static func stringType(_ place: [Step], _ input: [UInt8]) -> Self {
        Self(type: "string_type", place: place, message: "Input should be a valid string", input: input)
    }

    /// A surrogate without its partner.
    static func stringUnicode(_ place: [Step], _ input: [UInt8]) -> Self {
        Self(
            type: "string_unicode", place: place,
            message: "Input should be a valid string, unable to parse raw data as a unicode string", input: input)
    }

    static func tooShort(_ place: [Step], _ input: [UInt8], minimum: Int) -> Self {
        Self(
            type: "string_too_short", place: place,
            message: "String should have at least \(minimum) character\(minimum == 1 ? "" : "s")", input: input,
            context: ("min_length", .number(minimum)))
    }

    static func tooLong(_ place: [Step], _ input: [UInt8], maximum: Int) -> Self {
        Self(
            type: "string_too_long", place: place,
            message: "String should have at most \(maximum) character\(maximum == 1 ? "" : "s")", input: input,
            context: ("max_length", .number(maximum)))
    }

    static func dictionaryType(_ place: [Step], _ input: [UInt8]) -> Self {
        Self(type: "dict_type", place: place, message: "Input should be a valid dictionary", input: input)
    }

    /// - Parameter choices: at least one.
    static func literal(_ place: [Step], _ input: [UInt8], _ choices: [String]) -> Self {
        let quoted = choices.map { "'\($0)'" }
        let expected =
            quoted.count == 1
            ? quoted[0] : quoted.dropLast().joined(separator: ", ") + " or " + quoted[quoted.count - 1]
        return Self(
            type: "literal_error", place: place, message: "Input should be \(expected)", input: input,
            context: ("expected", .text(expected)))
    }

    static func integerParsing(_ place: [Step], _ input: [UInt8]) -> Self {
        Self(
            type: "int_parsing", place: place,
            message: "Input should be a valid integer, unable to parse string as an integer", input: input)
    }

    static func integerSize(_ place: [Step], _ input: [UInt8]) -> Self {
        Self(
            type: "int_parsing_size", place: place,
            message: "Unable to parse input string as an integer, exceeded maximum size", input: input)
    }

    static func tooSmall(_ place: [Step], _ input: [UInt8], minimum: Int) -> Self {
        Self(
            type: "greater_than_equal", place: place,
            message: "Input should be greater than or equal to \(minimum)", input: input,
            context: ("ge", .number(minimum)))
    }

    static func tooLarge(_ place: [Step], _ input: [UInt8], maximum: Int) -> Self {
        Self(
            type: "less_than_equal", place: place, message: "Input should be less than or equal to \(maximum)",
            input: input, context: ("le", .number(maximum)))
    }

    static func time(_ place: [Step], _ input: [UInt8], _ reason: String) -> Self {
        Self(
            type: "datetime_from_date_parsing", place: place,
            message: "Input should be a valid datetime or date, \(reason)", input: input,
            context: ("error", .text(reason)))
    }

    static func malformedJSON(_ refusal: PythonJSON.Refusal) -> Self {
        Self(
            type: "json_invalid", place: [.name("body"), .index(refusal.position)], message: "JSON decode error",
            input: Array("{}".utf8), context: ("error", .text(refusal.message)))
    }

    static func notAnObject(_ input: [UInt8]) -> Self {
        Self(
            type: "model_attributes_type", place: .body(),
            message: "Input should be a valid dictionary or object to extract fields from", input: input)
    }
}
