package import HTTPTransport

// One WebSocket on the event loop of its connection: no thread, no buffer and no codec of its own while it is idle.
//
// Out: `send` puts a frame behind what the kernel has not taken yet and hands over what it takes. More than `queueBytes`
// waiting means a reader that is too slow: it is told so with a close frame (1008), gets nothing more, and is cut off after
// `closeTimeoutMilliseconds` if it has not taken the rest by then.
// In: nothing is read while `pauseBytes` wait to be sent, so a peer that sends without reading what comes back has to wait
// too, instead of filling the queue.
// End: `open` → (`closing`, a close frame is under way) → `closed`. The handler hears of it once, when `open` is left, and
// gets nothing after that. A close frame of the peer is answered; the server closes the connection first (RFC 6455 §7.1.1).
//
// Confinement: everything but `wake` belongs to the thread of the event loop, where the handler's calls come too.

package struct WebSocketLimits: Sendable {
    /// The longest message, over all its fragments; a longer one closes with 1009.
    package var messageBytes = 1_000_000
    /// What may wait for a slow reader before the connection is closed; one message may go past it.
    package var queueBytes = 1 << 20
    /// What may wait before nothing more is read from the peer.
    package var pauseBytes = 256 << 10
    /// How long the peer may take to answer a close frame.
    package var closeTimeoutMilliseconds = 5000

    package init() {}
}

/// Why a WebSocket is no longer open.
package enum WebSocketEnd: Sendable, Equatable {
    /// `close` was called here.
    case local
    /// The peer sent a close frame with this code (1005: with none).
    case peer(code: UInt16)
    /// The connection ended or broke without a close frame.
    case lost
    /// The peer broke the protocol or a limit, and was told this code.
    case violation(code: UInt16)
    /// The peer does not take what it is sent.
    case slowReader
    /// The server is stopping.
    case goingAway
}

package protocol WebSocketHandler: AnyObject, Sendable {
    func webSocketDidOpen(_ connection: WebSocketConnection)
    func webSocket(_ connection: WebSocketConnection, didReceive message: WebSocketMessage)
    /// Some thread called `wake`.
    func webSocketWasWoken(_ connection: WebSocketConnection)
    /// The last call.
    func webSocketDidEnd(_ connection: WebSocketConnection, _ end: WebSocketEnd)
}

