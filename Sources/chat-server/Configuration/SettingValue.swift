/// What a setting may hold, and how its text is read.
enum SettingType: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    /// `10s`, `5m`; see `Duration.init(settingText:)`.
    case duration(ClosedRange<Duration>)
    /// `64MiB`; see `parseByteCount`.
    case bytes(ClosedRange<Int>)
    case text
    case path
    /// One of the words, capitals ignored; an alias stands for one of them.
    case choice([String], aliases: [String: String] = [:])
    /// `HOST:PORT`.
    case address
    /// `HOST:PORT[=surface,…]`, several apart by blanks.
    case listeners
    /// CIDR blocks or addresses, apart by commas.
    case addressBlocks
    /// Texts of one kind, apart by commas.
    case list(ListElement)

    enum ListElement: Sendable {
        case text, origin, originPattern
        /// `tenant=30d`.
        case retention
    }
}

/// A setting's value after reading.
enum SettingValue: Sendable, Equatable {
    case boolean(Bool)
    case integer(Int)
    case duration(Duration)
    case bytes(Int)
    case text(String)
    case address(SocketAddress)
    case listeners([Listener])
    case addressBlocks([AddressBlock])
    case list([String])
}

/// A value as its source wrote it: flags and variables give texts, the settings file gives JSON values.
enum RawSettingValue: Sendable, Equatable {
    case text(String)
    case list([String])
    case number(String)
    case boolean(Bool)
}

/// Why a text is not a value of the setting: the end of a sentence that begins with the setting's name.
struct SettingValueError: Error, Equatable {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    /// `"text" is not …`.
    init(_ text: String, isNot expectation: String) { reason = "\"\(text)\" is not \(expectation)" }
}

extension SettingType {
    func parse(_ raw: RawSettingValue) throws(SettingValueError) -> SettingValue {
        switch (raw, self) {
        case (.text(let text), _): return try parse(text)
        case (.boolean(let value), .boolean): return .boolean(value)
        case (.number(let digits), .integer), (.number(let digits), .bytes): return try parse(digits)
        case (.list(let items), .listeners), (.list(let items), .addressBlocks), (.list(let items), .list):
            return try parse(items: items)
        case (.boolean(let value), _): throw SettingValueError("\(value)", isNot: expectation)
        case (.number(let digits), _): throw SettingValueError(digits, isNot: expectation)
        case (.list, _): throw SettingValueError("a list is not \(expectation)")
        }
    }

    /// What the setting wants, as the end of a sentence.
    var expectation: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "a duration from \(range.lowerBound.settingText) to \(range.upperBound.settingText), such as 10s, 5m, 1h or 7d"
        case .bytes(let range):
            "a size from \(byteCountText(range.lowerBound)) to \(byteCountText(range.upperBound)), "
                + "such as 4096, 16KiB, 64MiB or 2GiB"
        case .text: "a text"
        case .path: "a path"
        case .choice(let words, _): "one of " + words.joined(separator: ", ")
        case .address: "HOST:PORT"
        case .listeners: "a list of HOST:PORT[=surface,…]"
        case .addressBlocks: "a list of CIDR blocks such as 10.0.0.0/8"
        case .list(.text): "a list of texts"
        case .list(.origin): "a list of origins such as https://example.com"
        case .list(.originPattern): "a list of patterns such as https://*.example.com"
        case .list(.retention): "a list of tenants with durations, such as acme=30d"
        }
    }

    private func parse(_ text: String) throws(SettingValueError) -> SettingValue {
        switch self {
        case .boolean:
            switch text.asciiLowercased {
            case "true", "on", "yes", "1": return .boolean(true)
            case "false", "off", "no", "0": return .boolean(false)
            default: throw SettingValueError(text, isNot: expectation)
            }
        case .integer(let range):
            guard let value = Int(text), range.contains(value) else {
                throw SettingValueError(text, isNot: expectation)
            }
            return .integer(value)
        case .duration(let range):
            guard let value = Duration(settingText: text), range.contains(value) else {
                throw SettingValueError(text, isNot: expectation)
            }
            return .duration(value)
        case .bytes(let range):
            guard let value = parseByteCount(text), range.contains(value) else {
                throw SettingValueError(text, isNot: expectation)
            }
            return .bytes(value)
        case .text, .path:
            guard !text.isEmpty, !text.utf8.contains(0) else { throw SettingValueError(text, isNot: expectation) }
            return .text(text)
        case .choice(let words, let aliases):
            let word = text.asciiLowercased
            let meant = aliases[word] ?? word
            guard words.contains(meant) else {
                let hint = nearestName(to: word, in: words).map { "; did you mean \($0)?" } ?? ""
                throw SettingValueError("\"\(text)\" is not \(expectation)\(hint)")
            }
            return .text(meant)
        case .address: return .address(try SocketAddress(parsing: text))
        case .listeners:
            return try parse(items: text.split { $0 == " " || $0 == "\t" }.map(String.init))
        case .addressBlocks, .list:
            return try parse(items: text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty })
        }
    }

    private func parse(items: [String]) throws(SettingValueError) -> SettingValue {
        switch self {
        case .listeners:
            var listeners: [Listener] = []
            for item in items { listeners.append(try Listener(parsing: item)) }
            guard !listeners.isEmpty else { throw SettingValueError("at least one listener is needed") }
            return .listeners(listeners)
        case .addressBlocks:
            var blocks: [AddressBlock] = []
            for item in items { blocks.append(try AddressBlock(parsing: item)) }
            return .addressBlocks(blocks)
        case .list(let element):
            for item in items { try element.check(item) }
            return .list(items)
        default: throw SettingValueError("a list is not \(expectation)")
        }
    }
}

extension SettingType.ListElement {
    fileprivate func check(_ item: String) throws(SettingValueError) {
        switch self {
        case .text:
            guard !item.isEmpty else { throw SettingValueError("an empty text has no place in the list") }
        case .origin:
            guard let scheme = item.firstRange(of: "://"), !item.hasSuffix("/"), !item.contains("*"),
                scheme.lowerBound > item.startIndex, scheme.upperBound < item.endIndex
            else {
                throw SettingValueError(
                    item, isNot: "an origin: scheme://host[:port] without a path; patterns go to orion.origin-patterns")
            }
        case .originPattern:
            guard let scheme = item.firstRange(of: "://"), scheme.lowerBound > item.startIndex, !item.hasSuffix("/"),
                item[scheme.upperBound...].count(where: { $0 == "*" }) == 1, item.count(where: { $0 == "*" }) == 1
            else {
                throw SettingValueError(item, isNot: "a pattern: scheme://host with exactly one * after the scheme")
            }
        case .retention:
            guard TenantRetention(item) != nil else {
                throw SettingValueError(item, isNot: "a tenant with a duration, such as acme=30d or acme=0")
            }
        }
    }
}

/// An element of `retention.tenants`.
struct TenantRetention: Sendable, Equatable {
    /// As the store names it.
    let tenant: String
    /// 0: for ever.
    let seconds: Int

    static let longest = Duration.seconds(86_400 * 36_500)

    /// - Returns: nil unless the text is `tenant=duration`; what is behind the last `=` is the duration.
    init?(_ text: String) {
        guard let equals = text.lastIndex(of: "="), equals > text.startIndex,
            let duration = Duration(settingText: String(text[text.index(after: equals)...])),
            duration == .zero || (.seconds(1)...Self.longest).contains(duration)
        else { return nil }
        tenant = String(text[..<equals])
        seconds = Int(duration.components.seconds)
    }
}

extension String {
    /// The first place where `other` stands.
    /// - Complexity: O(count · other.count).
    func firstRange(of other: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
