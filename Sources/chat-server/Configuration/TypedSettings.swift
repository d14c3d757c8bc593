/// What each part of the server is told, read once from the configuration.

struct HTTPSettings: Sendable {
    let listeners: [Listener]
    /// 0: one for each core.
    let loops: Int
    let maximumConnections: Int
    let maximumBodyBytes: Int
    let headerBytes: Int
    let idleTimeout: Duration
    let readTimeout: Duration
    /// Both or none; paths of PEM files.
    let tls: (certificatePath: String, keyPath: String)?
    let trustedProxies: [AddressBlock]

    init(_ configuration: Configuration) {
        guard case .listeners(let listeners) = configuration.effective("http.listen").value,
            case .addressBlocks(let trustedProxies) = configuration.effective("http.trust-proxy").value
        else { preconditionFailure("the table declares other types") }
        self.listeners = listeners
        self.trustedProxies = trustedProxies
        loops = configuration.integer("http.loops")
        maximumConnections = configuration.integer("http.max-connections")
        maximumBodyBytes = configuration.integer("http.max-body-bytes")
        headerBytes = configuration.integer("http.header-bytes")
        idleTimeout = configuration.duration("http.idle-timeout")
        readTimeout = configuration.duration("http.read-timeout")
        if let certificatePath = configuration.optionalText("http.tls-cert"),
            let keyPath = configuration.optionalText("http.tls-key")
        {
            tls = (certificatePath, keyPath)
        } else {
            tls = nil
        }
    }
}

struct StoreSettings: Sendable {
    enum Profile: String, Sendable { case server, edge }

    /// nil when none was given.
    let dataDirectory: String?
    /// Writes are answered before they are on the disk.
    let isBuffered: Bool
    let profile: Profile
    let headBytes: Int
    let logFileBytes: Int
    let cacheBytes: Int
    let readThreads: Int
    let softLimitPercent: Int
    let softLimitBytes: Int
    /// Whole seconds.
    let deletionGrace: Duration
    let logRetention: Duration
    let acceptsPrefix: Bool
    /// Whole seconds, like the next one; zero: never.
    let erasureDeadline: Duration
    let scrubInterval: Duration
    let scrubBytesPerSecond: Int
    let compactionBytesPerSecond: Int

    init(_ configuration: Configuration) {
        guard let profile = Profile(rawValue: configuration.text("store.profile")) else {
            preconditionFailure("the table declares other profiles")
        }
        self.profile = profile
        dataDirectory = configuration.optionalText("store.data-dir")
        isBuffered = configuration.text("store.sync") == "buffered"
        headBytes = configuration.integer("store.head-bytes")
        logFileBytes = configuration.integer("store.log-file-bytes")
        cacheBytes = configuration.integer("store.cache-bytes")
        readThreads = configuration.integer("store.read-threads")
        softLimitPercent = configuration.integer("store.soft-limit-percent")
        softLimitBytes = configuration.integer("store.soft-limit-bytes")
        logRetention = .seconds(configuration.duration("store.log-retention").components.seconds)
        deletionGrace = .seconds(configuration.duration("store.deletion-grace").components.seconds)
        acceptsPrefix = configuration.boolean("store.accept-prefix")
        erasureDeadline = .seconds(configuration.duration("store.erasure-deadline").components.seconds)
        scrubInterval = .seconds(configuration.duration("store.scrub-interval").components.seconds)
        scrubBytesPerSecond = configuration.integer("store.scrub-bytes-per-second")
        compactionBytesPerSecond = configuration.integer("store.compaction-bytes-per-second")
    }
}

struct RetentionSettings: Sendable {
    /// Seconds by surface; 0: for ever.
    let surfaces: [(surface: String, seconds: Int)]
    let tenants: [TenantRetention]

    init(_ configuration: Configuration) {
        surfaces = Setting.surfaceNames.map {
            ($0, Int(configuration.duration("retention.\($0)").components.seconds))
        }
        tenants = configuration.list("retention.tenants").compactMap { TenantRetention($0) }
    }
}

struct OrionSettings: Sendable {
    struct JWT: Sendable {
        let secret: String
        let issuer: String
        let audience: String
        /// In lower case; empty lets every subject in.
        let authorizedUsers: [String]
    }

    /// nil: no authentication.
    let jwt: JWT?
    /// Requests a window; 0 is no limit.
    let rateLimit: Int
    let rateWindow: Duration
    let allowedOrigins: [String]
    /// Each has exactly one `*`.
    let originPatterns: [String]

