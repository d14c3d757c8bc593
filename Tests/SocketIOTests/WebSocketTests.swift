import Glibc
import HTTPTransport
import TestSupport
import Testing

@testable import SocketIO

/// WebSockets and upgrades over real sockets.
@Suite(.timeLimit(.minutes(2))) struct WebSocketTests {
    @Test func eventsBothWays() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try fixture.connect()
            try client.send(#"42["message",1,"2",{"3":[true]}]"#)
            #expect(try client.receiveText() == #"42["message-back",1,"2",{"3":[true]}]"#)
            try client.send(#"452-9["with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            try client.send([1, 2])
            try client.send([])
            #expect(
                try client.receiveText() == #"462-9[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
            #expect(try client.receive() == Frame.Server(opcode: 2, payload: [1, 2]))
            #expect(try client.receive() == Frame.Server(opcode: 2, payload: []))
            try client.send(#"42["ask","how"]"#)
            #expect(try client.receiveText() == #"420["question","how"]"#)
            try client.send(#"430["fine",1]"#)
            fixture.waitForLog(#"answer "fine";1"#)
            try client.send("40/custom,{}")
            #expect(try client.receiveText().hasPrefix(#"40/custom,{"sid":""#))
            #expect(try client.receiveText() == #"42/custom,["auth",{}]"#)
            try client.send("41")
            fixture.waitForLog("disconnected / client namespace disconnect false")
            try client.send(#"42/custom,["message"]"#)
            #expect(try client.receiveText() == #"42/custom,["message-back"]"#)
            try client.socket.send(Frame.client(9, [1, 2, 3]))
            #expect(try client.receive() == Frame.Server(opcode: 10, payload: [1, 2, 3]))
            try client.socket.send(Frame.client(8, [0x03, 0xE8]))
            #expect(try client.closeCode() == 1000)
            #expect(try client.socket.receive() == false)
            fixture.waitForLog("disconnected /custom transport close false")
        }
    }

    @Test func answersThatDoNotCome() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try fixture.connect()
            try client.send(#"42["ask",1]"#)
            #expect(try client.receiveText() == #"420["question",1]"#)
            fixture.clock.advance(500)
            fixture.sockets.timeHasPassed()
            fixture.waitForLog("answer none")
            try client.send(#"42["ask",2]"#)
            #expect(try client.receiveText().hasSuffix("[\"question\",2]"))
            client.socket.reset()
            fixture.waitForLog("answer none", count: 2)
        }
    }

    @Test func namespacesAndAuthorization() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try WebSocketClient(port: fixture.port, target: "/socket.io/?EIO=4&transport=websocket")
            _ = try client.receiveText()
            try client.send("40/random,")
            #expect(try client.receiveText() == #"44/random,{"message":"Invalid namespace"}"#)
            try client.send(#"40/guarded,{"token":"bad"}"#)
            #expect(
                try client.receiveText()
                    == #"44/guarded,{"message":"Authentication \"failed\"","data":{"code":7}}"#)
            try client.send("40/guarded,")
            #expect(try client.receiveText() == #"44/guarded,{"message":"Connection refused"}"#)
            try client.send(#"40/guarded,{"token":"good"}"#)
            #expect(try client.receiveText().hasPrefix(#"40/guarded,{"sid":""#))
            fixture.waitForLog("guarded good one")
            #expect(fixture.sockets.namespace("/guarded")?.socketCount == 1)
            try client.send(#"42["message"]"#)
            #expect(try client.closeCode() == 1000)
        }
    }

    @Test func rooms() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let clients = try (0..<3).map { _ in try fixture.connect() }
            for client in clients.prefix(2) {
                try client.send(#"42["join","a"]"#)
                try client.send(#"42["rooms"]"#)
                #expect(try client.receiveText() == #"42["rooms",["a"]]"#)
            }
            try clients[2].send(#"42["to-room","a",1]"#)
            for client in clients.prefix(2) { #expect(try client.receiveText() == #"42["news","a",1]"#) }
            try clients[0].send(#"42["to-room","a",2]"#)
            #expect(try clients[1].receiveText() == #"42["news","a",2]"#)
            try clients[1].send(#"42["leave","a"]"#)
            try clients[1].send(#"42["rooms"]"#)
            #expect(try clients[1].receiveText() == #"42["rooms",[]]"#)
            try clients[2].send(#"42["to-room","a",3]"#)
            #expect(try clients[0].receiveText() == #"42["news","a",3]"#)
            let namespace = try #require(fixture.sockets.namespace("/"))
            #expect(namespace.sockets(in: "a").count == 1 && namespace.sockets(in: "none").isEmpty)
            clients[0].socket.close()
            fixture.waitForLog("disconnected / transport close false")
            #expect(namespace.sockets(in: "a").isEmpty && namespace.socketCount == 2)
            try clients[1].send(#"42["to-all",4]"#)
            for client in clients.dropFirst() { #expect(try client.receiveText() == #"42["news",4]"#) }
            let one = try #require(namespace.sockets().first)
            namespace.emit("news", EventArguments(json: "5"), to: one.id)
            one.emit("last")
        }
    }

    @Test func kicked() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            var client = try fixture.connect()
            try client.send(#"42["kick"]"#)
            #expect(try client.receiveText() == "41")
            try client.send("40")
            #expect(try client.receiveText().hasPrefix("40{"))
            client = try fixture.connect()
            try client.send(#"42["kick",1]"#)
            #expect(try client.receiveText() == "41")
            #expect(try client.closeCode() == 1000)
            fixture.waitForLog("disconnected / server namespace disconnect false", count: 2)
        }
    }

    @Test func upgradesFromPolling() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try PollingClient(port: fixture.port)
            _ = try client.post("40")
            _ = try client.poll()
            let waiting = try client.beginPoll(port: fixture.port)
            let target = "/socket.io/?EIO=4&transport=websocket&sid=\(client.sid)"
            let socket = try WebSocketClient(port: fixture.port, target: target)
            try socket.send("2probe")
            #expect(try socket.receiveText() == "3probe")
            #expect(try waiting.readReply().text == "6")
            try socket.send("5")
            try socket.send(#"42["message",1]"#)
            #expect(try socket.receiveText() == #"42["message-back",1]"#)
            let poll = try client.poll()
            #expect(poll.status == 400 && poll.text == #"{"code":3,"message":"Bad request"}"#)
            #expect(try client.post("4x").status == 400)
            // A second WebSocket for the same session is closed, and the first one lives on.
            let second = try WebSocketClient(port: fixture.port, target: target)
            #expect(try second.closeCode() == 1000)
            try socket.send(#"42["message",2]"#)
            #expect(try socket.receiveText() == #"42["message-back",2]"#)
            #expect(fixture.sockets.metrics.upgrades == 1)
            // Many threads at once, in order for each.
            try socket.send(#"42["join","x"]"#)
            for number in 0..<100 { fixture.sockets.namespace("/")?.emit("n", EventArguments(json: "\(number)")) }
            for number in 0..<100 { #expect(try socket.receiveText() == #"42["n",\#(number)]"#) }
        }
    }

    @Test func handshakesThatAreRefused() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1) { $0.engine.allowsOrigin = { $0 != "http://evil" } }
            func status(_ query: String, _ headers: String = "") throws -> String {
                let client = try WebSocketClient(
                    port: fixture.port, target: "/socket.io/?\(query)", headers: headers, expectsRefusal: true)
                return String(client.status.split(separator: " ")[1])
            }
            let good = "EIO=4&transport=websocket"
            #expect(try status(good) == "101")
            #expect(try status(good, "Origin: http://good\r\n") == "101")
            #expect(try status(good, "Origin: http://evil\r\n") == "403")
            #expect(try status("EIO=3&transport=websocket") == "400")
            #expect(try status("EIO=4&transport=polling") == "400")
            #expect(try status("EIO=4&transport=websocket&sid=none") == "400")
            // Two keys.
            #expect(try status(good, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") == "400")
            let http = LoopbackClient(port: fixture.port)
            let fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
            let old = try http.send(
                "GET", "/socket.io/?\(good)",
                headers: fields + [("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")])
            #expect(old.status == 426 && old.header("Sec-WebSocket-Version") == "13")
            let short = try http.send(
                "GET", "/socket.io/?\(good)",
                headers: fields + [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "AAAA")])
            #expect(short.status == 400)
            let text = try http.send("GET", "/socket.io/?EIO=4", headers: fields)
            #expect(text.text == "Transport unknown" && text.header("Content-Type") == "text/html")
        }
    }

    @Test func deadPeersAreFound() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let (alive, dead) = (try fixture.connect(), try fixture.connect())
            fixture.clock.advance(25_000)
            fixture.sockets.timeHasPassed()
            #expect(try alive.receiveText() == "2")
            #expect(try dead.receiveText() == "2")
            try alive.send("3")
            try alive.send(#"42["message"]"#)
            #expect(try alive.receiveText() == #"42["message-back"]"#)
            fixture.clock.advance(20_000)
            fixture.sockets.timeHasPassed()
            #expect(try dead.closeCode() == 1000)
            fixture.waitForLog("disconnected / ping timeout false")
            try alive.send(#"42["message"]"#)
            #expect(try alive.receiveText() == #"42["message-back"]"#)
        }
    }

    @Test func theUninvitedAreSentAway() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try WebSocketClient(port: fixture.port, target: "/socket.io/?EIO=4&transport=websocket")
            _ = try client.receiveText()
            fixture.clock.advance(24_999)
            fixture.sockets.timeHasPassed()
            fixture.clock.advance(1)
            fixture.sockets.timeHasPassed()
            #expect(try client.receiveText() == "2")
            try client.send("3")
            while fixture.sockets.metrics.openConnections > 0 {
                fixture.clock.advance(5000)
                fixture.sockets.timeHasPassed()
                sched_yield()
            }
            #expect(try client.closeCode() == 1000)
            #expect(fixture.log.lines.isEmpty)
        }
    }
}
