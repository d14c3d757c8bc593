internal import CSwaggerUI
internal import ChatEngine
internal import HTTPTransport

/// Swagger UI out of the binary: a page, and the files that it is made of. They are embedded as gzip files, which nearly
/// every client takes as they are.
enum SwaggerUI {
    enum Asset: String, CaseIterable {
        case bundle = "swagger-ui-bundle.js"
        case style = "swagger-ui.css"
        case icon = "favicon-32x32.png"
        case license = "LICENSE"
        /// Ours: a content policy without inline scripts wants the few lines that begin it in a file.
        case start = "start.js"

        // The script needs its charset: without it the page stays blank.
        private var contentType: String {
            switch self {
            case .bundle, .start: "text/javascript; charset=utf-8"
            case .style: "text/css; charset=utf-8"
            case .icon: "image/png"
            case .license: "text/plain; charset=utf-8"
            }
        }

        /// The gzip file; nil for what is not kept as one.
        private var file: [UInt8]? {
            let asset: swagger_ui_asset
            switch self {
            case .bundle: asset = swagger_ui_get_bundle()
            case .style: asset = swagger_ui_get_style()
            case .icon: asset = swagger_ui_get_icon()
            case .license: asset = swagger_ui_get_license()
            case .start: return nil
            }
            return Array(UnsafeBufferPointer(start: asset.bytes, count: asset.length))
        }

        func response(for request: Request) -> Response {
            var response = Response(status: 200)
            response.headers = [
                ("Content-Type", contentType), ("Cache-Control", "public, max-age=86400"), ("Vary", "Accept-Encoding"),
            ]
            guard let file else {
                response.body = .bytes(Array(SwaggerUI.script.utf8))
                return response
            }
            guard !file.isEmpty else { return Response(status: 404) }
            if request.headers.hasToken("gzip", in: "Accept-Encoding") {
                response.headers.append(("Content-Encoding", "gzip"))
                response.body = .bytes(file)
                return response
            }
            do throws(BodyError) {
                response.body = .bytes(try ContentDecoding.gunzip(file, limit: 8 << 20))
                return response
            } catch {
                return Response(status: 500)
            }
        }
    }

    static var isEmbedded: Bool { swagger_ui_get_bundle().length > 0 }

    static func page(title: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(OpenAPIPage.escaped(title))</title>
        <link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
        <body><noscript>This page needs scripts. <a href="/docs/plain">The same without.</a></noscript>
        <div id="swagger-ui"></div>
        <script src="/docs/swagger-ui-bundle.js" charset="utf-8"></script>
        <script src="/docs/start.js" charset="utf-8"></script></body></html>

        """
    }

    private static let script = """
        SwaggerUIBundle({
          url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
          displayRequestDuration: true, defaultModelsExpandDepth: 0, docExpansion: "list",
        });

        """
}
