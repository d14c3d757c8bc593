internal import ChatEngine
internal import LogStore

/// What a benchmark found, for people and as JSON; both forms are made from the same figures.
struct BenchReport: Sendable {
    let requests: UInt64
    let seconds: Double
    let latency: LatencyHistogram
    let syncs: UInt64
    let groups: UInt64
    let batches: UInt64
    let logBytes: UInt64
    let syncMicroseconds: UInt64
    let device: DeviceLimits
    let options: BenchRun.Options
    let directory: String

    init(options: BenchRun.Options, directory: String, load: BenchRun.Load, device: DeviceLimits) {
        requests = load.latency.count
        seconds = load.seconds
        latency = load.latency
        syncs = load.after.logSyncs - load.before.logSyncs
        groups = load.after.groups - load.before.groups
        batches = load.after.batches - load.before.batches
        logBytes = load.after.logBytes - load.before.logBytes
        syncMicroseconds = load.after.syncMicroseconds - load.before.syncMicroseconds
        self.device = device
        self.options = options
        self.directory = directory
    }

    var requestsPerSecond: Double { Double(requests) / seconds }
    private var meanGroup: Double { groups == 0 ? 0 : Double(batches) / Double(groups) }
    private var meanSyncMicroseconds: Double { syncs == 0 ? 0 : Double(syncMicroseconds) / Double(syncs) }
    private static let shares: [(name: String, share: Double)] = [
        ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999),
    ]

    var lines: [String] {
        let latencies =
            Self.shares.map { "\($0.name) \(Self.microseconds(latency.percentile($0.share)))" }
            + ["max \(Self.microseconds(latency.largest))", "mean \(Self.round(latency.mean / 1000))"]
        let deviceLatency = [("p50", 0.5), ("p99", 0.99)].map {
            "\($0.0) \(Self.microseconds(device.syncs.percentile($0.1)))"
        }
        return [
            "save-message over HTTP, \(options.connections) connections, \(options.messageBytes) bytes of text, durable, "
                + "\(Self.round(seconds)) s in \(directory)",
            "  requests/s       \(Self.round(requestsPerSecond))  (\(requests) requests)",
            "  latency, us      " + latencies.joined(separator: ", "),
            "  syncs            \(syncs), mean \(Self.round(meanSyncMicroseconds)) us; \(Self.round(meanGroup)) messages "
                + "a group; \(logBytes) bytes of log",
            "  the device       \(Self.round(device.syncsPerSecond)) appends of \(device.syncedWriteBytes) bytes with "
                + "fdatasync/s, us: " + deviceLatency.joined(separator: ", "),
            "                   \(Self.round(device.sequentialBytesPerSecond / 1e6)) MB/s written sequentially",
            "The clients run in this process, on the same cores as the server.",
        ]
    }

    var json: String {
        var times = JSONObject()
        for (name, share) in Self.shares { times[name] = .number(Double(latency.percentile(share)) / 1000) }
        times["max"] = .number(Double(latency.largest) / 1000)
        times["mean"] = .number(Self.thousandths(latency.mean / 1000))
        let limits: JSONObject = [
            "syncedWriteBytes": .number(Double(device.syncedWriteBytes)),
            "syncsPerSecond": .number(Self.thousandths(device.syncsPerSecond)),
            "syncMicrosecondsP50": .number(Double(device.syncs.percentile(0.5)) / 1000),
            "syncMicrosecondsP99": .number(Double(device.syncs.percentile(0.99)) / 1000),
            "sequentialBytesPerSecond": .number(device.sequentialBytesPerSecond.rounded()),
        ]
        let report: JSONObject = [
            "version": .string(Version.current), "directory": .string(directory),
            "connections": .number(Double(options.connections)), "messageBytes": .number(Double(options.messageBytes)),
            "seconds": .number(Self.thousandths(seconds)), "requests": .number(Double(requests)),
            "requestsPerSecond": .number(Self.thousandths(requestsPerSecond)), "latencyMicroseconds": .object(times),
            "syncs": .number(Double(syncs)), "meanSyncMicroseconds": .number(Self.thousandths(meanSyncMicroseconds)),
            "groups": .number(Double(groups)), "meanGroup": .number(Self.thousandths(meanGroup)),
            "logBytes": .number(Double(logBytes)), "device": .object(limits),
        ]
        return String(decoding: JSONValue.object(report).serialized, as: UTF8.self)
    }

    private static func microseconds(_ nanoseconds: UInt64) -> String { round(Double(nanoseconds) / 1000) }

    private static func thousandths(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

    /// Three significant digits, or all of what is before the point.
    private static func round(_ value: Double) -> String {
        if value >= 100 || value == value.rounded() { return String(Int(value.rounded())) }
        let scale: Double = value >= 10 ? 10 : 100
        return String((value * scale).rounded() / scale)
    }
}