    init(_ configuration: Configuration) {
        if configuration.text("orion.auth") == "jwt" {
            jwt = JWT(
                secret: configuration.text("orion.jwt-secret"), issuer: configuration.text("orion.jwt-issuer"),
                audience: configuration.text("orion.jwt-audience"),
                authorizedUsers: configuration.list("orion.authorized-users").map { $0.lowercased() })
        } else {
            jwt = nil
        }
        rateLimit = configuration.integer("orion.rate-limit")
        rateWindow = configuration.duration("orion.rate-window")
        allowedOrigins = configuration.list("orion.allowed-origins")
        originPatterns = configuration.list("orion.origin-patterns")
    }
}

struct LogSettings: Sendable {
    enum Format: String, Sendable { case auto, json, human }

    let level: LogLevel
    let format: Format

    init(_ configuration: Configuration) {
        guard let level = LogLevel(name: configuration.text("log.level")),
            let format = Format(rawValue: configuration.text("log.format"))
        else { preconditionFailure("the table declares other words") }
        self.level = level
        self.format = format
    }
}

struct AdminSettings: Sendable {
    /// nil: no admin listener.
    let address: SocketAddress?

    init(_ configuration: Configuration) {
        guard case .address(let address) = configuration.effective("admin.listen").value else {
            address = nil
            return
        }
        self.address = address
    }
}

extension Configuration {
    /// Settings that are right one by one and wrong together.
    func contradictions() -> [String] {
        var problems: [String] = []
        let hasCertificate = optionalText("http.tls-cert") != nil
        if hasCertificate != (optionalText("http.tls-key") != nil) {
            problems.append(
                hasCertificate
                    ? "http.tls-cert is set without http.tls-key; TLS needs both"
                    : "http.tls-key is set without http.tls-cert; TLS needs both")
        }
        if text("orion.auth") == "jwt", optionalText("orion.jwt-secret") == nil {
            problems.append(
                "orion.auth is jwt and no secret is configured; set ORION_SHARED_JWT_SECRET (or CHAT_ORION_JWT_SECRET)")
        }
        if text("llm.responder") == "openai" {
            if optionalText("llm.model") == nil {
                problems.append("llm.responder is openai and no model is configured; set CHAT_LLM_MODEL")
            }
            let url = text("llm.base-url")
            if !url.hasPrefix("http://"), !url.hasPrefix("https://") {
                problems.append("llm.base-url: \"\(url)\" is not an http or https URL")
            }
        }
        problems += eventContradictions() + aivoContradictions()
        if let admin = AdminSettings(self).address, !admin.isLoopback {
            problems.append("admin.listen: \(admin) is not a loopback address; metrics are for this machine only")
        }
        // Cut to whole seconds it would be the 0 that means something else.
        for key in Setting.surfaceNames.map({ "retention.\($0)" }) + ["store.scrub-interval"]
        where duration(key) > .zero && duration(key) < .seconds(1) {
            problems.append("\(key): less than a second is none; 0 turns it off")
        }
        let listeners = HTTPSettings(self).listeners.map(\.address) + [AdminSettings(self).address].compactMap { $0 }
        for (index, address) in listeners.enumerated() where address.port != 0 && listeners[..<index].contains(address)
        {
            problems.append("two listeners have the same address, \(address)")
        }
        return problems
    }

    /// What works and is still worth a line in the log.
    func warnings() -> [String] {
        var warnings: [String] = []
        if text("store.sync") == "buffered" {
            warnings.append("store.sync is buffered: writes are answered before they are on the disk")
        }
        if boolean("store.accept-prefix") {
            warnings.append(
                "store.accept-prefix is on: a damaged log is cut at the damage; turn it off after this start")
        }
        let jwt = text("orion.auth") == "jwt"
        for listener in HTTPSettings(self).listeners
        where !jwt && !listener.address.isLoopback && (listener.surfaces.isEmpty || listener.surfaces.contains("orion"))
        {
            warnings.append(
                "\(listener.address) serves orion to other machines without authentication; see --orion-auth jwt")
        }
        for listener in HTTPSettings(self).listeners
        where !listener.address.isLoopback && (listener.surfaces.isEmpty || listener.surfaces.contains("llm")) {
            warnings.append(
                "\(listener.address) serves llm to other machines; its identity headers carry no secret, so put a proxy "
                    + "that sets them in front")
        }
        if boolean("poc.insecure-tokens") {
            warnings.append("poc.insecure-tokens is on: /auth/token gives anybody a token for any user")
        }
        for listener in HTTPSettings(self).listeners
        where text("poc.auth") == "off" && !listener.address.isLoopback
            && (listener.surfaces.isEmpty || listener.surfaces.contains("poc"))
        {
            warnings.append("\(listener.address) serves poc to other machines without authentication; see poc.auth")
        }
        if jwt && list("orion.authorized-users").isEmpty {
            warnings.append("orion.authorized-users is empty: every subject with a valid token is let in")
        }
        return warnings
    }
}
