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
        if value < 0 { put(UInt8(ascii: "-")) }
        var rest = value.magnitude
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest != 0
        let out = take(20 - first)
        for place in first..<20 { (out + (place - first)).initialize(to: digits[place]) }
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

    // MARK: Times

    /// `YYYY-MM-DDThh:mm:ss.mmmZ`, 24 bytes; microseconds are cut to milliseconds. Years are 0…9999.
    package mutating func put(isoMilliseconds time: Timestamp) {
        let out = take(24)
        let milliseconds = Self.write(secondsOf: time, to: out) / 1000
        (out + 20).initialize(to: Self.digit(milliseconds / 100))
        Self.write(milliseconds % 100, to: out + 21)
        (out + 23).initialize(to: UInt8(ascii: "Z"))
    }

    /// `YYYY-MM-DDThh:mm:ss.uuuuuuZ`, 27 bytes.
    package mutating func put(isoMicroseconds time: Timestamp) {
        let out = take(27)
        let microseconds = Self.write(secondsOf: time, to: out)
        Self.write(microseconds / 10_000, to: out + 20)
        Self.write(microseconds / 100 % 100, to: out + 22)
        Self.write(microseconds % 100, to: out + 24)
        (out + 26).initialize(to: UInt8(ascii: "Z"))
    }

    /// Writes the 20 bytes `YYYY-MM-DDThh:mm:ss.`; returns the microseconds behind them.
    private static func write(secondsOf time: Timestamp, to out: UnsafeMutablePointer<UInt8>) -> UInt32 {
        var day = time.microseconds / Calendar.microsecondsPerDay
        var rest = time.microseconds - day * Calendar.microsecondsPerDay
        if rest < 0 {
            day -= 1
            rest += Calendar.microsecondsPerDay
        }
        let (year, month, dayOfMonth) = Calendar.date(ofDay: Int(day))
        let shownYear = UInt32(max(0, min(year, 9999)))
        let second = UInt32(truncatingIfNeeded: rest / 1_000_000)
        write(shownYear / 100, to: out)
        write(shownYear % 100, to: out + 2)
        (out + 4).initialize(to: UInt8(ascii: "-"))
        write(UInt32(truncatingIfNeeded: month), to: out + 5)
        (out + 7).initialize(to: UInt8(ascii: "-"))
        write(UInt32(truncatingIfNeeded: dayOfMonth), to: out + 8)
        (out + 10).initialize(to: UInt8(ascii: "T"))
        write(second / 3600, to: out + 11)
        (out + 13).initialize(to: UInt8(ascii: ":"))
        write(second / 60 % 60, to: out + 14)
        (out + 16).initialize(to: UInt8(ascii: ":"))
        write(second % 60, to: out + 17)
        (out + 19).initialize(to: UInt8(ascii: "."))
        return UInt32(truncatingIfNeeded: rest - Int64(second) * 1_000_000)
    }

    /// Two digits of a number below 100.
    @inline(__always)
    private static func write(_ value: UInt32, to out: UnsafeMutablePointer<UInt8>) {
        out.initialize(to: digit(value / 10))
        (out + 1).initialize(to: digit(value % 10))
    }

    @inline(__always)
    private static func digit(_ value: UInt32) -> UInt8 { UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: value) }
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
