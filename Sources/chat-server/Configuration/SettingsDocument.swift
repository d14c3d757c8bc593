/// The tables of docs/operating.md, made from the declarations; a test compares the file with them.
enum SettingsDocument {
    /// Markdown; one row a setting.
    static var table: String {
        let head = ["| setting | value | default | flag and variables | what it is |", "|---|---|---|---|---|"]
        return (head + Setting.table.map(row)).joined(separator: "\n")
    }

    static var exitCodes: String {
        let head = ["| code | meaning |", "|---|---|"]
        return (head + ExitCode.allCases.map { "| \($0.rawValue) | \($0.summary) |" }).joined(separator: "\n")
    }

    private static func row(_ setting: Setting) -> String {
        let flags = Flag.configuration.filter { $0.settingKey == setting.key }.map { "`\($0.name)`" }
        let originals = setting.originalNames.map { original in
            original.condition.map { "`\(original.name)` (with \($0.key) = \($0.text))" } ?? "`\(original.name)`"
        }
        let names = flags + ["`\(setting.environmentName)`"] + originals
        return "| `\(setting.key)` | \(value(setting)) | \(defaults(setting)) | \(names.joined(separator: ", ")) "
            + "| \(setting.summary) |"
    }

    private static func value(_ setting: Setting) -> String {
        switch setting.type {
        case .boolean: "`true` or `false`"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .duration(let range): "\(range.lowerBound.settingText) to \(range.upperBound.settingText)"
        case .bytes(let range): "\(byteCountText(range.lowerBound)) to \(byteCountText(range.upperBound))"
        case .text: setting.isSecret ? "secret" : "text"
        case .path: "path"
        case .choice(let words, _): words.map { "`\($0)`" }.joined(separator: ", ")
        case .address: "HOST:PORT"
        case .listeners: "HOST:PORT[=surface,…] …"
        case .addressBlocks: "CIDR,…"
        case .list(.text): "text,…"
        case .list(.origin): "origin,…"
        case .list(.originPattern): "pattern,…"
        case .list(.retention): "tenant=duration,…"
        }
    }

    private static func defaults(_ setting: Setting) -> String {
        var text = shown(setting.defaultText)
        if let conditional = setting.conditionalDefault {
            let condition = conditional.condition
            text += "; \(shown(conditional.text)) with \(condition.key) = \(condition.text)"
        }
        return text
    }

    private static func shown(_ text: String?) -> String {
        guard let text else { return "none" }
        return text.isEmpty ? "empty" : text.split(separator: ",").map { "`\($0)`" }.joined(separator: ", ")
    }
}
