/// JSON string literals: out of a text into UTF-8, and from UTF-8 into a text, as `JSON.parse` and `JSON.stringify` do.
package enum JSONString {
    /// The string that `token` (of kind `.string`) denotes, as UTF-8. A lone surrogate escape becomes U+FFFD, as it does
    /// when JavaScript encodes such a string.
    package static func decode(_ token: JSONToken, in text: [UInt8]) -> [UInt8] {
        let inner = token.range.lowerBound + 1..<token.range.upperBound - 1
        guard token.contents.contains(.escape) else { return Array(text[inner]) }
        var result: [UInt8] = []
        result.reserveCapacity(inner.count)
        var position = inner.lowerBound
        while position < inner.upperBound {
            let byte = text[position]
            position += 1
            guard byte == Byte.backslash else {
                result.append(byte)
                continue
            }
            let kind = text[position]
            position += 1
            guard kind == UInt8(ascii: "u") else {
                result.append(shortEscape(kind))
                continue
            }
            let unit = codeUnit(at: position, in: text)
            position += 4
            var scalar = UInt32(unit)
            if unit & 0xFC00 == 0xD800, position + 6 <= inner.upperBound, text[position] == Byte.backslash,
                text[position + 1] == UInt8(ascii: "u")
            {
                let low = codeUnit(at: position + 2, in: text)
                if low & 0xFC00 == 0xDC00 {
                    scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
                    position += 6
                }
            }
            result.append(utf8Of: UnicodeScalar(scalar) ?? "\u{FFFD}")
        }
        return result
    }

    /// Whether `token` (of kind `.string`) denotes exactly `name`, which is ASCII.
    package static func matches(_ token: JSONToken, _ name: StaticString, in text: [UInt8]) -> Bool {
        if token.contents.contains(.escape) {
            let decoded = decode(token, in: text)
            return decoded.count == name.utf8CodeUnitCount
                && decoded.indices.allSatisfy { decoded[$0] == name.utf8Start[$0] }
        }
        guard token.range.count - 2 == name.utf8CodeUnitCount else { return false }
        var offset = token.range.lowerBound + 1
        for index in 0..<name.utf8CodeUnitCount {
            if text[offset] != name.utf8Start[index] { return false }
            offset += 1
        }
        return true
    }

    /// Whether one of eight bytes is a control character, a quote or a backslash. Never false where one is; a byte that is
    /// just above another that needs an escape can make it true for nothing.
    static func needsEscape(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* UInt64(Byte.quote))
        let backslash = word ^ (ones &* UInt64(Byte.backslash))
        // The high bit of a byte of x &- ones is set if the byte is 0 (or above 0x80, which & ~x takes out again).
        let found =
            ((word &- (ones &* 0x20)) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
        return found & (ones &* 0x80) != 0
    }

    private static func shortEscape(_ kind: UInt8) -> UInt8 {
        switch kind {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: kind  // the quote, the backslash and the slash stand for themselves
        }
    }

    private static func codeUnit(at position: Int, in text: [UInt8]) -> UInt16 {
        (0..<4).reduce(0) { $0 << 4 | UInt16(text[position + $1].hexDigitValue ?? 0) }
    }
}

extension Array where Element == UInt8 {
    /// Appends a scalar's UTF-8.
    package mutating func append(utf8Of scalar: UnicodeScalar) {
        for byte in UTF8.encode(scalar).unsafelyUnwrapped { append(byte) }
    }

    /// Appends the decimal digits of `value`.
    package mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest != 0
        append(digits.span.extracting(first...))
    }

    /// Appends bytes of the stack: one check of the capacity for all of them.
    mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    /// Appends `text` (UTF-8) as a JSON string literal, as `JSON.stringify` writes it: the two-character escapes of
    /// RFC 8259 §7 for quote, backslash, BS, TAB, LF, FF, CR; `\u00xx` for the other controls; all else raw.
    package mutating func append<Bytes: Collection>(jsonString text: Bytes) where Bytes.Element == UInt8 {
        append(Byte.quote)
        let handled: Void? = text.withContiguousStorageIfAvailable { append(escaping: $0) }
        if handled == nil { [UInt8](text).withUnsafeBufferPointer { append(escaping: $0) } }
        append(Byte.quote)
    }

    /// Appends a string as a JSON string literal.
    package mutating func append(jsonString text: String) {
        append(jsonString: text.utf8)
    }

    /// Runs that need no escape are found eight bytes at a time and copied whole.
    private mutating func append(escaping text: UnsafeBufferPointer<UInt8>) {
        var runStart = 0
        var index = 0
        while index < text.count {
            if index + 8 <= text.count {
                let word = UnsafeRawPointer(text.baseAddress! + index).loadUnaligned(as: UInt64.self)
                if !JSONString.needsEscape(word) {
                    index += 8
                    continue
                }
            }
            let byte = text[index]
            if byte >= 0x20 && byte != Byte.quote && byte != Byte.backslash {
                index += 1
                continue
            }
            append(contentsOf: text[runStart..<index])
            append(Byte.backslash)
            switch byte {
            case Byte.quote, Byte.backslash: append(byte)
            case 0x08: append(UInt8(ascii: "b"))
            case 0x09: append(UInt8(ascii: "t"))
            case 0x0A: append(UInt8(ascii: "n"))
            case 0x0C: append(UInt8(ascii: "f"))
            case 0x0D: append(UInt8(ascii: "r"))
            default:
                append(UInt8(ascii: "u"))
                append(UInt8(ascii: "0"))
                append(UInt8(ascii: "0"))
                append(UInt8(ascii: "0") + (byte >> 4))
                append(Self.hexDigit(byte & 15))
            }
            index += 1
            runStart = index
        }
        append(contentsOf: text[runStart..<text.count])
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
