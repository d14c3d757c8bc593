/// A flag of the command line: `--name`, `--name VALUE` or `--name=VALUE`.
struct Flag: Sendable {
    /// With its dashes.
    let name: String
    /// What stands for the value in the help; nil for a switch.
    let valueName: String?
    /// The setting that the flag gives a value to; a switch gives `true`.
    let settingKey: String?
    let mayRepeat: Bool
    let summary: String

    init(
        _ name: String, _ valueName: String? = nil, setting settingKey: String? = nil, mayRepeat: Bool = false,
        summary: String
    ) {
        self.name = name
        self.valueName = valueName
        self.settingKey = settingKey
        self.mayRepeat = mayRepeat
        self.summary = summary
    }

    /// `--name VALUE`.
    var synopsis: String { valueName.map { "\(name) \($0)" } ?? name }
}

extension Flag {
    static let dataDirectory = Flag(
        "--data-dir", "DIR", setting: "store.data-dir", summary: "the data directory; made when it does not exist")
    static let listen = Flag(
        "--listen", "HOST:PORT[=surface,…]", setting: "http.listen", mayRepeat: true,
        summary: "listen there, for these surfaces or for all; may be repeated")
    static let admin = Flag(
        "--admin", "HOST:PORT", setting: "admin.listen", summary: "loopback listener for health, metrics and orders")
    static let config = Flag("--config", "FILE", summary: "settings file, JSON5; else $\(SettingsLocation.variable)")
    static let set = Flag(
        SettingOverride.setFlag, "section.name=value", mayRepeat: true,
        summary: "any setting but a secret; may be repeated")
    static let tlsCertificate = Flag("--tls-cert", "FILE", setting: "http.tls-cert", summary: "certificate chain, PEM")
    static let tlsKey = Flag(
        "--tls-key", "FILE", setting: "http.tls-key", summary: "private key of the certificate, PEM")
    static let orionAuth = Flag(
        "--orion-auth", "off|jwt", setting: "orion.auth",
        summary: "jwt asks for a token on every session route of orion")
    static let docs = Flag(
        "--docs", "on|off", setting: "http.docs", summary: "whether /docs and /openapi.json are served")
    static let acceptPrefix = Flag(
        "--accept-prefix", setting: "store.accept-prefix", summary: "open a store with a damaged log up to the damage")
    static let help = Flag("--help", summary: "what this verb does and takes")

    /// Those that decide the configuration: `serve` and `check-config` take the same ones, so that the one shows what
    /// the other would do.
    static let configuration: [Flag] = [
        dataDirectory, listen, admin, config, set, tlsCertificate, tlsKey, orionAuth, docs, acceptPrefix,
    ]
}
