/// One request, complete: head and body. A value that stays valid for as long as anybody holds it, on any thread.
package struct Request: Sendable {
    let head: RequestHead

    /// The body with its transfer coding removed and, where the server decodes content, its content coding removed too.
    /// Empty when `bodyError` is set.
    package var body: [UInt8]

    /// Why there is no usable body. The transport answers nothing by itself here, so that each API can shape the error,
    /// and can do so at the same place in its middleware as the original did.
    package var bodyError: BodyError?

    /// The TCP peer.
    package let client: ClientAddress

    /// Unique in this process.
    package let id: UInt64

    /// The index of the listener that took the connection, in the order of the `listen` calls.
    package let listener: Int

    package let isTLS: Bool

    /// Whether the connection is kept behind the reply, as far as the request decides that.
    package var keepsConnection: Bool {
        version == "HTTP/1.1" && bodyError == nil && !headers.hasToken("close", in: "Connection")
    }

    /// The method as sent; methods are case-sensitive.
    package var method: String { head.method }

    /// The raw target: undecoded, with its query.
    package var target: String { text(head.target) }

    /// The raw path: undecoded, without the query.
    package var path: String { text(head.path) }

    /// The raw query: undecoded, without the `?`.
    package var query: String { text(head.query) }

    package var headers: Headers { head.headers }

    /// `HTTP/1.1` or `HTTP/1.0`.
    package var version: String { head.version.rawValue }

    /// The bytes of the raw path, for routing without a string.
    var pathBytes: ArraySlice<UInt8> { head.headers.bytes[head.path] }

    /// The query's pairs in order, both sides percent-decoded with `+` for a blank. A side whose escapes are broken
    /// stays as it was sent.
    package var queryItems: [(name: String, value: String)] {
        PercentEncoding.queryItems(head.headers.bytes[head.query])
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: head.headers.bytes[range], as: UTF8.self)
    }
}

/// Why a request's body could not be had.
package enum BodyError: Error, Sendable, Equatable {
    /// The body, or what it decodes to, has more than `limit` bytes.
    case tooLarge(limit: Int)
    /// A Content-Encoding other than identity, gzip or deflate; the name in lower case.
    case unsupportedEncoding(String)
    /// The body is not what its Content-Encoding says.
    case malformedEncoding(String)
}

extension Request {
    /// A request made in the process, for tests and for calls without a socket. It goes through the same header storage
    /// as one that came over a wire.
    ///
    /// - Precondition: the head fits in 64 KiB.
    package init(
        method: String = "GET",
        target: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        client: ClientAddress = .loopback,
        id: UInt64 = 0,
        listener: Int = 0,
        isTLS: Bool = false,
        version: HTTPVersion = .http11
    ) {
        var bytes = Array(target.utf8)
        let targetRange = 0..<bytes.count
        var slots: [Headers.Slot] = []
        for (name, value) in headers {
            let start = bytes.count
            bytes += name.utf8
            let middle = bytes.count
            bytes += value.utf8
            slots.append(
                Headers.Slot(
                    name: UInt16(start)..<UInt16(middle), value: UInt16(middle)..<UInt16(bytes.count)))
        }
        head = RequestHead(
            headers: Headers(bytes: bytes, slots: slots), method: method, target: targetRange, version: version)
        self.body = body
        self.client = client
        self.id = id
        self.listener = listener
        self.isTLS = isTLS
    }
}
