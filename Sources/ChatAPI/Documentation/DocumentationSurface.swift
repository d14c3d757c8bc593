internal import ChatEngine
package import HTTPTransport

/// The documentation of the surfaces that a listener serves: `/openapi.json` for machines, `/docs` to try them out,
/// `/docs/plain` to read without scripts.
///
///     let documentation = DocumentationSurface(of: [orion.description, llm.description])
///
/// It stands before them on their listener. All of it is made once, from the declarations that the surfaces route by, and
/// comes from the binary. Without the assets of Swagger UI in the binary `/docs` is the plain page.
package final class DocumentationSurface: APISurface {
    private let operations = OperationTable<DocumentationOperation>()
    private let headers: HeaderBlock
    private let openAPI: [UInt8]
    private let page: String
    private let plainPage: String
    package let description = SurfaceDescription.documentation

    /// - Parameter surfaces: in the order in which the listener asks them; at least one.
    package init(of surfaces: [SurfaceDescription]) {
        let document = OpenAPIDocument.make(surfaces, documentation: .documentation)
        openAPI = document.serialized
        plainPage = OpenAPIPage.render(document)
        page = SwaggerUI.isEmbedded ? SwaggerUI.page(title: document["info"]?["title"]?.string ?? "") : plainPage
        headers = HeaderBlock([
            (
                // Swagger UI sets styles from its script; what it draws itself comes as data URLs.
                "Content-Security-Policy",
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
                    + "form-action 'self'; frame-ancestors 'none'; object-src 'none'"
            ), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ])
    }

    package var name: String { description.name }
    package func routePattern(of request: Request) -> String { operations.pattern(of: request) }
    package func answers(_ request: Request, method: String) -> Bool { operations.answers(request, method: method) }
    package func knows(_ request: Request) -> Bool { operations.knows(request) }
    package func isAddressed(by request: Request) -> Bool { knows(request) }

    package var handler: Handler {
        { [self] request, exchange in
            exchange.addHeaders(headers)
            switch operations.find(request) {
            case .matched(let operation, _, let parameters):
                exchange.respond(reply(operation, parameters, request))
            case .methodNotAllowed(let allowed):
                exchange.addHeader("Allow", allowed.joined(separator: ", "))
                exchange.respond(Response(status: 405))
            case .badParameter, .notFound: exchange.respond(Response(status: 404))
            }
        }
    }

    private func reply(
        _ operation: DocumentationOperation, _ parameters: PathParameters, _ request: Request
    ) -> Response {
        var response: Response
        switch operation {
        case .openAPI:
            response = Response(status: 200, json: openAPI)
            // The document is public: a client generator in a browser may read it from anywhere.
            response.headers.append(("Access-Control-Allow-Origin", "*"))
        case .page: response = Response(text: page, contentType: "text/html; charset=utf-8")
        case .plainPage: response = Response(text: plainPage, contentType: "text/html; charset=utf-8")
        case .asset:
            guard let asset = SwaggerUI.Asset(rawValue: parameters["file"] ?? "") else { return Response(status: 404) }
            response = asset.response(for: request)
        }
        EntityTag.apply(to: &response, for: request)
        return response
    }
}

enum DocumentationOperation: SurfaceOperation {
    case openAPI, page, plainPage, asset

    var declaration: OperationDeclaration {
        switch self {
        case .openAPI:
            Self.document("/openapi.json", "This document", .json("OpenAPI 3.1", .anyObject))
        case .page: Self.document("/docs", "Documentation to try out", .text(200, "A page", "text/html"))
        case .plainPage:
            Self.document("/docs/plain", "Documentation without scripts", .text(200, "A page", "text/html"))
        case .asset:
            Self.document(
                "/docs/:file", "What the page of /docs is made of", .text(200, "The file", "*/*"),
                .init(status: 404, summary: "No such file"))
        }
    }

    private static func document(
        _ pattern: String, _ summary: String, _ replies: OperationDeclaration.Reply...
    ) -> OperationDeclaration {
        OperationDeclaration(
            method: "GET", pattern: pattern, summary: summary, tag: "documentation", isPublic: true,
            replies: replies + [.unchanged])
    }
}

extension SurfaceDescription {
    static let documentation = SurfaceDescription(
        name: "documentation", title: "Documentation", summary: "What this listener serves.",
        operations: DocumentationOperation.declarations)
}
