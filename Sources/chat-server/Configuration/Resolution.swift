/// Settings from their four sources.
///
/// Each setting is resolved in the table's order: the last flag that names it, else its variable (`CHAT_SECTION_NAME`,
/// then the original services' names), else the file, else the default. Table order matters, because a condition
/// ("only when orion.auth is jwt") refers to a setting that is resolved already. All problems are collected before any
/// is reported: an operator should not have to start the server five times to learn of five mistakes. A secret's text
/// never enters a message.

/// A flag's word on one setting.
struct SettingOverride: Sendable, Equatable {
    let key: String
    let text: String
    /// The flag as it is called: `--listen`, `--set`.
    let flag: String

    static let setFlag = "--set"
}

extension Configuration {
    /// - Parameter environment: the process's variables; empty ones count as unset.
    /// - Throws: every problem found.
    static func resolve(
        overrides: [SettingOverride], file: SettingsFile?, environment: [String: String]
    ) throws(ConfigurationError) -> Configuration {
        var resolution = Resolution(
            overrides: overrides, file: file, environment: environment.filter { !$0.value.isEmpty })
        resolution.checkNames()
        for setting in Setting.table { resolution.resolve(setting) }
        let options = resolution.kafkaOptions()
        let configuration = Configuration(
            settings: resolution.settings, notices: resolution.notices, kafkaOptions: options)
        if resolution.problems.isEmpty { resolution.problems = configuration.contradictions() }
        guard resolution.problems.isEmpty else { throw ConfigurationError(problems: resolution.problems) }
        return Configuration(
            settings: resolution.settings, notices: resolution.notices + configuration.warnings(), kafkaOptions: options
        )
    }
}

private struct Resolution {
    let overrides: [SettingOverride]
    let file: SettingsFile?
    let environment: [String: String]
    var settings: [Configuration.Effective] = []
    var notices: [String] = []
    var problems: [String] = []

    init(overrides: [SettingOverride], file: SettingsFile?, environment: [String: String]) {
        self.overrides = overrides
        self.file = file
        self.environment = environment
    }

    // MARK: Names

    mutating func checkNames() {
        let keys = Setting.table.map(\.key)
        for override in overrides {
            guard let setting = Setting.named(override.key) else {
                problems.append("--set: " + unknown("setting", override.key, in: keys))
                continue
            }
            if setting.isSecret {
                problems.append(
                    "--set: \(setting.key) is a secret and other users can read a command line; "
                        + "give it in the settings file or as \(setting.environmentName)")
            }
        }
        for entry in file?.entries ?? [] where Setting.named(entry.key) == nil {
            problems.append("\(file?.path ?? ""):\(entry.line): " + unknown("setting", entry.key, in: keys))
        }
        checkVariables()
    }

    private func unknown(_ what: String, _ name: String, in names: [String]) -> String {
        if let near = nearestName(to: name, in: names) {
            return "unknown \(what) \"\(name)\"; did you mean \"\(near)\"?"
        }
        return "unknown \(what) \"\(name)\"; `chat-server check-config` lists them all"
    }

    /// A `CHAT_` variable that is a near miss, or names one of our sections, is an error. Others are only noted: on some
    /// platforms the environment of a service called "chat" holds such names without anybody having set them.
    private mutating func checkVariables() {
        let originals = Setting.table.flatMap(\.originalNames).map(\.name).filter { $0.hasPrefix("CHAT_") }
        let names = Setting.table.map(\.environmentName) + originals + [SettingsLocation.variable]
        let sections = Set(Setting.table.map { "CHAT_" + String($0.section).asciiUppercased + "_" })
        for name in environment.keys.sorted()
        where name.hasPrefix("CHAT_") && !name.hasPrefix(KafkaOptions.prefix) && !names.contains(name) {
            if sections.contains(where: { name.hasPrefix($0) })
                || names.contains(where: { editDistance($0, name) <= 2 })
            {
                problems.append(unknown("variable", name, in: names))
            } else {
                notices.append("\(name) is ignored: no setting has that name")
            }
        }
        for name in Setting.ignoredVariables where environment[name] != nil {
            notices.append("\(name) is ignored: there is nothing to configure by it here")
        }
    }

