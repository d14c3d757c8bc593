internal import LogStore

extension Verb {
    static let serve = Verb(
        "serve", "serve a data directory over HTTP", flags: Flag.configuration,
        notes: [
            "Makes the store and the server's secret if the directory is empty. SIGTERM and SIGINT stop it: requests in "
                + "flight are answered, the log is sealed, exit 0 within 10 s; a second signal exits at once. When the "
                + "disk fails, requests in flight are answered and it exits with \(ExitCode.diskFailed.rawValue)."
        ]
    ) { invocation throws(CommandFailure) in
        let configuration = try invocation.configuration()
        guard let directory = StoreSettings(configuration).dataDirectory else {
            throw CommandFailure(.usage, "serve needs --data-dir DIR (or CHAT_STORE_DATA_DIR)")
        }
        // Before the first thread: it and all later ones inherit the mask.
        let request = StopRequest()
        Signals.deliver(to: request)
        let logger = Logger(LogSettings(configuration))
        defer { logger.close() }
        for notice in configuration.notices { logger.warning(notice) }
        let server = try Server(configuration, directory: directory, logger, request)
        let reason = request.wait()
        switch reason {
        case .signal(let name): logger.info("\(name) received, stopping")
        case .storeFailed: logger.error("stopping, because the disk failed")
        }
        try server.stop(within: .seconds(8))
        if case .storeFailed(let what) = reason {
            throw CommandFailure(server.store.status.failure ?? .poisoned(what), directory: directory)
        }
        logger.info("stopped")
        return .success
    }
}
