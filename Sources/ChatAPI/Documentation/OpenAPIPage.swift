internal import ChatEngine

/// An OpenAPI document as a page to read: one HTML text without scripts, so that it works under any content policy.
///
/// It knows the parts of OpenAPI 3.1 that the surfaces' own documents use: parameters, one JSON body with properties,
/// responses and schemas, local references.
struct OpenAPIPage {
    private let document: JSONValue
    private var html = ""

    /// The page of a document.
    static func render(_ document: JSONValue) -> String {
        var page = OpenAPIPage(document: document)
        page.write()
        return page.html
    }

    private init(document: JSONValue) { self.document = document }

    private mutating func write() {
        let title = Self.escaped(document["info"]?["title"]?.string ?? "")
        html += "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        html += "<meta name=\"viewport\" content=\"width=device-width\"><title>\(title)</title>"
        html += "<style>\(Self.style)</style></head>\n<body><h1>\(title)</h1>\n"
        html += "<p>\(Self.escaped(document["info"]?["description"]?.string ?? ""))</p>\n"
        html += "<p>For machines: <a href=\"/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>\n"
        for (path, item) in Self.members(document["paths"]) {
            for (method, operation) in Self.members(item) { write(operation, method, path) }
        }
        html += "<h2>Objects</h2>\n"
        for (name, schema) in Self.members(document["components"]?["schemas"]) {
            html += "<section id=\"\(Self.escaped(name))\"><h3>\(Self.escaped(name))</h3>\n"
            writeTable(["field", "type", ""], rows: properties(of: schema))
            html += "</section>\n"
        }
        html += "</body></html>\n"
    }

    private mutating func write(_ operation: JSONValue, _ method: String, _ path: String) {
        html += "<section><h3><b class=\"\(Self.escaped(method))\">\(Self.escaped(method.uppercased()))</b> "
        html +=
            "<code>\(Self.escaped(path))</code> <span>\(Self.escaped(operation["summary"]?.string ?? ""))</span></h3>\n"
        var parameters: [[String]] = []
        if case .array(let values)? = operation["parameters"] {
            for value in values {
                let isRequired = value["required"] == .bool(true)
                parameters.append([
                    code(value["name"]?.string ?? "") + (isRequired ? "<sup>*</sup>" : ""), type(value["schema"]),
                    Self.escaped(value["description"]?.string ?? ""),
                ])
            }
        }
        writeTable(["parameter", "type", ""], rows: parameters)
        let body = operation["requestBody"]?["content"]?["application/json"]?["schema"]
        writeTable(["field of the JSON body", "type", ""], rows: properties(of: body))
        let replies = Self.members(operation["responses"]).map { status, response in
            let response = resolved(response)
            let schema = response["content"]?["application/json"]?["schema"]
            return [
                code(status), Self.reference(schema).map(link) ?? "",
                Self.escaped(response["description"]?.string ?? ""),
            ]
        }
        writeTable(["reply", "body", ""], rows: replies)
        html += "</section>\n"
    }

    private mutating func writeTable(_ heads: [String], rows: [[String]]) {
        guard !rows.isEmpty else { return }
        html += "<table><tr>" + heads.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
        for row in rows { html += "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>\n" }
        html += "</table>\n"
    }

    /// Name, type and description of every property; the required ones have a star where not all are required.
    private func properties(of schema: JSONValue?) -> [[String]] {
        var required: Set<String> = []
        if case .array(let names)? = schema?["required"] { required = Set(names.compactMap(\.string)) }
        return Self.members(schema?["properties"]).map { name, property in
            [
                code(name) + (required.contains(name) ? "<sup>*</sup>" : ""), type(property),
                Self.escaped(property["description"]?.string ?? ""),
            ]
        }
    }

    // MARK: Pieces

    private func code(_ text: String) -> String { "<code>\(Self.escaped(text))</code>" }

    private func link(_ name: String) -> String { "<a href=\"#\(Self.escaped(name))\">\(Self.escaped(name))</a>" }

    private func type(_ schema: JSONValue?) -> String {
        guard let schema else { return "" }
        if let name = Self.reference(schema) { return link(name) }
        if case .array(let values)? = schema["enum"] { return values.map(literal).joined(separator: " or ") }
        if let value = schema["const"] { return literal(value) }
        if case .array(let forms)? = schema["anyOf"] { return forms.map(type).joined(separator: " or ") }
        var text: String
        switch schema["type"] {
        case .string("array")?: text = "array of " + type(schema["items"])
        case .string(let name)?: text = Self.escaped(name)
        case .array(let names)?: text = names.compactMap(\.string).map(Self.escaped).joined(separator: " or ")
        default: text = "any"
        }
        if schema["format"]?.string == "date-time" { text += ", RFC 3339" }
        if let value = schema["default"] { text += ", default " + literal(value) }
        return text
    }

    private func literal(_ value: JSONValue) -> String { code(String(decoding: value.serialized, as: UTF8.self)) }

    /// The last part of a local reference: `#/components/schemas/Session` is `Session`.
    private static func reference(_ value: JSONValue?) -> String? {
        value?["$ref"]?.string.flatMap { $0.split(separator: "/").last.map(String.init) }
    }

    private func resolved(_ value: JSONValue) -> JSONValue {
        guard let path = value["$ref"]?.string else { return value }
        return path.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] ?? .null }
    }

    private static func members(_ value: JSONValue?) -> [(String, JSONValue)] {
        guard case .object(let object)? = value else { return [] }
        return Array(zip(object.keys, object.values))
    }

    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }

    private static let style = """
        :root{color-scheme:light dark;--line:#8884;--quiet:#8888}
        body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}
        h1{font-size:1.7em}h2{font-size:1.3em;margin-top:2em}
        h3{font-size:1em;margin:0 0 .5em}h3 span{font-weight:normal;margin-left:.6em}
        section{border:1px solid var(--line);border-radius:6px;padding:.8em 1em;margin:1em 0}
        b{display:inline-block;min-width:3.2em;text-align:center;border-radius:4px;padding:0 .4em;color:#fff;
        background:#1a6fb5;font-size:.85em}b.post{background:#23824a}
        code{font:.92em ui-monospace,monospace}sup{color:#c33}
        table{border-collapse:collapse;width:100%;font-size:.92em;margin:.4em 0}
        th{text-align:left;font-weight:normal;opacity:.65}
        th,td{padding:.2em 1em .2em 0;vertical-align:top;border-top:1px solid var(--line)}
        th:first-child,td:first-child{width:12em}th:nth-child(2),td:nth-child(2){width:13em}
        """
}
