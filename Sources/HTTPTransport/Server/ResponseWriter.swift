internal import CMicroHTTPD
internal import Glibc

// From a `Response` to the library's reply object.
//
// The library keeps each header field as three allocations of its own, and a reply here has some twenty fields. So the
// whole block goes in as one field: the first field's name, and as its value everything from the first field's value to
// the last field's, with the line ends in between masked (the library refuses CR and LF in a value) and put back in the
// library's copy afterwards. What leaves is byte for byte the block, in the order it was put together.
//
// This is safe against response splitting because `HeaderBlock` has refused every control character before; the only
// masks in it are the ones it wrote. Fields that the library gives a meaning (Connection, Transfer-Encoding, Date,
// Content-Length) never enter the block.

enum ResponseWriter {
    /// - Parameters:
    ///   - block: what middleware added; the response's own fields are added to it. Used up.
    /// - Returns: the library's object, owned by the caller, and the status it goes with; nil when out of memory.
    static func make(
        _ response: Response, block: inout HeaderBlock, connection: Connection, isHEAD: Bool, closes: Bool
    ) -> (reply: OpaquePointer, status: UInt32)? {
        var status = response.status
        var body = response.body
        append(response, to: &block)
        if !block.isValid || !isAllowed(status, body) {
            if case .stream(let stream) = body { stream.disconnect() }
            (status, body) = (500, .empty)
            block.removeAll()
        } else if case .upgrade = body, let refusal = refusalOfUpgrade(connection, closes: closes) {
            (status, body) = (refusal, .empty)
        }
        let form = BodyForm(status: status, isHEAD: isHEAD)
        // What a handler said of keeping the connection does not hold.
        if closes || response.closesConnection || endsConnection(body, form) { block.removePersistence() }
        guard let reply = unsafe makeReply(body, form, connection: connection) else { return nil }
        if status == 204 {
            // Otherwise the library, rightly, sends no length with a 204; some originals did.
            unsafe cmhd_allow_content_length(reply)
        }
        guard unsafe add(&block, to: reply) else {
            unsafe MHD_destroy_response(reply)
            return nil
        }
        if status != 101, closes || response.closesConnection {
            _ = unsafe MHD_add_response_header(reply, "Connection", "close")
        }
        return unsafe (reply, UInt32(status))
    }

    private static func append(_ response: Response, to block: inout HeaderBlock) {
        for (name, value) in response.headers {
            switch name.utf8.count {
            case 4 where equalsIgnoringCase(name, "date"),
                10 where equalsIgnoringCase(name, "connection"),
                17 where equalsIgnoringCase(name, "transfer-encoding"):
                continue
            case 14 where equalsIgnoringCase(name, "content-length") && response.status != 204:
                continue
            default: block.append(name, value)
            }
        }
    }

    /// What of a body leaves with the head.
    private enum BodyForm {
        case whole
        /// Nothing, but the length that the GET's body has, where it is known.
        case head
        /// Nothing, but the length that the 200's body would have, where it is known (RFC 9110 §8.6).
        case notModified

        init(status: Int, isHEAD: Bool) {
            self = status == 304 ? .notModified : isHEAD ? .head : .whole
        }
    }

    private static func isAllowed(_ status: Int, _ body: ResponseBody) -> Bool {
        if case .upgrade = body { return status == 101 }
        return (200...999).contains(status)
    }

    private static func refusalOfUpgrade(_ connection: Connection, closes: Bool) -> Int? {
        if closes { return 503 }
        if connection.listener.isTLS { return 501 }
        return connection.head?.version == .http10 ? 400 : nil
    }

    /// Whether the reply costs the connection, see `makeUnknownLength`.
    private static func endsConnection(_ body: ResponseBody, _ form: BodyForm) -> Bool {
        switch (body, form) {
        case (.empty, .notModified), (.stream, .head), (.stream, .notModified): true
        default: false
        }
    }

