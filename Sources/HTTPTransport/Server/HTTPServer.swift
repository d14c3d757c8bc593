internal import Glibc
internal import Synchronization

/// PEM texts of a certificate chain and its private key.
package struct TLSCertificate: Sendable {
    package var certificatePEM: String
    package var keyPEM: String

    package init(certificatePEM: String, keyPEM: String) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
}

/// The server: event loops that answer, and one thread that accepts for them.
///
/// It runs from `init` on; `listen` adds addresses at any time, `drain` ends it. Dropping it without `drain` drains
/// with no patience.
package final class HTTPServer: Sendable {
    package struct Configuration: Sendable {
        /// Event-loop threads; default one a core.
        package var loops: Int
        package var limits = HTTPLimits()
        /// For TLS listeners.
        package var tls: TLSCertificate?
        /// Whether gzip and deflate bodies are decoded before a handler sees them.
        package var decodesContent = true

        package init() {
            loops = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        }
    }

    private let loops: [EventLoop]
    private let acceptor: Acceptor
    private let gate: ConnectionGate
    private let hasCertificate: Bool
    private let threads: Mutex<[SystemThread]>
    private let running: Countdown

    /// - Throws: `invalidCertificate`, or `system` where the machine refuses descriptors or threads.
    package init(configuration: Configuration = Configuration()) throws(HTTPServerError) {
        let gate = ConnectionGate(limits: configuration.limits)
        var loops: [EventLoop] = []
        for index in 0..<max(1, configuration.loops) {
            loops.append(
                try EventLoop(
                    index: index, limits: configuration.limits, decodesContent: configuration.decodesContent,
                    tls: configuration.tls, gate: gate))
        }
        let acceptor = try Acceptor(loops: loops, gate: gate)
        let running = Countdown(loops.count)
        var threads: [SystemThread] = []
        do throws(HTTPServerError) {
            threads.append(try SystemThread(name: "http-accept") { acceptor.run() })
            for (index, loop) in loops.enumerated() {
                threads.append(
                    try SystemThread(name: "http-loop-\(index)") {
                        loop.run()
                        running.countDown()
                    })
            }
        } catch {
            acceptor.stop()
            for loop in loops { loop.drain() }
            for thread in threads { thread.join() }
            throw error
        }
        self.loops = loops
        self.acceptor = acceptor
        self.gate = gate
        hasCertificate = configuration.tls != nil
        self.threads = Mutex(threads)
        self.running = running
    }

    deinit {
        drain(deadline: .zero)
    }

    /// Listens on `host` (an IP address or `localhost`) and `port` (0: any free one).
    ///
    /// - Parameter bodyBytes: the largest body that is taken there, instead of the server's `HTTPLimits.bodyBytes`.
    /// - Returns: the bound port.
    /// - Throws: `addressInUse`, `permissionDenied`, `addressNotAvailable`, `invalidAddress`, `noCertificate`,
    /// `stopped`.
    @discardableResult
    package func listen(
        host: String, port: UInt16, tls: Bool = false, bodyBytes: Int? = nil, handler: @escaping Handler
    )
        throws(HTTPServerError) -> UInt16
    {
        guard !tls || hasCertificate else { throw .noCertificate }
        let (descriptor, bound) = try System.listen(host: host, port: port)
        let isAdded = acceptor.add { index in
            Listener(index: index, descriptor: descriptor, isTLS: tls, bodyBytes: bodyBytes, handler: handler)
        }
        guard isAdded else {
            close(descriptor)
            throw .stopped
        }
        return bound
    }

    /// Connections open now.
    package var connectionCount: Int { gate.total }

    /// Stops: accepts nothing more, lets requests in flight be answered (their connections close after it) and closes
    /// idle connections; after `deadline` closes what is left. Blocks until the threads have ended; further calls
    /// return at once.
    ///
    /// - Returns: whether everything in flight was answered in time.
    @discardableResult
    package func drain(deadline: Duration) -> Bool {
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        guard !threads.isEmpty else { return true }
        acceptor.stop()
        // The acceptor ends first, so that no connection reaches a loop that has ended.
        threads[0].join()
        for loop in loops { loop.drain() }
        let isClean = running.wait(for: deadline)
        if !isClean { for loop in loops { loop.abort() } }
        for thread in threads.dropFirst() { thread.join() }
        return isClean
    }
}
