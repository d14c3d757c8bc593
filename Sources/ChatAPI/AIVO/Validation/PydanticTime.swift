internal import ChatEngine
internal import LogStore

/// Times in queries as pydantic takes them: RFC 3339 with a blank, `t` or `_` for the `T`, with or without seconds and
/// zone (without one it is UTC), a bare date (its midnight), or seconds since 1970, above 2·10^10 milliseconds.
///
/// A text that is no date-time is tried as a date, and it is the date's error that pydantic tells.
enum PydanticTime {
    struct Refusal: Error, Hashable {
        /// As in "Input should be a valid datetime or date, …".
        var reason: String
    }

    static func parse(_ text: String) throws(Refusal) -> Timestamp {
        let bytes = Array(text.utf8)
        if let number = Number(bytes) { return try number.time() }
        if let time = dateTime(bytes) { return time }
        if let problem = dateProblem(bytes) { throw Refusal(reason: problem) }
        guard let midnight = Calendar.parse(text) else { throw Refusal(reason: "input is not a date") }
        return midnight
    }

    // MARK: Date-times

    /// Brought into the one form that `Calendar` reads.
    private static func dateTime(_ bytes: [UInt8]) -> Timestamp? {
        guard bytes.count >= 16, "Tt _".utf8.contains(bytes[10]) else { return nil }
        var text = Array(bytes[..<10]) + [UInt8(ascii: "T")] + bytes[11..<16]
        var rest = bytes[16...]
        if rest.first == UInt8(ascii: ":") {
            // No leap seconds: Python has none.
            guard rest.count >= 3, rest.dropFirst().first != UInt8(ascii: "6") else { return nil }
            text += rest.prefix(3)
            rest = rest.dropFirst(3)
            if let mark = rest.first, mark == UInt8(ascii: ".") || mark == UInt8(ascii: ",") {
                let fraction = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
                text += [UInt8(ascii: ".")] + fraction
                rest = rest.dropFirst(1 + fraction.count)
            }
        } else {
            text += ":00".utf8
        }
        guard let zone = zone(rest) else { return nil }
        return Calendar.parse(String(decoding: text + zone, as: UTF8.self))
    }

    private static let minusSign = Array("\u{2212}".utf8)

    private static func zone(_ rest: ArraySlice<UInt8>) -> [UInt8]? {
        if rest.isEmpty || rest.elementsEqual("Z".utf8) || rest.elementsEqual("z".utf8) { return [UInt8(ascii: "Z")] }
        var sign = rest.prefix(1)
        if rest.starts(with: minusSign) { sign = rest.prefix(minusSign.count) }
        let isMinus = sign.first != UInt8(ascii: "+")
        guard !isMinus || sign.count > 1 || sign.first == UInt8(ascii: "-") else { return nil }
        var digits = Array(rest.dropFirst(sign.count))
        if digits.count == 5, digits[2] == UInt8(ascii: ":") { digits.remove(at: 2) }
        guard digits.count == 4 else { return nil }
        return [UInt8(ascii: isMinus ? "-" : "+")] + digits[..<2] + [UInt8(ascii: ":")] + digits[2...]
    }

    // MARK: Dates

    /// What is wrong with a text as a date; nil: nothing.
    private static func dateProblem(_ bytes: [UInt8]) -> String? {
        guard bytes.count >= 10 else { return "input is too short" }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].reduce(0 as Int?) { value, byte in
                (0x30...0x39).contains(byte) ? value.map { $0 * 10 + Int(byte) - 0x30 } : nil
            }
        }
        guard let year = number(0..<4) else { return "invalid character in year" }
        guard bytes[4] == UInt8(ascii: "-") else { return "invalid date separator, expected `-`" }
        guard let month = number(5..<7) else { return "invalid character in month" }
        guard bytes[7] == UInt8(ascii: "-") else { return "invalid date separator, expected `-`" }
        guard let day = number(8..<10) else { return "invalid character in day" }
        guard (1...12).contains(month) else { return "month value is outside expected range of 1-12" }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [4, 6, 9, 11].contains(month) ? 30 : month == 2 ? (isLeap ? 29 : 28) : 31
        guard (1...days).contains(day) else { return "day value is outside expected range" }
        guard bytes.count == 10 else { return "unexpected extra characters at the end of the input" }
        return year == 0 ? "year 0 is out of range" : nil
    }

    // MARK: Seconds since 1970

    private struct Number {
        var isNegative = false
        var whole: Int64
        var microseconds: Int64 = 0

        /// nil for anything but digits, with a sign and a fraction; also where 64 bits do not hold them.
        init?(_ bytes: [UInt8]) {
            var rest = bytes[...]
            if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
                isNegative = sign == UInt8(ascii: "-")
                rest = rest.dropFirst()
            }
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty else { return nil }
            if !rest.isEmpty {
                let fraction = rest.dropFirst()
                guard rest.first == UInt8(ascii: "."), fraction.allSatisfy({ (0x30...0x39).contains($0) }) else {
                    return nil
                }
                // Python's floats have no more digits than this.
                let value = Double(String(decoding: digits + rest, as: UTF8.self)) ?? 0
                microseconds = Int64(((value - value.rounded(.down)) * 1e6).rounded())
            }
            guard let whole = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
            self.whole = whole
        }

        private static let watershed: Int64 = 20_000_000_000
        /// The beginnings of the years 0 and 10000.
        private static let range: Range<Int64> = -62_167_219_200_000_000..<253_402_300_800_000_000

        func time() throws(Refusal) -> Timestamp {
            // More than any year in milliseconds; the product would not fit either.
            let magnitude =
                whole > 1 << 50
                ? Int64.max
                : whole > Self.watershed ? whole * 1000 + microseconds / 1000 : whole * 1_000_000 + microseconds
            let value = isNegative ? -magnitude : magnitude
            guard value >= Self.range.lowerBound else {
                throw Refusal(reason: "dates before 0000 are not supported as unix timestamps")
            }
            guard value < Self.range.upperBound else {
                throw Refusal(reason: "dates after 9999 are not supported as unix timestamps")
            }
            return Timestamp(microseconds: value)
        }
    }
}
