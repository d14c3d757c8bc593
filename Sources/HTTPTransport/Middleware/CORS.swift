/// Cross-origin resource sharing as the `cors` package of Express answers it, with the choices that its users make.
package struct CORS: Sendable {
    /// Which origins are let in.
    package enum Origins: Sendable {
        /// `Access-Control-Allow-Origin: *`.
        case any
        /// These exactly, and those that fit one of the patterns, each with one `*` for any text.
        case only(exact: [String], patterns: [String])

        func contains(_ origin: String) -> Bool {
            switch self {
            case .any: return true
            case .only(let exact, let patterns):
                return exact.contains { $0.utf8.elementsEqual(origin.utf8) } || patterns.contains { fits(origin, $0) }
            }
        }

        private func fits(_ origin: String, _ pattern: String) -> Bool {
            let (origin, pattern) = (Array(origin.utf8), Array(pattern.utf8))
            guard let star = pattern.firstIndex(of: UInt8(ascii: "*")) else { return origin == pattern }
            let (prefix, suffix) = (pattern[..<star], pattern[(star + 1)...])
            return origin.count >= prefix.count + suffix.count && origin.starts(with: prefix)
                && origin.suffix(suffix.count).elementsEqual(suffix)
        }
    }

    /// What happens to a request with an origin that is not let in.
    package enum ForeignOrigin: Sendable {
        /// Served, without Allow-Origin but with Vary and Credentials: a whitelist array.
        case served
        /// Served as if there were no CORS at all, preflights too: a whitelist function that says no.
        case ignored
        /// Answered by this before anything else runs, without CORS fields.
        case refused(@Sendable (_ origin: String) -> Response)
    }

    package enum AllowedHeaders: Sendable {
        case fixed(String)
        /// What the request asks for, with `Access-Control-Request-Headers` in Vary.
        case echoed
    }

    package var origins: Origins
    package var foreignOrigin = ForeignOrigin.served
    package var allowsCredentials = true
    package var methods = "GET,HEAD,PUT,PATCH,POST,DELETE"
    package var allowedHeaders = AllowedHeaders.echoed
    package var exposedHeaders: String?
    package var maxAgeSeconds: Int?
    package var preflightStatus = 204

    package init(origins: Origins) {
        self.origins = origins
    }

    package var middleware: Middleware {
        let fields = Fields(self)
        return { [self] next in { request, exchange in handle(request, exchange, fields, next) } }
    }

    /// What of the reply does not depend on the request, put together once.
    private struct Fields: Sendable {
        /// For a request that is no preflight, after its Allow-Origin.
        let actual: HeaderBlock
        /// For a preflight, after its Allow-Origin and before its Allow-Headers; and what comes after them.
        let preflight: HeaderBlock
        let preflightEnd: HeaderBlock

        init(_ cors: CORS) {
            var vary: [String] = []
            var start: [(name: String, value: String)] = []
            var end: [(name: String, value: String)] = []
            if case .any = cors.origins {
                start.append(("Access-Control-Allow-Origin", "*"))
            } else {
                vary.append("Origin")
            }
            if cors.allowsCredentials { end.append(("Access-Control-Allow-Credentials", "true")) }
            let exposed = cors.exposedHeaders.map { [(name: "Access-Control-Expose-Headers", value: $0)] } ?? []
            func varyField() -> [(name: String, value: String)] {
                vary.isEmpty ? [] : [("Vary", vary.joined(separator: ", "))]
            }
            actual = HeaderBlock(start + varyField() + end + exposed)
            if case .echoed = cors.allowedHeaders { vary.append("Access-Control-Request-Headers") }
            preflight = HeaderBlock(start + varyField() + end + [("Access-Control-Allow-Methods", cors.methods)])
            let age = cors.maxAgeSeconds.map { [(name: "Access-Control-Max-Age", value: "\($0)")] } ?? []
            preflightEnd = HeaderBlock(age + exposed)
        }
    }

    private func handle(_ request: Request, _ exchange: any Exchange, _ fields: Fields, _ next: Handler) {
        // An empty Origin counts as none.
        if let origin = request.headers["Origin"], !origin.isEmpty {
            if !origins.contains(origin) {
                switch foreignOrigin {
                case .refused(let reply): return exchange.respond(reply(origin))
                case .ignored: return next(request, exchange)
                case .served: break
                }
            } else if case .only = origins {
                exchange.addHeader("Access-Control-Allow-Origin", origin)
            }
        }
        guard request.method == "OPTIONS" else {
            exchange.addHeaders(fields.actual)
            return next(request, exchange)
        }
        exchange.addHeaders(fields.preflight)
        switch allowedHeaders {
        case .fixed(let list): exchange.addHeader("Access-Control-Allow-Headers", list)
        case .echoed:
            if let asked = request.headers["Access-Control-Request-Headers"], !asked.isEmpty {
                exchange.addHeader("Access-Control-Allow-Headers", asked)
            }
        }
        exchange.addHeaders(fields.preflightEnd)
        exchange.respond(Response(status: preflightStatus, headers: [("Content-Length", "0")]))
    }
}
