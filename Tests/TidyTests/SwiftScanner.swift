/// Just enough of Swift's lexical structure to look at code without its comments and texts.
///
/// One pass over the bytes: comments (which nest) and the insides of literals become blanks, line ends stay, so that
/// lines keep their numbers. An interpolation is blanked with its literal; its parentheses are counted to find the end.
func blankedCode(_ text: String) -> String {
    var scanner = SwiftScanner(Array(text.utf8))
    scanner.run()
    return String(decoding: scanner.bytes, as: UTF8.self)
}

private struct SwiftScanner {
    var bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private func at(_ text: StaticString, _ offset: Int = 0) -> Bool {
        let start = position + offset
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[start..<(start + $0.count)]) }
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] != 0x0A { bytes[position] = 0x20 }
            position += 1
        }
    }

    mutating func run() {
        while position < bytes.count {
            if at("//") {
                while position < bytes.count && bytes[position] != 0x0A { blank() }
            } else if at("/*") {
                blankComment()
            } else if at("\"") || at("#") {
                var hashes = 0
                while position + hashes < bytes.count && bytes[position + hashes] == UInt8(ascii: "#") { hashes += 1 }
                if at("\"", hashes) { blankLiteral(hashes: hashes) } else { position += 1 }
            } else {
                position += 1
            }
        }
    }

    private mutating func blankComment() {
        var depth = 0
        repeat {
            if at("/*") {
                depth += 1
                blank(2)
            } else if at("*/") {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && position < bytes.count
    }

    private mutating func blankLiteral(hashes: Int) {
        blank(hashes)
        let quotes = at("\"\"\"") ? 3 : 1
        blank(quotes)
        while position < bytes.count {
            if ends(quotes: quotes, hashes: hashes) { return blank(quotes + hashes) }
            if bytes[position] == UInt8(ascii: "\\") && hasHashes(hashes, after: 1) {
                if at("(", 1 + hashes) {
                    blank(1 + hashes)
                    blankInterpolation()
                } else {
                    blank(2 + hashes)
                }
            } else {
                blank()
            }
        }
    }

    private mutating func blankInterpolation() {
        var depth = 0
        repeat {
            if at("\"") {
                blankLiteral(hashes: 0)
                continue
            }
            if at("(") { depth += 1 }
            if at(")") { depth -= 1 }
            blank()
        } while depth > 0 && position < bytes.count
    }

    private func ends(quotes: Int, hashes: Int) -> Bool {
        (0..<quotes).allSatisfy { at("\"", $0) } && hasHashes(hashes, after: quotes)
    }

    private func hasHashes(_ count: Int, after offset: Int) -> Bool { (0..<count).allSatisfy { at("#", offset + $0) } }
}

/// A function, initialiser, deinitialiser or subscript with a body.
struct ScannedFunction: Equatable {
    let name: String
    /// 1 for the first line of the file.
    let line: Int
    /// From the line of the name to that of the closing brace.
    let lineCount: Int
}

/// The functions of a text that `blankedCode` made.
func scanFunctions(_ code: String) -> [ScannedFunction] {
    let bytes = Array(code.utf8)
    var functions: [ScannedFunction] = []
    var line = 1
    var index = 0
    while index < bytes.count {
        if bytes[index] == 0x0A { line += 1 }
        guard isWordByte(bytes[index]), index == 0 || !isWordByte(bytes[index - 1]) else {
            index += 1
            continue
        }
        var end = index
        while end < bytes.count && isWordByte(bytes[end]) { end += 1 }
        let word = String(decoding: bytes[index..<end], as: UTF8.self)
        // `x.init(…)` and `self.init` are calls.
        let isCall = index > 0 && bytes[index - 1] == UInt8(ascii: ".")
        if ["func", "init", "deinit", "subscript"].contains(word), !isCall, let count = bodyLines(bytes, from: end) {
            let rest = bytes[end...].prefix { $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: "{") && $0 != 0x0A }
            functions.append(
                ScannedFunction(name: word + String(decoding: rest, as: UTF8.self), line: line, lineCount: count))
        }
        index = end
    }
    return functions
}

private func isWordByte(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
}

/// The lines from `start` to the end of the body; nil without a body (a protocol's requirement). Braces of default
/// arguments stand in parentheses, the body's does not.
private func bodyLines(_ bytes: [UInt8], from start: Int) -> Int? {
    var parentheses = 0
    var braces = 0
    var lines = 1
    for index in start..<bytes.count {
        let byte = bytes[index]
        switch byte {
        case 0x0A:
            lines += 1
            // A signature goes on after a line end only inside parentheses or before its brace, `where` or `->`.
            if braces == 0 && parentheses == 0 && !continues(bytes, after: index) { return nil }
        case UInt8(ascii: "("): parentheses += 1
        case UInt8(ascii: ")"): parentheses -= 1
        case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
        case UInt8(ascii: "}") where braces > 0:
            braces -= 1
            if braces == 0 { return lines }
        case UInt8(ascii: "}"): if parentheses == 0 { return nil }
        default: break
        }
    }
    return nil
}

private func continues(_ bytes: [UInt8], after index: Int) -> Bool {
    let next = bytes[(index + 1)...].drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x09 }
    return [Array("{".utf8), Array("where".utf8), Array("->".utf8), Array("throws".utf8), Array("async".utf8)].contains
    {
        next.starts(with: $0)
    }
}
