#if Upstream
internal import CCurl
internal import Glibc
internal import Synchronization

/// Outgoing HTTP by libcurl's multi interface, on a thread of its own.
///
/// Steps of a turn: take the orders of other threads (start, cancel, end); let the library work, which calls back with
/// parts of bodies; tell delegates of what has ended; end those whose other side has been silent for too long (the
/// library's low-speed limit looks at a mean of seconds, and comes seconds late); wait for sockets, timeouts or an order.
///
/// Invariants: handles are touched on the thread only; a transfer is retained by its handle from its start until it is
/// taken out, so that callbacks find it; after `cancel` its delegate hears no more. Certificates and host names are
/// verified; redirects are not followed; other schemes are refused.
package final class HTTPClient: @unchecked Sendable {
    // Unchecked: `multi` and `active` belong to the thread; curl_multi_wakeup may be called from any.
    private struct Orders {
        var starts: [UpstreamTransfer] = []
        var cancels: [UpstreamTransfer] = []
        var ends = false
    }

    private let multi: UnsafeMutableRawPointer
    private let orders = Mutex(Orders())
    private var active: [ObjectIdentifier: UpstreamTransfer] = [:]
    private var thread = pthread_t()

    /// Whether this program was built with a client: the package's trait `Upstream`.
    package static let isBuiltIn = true

    private static let isInitialised: Bool = ccurl_global_init() == CURLE_OK

    /// - Returns: nil if the library cannot be set up.
    package init?() {
        guard Self.isInitialised, let multi = curl_multi_init() else { return nil }
        self.multi = multi
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<HTTPClient>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "pthread_create: \(status)")
    }

    deinit { curl_multi_cleanup(multi) }

    /// Sends a request.
    package func start(_ request: UpstreamRequest, delegate: any UpstreamDelegate) -> UpstreamTransfer {
        let transfer = UpstreamTransfer(request, delegate, self)
        orders.withLock { $0.starts.append(transfer) }
        curl_multi_wakeup(multi)
        return transfer
    }

    /// Ends all transfers without telling their delegates, and the thread. Call once, not from a delegate.
    package func shutDown() {
        orders.withLock { $0.ends = true }
        curl_multi_wakeup(multi)
        pthread_join(thread, nil)
    }

    func cancel(_ transfer: UpstreamTransfer) {
        orders.withLock { $0.cancels.append(transfer) }
        curl_multi_wakeup(multi)
    }

    // MARK: The thread

    private func run() {
        while true {
            let taken = orders.withLock { orders in
                defer { orders = Orders(ends: orders.ends) }
                return orders
            }
            for transfer in taken.starts where !transfer.isCancelled { begin(transfer) }
            for transfer in taken.cancels { remove(transfer) }
            if taken.ends { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            takeEnded()
            endSilent()
            curl_multi_poll(multi, nil, 0, Int32(clamping: millisecondsToSilence()), nil)
        }
        for transfer in active.values { remove(transfer) }
    }

    private func begin(_ transfer: UpstreamTransfer) {
        guard let easy = curl_easy_init() else {
            return transfer.delegate.ended(.failure(UpstreamFailure(message: "out of memory")))
        }
        transfer.easy = easy
        transfer.heardAt = Self.milliseconds()
        active[ObjectIdentifier(transfer)] = transfer
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        let request = transfer.request
        for header in request.headers { transfer.headers = curl_slist_append(transfer.headers, header) }
        var codes = [
            ccurl_set_text(easy, CURLOPT_URL, request.url), ccurl_set_headers(easy, transfer.headers),
            ccurl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https"), ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0),
            ccurl_set_long(easy, CURLOPT_SSL_VERIFYPEER, 1), ccurl_set_long(easy, CURLOPT_SSL_VERIFYHOST, 2),
            ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1), ccurl_set_long(easy, CURLOPT_TCP_NODELAY, 1),
            ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, request.connectMilliseconds),
            ccurl_set_long(easy, CURLOPT_TIMEOUT, request.totalSeconds),
            ccurl_set_long(easy, CURLOPT_POST, 1), ccurl_set_long(easy, CURLOPT_POSTFIELDSIZE, request.body.count),
            ccurl_set_pointer(easy, CURLOPT_PRIVATE, context), ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context),
            ccurl_set_write(easy) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                let transfer = Unmanaged<UpstreamTransfer>.fromOpaque(context).takeUnretainedValue()
                return transfer.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
            },
        ]
        codes.append(
            request.body.withUnsafeBytes { body in
                // Copied by the library; it does not write through the pointer.
                ccurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: body.baseAddress))
            })
        if let authorities = request.authorities {
            codes.append(ccurl_set_text(easy, CURLOPT_CAINFO, authorities))
            codes.append(ccurl_set_text(easy, CURLOPT_CAPATH, nil))
        }
        if request.refusesPrivateAddresses {
            codes.append(ccurl_set_text(easy, CURLOPT_PROXY, ""))
            codes.append(ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, context))
            codes.append(
                ccurl_set_opensocket(easy) { context, _, address in
                    guard let context, let address else { return -1 }
                    let transfer = Unmanaged<UpstreamTransfer>.fromOpaque(context).takeUnretainedValue()
                    return transfer.openSocket(address)
                })
        }
        guard codes.allSatisfy({ $0 == CURLE_OK }), curl_multi_add_handle(multi, easy) == CURLM_OK else {
            remove(transfer)
            return transfer.delegate.ended(.failure(UpstreamFailure(message: "the request cannot be made")))
        }
    }

    private func takeEnded() {
        var code = CURLE_OK
        while let easy = ccurl_next_done(multi, &code) {
            guard let context = ccurl_private(easy) else { continue }
            let transfer = Unmanaged<UpstreamTransfer>.fromOpaque(context).takeUnretainedValue()
            let reply = UpstreamReply(
                status: Int(ccurl_status(easy)), retryAfterSeconds: Int(ccurl_retry_after(easy)))
            withExtendedLifetime(transfer) {
                if code == CURLE_OK { transfer.begin() }
                remove(transfer)
                guard !transfer.isCancelled else { return }
                if code == CURLE_OK {
                    transfer.delegate.ended(.success(reply))
                } else {
                    let message =
                        transfer.hasRefusedAddress
                        ? "the address is private, and those are not allowed"
                        : String(cString: curl_easy_strerror(code))
                    transfer.delegate.ended(.failure(UpstreamFailure(message: message)))
                }
            }
        }
    }

    private static func milliseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }

    private func endSilent() {
        let now = Self.milliseconds()
        for transfer in Array(active.values) {
            if transfer.hasHeard() { transfer.heardAt = now }
            guard now >= transfer.heardAt + transfer.request.silenceSeconds * 1000 else { continue }
            withExtendedLifetime(transfer) {
                remove(transfer)
                guard !transfer.isCancelled else { return }
                let message = String(cString: curl_easy_strerror(CURLE_OPERATION_TIMEDOUT))
                transfer.delegate.ended(.failure(UpstreamFailure(message: message)))
            }
        }
    }

    /// How long nothing has to be looked at unless something comes.
    private func millisecondsToSilence() -> Int {
        guard let next = active.values.map({ $0.heardAt + $0.request.silenceSeconds * 1000 }).min() else { return 1000 }
        return min(1000, max(0, next - Self.milliseconds()))
    }

    /// Takes a transfer out; one that is under way loses its connection, which the other side sees.
    private func remove(_ transfer: UpstreamTransfer) {
        guard let easy = transfer.easy else { return }
        curl_multi_remove_handle(multi, easy)
        curl_easy_cleanup(easy)
        curl_slist_free_all(transfer.headers)
        transfer.easy = nil
        transfer.headers = nil
        active[ObjectIdentifier(transfer)] = nil
    }
}

