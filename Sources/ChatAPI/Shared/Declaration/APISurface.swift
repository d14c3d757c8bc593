package import HTTPTransport

/// A surface as a listener sees it.
package protocol APISurface: AnyObject, Sendable {
    /// Its name in settings, metrics and logs.
    var name: String { get }
    /// Answers every request that is given to the surface. It keeps the surface alive.
    var handler: Handler { get }
    /// The pattern of the operation that a request goes to, for metrics and logs.
    func routePattern(of request: Request) -> String
    /// Whether the surface has an operation on the request's path with `method`, which a preflight asks for another.
    func answers(_ request: Request, method: String) -> Bool
    /// Whether the surface has an operation on the request's path, with whatever method.
    func knows(_ request: Request) -> Bool
    /// Whether the request carries what only this surface's clients send.
    func isAddressed(by request: Request) -> Bool
    var description: SurfaceDescription { get }
}

/// What documentation says of a surface.
package struct SurfaceDescription: Sendable {
    struct SecurityScheme: Sendable {
        enum Kind: Sendable {
            /// A JSON Web Token behind `Authorization: Bearer`.
            case bearer
            /// A header field of this name.
            case header(String)
        }

        var name: String
        var kind: Kind
        var summary: String?
    }

    /// As in `APISurface.name`.
    package var name: String
    var title: String
    var version = "1.0.0"
    var summary: String
    /// All of them together say who calls.
    var security: [SecurityScheme] = []
    /// Requests without any identity are served too, where the configuration says so.
    var isSecurityOptional = false
    var schemas: [(name: String, Schema)] = []
    var operations: [(id: String, OperationDeclaration)]
}
