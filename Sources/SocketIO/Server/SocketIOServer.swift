package import HTTPTransport

package struct SocketIOConfiguration: Sendable {
    package var engine = EngineConfiguration()
    /// Requests for it, with or without a last slash, are taken by `SocketIOServer.handler`.
    package var path = "/socket.io"
    /// For the polling transport; without it browsers let pages of the same origin in only.
    package var cors: CORS?
    /// How long a client may stay without any namespace.
    package var connectTimeoutMilliseconds = 45_000
    /// Binary attachments of one packet, and their bytes together.
    package var maximumAttachments = 10
    package var attachmentBytes = 4 << 20
    /// The payload of a CONNECT packet, which is kept for as long as the socket.
    package var authBytes = 16 << 10

    package init() {}
}

/// Socket.IO 5 over Engine.IO 4, on the event loops of an `HTTPServer`. See SocketIO.swift for an example.
package final class SocketIOServer: Sendable {
    private let configuration: SocketIOConfiguration
    private let namespaces: [String: SocketIONamespace]
    private let engine: EngineServer

    /// - Parameter namespaces: by name; every name begins with a slash.
    package init(
        configuration: SocketIOConfiguration = SocketIOConfiguration(), namespaces: [String: NamespaceHandlers]
    ) {
        precondition(namespaces.keys.allSatisfy { $0.hasPrefix("/") && !$0.contains(",") }, "a name like /chat")
        self.configuration = configuration
        var made: [String: SocketIONamespace] = [:]
        for (name, handlers) in namespaces { made[name] = SocketIONamespace(name: name, handlers: handlers) }
        let table = made
        self.namespaces = table
        let known = Set(table.keys)
        let now = configuration.engine.now
        let limits = SocketClient.Limits(
            maximumAttachments: configuration.maximumAttachments, attachmentBytes: configuration.attachmentBytes,
            authBytes: configuration.authBytes, connectTimeoutMilliseconds: configuration.connectTimeoutMilliseconds)
        engine = EngineServer(configuration: configuration.engine) { _ in
            SocketIOClient(
                namespaces: table, now: now, machine: SocketClient(known: known, limits: limits, now: now()))
        }
    }

    package func namespace(_ name: String) -> SocketIONamespace? { namespaces[name] }

    package var metrics: EngineServer.Metrics { engine.metrics }

    /// Has the clock read again; for clocks that tests move.
    package func timeHasPassed() { engine.timeHasPassed() }

    /// Takes the requests of its path and leaves the others to `otherwise`.
    package func handler(otherwise: @escaping Handler) -> Handler {
        let path = configuration.path
        let engine = engine
        let own: Handler = { request, exchange in engine.handle(request, exchange) }
        let wrapped = configuration.cors.map { $0.middleware(own) } ?? own
        return { request, exchange in
            let asked = request.path
            if asked == path || asked == path + "/" { return wrapped(request, exchange) }
            otherwise(request, exchange)
        }
    }

    /// Refuses new sessions and ends the present ones (`server shutting down`). Call it before the drain of the HTTP
    /// server, which waits for the goodbyes.
    package func shutDown() { engine.shutDown() }
}
