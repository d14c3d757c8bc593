internal import CWslay
internal import Synchronization

// Framing by wslay, without a socket: bytes in, messages and bytes out.
//
// The library checks frames, masks, fragments, UTF-8 and close codes, answers pings and closes, and limits a message. One
// of its contexts takes 9 KiB, more than all the rest of an idle connection, and between two frames it knows nothing. So
// a connection has one only while a frame or a fragmented message is under way (`isAtRest` says when not), and otherwise
// borrows one from `WebSocketCodecPool` for the time of a call.
//
// Invariants:
//   - the library's send queue is empty after every call: its output is in `output`;
//   - `isAtRest` is true only if the library has consumed every byte that it was given, is not inside a message, and has
//     neither sent nor received a close frame;
//   - the callbacks run inside `receive` and `send` only, on the caller's thread, so the unretained pointer to this
//     object that they get is valid.

/// One data message.
package enum WebSocketMessage: Sendable, Equatable {
    /// Valid UTF-8.
    case text([UInt8])
    case binary([UInt8])

    package var bytes: [UInt8] {
        switch self {
        case .text(let bytes), .binary(let bytes): bytes
        }
    }
}

@safe
final class WebSocketCodec {
    enum Event: Equatable {
        case message(WebSocketMessage)
        /// The peer's close frame; 1005 when it names no code. The answer is in `output`.
        case closed(code: UInt16)
        /// The peer broke the protocol; the close frame that says so is in `output`.
        case failed(code: UInt16)
    }

    /// Bytes to be sent, in order; whoever takes them empties it.
    var output: [UInt8] = []
    private var events: [Event] = []
    private var context: wslay_event_context_ptr?
    /// What `receive` was given and the library has not asked for yet.
    private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// Bytes given to the library, and the length of all frames begun so far.
    private var given: UInt64 = 0
    private var framed: UInt64 = 0
    private var isInMessage = false
    private var isClosing = false
    /// What the library lets pass, or does not name: the close frame is then written here, and the library's is not sent.
    private var violation: UInt16?

    init() {
        var callbacks = wslay_event_callbacks()
        unsafe callbacks.recv_callback = { context, target, count, _, user in
            unsafe WebSocketCodec.from(user).give(context, target, count)
        }
        unsafe callbacks.send_callback = { _, bytes, count, _, user in
            unsafe WebSocketCodec.from(user).output.append(
                contentsOf: UnsafeBufferPointer(start: bytes, count: count))
            return count
        }
        unsafe callbacks.on_frame_recv_start_callback = { _, frame, user in
            guard let frame = unsafe frame?.pointee else { return }
            unsafe WebSocketCodec.from(user).began(frame)
        }
        unsafe callbacks.on_msg_recv_callback = { _, message, user in
            guard let message = unsafe message?.pointee else { return }
            unsafe WebSocketCodec.from(user).received(message)
        }
        let code = unsafe wslay_event_context_server_init(
            &context, &callbacks, Unmanaged.passUnretained(self).toOpaque())
        precondition(code == 0, "out of memory")
    }

    deinit { unsafe wslay_event_context_free(context) }

    private static func from(_ user: UnsafeMutableRawPointer?) -> WebSocketCodec {
        guard let user = unsafe user else { preconditionFailure("a callback without its codec") }
        return unsafe Unmanaged<WebSocketCodec>.fromOpaque(user).takeUnretainedValue()
    }

    /// Whether it can serve another connection from here on.
    var isAtRest: Bool { given == framed && !isInMessage && !isClosing && output.isEmpty }

    /// A message longer than this is refused with 1009 before memory is taken for it.
    func limitMessages(to bytes: Int) {
        unsafe wslay_event_config_set_max_recv_msg_length(context, UInt64(bytes))
    }

    /// Takes in what came from the socket.
    func receive(_ bytes: UnsafeRawBufferPointer) -> [Event] {
        unsafe input = bytes
        defer { unsafe input = UnsafeRawBufferPointer(start: nil, count: 0) }
        let code = unsafe wslay_event_recv(context)
        if code != 0, violation == nil {
            // The library closes without a code where a frame's head is wrong.
            violation = code == CWSLAY_OUT_OF_MEMORY ? 1011 : 1002
        }
        if let violation {
            if !isClosing { fail(violation) }
        } else {
            let isClosed = unsafe wslay_event_get_close_received(context) != 0
            let reads = unsafe wslay_event_get_read_enabled(context) != 0
            flush()
            if !reads, !isClosed, !isClosing {
                isClosing = true
                events.append(.failed(code: unsafe wslay_event_get_status_code_sent(context)))
            }
        }
        defer { events.removeAll(keepingCapacity: events.capacity <= 64) }
        return events
    }

