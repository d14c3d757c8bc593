internal import Agents
internal import ChatEngine
internal import HTTPTransport
internal import LogStore

/// The service itself: what it is, its health, its agents.
extension POCCall {
    func describeService() {
        var services = JSONObject()
        for service in configuration.services { services[service.name] = .string(service.url) }
        answer(
            POCReply(
                200,
                [
                    "service": .string(POCService.fullName), "version": .string(configuration.serviceVersion),
                    "description": .string("Real-time chat processing backend with agent orchestration"),
                    "status": .string("operational"),
                    "endpoints": .object([
                        "health": .string("/health"), "auth": .string("/auth"), "api": .string("/api"),
                        "websocket": .string("/socket.io"),
                    ]),
                    "features": .array(Self.features.map { .string($0) }), "microservices": .object(services),
                ]))
    }

    private static let features = [
        "Real-time messaging via WebSocket", "Multi-agent orchestration", "Banking service integration",
        "NLP/NLU processing", "Session management", "JWT authentication", "Rate limiting",
        "Conversation persistence",
    ]

    // MARK: Agents

    func listAgents() {
        let statuses = surface.turns.agents.statuses
        answer(
            POCReply(
                200,
                [
                    "agents": .array(statuses.map { .object(Self.agent($0)) }),
                    "summary": .object(Self.summary(statuses)),
                ]
            ))
    }

    private static func agent(_ status: AgentStatus) -> JSONObject {
        [
            "id": .string(status.name.id), "name": .string(status.name.title), "type": .string(status.name.type),
            "isActive": .bool(status.isActive), "isHealthy": .bool(status.isHealthy),
            "currentLoad": .number(Double(status.currentLoad)),
            "totalRequests": .number(Double(status.totalRequests)), "successRate": .number(status.successRate),
        ]
    }

    private static func summary(_ statuses: [AgentStatus]) -> JSONObject {
        [
            "totalAgents": .number(Double(statuses.count)),
            "activeAgents": .number(Double(statuses.count { $0.isActive })),
            "healthyAgents": .number(Double(statuses.count { $0.isHealthy })),
        ]
    }

    /// Asks the agents for another service. Nothing is stored but what an agent itself does for the named user.
    func processMessage() throws(POCReply) {
        guard let message = body.object("message"), let info = body.object("sessionInfo") else {
            throw .error(400, "Message and session info required")
        }
        let failure = "Message processing failed"
        guard let content = message["content"]?.string, !content.isEmpty else {
            throw .error(400, failure, ["details": .string("message.content must be a string")])
        }
        var user = caller.userID ?? "anonymous"
        if let named = info["userId"] ?? message["userId"], named.isTruthy { user = try owner(named) }
        let now = engine.clock.now()
        let turn = AgentTurn(
            messageID: message["id"]?.string ?? POCIdentifier.make("msg", engine),
            sessionID: info["sessionId"]?.string ?? message["sessionId"]?.string ?? "", userID: user, text: content,
            type: message["type"]?.string ?? "text", receivedAt: now, message: message,
            state: body.object("conversationContext") ?? [:],
            conversationContext: body.object("conversationContext") ?? [:], access: caller.access)
        surface.turns.ask(turn, { answer($0, session: "", failure: failure) }) { [self] result in
            answer(
                POCReply(
                    200,
                    [
                        "success": .bool(true), "result": .object(result.aggregate),
                        "timestamp": .string(engine.clock.now().isoMilliseconds),
                        "processingTime": .number(Double(result.processingMilliseconds)),
                    ]))
        }
    }

    // MARK: Health

    /// Down is a store that refuses to go on; a full disk only degrades it. Probes get 200 all the same.
    func health() {
        let status = engine.status
        let isUp = status.failure == nil
        let counts = surface.lifeCycle.currentCounts
        let memory = Self.memory()
        let uptime = JSONValue.number(surface.uptimeSeconds)
        let statuses = surface.turns.agents.statuses
        answer(
            POCReply(
                200,
                [
                    "status": .string(isUp && status.isAcceptingAppends ? "healthy" : "degraded"),
                    "timestamp": .string(engine.clock.now().isoMilliseconds), "service": .string(POCService.name),
                    "version": .string(configuration.serviceVersion), "uptime": uptime,
                    "environment": .string(configuration.environment),
                    "port": .number(Double(configuration.port)),
                    "dependencies": .object([
                        "database": .object([
                            "status": .string(isUp ? "connected" : "disconnected"),
                            // Of a write: the mean time of a sync.
                            "responseTime": .number(Self.syncMilliseconds(status)), "type": .string("logstore"),
                            "acceptsWrites": .bool(isUp && status.isAcceptingAppends),
                        ])
                    ]),
                    "memory": memory, "activeConnections": .number(Double(configuration.connections())),
                    "services": .object([
                        "chatService": .object([
                            "status": .string("healthy"), "activeSessions": .number(Double(counts.active)),
                            "activeChats": .number(Double(counts.active)),
                            "totalMessageHistory": .number(Double(status.storedEntries)), "uptime": uptime,
                            "memoryUsage": memory,
                        ]),
                        "agentOrchestrator": .object(orchestrator(statuses, uptime)),
                        "sessionManager": .object(sessionManager(status, counts, uptime, memory)),
                        "socketHandler": .object(surface.sockets.health(uptime: uptime)),
                    ]),
                ]))
    }

