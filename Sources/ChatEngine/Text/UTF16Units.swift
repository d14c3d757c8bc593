/// JavaScript's view of text: lengths and cuts in UTF-16 code units, its `trim`, its `parseInt`.
extension UTF8Text {
    /// `String.prototype.length`.
    package var utf16Count: Int {
        bytes.reduce(0) { $0 + Self.utf16Units(leadByte: $1) }
    }

    /// Whether `length` is above `units`; looks at no more bytes than it needs.
    package func isLonger(thanUTF16 units: Int) -> Bool {
        // A byte is at most one unit.
        guard bytes.count > units else { return false }
        var count = 0
        for byte in bytes {
            count += Self.utf16Units(leadByte: byte)
            if count > units { return true }
        }
        return false
    }

    /// `substring(0, units)`, as it reads after encoding to UTF-8: a surrogate pair that is cut becomes U+FFFD.
    package func utf16Prefix(_ units: Int) -> UTF8Text {
        var taken = 0
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let width = Self.utf16Units(leadByte: bytes[index])
            if taken + width > units {
                if width == 2 && taken + 1 == units {
                    return UTF8Text(valid: Array(bytes[..<index]) + [0xEF, 0xBF, 0xBD])
                }
                break
            }
            taken += width
            index += 1
            while index < bytes.endIndex, bytes[index] & 0xC0 == 0x80 { index += 1 }
        }
        return UTF8Text(valid: bytes[..<index])
    }

    /// `String.prototype.trim`: WhiteSpace and LineTerminator of ECMA-262 off both ends.
    package var trimmed: UTF8Text {
        // Most texts begin and end with a printing ASCII character: there is nothing to take off.
        guard let first = bytes.first, let last = bytes.last, !Self.isPrinting(first) || !Self.isPrinting(last) else {
            return self
        }
        var rest = Substring(string).unicodeScalars
        while let first = rest.first, Self.isWhiteSpace(first) { rest.removeFirst() }
        while let last = rest.last, Self.isWhiteSpace(last) { rest.removeLast() }
        return rest.count == string.unicodeScalars.count ? self : UTF8Text(String(rest))
    }

    private static func isPrinting(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

    /// TAB, VT, FF, BOM, every Unicode space separator, LF, CR, U+2028, U+2029.
    package static func isWhiteSpace(_ scalar: UnicodeScalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x20, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF: true
        default: false
        }
    }

    /// How many code units the scalar has that begins with this byte; 0 for a continuation byte.
    private static func utf16Units(leadByte: UInt8) -> Int {
        if leadByte & 0xC0 == 0x80 { 0 } else { leadByte >= 0xF0 ? 2 : 1 }
    }
}

/// `parseInt(text)` of JavaScript without a radix: leading white space, a sign, `0x`, then as many digits as there are.
package enum JavaScriptInteger {
    /// nil where JavaScript says NaN. Values beyond `Int` saturate.
    package static func parse(_ text: String) -> Int? {
        var scalars = Substring(text).unicodeScalars
        while let first = scalars.first, UTF8Text.isWhiteSpace(first) { scalars.removeFirst() }
        var negative = false
        if let sign = scalars.first, sign == "+" || sign == "-" {
            negative = sign == "-"
            scalars.removeFirst()
        }
        var radix = 10
        if scalars.starts(with: "0x".unicodeScalars) || scalars.starts(with: "0X".unicodeScalars) {
            radix = 16
            scalars.removeFirst(2)
        }
        var value = 0
        var hasDigits = false
        for scalar in scalars {
            guard scalar.isASCII, let digit = UInt8(ascii: scalar).hexDigitValue, digit < radix else { break }
            hasDigits = true
            let (product, overflow) = value.multipliedReportingOverflow(by: radix)
            let (sum, carry) = product.addingReportingOverflow(Int(digit))
            value = overflow || carry ? .max : sum
            if value == .max { break }
        }
        return hasDigits ? (negative ? -value : value) : nil
    }
}
