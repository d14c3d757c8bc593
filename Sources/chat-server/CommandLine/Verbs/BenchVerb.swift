internal import LogStore

extension Flag {
    static let connections = Flag("--connections", "N", summary: "clients that write at the same time (64)")
    static let seconds = Flag("--seconds", "S", summary: "how long is measured (10)")
    static let messageBytes = Flag("--message-bytes", "N", summary: "bytes of text in a message (300)")
}

extension Verb {
    /// Tells an operator what this program does on their device, and what the device itself does.
    static let bench = Verb(
        "bench", "measure durable writes over HTTP on this device",
        flags: [.dataDirectory, .connections, .seconds, .messageBytes, .set, .json],
        notes: [
            "Serves a new store in a directory of its own below DIR, which must not be a store, on a loopback port; writes "
                + "messages over real connections; then measures what the device does alone: appends with fdatasync, each "
                + "as large as the mean commit group was, and writing sequentially. Everything is removed at the end, also "
                + "after ^C. Settings of the environment and of files are not used; `--set` takes any of them."
        ]
    ) { invocation throws(CommandFailure) in
        let options = try BenchRun.Options(invocation.arguments)
        let configuration = try configuration(invocation.arguments.overrides, options)
        guard let place = StoreSettings(configuration).dataDirectory else {
            throw CommandFailure(.usage, "bench needs --data-dir DIR")
        }
        // Before the first thread: it and all later ones inherit the mask.
        let stop = StopRequest()
        Signals.deliver(to: stop)
        let logger = Logger(LogSettings(configuration))
        defer { logger.close() }
        let report = try BenchRun(
            options: options, place: place, configuration: configuration, stop: stop, logger: logger
        ).perform()
        for line in invocation.arguments.has(.json) ? [report.json] : report.lines { invocation.console.output(line) }
        return .success
    }

    /// What the user set, and over it what the load needs: it names no token, and is faster than a rate limit allows.
    private static func configuration(
        _ overrides: [SettingOverride], _ options: BenchRun.Options
    ) throws(CommandFailure) -> Configuration {
        let needed = [
            ("http.listen", "127.0.0.1:0=orion"), ("http.max-connections", String(options.connections + 64)),
            ("orion.auth", "off"), ("orion.rate-limit", "0"), ("log.level", "warning"),
        ].map { SettingOverride(key: $0.0, text: $0.1, flag: SettingOverride.setFlag) }
        let configuration: Configuration
        do {
            configuration = try Configuration.resolve(overrides: overrides + needed, file: nil, environment: [:])
        } catch {
            throw CommandFailure(.configuration, messages: error.problems)
        }
        guard HTTPSettings(configuration).tls == nil else {
            throw CommandFailure(.configuration, "bench measures without TLS: leave http.tls-cert and http.tls-key out")
        }
        return configuration
    }
}

extension BenchRun.Options {
    init(_ arguments: ParsedArguments) throws(CommandFailure) {
        if let text = arguments.values[Flag.connections.name]?.last {
            guard let value = Int(text), (1...100_000).contains(value) else {
                throw CommandFailure(.usage, "--connections is a number from 1 to 100000, not \"\(text)\"")
            }
            connections = value
        }
        if let text = arguments.values[Flag.seconds.name]?.last {
            guard let value = Double(text), value >= 0.1, value <= 86_400 else {
                throw CommandFailure(.usage, "--seconds is a number from 0.1 to 86400, not \"\(text)\"")
            }
            seconds = value
        }
        if let text = arguments.values[Flag.messageBytes.name]?.last {
            guard let value = Int(text), (1...1_000_000).contains(value) else {
                throw CommandFailure(.usage, "--message-bytes is a number from 1 to 1000000, not \"\(text)\"")
            }
            messageBytes = value
        }
    }
}
