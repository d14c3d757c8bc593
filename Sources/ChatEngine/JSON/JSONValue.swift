/// A JSON value in memory, as `JSON.parse` makes it: numbers are doubles, a key that comes twice keeps its first place and
/// its last value.
///
/// For the documents that have to be looked into or reordered; bodies of hot requests are read by `JSONScanner` alone.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// - Throws: `JSONError` if `text` is not one JSON value within `limits`.
    package init(parsing text: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var scanner = JSONScanner(text.span, limits: limits)
        let token = try scanner.document()
        self = JSONTreeBuilder(text: text).value(at: token.range.lowerBound).value
    }

    package var isObject: Bool { if case .object = self { true } else { false } }

    /// JavaScript's ToBoolean.
    package var isTruthy: Bool {
        switch self {
        case .null: false
        case .bool(let value): value
        case .number(let value): value != 0 && !value.isNaN
        case .string(let value): !value.isEmpty
        case .array, .object: true
        }
    }

    package subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var number: Double? { if case .number(let value) = self { value } else { nil } }

    /// Compact text, members in their order.
    package var serialized: [UInt8] {
        var out: [UInt8] = []
        out.append(json: self)
        return out
    }
}

/// An object's members in the order of their first appearance. Keys are the same if their bytes are: `String`'s `==` also
/// takes canonically equivalent keys for one, which JavaScript does not.
package struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var keys: [String] = []
    package private(set) var values: [JSONValue] = []
    /// Built once there are enough members that a linear search would let a client buy quadratic work.
    private var places: [[UInt8]: Int] = [:]
    private static let linearSearchLimit = 8

    package init() {}

    package init(dictionaryLiteral members: (String, JSONValue)...) {
        for (key, value) in members { self[key] = value }
    }

    package var count: Int { keys.count }
    package var isEmpty: Bool { keys.isEmpty }

    package subscript(key: String) -> JSONValue? {
        get { place(of: key).map { values[$0] } }
        set {
            guard let newValue else { return }
            if let place = place(of: key) {
                values[place] = newValue
                return
            }
            keys.append(key)
            values.append(newValue)
            if keys.count == Self.linearSearchLimit {
                for (index, key) in keys.enumerated() { places[Array(key.utf8)] = index }
            } else if keys.count > Self.linearSearchLimit {
                places[Array(key.utf8)] = keys.count - 1
            }
        }
    }

    private func place(of key: String) -> Int? {
        keys.count < Self.linearSearchLimit
            ? keys.firstIndex { $0.utf8.elementsEqual(key.utf8) } : places[Array(key.utf8)]
    }

    package static func == (a: JSONObject, b: JSONObject) -> Bool { a.keys == b.keys && a.values == b.values }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(keys)
        hasher.combine(values)
    }
}

/// Builds a tree out of a text that a `JSONScanner` has validated.
struct JSONTreeBuilder {
    let text: [UInt8]

    func value(at start: Int) -> (value: JSONValue, end: Int) {
        switch text[start] {
        case Byte.openBrace: object(at: start)
        case Byte.openBracket: array(at: start)
        case Byte.quote: string(at: start)
        case UInt8(ascii: "t"): (.bool(true), start + 4)
        case UInt8(ascii: "f"): (.bool(false), start + 5)
        case UInt8(ascii: "n"): (.null, start + 4)
        default: number(at: start)
        }
    }

    private func object(at start: Int) -> (value: JSONValue, end: Int) {
        var object = JSONObject()
        var position = skipSpace(start + 1)
        while text[position] != Byte.closeBrace {
            let (key, keyEnd) = string(at: position)
            position = skipSpace(skipSpace(keyEnd) + 1)
            let (member, end) = value(at: position)
            object[key.string ?? ""] = member
            position = skipSpace(end)
            if text[position] == Byte.comma { position = skipSpace(position + 1) }
        }
        return (.object(object), position + 1)
    }

    private func array(at start: Int) -> (value: JSONValue, end: Int) {
        var elements: [JSONValue] = []
        var position = skipSpace(start + 1)
        while text[position] != Byte.closeBracket {
            let (element, end) = value(at: position)
            elements.append(element)
            position = skipSpace(end)
            if text[position] == Byte.comma { position = skipSpace(position + 1) }
        }
        return (.array(elements), position + 1)
    }

    private func string(at start: Int) -> (value: JSONValue, end: Int) {
        var position = start + 1
        var contents: JSONToken.Contents = []
        while text[position] != Byte.quote {
            if text[position] == Byte.backslash {
                contents.insert(.escape)
                position += 1
            }
            position += 1
        }
        let token = JSONToken(.string, start..<position + 1, contents)
        return (.string(String(decoding: JSONString.decode(token, in: text), as: UTF8.self)), position + 1)
    }

    private func number(at start: Int) -> (value: JSONValue, end: Int) {
        var end = start + 1
        while end < text.count, Self.continuesNumber(text[end]) { end += 1 }
        return (.number(JSONNumber.parse(text[start..<end])), end)
    }

    private static func continuesNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private func skipSpace(_ start: Int) -> Int {
        var position = start
        while position < text.count, text[position] <= 0x20 { position += 1 }
        return position
    }
}

extension Array where Element == UInt8 {
    /// Appends `value` as compact JSON text, members in their order.
    package mutating func append(json value: JSONValue) {
        switch value {
        case .null: append(contentsOf: "null".utf8)
        case .bool(let flag): append(contentsOf: (flag ? "true" : "false").utf8)
        case .number(let number): append(jsonNumber: number)
        case .string(let string): append(jsonString: string)
        case .array(let elements):
            append(Byte.openBracket)
            for (index, element) in elements.enumerated() {
                if index > 0 { append(Byte.comma) }
                append(json: element)
            }
            append(Byte.closeBracket)
        case .object(let object):
            append(Byte.openBrace)
            for index in 0..<object.count {
                if index > 0 { append(Byte.comma) }
                append(jsonString: object.keys[index])
                append(UInt8(ascii: ":"))
                append(json: object.values[index])
            }
            append(Byte.closeBrace)
        }
    }
}
