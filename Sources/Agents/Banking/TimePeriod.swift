internal import ChatEngine
internal import LogStore

/// A time that a customer names (`last month`, `june`, `last 30 days`), as a range in UTC.
struct TimePeriod: Hashable, Sendable {
    var since: Timestamp
    /// Exclusive.
    var until: Timestamp

    private static let dayMicroseconds: Int64 = 86_400_000_000

    init?(_ text: String, now: Timestamp) {
        let today = Int(now.microseconds / Self.dayMicroseconds)
        let date = Calendar.date(ofDay: today)
        let words = text.split(separator: " ").map(String.init)
        switch words.count {
        case 1 where words[0] == "today": self.init(days: today..<today + 1)
        case 1 where words[0] == "yesterday": self.init(days: today - 1..<today)
        case 1:
            guard let month = EntityExtractor.month(words[0]) else { return nil }
            self.init(month: month, of: month > date.month ? date.year - 1 : date.year)
        case 2:
            let back = words[0] == "this" ? 0 : 1
            switch words[1] {
            case "day", "days": self.init(days: today - back..<today + 1 - back)
            case "week", "weeks":
                // 1970-01-01 was a Thursday; weeks begin on Monday.
                let monday = today - (today + 3) % 7
                self.init(days: monday - 7 * back..<monday + 7 - 7 * back)
            case "month", "months":
                let month = date.year * 12 + date.month - 1 - back
                self.init(month: month % 12 + 1, of: month / 12)
            default: self.init(year: date.year - back)
            }
        case 3:
            guard let count = Int(words[1]), (1...10_000).contains(count) else { return nil }
            let days =
                words[2].hasPrefix("day") ? 1 : words[2].hasPrefix("week") ? 7 : words[2].hasPrefix("month") ? 30 : 365
            self.init(days: today + 1 - min(count * days, today)..<today + 1)
        default: return nil
        }
    }

    private init(days: Range<Int>) {
        since = Timestamp(microseconds: Int64(days.lowerBound) * Self.dayMicroseconds)
        until = Timestamp(microseconds: Int64(days.upperBound) * Self.dayMicroseconds)
    }

    private init(month: Int, of year: Int) {
        let end =
            month == 12
            ? Calendar.days(year: year + 1, month: 1, day: 1)
            : Calendar.days(year: year, month: month + 1, day: 1)
        self.init(days: Calendar.days(year: year, month: month, day: 1)..<end)
    }

    private init(year: Int) {
        self.init(
            days: Calendar.days(year: year, month: 1, day: 1)..<Calendar.days(year: year + 1, month: 1, day: 1))
    }
}
