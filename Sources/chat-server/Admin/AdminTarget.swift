internal import ChatEngine
internal import HTTPTransport
internal import LogStore
internal import Synchronization

/// Whom a verb gives its orders: a running server, over its admin listener, or the store in a directory that no process
/// has open. Orders and answers are the same for both.
enum AdminTarget {
    case server(AdminClient)
    case directory(String, ChatEngine)

    /// Runs `body` with the target that `--admin` or `--data-dir` names, and closes the store again.
    /// - Parameter mayMake: makes the directory's store where there is none.
    static func run<Value>(
        _ invocation: Invocation, mayMake: Bool = false, options: StoreOptions = StoreOptions(),
        report: @escaping @Sendable (StoreEvent) -> Void = { _ in },
        _ body: (AdminTarget) throws(CommandFailure) -> Value
    ) throws(CommandFailure) -> Value {
        let directory = invocation.arguments.overrides.last?.text
        switch (invocation.arguments.values[Flag.adminOfServer.name]?.last, directory) {
        case (let url?, nil): return try body(.server(try AdminClient(url)))
        case (nil, let directory?):
            return try run(directory: directory, mayMake: mayMake, options: options, report: report, body)
        default:
            throw CommandFailure(
                .usage,
                "\(invocation.verb.name) needs --data-dir DIR (no server runs on it) or --admin HOST:PORT (one does)")
        }
    }

    /// The same for a positional that is a directory or the URL of an admin listener.
    static func run<Value>(
        _ place: String, mayMake: Bool = false, _ body: (AdminTarget) throws(CommandFailure) -> Value
    ) throws(CommandFailure) -> Value {
        if place.hasPrefix("http://") { return try body(.server(try AdminClient(place))) }
        return try run(directory: place, mayMake: mayMake, options: StoreOptions(), report: { _ in }, body)
    }

    private static func run<Value>(
        directory: String, mayMake: Bool, options: StoreOptions, report: @escaping @Sendable (StoreEvent) -> Void,
        _ body: (AdminTarget) throws(CommandFailure) -> Value
    ) throws(CommandFailure) -> Value {
        let store: LogStore
        do throws(LogStoreError) {
            let disk = mayMake ? try LiveDisk(making: directory) : try LiveDisk(existing: directory)
            // A directory without a store would be made one.
            if !mayMake { _ = try StoreInspector.inspect(disk: disk) }
            store = try LogStore.open(
                disk: disk, clock: LiveClock(), random: SystemRandom(), options: options, report: report)
        } catch {
            throw CommandFailure(error, directory: directory)
        }
        let engine = ChatEngine(
            store: store, clock: LiveClock(), random: SystemRandom(), readers: ReaderPool(threads: 1))
        let value: Value
        do throws(CommandFailure) {
            value = try body(.directory(directory, engine))
        } catch {
            engine.close()
            try? store.close()
            throw error
        }
        engine.close()
        do throws(LogStoreError) { try store.close() } catch { throw CommandFailure(error, directory: directory) }
        return value
    }

    /// Gives an order.
    /// - Returns: the object that it is answered with.
    /// - Throws: the reason of a refusal.
    func order(_ method: String, _ target: String, _ body: JSONObject? = nil) throws(CommandFailure) -> JSONValue {
        let bytes = body.map { JSONValue.object($0).serialized } ?? []
        let (status, answer): (Int, [UInt8])
        switch self {
        case .server(let client):
            let result = try client.send(method, target, body: bytes)
            (status, answer) = (result.reply.status, result.body)
        case .directory(_, let engine):
            let request = Request(
                method: method, target: target, headers: [("Host", "localhost"), ("Content-Type", "application/json")],
                body: bytes)
            let exchange = WaitingExchange()
            _ = AdminOperations(engine: engine, logger: nil).answer(request, exchange)
            let response = exchange.wait()
            (status, answer) = (response.status, response.body.bytes)
        }
        let value = try? JSONValue(parsing: answer)
        guard status == 200, let value else { throw refusal(status, value) }
        return value
    }

    func refusal(_ status: Int, _ answer: JSONValue?) -> CommandFailure {
        // The order itself is wrong, so the command line is.
        if let reason = answer?["error"]?.string {
            return CommandFailure(status == 400 ? .usage : .failure, "refused: \(reason)")
        }
        guard case .server(let client) = self else { return CommandFailure(.failure, "refused with \(status)") }
        return CommandFailure(.failure, "\(client.address) answered \(status): is it an admin listener of chat-server?")
    }
}

/// An exchange for a caller that waits.
private final class WaitingExchange: Exchange {
    private let response = Mutex<Response?>(nil)
    private let answered = WaitedFlag()

    func addHeader(_ name: String, _ value: String) {}
    func addHeaders(_ block: HeaderBlock) {}
    func removeHeaders() {}

    func respond(_ response: Response) {
        self.response.withLock { if $0 == nil { $0 = response } }
        answered.raise()
    }

    func wait() -> Response {
        answered.wait()
        return response.withLock { $0 } ?? Response(status: 500)
    }
}