    private static func makeReply(_ body: ResponseBody, _ form: BodyForm, connection: Connection) -> OpaquePointer? {
        switch (body, form) {
        case (.empty, .notModified):
            // A handler's own 304: how long the 200 would be nobody knows, and 0 would be wrong.
            return unsafe makeUnknownLength()
        case (.empty, _):
            return unsafe MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
        case (.bytes(let bytes), _):
            return unsafe bytes.withUnsafeBytes { buffer in
                // The library copies; it does not write through the pointer.
                unsafe MHD_create_response_from_buffer(
                    buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
            }
        case (.stream(let stream), .whole):
            return unsafe StreamSource.makeReply(stream, connection: connection)
        case (.stream(let stream), .head), (.stream(let stream), .notModified):
            // Nobody will ever read this one.
            stream.disconnect()
            return unsafe makeUnknownLength()
        case (.upgrade(let protocolName, let delegate), _):
            connection.upgrade = delegate
            guard let reply = unsafe MHD_create_response_for_upgrade(connectionUpgraded, nil) else { return nil }
            _ = unsafe MHD_add_response_header(reply, "Upgrade", protocolName)
            return unsafe reply
        }
    }

    /// A body that is not sent and whose length is not known: neither Content-Length nor Transfer-Encoding.
    ///
    /// It costs the connection. The library can leave both out only where a close ends the body; with a transfer coding
    /// it would send the last chunk even after a head that has no body, to be taken for the next reply's beginning.
    private static func makeUnknownLength() -> OpaquePointer? {
        guard let reply = unsafe MHD_create_response_from_callback(UInt64.max, 1, { _, _, _, _ in -1 }, nil, nil)
        else { return nil }
        unsafe cmhd_end_with_connection(reply)
        return unsafe reply
    }

    private static func add(_ block: inout HeaderBlock, to reply: OpaquePointer) -> Bool {
        guard !block.isEmpty else { return true }
        return unsafe block.withMaskedForm { bytes in
            // bytes: name ':' ' ' value mask mask [...] mask mask
            let count = bytes.count
            guard let base = bytes.baseAddress, let colon = unsafe bytes.firstIndex(of: UInt8(ascii: ":"))
            else { return false }
            unsafe base[colon] = 0
            unsafe base[count - 2] = 0
            let value = unsafe UnsafeRawPointer(base + colon + 2).assumingMemoryBound(to: CChar.self)
            let name = unsafe UnsafeRawPointer(base).assumingMemoryBound(to: CChar.self)
            // An empty value would be refused; the library skips nothing, so one blank is the same field (RFC 9110
            // §5.5).
            if unsafe value[0] == 0 { return unsafe MHD_add_response_header(reply, name, " ") == MHD_Result.YES }
            guard unsafe MHD_add_response_header(reply, name, value) == MHD_Result.YES,
                let kept = unsafe MHD_get_response_header(reply, name)
            else { return false }
            unsafe unmask(UnsafeMutableRawPointer(mutating: kept), count: count - 2 - (colon + 2))
            return true
        }
    }

    private static func unmask(_ value: UnsafeMutableRawPointer, count: Int) {
        var index = 0
        while let found = unsafe memchr(value + index, Int32(HeaderBlock.lineEndMask), count - index) {
            let at = unsafe found.assumingMemoryBound(to: UInt8.self)
            unsafe at[0] = 0x0D
            unsafe at[1] = 0x0A
            index = unsafe UnsafeMutableRawPointer(at) - value + 2
        }
    }
}

/// What the library's content callback needs while it sends a stream.
private final class StreamSource {
    let stream: BodyStream
    let connection: Connection

    init(stream: BodyStream, connection: Connection) {
        self.stream = stream
        self.connection = connection
    }

    static func makeReply(_ stream: BodyStream, connection: Connection) -> OpaquePointer? {
        connection.stream = stream
        let source = unsafe Unmanaged.passRetained(StreamSource(stream: stream, connection: connection))
        let reply = unsafe MHD_create_response_from_callback(
            UInt64.max, 16 << 10,
            { closure, _, buffer, capacity in
                guard let closure = unsafe closure, let buffer = unsafe buffer else { return -2 }
                let source = unsafe Unmanaged<StreamSource>.fromOpaque(closure).takeUnretainedValue()
                return unsafe source.read(UnsafeMutableRawBufferPointer(start: buffer, count: capacity))
            }, source.toOpaque(),
            { closure in
                guard let closure = unsafe closure else { return }
                unsafe Unmanaged<StreamSource>.fromOpaque(closure).release()
            })
        if unsafe reply == nil { unsafe source.release() }
        return unsafe reply
    }

    /// MHD_CONTENT_READER_END_OF_STREAM is -1, MHD_CONTENT_READER_END_WITH_ERROR is -2.
    private func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        if connection.isAborted { return -2 }
        connection.loop.wantsTurn = true
        switch unsafe stream.read(into: buffer, for: connection) {
        case .bytes(let count): return count
        case .end: return -1
        case .failed: return -2
        case .wait:
            if stream.isDisconnected { return -2 }
            connection.loop.suspendWatching(connection)
            return 0
        }
    }
}
