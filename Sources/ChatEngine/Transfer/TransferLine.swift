internal import LogStore

/// Why a line cannot be imported: the end of a sentence that begins with the line's number.
struct LineError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// Writes one line of an export: a JSON object without line ends.
///
/// A JSON attribute goes in as it was stored, byte for byte, so that nothing is lost to re-encoding. One that holds a line
/// end, or has blanks around it, would not come back whole: it is written as a string under its name with `Text` behind.
struct LineWriter {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    init(_ type: StaticString) {
        bytes.append(UInt8(ascii: "{"))
        string("type", "\(type)")
    }

    private mutating func name(_ name: StaticString, suffix: StaticString = "") {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        suffix.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: "\":".utf8)
    }

    mutating func string(_ name: StaticString, _ value: String?) {
        guard let value else { return }
        self.name(name)
        bytes.append(jsonString: value)
    }

    mutating func text(_ name: StaticString, _ value: UTF8Text?) {
        guard let value else { return }
        self.name(name)
        bytes.append(jsonString: value.bytes)
    }

    mutating func id(_ name: StaticString, _ value: MessageID?) {
        guard let value else { return }
        var text: [UInt8] = []
        value.write(to: &text)
        self.name(name)
        bytes.append(jsonString: text)
    }

    mutating func number(_ name: StaticString, _ value: (some BinaryInteger)?) {
        guard let value else { return }
        self.name(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    /// RFC 3339 with microseconds; a number of microseconds where that has no year for it.
    mutating func time(_ name: StaticString, _ value: Timestamp?) {
        guard let value else { return }
        self.name(name)
        var text: [UInt8] = []
        text.append(isoMicroseconds: value)
        if Calendar.parse(String(decoding: text, as: UTF8.self)) == value {
            bytes.append(jsonString: text)
        } else {
            bytes.append(decimal: value.microseconds)
        }
    }

    mutating func json(_ name: StaticString, _ value: RawJSON?) {
        guard let value else { return }
        let isBlank: (UInt8?) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        if isBlank(value.bytes.first) || isBlank(value.bytes.last) || value.bytes.contains(where: Self.endsLine) {
            self.name(name, suffix: "Text")
            bytes.append(jsonString: value.bytes)
        } else {
            self.name(name)
            bytes.append(contentsOf: value.bytes)
        }
    }

    private static func endsLine(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    /// Any bytes: as a string if they are UTF-8, else in hexadecimal under the name with `Hex` behind.
    mutating func opaque(_ name: StaticString, _ value: [UInt8]) {
        guard !UTF8Validation.isValid(value) else { return text(name, UTF8Text(valid: value)) }
        self.name(name, suffix: "Hex")
        bytes.append(UInt8(ascii: "\""))
        for byte in value {
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// An object in the object; left out if it has no members.
    mutating func object(_ name: StaticString, _ body: (inout LineWriter) -> Void) {
        var inner = LineWriter()
        body(&inner)
        guard inner.needsComma else { return }
        self.name(name)
        bytes.append(contentsOf: inner.bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    private init() { bytes.append(UInt8(ascii: "{")) }

    /// The line with its end.
    mutating func finish() -> [UInt8] {
        bytes.append(contentsOf: "}\n".utf8)
        return bytes
    }
}

/// Reads one line of an export.
struct LineReader {
    private let text: [UInt8]
    private var members: [(name: JSONToken, value: JSONToken)] = []

    private static let limits = JSONLimits(depth: 1024, bytes: 64 << 20)

    /// - Parameter text: one JSON object.
    init(_ text: [UInt8]) throws(LineError) {
        self.text = text
        guard UTF8Validation.isValid(text) else { throw LineError("is not UTF-8") }
        var scanner = JSONScanner(text.span, limits: Self.limits)
        var found: [(name: JSONToken, value: JSONToken)] = []
        let token: JSONToken
        do throws(JSONError) { token = try scanner.members { found.append(($0, $1)) } } catch {
            throw LineError("is not JSON: \(error.message)")
        }
        guard token.kind == .object else { throw LineError("is not a JSON object") }
        members = found
    }

    /// A null counts as absent, except where any JSON value may stand.
    private func member(_ name: StaticString, orNull: Bool = false) -> JSONToken? {
        members.first { JSONString.matches($0.name, name, in: text) && (orNull || $0.value.kind != .null) }?.value
    }

    func text(_ name: StaticString) throws(LineError) -> UTF8Text? {
        guard let token = member(name) else { return nil }
        guard token.kind == .string, !token.contents.contains(.loneSurrogate) else {
            throw LineError("has a \(name) that is not a text")
        }
        return UTF8Text(valid: JSONString.decode(token, in: text))
    }

    func required(_ name: StaticString) throws(LineError) -> UTF8Text {
        guard let text = try text(name) else { throw LineError("has no \(name)") }
        return text
    }

    func id(_ name: StaticString) throws(LineError) -> MessageID? { try text(name).map { MessageID($0) } }

    func number<Value: FixedWidthInteger>(
        _ name: StaticString, as type: Value.Type = Value.self
    ) throws(LineError) -> Value? {
        guard let token = member(name) else { return nil }
        guard token.kind == .number, let value = Value(String(decoding: text[token.range], as: UTF8.self)) else {
            throw LineError("has a \(name) that is not a whole number in range")
        }
        return value
    }

    func double(_ name: StaticString) throws(LineError) -> Double? {
        guard let token = member(name) else { return nil }
        guard token.kind == .number else { throw LineError("has a \(name) that is not a number") }
        return JSONNumber.parse(text[token.range])
    }

    func time(_ name: StaticString) throws(LineError) -> Timestamp? {
        guard let token = member(name) else { return nil }
        if token.kind == .number { return try number(name).map { Timestamp(microseconds: $0) } }
        guard let time = Calendar.parse(try required(name).string) else {
            throw LineError("has a \(name) that is not a time")
        }
        return time
    }

    /// A JSON attribute, from either of its two forms.
    func json(_ name: StaticString, _ textName: StaticString) throws(LineError) -> RawJSON? {
        if let token = member(name, orNull: true) { return RawJSON(scanned: text[token.range]) }
        guard let written = try text(textName) else { return nil }
        do throws(JSONError) {
            return try RawJSON(validating: Array(written.bytes), limits: Self.limits)
        } catch {
            throw LineError("has a \(textName) that is not JSON: \(error.message)")
        }
    }

    func opaque(_ name: StaticString, _ hexName: StaticString) throws(LineError) -> [UInt8]? {
        if let text = try text(name) { return Array(text.bytes) }
        guard let hex = try text(hexName) else { return nil }
        guard hex.bytes.count % 2 == 0 else { throw LineError("has a \(hexName) of odd length") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(hex.bytes.count / 2)
        var high: UInt8?
        for character in hex.bytes {
            guard let digit = character.hexDigitValue else {
                throw LineError("has a \(hexName) that is not hexadecimal")
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return bytes
    }

    func object(_ name: StaticString) throws(LineError) -> LineReader? {
        guard let token = member(name) else { return nil }
        guard token.kind == .object else { throw LineError("has a \(name) that is not an object") }
        return try LineReader(Array(text[token.range]))
    }

    /// One of several words.
    func word<Value>(_ name: StaticString, _ words: [(word: String, value: Value)]) throws(LineError) -> Value? {
        guard let text = try text(name) else { return nil }
        guard let found = words.first(where: { $0.word.utf8.elementsEqual(text.bytes) }) else {
            throw LineError("has an unknown \(name)")
        }
        return found.value
    }
}