/// A request under way.
package final class UpstreamTransfer: @unchecked Sendable {
    // Unchecked: what is no constant and not `cancelled` belongs to the client's thread.
    let request: UpstreamRequest
    let delegate: any UpstreamDelegate
    private let client: HTTPClient
    private let cancelled = Atomic<Bool>(false)
    var easy: UnsafeMutableRawPointer?
    var headers: UnsafeMutablePointer<curl_slist>?
    var hasRefusedAddress = false
    private var hasBegun = false
    /// When the other side last sent something, in milliseconds; at first, when the transfer began.
    var heardAt = 0
    private var hasTaken = false
    private var hasStatus = false

    init(_ request: UpstreamRequest, _ delegate: any UpstreamDelegate, _ client: HTTPClient) {
        self.request = request
        self.delegate = delegate
        self.client = client
    }

    /// Ends it; the delegate hears no more, except what is on its way at this moment.
    package func cancel() {
        guard !cancelled.exchange(true, ordering: .relaxed) else { return }
        client.cancel(self)
    }

    /// Whether the other side has sent something since the last call.
    func hasHeard() -> Bool {
        let isNew = easy.map { !hasStatus && ccurl_status($0) != 0 } ?? false
        defer { hasTaken = false }
        if isNew { hasStatus = true }
        return hasTaken || isNew
    }

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// A socket for a connection to this address; -1 if it must not be made.
    func openSocket(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        let isAllowed = withUnsafePointer(to: &address.pointee.addr) {
            AddressPolicy.isPublic($0, family: address.pointee.family)
        }
        guard isAllowed else {
            hasRefusedAddress = true
            return -1
        }
        let type = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
        return socket(address.pointee.family, type, address.pointee.protocol)
    }

    /// Tells the delegate once that there is a reply.
    func begin() {
        guard !hasBegun, !isCancelled, let easy else { return }
        hasBegun = true
        var headers: [String: String] = [:]
        for name in request.replyHeaders {
            if let value = ccurl_header(easy, name) { headers[name] = String(cString: value) }
        }
        delegate.began(status: Int(ccurl_status(easy)), headers: headers)
    }

    /// - Returns: false if no more is wanted.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        hasTaken = true
        begin()
        guard !isCancelled, let easy else { return false }
        delegate.received(Array(bytes), status: Int(ccurl_status(easy)))
        return !isCancelled
    }
}
#endif
