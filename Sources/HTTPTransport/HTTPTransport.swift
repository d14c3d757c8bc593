// HTTPTransport: HTTP/1.1 over libmicrohttpd. It knows nothing of chat.
//
// A server that answers at once, and one that answers when a disk is done:
//
//     let server = try HTTPServer()
//     enum Operation: Int { case health, append }
//     var router = Router()
//     router.add("GET", "/health")
//     router.add("POST", "/sessions/:id/messages")
//     let handler = compose([securityHeaders.middleware, cors.middleware]) { request, exchange in
//         guard case .matched(let match) = router.find(request) else { return exchange.respond(Response(status: 404)) }
//         switch Operation(rawValue: match.route)! {
//         case .health: exchange.respond(Response(json: #"{"status":"healthy"}"#))
//         case .append:
//             store.append(match.parameters["id"]!, request.body) { result in    // calls back on its own thread
//                 exchange.respond(Response(status: 201, json: result))          // wakes the connection's event loop
//             }
//         }
//     }
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