@safe
package final class WebSocketConnection: UpgradedSocketDelegate, @unchecked Sendable {
    // Unchecked: see "Confinement". `socket` is written once, before `webSocketDidOpen` makes the connection known to others.
    private enum Phase { case connecting, open, closing, closed }

    private let limits: WebSocketLimits
    private let counters: TrafficCounters?
    private let handler: any WebSocketHandler
    private var socket: UpgradedSocket?
    private var codec: WebSocketCodec?
    private var phase = Phase.connecting
    /// Bytes that the kernel has not taken yet, from `sentBytes` on.
    private var outgoing: [UInt8] = []
    private var sentBytes = 0
    /// Close the socket as soon as everything is out.
    private var closesWhenSent = false

    package init(limits: WebSocketLimits, counters: TrafficCounters? = nil, handler: any WebSocketHandler) {
        self.limits = limits
        self.counters = counters
        self.handler = handler
    }

    package var client: ClientAddress? { socket?.client }
    private var waitingBytes: Int { outgoing.count - sentBytes }

    /// Has `webSocketWasWoken` called on the loop's thread. From any thread, once `webSocketDidOpen` was called.
    package func wake() { socket?.wake() }

    package func send(_ message: WebSocketMessage) {
        guard phase == .open else { return }
        guard waitingBytes <= limits.queueBytes else { return close(code: 1008, reason: "too slow", .slowReader) }
        counters?.sent(message.bytes.count)
        withCodec { $0.send(message) }
    }

    /// Begins the closing handshake.
    package func close(code: UInt16 = 1000, reason: String = "") { close(code: code, reason: reason, .local) }

    private func close(code: UInt16, reason: String, _ end: WebSocketEnd) {
        guard phase == .open else { return }
        phase = .closing
        withCodec { $0.sendClose(code: code, reason: reason) }
        socket?.isReading = true
        socket?.setTimer(milliseconds: limits.closeTimeoutMilliseconds)
        handler.webSocketDidEnd(self, end)
    }

    /// Lends a codec for a call and takes its output.
    private func withCodec(_ body: (WebSocketCodec) -> Void) {
        let lent = codec ?? WebSocketCodecPool.shared.take(messageLimit: limits.messageBytes)
        body(lent)
        take(lent)
    }

    /// Sends what the codec has to say, and gives it back if it may go.
    private func take(_ lent: WebSocketCodec) {
        let bytes = lent.output
        lent.output = []
        let rests = lent.isAtRest
        if rests { WebSocketCodecPool.shared.give(lent) }
        codec = rests ? nil : lent
        if !bytes.isEmpty { transmit(bytes) }
    }

    // MARK: out

    private func transmit(_ bytes: [UInt8]) {
        guard let socket else { return }
        if waitingBytes == 0 {
            let taken = unsafe bytes.withUnsafeBytes { unsafe socket.write($0) }
            if taken < bytes.count {
                outgoing = Array(bytes[taken...])
                sentBytes = 0
            }
        } else {
            outgoing += bytes
        }
        if phase == .open, waitingBytes > limits.pauseBytes { socket.isReading = false }
    }

    package func socketIsWritable(_ socket: UpgradedSocket) {
        let taken = unsafe outgoing.withUnsafeBytes {
            unsafe socket.write(UnsafeRawBufferPointer(rebasing: $0[sentBytes...]))
        }
        sentBytes += taken
        if waitingBytes == 0 {
            // Not kept: an idle connection has no buffer.
            outgoing = []
            sentBytes = 0
            if closesWhenSent { return socket.close() }
        } else if sentBytes > outgoing.count / 2 {
            outgoing.removeFirst(sentBytes)
            sentBytes = 0
        }
        if waitingBytes <= limits.pauseBytes / 2, !socket.isReading { socket.isReading = true }
    }

    private func closeWhenSent() {
        closesWhenSent = true
        if waitingBytes == 0 {
            socket?.close()
        } else {
            socket?.setTimer(milliseconds: limits.closeTimeoutMilliseconds)
        }
    }

    // MARK: in

    package func socketIsReadable(_ socket: UpgradedSocket) {
        unsafe withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { buffer in
            guard case .bytes(let count) = unsafe socket.read(into: buffer), count > 0 else { return }
            unsafe receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        // After its last frame a peer has nothing more to say.
        guard phase != .closed else { return }
        let lent = codec ?? WebSocketCodecPool.shared.take(messageLimit: limits.messageBytes)
        let events = unsafe lent.receive(bytes)
        take(lent)
        for event in events {
            switch event {
            case .message(let message):
                guard phase == .open else { continue }
                counters?.received(message.bytes.count)
                handler.webSocket(self, didReceive: message)
            case .closed(let code): ended(.peer(code: code))
            case .failed(let code): ended(.violation(code: code))
            }
        }
    }

    /// Both sides have said goodbye, or there is nothing more to say.
    private func ended(_ end: WebSocketEnd) {
        let wasOpen = phase == .open
        phase = .closed
        closeWhenSent()
        if wasOpen { handler.webSocketDidEnd(self, end) }
    }

    // MARK: the socket's life

    package func socketDidOpen(_ socket: UpgradedSocket) {
        self.socket = socket
        phase = .open
        handler.webSocketDidOpen(self)
    }

    package func socketTimerDidFire(_ socket: UpgradedSocket) { socket.abort() }

    package func socketWasWoken(_ socket: UpgradedSocket) {
        if phase == .open { handler.webSocketWasWoken(self) }
    }

    package func socketShouldEnd(_ socket: UpgradedSocket) { close(code: 1001, reason: "going away", .goingAway) }

    package func socketDidClose(_ socket: UpgradedSocket, _ reason: UpgradedSocket.CloseReason) {
        let wasOpen = phase == .open
        phase = .closed
        codec = nil
        outgoing = []
        sentBytes = 0
        if wasOpen { handler.webSocketDidEnd(self, .lost) }
    }
}
