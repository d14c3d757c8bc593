import TestSupport
import Testing

@testable import SocketIO

/// Text of a payload, or of a frame, for comparisons that can be read.
private func text(_ string: String) -> [UInt8] { Array(string.utf8) }

private func payload(_ ticket: UInt64, _ string: String) -> EngineSession.Action {
    .reply(ticket, .payload(text(string)))
}

private func frame(_ id: UInt64, _ string: String) -> EngineSession.Action { .send(id, .text(text(string))) }

@Suite struct EngineSessionTests {
    static func session(socket: UInt64? = nil, bufferBytes: Int = 1000) -> EngineSession {
        EngineSession(
            timings: EngineTimings(), bufferBytes: bufferBytes, handshake: text("{}"), socket: socket, now: 0)
    }

    /// A polling session whose open packet is out.
    static func opened(bufferBytes: Int = 1000) -> EngineSession {
        var session = session(bufferBytes: bufferBytes)
        session.poll(1, now: 0)
        #expect(session.takeActions() == [payload(1, "0{}")])
        return session
    }

    @Test func packetsAndPayloads() {
        let packets = [
            EnginePacket(.message, text("héllo")), EnginePacket(.binary([1, 2, 3, 4])), EnginePacket(.ping),
        ]
        let bytes = EnginePacket.payload(packets)
        #expect(bytes == text("4héllo\u{1E}bAQIDBA==\u{1E}2"))
        #expect(EnginePacket.decode(payload: bytes) == packets)
        #expect(bytes.count + 1 == packets.reduce(0) { $0 + $1.payloadBytes })
        for broken in ["", "\u{1E}", "4a\u{1E}", "abc", "7", "bAQ", "b*", "4a\u{1E}\u{1E}4b"] {
            #expect(EnginePacket.decode(payload: text(broken)) == nil, "\(broken)")
        }
        #expect(EnginePacket.decode(payload: [0x34, 0xFF]) == nil)
        #expect(EnginePacket(frame: .text([])) == nil)
        #expect(EnginePacket(frame: .text(text("x"))) == nil)
        #expect(EnginePacket(frame: .binary([9]))?.frame == .binary([9]))
    }

    @Test func pollsWaitAndCollect() {
        var session = EngineSessionTests.opened()
        session.poll(2, now: 1)
        #expect(session.takeActions() == [])
        session.send(.text(text("a")))
        #expect(session.takeActions() == [payload(2, "4a")])
        session.send(.text(text("b")))
        session.send(.binary([1]))
        #expect(session.takeActions() == [])
        session.poll(3, now: 2)
        #expect(session.takeActions() == [payload(3, "4b\u{1E}bAQ==")])
    }

    @Test func whatIsSentBeforeTheFirstPollGoesWithIt() {
        var session = EngineSessionTests.session()
        session.send(.text(text("x")))
        session.poll(1, now: 0)
        #expect(session.takeActions() == [payload(1, "0{}\u{1E}4x")])
    }

