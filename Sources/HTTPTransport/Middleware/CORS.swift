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
        { next in { request, exchange in handle(request, exchange, next) } }
    }

    private func handle(_ request: Request, _ exchange: any Exchange, _ next: Handler) {
        // An empty Origin counts as none.
        let origin = request.headers["Origin"].flatMap { $0.isEmpty ? nil : $0 }
        let isAllowed = origin.map(origins.contains) ?? true
        if let origin, !isAllowed {
            switch foreignOrigin {
            case .refused(let reply): return exchange.respond(reply(origin))
            case .ignored: return next(request, exchange)
            case .served: break
            }
        }
        addOrigin(isAllowed ? origin : nil, isPreflight: request.method == "OPTIONS", to: exchange)
        guard request.method == "OPTIONS" else {
            if let exposedHeaders { exchange.addHeader("Access-Control-Expose-Headers", exposedHeaders) }
            return next(request, exchange)
        }
        exchange.addHeader("Access-Control-Allow-Methods", methods)
        switch allowedHeaders {
        case .fixed(let list): exchange.addHeader("Access-Control-Allow-Headers", list)
        case .echoed:
            if let asked = request.headers["Access-Control-Request-Headers"], !asked.isEmpty {
                exchange.addHeader("Access-Control-Allow-Headers", asked)
            }
        }
        if let maxAgeSeconds { exchange.addHeader("Access-Control-Max-Age", "\(maxAgeSeconds)") }
        if let exposedHeaders { exchange.addHeader("Access-Control-Expose-Headers", exposedHeaders) }
        exchange.respond(Response(status: preflightStatus, headers: [("Content-Length", "0")]))
    }

    private func addOrigin(_ origin: String?, isPreflight: Bool, to exchange: any Exchange) {
        var vary: [String] = []
        if case .any = origins {
            exchange.addHeader("Access-Control-Allow-Origin", "*")
        } else {
            if let origin { exchange.addHeader("Access-Control-Allow-Origin", origin) }
            vary.append("Origin")
        }
        if isPreflight, case .echoed = allowedHeaders { vary.append("Access-Control-Request-Headers") }
        if !vary.isEmpty { exchange.addHeader("Vary", vary.joined(separator: ", ")) }
        if allowsCredentials { exchange.addHeader("Access-Control-Allow-Credentials", "true") }
    }
}
