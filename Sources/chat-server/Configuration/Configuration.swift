/// The effective settings, each with its origin.
///
/// Made by `Configuration.resolve`; the server reads it through the typed structures (`HTTPSettings`, …).
struct Configuration: Sendable {
    /// Where a value comes from; a later case wins over an earlier one.
    enum Origin: Sendable, Equatable, CustomStringConvertible {
        case builtIn
        /// The default of another setting's mode.
        case builtInFor(SettingCondition)
        case file(path: String, line: Int)
        case environment(String)
        case flag(String)

        var description: String {
            switch self {
            case .builtIn: "default"
            case .builtInFor(let condition): "default for \(condition.key) = \(condition.text)"
            case .file(let path, let line): "\(path):\(line)"
            case .environment(let name): "environment \(name)"
            case .flag(let flag): "flag \(flag)"
            }
        }
    }

    struct Effective: Sendable {
        let setting: Setting
        /// nil: absent.
        let value: SettingValue?
        let origin: Origin

        /// The value for people; a secret is `(set)`.
        var text: String {
            guard let value else { return "(not set)" }
            return setting.isSecret ? "(set)" : value.description
        }
    }

    /// In the table's order.
    let settings: [Effective]
    /// Sentences for the log at start-up: nothing wrong, but something that an operator should know.
    let notices: [String]
    /// Options of librdkafka, from `CHAT_KAFKA_` variables that name no setting; values may be secrets.
    let kafkaOptions: [(name: String, value: String)]

    private let positions: [String: Int]

    init(
        settings: [Effective], notices: [String], kafkaOptions: [(name: String, value: String)] = []
    ) {
        self.settings = settings
        self.notices = notices
        self.kafkaOptions = kafkaOptions
        positions = Dictionary(
            uniqueKeysWithValues: settings.enumerated().map { ($0.element.setting.key, $0.offset) })
    }

    /// - Precondition: `key` is in the table; a test reads every typed structure.
    func effective(_ key: String) -> Effective {
        guard let position = positions[key] else { preconditionFailure("no setting is called \(key)") }
        return settings[position]
    }

    func boolean(_ key: String) -> Bool {
        guard case .boolean(let value) = effective(key).value else { preconditionFailure("\(key) is no boolean") }
        return value
    }

    func integer(_ key: String) -> Int {
        switch effective(key).value {
        case .integer(let value), .bytes(let value): return value
        default: preconditionFailure("\(key) is no number")
        }
    }

    func duration(_ key: String) -> Duration {
        guard case .duration(let value) = effective(key).value else { preconditionFailure("\(key) is no duration") }
        return value
    }

    /// nil where the setting is absent.
    func optionalText(_ key: String) -> String? {
        switch effective(key).value {
        case nil: return nil
        case .text(let value): return value
        default: preconditionFailure("\(key) is no text")
        }
    }

    func text(_ key: String) -> String {
        guard let value = optionalText(key) else { preconditionFailure("\(key) is absent") }
        return value
    }

    func list(_ key: String) -> [String] {
        guard case .list(let value) = effective(key).value else { preconditionFailure("\(key) is no list") }
        return value
    }
}

/// Everything that is wrong with the configuration, one sentence each; exit code 3.
struct ConfigurationError: Error, Equatable {
    let problems: [String]

    init(_ problem: String) { problems = [problem] }
    init(problems: [String]) { self.problems = problems }
}

extension SettingValue: CustomStringConvertible {
    /// The notation of a flag.
    var description: String {
        switch self {
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .duration(let value): value.settingText
        case .bytes(let value): byteCountText(value)
        case .text(let value): value
        case .address(let value): value.description
        case .listeners(let values): values.map(\.description).joined(separator: " ")
        case .addressBlocks(let values): values.map(\.description).joined(separator: ",")
        case .list(let values): values.joined(separator: ",")
        }
    }
}
