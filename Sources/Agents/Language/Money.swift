/// An amount of money in integer cents.
package struct Money: Hashable, Sendable {
    package var cents: Int64
    /// ISO 4217.
    package var currency: String

    package init(cents: Int64, currency: String = "USD") {
        self.cents = cents
        self.currency = currency
    }

    /// `200.00`.
    package var decimal: String { Self.decimal(cents, grouping: false) }

    /// As it is spoken of: `$5,432.10`.
    package var spoken: String {
        let sign =
            switch currency {
            case "EUR": "€"
            case "GBP": "£"
            case "USD": "$"
            default: currency + " "
            }
        return (cents < 0 ? "-" : "") + sign + Self.decimal(Int64(cents.magnitude), grouping: true)
    }

    private static func decimal(_ cents: Int64, grouping: Bool) -> String {
        let magnitude = cents.magnitude
        var whole = String(magnitude / 100)
        if grouping {
            var place = whole.count - 3
            while place > 0 {
                whole.insert(",", at: whole.index(whole.startIndex, offsetBy: place))
                place -= 3
            }
        }
        let rest = magnitude % 100
        return (cents < 0 ? "-" : "") + whole + (rest < 10 ? ".0" : ".") + String(rest)
    }

    /// Reads `1250`, `1250.5`, `1250.50`; nil if it has more than two decimals that are not zero, or is too large.
    static func cents(of text: String) -> Int64? {
        if text.hasPrefix("-") { return cents(of: String(text.dropFirst())).map { -$0 } }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = Int64(parts[0]) else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            var digits = parts[1]
            while digits.count > 2, digits.last == "0" { digits.removeLast() }
            guard (1...2).contains(digits.count), let value = Int64(digits) else { return nil }
            fraction = digits.count == 1 ? value * 10 : value
        }
        let (product, overflow) = whole.multipliedReportingOverflow(by: 100)
        let (sum, overflow2) = product.addingReportingOverflow(fraction)
        return overflow || overflow2 ? nil : sum
    }
}