    private static func syncMilliseconds(_ status: StoreStatus) -> Double {
        let statistics = status.statistics
        guard statistics.logSyncs > 0 else { return 0 }
        return (Double(statistics.syncMicroseconds) / Double(statistics.logSyncs)).rounded() / 1000
    }

    private func orchestrator(_ statuses: [AgentStatus], _ uptime: JSONValue) -> JSONObject {
        var object: JSONObject = ["status": .string("healthy")]
        let summary = Self.summary(statuses)
        for (key, value) in zip(summary.keys, summary.values) { object[key] = value }
        object["activeConversations"] = .number(Double(statuses.map(\.currentLoad).max() ?? 0))
        object["agentStatuses"] = .array(statuses.map { .object(Self.agent($0)) })
        object["uptime"] = uptime
        return object
    }

    private func sessionManager(
        _ status: StoreStatus, _ counts: SessionLifeCycle.Counts, _ uptime: JSONValue, _ memory: JSONValue
    ) -> JSONObject {
        let mean = counts.ended > 0 ? Double(counts.endedMicroseconds / 1000) / Double(counts.ended) : 0
        return [
            "status": .string("healthy"), "totalSessions": .number(Double(status.sessionsCreated)),
            "activeSessions": .number(Double(counts.active)), "expiredSessions": .number(Double(counts.expired)),
            "uniqueUsers": .number(Double(status.usersCreated)), "averageSessionDuration": .number(mean.rounded()),
            "uptime": uptime, "memoryUsage": memory,
            "configuration": .object([
                "sessionTTL": .number(Double(surface.lifeCycle.settings.idleMicroseconds / 1000)),
                "maxSessionsPerUser": .number(Double(surface.lifeCycle.settings.sessionsPerOwner)),
                "cleanupInterval": .number(Double(configuration.sweepMicroseconds / 1000)),
                "storageType": .string("logstore"),
            ]),
        ]
    }

    func healthStatus() {
        func part(_ details: JSONObject) -> JSONValue {
            .object(["status": .string("running"), "details": .object(details)])
        }
        let counts = surface.lifeCycle.currentCounts
        let uptime = JSONValue.number(surface.uptimeSeconds)
        answer(
            POCReply(
                200,
                [
                    "service": .string(POCService.name), "version": .string(configuration.serviceVersion),
                    "status": .string("running"), "timestamp": .string(engine.clock.now().isoMilliseconds),
                    "uptime": uptime, "environment": .string(configuration.environment),
                    "configuration": .object([
                        "port": .number(Double(configuration.port)), "logLevel": .string(configuration.logLevel),
                        "sessionTTL": .number(Double(surface.lifeCycle.settings.idleMicroseconds / 1000)),
                        "maxConcurrentAgents": .number(Double(configuration.agentThreads)),
                        "messageRateLimit": .number(Double(configuration.messageRate)),
                    ]),
                    "services": .object([
                        "chat": part(["activeSessions": .number(Double(counts.active))]),
                        "orchestrator": part(Self.summary(surface.turns.agents.statuses)),
                        "sessions": part([
                            "activeSessions": .number(Double(counts.active)), "ended": .number(Double(counts.ended)),
                            "expired": .number(Double(counts.expired)),
                        ]), "websockets": part(surface.sockets.health(uptime: uptime)),
                    ]),
                ]))
    }

    func healthMetrics() {
        let usage = ProcessUsage()
        let counts = surface.lifeCycle.currentCounts
        let uptime = JSONValue.number(surface.uptimeSeconds)
        answer(
            POCReply(
                200,
                [
                    "timestamp": .string(engine.clock.now().isoMilliseconds), "uptime": uptime,
                    "memory": Self.memory(usage),
                    "cpu": .object([
                        "user": .number(Double(usage.userMicroseconds)),
                        "system": .number(Double(usage.systemMicroseconds)),
                    ]),
                    "env": .object([
                        // The key is the original's; there is no Node here.
                        "nodeVersion": .string("none"), "platform": .string("linux"),
                        "arch": .string(ProcessUsage.architecture),
                    ]),
                    "services": .object([
                        "chat": .object([
                            "activeSessions": .number(Double(counts.active)),
                            "openedSessions": .number(Double(counts.opened)),
                        ]), "orchestrator": .object(Self.summary(surface.turns.agents.statuses)),
                        "sessions": .object([
                            "ended": .number(Double(counts.ended)), "expired": .number(Double(counts.expired)),
                        ]), "websockets": .object(surface.sockets.health(uptime: uptime)),
                    ]),
                ]))
    }

    /// Bytes, under the names that Node gives them.
    private static func memory(_ usage: ProcessUsage = ProcessUsage()) -> JSONValue {
        .object([
            "rss": .number(Double(usage.residentBytes)), "heapTotal": .number(Double(usage.dataBytes)),
            "heapUsed": .number(Double(usage.privateResidentBytes)),
            "external": .number(Double(usage.sharedResidentBytes)), "arrayBuffers": .number(0),
        ])
    }
}
