import Testing

@testable import SocketIO

private func text(_ string: String) -> [UInt8] { Array(string.utf8) }
private func message(_ string: String) -> WebSocketMessage { .text(text(string)) }

@Suite struct SocketClientTests {
    static func client(_ namespaces: Set<String> = ["/", "/custom"]) -> SocketClient {
        SocketClient(known: namespaces, now: 0)
    }

    /// In the main namespace.
    static func connected() -> SocketClient {
        var client = client()
        client.received(message("0"))
        #expect(client.takeActions() == [.authorize(namespace: "/", auth: text("{}"))])
        #expect(client.accept("/", sid: "abc") == true)
        #expect(client.takeActions() == [.send(message(#"0{"sid":"abc"}"#))])
        return client
    }

    @Test func connects() {
        var client = SocketClientTests.connected()
        client.received(message(#"0/custom,{"token":"t"}"#))
        #expect(client.takeActions() == [.authorize(namespace: "/custom", auth: text(#"{"token":"t"}"#))])
        #expect(client.accept("/custom", sid: "def") == true)
        #expect(client.takeActions() == [.send(message(#"0/custom,{"sid":"def"}"#))])
        #expect(client.isConnected("/") && client.isConnected("/custom"))
        #expect(client.deadline == nil)
        client.received(message("0"))
        #expect(client.takeActions() == [])
    }

    @Test func unknownNamespacesAndRejections() {
        var client = SocketClientTests.client()
        client.received(message("0/random,"))
        #expect(client.takeActions() == [.send(message(#"4/random,{"message":"Invalid namespace"}"#))])
        client.received(message("0"))
        _ = client.takeActions()
        client.reject("/", error: text(#"{"message":"no"}"#))
        #expect(client.takeActions() == [.send(message(#"4{"message":"no"}"#))])
        #expect(client.accept("/", sid: "x") == false)
        // It may try again, and may not stay without any.
        client.received(message("0"))
        #expect(client.takeActions() == [.authorize(namespace: "/", auth: text("{}"))])
        client.timerFired(now: 44_999)
        #expect(client.takeActions() == [])
        client.timerFired(now: 45_000)
        #expect(client.takeActions() == [.close(.forcedClose)])
        #expect(client.accept("/", sid: "x") == false)
    }

    @Test func whatIsKeptHasALimit() {
        var client = SocketClientTests.client()
        let long = String(repeating: "x", count: 16 << 10)
        client.received(message("0{\"token\":\"\(long)\"}"))
        #expect(client.takeActions() == [.send(message(#"4{"message":"Authentication payload too large"}"#))])
        client = SocketClientTests.connected()
        let place = #"{"_placeholder":true,"num":0}"#
        client.received(message("53-[\"a\",\(place)]"))
        client.received(.binary(Array(repeating: 0, count: 3 << 20)))
        #expect(client.takeActions() == [])
        client.received(.binary(Array(repeating: 0, count: 2 << 20)))
        #expect(client.takeActions() == [.close(.parseError)])
    }

    @Test func eventsAndAcknowledgements() {
        var client = SocketClientTests.connected()
        client.received(message(#"2["a",1]"#))
        client.received(message(#"27["b"]"#))
        #expect(
            client.takeActions() == [
                .event(namespace: "/", name: "a", .init(json: "1"), id: nil),
                .event(namespace: "/", name: "b", .init(), id: 7),
            ])
        client.acknowledge("/", id: 7, .init(json: "true"))
        client.emit("/", encoded: [message("2[\"x\"]"), .binary([1])])
        #expect(
            client.takeActions() == [.send(message("37[true]")), .send(message("2[\"x\"]")), .send(.binary([1]))])
        #expect(client.emit("/", name: "q", .init(json: "2"), due: 500) == 0)
        #expect(client.emit("/", name: "r", .init(), due: 400) == 1)
        #expect(client.takeActions() == [.send(message(#"20["q",2]"#)), .send(message(#"21["r"]"#))])
        #expect(client.deadline == 400)
        client.received(message("30[3]"))
        client.received(message("30[3]"))
        client.received(message("399[]"))
        #expect(client.takeActions() == [.acknowledged(0, .init(json: "3"))])
        client.timerFired(now: 400)
        client.received(message("31[]"))
        #expect(client.takeActions() == [.unanswered(1)])
        #expect(client.deadline == nil)
    }

    @Test func binaryEvents() {
        var client = SocketClientTests.connected()
        client.received(message(#"51-["a",{"_placeholder":true,"num":0}]"#))
        #expect(client.takeActions() == [])
        client.received(.binary([5]))
        var arguments = EventArguments()
        arguments.append(binary: [5])
        #expect(client.takeActions() == [.event(namespace: "/", name: "a", arguments, id: nil)])
        client.acknowledge("/", id: 3, arguments)
        #expect(
            client.takeActions() == [.send(message(#"61-3[{"_placeholder":true,"num":0}]"#)), .send(.binary([5]))])
    }

    @Test func bothSidesLeave() {
        var client = SocketClientTests.connected()
        #expect(client.emit("/", name: "q", .init(), due: 500) == 0)
        _ = client.takeActions()
        client.received(message("1"))
        #expect(
            client.takeActions() == [
                .unanswered(0), .disconnected(namespace: "/", .clientNamespaceDisconnect),
            ])
        client.emit("/", encoded: [message("2[\"x\"]")])
        client.acknowledge("/", id: 1, .init())
        client.disconnect("/")
        #expect(client.emit("/", name: "q", .init(), due: 1) == nil)
        #expect(client.takeActions() == [])
        client = SocketClientTests.connected()
        client.disconnect("/")
        #expect(
            client.takeActions() == [
                .send(message("1")), .disconnected(namespace: "/", .serverNamespaceDisconnect),
            ])
        client.received(message("0"))
        #expect(client.takeActions() == [.authorize(namespace: "/", auth: text("{}"))])
    }

    @Test func theSessionEnds() {
        var client = SocketClientTests.connected()
        client.received(message("0/custom,"))
        _ = client.takeActions()
        client.sessionEnded(.pingTimeout)
        // A namespace that was never entered is not left.
        #expect(client.takeActions() == [.disconnected(namespace: "/", .pingTimeout)])
        #expect(client.accept("/custom", sid: "x") == false)
        client.received(message("0"))
        client.timerFired(now: 1_000_000)
        #expect(client.takeActions() == [])
    }

    @Test(arguments: ["2[\"a\"]", "2/custom,[\"a\"]", "1/custom,", "30[]", "4{}"])
    func packetsForNamespacesThatAreNotConnected(_ wire: String) {
        var client = SocketClientTests.client()
        client.received(message(wire))
        #expect(client.takeActions() == [.close(.forcedClose)])
        client.received(message("0"))
        #expect(client.takeActions() == [])
    }

    @Test(arguments: ["abc", "2{}", "2abc[\"a\"]", "", "51-[\"a\",{\"_placeholder\":true,\"num\":5}]"])
    func malformedPacketsEndTheSession(_ wire: String) {
        var client = SocketClientTests.connected()
        client.received(message(wire))
        client.received(message("2[\"a\"]"))
        #expect(client.takeActions() == [.close(.parseError)])
        client.sessionEnded(.parseError)
        #expect(client.takeActions() == [.disconnected(namespace: "/", .parseError)])
    }
}
