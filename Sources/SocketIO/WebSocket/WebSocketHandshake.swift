package import HTTPTransport

/// The opening handshake of a WebSocket (RFC 6455 §4.2).
package enum WebSocketHandshake {
    package enum Verdict: Sendable {
        /// Answer with `Response.upgrade(to: "websocket", headers: fields, …)`.
        case accepted(fields: [(name: String, value: String)])
        case refused(Response)
    }

    /// Whether a request wants to become a WebSocket at all.
    package static func isAsked(by request: Request) -> Bool {
        request.headers.hasToken("websocket", in: "Upgrade")
    }

    /// - Parameter allowsOrigin: asked with the `Origin` field, nil when there is none (clients other than browsers);
    /// browsers enforce nothing here by themselves, so this is the only place where a foreign page can be kept out.
    package static func check(_ request: Request, allowsOrigin: (String?) -> Bool) -> Verdict {
        guard request.method == "GET", isAsked(by: request), request.headers.hasToken("upgrade", in: "Connection")
        else {
            return .refused(Response(status: 400, text: "Not a WebSocket handshake"))
        }
        guard request.headers["Sec-WebSocket-Version"] == "13" else {
            return .refused(
                Response(
                    status: 426,
                    headers: [("Sec-WebSocket-Version", "13"), ("Content-Type", "text/plain; charset=utf-8")],
                    body: .bytes(Array("Only version 13 of the WebSocket protocol is spoken here".utf8))))
        }
        let keys = request.headers.all("Sec-WebSocket-Key")
        guard keys.count == 1, let key = keys.first, Base64.decode(key)?.count == 16 else {
            return .refused(Response(status: 400, text: "Sec-WebSocket-Key must be 16 bytes in base64"))
        }
        guard allowsOrigin(request.headers["Origin"]) else {
            return .refused(Response(status: 403, text: "Origin not allowed"))
        }
        return .accepted(fields: [("Sec-WebSocket-Accept", acceptance(of: key))])
    }

    /// RFC 6455 §4.2.2, step 5.4.
    static func acceptance(of key: String) -> String {
        Base64.encode(Cryptography.sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }
}
