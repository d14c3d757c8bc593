extension Verb {
    /// Prints what `serve` would be told by the same flags, variables and file.
    static let checkConfiguration = Verb(
        "check-config", "print every effective setting and where it comes from", flags: Flag.configuration,
        notes: ["Takes the flags of `serve`, opens nothing and exits with 3 when something is wrong."]
    ) { invocation throws(CommandFailure) in
        let configuration = try invocation.configuration()
        let rows = configuration.settings.map { ($0.setting.key, $0.text.isEmpty ? "(empty)" : $0.text, $0.origin) }
        let keyWidth = rows.map(\.0.count).max() ?? 0
        for (key, text, origin) in rows {
            let padding = String(repeating: " ", count: keyWidth - key.count)
            invocation.console.output("\(key)\(padding) = \(text)  # \(origin)")
        }
        for notice in configuration.notices { invocation.console.error("chat-server: note: \(notice)") }
        return .success
    }
}
