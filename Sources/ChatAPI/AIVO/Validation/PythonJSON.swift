internal import ChatEngine

/// JSON as Python's `json` module reads and writes it, where a client can tell.
enum PythonJSON {
    /// Digits of an integer; a longer one makes Python give up.
    static let integerDigits = 4300

    /// Why `json.loads` refuses a text that is not JSON: its wording, and the place in characters.
    struct Refusal: Error, Hashable {
        var message: String
        var position: Int
    }

    /// - Parameter text: valid UTF-8 that `JSONScanner` has refused.
    static func refusal(of text: [UInt8]) -> Refusal {
        var walker = PythonJSONWalker(text: text)
        do throws(PythonJSONWalker.Stop) {
            try walker.document()
            // Python takes NaN and the infinities; what is more, nothing else does.
            return Refusal(message: "Expecting value", position: 0)
        } catch {
            let characters = text[..<min(error.offset, text.count)].count { $0 & 0xC0 != 0x80 }
            return Refusal(message: error.message, position: characters)
        }
    }

    /// A value of valid JSON text without white space, as it reads after a way through Python: of members with one name
    /// the first one's place and the last one's value, strings without needless escapes. Numbers stay as they are.
    static func compact(_ range: Range<Int>, of text: [UInt8]) -> [UInt8] {
        var writer = PythonJSONWriter(text: text, position: range.lowerBound)
        writer.out.reserveCapacity(range.count)
        writer.value()
        return writer.out
    }
}

/// Goes through a text as CPython's decoder does, up to 3.12, and stops where that does.
private struct PythonJSONWalker {
    struct Stop: Error {
        var message: String
        /// In bytes.
        var offset: Int
    }

    let text: [UInt8]
    var position = 0
    private static let depth = 512

    init(text: [UInt8]) { self.text = text }

    mutating func document() throws(Stop) {
        skipSpace()
        try value(depth: 0)
        skipSpace()
        if position < text.count { throw Stop(message: "Extra data", offset: position) }
    }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    private mutating func value(depth: Int) throws(Stop) {
        let start = position
        guard depth < Self.depth else { throw expectingValue(start) }
        switch next {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private func expectingValue(_ offset: Int) -> Stop { Stop(message: "Expecting value", offset: offset) }

    private mutating func word(_ word: StaticString) throws(Stop) {
        let end = position + word.utf8CodeUnitCount
        guard end <= text.count, (0..<word.utf8CodeUnitCount).allSatisfy({ text[position + $0] == word.utf8Start[$0] })
        else { throw expectingValue(position) }
        position = end
    }

    private mutating func object(depth: Int) throws(Stop) {
        position += 1
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            guard next == UInt8(ascii: "\"") else {
                throw Stop(message: "Expecting property name enclosed in double quotes", offset: position)
            }
            try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw Stop(message: "Expecting ':' delimiter", offset: position) }
            position += 1
            skipSpace()
            try value(depth: depth + 1)
            skipSpace()
            if next == UInt8(ascii: "}") {
                position += 1
                return
            }
            guard next == UInt8(ascii: ",") else { throw Stop(message: "Expecting ',' delimiter", offset: position) }
            position += 1
            skipSpace()
        }
    }

