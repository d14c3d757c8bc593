/// One reply. The header fields leave in the order given here, after those that middleware added to the exchange; the
/// library adds Date, Content-Length and, where needed, Connection and Transfer-Encoding.
package struct Response: Sendable {
    package var status: Int
    /// A field whose name or value holds a control character makes the reply a bare 500: it can only be an attempt to
    /// split the response. `Content-Length` is ignored except on 204, which otherwise has none.
    package var headers: [(name: String, value: String)]
    package var body: ResponseBody
    /// Closes the connection after this reply.
    package var closesConnection = false

    package init(status: Int, headers: [(name: String, value: String)] = [], body: ResponseBody = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// `application/json; charset=utf-8`.
    package init(status: Int = 200, json: [UInt8]) {
        self.init(status: status, headers: [Response.jsonType], body: .bytes(json))
    }

    /// `application/json; charset=utf-8`, of a text that is JSON already.
    package init(status: Int = 200, json: String) {
        self.init(status: status, json: Array(json.utf8))
    }

    package init(status: Int = 200, text: String, contentType: String = "text/plain; charset=utf-8") {
        self.init(status: status, headers: [("Content-Type", contentType)], body: .bytes(Array(text.utf8)))
    }

    /// 101: the connection leaves HTTP for `protocolName`, and `delegate` gets its socket once this reply is out. The
    /// library adds `Connection: Upgrade`; `Upgrade` is added here. Without a socket (tests in the process), and on a
    /// connection that cannot be upgraded (HTTP/1.0: 400, TLS: 501, a draining server: 503), the delegate is never called.
    package static func upgrade(
        to protocolName: String, headers: [(name: String, value: String)] = [], delegate: any UpgradedSocketDelegate
    ) -> Response {
        Response(status: 101, headers: headers, body: .upgrade(to: protocolName, delegate))
    }

    static var jsonType: (name: String, value: String) { ("Content-Type", "application/json; charset=utf-8") }

    /// The first value of `name`, compared without regard to case.
    package func header(_ name: String) -> String? {
        headers.first { equalsIgnoringCase($0.name, name) }?.value
    }
}

package enum ResponseBody: Sendable {
    case empty
    case bytes([UInt8])
    /// Sent as it is produced, with `Transfer-Encoding: chunked` (HTTP/1.0: until the connection closes).
    case stream(BodyStream)
    /// None: what follows the head is another protocol. See `Response.upgrade`.
    case upgrade(to: String, any UpgradedSocketDelegate)

    /// The bytes of a body that is not a stream.
    package var bytes: [UInt8] {
        if case .bytes(let bytes) = self { return bytes }
        return []
    }
}
