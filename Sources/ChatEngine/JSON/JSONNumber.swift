/// Numbers as JavaScript keeps and prints them: doubles, in the shortest decimal form that reads back as the same double
/// (ECMA-262, Number::toString).
package enum JSONNumber {
    /// Whether the literal is an integer of at most 15 digits that JavaScript prints exactly as it was written.
    static func isCanonical(_ literal: some Collection<UInt8>) -> Bool {
        literal.count <= 15 && literal.first != UInt8(ascii: "-")
            && literal.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }

    /// The double nearest to a JSON number literal; infinite if it is out of range.
    package static func parse(_ literal: some Collection<UInt8>) -> Double {
        Double(String(decoding: literal, as: UTF8.self)) ?? .nan
    }
}

extension Array where Element == UInt8 {
    /// Appends `value` as `JSON.stringify` does: `1.0` is `1`, `-0` is `0`, what is not finite is `null`.
    package mutating func append(jsonNumber value: Double) {
        guard value.isFinite else {
            append(contentsOf: "null".utf8)
            return
        }
        if value == value.rounded(.towardZero), value.magnitude < 9_007_199_254_740_992 {
            append(decimal: Int64(value))
            return
        }
        if value < 0 { append(UInt8(ascii: "-")) }
        let (digits, exponent) = Self.shortestDecimal(value.magnitude)
        // The value is 0.d1d2…dk × 10^point.
        let point = exponent
        let count = digits.count
        switch point {
        case count...21 where point >= count:
            append(contentsOf: digits)
            append(contentsOf: repeatElement(UInt8(ascii: "0"), count: point - count))
        case 1...21:
            append(contentsOf: digits[..<point])
            append(UInt8(ascii: "."))
            append(contentsOf: digits[point...])
        case -5...0:
            append(contentsOf: "0.".utf8)
            append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point))
            append(contentsOf: digits)
        default:
            append(digits[0])
            if count > 1 {
                append(UInt8(ascii: "."))
                append(contentsOf: digits[1...])
            }
            append(UInt8(ascii: "e"))
            append(point > 0 ? UInt8(ascii: "+") : UInt8(ascii: "-"))
            append(decimal: Int64((point - 1).magnitude))
        }
    }

    /// The shortest digits that identify a positive double, without leading or trailing zeros, and the place of the
    /// decimal point counted from before the first of them. The standard library's description has the shortest digits
    /// (SwiftDtoa); only its layout differs from JavaScript's.
    private static func shortestDecimal(_ value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point = 0
        var seenPoint = false
        var exponent = 0
        let text = Array(value.description.utf8)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                seenPoint = true
            } else if byte == UInt8(ascii: "e") {
                exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                break
            } else {
                digits.append(byte)
                if !seenPoint { point += 1 }
            }
            index += 1
        }
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leading)
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, point - leading + exponent)
    }
}
