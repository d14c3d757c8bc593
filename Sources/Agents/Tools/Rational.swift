/// An exact fraction, reduced, with a positive denominator. Every operation is checked: what does not fit is nil.
///
/// Decimal fractions are exact, so 0.1 + 0.2 is 0.3, and so are thirds.
struct Rational: Hashable, Sendable {
    let numerator: Int128
    let denominator: Int128

    static let zero = Rational(0)

    init(_ value: Int128) {
        numerator = value
        denominator = 1
    }

    /// nil for a denominator of 0.
    init?(_ numerator: Int128, over denominator: Int128) {
        guard denominator != 0, numerator != .min, denominator != .min else { return nil }
        var (a, b) = (numerator.magnitude, denominator.magnitude)
        while b != 0 { (a, b) = (b, a % b) }
        let divisor = Int128(a == 0 ? 1 : a) * (denominator < 0 ? -1 : 1)
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }

    /// Decimal text: digits, at most one point.
    init?(decimal text: String) {
        var (value, scale): (Int128, Int128) = (0, 1)
        var seenPoint = false
        guard !text.isEmpty, text.utf8.count <= 30 else { return nil }
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") {
                guard !seenPoint else { return nil }
                seenPoint = true
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int128(byte - UInt8(ascii: "0"))
            if seenPoint { scale *= 10 }
        }
        self.init(value, over: scale)
    }

    var negated: Rational? { Rational(-numerator, over: denominator) }
    var isZero: Bool { numerator == 0 }

    static func sum(_ a: Rational, _ b: Rational) -> Rational? {
        guard let left = checked(a.numerator, b.denominator), let right = checked(b.numerator, a.denominator),
            let below = checked(a.denominator, b.denominator)
        else { return nil }
        let (above, overflow) = left.addingReportingOverflow(right)
        return overflow ? nil : Rational(above, over: below)
    }

    static func product(_ a: Rational, _ b: Rational) -> Rational? {
        guard let above = checked(a.numerator, b.numerator), let below = checked(a.denominator, b.denominator) else {
            return nil
        }
        return Rational(above, over: below)
    }

    /// nil also for a divisor of 0: ask `isZero` first.
    static func quotient(_ a: Rational, _ b: Rational) -> Rational? {
        guard let inverse = Rational(b.denominator, over: b.numerator) else { return nil }
        return product(a, inverse)
    }

    private static func checked(_ a: Int128, _ b: Int128) -> Int128? {
        let (value, overflow) = a.multipliedReportingOverflow(by: b)
        return overflow ? nil : value
    }

    /// Decimal text with at most so many places, rounded half away from zero, without trailing zeros unless `fixed`.
    /// - Returns: the text and whether it is exact; nil if it does not fit.
    func decimal(places: Int, fixed: Bool = false) -> (text: String, isExact: Bool)? {
        var scale: Int128 = 1
        for _ in 0..<places { scale *= 10 }
        guard let scaled = Self.checked(numerator, scale) else {
            return denominator == 1 ? (String(numerator), true) : nil
        }
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: denominator)
        var value = whole
        let isExact = rest == 0
        if rest.magnitude >= denominator.magnitude - rest.magnitude { value += numerator < 0 ? -1 : 1 }
        var digits = String(value.magnitude)
        while digits.utf8.count <= places { digits = "0" + digits }
        var fraction = String(digits.suffix(places))
        if !fixed { while fraction.last == "0" { fraction.removeLast() } }
        let sign = value < 0 ? "-" : ""
        return (sign + digits.dropLast(places) + (fraction.isEmpty ? "" : "." + fraction), isExact)
    }
}
