internal import ChatAPI
internal import ChatEngine
internal import LogStore

extension Flag {
    static let surface = Flag("--surface", "poc|aivo", summary: "whose token")
    static let tokenUser = Flag("--user", "ID", summary: "`userId` of poc, `sub` of aivo")
    static let tokenTenant = Flag("--tenant", "ID", summary: "`tenant_id` of aivo")
    static let tokenRole = Flag("--role", "ROLE", summary: "`role`")
    static let learnerScope = Flag(
        "--learner", "ID", mayRepeat: true, summary: "one of `learner_scope` of aivo, * for all; may be repeated")
    static let permission = Flag(
        "--permission", "NAME", mayRepeat: true, summary: "one of `permissions` of aivo; may be repeated")
    static let lifetime = Flag("--ttl", "DURATION", summary: "how long it is good, such as 15m; else 24h")
}

extension Verb {
    /// Signs tokens as the server would: for development.
    static let token = Verb(
        "token", "make a token, for development", positionals: [Positional("ACTION", "mint")],
        flags: [
            .surface, .tokenUser, .tokenTenant, .tokenRole, .learnerScope, .permission, .lifetime, .dataDirectory,
            .config,
        ],
        notes: [
            "Signed with JWT_SECRET (poc) or JWT_SECRET_KEY (aivo), or what is derived from the secret of the data "
                + "directory: whoever can read those can be anybody anyway. No server is asked, and none need be "
                + "stopped."
        ]
    ) { invocation throws(CommandFailure) in
        guard invocation.arguments.positionals == ["mint"] else { throw CommandFailure(.usage, "token wants `mint`") }
        let surface = try invocation.required(.surface)
        let claims: JSONObject
        switch surface {
        case "poc": claims = try invocation.pocClaims()
        case "aivo": claims = try invocation.aivoClaims()
        default: throw CommandFailure(.usage, "--surface: \"\(surface)\" is not one of poc, aivo")
        }
        let key = try invocation.tokenKey(of: surface)
        invocation.console.output(JSONWebToken.mint(claims, key: key))
        return .success
    }
}

extension Invocation {
    fileprivate func required(_ flag: Flag) throws(CommandFailure) -> String {
        guard let value = value(flag), !value.isEmpty else {
            throw CommandFailure(.usage, "token mint needs \(flag.synopsis)")
        }
        return value
    }

    fileprivate func pocClaims() throws(CommandFailure) -> JSONObject {
        for flag in [Flag.tokenTenant, .learnerScope, .permission] where arguments.has(flag) {
            throw CommandFailure(.usage, "\(flag.name) is for tokens of aivo")
        }
        return JSONWebToken.pocClaims(
            userID: try required(.tokenUser), role: value(.tokenRole), now: LiveClock().now(),
            lifetimeSeconds: try lifetimeSeconds())
    }

    fileprivate func aivoClaims() throws(CommandFailure) -> JSONObject {
        JSONWebToken.aivoClaims(
            subject: try required(.tokenUser), tenant: try required(.tokenTenant), role: value(.tokenRole),
            learners: arguments.values[Flag.learnerScope.name] ?? [],
            permissions: arguments.values[Flag.permission.name] ?? [], now: LiveClock().now(),
            lifetimeSeconds: try lifetimeSeconds())
    }

    private func lifetimeSeconds() throws(CommandFailure) -> Double {
        guard let text = value(.lifetime) else { return 86_400 }
        guard let lifetime = Duration(settingText: text), lifetime >= .seconds(1), lifetime <= .seconds(3650 * 86_400)
        else { throw CommandFailure(.usage, "--ttl: \"\(text)\" is not a duration from 1s to 3650d, such as 15m") }
        return Double(lifetime.components.seconds)
    }

    /// - Throws: if nothing is configured and the directory has no secret yet.
    fileprivate func tokenKey(of surface: String) throws(CommandFailure) -> [UInt8] {
        let configuration = try configuration()
        let setting = configuration.effective("\(surface).jwt-secret").setting
        let configured = configuration.optionalText(setting.key)
        if let configured, !configured.isEmpty {
            return ServerSecret.tokenKey(of: surface, configured: configured, secret: [])
        }
        guard let directory = configuration.optionalText("store.data-dir") else {
            throw CommandFailure(
                .usage, "token mint needs \(setting.environmentName) or \(Flag.dataDirectory.synopsis)")
        }
        guard let secret = try ServerSecret.loadIfPresent(in: directory) else {
            throw CommandFailure(
                .configuration,
                "no secret is configured for \(surface), and \(directory) has none; `chat-server init` makes it")
        }
        return ServerSecret.tokenKey(of: surface, configured: nil, secret: secret)
    }
}
