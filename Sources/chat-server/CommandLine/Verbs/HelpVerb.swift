extension Verb {
    static let help = Verb(
        "help", "explain the program, one verb, or the settings",
        positionals: [Positional("TOPIC", isRequired: false, "a verb, or `settings` for the table of all settings")]
    ) { invocation throws(CommandFailure) in
        guard let topic = invocation.arguments.positionals.first else {
            invocation.console.output(HelpText.overview(invocation.verbs))
            return .success
        }
        if topic == "settings" {
            invocation.console.output(SettingsDocument.table)
            return .success
        }
        guard let verb = invocation.verbs.first(where: { $0.name == topic }) else {
            let topics = invocation.verbs.map(\.name) + ["settings"]
            let hint = nearestName(to: topic, in: topics).map { "did you mean \($0)?" } ?? "try `chat-server help`"
            throw CommandFailure(.usage, "no help on \"\(topic)\"; \(hint)")
        }
        invocation.console.output(HelpText.of(verb))
        return .success
    }
}
