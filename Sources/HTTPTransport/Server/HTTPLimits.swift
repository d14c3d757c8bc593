/// Every bound on what a client can make the transport hold or wait for.
package struct HTTPLimits: Sendable {
    /// The largest body handed to a handler, on the wire and after content decoding.
    package var bodyBytes = 1 << 20
    /// How much of a body over `bodyBytes` is read and thrown away so that the client sees the error on a connection
    /// that lives on; past that the connection is closed.
    package var discardedBodyBytes = 8 << 20
    /// Request line and header block together; above it 431. At most `maximumHeaderBytes`.
    package var headerBytes = 16 << 10
    /// Connections of all listeners; above it a new one gets 503 and is closed.
    package var connections = 10_000
    /// Connections of one IP address; 0 is no limit.
    package var connectionsPerIP = 0
    /// How long a connection may stay silent, between requests or within one. Whole seconds.
    package var idleTimeoutSeconds = 65
    /// How long a request line and headers may take to come, from the connection's start or (after a reply) from the
    /// end of the idle time; then 408.
    package var headerTimeoutMilliseconds = 60_000
    /// How long a body may take to come, from the end of its headers; then 408.
    package var bodyTimeoutMilliseconds = 300_000

    /// The pace that a client has to keep while it takes a reply: in every window of `replyWindowMilliseconds` at least
    /// `replyBytesPerWindow` acknowledged (240 bytes a second), else the connection is closed. Without it a client that
    /// takes a byte a minute holds a connection and its reply for ever. A stream that has nothing to send does not
    /// count. 0 bytes: no such limit.
    package var replyWindowMilliseconds = 30_000
    package var replyBytesPerWindow = 7200

    package init() {}

    /// What `headerBytes` may be set to: offsets into a header block are 16 bits wide.
    package static let maximumHeaderBytes = 60 << 10

    /// The connection's memory inside the library: the head, and 16 KiB for the library's copy of the cookies (three of
    /// nearly 4 KiB), the field table and the reply's headers, which grow from the other end. No more than that, because
    /// the library clears all of it after every reply (of `GET /health`'s 11 us, 0.4 us for 8 KiB). Up to 32 KiB it comes
    /// from malloc rather than from mmap.
    var connectionMemoryBytes: Int { headerBytes + (16 << 10) }
}
