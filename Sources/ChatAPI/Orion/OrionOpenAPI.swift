/// The OpenAPI 3.1 description of the orion surface. Served compact; written here to be read.
enum OrionOpenAPI {
    static let text = #"""
        {
          "openapi": "3.1.0",
          "info": {
            "title": "ORION-CORE Chat Backend",
            "version": "1.0.0",
            "description": "Chat sessions and their messages. Every reply is JSON. Under /api each client address has a quota a window; RateLimit-* headers tell what is left of it. Requests from origins that are not allowed get 403. OPTIONS on any path is answered as a CORS preflight. Where the server asks for tokens, every operation below /api/sessions needs one, and reaches the sessions of its subject only."
          },
          "servers": [{"url": "/"}],
          "tags": [{"name": "sessions"}, {"name": "messages"}, {"name": "service"}],
          "security": [{}, {"bearer": []}],
          "paths": {
            "/": {
              "get": {
                "operationId": "describeService", "tags": ["service"], "summary": "Name, version and endpoints", "security": [{}],
                "responses": {
                  "200": {"description": "The service", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Service"}}}},
                  "304": {"description": "The client has this very body (If-None-Match)"},
                  "403": {"$ref": "#/components/responses/ForeignOrigin"}
                }
              }
            },
            "/health": {
              "get": {
                "operationId": "getHealth", "tags": ["service"], "summary": "Condition of the store", "security": [{}],
                "responses": {
                  "200": {"description": "healthy; degraded: the disk is full, reading and deleting go on", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}},
                  "403": {"$ref": "#/components/responses/ForeignOrigin"},
                  "503": {"description": "unhealthy: the store refuses to go on until a restart", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}}
                }
              }
            },
            "/openapi.json": {
              "get": {
                "operationId": "getDescription", "tags": ["service"], "summary": "This document", "security": [{}],
                "responses": {
                  "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}},
                  "304": {"description": "The client has this very body (If-None-Match)"},
                  "403": {"$ref": "#/components/responses/ForeignOrigin"}
                }
              }
            },
            "/docs": {
              "get": {
                "operationId": "getDocumentation", "tags": ["service"], "summary": "Documentation to read", "security": [{}],
                "responses": {
                  "200": {"description": "A page", "content": {"text/html": {"schema": {"type": "string"}}}},
                  "304": {"description": "The client has this very body (If-None-Match)"},
                  "403": {"$ref": "#/components/responses/ForeignOrigin"}
                }
              }
            },
            "/api/sessions/create": {
              "post": {
                "operationId": "createSession", "tags": ["sessions"], "summary": "Begin a session",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {
                    "type": "object", "required": ["userId"],
                    "properties": {
                      "userId": {"type": "string", "minLength": 1, "maxLength": 255, "description": "The owner. With tokens: optional, and if given the token's subject."},
                      "firstMessage": {"type": ["string", "null"], "description": "Gives the title, is counted in messageCount, and is not stored as a message."}
                    }
                  }}}
                },
                "responses": {
                  "201": {"description": "The session", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
                  "429": {"$ref": "#/components/responses/TooManyRequests"},
                  "503": {"$ref": "#/components/responses/Unavailable"},
                  "507": {"$ref": "#/components/responses/InsufficientStorage"}
                }
              }
            },
            "/api/sessions/list": {
              "get": {
                "operationId": "listSessions", "tags": ["sessions"], "summary": "Sessions of a user",
                "parameters": [
                  {"name": "userId", "in": "query", "required": true, "schema": {"type": "string", "minLength": 1}, "description": "Compared exactly. With tokens: ignored and not required."},
                  {"name": "startDate", "in": "query", "schema": {"type": "string"}, "description": "Created at or after: RFC 3339 date-time or YYYY-MM-DD (midnight UTC)."},
                  {"name": "endDate", "in": "query", "schema": {"type": "string"}, "description": "Created at or before, to the millisecond."},
                  {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 100}, "description": "At most 1000; more is cut to it."},
                  {"name": "sortBy", "in": "query", "schema": {"type": "string", "default": "updatedAt"}, "description": "createdAt or updatedAt; anything else counts as updatedAt."},
                  {"name": "sortOrder", "in": "query", "schema": {"type": "string", "default": "desc"}, "description": "asc or desc; anything else counts as desc."},
                  {"name": "cursor", "in": "query", "allowEmptyValue": true, "schema": {"type": "string"}, "description": "Empty: begin paging. Else the nextCursor of the page before."}
                ],
                "responses": {
                  "200": {"description": "A page", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SessionList"}}}},
                  "304": {"description": "The client has this very body (If-None-Match)"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooManyRequests"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/api/sessions/{sessionId}": {
              "get": {
                "operationId": "getSession", "tags": ["sessions"], "summary": "One session",
                "parameters": [{"name": "sessionId", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}],
                "responses": {
                  "200": {"description": "The session", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}},
                  "304": {"description": "The client has this very body (If-None-Match)"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "429": {"$ref": "#/components/responses/TooManyRequests"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/api/sessions/delete": {
              "post": {
                "operationId": "deleteSession", "tags": ["sessions"], "summary": "Delete a session and its messages",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {
                    "type": "object", "required": ["sessionId"], "properties": {"sessionId": {"type": "string", "minLength": 1}}
                  }}}
                },
                "responses": {
                  "200": {"description": "Deleted", "content": {"application/json": {"schema": {
                    "type": "object", "required": ["success", "message"],
                    "properties": {"success": {"const": true}, "message": {"type": "string"}}
                  }}}},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
                  "429": {"$ref": "#/components/responses/TooManyRequests"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/api/sessions/messages": {
              "get": {
                "operationId": "listMessages", "tags": ["messages"], "summary": "All messages of a session, oldest first",
                "parameters": [{"name": "sessionId", "in": "query", "required": true, "schema": {"type": "string", "minLength": 1}}],
                "responses": {
                  "200": {"description": "The messages; none for an unknown session, unless the server asks for tokens", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/MessageList"}}}},
                  "304": {"description": "The client has this very body (If-None-Match)"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "429": {"$ref": "#/components/responses/TooManyRequests"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/api/sessions/save-message": {
              "post": {
                "operationId": "saveMessage", "tags": ["messages"], "summary": "Append a message",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {
                    "type": "object", "required": ["sessionId", "role", "content"],
                    "properties": {
                      "sessionId": {"type": "string", "minLength": 1},
                      "role": {"enum": ["user", "assistant"]},
                      "content": {"type": "string", "minLength": 1},
                      "metadata": {"type": ["object", "null"], "description": "Comes back with its members reordered."}
                    }
                  }}}
                },
                "responses": {
                  "201": {"description": "The message, durable", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Message"}}}},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
                  "429": {"$ref": "#/components/responses/TooManyRequests"},
                  "503": {"$ref": "#/components/responses/Unavailable"},
                  "507": {"$ref": "#/components/responses/InsufficientStorage"}
                }
              }
            }
          },
          "components": {
            "securitySchemes": {
              "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "HS256; claims iss, aud, exp, sub. Only where the server was started with --orion-auth jwt."}
            },
            "schemas": {
              "Session": {
                "type": "object",
                "required": ["sessionId", "userId", "title", "firstMessage", "lastMessage", "messageCount", "createdAt", "updatedAt", "metadata"],
                "properties": {
                  "sessionId": {"type": "string", "pattern": "^session_\\d{13}_[0-9a-z]{1,13}$"},
                  "userId": {"type": "string"},
                  "title": {"type": "string"},
                  "firstMessage": {"type": "string"},
                  "lastMessage": {"type": "string"},
                  "messageCount": {"type": "integer", "minimum": 0},
                  "createdAt": {"type": "string", "format": "date-time"},
                  "updatedAt": {"type": "string", "format": "date-time"},
                  "metadata": {"type": "object"}
                }
              },
              "SessionList": {
                "type": "object", "required": ["sessions", "count"],
                "properties": {
                  "sessions": {"type": "array", "items": {"$ref": "#/components/schemas/Session"}},
                  "count": {"type": "integer", "minimum": 0, "description": "Of this page."},
                  "nextCursor": {"type": "string", "description": "Only if the request carried cursor and more is left."}
                }
              },
              "Message": {
                "type": "object", "required": ["id", "sessionId", "role", "content", "timestamp", "metadata"],
                "properties": {
                  "id": {"type": "string", "pattern": "^msg_\\d{13}_[0-9a-z]{1,13}$"},
                  "sessionId": {"type": "string"},
                  "role": {"enum": ["user", "assistant"]},
                  "content": {"type": "string"},
                  "timestamp": {"type": "string", "format": "date-time"},
                  "metadata": {"description": "An object; a number, true or null if the client sent such JSON."}
                }
              },
              "MessageList": {
                "type": "object", "required": ["messages", "count"],
                "properties": {
                  "messages": {"type": "array", "items": {"$ref": "#/components/schemas/Message"}},
                  "count": {"type": "integer", "minimum": 0}
                }
              },
              "Health": {
                "type": "object", "required": ["status", "service", "version", "timestamp", "uptime", "database"],
                "properties": {
                  "status": {"enum": ["healthy", "degraded", "unhealthy"]},
                  "service": {"const": "orion-chat-backend"},
                  "version": {"type": "string"},
                  "timestamp": {"type": "string", "format": "date-time"},
                  "uptime": {"type": "number", "description": "Seconds."},
                  "database": {"type": "string"}
                }
              },
              "Service": {
                "type": "object", "required": ["service", "version", "endpoints", "documentation"],
                "properties": {
                  "service": {"type": "string"},
                  "version": {"type": "string"},
                  "endpoints": {"type": "object"},
                  "documentation": {"type": "string"}
                }
              },
              "Error": {
                "type": "object", "required": ["error"],
                "properties": {"error": {"type": "string"}, "message": {"type": "string"}, "origin": {"type": "string"}}
              }
            },
            "responses": {
              "BadRequest": {"description": "A field or parameter is missing or wrong, or the body is not JSON. Nothing was changed.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "Unauthorized": {"description": "No token", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "Forbidden": {"description": "The origin is not allowed, the token is refused, or the session is somebody else's", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "ForeignOrigin": {"description": "The origin is not allowed", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "NotFound": {"description": "No such session", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "TooLarge": {"description": "The body has more than 1 MiB", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "UnsupportedMediaType": {"description": "A charset other than UTF-8 and UTF-16, or a content coding other than gzip and deflate", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
              "TooManyRequests": {
                "description": "The quota is used up; no CORS headers",
                "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
                "content": {"application/json": {"schema": {"type": "object", "required": ["error", "retryAfter"], "properties": {"error": {"type": "string"}, "retryAfter": {"type": "string"}}}}}
              },
              "Unavailable": {
                "description": "Overloaded, or the store refuses to go on",
                "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "InsufficientStorage": {"description": "The disk is full: nothing was saved; reading and deleting go on", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
            }
          }
        }
        """#
}
