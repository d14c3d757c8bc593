internal import ChatAPI
internal import HTTPTransport

/// A surface with what observes its requests.
struct ServedSurface: Sendable {
    let surface: any APISurface
    let handler: Handler

    /// What a listener of these surfaces answers with. With several of them a request goes to the first that knows its
    /// path and is addressed by its headers, else to the first that knows its path, else to the first: so `/health` and
    /// the like, which more than one has, are the first one's unless the headers say whose client asks. Documentation of
    /// them all stands beside them, if it is wanted.
    static func handler(of surfaces: [ServedSurface], withDocumentation: Bool) -> Handler {
        let documentation = withDocumentation ? DocumentationSurface(of: surfaces.map(\.surface.description)) : nil
        let document = documentation?.handler
        return { request, exchange in
            if let document, documentation?.knows(request) == true { return document(request, exchange) }
            guard surfaces.count > 1 else { return surfaces[0].handler(request, exchange) }
            let knowing = surfaces.filter { $0.surface.knows(request) }
            let chosen = knowing.first { $0.surface.isAddressed(by: request) } ?? knowing.first ?? surfaces[0]
            chosen.handler(request, exchange)
        }
    }
}
