/// Orion's fixed document: `GET /`.
enum OrionDocuments {
    static let root = #"""
        {"service":"ORION-CORE Chat Backend","version":"1.0.0","endpoints":{"health":"/health","sessions":{\#
        "create":"POST /api/sessions/create","list":"GET /api/sessions/list?userId=xxx",\#
        "get":"GET /api/sessions/:sessionId","delete":"POST /api/sessions/delete",\#
        "messages":"GET /api/sessions/messages?sessionId=xxx","saveMessage":"POST /api/sessions/save-message"}},\#
        "documentation":"/docs"}
        """#
}
