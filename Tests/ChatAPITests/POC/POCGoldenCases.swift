/// The golden cases of the contract that are requests, a line each: matchers and saved values as `POCGoldenRun` says.
enum POCGoldenCases {
    static let text = #"""
        {"n": 1, "req": ["GET", "/health"], "status": 200, "body": {"status": "healthy", "service": \#
        "poc-chat-backend", "uptime": "$num", "timestamp": "$iso", "dependencies": {"database": {"status": \#
        "connected"}}}}
        {"n": 2, "req": ["GET", "/health/health"], "status": 200, "body": {"status": "healthy", "service": \#
        "poc-chat-backend", "version": "1.0.0", "uptime": "$num", "timestamp": "$iso", "services": {"chatService": \#
        {"status": "healthy", "activeSessions": "$int"}, "agentOrchestrator": {"totalAgents": 5}, \#
        "sessionManager": {"status": "healthy"}, "socketHandler": {"connectedClients": "$int"}}}}
        {"n": 3, "req": ["GET", "/nope?x=1"], "status": 404, "body": {"error": "Endpoint not found", "path": \#
        "/nope?x=1", "method": "GET", "service": "poc-chat-backend", "availableEndpoints": {"health": "/health", \#
        "auth": "/auth", "api": "/api", "websocket": "/socket.io"}, "timestamp": "$iso"}}
        {"n": 4, "req": ["POST", "/auth/login", {"username": "test", "password": "test123"}], "status": 200, \#
        "body": {"success": true, "token": "$jwt", "expiresIn": "24h", "user": {"userId": "$str", "username": \#
        "test"}}, "save": {"tok": "token"}}
        {"n": 5, "req": ["POST", "/auth/token", {}], "status": 400, "body": {"error": "User ID required", \#
        "timestamp": "$iso"}}
        {"n": 6, "req": ["POST", "/auth/token", {"userId": "user_12345", "sessionData": {"k": 1}}], "status": 200, \#
        "body": {"success": true, "token": "$jwt", "userId": "user_12345", "expiresIn": "24h", "tokenType": \#
        "Bearer", "timestamp": "$iso"}, "jwt": {"userId": "user_12345", "type": "websocket_auth", "sessionData": \#
        {"k": 1}, "aud": "poc-chat-client", "iss": "poc-chat-backend", "exp-iat": 86400}, "save": {"tok": "token"}}
        {"n": 8, "req": ["POST", "/auth/validate", {"token": "abc"}], "status": 401, "body": {"valid": false, \#
        "error": "Invalid token", "timestamp": "$iso"}}
        {"n": 10, "req": ["POST", "/api/sessions", {}], "status": 400, "body": {"error": "User ID required", \#
        "timestamp": "$iso"}}
        {"n": 11, "req": ["POST", "/api/sessions", {"userId": "user_12345", "metadata": {"userAgent": "UA", \#
        "ipAddress": "192.168.1.1"}}], "status": 201, "body": {"sessionId": "$sess", "chatSession": {"sessionId": \#
        "$sess", "userId": "user_12345", "isActive": true, "userData": {}, "messageCount": 0, \#
        "conversationContext": {"currentIntent": null, "bankingContext": null, "previousIntents": [], "entities": \#
        {}, "preferences": {}}}, "session": {"sessionId": "$sess", "userId": "user_12345", "isActive": true, \#
        "expiresAt": "$iso", "metadata": {"userAgent": "UA", "ipAddress": "192.168.1.1"}, "state": {"currentStep": \#
        "initial", "conversationStage": "greeting", "authenticationStatus": "pending", "lastIntent": null, \#
        "contextStack": [], "preferences": {}}, "statistics": {"messageCount": 0, "totalInteractionTime": 0, \#
        "errorsEncountered": 0}, "security": {"authenticatedAt": null, "securityFlags": [], "trustScore": 1}}, \#
        "timestamp": "$iso"}, "save": {"sid": "sessionId"}}
        {"n": 12, "req": ["GET", "/api/sessions/${sid}"], "status": 200, "body": {"session": {"sessionId": \#
        "${sid}", "isActive": true, "lastAccessTime": "$iso"}, "timestamp": "$iso"}}
        {"n": 14, "agents": "mock", "req": ["POST", "/api/chat/message", {"message": "What is my account \#
        balance?", "type": "text"}, {"X-Session-ID": "${sid}"}], "status": 200, "body": {"sessionId": "${sid}", \#
        "message": {"id": "$msg", "sessionId": "${sid}", "userId": "user_12345", "content": "What is my account \#
        balance?", "type": "text", "timestamp": "$iso", "direction": "incoming", "metadata": {"attachments": []}}, \#
        "response": {"id": "$msg", "content": "Your account balance is $5,432.10", "direction": "outgoing", \#
        "type": "text", "agentInfo": {"agentId": "system", "agentType": "banking", "confidence": 0.95, \#
        "processingTime": null}, "metadata": {"intent": "account_balance", "entities": {"money": []}, "sentiment": \#
        "neutral"}}, "agent": {"type": "banking", "confidence": 0.95, "agentsInvolved": ["nlp", "nlu", \#
        "banking"]}, "timestamp": "$iso"}}
        {"n": 15, "agents": "mock", "req": ["POST", "/api/chat/message", {"message": "please calculate 2+2"}, \#
        {"X-Session-ID": "${sid}"}], "status": 200, "body": {"response": {"content": "MCP says 4", "metadata": \#
        {"toolsUsed": ["calc"], "dataRetrieved": {"x": 1}}}, "agent": {"type": "mcp", "confidence": 0.7, \#
        "agentsInvolved": ["nlp", "nlu", "mcp"]}}}
        {"n": 17, "agents": "down", "req": ["POST", "/api/chat/message", {"message": "hello", "context": {"p": \#
        1}}, {"X-Session-ID": "test-session-123"}], "status": 200, "body": {"sessionId": "$sess", "message": \#
        {"userId": "anonymous", "content": "hello", "metadata": {"p": 1, "attachments": []}, "processing": \#
        {"nlpAnalyzed": false, "nluProcessed": false, "mcpHandled": false, "bankingProcessed": false}}, \#
        "response": {"content": "I understand your message. How can I assist you with your banking needs today?", \#
        "agentInfo": {"agentType": "fallback", "confidence": 0.5}, "metadata": {"intent": "general_inquiry", \#
        "entities": {}, "sentiment": "neutral", "suggestedActions": [], "quickReplies": []}}, "agent": {"type": \#
        "fallback", "confidence": 0.5, "agentsInvolved": ["nlp", "nlu"]}}, "save": {"auto": "sessionId"}}
        {"n": 18, "req": ["POST", "/api/chat/message", {"message": "hi"}], "status": 400, "body": {"error": \#
        "Session ID required in X-Session-ID header or body", "timestamp": "$iso"}}
        {"n": 19, "req": ["POST", "/api/chat/message", {"type": "text"}, {"X-Session-ID": "abc"}], "status": 400, \#
        "body": {"error": "Message content required", "timestamp": "$iso"}}
        {"n": 20, "req": ["POST", "/api/sessions/${sid}/messages", {"content": "again", "metadata": {"c": 2}, \#
        "attachments": ["a"]}], "status": 200, "body": {"message": {"metadata": {"c": 2, "attachments": ["a"]}}, \#
        "response": {"agentInfo": {"agentId": "orchestrator", "agentType": "ai", "confidence": null, \#
        "processingTime": "$int"}}, "agentResult": {"processingTime": "$int", "agentsInvolved": "$arr"}, \#
        "timestamp": "$iso"}}
        {"n": 22, "req": ["GET", "/api/chat/history?sessionId=${sid}&limit=2&offset=1"], "status": 200, "body": \#
        {"sessionId": "${sid}", "history": [{"direction": "outgoing", "content": "$str"}, {"direction": \#
        "incoming", "content": "$str"}], "count": 2, "offset": 1, "limit": 2, "timestamp": "$iso"}}
        {"n": 23, "req": ["GET", "/api/chat/history"], "status": 400, "body": {"error": "sessionId query parameter \#
        required", "timestamp": "$iso"}}
        {"n": 24, "req": ["GET", "/api/users/user_12345/sessions?type=unresolved"], "status": 200, "body": \#
        {"userId": "user_12345", "type": "unresolved", "count": 1, "sessions": [{"sessionId": "${sid}", "status": \#
        "active", "isActive": true, "isResolved": false, "lastActivity": "$iso", "messageCount": "$int", \#
        "createdAt": "$iso", "recentMessages": "$arr"}], "timestamp": "$iso"}}
        {"n": 26, "req": ["POST", "/api/sessions/${sid}/resume"], "status": 200, "body": {"success": true, \#
        "sessionId": "${sid}", "session": {"userId": "user_12345", "isActive": true, "lastActivity": "$iso", \#
        "messageCount": "$int", "conversationContext": "$obj"}, "history": "$arr", "message": "Session resumed \#
        successfully. You can continue the conversation.", "timestamp": "$iso"}}
        {"n": 28, "req": ["POST", "/api/sessions/${sid}/resolve", {"notes": "User query fully answered"}], \#
        "status": 200, "body": {"success": true, "sessionId": "${sid}", "message": "Session marked as resolved", \#
        "timestamp": "$iso"}}
        {"n": 29, "req": ["GET", "/api/agents"], "status": 200, "body": {"agents": [{"id": "banking-assistant", \#
        "type": "ai"}, {"id": "nlp-processor", "type": "nlp"}, {"id": "nlu-intent", "type": "nlu"}, {"id": \#
        "mcp-tools", "type": "mcp"}, {"id": "human-escalation", "type": "human"}], "summary": {"totalAgents": 5, \#
        "activeAgents": 4, "healthyAgents": 5}}}
        {"n": 30, "req": ["DELETE", "/api/sessions/${sid}", {"reason": "user_request"}], "status": 200, "body": \#
        {"success": true, "sessionId": "${sid}", "reason": "user_request", "timestamp": "$iso"}, "then": [["GET", \#
        "/api/sessions/${sid}", 404], ["DELETE", "/api/sessions/nope", 200, {"success": true, "reason": \#
        "api_request"}], ["POST /api/chat/message with ${sid} + X-User-ID: hdr", "200, new sessionId, \#
        message.userId=hdr"]]}
        {"n": 31, "req": "61 x POST /api/chat/message on one session within 60 s", "status": "60x200 then 429", \#
        "body": {"error": "Too many messages", "message": "You are sending messages too quickly. Please slow \#
        down.", "retryAfter": "$int"}, "headers": {"Retry-After": "$int"}}
        {"n": 33, "req": ["POST", "/api/chat/message", "{\"message\": bad", {"X-Session-ID": "a"}], "status": 400, \#
        "body": {"error": "Internal server error", "message": "$str", "timestamp": "$iso"}}
        {"n": 35, "req": ["POST", "/auth/logout", {"token": "bad"}], "status": 200, "body": {"success": true, \#
        "message": "Logged out successfully", "timestamp": "$iso"}}
        """#
}
