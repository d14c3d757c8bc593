import Glibc
import HTTPTransport
import TestSupport
import Testing

@testable import SocketIO

/// Long polling over real sockets.
@Suite(.timeLimit(.minutes(1))) struct PollingTests {
    @Test func aWholeSession() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try PollingClient(port: fixture.port)
            #expect(client.handshake.status == 200)
            #expect(client.handshake.header("Content-Type") == "text/plain; charset=UTF-8")
            #expect(client.handshake.header("cache-control") == "no-store")
            #expect(client.sid.utf8.count == 20)
            #expect(
                client.handshake.text
                    == #"0{"sid":"\#(client.sid)","upgrades":["websocket"],"pingInterval":25000,"#
                    + #""pingTimeout":20000,"maxPayload":1000000}"#)
            let accepted = try client.post(#"40{"a":1}"#)
            #expect(accepted.status == 200 && accepted.text == "ok")
            #expect(accepted.header("Content-Type") == "text/html")
            let welcome = try client.poll().text.split(separator: "\u{1E}")
            #expect(welcome.count == 2 && welcome[0].hasPrefix(#"40{"sid":""#) && welcome[1] == #"42["auth",{"a":1}]"#)
            let place = #"{"_placeholder":true,"num":0}"#
            _ = try client.post(
                #"42["message",1,"2",{"3":[true]}]"# + "\u{1E}" + #"427["with-ack","x"]"#
                    + "\u{1E}451-[\"message\",\(place)]\u{1E}bAQIDBA==")
            #expect(
                try client.poll().text
                    == #"42["message-back",1,"2",{"3":[true]}]"# + "\u{1E}" + #"437["x"]"#
                    + "\u{1E}451-[\"message-back\",\(place)]\u{1E}bAQIDBA==")
            // A poll that waits is answered as soon as there is something.
            let waiting = try client.beginPoll(port: fixture.port)
            fixture.sockets.namespace("/")?.emit("news", EventArguments(json: "1"))
            #expect(try waiting.readReply().text == #"42["news",1]"#)
            #expect(try client.post("1").text == "ok")
            fixture.waitForLog("disconnected / transport close false")
            #expect(try client.poll().text == #"{"code":1,"message":"Session ID unknown"}"#)
            #expect(fixture.sockets.metrics.openConnections == 0)
            #expect(fixture.sockets.metrics.closedByReason == ["transport close": 1])
        }
    }

    @Test(arguments: [
        ("GET", "", 0, "Transport unknown"), ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=carrier", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=x", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling&sid=x", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
        ("GET", "transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version"),
    ])
    func errors(method: String, query: String, code: Int, message: String) async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1)
            let reply = try LoopbackClient(port: fixture.port).send(method, "/socket.io/?\(query)")
            #expect(reply.status == 400)
            #expect(reply.header("Content-Type") == "application/json")
            #expect(reply.text == #"{"code":\#(code),"message":"\#(message)"}"#)
            #expect(fixture.sockets.metrics.openedConnections == 0)
        }
    }

    @Test func refusalsAndLimits() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1) { configuration in
                configuration.engine.connections = 1
                configuration.engine.maxPayload = 100
                configuration.engine.refusal = { $0.headers.contains("X-Bad") ? "no \"bad\" ones" : nil }
                configuration.cors = CORS(origins: .only(exact: ["http://good"], patterns: []))
            }
            let http = LoopbackClient(port: fixture.port)
            let target = "/socket.io/?EIO=4&transport=polling"
            let refused = try http.send("GET", target, headers: [("X-Bad", "1")])
            #expect(refused.status == 403)
            #expect(refused.text == #"{"code":4,"message":"no \"bad\" ones"}"#)
            #expect(try http.send("GET", "/elsewhere").status == 404)
            let client = try PollingClient(port: fixture.port)
            let full = try http.send("GET", target, headers: [("Origin", "http://good")])
            #expect(full.status == 503)
            #expect(full.header("Access-Control-Allow-Origin") == "http://good")
            #expect(try http.send("OPTIONS", target).status == 204)
            #expect(try client.post(String(repeating: "4", count: 101)).status == 413)
            #expect(try client.post("40").text == "ok")
            let binary = try http.send(
                "POST", target + "&sid=\(client.sid)", headers: [("Content-Type", "application/octet-stream")],
                body: [0x34])
            #expect(binary.status == 400)
            #expect(try client.poll().status == 400)
        }
    }

    @Test func sessionsOfOneAddressHaveALimit() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1) { $0.engine.connectionsPerIP = 2 }
            let clients = try (0..<2).map { _ in try PollingClient(port: fixture.port) }
            let http = LoopbackClient(port: fixture.port)
            #expect(try http.send("GET", "/socket.io/?EIO=4&transport=polling").status == 503)
            #expect(try clients[0].post("1").status == 200)
            #expect(try http.send("GET", "/socket.io/?EIO=4&transport=polling").status == 200)
            #expect(try http.send("GET", "/socket.io/?EIO=4&transport=polling").status == 503)
        }
    }

    @Test func twoPollsAtOnce() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try PollingClient(port: fixture.port)
            _ = try client.post("40")
            _ = try client.poll()
            let first = try client.beginPoll(port: fixture.port)
            var second = try client.beginPoll(port: fixture.port)
            // Which of them came first is up to the loops.
            var replies = [try first.readReply(), try second.readReply()]
            replies.sort { $0.status < $1.status }
            #expect(replies[0].status == 200 && replies[0].text == "1")
            #expect(replies[1].status == 400)
            fixture.waitForLog("disconnected / transport error false")
            second = try client.beginPoll(port: fixture.port)
            #expect(try second.readReply().status == 400)
        }
    }

    @Test func heartbeatsEndADeadSession() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try PollingClient(port: fixture.port)
            _ = try client.post("40")
            _ = try client.poll()
            for _ in 0..<3 {
                fixture.clock.advance(25_000)
                fixture.sockets.timeHasPassed()
                #expect(try client.poll().text == "2")
                #expect(try client.post("3").text == "ok")
            }
            fixture.clock.advance(25_000)
            fixture.sockets.timeHasPassed()
            #expect(try client.poll().text == "2")
            let waiting = try client.beginPoll(port: fixture.port)
            while fixture.sockets.metrics.openConnections == 1 {
                fixture.clock.advance(20_000)
                fixture.sockets.timeHasPassed()
                sched_yield()
            }
            let last = try waiting.readReply()
            #expect(last.text == "1" || last.status == 400)
            #expect(fixture.log.lines.last == "disconnected / ping timeout false")
        }
    }

    @Test func theServerStops() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try PollingClient(port: fixture.port)
            _ = try client.post("40")
            _ = try client.poll()
            let socket = try fixture.connect()
            let waiting = try client.beginPoll(port: fixture.port)
            // The poll has arrived once an answer to something later is there.
            _ = try client.post("42[\"message\"]")
            _ = try waiting.readReply()
            let last = try client.beginPoll(port: fixture.port)
            _ = try client.post("42[\"none\"]")
            fixture.waitForLog("unknown none")
            fixture.sockets.shutDown()
            // Told at once, or where the poll comes later, then.
            #expect(try last.readReply().text == "1")
            #expect(try socket.closeCode() == 1000)
            let late = try LoopbackClient(port: fixture.port).send("GET", "/socket.io/?EIO=4&transport=polling")
            #expect(late.status == 503)
            fixture.waitForLog("disconnected / server shutting down false", count: 2)
            socket.socket.close()
            #expect(fixture.server.drain(deadline: .seconds(20)))
        }
    }
}
