internal import Agents
internal import ChatAPI
internal import ChatEngine
internal import HTTPTransport

/// The poc surface with what it stands on: the agents, and who checks passwords.
///
/// It ends in two steps: sockets are told before the listeners drain; the agents end after that, while the engine still
/// takes what they have to store.
final class POCService: Sendable {
    let surface: POCSurface
    /// Where the surface is served this body counts, if it is the larger one.
    let bodyBytes: Int
    private let agents: AgentOrchestrator
    private let passwords: PasswordChecker

    init(
        _ configuration: Configuration, secret: [UInt8], _ engine: ChatEngine, _ http: HTTPServer,
        _ timers: TimerThread, _ logger: Logger
    ) throws(CommandFailure) {
        let settings = POCSettings(configuration)
        guard
            let agents = AgentOrchestrator(
                engine: engine, configuration: AgentsConfiguration(settings, logger), timers: timers)
        else { throw CommandFailure(.failure, "libcurl cannot be set up") }
        self.agents = agents
        passwords = PasswordChecker(engine)
        bodyBytes = settings.bodyBytes
        var surfaceConfiguration = POCConfiguration(settings, HTTPSettings(configuration), secret: secret, logger)
        surfaceConfiguration.connections = { [weak http] in http?.connectionCount ?? 0 }
        surface = POCSurface(
            engine: engine, configuration: surfaceConfiguration,
            lifeCycle: SessionLifeCycle.Settings(
                idleMicroseconds: UInt64(settings.sessionLifetime / .microseconds(1)),
                sessionsPerOwner: settings.sessionsPerUser),
            agents: agents, passwords: passwords, timers: timers)
        surface.start()
    }

    func closeSockets() { surface.closeSockets() }

    /// After the listeners have drained, before the engine is closed. Call once.
    func shutDown() {
        passwords.shutDown()
        agents.shutDown()
        surface.shutDown()
    }
}

extension POCConfiguration {
    init(_ settings: POCSettings, _ http: HTTPSettings, secret: [UInt8], _ logger: Logger) {
        self.init(secret: secret)
        enforcesAuthentication = settings.enforcesAuthentication
        issuesInsecureTokens = settings.issuesInsecureTokens
        tokenLifetimeSeconds = Int(settings.tokenLifetime.components.seconds)
        tokenLifetime = settings.tokenLifetimeText
        allowedOrigins = settings.allowedOrigins
        trustedProxies = http.trustedProxies.compactMap { HTTPTransport.AddressBlock($0.description) }
        bodyBytes = settings.bodyBytes
        messageUnits = settings.messageUnits
        messageRate = settings.messageRate
        messageWindowSeconds = max(1, Int(settings.messageWindow.components.seconds))
        apiRate = settings.rate
        apiWindowSeconds = max(1, Int(settings.rateWindow.components.seconds))
        authRate = settings.authRate
        serviceVersion = settings.serviceVersion
        environment = settings.environment
        logLevel = "\(logger.level)"
        pingIntervalMilliseconds = Int(settings.pingInterval.wholeMilliseconds)
        pingTimeoutMilliseconds = Int(settings.pingTimeout.wholeMilliseconds)
        sockets = http.maximumConnections
        sweepMicroseconds = UInt64(settings.sweepInterval / .microseconds(1))
        let own = http.listeners.first { $0.surfaces.isEmpty || $0.surfaces.contains("poc") }
        if let own { port = Int(own.address.port) }
        let urls = [
            ("apiGateway", settings.gatewayURL), ("bankingService", settings.bankingURL),
            ("nlpService", settings.nlpURL), ("nluService", settings.nluURL), ("mcpService", settings.mcpURL),
        ]
        services = urls.compactMap { name, url in url.map { (name, $0) } }
        log = { logger.log(LogEvent($0, surface: "poc")) }
    }
}

extension AgentsConfiguration {
    init(_ settings: POCSettings, _ logger: Logger) {
        self.init()
        bankingServiceURL = settings.bankingURL
        nlpServiceURL = settings.nlpURL
        nluServiceURL = settings.nluURL
        mcpServiceURL = settings.mcpURL
        agentResponseTimeout = Int(settings.agentTimeout.wholeMilliseconds)
        agentRetryAttempts = settings.agentRetries
        agentFallbackEnabled = settings.escalatesToHumans
        defaultAgent = settings.defaultAgent
        nluFallbackEnabled = settings.fallsBackToKeywords
        log = { event in
            logger.log(
                LogEvent(
                    ServiceEvent(
                        .warning, "an agent failed",
                        [("agent", .string(event.agent)), ("reason", .string(event.message))]), surface: "poc"))
        }
    }
}
