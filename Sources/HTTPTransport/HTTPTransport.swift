// HTTPTransport: HTTP/1.1 over libmicrohttpd. It knows nothing of chat.
//
// A server that answers at once, and one that answers when a disk is done:
//
//     let server = try HTTPServer()
//     var router = Router()
//     router.add("GET", "/health") { _, _, exchange in
//         exchange.respond(Response(json: #"{"status":"healthy"}"#))
//     }
//     router.add("POST", "/sessions/:id/messages") { request, parameters, exchange in
//         store.append(parameters["id"]!, request.body) { result in    // calls back on its own thread
//             exchange.respond(Response(status: 201, json: result))    // wakes the connection's event loop
//         }
//     }
//     let handler = compose([securityHeaders.middleware, cors.middleware, EntityTag.middleware], router.handler(…))
//     let port = try server.listen(host: "127.0.0.1", port: 0, handler: handler)
//     …
//     server.drain(deadline: .seconds(10))
//
// Where to go next:
//   Message/        Request, Headers, Response, Exchange, BodyStream: what a handler sees
//   Routing/        Router: Express's matching rules
//   Middleware/     SecurityHeaders, CORS, EntityTag, RateLimitHeaders: mechanisms; the values belong to the APIs
//   Server/         HTTPServer, EventLoop (read its head for how a turn goes), RequestReader (why it is strict),
//                   ResponseWriter, HTTPLimits
//   Cryptography/   hashes, HMAC, random bytes, base64
//
// Rules:
//   - A handler runs on an event loop and must not block. Whoever waits for something keeps the exchange and responds
//   later.
//   - A request's body is complete and decoded when the handler runs; `bodyError` says why there is none. The API
//   shapes
//     that answer; malformed HTTP never reaches a handler.
//   - Event loops, the acceptor and drains use threads of their own, never Swift's cooperative pool.

extension Router {
    /// A handler for this router.
    ///
    /// - Parameters:
    ///   - routed: called with the pattern of the route found, before its handler; for metrics and logs.
    ///   - otherwise: answers what no route matches: unknown path, other method, broken parameter.
    package func handler(
        routed: (@Sendable (Request, _ pattern: String) -> Void)? = nil,
        otherwise: @escaping @Sendable (Request, Outcome, any Exchange) -> Void
    ) -> Handler {
        { request, exchange in
            let outcome = find(request)
            guard case .matched(let match) = outcome else { return otherwise(request, outcome, exchange) }
            routed?(request, match.pattern)
            match.handler(request, match.parameters, exchange)
        }
    }
}