    @Test func postsAreDelivered() {
        var session = EngineSessionTests.opened()
        session.post(2, payload: text("4a\u{1E}bAQ==\u{1E}3"), now: 5)
        #expect(
            session.takeActions() == [.deliver(.text(text("a"))), .deliver(.binary([1])), .reply(2, .accepted)])
    }

    @Test func aSecondPollEndsTheSession() {
        var session = EngineSessionTests.opened()
        session.poll(2, now: 1)
        session.poll(3, now: 1)
        #expect(
            session.takeActions() == [
                .reply(3, .refused), .closed(.transportError), payload(2, "1"), .finished,
            ])
        session.poll(4, now: 2)
        session.post(5, payload: text("4a"), now: 2)
        #expect(session.takeActions() == [.reply(4, .unknownSession), .reply(5, .unknownSession)])
    }

    @Test(
        arguments: [("abc", .parseError), ("2", .transportError), (nil, .transportError)]
            as [(String?, DisconnectReason)])
    func badPostsEndTheSession(body: String?, reason: DisconnectReason) {
        var session = EngineSessionTests.opened()
        session.post(2, payload: body.map(text), now: 1)
        let actions = session.takeActions()
        #expect(actions.contains(.closed(reason)))
        #expect(actions.contains(.finished))
        #expect(actions.contains(.reply(2, body == "2" ? .accepted : .refused)))
        #expect(!session.isOpen)
        #expect(session.deadline == nil)
    }

    @Test func nothingIsDeliveredAfterAClosePacket() {
        var session = EngineSessionTests.opened()
        session.poll(2, now: 1)
        session.post(3, payload: text("4a\u{1E}1\u{1E}4b"), now: 1)
        #expect(
            session.takeActions() == [
                .deliver(.text(text("a"))), .closed(.transportClose), payload(2, "6"), .finished, .reply(3, .accepted),
            ])
    }

    @Test func theServerCloses() {
        var session = EngineSessionTests.opened()
        session.poll(2, now: 1)
        session.close(.forcedClose, now: 1)
        #expect(session.takeActions() == [.closed(.forcedClose), payload(2, "1"), .finished])

        // Between two polls: the next one is told, with what was sent before.
        session = EngineSessionTests.opened()
        session.send(.text(text("bye")))
        session.close(.serverShuttingDown, now: 1)
        session.send(.text(text("too late")))
        #expect(session.takeActions() == [.closed(.serverShuttingDown)])
        session.post(2, payload: text("4a"), now: 2)
        #expect(session.takeActions() == [.reply(2, .unknownSession)])
        session.poll(3, now: 3)
        #expect(session.takeActions() == [payload(3, "4bye\u{1E}1"), .finished])

        // It never comes.
        session = EngineSessionTests.opened()
        session.close(.forcedClose, now: 1)
        #expect(session.takeActions() == [.closed(.forcedClose)])
        #expect(session.deadline == 20_001)
        session.timerFired(now: 20_001)
        #expect(session.takeActions() == [.finished])
    }

    /// Some clients take sixteen packets in a payload and no more.
    @Test func payloadsHaveALimit() {
        var session = EngineSessionTests.opened()
        for _ in 0..<20 { session.send(.text([])) }
        session.close(.forcedClose, now: 1)
        session.poll(2, now: 2)
        let full = Array(repeating: "4", count: 16).joined(separator: "\u{1E}")
        #expect(session.takeActions() == [.closed(.forcedClose), payload(2, full)])
        session.poll(3, now: 3)
        #expect(session.takeActions() == [payload(3, "4\u{1E}4\u{1E}4\u{1E}4\u{1E}1"), .finished])
    }

    @Test func heartbeats() {
        var session = EngineSessionTests.opened()
        #expect(session.deadline == 25_000)
        session.timerFired(now: 24_999)
        #expect(session.takeActions() == [])
        session.poll(2, now: 24_999)
        session.timerFired(now: 25_000)
        #expect(session.takeActions() == [payload(2, "2")])
        #expect(session.deadline == 45_000)
        session.post(3, payload: text("3"), now: 30_000)
        #expect(session.takeActions() == [.reply(3, .accepted)])
        #expect(session.deadline == 55_000)
        session.timerFired(now: 55_000)
        session.timerFired(now: 74_999)
        #expect(session.takeActions() == [])
        session.timerFired(now: 75_000)
        #expect(session.takeActions() == [.closed(.pingTimeout), .finished])
    }

    @Test func nobodyFetchesWhatIsSent() {
        var session = EngineSessionTests.opened(bufferBytes: 100)
        for _ in 0..<12 { session.send(.text(Array(repeating: 65, count: 8))) }
        #expect(session.takeActions() == [.closed(.transportError), .finished])
        session.send(.text([65]))
        #expect(session.takeActions() == [])
    }

    @Test func onAWebSocket() {
        var session = EngineSessionTests.session(socket: 7)
        session.send(.text(text("a")))
        session.send(.binary([1]))
        session.socketReceived(7, .text(text("4b")), now: 1)
        session.socketReceived(7, .binary([2]), now: 1)
        #expect(
            session.takeActions() == [
                frame(7, "0{}"), frame(7, "4a"), .send(7, .binary([1])), .deliver(.text(text("b"))),
                .deliver(.binary([2])),
            ])
        session.poll(1, now: 1)
        session.post(2, payload: text("4x"), now: 1)
        session.socketOpened(8, now: 1)
        #expect(
            session.takeActions() == [
                .reply(1, .transportMismatch), .reply(2, .transportMismatch), .closeSocket(8),
            ])
        session.socketReceived(7, .text(text("abc")), now: 2)
        #expect(session.takeActions() == [.closed(.parseError), .closeSocket(7), .finished])
        session.socketEnded(7, .transportClose, now: 3)
        #expect(session.takeActions() == [])
    }

    @Test func theWebSocketEnds() {
        var session = EngineSessionTests.session(socket: 1)
        _ = session.takeActions()
        session.socketEnded(1, .transportClose, now: 1)
        #expect(session.takeActions() == [.closed(.transportClose), .finished])
        session = EngineSessionTests.session(socket: 1)
        _ = session.takeActions()
        session.socketReceived(1, .text(text("1")), now: 1)
        #expect(session.takeActions() == [.closed(.transportClose), .closeSocket(1), .finished])
    }

    @Test func upgrade() {
        var session = EngineSessionTests.opened()
        session.poll(2, now: 1)
        session.socketOpened(5, now: 1)
        #expect(session.takeActions() == [])
        session.socketReceived(5, .text(text("2probe")), now: 2)
        #expect(session.takeActions() == [frame(5, "3probe"), payload(2, "6")])
        // A poll that comes while the client has not switched is let go at once.
        session.poll(3, now: 3)
        #expect(session.takeActions() == [payload(3, "6")])
        session.send(.text(text("a")))
        session.send(.binary([1]))
        #expect(session.takeActions() == [])
        session.socketReceived(5, .text(text("5")), now: 4)
        #expect(session.takeActions() == [frame(5, "4a"), .send(5, .binary([1])), .upgraded])
        #expect(session.socket == 5)
        session.poll(4, now: 5)
        session.socketReceived(5, .text(text("4b")), now: 5)
        #expect(session.takeActions() == [.reply(4, .transportMismatch), .deliver(.text(text("b")))])
        // The probe's time limit is gone with it.
        #expect(session.deadline == 25_000)
    }

    @Test func aPollThatWaitsAtTheSwitchIsLetGo() {
        var session = EngineSessionTests.opened()
        session.socketOpened(5, now: 1)
        session.socketReceived(5, .text(text("2probe")), now: 2)
        session.send(.text(text("a")))
        session.poll(2, now: 3)
        #expect(session.takeActions() == [frame(5, "3probe"), payload(2, "4a")])
    }

    @Test(arguments: ["5", "2", "2other", "4hello", "x", ""])
    func aProbeThatIsNoneIsClosed(_ first: String) {
        var session = EngineSessionTests.opened()
        session.socketOpened(5, now: 1)
        session.socketReceived(5, .text(text(first)), now: 2)
        #expect(session.takeActions() == [.closeSocket(5)])
        session.socketEnded(5, .transportClose, now: 2)
        session.poll(2, now: 3)
        session.send(.text(text("still here")))
        #expect(session.takeActions() == [payload(2, "4still here")])
    }

    @Test func probesHaveATimeLimitAndAreOne() {
        var session = EngineSessionTests.opened()
        session.socketOpened(5, now: 1)
        session.socketOpened(6, now: 2)
        #expect(session.takeActions() == [.closeSocket(6)])
        #expect(session.deadline == 10_001)
        session.timerFired(now: 10_001)
        #expect(session.takeActions() == [.closeSocket(5)])
        #expect(session.isOpen)
        session.socketOpened(7, now: 10_002)
        session.socketEnded(7, .transportClose, now: 10_003)
        #expect(session.isOpen)
        #expect(session.deadline == 25_000)
    }

    @Test func theEndTakesTheProbeWithIt() {
        var session = EngineSessionTests.opened()
        session.socketOpened(5, now: 1)
        session.close(.forcedClose, now: 2)
        #expect(session.takeActions() == [.closed(.forcedClose), .closeSocket(5)])
    }

    /// Random events: every ticket is answered once, the end comes once, and nothing is delivered after it.
    @Test func randomEvents() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<3000 {
            var session = EngineSessionTests.session(socket: Bool.random(using: &random) ? 1 : nil, bufferBytes: 60)
            var now: UInt64 = 0
            var ticket: UInt64 = 0
            var socket: UInt64 = 1
            var answered: [UInt64: Int] = [:]
            var (closed, finished) = (0, 0)
            let texts = ["4a", "2probe", "5", "3", "1", "2", "x", "6", "4b\u{1E}4c"]
            for step in 0..<30 {
                switch Int.random(in: 0..<9, using: &random) {
                case 0...1:
                    ticket += 1
                    session.poll(ticket, now: now)
                case 2:
                    ticket += 1
                    session.post(ticket, payload: text(texts.randomElement(using: &random)!), now: now)
                case 3: session.send(.text(text("hello")))
                case 4:
                    socket += 1
                    session.socketOpened(socket, now: now)
                case 5...6: session.socketReceived(socket, .text(text(texts.randomElement(using: &random)!)), now: now)
                case 7: session.socketEnded(socket, .transportClose, now: now)
                default:
                    now += UInt64.random(in: 0..<30_000, using: &random)
                    session.timerFired(now: now)
                }
                if step == 25 { session.close(.forcedClose, now: now) }
                if step == 28 { session.timerFired(now: now + 1_000_000) }
                for action in session.takeActions() {
                    switch action {
                    case .reply(let ticket, _): answered[ticket, default: 0] += 1
                    case .closed: closed += 1
                    case .finished: finished += 1
                    case .deliver, .send, .upgraded: #expect(closed == 0)
                    case .closeSocket: break
                    }
                }
            }
            #expect(closed == 1 && finished == 1)
            for asked in 0..<ticket { #expect(answered[asked + 1] == 1) }
        }
    }
}
