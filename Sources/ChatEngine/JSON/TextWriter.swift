package import LogStore

/// Writes pieces of text into space that was reserved for all of them at once. Where a reply is made of many short pieces,
/// growing an array by each of them costs more than their bytes do.
///
///     out.append(upTo: 40) { $0.put("at "); $0.put(isoMilliseconds: time) }
///
/// Every write checks that it fits: a bound that is too small is a programmer's error and traps.
package struct TextWriter {
    private let base: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    fileprivate(set) var count = 0

    fileprivate init(_ space: UnsafeMutableBufferPointer<UInt8>, from start: Int) {
        base = space.baseAddress! + start
        capacity = space.count - start
    }

    /// The next `bytes` bytes, counted as written.
    private mutating func take(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
        precondition(bytes >= 0 && bytes <= capacity - count, "more text than was reserved")
        defer { count += bytes }
        return base + count
    }

    package mutating func put(_ byte: UInt8) { take(1).initialize(to: byte) }

    package mutating func put(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        take(count).initialize(from: text.utf8Start, count: count)
    }

    package mutating func put(_ text: Span<UInt8>) {
        text.withUnsafeBufferPointer { text in
            guard let start = text.baseAddress, !text.isEmpty else { return }
            take(text.count).initialize(from: start, count: text.count)
        }
    }

    /// A text between the quotes of a JSON literal.
    /// - Parameter escapedCount: what `JSONString.escapedCount` says of it.
    package mutating func put(escaping text: Span<UInt8>, escapedCount: Int) {
        guard escapedCount > text.count else { return put(text) }
        let out = take(escapedCount)
        text.withUnsafeBufferPointer {
            JSONString.escape($0, to: UnsafeMutableBufferPointer(start: out, count: escapedCount))
        }
    }

    // MARK: Numbers

    /// At most 20 bytes.
    package mutating func put(decimal value: Int64) {
        var rest = value.magnitude
        var width = 1
        var limit: UInt64 = 10
        while rest >= limit {
            width += 1
            let (next, isTop) = limit.multipliedReportingOverflow(by: 10)
            if isTop { break }
            limit = next
        }
        if value < 0 { put(UInt8(ascii: "-")) }
        let out = take(width)
        var place = width
        while place > 0 {
            place -= 1
            (out + place).initialize(to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
    }

    /// The low `width` digits, `0-9a-z`.
    mutating func put(base36 value: UInt64, width: Int) {
        let out = take(width)
        var rest = value
        var place = width
        while place > 0 {
            place -= 1
            let digit = UInt8(truncatingIfNeeded: rest % 36)
            let character = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            (out + place).initialize(to: character)
            rest /= 36
        }
    }

    /// 36 bytes.
    package mutating func put(_ uuid: UUIDValue) {
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 { put(UInt8(ascii: "-")) }
            let word = index < 16 ? uuid.high : uuid.low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - index % 16 * 4)) & 15
            put(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    /// The low `width` decimal digits, with their leading zeros.
    private mutating func put(digits value: Int, width: Int) {
        let out = take(width)
        var rest = UInt64(truncatingIfNeeded: value)
        var place = width
        while place > 0 {
            place -= 1
            (out + place).initialize(to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
    }

    // MARK: Times

    /// `YYYY-MM-DDThh:mm:ss.mmmZ`, 24 bytes; microseconds are cut to milliseconds. Years are 0…9999.
    package mutating func put(isoMilliseconds time: Timestamp) {
        put(digits: putSeconds(time) / 1000, width: 3)
        put(UInt8(ascii: "Z"))
    }

    /// `YYYY-MM-DDThh:mm:ss.uuuuuuZ`, 27 bytes.
    package mutating func put(isoMicroseconds time: Timestamp) {
        put(digits: putSeconds(time), width: 6)
        put(UInt8(ascii: "Z"))
    }

    /// `YYYY-MM-DDThh:mm:ss.`; returns the microseconds behind it.
    private mutating func putSeconds(_ time: Timestamp) -> Int {
        var day = time.microseconds / Calendar.microsecondsPerDay
        var rest = Int(time.microseconds - day * Calendar.microsecondsPerDay)
        if rest < 0 {
            day -= 1
            rest += Int(Calendar.microsecondsPerDay)
        }
        let (year, month, dayOfMonth) = Calendar.date(ofDay: Int(day))
        let second = rest / 1_000_000
        put(digits: max(0, min(year, 9999)), width: 4)
        put(UInt8(ascii: "-"))
        put(digits: month, width: 2)
        put(UInt8(ascii: "-"))
        put(digits: dayOfMonth, width: 2)
        put(UInt8(ascii: "T"))
        put(digits: second / 3600, width: 2)
        put(UInt8(ascii: ":"))
        put(digits: second / 60 % 60, width: 2)
        put(UInt8(ascii: ":"))
        put(digits: second % 60, width: 2)
        put(UInt8(ascii: "."))
        return rest - second * 1_000_000
    }
}

extension Array where Element == UInt8 {
    /// Appends what `write` puts, of which `bound` bytes are enough.
    package mutating func append(upTo bound: Int, _ write: (inout TextWriter) -> Void) {
        append(addingCapacity: bound) { (space: inout OutputSpan<UInt8>) in
            space.withUnsafeMutableBufferPointer { space, count in
                guard bound > 0 else { return }
                var writer = TextWriter(space, from: count)
                write(&writer)
                count += writer.count
            }
        }
    }
}
