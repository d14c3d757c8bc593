import ChatAPI
import ChatEngine
import LogStore
import TestSupport
import Testing

/// A client of the surface's sockets over a real WebSocket.
final class POCSocket {
    let web: WebSocketClient
    private(set) var acknowledgements: [Int: JSONValue] = [:]

    /// Opens the session, and leaves the namespace's answer to `enter`.
    init(_ port: UInt16, headers: String = "", query: String = "") throws {
        web = try WebSocketClient(port: port, target: "/socket.io/?EIO=4&transport=websocket" + query, headers: headers)
        let open = try web.receiveText()
        guard open.hasPrefix("0{"), open.contains(#""pingTimeout":5000"#) else {
            throw LoopbackError.malformedReply(open)
        }
    }

    /// In the namespace, `connected` read.
    convenience init(_ fixture: POCFixture, as user: String = "user_12345", role: String? = nil) throws {
        self.init(try WebSocketClient.opened(fixture))
        let answer = try enter(#"{"token":"\#(fixture.token(user, role: role))"}"#)
        guard answer.hasPrefix("40{\"sid\"") else { throw LoopbackError.malformedReply(answer) }
        let connected = try next()
        guard connected.name == "connected" else { throw LoopbackError.malformedReply(connected.name) }
    }

    private init(_ web: WebSocketClient) { self.web = web }

    /// The packet that answers CONNECT.
    func enter(_ auth: String = "") throws -> String {
        try web.send("40" + auth)
        return try web.receiveText()
    }

    func emit(_ name: String, _ payload: String? = nil, id: Int? = nil) throws {
        let arguments = payload.map { "," + $0 } ?? ""
        try web.send("42\(id.map { String($0) } ?? "")[\(name.quoted)\(arguments)]")
    }

    /// The next event; acknowledgements on the way are kept.
    func next() throws -> (name: String, payload: JSONValue) {
        while true {
            let text = try web.receiveText()
            if text == "2" {
                try web.send("3")
                continue
            }
            if text.hasPrefix("43") {
                let id = text.dropFirst(2).prefix { $0.isNumber }
                let value = try JSONValue(parsing: Array(text.dropFirst(2 + id.count).utf8))
                acknowledgements[Int(id) ?? -1] = value.elements.first ?? .null
                continue
            }
            guard text.hasPrefix("42") else { throw LoopbackError.malformedReply(text) }
            let parts = try JSONValue(parsing: Array(text.dropFirst(2).utf8)).elements
            return (parts.first?.string ?? "", parts.count > 1 ? parts[1] : .null)
        }
    }

    /// The next event, which has to have this name.
    @discardableResult
    func expect(_ name: String) throws -> JSONValue {
        let event = try next()
        guard event.name == name else {
            throw LoopbackError.malformedReply("\(event.name) \(event.payload.text) instead of \(name)")
        }
        return event.payload
    }

    /// The error that an event ends in.
    func failure(_ event: String, _ payload: String? = nil, answeredBy name: String) throws -> String? {
        try emit(event, payload)
        return try expect(name)["error"]?.string
    }

    func authenticate(_ fixture: POCFixture, as user: String = "user_12345") throws {
        try emit("authenticate", #"{"token":"\#(fixture.token(user))","userId":"\#(user)"}"#)
        try expect("authenticationSuccess")
    }

    func join(_ session: String) throws {
        try emit("joinSession", #"{"sessionId":"\#(session)"}"#)
        try expect("sessionJoined")
    }
}

extension WebSocketClient {
    fileprivate static func opened(_ fixture: POCFixture) throws -> WebSocketClient {
        guard let port = fixture.port else { throw LoopbackError.closed(received: "the fixture has no socket") }
        let web = try WebSocketClient(port: port, target: "/socket.io/?EIO=4&transport=websocket")
        _ = try web.receiveText()
        return web
    }
}

/// The golden cases S1 to S22 of the contract, over WebSockets.
@Suite(.timeLimit(.minutes(3))) struct POCSocketGoldenTests {
    static let user = "user_12345"

    @Test func handshake() async throws {
        let fixture = try POCFixture(.socket)
        let port = try #require(fixture.port)
        try await onOwnThread {
            // S1, S2, and a token that is out of date.
            #expect(try POCSocket(port).enter() == #"44{"message":"Authentication token required"}"#)
            #expect(try POCSocket(port).enter(#"{"token":"bad"}"#) == #"44{"message":"Authentication failed"}"#)
            let old = fixture.token(Self.user, lifetimeSeconds: -1)
            #expect(try POCSocket(port).enter(#"{"token":"\#(old)"}"#) == #"44{"message":"Authentication failed"}"#)
            // The header and the query do as well.
            let token = fixture.token(Self.user)
            let header = try POCSocket(port, headers: "Authorization: Bearer \(token)\r\n")
            #expect(try header.enter().hasPrefix("40{\"sid\""))
            let query = try POCSocket(port, query: "&token=\(token)")
            #expect(try query.enter().hasPrefix("40{\"sid\""))
            // S3
            let connected = try query.expect("connected")
            let run = POCGoldenRun(fixture)
            run.compare(
                connected,
                [
                    "message": "Connected to banking chat service", "timestamp": "$iso", "socketId": "$str",
                ], "S3")
        }
    }

    @Test func beforeASession() async throws {
        let fixture = try POCFixture(.socket)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            // S4 to S6
            #expect(try socket.failure("createSession", "{}", answeredBy: "sessionError") == "Authentication required")
            #expect(
                try socket.failure("joinSession", #"{"sessionId":"x"}"#, answeredBy: "sessionError")
                    == "Authentication required")
            #expect(
                try socket.failure("sendMessage", #"{"content":"hi"}"#, answeredBy: "messageError")
                    == "No active session")
            #expect(try socket.failure("endSession", answeredBy: "sessionError") == "No active session")
            #expect(
                try socket.failure("uploadFile", #"{"filename":"a"}"#, answeredBy: "fileUploadError")
                    == "No active session")
            try socket.emit("ping", #"{"a":1}"#)
            POCGoldenRun(fixture).compare(try socket.expect("pong"), ["timestamp": "$iso", "a": 1], "S6")
            // S8, and who is refused.
            #expect(
                try socket.failure("authenticate", "{}", answeredBy: "authenticationError")
                    == "Authentication data required")
            #expect(
                try socket.failure("authenticate", #"{"token":"any"}"#, answeredBy: "authenticationError")
                    == "Authentication failed")
            #expect(
                try socket.failure(
                    "authenticate", #"{"token":"\#(fixture.token(Self.user))","userId":"somebody else"}"#,
                    answeredBy: "authenticationError") == "Authentication failed")
            try socket.emit("authenticate", #"{"token":"\#(fixture.token(Self.user))","userId":"user_12345"}"#)
            POCGoldenRun(fixture).compare(
                try socket.expect("authenticationSuccess"),
                ["userId": "user_12345", "authenticated": true, "timestamp": "$iso"], "S8")
            // S9, S10
            #expect(try socket.failure("joinSession", "{}", answeredBy: "sessionError") == "Session ID required")
            #expect(
                try socket.failure("joinSession", #"{"sessionId":"nope"}"#, answeredBy: "sessionError")
                    == "Session not found")
        }
    }

    @Test func inASession() async throws {
        let agents = try MockAgents()
        let fixture = try POCFixture(.socket, agents: agents.configuration)
        let sid = try await fixture.session(Self.user)
        let foreign = try await fixture.session("bob")
        try await onOwnThread {
            let (socket, other) = (try POCSocket(fixture), try POCSocket(fixture))
            for each in [socket, other] { try each.authenticate(fixture) }
            #expect(
                try socket.failure("joinSession", #"{"sessionId":"\#(foreign)"}"#, answeredBy: "sessionError")
                    == "Access denied")
            // S12
            var run = POCGoldenRun(fixture)
            run.saved["sid"] = sid
            try socket.emit("joinSession", #"{"sessionId":"\#(sid)"}"#)
            run.compare(
                try socket.expect("sessionJoined"),
                [
                    "sessionId": "${sid}",
                    "session": ["sessionId": "${sid}", "userId": "user_12345", "isActive": true],
                    "conversationHistory": [], "timestamp": "$iso",
                ], "S12")
            try other.join(sid)
            // S13
            for content in [#"{"content":"   "}"#, "{}", "null", #"{"content":7}"#] {
                #expect(
                    try socket.failure("sendMessage", content, answeredBy: "messageError")
                        == "Message content required")
            }
            let long = String(repeating: "x", count: 2001)
            #expect(
                try socket.failure("sendMessage", #"{"content":"\#(long)"}"#, answeredBy: "messageError")
                    == "Message too long")
            // S15
            try socket.emit("sendMessage", #"{"content":"What is my balance?"}"#, id: 4)
            run.compare(
                try socket.expect("messageReceived"),
                ["messageId": "$msg", "timestamp": "$iso", "status": "processing"], "S15")
            let expected: JSONValue = [
                "id": "$msg", "message_id": "$msg", "sessionId": "${sid}",
                "content": "Your account balance is $5,432.10", "direction": "outgoing",
                "agentInfo": [
                    "agentId": "orchestrator", "agentType": "ai", "confidence": nil, "processingTime": "$int",
                ],
            ]
            run.compare(try socket.expect("newMessage"), expected, "S15")
            run.compare(try other.expect("newMessage"), expected, "S15, the other")
            while socket.acknowledgements[4] == nil {
                try socket.emit("ping")
                try socket.expect("pong")
            }
            #expect(socket.acknowledgements[4]?["status"]?.string == "processing")
            // S17
            try socket.emit("uploadFile", #"{"filename":"a.pdf","size":12}"#)
            let uploaded = try socket.expect("fileUploadSuccess")
            run.compare(uploaded, ["filename": "a.pdf", "size": 12, "timestamp": "$iso"], "S17")
            #expect(uploaded["fileId"]?.string?.hasPrefix("file_") == true)
            #expect(try socket.failure("uploadFile", answeredBy: "fileUploadError") == "File upload failed")
        }
    }

    @Test func repliesOfRESTReachTheRoom() async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        let sockets = try await onOwnThread {
            let sockets = Joined([try POCSocket(fixture), try POCSocket(fixture)])
            for socket in sockets.sockets {
                try socket.authenticate(fixture)
                try socket.join(sid)
            }
            return sockets
        }
        try await fixture.say("hello", in: sid, as: Self.user)
        try await onOwnThread {
            // S18
            for socket in sockets.sockets {
                let message = try socket.expect("newMessage")
                #expect(message["direction"]?.string == "outgoing")
            }
        }
        // The end of a session by REST.
        _ = try await fixture.call("DELETE", "/api/sessions/\(sid)", as: Self.user)
        try await onOwnThread {
            for socket in sockets.sockets {
                let ended = try socket.expect("sessionEnded")
                #expect(ended["reason"]?.string == "api_request")
                #expect(ended["session"]?["isActive"] == .bool(false))
                #expect(
                    try socket.failure("sendMessage", #"{"content":"hi"}"#, answeredBy: "messageError")
                        == "No active session")
            }
        }
    }

    @Test func theSixtyFirstMessageIsRefused() async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            try socket.authenticate(fixture)
            try socket.join(sid)
            // S19
            for _ in 0..<61 { try socket.emit("sendMessage", #"{"content":"hi"}"#) }
            var received = 0
            var answered = 0
            var refused: String?
            while received < 60 || answered < 60 || refused == nil {
                let event = try socket.next()
                switch event.name {
                case "messageReceived": received += 1
                case "newMessage": answered += 1
                default: refused = event.payload["error"]?.string
                }
            }
            #expect(refused == "Rate limit exceeded")
        }
        // Sockets and REST have one limit.
        let reply = try await fixture.call("POST", "/api/sessions/\(sid)/messages", #"{"content":"x"}"#, as: Self.user)
        #expect(reply.status == 429)
        fixture.clock.advance(microseconds: 61_000_000)
        try await fixture.say("again", in: sid, as: Self.user)
    }

    @Test func theEventsOfTheSeed() async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            // S21, without `authenticate`.
            try socket.emit("chat:message", #"{"sessionId":"\#(sid)","content":"Hello!","type":"text"}"#, id: 1)
            try socket.expect("messageReceived")
            try socket.expect("newMessage")
            let response = try socket.expect("chat:response")
            var run = POCGoldenRun(fixture)
            run.saved["sid"] = sid
            run.compare(
                response,
                [
                    "sessionId": "${sid}", "id": "$msg", "message_id": "$msg", "content": "$str", "type": "text",
                    "direction": "outgoing",
                    "agent": ["type": "$str", "confidence": "$num", "agentsInvolved": "$arr"], "timestamp": "$iso",
                ], "S21")
            // S22
            try socket.emit("chat:history", #"{"sessionId":"\#(sid)","limit":50}"#, id: 2)
            let history = try socket.expect("chat:history")
            #expect(history["messages"]?.elements.map { $0["direction"]?.string } == ["incoming", "outgoing"])
            #expect(history["count"]?.number == 2)
            // It leaves on another thread than the events around it.
            while socket.acknowledgements[1] == nil {
                try socket.emit("ping")
                try socket.expect("pong")
            }
            #expect(socket.acknowledgements[1] == response)
            // What goes wrong.
            for (event, payload, text) in [
                ("chat:message", #"{"sessionId":"nope","content":"x"}"#, "Session not found"),
                ("chat:history", #"{"sessionId":"nope"}"#, "Session not found"),
                ("chat:message", #"{"sessionId":"\#(sid)"}"#, "Message content required"),
            ] {
                try socket.emit(event, payload)
                let error = try socket.expect("error")
                #expect(error["message"]?.string == text)
                #expect(error["error"]?.string == text)
            }
            let fresh = try POCSocket(fixture)
            #expect(try fresh.failure("chat:message", answeredBy: "error") == "Session ID required")
            let stranger = try POCSocket(fixture, as: "bob")
            #expect(
                try stranger.failure("chat:history", #"{"sessionId":"\#(sid)"}"#, answeredBy: "error")
                    == "Access denied")
        }
    }
}

/// Sockets that one test uses on one thread after the other.
private final class Joined: @unchecked Sendable {
    // Unchecked: the test's threads follow each other.
    let sockets: [POCSocket]
    init(_ sockets: [POCSocket]) { self.sockets = sockets }
}

/// What sockets do beyond the golden cases.
@Suite(.timeLimit(.minutes(3))) struct POCSocketTests {
    static let user = "user_12345"

    @Test func aSocketMakesAndEndsSessions() async throws {
        let fixture = try POCFixture(.socket)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            try socket.authenticate(fixture)
            try socket.emit("createSession", #"{"metadata":{"deviceInfo":"d"},"userData":{"x":1}}"#)
            let created = try socket.expect("sessionCreated")
            let id = try #require(created["sessionId"]?.string)
            POCGoldenRun(fixture).compare(
                created["session"],
                [
                    "sessionId": .string(id), "userId": "user_12345", "userData": ["x": 1], "messageCount": 0,
                    "metadata": ["deviceInfo": "d", "socketId": "$str", "ipAddress": "127.0.0.1"],
                    "state": ["currentStep": "initial"],
                ], "sessionCreated")
            try socket.emit("sendMessage", #"{"content":"hi"}"#)
            try socket.expect("messageReceived")
            try socket.expect("newMessage")
            // The room hears of the end, then the one who ended it.
            try socket.emit("endSession")
            let ended = try socket.expect("sessionEnded")
            #expect(ended["session"]?["endReason"]?.string == "user_initiated")
            #expect(try socket.expect("sessionEnded")["sessionId"] == nil)
            #expect(
                try socket.failure("sendMessage", #"{"content":"hi"}"#, answeredBy: "messageError")
                    == "No active session")
        }
    }

    @Test func typingStopsByItself() async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let (typist, reader) = (try POCSocket(fixture), try POCSocket(fixture))
            for each in [typist, reader] {
                try each.authenticate(fixture)
                try each.join(sid)
            }
            try typist.emit("typing")
            #expect(try reader.expect("userTyping")["userId"]?.string == Self.user)
            try typist.emit("stopTyping", "{}")
            try reader.expect("userStoppedTyping")
            // The first timer finds that typing has stopped, or was begun again.
            try typist.emit("typing")
            try reader.expect("userTyping")
            fixture.clock.advance(microseconds: 10_000_001)
            fixture.timers.fireNext()
            try reader.expect("userStoppedTyping")
            try typist.emit("stopTyping")
            try typist.emit("ping")
            try typist.expect("pong")
            try reader.emit("ping")
            try reader.expect("pong")
        }
    }

    @Test func socketsHearThatTheirSessionExpired() async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            try socket.authenticate(fixture)
            try socket.join(sid)
            fixture.clock.advance(microseconds: 3_600_000_001)
            _ = try fixture.surface.lifeCycle.sweep()
            let expired = try socket.expect("sessionExpired")
            #expect(expired["sessionId"]?.string == sid)
            #expect(expired["reason"]?.string == "expired")
        }
    }

    /// Whoever asks for it first ends it: nobody waits for the sweep.
    @Test(arguments: ["GET", "POST", "sendMessage", "joinSession", "chat:message"])
    func aSessionThatIsFoundExpiredEnds(_ how: String) async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        let port = try #require(fixture.port)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            try socket.authenticate(fixture)
            try socket.join(sid)
            fixture.clock.advance(microseconds: 3_600_000_001)
            if how == "GET" || how == "POST" {
                let path = "/api/sessions/\(sid)" + (how == "POST" ? "/messages" : "")
                let headers = [
                    ("Content-Type", "application/json"), ("Authorization", "Bearer " + fixture.token(Self.user)),
                ]
                let reply = try LoopbackClient(port: port).send(
                    how, path, headers: headers, body: how == "POST" ? Array(#"{"content":"x"}"#.utf8) : nil)
                #expect(reply.status == 404)
            } else {
                try socket.emit(how, #"{"sessionId":"\#(sid)","content":"x"}"#)
            }
            // The refusal and the session's end come from two threads: their order is not fixed.
            var events = [try socket.next()]
            if how != "GET" && how != "POST" { events.append(try socket.next()) }
            let expired = try #require(events.first { $0.name == "sessionExpired" }?.payload)
            #expect(expired["session"]?["endReason"]?.string == "expired")
            let error = how == "sendMessage" ? "No active session" : "Session not found"
            #expect(events.count == 1 || events.contains { $0.payload["error"]?.string == error })
        }
    }

    /// What made the original shut itself down.
    @Test(arguments: [
        "authenticate", "createSession", "joinSession", "sendMessage", "typing", "stopTyping", "uploadFile",
        "endSession", "chat:message", "chat:history", "no such event",
    ])
    func noPayloadIsHarmful(_ event: String) async throws {
        let fixture = try POCFixture(.socket)
        let sid = try await fixture.session(Self.user)
        try await onOwnThread {
            let socket = try POCSocket(fixture)
            try socket.authenticate(fixture)
            try socket.join(sid)
            let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
            for payload in [nil, "null", "7", "[]", #""text""#, #"{"content":{}}"#, #"{"sessionId":[]}"#, deep] {
                // Another session each time, since `endSession` and `createSession` change it.
                try socket.emit(event, payload)
            }
            try socket.emit("ping", #"{"last":true}"#)
            while true {
                let event = try socket.next()
                if event.name == "pong" { break }
            }
        }
    }

    @Test func credentialsAuthenticate() async throws {
        let fixture = try POCFixture(.socket) { $0.authRate = 2 }
        _ = try fixture.engine.addPasswordAccount(
            username: "test", password: try #require(PasswordHash(of: "test123")), userID: "user_test")
        try await onOwnThread {
            let socket = try POCSocket(fixture, as: "user_test")
            try socket.emit("authenticate", #"{"credentials":{"username":"test","password":"test123"}}"#)
            #expect(try socket.expect("authenticationSuccess")["userId"]?.string == "user_test")
            for _ in 0..<2 {
                #expect(
                    try socket.failure(
                        "authenticate", #"{"credentials":{"username":"test","password":"no"}}"#,
                        answeredBy: "authenticationError") == "Authentication failed")
            }
            #expect(
                try socket.failure(
                    "authenticate", #"{"credentials":{"userId":"root"}}"#, answeredBy: "authenticationError")
                    == "Authentication failed")
            try socket.emit("authenticate", #"{"credentials":{"userId":"user_test"}}"#)
            try socket.expect("authenticationSuccess")
        }
    }
}
