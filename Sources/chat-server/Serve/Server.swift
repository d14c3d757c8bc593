internal import ChatAPI
internal import ChatEngine
internal import Events
internal import Glibc
internal import HTTPTransport
internal import LogStore
internal import Synchronization
internal import Upstream

/// Everything that `serve` runs, put together: store, engine, surfaces, listeners.
///
/// Started bottom up and stopped top down: listeners drain first, then the readers end, then the log is sealed. What can
/// be found wrong without the store is looked at before it is opened, because opening writes.
final class Server: Sendable {
    let store: LogStore
    let engine: ChatEngine
    private let http: HTTPServer
    private let directory: String
    let logger: Logger
    private let draining = Atomic<Bool>(false)
    private let timers = TimerThread()
    private let boundPorts = Mutex<[UInt16]>([])
    /// Set if events go anywhere.
    let relay = Mutex<EventRelay?>(nil)
    /// Ends what clients listen to without an end; set while it is served.
    private let stopListening = Mutex<@Sendable () -> Void>({})
    /// Set while surfaces are served that stream replies.
    private let stopStreams = Mutex<@Sendable () -> Void>({})
    /// Set once it is served.
    private let poc = Mutex<POCService?>(nil)

    /// Of the listeners, in their order.
    var ports: [UInt16] { boundPorts.withLock { $0 } }

    /// Opens the store and listens.
    /// - Parameter request: told when the store fails while it is served.
    init(
        _ configuration: Configuration, directory: String, _ logger: Logger, _ request: StopRequest
    ) throws(CommandFailure) {
        self.directory = directory
        self.logger = logger
        let settings = HTTPSettings(configuration)
        let storeSettings = StoreSettings(configuration)
        var options = StoreOptions(storeSettings)
        options.retention = RetentionPolicy(RetentionSettings(configuration))
        options.feedLagBytes = UInt64(EventSettings(configuration).maximumLagBytes)
        let clock = LiveClock()
        try Self.checkAddresses(settings, AdminSettings(configuration))
        http = try Self.makeHTTP(settings)
        store = try Self.openStore(directory, options, clock, logger, request)
        engine = ChatEngine(
            store: store, clock: clock, random: SystemRandom(),
            readers: ReaderPool(threads: storeSettings.readThreads),
            durability: storeSettings.isBuffered ? .buffered : .durable)
        do throws(CommandFailure) {
            let secret = try ServerSecret.loadOrMake(in: directory)
            try listen(configuration, settings, clock, secret: secret)
        } catch {
            http.drain(deadline: .zero)
            endReplies()
            engine.close()
            try? store.close()
            throw error
        }
    }

    private static func checkAddresses(_ settings: HTTPSettings, _ admin: AdminSettings) throws(CommandFailure) {
        for address in settings.listeners.map(\.address) + [admin.address].compactMap({ $0 }) {
            do throws(HTTPServerError) { try address.checkFree() } catch { throw CommandFailure(error) }
        }
    }

    private static func openStore(
        _ directory: String, _ options: StoreOptions, _ clock: LiveClock, _ logger: Logger, _ request: StopRequest
    ) throws(CommandFailure) -> LogStore {
        do {
            let disk = try LiveDisk(path: directory, createIfMissing: true)
            return try LogStore.open(
                disk: disk, clock: clock, random: SystemRandom(), options: options
            ) { event in
                logger.log(LogEvent(event))
                if case .poisoned(let reason) = event { request.stop(.storeFailed(reason)) }
            }
        } catch let error as LogStoreError {
            throw CommandFailure(error, directory: directory)
        } catch let error as DiskError {
            throw CommandFailure(.io(error), directory: directory)
        } catch {
            throw CommandFailure(.failure, "\(directory): \(error)")
        }
    }

