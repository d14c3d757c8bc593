internal import ChatEngine

/// What a JSON value may be. A surface declares its bodies, parameters and replies with these once: the OpenAPI document
/// is written from them (JSON Schema 2020-12), and a surface that refuses by declaration checks against the same values.
///
///     Schema.object([
///         .required("title", .string(1...255)), .optional("metadata", .anyObject.orNull),
///     ])
struct Schema: Sendable {
    indirect enum Kind: Sendable {
        case any
        /// Lengths in Unicode scalars; `format` and `pattern` describe only.
        case string(minimum: Int?, maximum: Int?, format: String?, pattern: String?)
        /// One of these strings.
        case choice([String])
        case integer(minimum: Int?, maximum: Int?)
        case number
        case boolean
        case constant(JSONValue)
        case array(Schema)
        /// No properties: any object.
        case object([Property])
        /// A point in time in a query: a date-time, a date, or seconds since 1970, above 2·10^10 milliseconds.
        case instant
        /// A schema of the surface by its name.
        case reference(String)
    }

    struct Property: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool

        static func required(_ name: String, _ schema: Schema) -> Property {
            Property(name: name, schema: schema, isRequired: true)
        }

        static func optional(_ name: String, _ schema: Schema) -> Property {
            Property(name: name, schema: schema, isRequired: false)
        }
    }

    var kind: Kind
    var isNullable = false
    var summary: String?
    /// What counts where nothing is sent.
    var standard: JSONValue?

    init(_ kind: Kind) { self.kind = kind }

    // MARK: Makers

    static let any = Schema(.any)
    static let string = Schema(.string(minimum: nil, maximum: nil, format: nil, pattern: nil))
    static let nonEmptyString = Schema(.string(minimum: 1, maximum: nil, format: nil, pattern: nil))
    static let uuid = formatted("uuid")
    static let time = formatted("date-time")
    static let instant = Schema(.instant)
    static let integer = Schema(.integer(minimum: nil, maximum: nil))
    static let count = Schema(.integer(minimum: 0, maximum: nil))
    static let number = Schema(.number)
    static let boolean = Schema(.boolean)
    static let anyObject = Schema(.object([]))

    static func string(_ length: ClosedRange<Int>) -> Schema {
        Schema(
            .string(
                minimum: length.lowerBound == 0 ? nil : length.lowerBound, maximum: length.upperBound, format: nil,
                pattern: nil))
    }

    static func formatted(_ format: String) -> Schema {
        Schema(.string(minimum: nil, maximum: nil, format: format, pattern: nil))
    }

    static func matching(_ pattern: String) -> Schema {
        Schema(.string(minimum: nil, maximum: nil, format: nil, pattern: pattern))
    }

    static func integer(_ range: ClosedRange<Int>) -> Schema {
        Schema(.integer(minimum: range.lowerBound, maximum: range.upperBound))
    }

    static func choice(_ values: String...) -> Schema { Schema(.choice(values)) }
    static func constant(_ value: JSONValue) -> Schema { Schema(.constant(value)) }
    static func array(of element: Schema) -> Schema { Schema(.array(element)) }
    static func object(_ properties: [Property]) -> Schema { Schema(.object(properties)) }
    static func named(_ name: String) -> Schema { Schema(.reference(name)) }

    var orNull: Schema {
        var schema = self
        schema.isNullable = true
        return schema
    }

    func about(_ summary: String) -> Schema {
        var schema = self
        schema.summary = summary
        return schema
    }

    func defaulting(to value: JSONValue) -> Schema {
        var schema = self
        schema.standard = value
        return schema
    }

    // MARK: As JSON Schema

    /// - Parameter scope: stands before the names of schemas that this one refers to.
    func json(scope: String) -> JSONValue {
        var object = JSONObject()
        switch kind {
        case .any: break
        case .string(let minimum, let maximum, let format, let pattern):
            object["type"] = type("string")
            object["minLength"] = minimum.map { .number(Double($0)) }
            object["maxLength"] = maximum.map { .number(Double($0)) }
            object["format"] = format.map(JSONValue.string)
            object["pattern"] = pattern.map(JSONValue.string)
        case .choice(let values): object["enum"] = .array(values.map(JSONValue.string) + (isNullable ? [.null] : []))
        case .integer(let minimum, let maximum):
            object["type"] = type("integer")
            object["minimum"] = minimum.map { .number(Double($0)) }
            object["maximum"] = maximum.map { .number(Double($0)) }
        case .number: object["type"] = type("number")
        case .boolean: object["type"] = type("boolean")
        case .constant(let value): object["const"] = value
        case .array(let element):
            object["type"] = type("array")
            object["items"] = element.json(scope: scope)
        case .object(let properties):
            object["type"] = type("object")
            let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
            if !required.isEmpty { object["required"] = .array(required) }
            if !properties.isEmpty {
                var members = JSONObject()
                for property in properties { members[property.name] = property.schema.json(scope: scope) }
                object["properties"] = .object(members)
            }
        case .instant:
            // Fourteen digits are milliseconds up to the year 5138; longer ones are taken, not promised.
            let forms: [Schema] = [
                .time, .formatted("date"), .matching(#"^(\+?[0-9]{1,14}|-[0-9]{1,13})(\.[0-9]*)?$"#),
            ]
            object["anyOf"] = .array(forms.map { $0.json(scope: scope) })
        case .reference(let name):
            let reference = JSONValue.object(["$ref": .string("#/components/schemas/\(scope)\(name)")])
            if isNullable {
                object["anyOf"] = .array([reference, .object(["type": .string("null")])])
            } else {
                object["$ref"] = reference["$ref"]
            }
        }
        object["default"] = standard
        object["description"] = summary.map(JSONValue.string)
        return .object(object)
    }

    private func type(_ name: String) -> JSONValue {
        isNullable ? .array([.string(name), .string("null")]) : .string(name)
    }
}
