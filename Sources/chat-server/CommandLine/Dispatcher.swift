/// Finds the verb, reads its arguments, runs it and turns a failure into sentences on stderr and an exit code.
struct Dispatcher: Sendable {
    let verbs: [Verb]
    let environment: [String: String]
    let console: Console

    /// - Parameter arguments: without the program's name.
    func run(_ arguments: [String]) -> ExitCode {
        do {
            return try dispatch(arguments)
        } catch {
            for message in error.messages { console.error("chat-server: \(message)") }
            return error.exitCode
        }
    }

    private func dispatch(_ arguments: [String]) throws(CommandFailure) -> ExitCode {
        guard let first = arguments.first else {
            throw CommandFailure(.usage, "a verb is missing; `chat-server help` lists them")
        }
        let name =
            switch first {
            case "-h", "--help": "help"
            case "--version": "version"
            default: first
            }
        guard let verb = verbs.first(where: { $0.name == name }) else {
            let what =
                name.hasPrefix("-")
                ? "the verb comes before the flags, and \(name) is none" : "unknown verb \"\(name)\""
            let hint =
                nearestName(to: name, in: verbs.map(\.name)).map { "did you mean \($0)?" }
                ?? "`chat-server help` lists them"
            throw CommandFailure(.usage, "\(what); \(hint)")
        }
        let parsed = try ParsedArguments(parsing: Array(arguments.dropFirst()), for: verb)
        if parsed.asksForHelp {
            console.output(HelpText.of(verb))
            return .success
        }
        return try verb.run(
            Invocation(verb: verb, arguments: parsed, environment: environment, console: console, verbs: verbs))
    }
}