    private static func makeHTTP(_ settings: HTTPSettings) throws(CommandFailure) -> HTTPServer {
        var configuration = HTTPServer.Configuration()
        if settings.loops > 0 { configuration.loops = settings.loops }
        configuration.limits.connections = settings.maximumConnections
        configuration.limits.bodyBytes = settings.maximumBodyBytes
        configuration.limits.headerBytes = settings.headerBytes
        configuration.limits.idleTimeoutSeconds = max(1, Int(settings.idleTimeout.components.seconds))
        let read = Int(settings.readTimeout / .milliseconds(1))
        configuration.limits.headerTimeoutMilliseconds = read
        configuration.limits.bodyTimeoutMilliseconds = read
        if let tls = settings.tls {
            configuration.tls = TLSCertificate(
                certificatePEM: try readPEM(tls.certificatePath), keyPEM: try readPEM(tls.keyPath))
        }
        do throws(HTTPServerError) { return try HTTPServer(configuration: configuration) } catch {
            throw CommandFailure(error)
        }
    }

    static func readPEM(_ path: String) throws(CommandFailure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(.configuration, "\(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            if count <= 0 { break }
            filled += count
        }
        return String(decoding: bytes[..<filled], as: UTF8.self)
    }

    private func listen(
        _ configuration: Configuration, _ settings: HTTPSettings, _ clock: LiveClock, secret: [UInt8]
    ) throws(CommandFailure) {
        let registry = MetricsRegistry()
        registry.register(store)
        try startEvents(configuration, registry, clock)
        let metrics = RequestMetrics(registry: registry)
        let orion = OrionSurface(
            engine: engine,
            configuration: OrionConfiguration(OrionSettings(configuration), settings, store.id, logger))
        let llmSettings = LLMSettings(configuration)
        let llm = LLMSurface(
            engine: engine, configuration: LLMConfiguration(llmSettings, logger),
            responder: try responder(llmSettings), timers: timers)
        do throws(ChatError) { try llm.recoverStreams() } catch {
            throw CommandFailure(.failure, "\(directory): the replies of the last run cannot be read: \(error)")
        }
        stopStreams.withLock { stop in
            stop = { [next = stop] in
                llm.stopStreams()
                next()
            }
        }
        let key = ServerSecret.tokenKey(
            of: "poc", configured: configuration.optionalText("poc.jwt-secret"), secret: secret)
        let poc = try POCService(configuration, secret: key, engine, http, timers, logger)
        self.poc.withLock { $0 = poc }
        let aivo = try makeAIVO(configuration, settings, directory: directory, timers: timers)
        stopListening.withLock { $0 = { aivo.surface.stopStreams() } }
        stopStreams.withLock { stop in
            stop = { [next = stop] in
                aivo.jobs.stop()
                next()
            }
        }
        // llm writes an access log of its own.
        let surfaces = [
            RequestObserver(orion, metrics: metrics, logger: logger, clock: clock).served,
            RequestObserver(llm, metrics: metrics, logger: nil, clock: clock).served,
            RequestObserver(poc.surface, metrics: metrics, logger: logger, clock: clock).served,
            RequestObserver(aivo.surface, metrics: metrics, logger: logger, clock: clock).served,
        ]
        let hasDocumentation = configuration.text("http.docs") == "on"
        for listener in settings.listeners {
            let served = surfaces.filter { listener.surfaces.isEmpty || listener.surfaces.contains($0.surface.name) }
            let servesPOC = served.contains { $0.surface === poc.surface }
            try listen(
                listener.address, tls: settings.tls != nil,
                bodyBytes: servesPOC ? max(settings.maximumBodyBytes, poc.bodyBytes) : nil,
                ServedSurface.handler(of: served, withDocumentation: hasDocumentation))
        }
        if let admin = AdminSettings(configuration).address {
            let surface = AdminSurface(
                store: store, registry: registry, operations: AdminOperations(engine: engine, logger: logger),
                compaction: CompactionOrder(store: store, logger: logger)
            ) { [self] in
                draining.load(ordering: .relaxed)
            }
            try listen(admin, tls: false, bodyBytes: AdminOperations.bodyBytes, surface.handler)
        }
    }

    private func listen(
        _ address: SocketAddress, tls: Bool, bodyBytes: Int? = nil, _ handler: @escaping Handler
    ) throws(CommandFailure) {
        do throws(HTTPServerError) {
            let port = try http.listen(
                host: address.host, port: address.port, tls: tls, bodyBytes: bodyBytes, handler: handler)
            boundPorts.withLock { $0.append(port) }
            logger.info(
                "listening",
                [("host", .string(address.host)), ("port", .integer(Int64(port))), ("tls", .boolean(tls))])
        } catch {
            throw CommandFailure(error)
        }
    }

