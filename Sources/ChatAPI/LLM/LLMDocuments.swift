internal import ChatEngine

/// The OpenAPI 3.1 description of the surface and the page made of it: the routes are `Operation`'s own, what they take
/// and give is declared beside them in LLMOpenAPI.swift.
enum LLMDocuments {
    static let page = OpenAPIPage.render(document)
    static let openAPI = document.serialized

    private static let document: JSONValue = {
        var root = JSONObject()
        root["openapi"] = .string("3.1.0")
        root["info"] = .object([
            ("title", .string("LLM Production App")), ("version", .string("1.0.0")),
            ("description", .string(LLMOpenAPI.description)),
        ])
        root["servers"] = .array([.object([("url", .string("/"))])])
        root["security"] = .array([.object([("organisation", .array([])), ("user", .array([]))])])
        root["paths"] = paths
        root["components"] = parsed(LLMOpenAPI.components)
        return .object(root)
    }()

    private static var paths: JSONValue {
        var paths = JSONObject()
        for operation in LLMSurface.Operation.allCases {
            let (method, pattern) = operation.route
            let path = pattern.split(separator: "/", omittingEmptySubsequences: false)
                .map { $0.first == ":" ? "{\($0.dropFirst())}" : String($0) }.joined(separator: "/")
            var item = paths[path]?.members ?? JSONObject()
            item[method.lowercased()] = describe(operation, pattern)
            paths[path] = .object(item)
        }
        return .object(paths)
    }

    private static func describe(_ operation: LLMSurface.Operation, _ pattern: String) -> JSONValue {
        let text = operation.document
        var object = JSONObject()
        object["operationId"] = .string("\(operation)")
        object["summary"] = .string(text.summary)
        if LLMSurface.Operation.publicPaths.contains(pattern) { object["security"] = .array([.object(JSONObject())]) }
        var parameters = pattern.split(separator: "/").filter { $0.first == ":" }.map { name in
            parsed(
                #"{"name":"\#(name.dropFirst())","in":"path","required":true,"schema":{"type":"string","format":"uuid"}}"#
            )
        }
        parameters += text.parameters.map { parameter in
            var value = JSONObject()
            value["name"] = .string(parameter.name)
            value["in"] = .string(parameter.isHeader ? "header" : "query")
            value["schema"] = parsed(parameter.schema)
            value["description"] = .string(parameter.summary)
            return .object(value)
        }
        if !parameters.isEmpty { object["parameters"] = .array(parameters) }
        if let body = text.body {
            object["requestBody"] = parsed(
                ##"{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/\##(body)"}}}}"##
            )
        }
        object["responses"] = responses(text)
        return .object(object)
    }

    private static func responses(_ text: LLMOpenAPI.Document) -> JSONValue {
        var responses = JSONObject()
        for reply in text.replies {
            var response = JSONObject()
            response["description"] = .string(reply.summary)
            if let schema = reply.schema {
                response["content"] = .object([
                    (
                        reply.mediaType,
                        .object([
                            (
                                "schema",
                                reply.mediaType == "application/json"
                                    ? parsed(##"{"$ref":"#/components/schemas/\##(schema)"}"##)
                                    : parsed(#"{"type":"string"}"#)
                            )
                        ])
                    )
                ])
            }
            responses["\(reply.status)"] = .object(response)
        }
        return .object(responses)
    }

    private static func parsed(_ text: String) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: Array(text.utf8))
        } catch {
            preconditionFailure("the OpenAPI texts are constants: \(error.message)")
        }
    }
}

extension JSONValue {
    fileprivate static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        return .object(object)
    }

    fileprivate var members: JSONObject? { if case .object(let object) = self { object } else { nil } }
}