    func send(_ message: WebSocketMessage) {
        switch message {
        case .text(let bytes): queue(CWSLAY_TEXT, bytes)
        case .binary(let bytes): queue(CWSLAY_BINARY, bytes)
        }
    }

    func sendPing() { queue(CWSLAY_PING, []) }

    /// - Parameter reason: cut to the 123 bytes that fit.
    func sendClose(code: UInt16, reason: String) {
        isClosing = true
        var text = reason
        while text.utf8.count > 123 { text.removeLast() }
        let bytes = Array(text.utf8)
        _ = unsafe wslay_event_queue_close(context, code, bytes, bytes.count)
        flush()
    }

    private func queue(_ opcode: UInt8, _ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            var message = unsafe wslay_event_msg(opcode: opcode, msg: bytes.baseAddress, msg_length: bytes.count)
            _ = unsafe wslay_event_queue_msg(context, &message)
        }
        flush()
    }

    private func fail(_ code: UInt16) {
        isClosing = true
        output += [0x80 | CWSLAY_CLOSE, 2, UInt8(code >> 8), UInt8(code & 255)]
        events.append(.failed(code: code))
    }

    private func flush() {
        guard violation == nil else { return }
        let code = unsafe wslay_event_send(context)
        if code != 0 { isClosing = true }
    }

    // MARK: the library's side

    private func give(
        _ context: wslay_event_context_ptr?, _ target: UnsafeMutablePointer<UInt8>?, _ room: Int
    ) -> Int {
        guard unsafe !input.isEmpty else { return unsafe cwslay_would_block(context) }
        let count = unsafe min(room, input.count)
        unsafe UnsafeMutableRawBufferPointer(start: target, count: count).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        unsafe input = UnsafeRawBufferPointer(rebasing: input[count...])
        given += UInt64(count)
        return count
    }

    private func began(_ frame: wslay_event_on_frame_recv_start_arg) {
        // Two bytes, the longer forms of the length, the mask (RFC 6455 §5.2; the library refuses longer forms than needed).
        let header: UInt64 = frame.payload_length < 126 ? 6 : frame.payload_length < 65536 ? 8 : 14
        framed &+= header &+ frame.payload_length
        if frame.opcode <= CWSLAY_BINARY { isInMessage = frame.fin == 0 }
    }

    private func received(_ message: wslay_event_on_msg_recv_arg) {
        switch unsafe message.opcode {
        case CWSLAY_TEXT: events.append(.message(.text(unsafe WebSocketCodec.payload(message))))
        case CWSLAY_BINARY: events.append(.message(.binary(unsafe WebSocketCodec.payload(message))))
        case CWSLAY_CLOSE:
            guard unsafe message.msg_length != 1 else { return violation = 1002 }
            isClosing = true
            let code = unsafe message.status_code
            events.append(.closed(code: code == 0 ? 1005 : code))
        default: break
        }
    }

    private static func payload(_ message: wslay_event_on_msg_recv_arg) -> [UInt8] {
        unsafe Array(UnsafeBufferPointer(start: message.msg, count: message.msg_length))
    }
}

/// Codecs at rest, for whoever needs one for a moment, on any thread.
final class WebSocketCodecPool: Sendable {
    private struct Slot: @unchecked Sendable {
        // Unchecked: a codec that is in the pool is referred to from nowhere else.
        let codec: WebSocketCodec
    }

    private let spare = Mutex<[Slot]>([])

    static let shared = WebSocketCodecPool()
    /// More than the event loops of a large machine use at the same moment.
    private static let capacity = 64

    private init() {}

    func take(messageLimit: Int) -> WebSocketCodec {
        let codec = spare.withLock { $0.popLast() }?.codec ?? WebSocketCodec()
        codec.limitMessages(to: messageLimit)
        return codec
    }

    func give(_ codec: WebSocketCodec) {
        precondition(codec.isAtRest, "a codec in use")
        let slot = Slot(codec: codec)
        spare.withLock { if $0.count < WebSocketCodecPool.capacity { $0.append(slot) } }
    }
}
