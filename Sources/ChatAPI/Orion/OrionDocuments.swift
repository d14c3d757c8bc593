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

    static let page = OpenAPIPage.render(document)

    static let openAPI = document.serialized

    private static let document: JSONValue = {
        do throws(JSONError) {
            return try JSONValue(parsing: Array(OrionOpenAPI.text.utf8))
        } catch {
            preconditionFailure("the OpenAPI text is a constant: \(error.message)")
        }
    }()
}
