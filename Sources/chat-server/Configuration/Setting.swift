internal import ChatEngine

/// One setting of the server: what it is called, what it may hold and where it may come from.
///
/// Every setting is declared once, in `Setting.table`; the settings file, the environment, the flags, `check-config`
/// and the table of docs/operating.md all follow from that declaration.
struct Setting: Sendable {
    /// `section.name`, e.g. `orion.rate-limit`.
    let key: String
    let type: SettingType
    /// The default in the notation of a flag; nil where the setting may be absent.
    let defaultText: String?
    /// A default that replaces `defaultText` when another setting, declared earlier, has a certain value.
    let conditionalDefault: ConditionalDefault?
    /// The names that the original services read, besides `CHAT_SECTION_NAME`.
    let originalNames: [OriginalName]
    /// A secret comes from the file or the environment only and is never printed.
    let isSecret: Bool
    /// One line for docs/operating.md.
    let summary: String

    init(
        _ key: String, _ type: SettingType, default defaultText: String?,
        when conditionalDefault: ConditionalDefault? = nil,
        also originalNames: [OriginalName] = [], isSecret: Bool = false, _ summary: String
    ) {
        self.key = key
        self.type = type
        self.defaultText = defaultText
        self.conditionalDefault = conditionalDefault
        self.originalNames = originalNames
        self.isSecret = isSecret
        self.summary = summary
    }

    /// `CHAT_SECTION_NAME`: the key in capitals, `.` and `-` as `_`.
    var environmentName: String {
        "CHAT_" + String(key.map { $0 == "." || $0 == "-" ? "_" : $0 }).asciiUppercased
    }

    var section: Substring { key.prefix { $0 != "." } }
}

/// "The setting `key` has the value `text`"; `key` is declared before the setting that depends on it.
struct SettingCondition: Sendable, Equatable {
    let key: String
    let text: String
}

struct ConditionalDefault: Sendable {
    let condition: SettingCondition
    /// nil: the setting is then absent.
    let text: String?
}

/// A variable that one of the original services read under its own name.
struct OriginalName: Sendable, ExpressibleByStringLiteral {
    /// How the variable's text becomes the setting's.
    enum Notation: Sendable {
        case same
        /// A bare port: the listener is that port of the loopback address.
        case loopbackPort
        /// A bare number of days.
        case days
        /// A JSON list of texts, or the texts apart by commas.
        case jsonList
        /// Only `production` has a meaning: logs are JSON lines even on a terminal.
        case nodeEnvironment
        /// A bare number of milliseconds.
        case milliseconds
        /// As Node's `bytes` writes sizes: `10MB` is 10 MiB.
        case nodeBytes
    }

    let name: String
    let notation: Notation
    /// The original read the variable only in that mode; otherwise it is ignored, and one line of the log says so.
    let condition: SettingCondition?

    init(_ name: String, notation: Notation = .same, onlyWhen condition: SettingCondition? = nil) {
        self.name = name
        self.notation = notation
        self.condition = condition
    }

    init(stringLiteral name: String) { self.init(name) }

    /// The setting's text for the variable's; nil where that text has no meaning.
    func settingText(_ text: String) -> String? {
        switch notation {
        case .same: text
        case .loopbackPort: "127.0.0.1:" + text
        case .days: text.allSatisfy(\.isWholeNumber) ? text + "d" : text
        case .jsonList: Self.joined(text)
        case .nodeEnvironment: text == "production" ? "json" : nil
        case .milliseconds: text + "ms"
        case .nodeBytes: Self.sizeText(text)
        }
    }
}

extension OriginalName {
    private static func sizeText(_ text: String) -> String {
        let digits = text.prefix { $0.isNumber }
        return switch text.dropFirst(digits.count).lowercased() {
        case "kb": digits + "KiB"
        case "mb": digits + "MiB"
        case "gb": digits + "GiB"
        case "", "b": String(digits)
        default: text
        }
    }
}

extension OriginalName {
    /// A text that is no JSON list of strings stays as it is.
    private static func joined(_ text: String) -> String {
        guard case .array(let elements)? = try? JSONValue(parsing: Array(text.utf8)) else { return text }
        let texts = elements.compactMap(\.string)
        return texts.count == elements.count ? texts.joined(separator: ",") : text
    }
}

extension String {
    /// Capitals for ASCII letters only: names must not depend on a locale.
    var asciiUppercased: String {
        String(decoding: utf8.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 }, as: UTF8.self)
    }

    var asciiLowercased: String {
        String(decoding: utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    /// Without blanks and tabs at either end.
    var trimmed: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
        var rest = self[...]
        while let first = rest.first, isBlank(first) { rest.removeFirst() }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return String(rest)
    }
}
