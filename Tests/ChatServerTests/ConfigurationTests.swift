import ChatEngine
import LogStore
import Testing

@testable import chat_server

@Suite struct ConfigurationTests {
    @Test func everyDefaultIsAValueOfItsSetting() throws {
        let configuration = try resolve()
        #expect(configuration.settings.count == Setting.table.count)
        #expect(Set(Setting.table.map(\.key)).count == Setting.table.count)
        // The typed structures name their settings by text: reading each proves that the names and types exist.
        #expect(HTTPSettings(configuration).listeners.map(\.description) == ["127.0.0.1:3002"])
        #expect(StoreSettings(configuration).headBytes == 64 << 20)
        #expect(StoreSettings(configuration).deletionGrace == .seconds(3600))
        #expect(StoreSettings(try resolve(set: ["store.profile": "edge"])).deletionGrace == .seconds(600))
        #expect(OrionSettings(configuration).rateLimit == 200)
        #expect(OrionSettings(configuration).rateWindow == .seconds(900))
        #expect(OrionSettings(configuration).originPatterns.count == 4)
        #expect(LogSettings(configuration).level == .info)
        #expect(AdminSettings(configuration).address == nil)
        #expect(configuration.notices.isEmpty)
    }

    @Test func conditionsReferToEarlierSettings() {
        var earlier: Set<String> = []
        for setting in Setting.table {
            let conditions = [setting.conditionalDefault?.condition] + setting.originalNames.map(\.condition)
            for condition in conditions.compactMap({ $0 }) {
                #expect(earlier.contains(condition.key), "\(setting.key) depends on \(condition.key)")
            }
            earlier.insert(setting.key)
        }
    }

    @Test(arguments: [
        (flag: nil, variable: nil, file: nil, expected: 4096, origin: "default"),
        (flag: nil, variable: nil, file: "10", expected: 10, origin: "f.json5:2"),
        (flag: nil, variable: "20", file: "10", expected: 20, origin: "environment CHAT_HTTP_MAX_CONNECTIONS"),
        (flag: "30", variable: "20", file: "10", expected: 30, origin: "flag --set"),
        (flag: nil, variable: "", file: "10", expected: 10, origin: "f.json5:2"),
    ])
    func laterSourcesWin(row: (flag: String?, variable: String?, file: String?, expected: Int, origin: String)) throws {
        let configuration = try resolve(
            set: row.flag.map { ["http.max-connections": $0] } ?? [:],
            file: row.file.map { "{\n http: { 'max-connections': \($0) } }" },
            environment: row.variable.map { ["CHAT_HTTP_MAX_CONNECTIONS": $0] } ?? [:])
        #expect(HTTPSettings(configuration).maximumConnections == row.expected)
        #expect(configuration.effective("http.max-connections").origin.description == row.origin)
    }

