internal import CMicroHTTPD
internal import Glibc

/// A request's way through the loop, from the library's callbacks to the reply that is queued.
extension EventLoop {
    func endRequest(_ connection: Connection) {
        connection.endReply()
        unwatch(connection)
        connection.stream?.disconnect()
        connection.stream = nil
        connection.upgrade = nil
        connection.replyWindow = nil
        connection.isSuspended = false
        unpark(connection)
        connection.head = nil
        connection.body = []
        connection.bodyPlan = .collect
        connection.bodyError = nil
        connection.phase = .idle
        let allowance = limits.idleTimeoutSeconds * 1000 + limits.headerTimeoutMilliseconds
        connection.deadline = System.coarseMilliseconds() + UInt64(allowance)
    }

    /// The reply has left. One that was queued before draining began promised to keep the connection; it ends all the
    /// same, after what the client has sent already.
    func replied(_ connection: Connection) {
        wantsTurn = true
        endRequest(connection)
        if isDraining { shutdown(connection.descriptor, Int32(SHUT_RD)) }
    }

    /// The head is complete.
    func begin(
        _ connection: Connection, _ handle: OpaquePointer, _ target: UnsafePointer<CChar>,
        _ method: UnsafePointer<CChar>, _ version: UnsafePointer<CChar>
    ) -> MHD_Result {
        let result = unsafe RequestReader.read(
            handle, method: method, target: target, version: version, rawTarget: connection.target,
            headBytes: cmhd_header_bytes(handle), limit: limits.headerBytes)
        switch result {
        case .refused(let status):
            connection.deadline = nil
            var response = Response(status: status)
            response.closesConnection = true
            return unsafe queue(response, connection, handle)
        case .head(let parsed):
            connection.head = parsed.head
            connection.phase = .body
            switch parsed.bodyLength {
            case .none:
                connection.deadline = nil
                return MHD_Result.YES
            case .chunked: break
            case .bytes(let count) where count > UInt64(limit(connection)):
                let limit = limit(connection)
                connection.bodyError = .tooLarge(limit: limit)
                connection.bodyPlan = .discard(left: limits.discardedBodyBytes + limit)
                // Answered before the body is read, the library closes the connection after the reply.
                if parsed.expectsContinue || count > UInt64(limits.discardedBodyBytes + limit) {
                    return unsafe dispatch(connection, handle, isComplete: false)
                }
            case .bytes(let count): connection.body.reserveCapacity(Int(count))
            }
            connection.deadline = System.coarseMilliseconds() + UInt64(limits.bodyTimeoutMilliseconds)
            return MHD_Result.YES
        }
    }

    private func limit(_ connection: Connection) -> Int { connection.listener.bodyBytes ?? limits.bodyBytes }

    /// Some of the body is here. False closes the connection.
    func receive(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) -> Bool {
        wantsTurn = true
        switch connection.bodyPlan {
        case .collect:
            if connection.body.count + bytes.count <= limit(connection) {
                unsafe connection.body.append(contentsOf: bytes)
                return true
            }
            connection.body = []
            connection.bodyError = .tooLarge(limit: limit(connection))
            connection.bodyPlan = .discard(left: limits.discardedBodyBytes)
            return true
        case .discard(let left):
            guard left >= bytes.count else { return false }
            connection.bodyPlan = .discard(left: left - bytes.count)
            return true
        }
    }

    /// Calls the handler and queues the reply, or waits until there is one.
    ///
    /// - Parameter isComplete: whether the request has been read; one that has not can only be suspended, because the
    ///   library would read on.
    func dispatch(_ connection: Connection, _ handle: OpaquePointer, isComplete: Bool) -> MHD_Result {
        connection.phase = .handling
        connection.deadline = nil
        callHandler(connection)
        if isComplete, !connection.listener.isTLS { park(connection) }
        return unsafe finish(connection, handle)
    }

    /// A function of its own so that the exchange, where the handler kept none, is gone when it returns.
    @inline(never)
    private func callHandler(_ connection: Connection) {
        guard let head = connection.head else { return }
        var body: [UInt8] = []
        swap(&body, &connection.body)
        nextID += 1
        connection.requestID = idBase | nextID
        var request = Request(
            head: head, body: body, bodyError: connection.bodyError, client: connection.client,
            id: connection.requestID,
            listener: connection.listener.index, isTLS: connection.listener.isTLS)
        if decodesContent, !request.body.isEmpty { request.decodeContent(limit: limit(connection)) }
        let exchange = ServerExchange(connection: connection, generation: connection.beginReply())
        connection.listener.handler(request, exchange)
    }

    /// Queues the reply if there is one; else the connection stays parked or is suspended.
    func finish(_ connection: Connection, _ handle: OpaquePointer) -> MHD_Result {
        let (response, isWatchedFor) = connection.takeReplyOrWait(into: &blockScratch)
        if let response {
            unpark(connection)
            return unsafe queue(response, connection, handle)
        }
        if isWatchedFor {
            unpark(connection)
            suspendWatching(connection)
        } else if !connection.isParked {
            suspend(connection)
        }
        return MHD_Result.YES
    }

    /// Queues the reply of a parked connection, from outside the library. Where there is none, only watching can have
    /// been wanted: the library asks again in this turn, and `finish` sees to it.
    ///
    /// - Returns: false where the connection cannot go on.
    func answerParked(_ connection: Connection, _ handle: OpaquePointer) -> Bool {
        unpark(connection)
        guard let response = connection.takeReplyOrWait(into: &blockScratch).response else { return true }
        return unsafe queue(response, connection, handle) == MHD_Result.YES
    }

    /// The library asks for the reply again. False: let `finish` look.
    func staysParked(_ connection: Connection) -> Bool {
        guard connection.isParked else { return false }
        guard connection.patience > 1 else {
            unpark(connection)
            return false
        }
        connection.patience -= 1
        return true
    }

    private func queue(_ response: Response, _ connection: Connection, _ handle: OpaquePointer) -> MHD_Result {
        wantsTurn = true
        defer { blockScratch.removeAll() }
        let made = unsafe ResponseWriter.make(
            response, block: &blockScratch, connection: connection, isHEAD: connection.head?.method == "HEAD",
            closes: isDraining)
        guard let (reply, status) = unsafe made else { return MHD_Result.NO }
        connection.phase = .replying
        let queued = unsafe MHD_queue_response(handle, status, reply)
        unsafe MHD_destroy_response(reply)
        return queued
    }

    // MARK: a length that is none

    /// Answers for the library where a Content-Length is no number, or one beyond 64 bits: it would send the head of its
    /// own refusal twice.
    ///
    /// The library logs the mistake before it answers, and does not say whose it is; every request that is being read
    /// and has the mistake is refused. Over TLS, where only the library can write, its own answer stays.
    func refuseBrokenLengths() {
        for connection in connections where connection.phase == .head && !connection.listener.isTLS {
            guard let handle = unsafe connection.handle,
                let text = unsafe MHD_lookup_connection_value(handle, .HEADER_KIND, "Content-Length")
            else { continue }
            let digits = unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
            guard UInt64(decimal: digits[...]) == nil else { continue }
            let isNumber = !digits.isEmpty && digits.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
            (isNumber ? RawReply.tooLarge : .badRequest).send(to: connection.descriptor)
            connection.deadline = nil
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
        }
    }
}
