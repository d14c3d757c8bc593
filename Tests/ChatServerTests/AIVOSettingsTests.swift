import Testing

@testable import chat_server

/// The aivo surface's settings, under the service's own names too.
@Suite struct AIVOSettingsTests {
    @Test func defaults() throws {
        let configuration = try resolve()
        let settings = AIVOSettings(configuration)
        #expect(settings.environment == "development")
        #expect(settings.requestsPerMinute == 60)
        #expect(settings.allowedOrigins == nil)
        #expect(settings.maximumMessages == 1000)
        #expect(settings.retentionDays == 365)
        #expect(settings.trustsSenderType)
        guard case .secret(nil) = settings.keys else { return #expect(Bool(false)) }
        let retention = RetentionSettings(configuration).surfaces.map { "\($0.surface) \($0.seconds)" }
        #expect(retention == ["orion 0", "llm 0", "poc 0", "aivo \(365 * 86_400)"])
        #expect(configuration.text("http.docs") == "on")
    }

    /// Both spellings, as the service has them in its environment.
    @Test(arguments: ["", "CHAT_"]) func variables(_ prefix: String) throws {
        let variables = [
            "JWT_SECRET_KEY": "s3cret", "ENVIRONMENT": "production", "RATE_LIMIT_REQUESTS_PER_MINUTE": "7",
            "CORS_ORIGINS": #"["https://a.test", "https://b.test"]"#, "MESSAGE_RETENTION_DAYS": "30",
            "MAX_MESSAGES_PER_THREAD": "5", "PORT": "8000", "LOG_LEVEL": "WARNING",
        ]
        let configuration = try resolve(
            environment: Dictionary(uniqueKeysWithValues: variables.map { (prefix + $0.key, $0.value) }))
        let settings = AIVOSettings(configuration)
        guard case .secret("s3cret") = settings.keys else { return #expect(Bool(false)) }
        #expect(settings.environment == "production")
        #expect(settings.requestsPerMinute == 7)
        #expect(settings.allowedOrigins == ["https://a.test", "https://b.test"])
        #expect(settings.maximumMessages == 5)
        #expect(settings.retentionDays == 30)
        #expect(configuration.text("http.docs") == "off")
        #expect(HTTPSettings(configuration).listeners.map(\.description) == ["127.0.0.1:8000"])
        #expect(LogSettings(configuration).level == .warning)
    }

    @Test func thePrefixedVariableWins() throws {
        let configuration = try resolve(environment: [
            "ENVIRONMENT": "e1", "CHAT_ENVIRONMENT": "e2", "MAX_MESSAGES_PER_THREAD": "3",
            "CHAT_MAX_MESSAGES_PER_THREAD": "7", "PRIVACY_ENABLED": "false",
        ])
        let settings = AIVOSettings(configuration)
        #expect(settings.environment == "e2")
        #expect(settings.maximumMessages == 7)
        #expect(!settings.announcesPrivacy)
        #expect(configuration.notices.contains("ENVIRONMENT is ignored, because CHAT_ENVIRONMENT is set"))
    }

    @Test func notations() throws {
        func origins(_ text: String) throws -> [String]? {
            AIVOSettings(try resolve(environment: ["CORS_ORIGINS": text])).allowedOrigins
        }
        #expect(try origins(#"["*"]"#) == nil)
        #expect(try origins("https://a.test,https://b.test") == ["https://a.test", "https://b.test"])
        #expect(try origins("https://a.test") == ["https://a.test"])
        let forever = try resolve(environment: ["MESSAGE_RETENTION_DAYS": "0"])
        #expect(RetentionSettings(forever).surfaces.last?.seconds == 0)
        #expect(AIVOSettings(try resolve(environment: ["ENABLE_RATE_LIMITING": "false"])).requestsPerMinute == 0)
        let shown = try resolve(set: ["http.docs": "on"], environment: ["ENVIRONMENT": "production"])
        #expect(shown.text("http.docs") == "on")
        #expect(problems { try resolve(environment: ["MESSAGE_RETENTION_DAYS": "soon"]) }.count == 1)
    }

    @Test func variablesOfWhatIsNotHere() throws {
        let notices = try resolve(environment: ["DATABASE_URL": "postgres://", "REDIS_URL": "redis://"]).notices
        #expect(notices.count == 2)
        #expect(notices.allSatisfy { $0.contains("is ignored") })
        #expect(try resolve(environment: ["CHAT_DATABASE_URL": "postgres://"]).notices.count == 1)
    }

    @Test(arguments: [
        (["JWT_ALGORITHM": "RS256"], "no key is configured"),
        (["JWT_PUBLIC_KEY_FILE": "/k"], "aivo.jwt-algorithm is hs256"),
        (["JWT_ALGORITHM": "ES256", "JWT_PUBLIC_KEY_FILE": "/k", "JWT_JWKS_FILE": "/j"], "are both set"),
        (["JWT_ALGORITHM": "none"], "is not one of hs256, rs256, es256"),
    ]) func contradictions(_ variables: [String: String], _ expected: String) {
        let found = problems { try resolve(environment: variables) }
        #expect(found.count == 1)
        #expect(found.first?.contains(expected) == true, "\(found)")
    }

    @Test func publicKeys() throws {
        let settings = AIVOSettings(try resolve(environment: ["JWT_ALGORITHM": "RS256", "JWT_JWKS_FILE": "/keys"]))
        guard case .keySet("RS256", "/keys") = settings.keys else { return #expect(Bool(false)) }
    }
}