    /// Variables that give options of librdkafka, because they name no setting.
    mutating func kafkaOptions() -> [(name: String, value: String)] {
        let names = Set(Setting.table.map(\.environmentName))
        let variables = environment.keys.sorted().filter { $0.hasPrefix(KafkaOptions.prefix) && !names.contains($0) }
        return variables.map { variable in
            let option = KafkaOptions.name(of: variable)
            notices.append("\(variable) gives librdkafka its option \(option)")
            return (option, environment[variable] ?? "")
        }
    }

    // MARK: Values

    mutating func resolve(_ setting: Setting) {
        let candidate = fromFlags(setting) ?? fromEnvironment(setting) ?? fromFile(setting)
        if let candidate {
            do {
                let value = try setting.type.parse(candidate.raw)
                settings.append(Configuration.Effective(setting: setting, value: value, origin: candidate.origin))
                return
            } catch {
                let reason = setting.isSecret ? "is not \(setting.type.expectation)" : error.reason
                problems.append("\(candidate.place): \(setting.key): \(reason)")
            }
        }
        settings.append(defaultValue(setting))
    }

    private typealias Candidate = (raw: RawSettingValue, origin: Configuration.Origin, place: String)

    private func fromFlags(_ setting: Setting) -> Candidate? {
        let given = overrides.filter { $0.key == setting.key }
        guard let last = given.last, !setting.isSecret else { return nil }
        if case .listeners = setting.type, last.flag != SettingOverride.setFlag {
            // A repeated --listen adds a listener; every other flag replaces what came before it.
            let text = given.filter { $0.flag == last.flag }.map(\.text).joined(separator: " ")
            return (.text(text), .flag(last.flag), last.flag)
        }
        return (.text(last.text), .flag(last.flag), last.flag)
    }

    private mutating func fromEnvironment(_ setting: Setting) -> Candidate? {
        var found: Candidate?
        if let text = environment[setting.environmentName] {
            found = (.text(text), .environment(setting.environmentName), setting.environmentName)
        }
        for original in setting.originalNames {
            guard let variable = environment[original.name], let text = original.settingText(variable) else { continue }
            if let condition = original.condition, !holds(condition) {
                notices.append(
                    "\(original.name) does not set \(setting.key), because \(condition.key) is not \(condition.text)")
            } else if let winner = found {
                notices.append("\(original.name) is ignored, because \(winner.place) is set")
            } else {
                found = (.text(text), .environment(original.name), original.name)
            }
        }
        return found
    }

    private mutating func fromFile(_ setting: Setting) -> Candidate? {
        guard let file, let entry = file.entries.first(where: { $0.key == setting.key }) else { return nil }
        if setting.isSecret && file.isReadableByOthers {
            notices.append("\(file.path) holds a secret and other users can read it; run chmod 600 on it")
        }
        return (entry.value, .file(path: file.path, line: entry.line), "\(file.path):\(entry.line)")
    }

    private func defaultValue(_ setting: Setting) -> Configuration.Effective {
        var text = setting.defaultText
        var origin = Configuration.Origin.builtIn
        if let conditional = setting.conditionalDefault, holds(conditional.condition) {
            text = conditional.text
            origin = .builtInFor(conditional.condition)
        }
        guard let text else { return Configuration.Effective(setting: setting, value: nil, origin: origin) }
        do {
            let value = try setting.type.parse(.text(text))
            return Configuration.Effective(setting: setting, value: value, origin: origin)
        } catch {
            preconditionFailure("the default of \(setting.key): \(error.reason)")
        }
    }

    private func holds(_ condition: SettingCondition) -> Bool {
        settings.first { $0.setting.key == condition.key }?.value == .text(condition.text)
    }
}

/// Where the settings file is.
enum SettingsLocation {
    static let variable = "CHAT_CONFIG"

    /// The path of the flag, else of the variable, else none.
    static func path(flag: String?, environment: [String: String]) -> String? {
        if let flag { return flag }
        guard let path = environment[variable], !path.isEmpty else { return nil }
        return path
    }
}
