/// One thing that the program does: `chat-server NAME …`.
///
/// A verb is a value: the parser, the help and the dispatcher read it, and its body is the closure `run`. Each verb
/// lives in a file of its own under Verbs/ and is listed in `Verb.all`.
struct Verb: Sendable {
    struct Positional: Sendable {
        /// As the help shows it, in capitals.
        let name: String
        let isRequired: Bool
        let summary: String

        init(_ name: String, isRequired: Bool = true, _ summary: String) {
            self.name = name
            self.isRequired = isRequired
            self.summary = summary
        }
    }

    let name: String
    /// One line, without a full stop.
    let summary: String
    let positionals: [Positional]
    let flags: [Flag]
    /// Paragraphs at the end of the help.
    let notes: [String]
    let run: @Sendable (Invocation) throws(CommandFailure) -> ExitCode

    init(
        _ name: String, _ summary: String, positionals: [Positional] = [], flags: [Flag] = [], notes: [String] = [],
        run: @escaping @Sendable (Invocation) throws(CommandFailure) -> ExitCode
    ) {
        self.name = name
        self.summary = summary
        self.positionals = positionals
        self.flags = flags
        self.notes = notes
        self.run = run
    }

    /// Every verb of the program, in the order of the help.
    static let all: [Verb] = [
        serve, initialize, organisations, users, token, verify, stats, backup, restore, repair, compact, export,
        importLines, erase, erasures, hold, bench, checkConfiguration, version, help,
    ]
}

/// One call of a verb.
struct Invocation: Sendable {
    let verb: Verb
    let arguments: ParsedArguments
    let environment: [String: String]
    let console: Console
    /// What the program offers, for the help.
    let verbs: [Verb]

    /// The configuration that the flags, the variables and the settings file make.
    func configuration() throws(CommandFailure) -> Configuration {
        do {
            var file: SettingsFile?
            let flag = arguments.values[Flag.config.name]?.last
            if let path = SettingsLocation.path(flag: flag, environment: environment) {
                file = try SettingsFile(reading: path)
            }
            return try Configuration.resolve(overrides: arguments.overrides, file: file, environment: environment)
        } catch {
            throw CommandFailure(.configuration, messages: error.problems)
        }
    }
}
