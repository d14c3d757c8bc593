// What Socket.IO has to know of JSON (RFC 8259), and no more: whether a text is valid, where the elements of an array lie,
// what a string says, and where binary attachments belong. Values are never built: an event's arguments go to the
// application as the texts that they are.

struct JSONText {
    /// Deeper values are refused; the recursion is as deep as the value.
    static let maximumDepth = 128

    private let bytes: ArraySlice<UInt8>
    private var index: Int
    /// The `num` of every `{"_placeholder":true,"num":…}` passed; nil once one was malformed.
    private(set) var placeholders: [Int]? = []

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    // MARK: whole texts

    /// The elements of a text that is one array, and nothing after it.
    mutating func wholeArray() -> [ArraySlice<UInt8>]? {
        skipBlanks()
        guard take("[") else { return nil }
        var elements: [ArraySlice<UInt8>] = []
        skipBlanks()
        if take("]") { return isAtEnd ? elements : nil }
        repeat {
            skipBlanks()
            let start = index
            guard skipValue(depth: 1) else { return nil }
            elements.append(bytes[start..<index])
            skipBlanks()
        } while take(",")
        guard take("]"), isAtEnd else { return nil }
        return elements
    }

    /// Whether the text is one object, and nothing after it.
    mutating func isWholeObject() -> Bool {
        skipBlanks()
        return peek == UInt8(ascii: "{") && skipValue(depth: 1) && isAtEnd
    }

    /// Whether the text is one value, and nothing after it.
    mutating func isWholeValue() -> Bool {
        skipBlanks()
        return skipValue(depth: 1) && isAtEnd
    }

    /// The text of a JSON string; nil if it is none.
    static func string(_ bytes: ArraySlice<UInt8>) -> String? {
        var scanner = JSONText(bytes)
        guard let text = scanner.decodedString(), scanner.index == bytes.endIndex else { return nil }
        return text
    }

    static func append(string: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    // MARK: values

    private var peek: UInt8? { index < bytes.endIndex ? bytes[index] : nil }

    private var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return index == bytes.endIndex
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func skipValue(depth: Int) -> Bool {
        guard depth < JSONText.maximumDepth else { return false }
        switch peek {
        case UInt8(ascii: "{"): return skipObject(depth: depth)
        case UInt8(ascii: "["): return skipArray(depth: depth)
        case UInt8(ascii: "\""): return skipString()
        case UInt8(ascii: "t"): return skipWord("true")
        case UInt8(ascii: "f"): return skipWord("false")
        case UInt8(ascii: "n"): return skipWord("null")
        default: return skipNumber()
        }
    }

    private mutating func skipArray(depth: Int) -> Bool {
        index += 1
        skipBlanks()
        if take("]") { return true }
        repeat {
            skipBlanks()
            guard skipValue(depth: depth + 1) else { return false }
            skipBlanks()
        } while take(",")
        return take("]")
    }

    private mutating func skipObject(depth: Int) -> Bool {
        index += 1
        var isPlaceholder = false
        var number: ArraySlice<UInt8> = []
        skipBlanks()
        if take("}") { return true }
        repeat {
            skipBlanks()
            let nameStart = index
            guard skipString() else { return false }
            let name = bytes[nameStart..<index]
            skipBlanks()
            guard take(":") else { return false }
            skipBlanks()
            let start = index
            guard skipValue(depth: depth + 1) else { return false }
            if name.elementsEqual("\"_placeholder\"".utf8) {
                isPlaceholder = bytes[start..<index].elementsEqual("true".utf8)
            } else if name.elementsEqual("\"num\"".utf8) {
                number = bytes[start..<index]
            }
            skipBlanks()
        } while take(",")
        guard take("}") else { return false }
        if isPlaceholder {
            if let value = Int(String(decoding: number, as: UTF8.self)), value >= 0 {
                placeholders?.append(value)
            } else {
                placeholders = nil
            }
        }
        return true
    }

    private mutating func skipWord(_ word: StaticString) -> Bool {
        guard bytes[index...].starts(with: word.description.utf8) else { return false }
        index += word.utf8CodeUnitCount
        return true
    }

    private mutating func skipNumber() -> Bool {
        _ = take("-")
        if !take("0") {
            guard skipDigits() else { return false }
        }
        if take("."), !skipDigits() { return false }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            return skipDigits()
        }
        return true
    }

    private mutating func skipDigits() -> Bool {
        let start = index
        while let byte = peek, byte &- 0x30 < 10 { index += 1 }
        return index > start
    }

    // MARK: strings

    private mutating func skipString() -> Bool {
        guard take("\"") else { return false }
        while let byte = peek {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case 0..<0x20: return false
            case UInt8(ascii: "\\"):
                guard let escape = peek else { return false }
                index += 1
                if escape == UInt8(ascii: "u") {
                    guard hexadecimal() != nil else { return false }
                } else if !"\"\\/bfnrt".utf8.contains(escape) {
                    return false
                }
            default: break
            }
        }
        return false
    }

    private mutating func hexadecimal() -> UInt16? {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt16(digit)
            index += 1
        }
        return value
    }

    /// Lone surrogates become U+FFFD.
    private mutating func decodedString() -> String? {
        let start = index
        guard skipString() else { return nil }
        let inside = bytes[(start + 1)..<(index - 1)]
        guard inside.contains(UInt8(ascii: "\\")) else { return String(decoding: inside, as: UTF8.self) }
        var units: [UInt16] = []
        var scanner = JSONText(inside)
        while let byte = scanner.peek {
            if byte == UInt8(ascii: "\\") {
                scanner.index += 1
                guard let unit = scanner.escape() else { return nil }
                units.append(unit)
            } else {
                let from = scanner.index
                while let next = scanner.peek, next != UInt8(ascii: "\\") { scanner.index += 1 }
                units += String(decoding: inside[from..<scanner.index], as: UTF8.self).utf16
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    /// What stands after a backslash.
    private mutating func escape() -> UInt16? {
        guard let byte = peek else { return nil }
        index += 1
        switch byte {
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "f"): return 12
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "u"): return hexadecimal()
        default: return UInt16(byte)
        }
    }
}