    @Test func nestedAndDottedNamesAreTheSame() throws {
        let nested = try resolve(file: "{ orion: { 'rate-limit': 7, 'rate-window': '1h' } }")
        let dotted = try resolve(file: "{ 'orion.rate-limit': 7, orion.rate-window: '1h', }")
        for configuration in [nested, dotted] {
            #expect(OrionSettings(configuration).rateLimit == 7)
            #expect(OrionSettings(configuration).rateWindow == .seconds(3600))
        }
        #expect(
            problems { try resolve(file: "{ orion: { 'rate-limit': 7 },\n 'orion.rate-limit': 8 }") }
                == ["f.json5:2: \"orion.rate-limit\" is given again; it was set in line 1"])
    }

    @Test func unknownNamesSuggestTheNearest() {
        #expect(
            problems { try resolve(set: ["orion.rate-limt": "5"]) }
                == ["--set: unknown setting \"orion.rate-limt\"; did you mean \"orion.rate-limit\"?"])
        #expect(
            problems { try resolve(file: "{\n\n store: { snyc: 'durable' } }") }
                == ["f.json5:3: unknown setting \"store.snyc\"; did you mean \"store.sync\"?"])
        #expect(
            problems { try resolve(environment: ["CHAT_ORION_RATE_LIMT": "5"]) }
                == ["unknown variable \"CHAT_ORION_RATE_LIMT\"; did you mean \"CHAT_ORION_RATE_LIMIT\"?"])
        #expect(
            problems { try resolve(set: ["something.else.entirely": "1"]) }
                == ["--set: unknown setting \"something.else.entirely\"; `chat-server check-config` lists them all"])
    }

    @Test func foreignVariablesAreNoted() throws {
        let notices = try resolve(environment: ["CHAT_SERVER_SERVICE_HOST": "10.0.0.1", "DB_HOST": "db"]).notices
        #expect(notices.count == 2)
        #expect(notices.first?.hasPrefix("CHAT_SERVER_SERVICE_HOST is ignored") == true)
        #expect(notices.last?.hasPrefix("DB_HOST is ignored") == true)
    }

    @Test func everyProblemIsReported() {
        let found = problems {
            try resolve(
                set: ["http.loops": "many", "log.level": "loud"], file: "{ store: { 'head-bytes': '1PB' } }",
                environment: ["CHAT_ORION_RATE_WINDOW": "15"])
        }
        #expect(found.count == 4)
        #expect(found.contains { $0.hasPrefix("--set: http.loops: \"many\" is not a whole number from 0 to 256") })
        #expect(found.contains { $0.hasPrefix("CHAT_ORION_RATE_WINDOW: orion.rate-window: \"15\" is not a duration") })
        #expect(found.contains { $0.hasPrefix("f.json5:1: store.head-bytes: \"1PB\" is not a size") })
    }

    @Test func theOriginalsNamesFollowTheirMode() throws {
        let variables = [
            "RATE_LIMIT_MAX_REQUESTS": "5", "ALLOWED_ORIGINS": "https://a.example, https://b.example",
            "AUTHORIZED_USER_EMAIL": "Ann@Example.com", "ORION_SHARED_JWT_SECRET": "hush-hush",
            "ORION_SHARED_JWT_ISS": "me", "PORT": "4000", "NODE_ENV": "production",
        ]
        let off = try resolve(environment: variables)
        #expect(OrionSettings(off).rateLimit == 200)
        #expect(OrionSettings(off).allowedOrigins.count == 4)
        #expect(OrionSettings(off).jwt == nil)
        #expect(off.notices.count == 5)
        #expect(
            off.notices.contains("RATE_LIMIT_MAX_REQUESTS does not set orion.rate-limit, because orion.auth is not jwt")
        )
        #expect(HTTPSettings(off).listeners.map(\.description) == ["127.0.0.1:4000"])
        #expect(LogSettings(off).format == .json)

        let on = try resolve(flags: [("orion.auth", "jwt", "--orion-auth")], environment: variables)
        let orion = OrionSettings(on)
        #expect(orion.rateLimit == 5)
        #expect(orion.allowedOrigins == ["https://a.example", "https://b.example"])
        #expect(orion.originPatterns.isEmpty)
        #expect(orion.jwt?.secret == "hush-hush")
        #expect(orion.jwt?.issuer == "me")
        #expect(orion.jwt?.audience == "orion-core")
        #expect(orion.jwt?.authorizedUsers == ["ann@example.com"])
        #expect(on.notices.isEmpty)
    }

    @Test func modesHaveDefaultsOfTheirOwn() throws {
        let jwt = try resolve(set: ["orion.auth": "jwt"], environment: ["CHAT_ORION_JWT_SECRET": "s"])
        #expect(OrionSettings(jwt).rateLimit == 100)
        let edge = try resolve(set: ["store.profile": "edge", "store.cache-bytes": "1MiB"])
        #expect(StoreSettings(edge).headBytes == 8 << 20)
        #expect(StoreSettings(edge).cacheBytes == 1 << 20)
    }

    @Test func ourNameWinsOverTheOriginals() throws {
        let configuration = try resolve(environment: ["CHAT_HTTP_LISTEN": "127.0.0.1:1", "PORT": "2"])
        #expect(HTTPSettings(configuration).listeners.map(\.description) == ["127.0.0.1:1"])
        #expect(configuration.notices == ["PORT is ignored, because CHAT_HTTP_LISTEN is set"])
    }

    @Test func retentionIsBySurfaceAndTenant() throws {
        let configuration = try resolve(set: [
            "retention.orion": "365d", "retention.tenants": "llm:acme=30d, a=b=0,x=1s",
        ])
        let policy = RetentionPolicy(RetentionSettings(configuration))
        #expect(policy.classes[RetentionClass.orion.rawValue] == 365 * 86_400)
        #expect(policy.classes[RetentionClass.llm.rawValue] == 0)
        #expect(policy.tenants == ["llm:acme": 30 * 86_400, "a=b": 0, "x": 1])
        // Only aivo's original has a term.
        let standard = RetentionPolicy(RetentionSettings(try resolve())).classes.filter { $0.value > 0 }
        #expect(standard == [RetentionClass.aivo.rawValue: 365 * 86_400])
        for text in ["acme", "=3d", "acme=", "acme=3", "acme=500ms", "acme=99999999999d"] {
            #expect(problems { try resolve(set: ["retention.tenants": text]) }.first?.contains("acme=30d") == true)
        }
        #expect(
            problems { try resolve(set: ["retention.orion": "500ms"]) }.first?.contains("less than a second") == true)
        let options = StoreOptions(
            StoreSettings(
                try resolve(set: [
                    "store.scrub-interval": "1d", "store.scrub-bytes-per-second": "1MiB",
                    "store.compaction-bytes-per-second": "0", "store.erasure-deadline": "1h",
                ])))
        #expect(options.scrubSeconds == 86_400 && options.scrubBytesPerSecond == 1 << 20)
        #expect(options.compactionBytesPerSecond == 0 && options.erasureDeadlineSeconds == 3600)
    }

    @Test func contradictionsAreErrors() {
        #expect(problems { try resolve(set: ["orion.auth": "jwt"]) }.first?.contains("ORION_SHARED_JWT_SECRET") == true)
        #expect(
            problems { try resolve(set: ["http.tls-cert": "c.pem"]) }
                == ["http.tls-cert is set without http.tls-key; TLS needs both"])
        #expect(problems { try resolve(set: ["admin.listen": "0.0.0.0:9"]) }.first?.contains("loopback") == true)
        #expect(
            problems { try resolve(set: ["http.listen": "127.0.0.1:9 127.0.0.1:9=orion"]) }
                == ["two listeners have the same address, 127.0.0.1:9"])
        #expect(problems { try resolve(set: ["http.listen": "127.0.0.1:0 127.0.0.1:0"]) }.isEmpty)
    }

    @Test func riskySettingsAreNoted() throws {
        #expect(try resolve(set: ["store.sync": "buffered"]).notices.count == 1)
        #expect(try resolve(set: ["http.listen": "0.0.0.0:3002=orion"]).notices.count == 1)
        #expect(try resolve(set: ["http.listen": "0.0.0.0:3002=llm"]).notices.count == 1)
        #expect(try resolve(set: ["http.listen": "0.0.0.0:3002"]).notices.count == 2)
        let jwt = try resolve(
            set: ["http.listen": "0.0.0.0:3002=orion", "orion.auth": "jwt", "orion.authorized-users": "a"],
            environment: ["CHAT_ORION_JWT_SECRET": "s"])
        #expect(jwt.notices.isEmpty)
    }

    @Test func repeatedListenFlagsAddUp() throws {
        let configuration = try resolve(
            flags: [("http.listen", "127.0.0.1:1=orion", "--listen"), ("http.listen", "[::1]:2", "--listen")])
        #expect(HTTPSettings(configuration).listeners.map(\.description) == ["127.0.0.1:1=orion", "[::1]:2"])
    }
}

