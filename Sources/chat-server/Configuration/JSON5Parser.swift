/// The JSON5 of the settings file: JSON with comments, trailing commas, names without quotes, single quotes, hexadecimal
/// numbers and escaped line ends (https://spec.json5.org).
///
/// A recursive descent over the file's bytes. Every value remembers its line, because the errors that matter to an
/// operator are about names and values, not about brackets. Invariants: `position` never passes `bytes.count`; nesting
/// is bounded by `maximumDepth`, so input cannot exhaust the stack; a name given twice in one object is an error, since
/// one of the two would be ignored in silence. Names are ASCII words or quoted; `NaN` and `Infinity` have no use in a
/// setting and are refused.
struct JSON5Parser {
    struct Value: Equatable {
        let content: Content
        /// 1 for the first line.
        let line: Int
    }

    enum Content: Equatable {
        case null
        case boolean(Bool)
        /// As written; a hexadecimal one in decimal.
        case number(String)
        case string(String)
        case array([Value])
        case object([Member])
    }

    struct Member: Equatable {
        let name: String
        let line: Int
        let value: Value
    }

    struct Failure: Error, Equatable {
        let line: Int
        let reason: String
    }

    private static let maximumDepth = 32

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    private init(_ text: String) { bytes = Array(text.utf8) }

