internal import ChatAPI

extension LLMConfiguration {
    init(_ settings: LLMSettings, _ logger: Logger) {
        self.init()
        isolation = settings.isolatesUsers ? .user : .org
        autoProvision = settings.autoProvision
        bucketSize = settings.bucketSize
        tokensPerSecond = Double(settings.bucketRefill)
        maximumStreams = settings.maximumStreams
        replyBytes = settings.replyBytes
        environment = settings.environment
        logsDebug = logger.level <= .debug
        log = { logger.log(LogEvent($0, surface: "llm")) }
    }
}

extension OpenAIConfiguration {
    init(_ model: LLMSettings.Model, replyBytes: Int) {
        self.init(baseURL: model.baseURL, model: model.name)
        apiKey = model.apiKey
        authorities = model.authorities
        systemPrompt = model.systemPrompt
        provider = model.provider
        context.tokens = model.contextTokens
        retries = model.retries
        connectMilliseconds = Int(model.connectTimeout / .milliseconds(1))
        silenceSeconds = Int(model.silenceTimeout.components.seconds)
        totalSeconds = Int(model.replyTimeout.components.seconds)
        self.replyBytes = replyBytes
    }
}

extension LogEvent {
    init(_ event: ServiceEvent, surface: String) {
        let level: LogLevel =
            switch event.level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        self.init(
            level, event.message,
            fields: event.fields.map { name, value in
                switch value {
                case .string(let text): (name, .string(text))
                case .integer(let number): (name, .integer(Int64(number)))
                }
            })
        self.surface = surface
    }
}
