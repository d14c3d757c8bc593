internal import HTTPTransport

/// Cross-origin resource sharing as Starlette's middleware answers it, with credentials and all headers allowed.
///
/// Without an Origin nothing is added. An OPTIONS that asks for a method is a preflight and answered here, with 400 where
/// origin or method is not allowed; every other request goes on, and its reply names `*`, or the origin where there is a
/// list or the request has a cookie.
struct AIVOCORS: Sendable {
    /// nil: every origin.
    let origins: [String]?
    private static let methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]

    func allows(_ origin: String) -> Bool {
        origins.map { $0.contains { $0.utf8.elementsEqual(origin.utf8) } } ?? true
    }

    /// The answer to a preflight; nil if the request is none.
    func preflight(_ request: Request) -> Response? {
        guard request.method == "OPTIONS", let origin = request.headers["Origin"],
            let method = request.headers["Access-Control-Request-Method"]
        else { return nil }
        var failures: [String] = []
        var headers: [(name: String, value: String)] = [
            ("Vary", "Origin"), ("Access-Control-Allow-Methods", Self.methods.joined(separator: ", ")),
            ("Access-Control-Max-Age", "600"), ("Access-Control-Allow-Credentials", "true"),
        ]
        if allows(origin) {
            headers.append(("Access-Control-Allow-Origin", origin))
        } else {
            failures.append("origin")
        }
        if !Self.methods.contains(method) { failures.append("method") }
        if let asked = request.headers["Access-Control-Request-Headers"] {
            headers.append(("Access-Control-Allow-Headers", asked))
        }
        let text = failures.isEmpty ? "OK" : "Disallowed CORS " + failures.joined(separator: ", ")
        var response = Response(text: text)
        response.status = failures.isEmpty ? 200 : 400
        response.headers += headers
        return response
    }

    /// Adds what a reply to a request with an Origin carries.
    func apply(_ request: Request, _ exchange: any Exchange) {
        guard let origin = request.headers["Origin"] else { return }
        exchange.addHeader("Access-Control-Allow-Credentials", "true")
        if origins == nil, !request.headers.contains("Cookie") {
            exchange.addHeader("Access-Control-Allow-Origin", "*")
        } else if allows(origin) {
            exchange.addHeader("Access-Control-Allow-Origin", origin)
            exchange.addHeader("Vary", "Origin")
        }
    }
}