    private func responder(_ settings: LLMSettings) throws(CommandFailure) -> any Responder {
        guard let model = settings.model else { return CannedResponder(timers: timers, random: engine.random) }
        guard HTTPClient.isBuiltIn else {
            throw CommandFailure(
                .configuration, "llm.responder is openai, and this program was built without the trait Upstream")
        }
        if let authorities = model.authorities, access(authorities, R_OK) != 0 {
            throw CommandFailure(.configuration, "llm.ca-file: \(authorities) cannot be read")
        }
        if model.sendsKeyUnencrypted {
            logger.warning("llm.base-url is plain http to another machine: the API key and the messages go unencrypted")
        }
        guard let client = HTTPClient() else { throw CommandFailure(.failure, "libcurl cannot be set up") }
        stopStreams.withLock { $0 = { client.shutDown() } }
        return OpenAIResponder(
            OpenAIConfiguration(model, replyBytes: settings.replyBytes), client: client, timers: timers,
            random: engine.random)
    }

    /// After the listeners, before the engine: what the replies still have to store must find it open.
    private func endReplies() {
        stopStreams.withLock { $0 }()
        timers.shutDown()
        poc.withLock { $0 }?.shutDown()
        relay.withLock { $0 }?.stop()
    }

    /// Answers what is in flight, seals the log. A store that has failed answers writes with an error and is not sealed.
    func stop(within deadline: Duration) throws(CommandFailure) {
        draining.store(true, ordering: .relaxed)
        poc.withLock { $0 }?.closeSockets()
        stopListening.withLock { $0 }()
        if !http.drain(deadline: deadline) { logger.warning("requests were still in flight when the time was up") }
        endReplies()
        engine.close()
        do throws(LogStoreError) { try store.close() } catch { throw CommandFailure(error, directory: directory) }
    }
}

extension StoreOptions {
    init(_ settings: StoreSettings) {
        self.init()
        if settings.profile == .edge { profile = .edge }
        headBytes = settings.headBytes
        logFileBytes = settings.logFileBytes
        cacheBytes = settings.cacheBytes
        softLimitPercent = settings.softLimitPercent
        softLimitBytes = UInt64(settings.softLimitBytes)
        deletionGraceSeconds = Int(settings.deletionGrace.components.seconds)
        logRetentionSeconds = Int(settings.logRetention.components.seconds)
        acceptPrefix = settings.acceptsPrefix
        erasureDeadlineSeconds = Int(settings.erasureDeadline.components.seconds)
        scrubSeconds = Int(settings.scrubInterval.components.seconds)
        scrubBytesPerSecond = settings.scrubBytesPerSecond
        compactionBytesPerSecond = settings.compactionBytesPerSecond
    }
}

extension RetentionPolicy {
    init(_ settings: RetentionSettings) {
        var classes: [UInt8: Int] = [:]
        for (surface, seconds) in settings.surfaces {
            guard let retention = RetentionClass(surface: surface) else {
                preconditionFailure("\(surface) has no retention class")
            }
            classes[retention.rawValue] = seconds
        }
        let tenants = Dictionary(settings.tenants.map { ($0.tenant, $0.seconds) }) { _, last in last }
        // The contract of aivo has messages expire, not threads.
        self.init(classes: classes, tenants: tenants, lastingSessions: [RetentionClass.aivo.rawValue])
    }
}

extension OrionConfiguration {
    init(_ settings: OrionSettings, _ http: HTTPSettings, _ store: StoreID, _ logger: Logger) {
        self.init()
        if let jwt = settings.jwt {
            tokens = Tokens(
                secret: Array(jwt.secret.utf8), issuer: jwt.issuer, audience: jwt.audience,
                subjects: jwt.authorizedUsers)
        }
        bodyBytes = http.maximumBodyBytes
        rateLimit = settings.rateLimit
        rateWindowSeconds = max(1, Int(settings.rateWindow.components.seconds))
        allowedOrigins = settings.allowedOrigins
        originPatterns = settings.originPatterns
        trustedProxies = http.trustedProxies.compactMap { HTTPTransport.AddressBlock($0.description) }
        database = "logstore://\(store)"
        report = { logger.error("orion: the store refused", [("reason", .string($0))]) }
    }
}
