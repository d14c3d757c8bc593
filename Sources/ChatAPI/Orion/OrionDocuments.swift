internal import ChatEngine

/// Orion's fixed documents: `GET /`, the page of `GET /docs`, and the OpenAPI description.
enum OrionDocuments {
    static let root = #"""
        {"service":"ORION-CORE Chat Backend","version":"1.0.0","endpoints":{"health":"/health","sessions":\#
        {"create":"POST /api/sessions/create","list":"GET /api/sessions/list?userId=xxx",\#
        "get":"GET /api/sessions/:sessionId","delete":"POST /api/sessions/delete",\#
        "messages":"GET /api/sessions/messages?sessionId=xxx","saveMessage":"POST /api/sessions/save-message"}},\#
        "documentation":"/docs"}
        """#

    /// A page without scripts: the operations of the OpenAPI document and a link to it.
    static let page: String = {
        var rows = ""
        for (method, path, summary) in operations {
            rows += "<tr><td><code>\(method)</code></td><td><code>\(path)</code></td><td>\(summary)</td></tr>\n"
        }
        return """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><title>ORION-CORE Chat Backend</title>
            <style>body{font-family:sans-serif;margin:2em}td{padding:.2em 1em .2em 0}</style>
            <h1>ORION-CORE Chat Backend</h1>
            <p>The full description is <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
            <table>
            \(rows)</table></html>
            """
    }()

    /// Method, path and summary of every operation of the OpenAPI document, in its order.
    static var operations: [(method: String, path: String, summary: String)] {
        guard case .object(let paths)? = document["paths"] else { return [] }
        var found: [(String, String, String)] = []
        for (path, item) in zip(paths.keys, paths.values) {
            guard case .object(let methods) = item else { continue }
            for (method, operation) in zip(methods.keys, methods.values) {
                found.append((method.uppercased(), path, operation["summary"]?.string ?? ""))
            }
        }
        return found
    }

    static let openAPI = document.serialized

    private static let document: JSONValue = {
        do throws(JSONError) {
            return try JSONValue(parsing: Array(OrionOpenAPI.text.utf8))
        } catch {
            preconditionFailure("the OpenAPI text is a constant: \(error.message)")
        }
    }()
}
