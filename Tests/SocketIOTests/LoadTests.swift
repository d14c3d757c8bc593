import Glibc
import HTTPTransport
import TestSupport
import Testing

@testable import SocketIO

/// Many sockets, slow ones, and hostile ones.
@Suite(.serialized, .timeLimit(.minutes(3))) struct LoadTests {
    /// Descriptors: both ends of every connection are in this process.
    static let hasRoom: Bool = {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(7), &limit)
        getrlimit(__rlimit_resource_t(7), &limit)
        return limit.rlim_cur >= 8000
    }()

    @Test(.enabled(if: hasRoom, "needs 8,000 descriptors")) func twoThousandIdleSockets() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            var clients: [WebSocketClient] = []
            for _ in 0..<2000 { clients.append(try fixture.connect()) }
            #expect(fixture.sockets.metrics.openConnections == 2000)
            fixture.sockets.namespace("/")?.emit("news", EventArguments(json: "1"))
            for client in clients { #expect(try client.receiveText() == #"42["news",1]"#) }
            for client in clients { client.socket.close() }
            fixture.waitForLog("disconnected / transport close false", count: 2000)
            while fixture.sockets.metrics.openConnections > 0 { sched_yield() }
            #expect(fixture.sockets.namespace("/")?.socketCount == 0)
        }
    }

    @Test func aSlowReaderIsSentAway() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1) { configuration in
                configuration.engine.webSocket.queueBytes = 256 << 10
                configuration.engine.webSocket.closeTimeoutMilliseconds = 50
            }
            let slow = try fixture.connect(receiveBufferBytes: 4096)
            let quick = try fixture.connect()
            let big = EventArguments(json: "\"\(String(repeating: "x", count: 60_000))\"")
            var rounds = 0
            while fixture.log.lines.last != "disconnected / transport error false" {
                fixture.sockets.namespace("/")?.emit("big", big)
                #expect(try quick.receiveText().utf8.count > 60_000)
                rounds += 1
                try #require(rounds < 2000)
            }
            // It gets nothing more than its queue, and the connection is cut.
            while fixture.server.connectionCount > 1 { sched_yield() }
            #expect(fixture.sockets.metrics.openConnections == 1)
            slow.socket.close()
            try quick.send(#"42["message"]"#)
            #expect(try quick.receiveText() == #"42["message-back"]"#)
        }
    }

    /// A client that sends without reading is not read: it has to wait, nothing grows, nothing is lost.
    @Test func aFloodIsHeldBack() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1) { $0.engine.webSocket.pauseBytes = 64 << 10 }
            let client = try fixture.connect(receiveBufferBytes: 8192)
            let descriptor = client.socket.descriptor
            let count = 20_000
            let padding = String(repeating: "p", count: 200)
            TestThread.start {
                for number in 0..<count {
                    let bytes = Frame.text(#"42["message",\#(number),"\#(padding)"]"#)
                    var sent = 0
                    while sent < bytes.count {
                        let taken = bytes.withUnsafeBytes {
                            Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                        }
                        if taken <= 0 { return }
                        sent += taken
                    }
                }
            }
            for number in 0..<count {
                let text = try client.receiveText()
                guard text == #"42["message-back",\#(number),"\#(padding)"]"# else {
                    Issue.record("\(number): \(text)")
                    return
                }
            }
            #expect(fixture.sockets.metrics.traffic.receivedMessages == count + 1)
        }
    }

    /// What other threads send while a session's loop is busy is bounded too.
    @Test func aBusyLoopIsNotBuriedInWork() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let client = try fixture.connect()
            try client.send(#"42["hold"]"#)
            fixture.waitForLog("holding")
            let socket = try #require(fixture.sockets.namespace("/")?.sockets().first)
            for _ in 0..<EngineConnection.maximumWork + 10 { socket.emit("n") }
            fixture.log.add("release")
            fixture.waitForLog("disconnected / transport error false")
            var seen = 0
            while let frame = try client.receive(), frame.opcode == 1 { seen += 1 }
            #expect(seen == EngineConnection.maximumWork)
        }
    }

    @Test func oversizedMessages() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture(loops: 1) { $0.engine.maxPayload = 10_000 }
            let client = try fixture.connect()
            try client.send("42[\"message\",\"\(String(repeating: "a", count: 9000))\"]")
            #expect(try client.receiveText().utf8.count > 9000)
            try client.send("42[\"message\",\"\(String(repeating: "a", count: 10_000))\"]")
            #expect(try client.closeCode() == 1009)
            fixture.waitForLog("disconnected / transport error false")
        }
    }

    @Test func malformedMessages() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            let bystander = try fixture.connect()
            for text in [
                "", "x", "9", "2", "4", "4abc", "42{}", "42[", "42abc[\"a\"]", "451-[\"a\"]", "4511-[]",
                "42[\"connect\"]",
            ] {
                let client = try fixture.connect()
                try client.send(text)
                if text == "451-[\"a\"]" { try client.send("40") }
                #expect(try client.closeCode() == 1000, "\(text)")
            }
            for bytes in [
                Frame.client(1, [0xFF]), Frame.client(3, []), Frame.client(1, [65], mask: nil), [0xFF, 0xFF],
            ] {
                let client = try fixture.connect()
                try client.socket.send(bytes)
                let code = try client.closeCode()
                #expect(code == 1002 || code == 1007)
            }
            let stray = try fixture.connect()
            try stray.send([1])
            #expect(try stray.closeCode() == 1000)
            fixture.waitForLog("disconnected / parse error false", count: 12)
            try bystander.send(#"42["message"]"#)
            #expect(try bystander.receiveText() == #"42["message-back"]"#)
        }
    }

    /// Random bytes after a handshake, and connections cut at any place.
    @Test func randomBytesAndCuts() async throws {
        try await onOwnThread {
            let fixture = try SocketFixture()
            var random = SplitMix64(seed: 2)
            for round in 0..<300 {
                let client = try fixture.connect()
                var bytes = Frame.text(#"42["message",1]"#)
                if round % 2 == 0 {
                    bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
                } else {
                    bytes = (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
                }
                try? client.socket.send(bytes)
                if round % 3 == 0 { client.socket.reset() } else { client.socket.close() }
            }
            while fixture.sockets.metrics.openConnections > 0 || fixture.server.connectionCount > 0 { sched_yield() }
            #expect(fixture.sockets.namespace("/")?.socketCount == 0)
            let client = try fixture.connect()
            try client.send(#"42["message"]"#)
            #expect(try client.receiveText() == #"42["message-back"]"#)
        }
    }

    /// Opens a session, switches to a WebSocket, and gets its own five messages back in order.
    private static func pollAndSwitch(_ port: UInt16, _ number: Int) throws {
        let client = try PollingClient(port: port)
        _ = try client.post("40")
        let socket = try WebSocketClient(
            port: port, target: "/socket.io/?EIO=4&transport=websocket&sid=\(client.sid)")
        _ = try client.poll()
        try socket.send("2probe")
        try socket.send("5")
        for round in 0..<5 { try socket.send(#"42["message","\#(number)",\#(round)]"#) }
        var seen = 0
        while seen < 5 {
            if try socket.receiveText() == #"42["message-back","\#(number)",\#(seen)]"# { seen += 1 }
        }
        socket.socket.close()
    }

    /// Sessions that poll, switch, send and vanish on several loops while others broadcast.
    @Test func manyAtOnce() async throws {
        try await onOwnThread { try LoadTests.switchWhileOthersBroadcast() }
    }

    private static func switchWhileOthersBroadcast() throws {
        let fixture = try SocketFixture(loops: 4)
        let port = fixture.port
        let done = Recorder()
        for number in 0..<8 { TestThread.start { done.add(LoadTests.switchOften(port, number)) } }
        // Each broadcast waits for its own copy, so that it is the loops that set the pace.
        let listener = try fixture.connect()
        while done.lines.count < 8 {
            fixture.sockets.namespace("/")?.emit("noise", EventArguments(json: "0"))
            #expect(try listener.receiveText() == #"42["noise",0]"#)
        }
        listener.socket.close()
        #expect(done.lines.filter { $0 != "done" } == [], "\(fixture.sockets.metrics)")
        while fixture.sockets.metrics.openConnections > 0 { sched_yield() }
        #expect(fixture.sockets.metrics.upgrades == 160)
    }

    private static func switchOften(_ port: UInt16, _ number: Int) -> String {
        do {
            for _ in 0..<20 { try pollAndSwitch(port, number) }
            return "done"
        } catch {
            return "\(error)"
        }
    }
}
