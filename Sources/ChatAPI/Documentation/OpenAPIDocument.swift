internal import ChatEngine

/// The OpenAPI 3.1 document of the surfaces that a listener serves, made of their declarations.
///
/// Surfaces come in the order in which the listener asks them: of two operations on one method and path the first is
/// described, because it is the one that answers. An operation is there once, and names its other paths: what is made at
/// one of them is at all of them, which no tool can guess. With several surfaces the names of schemas, security schemes,
/// operations and tags begin with the surface's.
struct OpenAPIDocument {
    private let surfaces: [SurfaceDescription]
    private let documentation: SurfaceDescription

    /// - Parameter documentation: what serves the document; its operations come last and are part of no surface.
    static func make(_ surfaces: [SurfaceDescription], documentation: SurfaceDescription) -> JSONValue {
        OpenAPIDocument(surfaces: surfaces, documentation: documentation).document
    }

    private var document: JSONValue {
        var root = JSONObject()
        root["openapi"] = .string("3.1.0")
        root["info"] = info
        root["servers"] = .array([.object(["url": .string("/")])])
        var paths = JSONObject()
        var schemas = JSONObject()
        var securitySchemes = JSONObject()
        for surface in surfaces + [documentation] {
            let scope = scope(of: surface)
            for (id, operation) in surface.operations {
                let path = Self.path(of: operation.pattern)
                var item = JSONObject()
                if case .object(let known)? = paths[path] { item = known }
                let method = operation.method.lowercased()
                guard item[method] == nil else { continue }
                item[method] = describe(operation, scope + id, surface)
                paths[path] = .object(item)
            }
            for (name, schema) in surface.schemas { schemas[scope + name] = schema.json(scope: scope) }
            for scheme in surface.security { securitySchemes[scope + scheme.name] = Self.json(scheme) }
        }
        root["paths"] = .object(paths)
        root["components"] = .object(["securitySchemes": .object(securitySchemes), "schemas": .object(schemas)])
        return .object(root)
    }

    private var info: JSONValue {
        guard surfaces.count != 1 else {
            return .object([
                "title": .string(surfaces[0].title), "version": .string(surfaces[0].version),
                "description": .string(surfaces[0].summary),
            ])
        }
        let summaries = surfaces.map { "**\($0.title)** (`\($0.name)`): \($0.summary)" }
        return .object([
            "title": .string("chat-server"), "version": .string("1.0.0"),
            "description": .string(summaries.joined(separator: "\n\n")),
        ])
    }

    private func scope(of surface: SurfaceDescription) -> String {
        surfaces.count == 1 || surface.name == documentation.name ? "" : "\(surface.name)."
    }

    /// `/a/:b/*c` is `/a/{b}/{c}`.
    private static func path(of pattern: String) -> String {
        pattern.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.first == ":" || $0.first == "*" ? "{\($0.dropFirst())}" : String($0) }.joined(separator: "/")
    }

    // MARK: Operations

    private func describe(
        _ operation: OperationDeclaration, _ id: String, _ surface: SurfaceDescription
    ) -> JSONValue {
        let scope = scope(of: surface)
        var object = JSONObject()
        object["operationId"] = .string(id)
        object["tags"] = .array([.string(scope + operation.tag)])
        object["summary"] = .string(operation.summary)
        if !operation.aliases.isEmpty {
            let others = operation.aliases.map { "`\(Self.path(of: $0))`" }
            object["description"] = .string("Also at \(others.joined(separator: ", ")).")
        }
        object["security"] = security(operation, surface)
        let parameters = parameters(operation, scope)
        if !parameters.isEmpty { object["parameters"] = .array(parameters) }
        if let body = operation.body {
            object["requestBody"] = .object([
                "required": .bool(body.isRequired),
                "content": Self.content("application/json", body.schema.json(scope: scope)),
            ])
        }
        var responses = JSONObject()
        for reply in operation.replies { responses["\(reply.status)"] = Self.json(reply, scope) }
        object["responses"] = .object(responses)
        return .object(object)
    }

    private func security(_ operation: OperationDeclaration, _ surface: SurfaceDescription) -> JSONValue {
        let nobody = JSONValue.object(JSONObject())
        if operation.isPublic || surface.security.isEmpty { return .array([nobody]) }
        var together = JSONObject()
        for scheme in surface.security { together[scope(of: surface) + scheme.name] = .array([]) }
        return .array((surface.isSecurityOptional ? [nobody] : []) + [.object(together)])
    }

    private func parameters(_ operation: OperationDeclaration, _ scope: String) -> [JSONValue] {
        let names = operation.pattern.split(separator: "/").filter { $0.first == ":" || $0.first == "*" }.map {
            $0.dropFirst()
        }
        let ofPath = names.map { name in
            operation.parameters.first { $0.place == .path && $0.name == name } ?? .path(String(name), .nonEmptyString)
        }
        return (ofPath + operation.parameters.filter { $0.place != .path }).map { parameter in
            var object = JSONObject()
            object["name"] = .string(parameter.name)
            object["in"] = .string(parameter.place.rawValue)
            if parameter.isRequired { object["required"] = .bool(true) }
            // The description belongs to the parameter, where every reader of such documents looks for it.
            var schema = parameter.schema
            schema.summary = nil
            object["schema"] = schema.json(scope: scope)
            object["description"] = parameter.schema.summary.map(JSONValue.string)
            return .object(object)
        }
    }

    private static func json(_ reply: OperationDeclaration.Reply, _ scope: String) -> JSONValue {
        var object: JSONObject = ["description": .string(reply.summary)]
        if !reply.headers.isEmpty {
            var headers = JSONObject()
            for (name, schema) in reply.headers { headers[name] = .object(["schema": schema.json(scope: scope)]) }
            object["headers"] = .object(headers)
        }
        switch reply.content {
        case .none: break
        case .json(let schema): object["content"] = content("application/json", schema.json(scope: scope))
        case .text(let mediaType): object["content"] = content(mediaType, .object(["type": .string("string")]))
        }
        return .object(object)
    }

    private static func content(_ mediaType: String, _ schema: JSONValue) -> JSONValue {
        .object([mediaType: .object(["schema": schema])])
    }

    private static func json(_ scheme: SurfaceDescription.SecurityScheme) -> JSONValue {
        var object: JSONObject
        switch scheme.kind {
        case .bearer: object = ["type": .string("http"), "scheme": .string("bearer"), "bearerFormat": .string("JWT")]
        case .header(let name): object = ["type": .string("apiKey"), "in": .string("header"), "name": .string(name)]
        }
        object["description"] = scheme.summary.map(JSONValue.string)
        return .object(object)
    }
}
