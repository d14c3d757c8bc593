internal import ChatAPI
internal import ChatEngine
internal import Glibc
internal import LogStore

extension Server {
    /// The aivo surface, with the jobs of its privacy requests under way.
    func makeAIVO(
        _ configuration: Configuration, _ http: HTTPSettings, directory: String, timers: any Timers
    ) throws(CommandFailure) -> (surface: AIVOSurface, jobs: PrivacyJobs) {
        let settings = AIVOSettings(configuration)
        let disk: LiveDisk
        do throws(DiskError) { disk = try LiveDisk(path: directory) } catch {
            throw CommandFailure(.io(error), directory: directory)
        }
        let jobs = PrivacyJobs(engine: engine, disk: disk, format: .aivo, timers: timers) { [logger] what, error in
            logger.error("aivo: \(what) failed", [("error", .string("\(error)"))])
        }
        let verifier = try AIVOKeys.verifier(settings.keys, directory: directory, logger)
        do throws(ChatError) { try jobs.start() } catch {
            throw CommandFailure(
                .failure, "\(directory): the privacy requests of the last run cannot be read: \(error)")
        }
        var wanted = AIVOConfiguration(settings, verifier: verifier, logger)
        wanted.bodyBytes = http.maximumBodyBytes
        wanted.servesDocumentation = configuration.text("http.docs") == "on"
        return (AIVOSurface(engine: engine, privacy: jobs, timers: timers, configuration: wanted), jobs)
    }
}

extension AIVOConfiguration {
    init(_ settings: AIVOSettings, verifier: TokenVerifier, _ logger: Logger) {
        self.init(verifier: verifier)
        rules = TokenClaims.Rules(issuer: settings.issuer, audience: settings.audience)
        environment = settings.environment
        requestsPerMinute = settings.requestsPerMinute
        allowedOrigins = settings.allowedOrigins
        maximumMessages = settings.maximumMessages
        retentionDays = settings.retentionDays
        trustsSenderType = settings.trustsSenderType
        announcesPrivacy = settings.announcesPrivacy
        instance = Self.instanceName
        log = { logger.log(LogEvent($0, surface: "aivo")) }
    }

    /// `chat-svc-<host>-<process>-<8 hexadecimal digits>`.
    private static var instanceName: String {
        var host = [CChar](repeating: 0, count: 256)
        gethostname(&host, host.count - 1)
        let own = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let name = getenv("HOSTNAME").map { String(cString: $0) } ?? own
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        let padding = String(repeating: "0", count: 8 - digits.count)
        return "chat-svc-\(name.isEmpty ? "unknown" : name)-\(getpid())-\(padding)\(digits)"
    }
}

/// What checks the tokens.
private enum AIVOKeys {
    static func verifier(
        _ keys: AIVOSettings.Keys, directory: String, _ logger: Logger
    ) throws(CommandFailure) -> TokenVerifier {
        switch keys {
        case .secret(let configured):
            if configured == nil {
                logger.info(
                    "aivo: no JWT_SECRET_KEY is set; tokens are checked with a key derived from the server's own")
            }
            let secret = try ServerSecret.loadOrMake(in: directory)
            return TokenVerifier(secret: ServerSecret.tokenKey(of: "aivo", configured: configured, secret: secret))
        case .publicKey(let algorithm, let path):
            let pem = try Server.readPEM(path)
            return try publicKeys(algorithm, path) { (algorithm) throws(TokenKeySet.Problem) in
                try TokenKeySet(algorithm, pem: pem)
            }
        case .keySet(let algorithm, let path):
            let text = Array(try Server.readPEM(path).utf8)
            return try publicKeys(algorithm, path) { (algorithm) throws(TokenKeySet.Problem) in
                try TokenKeySet(algorithm, jwks: text)
            }
        }
    }

    private static func publicKeys(
        _ algorithm: String, _ path: String, _ read: (TokenKeySet.Algorithm) throws(TokenKeySet.Problem) -> TokenKeySet
    ) throws(CommandFailure) -> TokenVerifier {
        guard let algorithm = TokenKeySet.Algorithm(rawValue: algorithm) else {
            throw CommandFailure(.configuration, "aivo.jwt-algorithm: \(algorithm) has no public keys")
        }
        do throws(TokenKeySet.Problem) { return TokenVerifier(keys: try read(algorithm)) } catch {
            throw CommandFailure(.configuration, "\(path): \(error.description)")
        }
    }
}
