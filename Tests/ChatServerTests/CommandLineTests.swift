import Glibc
import Testing

@testable import chat_server

@Suite struct CommandLineTests {
    /// Runs the program's dispatcher on a command line.
    private func run(_ arguments: String..., environment: [String: String] = [:])
        -> (code: ExitCode, output: String, error: String)
    {
        let output = Lines()
        let error = Lines()
        let console = Console(output: { output.append($0) }, error: { error.append($0) })
        let code = Dispatcher(verbs: Verb.all, environment: environment, console: console).run(arguments)
        return (code, output.text, error.text)
    }

    @Test func usageErrors() {
        #expect(run().code == .usage)
        let verb = run("chek-config")
        #expect(verb.code == .usage)
        #expect(verb.error == "chat-server: unknown verb \"chek-config\"; did you mean check-config?\n")
        let flag = run("check-config", "--lisen", "127.0.0.1:1")
        #expect(flag.error == "chat-server: check-config has no flag --lisen; did you mean --listen?\n")
        #expect(
            run("check-config", "--listen").error
                == "chat-server: --listen needs a value: --listen HOST:PORT[=surface,…]\n")
        #expect(run("check-config", "--accept-prefix=1").code == .usage)
        #expect(run("check-config", "--data-dir", "a", "--data-dir", "b").code == .usage)
        #expect(run("check-config", "--set", "secretvalue").code == .usage)
        #expect(!run("check-config", "--set", "secretvalue").error.contains("secretvalue"))
        #expect(run("version", "extra").code == .usage)
        #expect(run("--listen", "x").code == .usage)
        #expect(run("help", "setings").error.contains("did you mean settings?"))
    }

    @Test func configurationErrors() {
        let result = run("check-config", "--set", "http.lops=1", "--listen", "nowhere")
        #expect(result.code == .configuration)
        #expect(result.output.isEmpty)
        #expect(result.error.split(separator: "\n").count == 2)
        #expect(run("check-config", "--config", "/nonexistent/file").code == .configuration)
        #expect(run("check-config", environment: ["CHAT_CONFIG": "/nonexistent/file"]).code == .configuration)
    }

    @Test func checkConfigShowsEverySettingAndNoSecret() {
        let result = run(
            "check-config", "--orion-auth=jwt", "--listen", "127.0.0.1:5", "--listen", "127.0.0.1:6", "--accept-prefix",
            environment: ["ORION_SHARED_JWT_SECRET": "hush-hush"])
        #expect(result.code == .success)
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == Setting.table.count)
        for (line, setting) in zip(lines, Setting.table) { #expect(line.hasPrefix(setting.key)) }
        #expect(lines.contains { $0.hasSuffix("= 127.0.0.1:5 127.0.0.1:6  # flag --listen") })
        #expect(lines.contains { $0.hasSuffix("= (set)  # environment ORION_SHARED_JWT_SECRET") })
        #expect(lines.contains { $0.hasSuffix("= true  # flag --accept-prefix") })
        #expect(!(result.output + result.error).contains("hush-hush"))
    }

    @Test func helpForEveryVerb() {
        for verb in Verb.all {
            let result = run(verb.name, "--help")
            #expect(result.code == .success)
            #expect(result.output.hasPrefix("chat-server \(verb.name): "))
            #expect(run("help", verb.name).output == result.output)
            for flag in verb.flags { #expect(result.output.contains(flag.synopsis)) }
            #expect(run("--help").output.contains("  \(verb.name)"))
        }
        #expect(run("-h").output == run("help").output)
        #expect(run("--version").output == "chat-server \(Version.current)\n")
        for code in ExitCode.allCases { #expect(run("help").output.contains("\(code.rawValue)  \(code.summary)")) }
    }

    @Test func flagsThatStandForSettingsNameThem() {
        for flag in Flag.configuration {
            if let key = flag.settingKey { #expect(Setting.named(key)?.isSecret == false, "\(flag.name)") }
        }
    }

    @Test func everyVerbHasItsOwnArguments() throws {
        let verb = Verb(
            "verify", "check", positionals: [.init("DIR", "a store")], flags: [Flag("--json", summary: "as JSON")]
        ) { invocation throws(CommandFailure) in
            throw CommandFailure(.damaged, "\(invocation.arguments.positionals) \(invocation.arguments.values)")
        }
        #expect(throws: CommandFailure(.usage, "verify needs DIR")) { try ParsedArguments(parsing: [], for: verb) }
        let parsed = try ParsedArguments(parsing: ["--json", "--", "--odd"], for: verb)
        #expect(parsed.positionals == ["--odd"])
        #expect(parsed.values == ["--json": [""]])
        let errors = Lines()
        let console = Console(output: { errors.append($0) }, error: { errors.append($0) })
        #expect(Dispatcher(verbs: [verb], environment: [:], console: console).run(["verify", "d"]) == .damaged)
        #expect(errors.text == "chat-server: [\"d\"] [:]\n")
    }

    @Test func theSettingsFileIsReadFromTheDisk() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/settings.json5"
        try directory.write("{ orion: { 'rate-limit': 3 } }", to: "settings.json5", mode: 0o600)
        let file = try SettingsFile(reading: path)
        #expect(file.entries == [.init(key: "orion.rate-limit", value: .number("3"), line: 1)])
        #expect(!file.isReadableByOthers)
        chmod(path, 0o644)
        #expect(try SettingsFile(reading: path).isReadableByOthers)
        #expect(run("check-config", "--config", path).output.contains("= 3  # \(path):1"))
        #expect(run("check-config", environment: ["CHAT_CONFIG": path]).output.contains("= 3  # \(path):1"))
        #expect(throws: ConfigurationError.self) { try SettingsFile(reading: directory.path) }
        try directory.write("\u{0}\n}", to: "bad.json5", mode: 0o600)
        #expect(run("check-config", "--config", directory.path + "/bad.json5").code == .configuration)
    }
}
