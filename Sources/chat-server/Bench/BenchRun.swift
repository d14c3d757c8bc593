internal import ChatEngine
internal import Glibc
internal import LogStore

/// One benchmark: a server of its own, a load over real sockets, and what the disk could have done.
///
/// 1. A directory below the one that was named. A server in this process serves a new store in it, on a loopback port that
///    the system chooses.
/// 2. A session for each connection, by `create` of orion.
/// 3. The clients run `save-message`; the first tenth of the time warms up, the rest is measured. The store's counters are
///    read at both ends of the measured time.
/// 4. The server stops; then the device alone, with appends as large as the mean group was.
/// 5. The directory is removed, whatever happened before.
struct BenchRun {
    struct Options: Sendable {
        var connections = 64
        var seconds = 10.0
        var messageBytes = 300
    }

    let options: Options
    let place: String
    let configuration: Configuration
    let stop: StopRequest
    let logger: Logger

    private static let deviceSeconds = 1.0
    private static let clientThreads = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2)

    func perform() throws(CommandFailure) -> BenchReport {
        raiseDescriptorLimit()
        let directory = try BenchDirectory(below: place)
        let report: BenchReport
        do throws(CommandFailure) { report = try measure(directory.path) } catch {
            try? directory.remove()
            throw error
        }
        try directory.remove()
        try checkNotStopped()
        return report
    }

    private func measure(_ directory: String) throws(CommandFailure) -> BenchReport {
        let server = try Server(configuration, directory: directory + "/store", logger, stop)
        let load: Load
        do throws(CommandFailure) { load = try runLoad(server) } catch {
            try? server.stop(within: .seconds(2))
            throw error
        }
        try server.stop(within: .seconds(2))
        try checkNotStopped()
        let groups = max(1, load.after.groups - load.before.groups)
        let groupBytes = Int((load.after.logBytes - load.before.logBytes) / groups)
        let device = try DeviceLimits.measure(
            in: directory + "/device", writeBytes: groupBytes,
            seconds: min(options.seconds / 4, Self.deviceSeconds), until: stop)
        try checkNotStopped()
        return BenchReport(options: options, directory: place, load: load, device: device)
    }

    struct Load: Sendable {
        var latency: LatencyHistogram
        /// Of the measured time.
        var seconds: Double
        var before: StoreStatistics
        var after: StoreStatistics
    }

    private func runLoad(_ server: Server) throws(CommandFailure) -> Load {
        guard let port = server.ports.first else { preconditionFailure("the server listens") }
        let requests = try makeRequests(port)
        let share = (requests.count + Self.clientThreads - 1) / Self.clientThreads
        let plan = LoadClient.Plan(port: port, expectedStatus: 201)
        let clients = stride(from: 0, to: requests.count, by: share).map {
            LoadClient(plan, requests: Array(requests[$0..<min($0 + share, requests.count)]))
        }
        let threads = clients.map { client in BenchThread { client.run() } }
        _ = stop.wait(seconds: options.seconds / 10)
        let before = server.store.status.statistics
        for client in clients { client.enter(.measuring) }
        let start = Monotonic.nanoseconds
        _ = stop.wait(seconds: options.seconds)
        let after = server.store.status.statistics
        let seconds = Double(Monotonic.nanoseconds - start) / 1e9
        for client in clients { client.enter(.done) }
        for thread in threads { thread.join() }
        var latency = LatencyHistogram()
        for client in clients {
            let outcome = client.result
            if let failure = outcome.failure { throw CommandFailure(.failure, "the load failed: \(failure)") }
            latency.add(outcome.latency)
        }
        return Load(latency: latency, seconds: seconds, before: before, after: after)
    }

    /// Makes a session for each connection.
    private func makeRequests(_ port: UInt16) throws(CommandFailure) -> [[UInt8]] {
        let client = try AdminClient("127.0.0.1:\(port)")
        var requests: [[UInt8]] = []
        for index in 0..<options.connections {
            try checkNotStopped()
            let user = Array(#"{"userId":"bench-\#(index % 16)"}"#.utf8)
            let (reply, body) = try client.send("POST", "/api/sessions/create", body: user)
            guard reply.status == 201, let session = (try? JSONValue(parsing: body))?["sessionId"]?.string else {
                throw CommandFailure(.failure, "no session could be made: \(String(decoding: body, as: UTF8.self))")
            }
            let text = BenchText.message(index, bytes: options.messageBytes)
            let json = #"{"sessionId":"\#(session)","role":"user","content":"\#(text)"}"#
            let head =
                "POST /api/sessions/save-message HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n"
            requests.append(Array((head + json).utf8))
        }
        return requests
    }

    private func checkNotStopped() throws(CommandFailure) {
        switch stop.reasonSoFar {
        case nil: return
        case .signal(let name): throw CommandFailure(.failure, "\(name) received; what was made is removed again")
        case .storeFailed(let what): throw CommandFailure(.diskFailed, "the disk under \(place) failed: \(what)")
        }
    }

    /// Both ends of each connection are in this process.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// Words that compress about as chats do; the same for every run.
enum BenchText {
    private static let words = """
        the of and to in is you that it he was for on are as with his they at be this have from or one had by word but
        not what all were we when your can said there use an each which she do how their if will up other about out many
        then them these so some her would make like him into time has look two more write go see number no way could
        """.split { $0 == " " || $0 == "\n" }

    /// Exactly so many bytes, all of them ASCII without quotes.
    static func message(_ seed: Int, bytes: Int) -> String {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        var text = ""
        while text.utf8.count < bytes {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            text += words[Int(state >> 33) % words.count] + " "
        }
        return String(text.prefix(bytes))
    }
}

/// A joinable thread: the load's loops block.
private final class BenchThread {
    private var handle = pthread_t()

    init(_ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(Body(run)).toOpaque()
        let code = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body)
        precondition(code == 0, "the process may not start a thread")
    }

    func join() { pthread_join(handle, nil) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
