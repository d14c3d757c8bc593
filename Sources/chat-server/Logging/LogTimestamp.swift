internal import ChatEngine
internal import Glibc
internal import SwiftOverlayShims

/// Times of the log, in UTC, without a calendar library.

/// Milliseconds since 1970-01-01T00:00:00Z by the system's clock.
func wallClockMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}

/// Appends `2026-11-21T12:30:15.123Z` (RFC 3339).
///
/// Days become a date by Howard Hinnant's civil_from_days: years begin in March, so that the leap day is a year's last,
/// and are counted in eras of 400 years, which have always 146,097 days.
func appendTimestamp(_ milliseconds: Int64, to bytes: inout [UInt8]) {
    let days = floorDivision(milliseconds, 86_400_000)
    let shifted = days + 719_468
    let era = floorDivision(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    appendDigits(year, width: 4, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendDigits(month, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: "-"))
    appendDigits(day, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: "T"))
    appendTimeOfDay(milliseconds, to: &bytes)
    bytes.append(UInt8(ascii: "Z"))
}

/// Appends `12:30:15.123`.
func appendTimeOfDay(_ milliseconds: Int64, to bytes: inout [UInt8]) {
    let time = milliseconds - floorDivision(milliseconds, 86_400_000) * 86_400_000
    appendDigits(time / 3_600_000, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    appendDigits(time / 60_000 % 60, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    appendDigits(time / 1000 % 60, width: 2, to: &bytes)
    bytes.append(UInt8(ascii: "."))
    appendDigits(time % 1000, width: 3, to: &bytes)
}

private func floorDivision(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : (a - b + 1) / b }

/// At least `width` digits. The divisors are constants, which makes them multiplications: a log line has 17 of them.
private func appendDigits(_ value: Int64, width: Int, to bytes: inout [UInt8]) {
    if width == 2 {
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10))
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
    } else if value >= 10_000 {
        // A year of five digits.
        bytes.append(decimal: value)
    } else {
        if width == 4 { bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 1000)) }
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 100 % 10))
        appendDigits(value % 100, width: 2, to: &bytes)
    }
}
