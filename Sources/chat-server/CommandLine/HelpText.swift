/// The texts of `help` and `--help`, made from the tables.
enum HelpText {
    /// One verb in full.
    static func of(_ verb: Verb) -> String {
        var lines = ["chat-server \(verb.name): \(verb.summary).", "", "usage: \(synopsis(of: verb))"]
        var rows = verb.positionals.map { ($0.name, $0.summary) }
        rows += (verb.flags + [.help]).map { ($0.synopsis, $0.summary) }
        lines += ["", columns(rows)]
        for note in verb.notes { lines += ["", note] }
        return lines.joined(separator: "\n")
    }

    /// The program as a whole.
    static func overview(_ verbs: [Verb]) -> String {
        let codes = ExitCode.allCases.map { (String($0.rawValue), $0.summary) }
        return """
            chat-server \(Version.current): a chat back end in one binary, with one data directory and no database.

            usage: chat-server VERB [flags]; `chat-server VERB --help` says more

            \(columns(verbs.map { ($0.name, $0.summary) }))

            Settings are named section.name. A flag wins over a variable (CHAT_SECTION_NAME), a variable over the settings
            file, the file over the default. `chat-server help settings` lists them.

            Exit codes:
            \(columns(codes))
            """
    }

    private static func synopsis(of verb: Verb) -> String {
        let positionals = verb.positionals.map { $0.isRequired ? $0.name : "[\($0.name)]" }
        let flags = verb.flags.map { $0.mayRepeat ? "[\($0.synopsis)]…" : "[\($0.synopsis)]" }
        return (["chat-server \(verb.name)"] + positionals + flags).joined(separator: " ")
    }

    /// Two columns; a left text that is too long has its right one on the next line.
    private static func columns(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).filter { $0 <= 28 }.max() ?? 0
        return rows.map { left, right in
            left.count > width
                ? "  \(left)\n" + String(repeating: " ", count: width + 4) + right
                : "  \(left)" + String(repeating: " ", count: width - left.count + 2) + right
        }.joined(separator: "\n")
    }
}
