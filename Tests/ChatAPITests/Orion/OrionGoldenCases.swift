/// The golden cases of orion's contract as data, one JSON object a line: `n`, `mode`, `req`, `res`, `save`. Those that the
/// project decided otherwise carry the decision's answer, and say so in their name.
///
/// `{{x}}` is a value saved earlier or the run's user; a text that starts with `~` is a pattern, `"*"` any text, `"#"` any
/// number, `T` a time. A header of `null` must be absent; a body of `null` empty.
enum OrionGoldenCases {
    static let text = #"""
        {"n": 1, "mode": "base", "name": "health", "req": {"method": "GET", "path": "/health"}, "res": {"status": \#
        200, "headers": {"content-type": "application/json; charset=utf-8", "strict-transport-security": \#
        "max-age=15552000; includeSubDomains", "x-frame-options": "SAMEORIGIN", "vary": "Origin", \#
        "access-control-allow-origin": null, "x-powered-by": null, "ratelimit-limit": null}, "body": {"status": \#
        "healthy", "service": "orion-chat-backend", "version": "1.0.0", "timestamp": "T", "uptime": "#", \#
        "database": "~^logstore://[0-9a-f-]{36}$"}}}
        {"n": 2, "mode": "base", "name": "root", "req": {"method": "GET", "path": "/"}, "res": {"status": 200, \#
        "body": {"service": "ORION-CORE Chat Backend", "version": "1.0.0", "endpoints": {"health": "/health", \#
        "sessions": {"create": "POST /api/sessions/create", "list": "GET /api/sessions/list?userId=xxx", "get": \#
        "GET /api/sessions/:sessionId", "delete": "POST /api/sessions/delete", "messages": "GET \#
        /api/sessions/messages?sessionId=xxx", "saveMessage": "POST /api/sessions/save-message"}}, "documentation": \#
        "/docs"}}}
        {"n": 3, "mode": "base", "name": "create with first message", "req": {"method": "POST", "path": \#
        "/api/sessions/create", "json": {"userId": "{{u}}", "firstMessage": "Hello, ORION!"}}, "res": {"status": \#
        201, "headers": {"ratelimit-policy": "200;w=900", "ratelimit-limit": "200", "ratelimit-remaining": "199", \#
        "ratelimit-reset": "900"}, "body": {"sessionId": "~^session_\\d{13}_[0-9a-z]{1,13}$", "userId": "{{u}}", \#
        "title": "Hello, ORION!", "firstMessage": "Hello, ORION!", "lastMessage": "Hello, ORION!", "messageCount": \#
        1, "createdAt": "T", "updatedAt": "T", "metadata": {}}}, "save": {"s1": "sessionId"}}
        {"n": 4, "mode": "base", "name": "first message is not a stored message", "req": {"method": "GET", "path": \#
        "/api/sessions/messages?sessionId={{s1}}"}, "res": {"status": 200, "body": {"messages": [], "count": 0}}}
        {"n": 5, "mode": "base", "name": "create empty", "req": {"method": "POST", "path": "/api/sessions/create", \#
        "json": {"userId": "{{u}}"}}, "res": {"status": 201, "body": {"sessionId": \#
        "~^session_\\d{13}_[0-9a-z]{1,13}$", "userId": "{{u}}", "title": "New Chat", "firstMessage": "", \#
        "lastMessage": "", "messageCount": 0, "createdAt": "T", "updatedAt": "T", "metadata": {}}}, "save": {"s2": \#
        "sessionId"}}
        {"n": 6, "mode": "base", "name": "title cut at 50 + dots", "req": {"method": "POST", "path": \#
        "/api/sessions/create", "json": {"userId": "{{u}}", "firstMessage": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}}, "res": {"status": 201, "body": {"sessionId": \#
        "~^session_\\d{13}_[0-9a-z]{1,13}$", "userId": "{{u}}", "title": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...", "firstMessage": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "lastMessage": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "messageCount": 1, "createdAt": "T", "updatedAt": \#
        "T", "metadata": {}}}, "save": {"s3": "sessionId"}}
        {"n": 7, "mode": "base", "name": "2 blanks + 49 letters: dots though nothing was cut", "req": {"method": \#
        "POST", "path": "/api/sessions/create", "json": {"userId": "{{u}}", "firstMessage": " \#
         ccccccccccccccccccccccccccccccccccccccccccccccccc"}}, "res": {"status": 201, "body": {"sessionId": \#
        "~^session_\\d{13}_[0-9a-z]{1,13}$", "userId": "{{u}}", "title": \#
        "ccccccccccccccccccccccccccccccccccccccccccccccccc...", "firstMessage": " \#
         ccccccccccccccccccccccccccccccccccccccccccccccccc", "lastMessage": " \#
         ccccccccccccccccccccccccccccccccccccccccccccccccc", "messageCount": 1, "createdAt": "T", "updatedAt": "T", \#
        "metadata": {}}}, "save": {"s4": "sessionId"}}
        {"n": 8, "mode": "base", "name": "create without userId", "req": {"method": "POST", "path": \#
        "/api/sessions/create", "json": {"firstMessage": "x"}}, "res": {"status": 400, "body": {"error": "Missing \#
        required field: userId"}}}
        {"n": 9, "mode": "base", "name": "malformed JSON is 400 (decision 2)", "req": {"method": "POST", "path": \#
        "/api/sessions/create", "headers": {"Content-Type": "application/json"}, "raw": "{\"userId\":"}, "res": \#
        {"status": 400, "body": {"error": "Invalid JSON", "message": "*"}}}
        {"n": 10, "mode": "base", "name": "save user message, metadata", "req": {"method": "POST", "path": \#
        "/api/sessions/save-message", "json": {"sessionId": "{{s1}}", "role": "user", "content": "Hello, ORION!", \#
        "metadata": {"provider": "deepseek", "tokens": 3}}}, "res": {"status": 201, "body": {"id": \#
        "~^msg_\\d{13}_[0-9a-z]{1,13}$", "sessionId": "{{s1}}", "role": "user", "content": "Hello, ORION!", \#
        "timestamp": "T", "metadata": {"tokens": 3, "provider": "deepseek"}}}, "save": {"m1": "id"}}
        {"n": 11, "mode": "base", "name": "save assistant message, no metadata", "req": {"method": "POST", "path": \#
        "/api/sessions/save-message", "json": {"sessionId": "{{s1}}", "role": "assistant", "content": "Hi! ✅"}}, \#
        "res": {"status": 201, "body": {"id": "~^msg_\\d{13}_[0-9a-z]{1,13}$", "sessionId": "{{s1}}", "role": \#
        "assistant", "content": "Hi! ✅", "timestamp": "T", "metadata": {}}}, "save": {"m2": "id"}}
        {"n": 12, "mode": "base", "name": "messages oldest first", "req": {"method": "GET", "path": \#
        "/api/sessions/messages?sessionId={{s1}}"}, "res": {"status": 200, "body": {"messages": [{"id": "{{m1}}", \#
        "sessionId": "{{s1}}", "role": "user", "content": "Hello, ORION!", "timestamp": "T", "metadata": {"tokens": \#
        3, "provider": "deepseek"}}, {"id": "{{m2}}", "sessionId": "{{s1}}", "role": "assistant", "content": "Hi! \#
        ✅", "timestamp": "T", "metadata": {}}], "count": 2}}}
        {"n": 13, "mode": "base", "name": "session after saves: count is 1+2", "req": {"method": "GET", "path": \#
        "/api/sessions/{{s1}}"}, "res": {"status": 200, "body": {"sessionId": "{{s1}}", "userId": "{{u}}", "title": \#
        "Hello, ORION!", "firstMessage": "Hello, ORION!", "lastMessage": "Hi! ✅", "messageCount": 3, "createdAt": \#
        "T", "updatedAt": "T", "metadata": {}}}}
        {"n": 14, "mode": "base", "name": "bad role", "req": {"method": "POST", "path": \#
        "/api/sessions/save-message", "json": {"sessionId": "{{s1}}", "role": "system", "content": "x"}}, "res": \#
        {"status": 400, "body": {"error": "Invalid role. Must be \"user\" or \"assistant\""}}}
        {"n": 16, "mode": "base", "name": "save to unknown session is 404 (decision 2)", "req": {"method": "POST", \#
        "path": "/api/sessions/save-message", "json": {"sessionId": "session_nope", "role": "user", "content": \#
        "x"}}, "res": {"status": 404, "body": {"error": "Session not found"}}}
        {"n": 17, "mode": "base", "name": "list default: updatedAt desc", "req": {"method": "GET", "path": \#
        "/api/sessions/list?userId={{u}}"}, "res": {"status": 200, "body": {"sessions": [{"sessionId": "{{s1}}", \#
        "userId": "{{u}}", "title": "Hello, ORION!", "firstMessage": "Hello, ORION!", "lastMessage": "Hi! ✅", \#
        "messageCount": 3, "createdAt": "T", "updatedAt": "T", "metadata": {}}, {"sessionId": "{{s4}}", "userId": \#
        "{{u}}", "title": "ccccccccccccccccccccccccccccccccccccccccccccccccc...", "firstMessage": " \#
         ccccccccccccccccccccccccccccccccccccccccccccccccc", "lastMessage": " \#
         ccccccccccccccccccccccccccccccccccccccccccccccccc", "messageCount": 1, "createdAt": "T", "updatedAt": "T", \#
        "metadata": {}}, {"sessionId": "{{s3}}", "userId": "{{u}}", "title": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...", "firstMessage": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "lastMessage": \#
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "messageCount": 1, "createdAt": "T", "updatedAt": \#
        "T", "metadata": {}}, {"sessionId": "{{s2}}", "userId": "{{u}}", "title": "New Chat", "firstMessage": "", \#
        "lastMessage": "", "messageCount": 0, "createdAt": "T", "updatedAt": "T", "metadata": {}}], "count": 4}}}
        {"n": 19, "mode": "base", "name": "list bad limit is 400 (decision 2)", "req": {"method": "GET", "path": \#
        "/api/sessions/list?userId={{u}}&limit=abc"}, "res": {"status": 400, "body": {"error": "Invalid query \#
        parameter: limit", "message": "*"}}}
        {"n": 20, "mode": "base", "name": "list without userId", "req": {"method": "GET", "path": \#
        "/api/sessions/list"}, "res": {"status": 400, "body": {"error": "Missing required query parameter: \#
        userId"}}}
        {"n": 23, "mode": "base", "name": "delete", "req": {"method": "POST", "path": "/api/sessions/delete", \#
        "json": {"sessionId": "{{s1}}"}}, "res": {"status": 200, "body": {"success": true, "message": "Session \#
        deleted successfully"}}}
        {"n": 24, "mode": "base", "name": "delete again", "req": {"method": "POST", "path": "/api/sessions/delete", \#
        "json": {"sessionId": "{{s1}}"}}, "res": {"status": 404, "body": {"error": "Session not found"}}}
        {"n": 26, "mode": "base", "name": "preflight", "req": {"method": "OPTIONS", "path": \#
        "/api/sessions/save-message", "headers": {"Origin": "https://www.sidekickportal.com", \#
        "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}}, "res": \#
        {"status": 204, "headers": {"access-control-allow-origin": "https://www.sidekickportal.com", "vary": \#
        "Origin", "access-control-allow-credentials": "true", "access-control-allow-methods": \#
        "GET,POST,PUT,DELETE,OPTIONS", "access-control-allow-headers": \#
        "Content-Type,Authorization,X-Requested-With,x-request-id", "access-control-max-age": "86400", \#
        "access-control-expose-headers": "Content-Length,X-Request-Id", "content-length": "0"}, "body": null}}
        {"n": 28, "mode": "429", "name": "429 without CORS headers (repeat until the 201st /api request)", "req": \#
        {"method": "GET", "path": "/api/sessions/list?userId={{u}}", "headers": {"Origin": \#
        "https://www.sidekickportal.com"}, "repeat": "until status != 200, at most 201 times"}, "res": {"status": \#
        429, "headers": {"ratelimit-remaining": "0", "retry-after": "~^\\d+$", "access-control-allow-origin": \#
        null}, "body": {"error": "Too many requests from this IP, please try again later.", "retryAfter": "15 \#
        minutes"}}}
        {"n": 29, "mode": "jwt", "name": "no token", "req": {"method": "GET", "path": "/api/sessions/list"}, "res": \#
        {"status": 401, "body": {"error": "Missing or invalid Authorization header", "message": "Authorization \#
        header must be in format: Bearer <token>"}}}
        {"n": 31, "mode": "jwt", "name": "userId mismatch", "req": {"method": "POST", "path": \#
        "/api/sessions/create", "headers": {"Authorization": "Bearer {{jwt}}"}, "json": {"userId": "other"}}, \#
        "res": {"status": 403, "body": {"error": "userId mismatch", "message": "Request userId must match \#
        authenticated user"}}}
        {"n": 32, "mode": "jwt", "name": "unknown session is 404 under P1", "req": {"method": "POST", "path": \#
        "/api/sessions/save-message", "headers": {"Authorization": "Bearer {{jwt}}"}, "json": {"sessionId": \#
        "session_nope", "role": "user", "content": "x"}}, "res": {"status": 404, "body": {"error": "Session not \#
        found"}}}
        """#
}
