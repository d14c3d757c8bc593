package import LogStore

/// Dates of the proleptic Gregorian calendar in UTC, between text and microseconds. Howard Hinnant's civil-date
/// algorithms ("chrono-Compatible Low-Level Date Algorithms"), so that no calendar library is loaded.
package enum Calendar {
    static let microsecondsPerDay: Int64 = 86_400_000_000

    /// Reads an RFC 3339 date-time or a full-date (`YYYY-MM-DD`, midnight UTC). Fractions beyond microseconds are cut.
    /// Nothing else is accepted: no missing zone, no blank for the `T`, no missing seconds. A leap second (`:60`) is
    /// the first instant of the next minute.
    package static func parse(_ text: String) -> Timestamp? {
        var reader = DateReader(text: Array(text.utf8))
        guard let year = reader.digits(4), reader.accept("-"), let month = reader.digits(2), reader.accept("-"),
            let day = reader.digits(2), (1...12).contains(month), day >= 1, day <= daysIn(month, of: year)
        else { return nil }
        var micros = Int64(days(year: year, month: month, day: day)) * microsecondsPerDay
        if reader.isAtEnd { return Timestamp(microseconds: micros) }
        guard reader.accept("T") || reader.accept("t"), let hour = reader.digits(2), reader.accept(":"),
            let minute = reader.digits(2), reader.accept(":"), let second = reader.digits(2),
            hour <= 23, minute <= 59, second <= 60
        else { return nil }
        micros += (Int64(hour) * 3600 + Int64(minute) * 60 + Int64(second)) * 1_000_000
        if reader.accept(".") {
            guard let fraction = reader.fraction() else { return nil }
            micros += fraction
        }
        guard let offsetMinutes = reader.zone(), reader.isAtEnd else { return nil }
        return Timestamp(microseconds: micros - Int64(offsetMinutes) * 60_000_000)
    }

    private static func daysIn(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01.
    package static func days(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    package static func date(ofDay days: Int) -> (year: Int, month: Int, day: Int) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension Array where Element == UInt8 {
    /// Appends `YYYY-MM-DDThh:mm:ss.mmmZ`; microseconds are cut to milliseconds. Years are 0…9999.
    package mutating func append(isoMilliseconds time: Timestamp) { append(upTo: 24) { $0.put(isoMilliseconds: time) } }

    /// Appends `YYYY-MM-DDThh:mm:ss.uuuuuuZ`.
    package mutating func append(isoMicroseconds time: Timestamp) { append(upTo: 27) { $0.put(isoMicroseconds: time) } }
}

extension Timestamp {
    /// `2026-11-21T08:22:10.625Z`.
    package var isoMilliseconds: String {
        var bytes: [UInt8] = []
        bytes.append(isoMilliseconds: self)
        return String(decoding: bytes, as: UTF8.self)
    }
}

private struct DateReader {
    let text: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == text.count }

    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Exactly `count` digits.
    mutating func digits(_ count: Int) -> Int? {
        guard position + count <= text.count else { return nil }
        var value = 0
        for byte in text[position..<position + count] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        position += count
        return value
    }

    /// One or more digits of a second's fraction, in microseconds.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var unit: Int64 = 100_000
        let start = position
        while position < text.count, text[position] >= UInt8(ascii: "0"), text[position] <= UInt8(ascii: "9") {
            value += Int64(text[position] - UInt8(ascii: "0")) * unit
            unit /= 10
            position += 1
        }
        return position > start ? value : nil
    }

    /// `Z` or `±hh:mm`, in minutes east of UTC.
    mutating func zone() -> Int? {
        if accept("Z") || accept("z") { return 0 }
        let west = accept("-")
        guard west || accept("+"), let hours = digits(2), accept(":"), let minutes = digits(2), hours <= 23,
            minutes <= 59
        else { return nil }
        return (west ? -1 : 1) * (hours * 60 + minutes)
    }
}
