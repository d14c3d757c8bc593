internal import ChatAPI
internal import HTTPTransport

/// A surface with what observes its requests.
struct ServedSurface: Sendable {
    let surface: any APISurface
    let handler: Handler

    /// What a listener of these surfaces answers with. Documentation of them all stands beside them, if it is wanted.
    ///
    /// With several surfaces a request goes to one of those that have an operation on its path with its method (for a
    /// preflight: the method that it asks for); if there is none, to one of those that know its path with other methods;
    /// else to the first surface. Of several it is the first that the request is addressed to by its headers, or just the
    /// first: so `/health` and the like, which more than one has, are the first one's unless the headers say whose client
    /// asks.
    static func handler(of surfaces: [ServedSurface], withDocumentation: Bool) -> Handler {
        let documentation = withDocumentation ? DocumentationSurface(of: surfaces.map(\.surface.description)) : nil
        let document = documentation?.handler
        return { request, exchange in
            if let document, documentation?.knows(request) == true { return document(request, exchange) }
            guard surfaces.count > 1 else { return surfaces[0].handler(request, exchange) }
            var method = request.method
            if method == "OPTIONS", let asked = request.headers["Access-Control-Request-Method"] { method = asked }
            var candidates = surfaces.filter { $0.surface.answers(request, method: method) }
            if candidates.isEmpty { candidates = surfaces.filter { $0.surface.knows(request) } }
            let chosen = candidates.first { $0.surface.isAddressed(by: request) } ?? candidates.first ?? surfaces[0]
            chosen.handler(request, exchange)
        }
    }
}
