internal import ChatEngine
package import HTTPTransport

/// The documentation of the surfaces that a listener serves: `/openapi.json` for machines, `/docs` to read.
///
///     let documentation = DocumentationSurface(of: [orion.description, llm.description])
///
/// It stands before them on their listener. Both documents are made once, from the declarations that the surfaces route
/// by.
package final class DocumentationSurface: APISurface {
    private let operations = OperationTable<DocumentationOperation>()
    private let headers: HeaderBlock
    private let openAPI: [UInt8]
    private let page: String
    package let description: SurfaceDescription

    /// - Parameter surfaces: in the order in which the listener asks them; at least one.
    package init(of surfaces: [SurfaceDescription]) {
        description = .documentation
        let document = OpenAPIDocument.make(surfaces, documentation: description)
        openAPI = document.serialized
        page = OpenAPIPage.render(document)
        headers = HeaderBlock([
            (
                "Content-Security-Policy",
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
                    + "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
            ), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ])
    }

    package var name: String { description.name }
    package func routePattern(of request: Request) -> String { operations.pattern(of: request) }
    package func knows(_ request: Request) -> Bool { operations.knows(request) }
    package func isAddressed(by request: Request) -> Bool { knows(request) }

    package var handler: Handler {
        { [self] request, exchange in
            exchange.addHeaders(headers)
            var response: Response
            switch operations.find(request) {
            case .matched(let match) where match.target == .openAPI:
                // Documents are public: a client generator in a browser may read this one from anywhere.
                exchange.addHeader("Access-Control-Allow-Origin", "*")
                response = Response(status: 200, json: openAPI)
            case .matched: response = Response(text: page, contentType: "text/html; charset=utf-8")
            case .methodNotAllowed(let allowed):
                exchange.addHeader("Allow", allowed.joined(separator: ", "))
                return exchange.respond(Response(status: 405))
            case .badParameter, .notFound: return exchange.respond(Response(status: 404))
            }
            EntityTag.apply(to: &response, for: request)
            exchange.respond(response)
        }
    }
}

enum DocumentationOperation: SurfaceOperation {
    case openAPI, page

    var declaration: OperationDeclaration {
        switch self {
        case .openAPI:
            OperationDeclaration(
                method: "GET", pattern: "/openapi.json", summary: "This document", tag: "documentation",
                isPublic: true, replies: [.json("OpenAPI 3.1", .anyObject), .unchanged])
        case .page:
            OperationDeclaration(
                method: "GET", pattern: "/docs", summary: "Documentation to read", tag: "documentation",
                isPublic: true, replies: [.text(200, "A page", "text/html"), .unchanged])
        }
    }
}

extension SurfaceDescription {
    static let documentation = SurfaceDescription(
        name: "documentation", title: "Documentation", summary: "What this listener serves.",
        operations: DocumentationOperation.declarations)
}
