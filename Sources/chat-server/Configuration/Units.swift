/// Durations and sizes as settings write them: one whole number and one unit.

private let durationUnits: [(suffix: String, milliseconds: Int64)] = [
    ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
]

extension Duration {
    /// Reads `250ms`, `10s`, `5m`, `1h`, `7d`, or `0`; nil for anything else, too large a number included.
    init?(settingText text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text.dropFirst(digits.count)
        guard let count = Int64(digits) else { return nil }
        if suffix.isEmpty && count == 0 {
            self = .zero
            return
        }
        guard let unit = durationUnits.first(where: { $0.suffix == suffix }) else { return nil }
        let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow else { return nil }
        self = .milliseconds(milliseconds)
    }

    /// Whole milliseconds; a part of one is cut.
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// The notation of `init(settingText:)`, in the largest unit that loses nothing.
    var settingText: String {
        let milliseconds = wholeMilliseconds
        if milliseconds == 0 { return "0s" }
        for unit in durationUnits.reversed() where milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return "\(milliseconds)ms"
    }
}

private let byteUnits: [(suffix: String, shift: Int)] = [
    ("", 0), ("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40),
]

/// Reads `4096`, `16KiB`, `64MiB`, `2GiB`, `1TiB`; nil for anything else. Powers of 1000 have no notation: a limit that
/// is off by 5 % because of one letter helps nobody.
func parseByteCount(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let suffix = text.dropFirst(digits.count)
    guard let count = Int(digits), let unit = byteUnits.first(where: { $0.suffix == suffix }) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << unit.shift)
    return overflow ? nil : bytes
}

/// The notation of `parseByteCount`, in the largest unit that loses nothing.
func byteCountText(_ bytes: Int) -> String {
    guard bytes > 0, let unit = byteUnits.last(where: { bytes % (1 << $0.shift) == 0 && $0.shift > 0 }) else {
        return "\(bytes)"
    }
    return "\(bytes >> unit.shift)\(unit.suffix)"
}
