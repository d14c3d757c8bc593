internal import Glibc

extension Verb {
    static let serve = Verb(
        "serve", "serve a data directory over HTTP", flags: Flag.configuration,
        notes: [
            "Makes the store if the directory is empty. SIGTERM and SIGINT stop it: requests in flight are answered, "
                + "the log is sealed, exit 0 within 10 s; a second signal exits at once."
        ]
    ) { invocation throws(CommandFailure) in
        let configuration = try invocation.configuration()
        guard let directory = StoreSettings(configuration).dataDirectory else {
            throw CommandFailure(.usage, "serve needs --data-dir DIR (or CHAT_STORE_DATA_DIR)")
        }
        // Before the first thread: it and all later ones inherit the mask.
        let signals = Signals()
        let logger = Logger(LogSettings(configuration))
        defer { logger.close() }
        for notice in configuration.notices { logger.warning(notice) }
        let server = try Server(configuration, directory: directory, logger)
        logger.info("\(signals.wait()) received, stopping")
        exitAtSecondSignal(signals)
        try server.stop(within: .seconds(8))
        logger.info("stopped")
        return .success
    }

    private static func exitAtSecondSignal(_ signals: Signals) {
        let box = Unmanaged.passRetained(SignalBox(signals)).toOpaque()
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                let box = Unmanaged<SignalBox>.fromOpaque(argument!).takeRetainedValue()
                _ = box.signals.wait()
                _exit(ExitCode.failure.rawValue)
            }, box)
        pthread_detach(thread)
    }

    private final class SignalBox {
        let signals: Signals
        init(_ signals: Signals) { self.signals = signals }
    }
}
