/// A verb's arguments, read by the verb's own table of flags.
struct ParsedArguments: Sendable, Equatable {
    var positionals: [String] = []
    /// Flags that stand for a setting, and `--set`, in their order.
    var overrides: [SettingOverride] = []
    /// Other flags by name, in their order; a switch has the value "".
    var values: [String: [String]] = [:]
    var asksForHelp = false

    func has(_ flag: Flag) -> Bool { values[flag.name] != nil }
}

extension ParsedArguments {
    /// Reads what follows the verb's name. `--` ends the flags; `-` is a positional.
    /// - Throws: exit code 2 with the first thing that is wrong.
    init(parsing arguments: [String], for verb: Verb) throws(CommandFailure) {
        var seen: Set<String> = []
        var index = 0
        var flagsEnded = false
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            if argument == "--" && !flagsEnded {
                flagsEnded = true
                continue
            }
            guard argument.hasPrefix("-"), argument != "-", !flagsEnded else {
                positionals.append(argument)
                continue
            }
            if argument == "-h" || argument == Flag.help.name {
                asksForHelp = true
                continue
            }
            let equals = argument.firstIndex(of: "=")
            let name = String(argument[..<(equals ?? argument.endIndex)])
            guard let flag = verb.flags.first(where: { $0.name == name }) else {
                throw ParsedArguments.unknownFlag(name, verb)
            }
            var value = equals.map { String(argument[argument.index(after: $0)...]) }
            if flag.valueName == nil {
                guard value == nil else { throw CommandFailure(.usage, "\(name) takes no value") }
            } else if value == nil {
                guard index < arguments.count else {
                    throw CommandFailure(.usage, "\(name) needs a value: \(flag.synopsis)")
                }
                value = arguments[index]
                index += 1
            }
            guard seen.insert(name).inserted || flag.mayRepeat else {
                throw CommandFailure(.usage, "\(name) is given twice")
            }
            try add(flag, value: value)
        }
        if !asksForHelp { try checkPositionals(verb) }
    }

    private static func unknownFlag(_ name: String, _ verb: Verb) -> CommandFailure {
        let names = verb.flags.map(\.name) + [Flag.help.name]
        let hint =
            nearestName(to: name, in: names).map { "did you mean \($0)?" }
            ?? "`chat-server \(verb.name) --help` lists them"
        return CommandFailure(.usage, "\(verb.name) has no flag \(name); \(hint)")
    }

    private mutating func add(_ flag: Flag, value: String?) throws(CommandFailure) {
        if let key = flag.settingKey {
            overrides.append(SettingOverride(key: key, text: value ?? "true", flag: flag.name))
        } else if flag.name == SettingOverride.setFlag {
            // The text is not repeated in the message: it may be a secret in the wrong place.
            guard let value, let equals = value.firstIndex(of: "="), equals > value.startIndex else {
                throw CommandFailure(.usage, "--set needs section.name=value")
            }
            overrides.append(
                SettingOverride(
                    key: String(value[..<equals]), text: String(value[value.index(after: equals)...]), flag: flag.name))
        } else {
            values[flag.name, default: []].append(value ?? "")
        }
    }

    private func checkPositionals(_ verb: Verb) throws(CommandFailure) {
        let required = verb.positionals.filter(\.isRequired).count
        if positionals.count < required {
            throw CommandFailure(.usage, "\(verb.name) needs \(verb.positionals[positionals.count].name)")
        }
        if positionals.count > verb.positionals.count {
            throw CommandFailure(
                .usage, "\(verb.name) does not know what to do with \"\(positionals[verb.positionals.count])\"")
        }
    }
}