    private mutating func array(depth: Int) throws(Stop) {
        position += 1
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            try value(depth: depth + 1)
            skipSpace()
            if next == UInt8(ascii: "]") {
                position += 1
                return
            }
            guard next == UInt8(ascii: ",") else { throw Stop(message: "Expecting ',' delimiter", offset: position) }
            position += 1
            skipSpace()
        }
    }

    private mutating func string() throws(Stop) {
        let start = position
        position += 1
        while let byte = next {
            if byte == UInt8(ascii: "\"") {
                position += 1
                return
            }
            guard byte >= 0x20 else { throw Stop(message: "Invalid control character at", offset: position) }
            guard byte == UInt8(ascii: "\\") else {
                position += 1
                continue
            }
            let escape = position
            position += 1
            guard let kind = next else { break }
            position += 1
            guard kind == UInt8(ascii: "u") else {
                guard "\"\\/bfnrt".utf8.contains(kind) else { throw Stop(message: "Invalid \\escape", offset: escape) }
                continue
            }
            let digits = text[position..<min(position + 4, text.count)]
            // Python looks whether anything is left behind the digits before it looks at them.
            guard position + 4 < text.count, digits.allSatisfy({ $0.hexDigitValue != nil }) else {
                throw Stop(message: "Invalid \\uXXXX escape", offset: escape + 1)
            }
            position += 4
        }
        throw Stop(message: "Unterminated string starting at", offset: start)
    }

    /// The longest number; what is behind it is somebody else's error.
    private mutating func number() throws(Stop) {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") {
            position += 1
        } else if digits() == 0 {
            throw expectingValue(start)
        }
        let integerEnd = position
        if next == UInt8(ascii: ".") {
            position += 1
            if digits() == 0 {
                position = integerEnd
                return
            }
        }
        let fractionEnd = position
        guard let mark = next, mark | 0x20 == UInt8(ascii: "e") else { return }
        position += 1
        if let sign = next, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
        if digits() == 0 { position = fractionEnd }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }
}

/// Writes a value of valid JSON text, whose nesting has been bounded.
private struct PythonJSONWriter {
    let text: [UInt8]
    var position: Int
    var out: [UInt8] = []

    init(text: [UInt8], position: Int) {
        self.text = text
        self.position = position
    }

    mutating func value() {
        skipSpace()
        switch text[position] {
        case UInt8(ascii: "\""): string()
        case UInt8(ascii: "{"): object()
        case UInt8(ascii: "["): array()
        default:
            while position < text.count, !Self.endsScalar(text[position]) {
                out.append(text[position])
                position += 1
            }
        }
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
    }

    private mutating func array() {
        out.append(UInt8(ascii: "["))
        position += 1
        skipSpace()
        while text[position] != UInt8(ascii: "]") {
            value()
            separator()
        }
        position += 1
        out.append(UInt8(ascii: "]"))
    }

    private mutating func object() {
        let start = out.count
        var members: [Range<Int>] = []
        var places: [ArraySlice<UInt8>: Int] = [:]
        var order: [Int] = []
        out.append(UInt8(ascii: "{"))
        position += 1
        skipSpace()
        while text[position] != UInt8(ascii: "}") {
            let member = out.count
            string()
            let name = out[member...]
            skipSpace()
            position += 1
            out.append(UInt8(ascii: ":"))
            value()
            if let place = places[name] {
                order[place] = members.count
            } else {
                places[name] = order.count
                order.append(members.count)
            }
            members.append(member..<out.count)
            separator()
        }
        position += 1
        out.append(UInt8(ascii: "}"))
        guard order.count < members.count else { return }
        let kept = order.map { Array(out[members[$0]]) }
        out.removeSubrange(start...)
        out.append(UInt8(ascii: "{"))
        out.append(contentsOf: kept.joined(separator: [UInt8(ascii: ",")]))
        out.append(UInt8(ascii: "}"))
    }

    /// Passes a comma, if there is one.
    private mutating func separator() {
        skipSpace()
        guard text[position] == UInt8(ascii: ",") else { return }
        out.append(UInt8(ascii: ","))
        position += 1
        skipSpace()
    }

    private mutating func string() {
        skipSpace()
        let start = position
        var contents: JSONToken.Contents = []
        position += 1
        while text[position] != UInt8(ascii: "\"") {
            if text[position] == UInt8(ascii: "\\") {
                contents.insert(.escape)
                position += 1
            }
            position += 1
        }
        position += 1
        guard contents.contains(.escape) else { return out.append(contentsOf: text[start..<position]) }
        out.append(jsonString: JSONString.decode(JSONToken(.string, start..<position, contents), in: text))
    }

    private mutating func skipSpace() {
        while position < text.count, text[position] <= 0x20 { position += 1 }
    }
}