    /// Reads one value and nothing after it.
    static func parse(_ text: String) throws(Failure) -> Value {
        var parser = JSON5Parser(text)
        if parser.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
        try parser.skipBlanks()
        let value = try parser.value(depth: 0)
        try parser.skipBlanks()
        if let byte = parser.peek { throw parser.failure("\(parser.shown(byte)) after the end of the value") }
        return value
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func failure(_ reason: String) -> Failure { Failure(line: line, reason: reason) }

    private func shown(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7F ? "unexpected '\(Character(UnicodeScalar(byte)))'" : "unexpected character"
    }

    private mutating func skipBlanks() throws(Failure) {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                position += 1
            case 0x20, 0x09, 0x0B, 0x0C, 0x0D: position += 1
            case 0xC2 where follows([0xC2, 0xA0]): position += 2
            case 0xEF where follows([0xEF, 0xBB, 0xBF]): position += 3
            case 0xE2 where follows([0xE2, 0x80, 0xA8]) || follows([0xE2, 0x80, 0xA9]): position += 3
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private func follows(_ text: [UInt8]) -> Bool { bytes[position...].starts(with: text) }

    private mutating func skipComment() throws(Failure) {
        if follows(Array("//".utf8)) {
            while let byte = peek, byte != UInt8(ascii: "\n") { position += 1 }
            return
        }
        guard follows(Array("/*".utf8)) else { throw failure("unexpected '/'") }
        let start = line
        position += 2
        while !follows(Array("*/".utf8)) {
            guard let byte = peek else { throw Failure(line: start, reason: "a comment that does not end") }
            if byte == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
        position += 2
    }

    private mutating func value(depth: Int) throws(Failure) -> Value {
        guard depth < JSON5Parser.maximumDepth else { throw failure("nested too deeply") }
        guard let byte = peek else { throw failure("a value is missing at the end") }
        let start = line
        let content: Content
        switch byte {
        case UInt8(ascii: "{"): content = .object(try members(depth: depth))
        case UInt8(ascii: "["): content = .array(try elements(depth: depth))
        case UInt8(ascii: "\""), UInt8(ascii: "'"): content = .string(try string())
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            content = .number(try number())
        default:
            switch try word() {
            case "true": content = .boolean(true)
            case "false": content = .boolean(false)
            case "null": content = .null
            case let other: throw failure("\(other) is not a value; texts stand in quotes")
            }
        }
        return Value(content: content, line: start)
    }

    private mutating func members(depth: Int) throws(Failure) -> [Member] {
        position += 1
        var members: [Member] = []
        while true {
            try skipBlanks()
            guard let byte = peek else { throw failure("an object that does not end") }
            if byte == UInt8(ascii: "}") { break }
            let start = line
            let isQuoted = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
            let name = isQuoted ? try string() : try word()
            if let earlier = members.first(where: { $0.name == name }) {
                throw Failure(line: start, reason: "\"\(name)\" is given again; it was set in line \(earlier.line)")
            }
            try skipBlanks()
            guard peek == UInt8(ascii: ":") else { throw failure("a colon is missing after \"\(name)\"") }
            position += 1
            try skipBlanks()
            members.append(Member(name: name, line: start, value: try value(depth: depth + 1)))
            guard try separator(orEnd: UInt8(ascii: "}")) else { break }
        }
        position += 1
        return members
    }

    private mutating func elements(depth: Int) throws(Failure) -> [Value] {
        position += 1
        var elements: [Value] = []
        while true {
            try skipBlanks()
            guard let byte = peek else { throw failure("a list that does not end") }
            if byte == UInt8(ascii: "]") { break }
            elements.append(try value(depth: depth + 1))
            guard try separator(orEnd: UInt8(ascii: "]")) else { break }
        }
        position += 1
        return elements
    }

    /// True after a comma, false before the end, which is left to be read.
    private mutating func separator(orEnd end: UInt8) throws(Failure) -> Bool {
        try skipBlanks()
        if peek == UInt8(ascii: ",") {
            position += 1
            return true
        }
        guard peek == end else { throw failure("a comma or '\(Character(UnicodeScalar(end)))' is missing") }
        return false
    }

    /// A name without quotes: ASCII letters, digits, `_`, `$`; not a digit first. `-` is ours: settings have it in
    /// their names, and quotes around each of them would help nobody.
    private mutating func word() throws(Failure) -> String {
        let start = position
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                UInt8(ascii: "$"):
                position += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if position == start { throw failure(shown(byte)) }
                position += 1
            default:
                if position == start { throw failure(shown(byte)) }
                return String(decoding: bytes[start..<position], as: UTF8.self)
            }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func number() throws(Failure) -> String {
        let start = position
        while let byte = peek,
            byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                || (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
        {
            position += 1
        }
        var text = String(decoding: bytes[start..<position], as: UTF8.self)
        if text.hasPrefix("+") { text.removeFirst() }
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        if digits.hasPrefix("0x") || digits.hasPrefix("0X") {
            guard let value = Int(digits.dropFirst(2), radix: 16), digits.dropFirst(2).first != "-" else {
                throw failure("\(text) is not a number")
            }
            return text.hasPrefix("-") ? "-\(value)" : "\(value)"
        }
        guard let first = digits.utf8.first, first == UInt8(ascii: ".") || (first >= 0x30 && first <= 0x39),
            Double(text) != nil || (text.hasSuffix(".") && Double(text + "0") != nil),
            !(digits.utf8.count > 1 && first == 0x30
                && digits.utf8.dropFirst().first.map { $0 >= 0x30 && $0 <= 0x39 } == true)
        else { throw failure("\(text) is not a number") }
        return text
    }

    private mutating func string() throws(Failure) -> String {
        let quote = bytes[position]
        let start = line
        position += 1
        var result: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case quote: return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): throw Failure(line: start, reason: "a text that does not end")
            case UInt8(ascii: "\\"): try escape(into: &result)
            default: result.append(byte)
            }
        }
        throw Failure(line: start, reason: "a text that does not end")
    }

    private mutating func escape(into result: inout [UInt8]) throws(Failure) {
        guard let byte = peek else { throw failure("a text that does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "v"): result.append(0x0B)
        case UInt8(ascii: "0"): result.append(0)
        case UInt8(ascii: "\n"): line += 1
        case UInt8(ascii: "\r"):
            if peek == UInt8(ascii: "\n") { position += 1 }
            line += 1
        case UInt8(ascii: "x"): append(try scalar(digits: 2), to: &result)
        case UInt8(ascii: "u"):
            var code = try scalar(digits: 4)
            if (0xD800..<0xDC00).contains(code), follows(Array("\\u".utf8)) {
                position += 2
                let low = try scalar(digits: 4)
                guard (0xDC00..<0xE000).contains(low) else { throw failure("half a surrogate pair in a text") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard UnicodeScalar(code) != nil else { throw failure("half a surrogate pair in a text") }
            append(code, to: &result)
        case UInt8(ascii: "1")...UInt8(ascii: "9"): throw failure("unknown escape in a text")
        default: result.append(byte)
        }
    }

    private func append(_ code: UInt32, to result: inout [UInt8]) {
        if let scalar = UnicodeScalar(code) { result.append(contentsOf: String(Character(scalar)).utf8) }
    }

    private mutating func scalar(digits: Int) throws(Failure) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<digits {
            guard let byte = peek, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw failure("an escape with too few hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
