internal import HTTPTransport

/// A surface as listeners see it.
struct Surface: Sendable {
    let name: String
    let handler: Handler
    /// Whether it has routes on the request's path.
    let knows: @Sendable (Request) -> Bool
    /// Whether the request carries what only this surface's clients send.
    let isAddressed: @Sendable (Request) -> Bool

    /// What a listener of these surfaces answers with. With several of them a request goes to the first that knows its
    /// path and is addressed by its headers, else to the first that knows its path, else to the first: so `/health` and
    /// the like, which more than one has, are the first one's unless the headers say whose client asks.
    static func handler(of surfaces: [Surface]) -> Handler {
        guard let first = surfaces.first, surfaces.count > 1 else { return surfaces[0].handler }
        return { request, exchange in
            let knowing = surfaces.filter { $0.knows(request) }
            let chosen = knowing.first { $0.isAddressed(request) } ?? knowing.first ?? first
            chosen.handler(request, exchange)
        }
    }
}
