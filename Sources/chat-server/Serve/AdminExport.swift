internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// `GET /export`: the lines of an export as a stream. A piece is read on a reader thread when the one before has been
/// taken, so memory holds two pieces and no thread waits for a slow client.
final class AdminExport: Sendable {
    private let engine: ChatEngine
    private let logger: Logger?
    private let stream = BodyStream(capacity: 256 << 10)
    private let exporter: Mutex<Exporter>

    private init(engine: ChatEngine, logger: Logger?, exporter: Exporter) {
        self.engine = engine
        self.logger = logger
        self.exporter = Mutex(exporter)
    }

    static func start(
        _ engine: ChatEngine, _ logger: Logger?, _ filter: ExportFilter, _ exchange: any Exchange
    ) {
        engine.blocking({ (result: Result<Exporter, ChatError>) in
            switch result {
            case .failure(let error): exchange.respond(OperationRefusal(error).response)
            case .success(let exporter):
                let export = AdminExport(engine: engine, logger: logger, exporter: exporter)
                exchange.respond(
                    Response(
                        status: 200,
                        headers: [
                            ("Content-Type", "application/x-ndjson"),
                            // All of the store, without the filter: what a progress line reckons with.
                            (AdminClient.storedMessages, String(engine.status.storedEntries)),
                        ],
                        body: .stream(export.stream)))
                export.goOn()
            }
        }) { () throws(ChatError) in try engine.export(filter, .operator) }
    }

    private func goOn() {
        engine.blocking({ [self] (result: Result<[UInt8]?, ChatError>) in
            switch result {
            case .failure(let error):
                logger?.error("an export broke off", [("reason", .string(OperationRefusal(error).reason))])
                stream.fail()
            case .success(nil): stream.finish()
            case .success(let piece?): send(piece)
            }
        }) { [self] () throws(ChatError) in
            try exporter.withLock { (exporter) throws(ChatError) in try exporter.next() }
        }
    }

    private func send(_ piece: [UInt8]) {
        switch stream.offer(piece, onWritable: { [self] in send(piece) }) {
        case .accepted: goOn()
        case .full, .disconnected: break
        }
    }
}