@Suite struct SecretTests {
    private let secret = "correct-horse-battery"

    @Test func aFlagMayNotCarryASecret() {
        let found = problems { try resolve(set: ["orion.jwt-secret": secret]) }
        #expect(found.count == 1)
        #expect(found.first?.contains("CHAT_ORION_JWT_SECRET") == true)
        #expect(!found.joined().contains(secret))
    }

    @Test func aSecretIsNeverShown() throws {
        let configuration = try resolve(environment: ["CHAT_ORION_JWT_SECRET": secret])
        #expect(configuration.effective("orion.jwt-secret").text == "(set)")
        #expect(configuration.settings.allSatisfy { !$0.text.contains(secret) })
        let fromList = problems { try resolve(file: "{ orion: { 'jwt-secret': ['\(secret)'] } }") }
        #expect(fromList == ["f.json5:1: orion.jwt-secret: is not a text"])
    }

    @Test func aReadableFileWithASecretIsNoted() throws {
        let text = "{ orion: { auth: 'jwt', 'jwt-secret': 's', 'authorized-users': ['a'] } }"
        let open = try SettingsFile(path: "f", text: text, isReadableByOthers: true)
        let closed = try SettingsFile(path: "f", text: text, isReadableByOthers: false)
        #expect(try Configuration.resolve(overrides: [], file: open, environment: [:]).notices.count == 1)
        #expect(try Configuration.resolve(overrides: [], file: closed, environment: [:]).notices.isEmpty)
    }
}

/// A configuration of these sources; the file is called `f.json5`.
func resolve(
    set: [String: String] = [:], flags: [(key: String, text: String, flag: String)] = [], file: String? = nil,
    environment: [String: String] = [:]
) throws(ConfigurationError) -> Configuration {
    var overrides = flags.map { SettingOverride(key: $0.key, text: $0.text, flag: $0.flag) }
    overrides += set.sorted { $0.key < $1.key }.map { SettingOverride(key: $0.key, text: $0.value, flag: "--set") }
    var settingsFile: SettingsFile?
    if let file { settingsFile = try SettingsFile(path: "f.json5", text: file) }
    return try Configuration.resolve(overrides: overrides, file: settingsFile, environment: environment)
}

/// What the configuration error of `body` lists; empty without an error.
func problems(_ body: () throws -> Configuration) -> [String] {
    do {
        _ = try body()
        return []
    } catch let error as ConfigurationError {
        return error.problems
    } catch {
        return ["another error: \(error)"]
    }
}
