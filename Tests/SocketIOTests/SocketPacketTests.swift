import TestSupport
import Testing

@testable import SocketIO

private func text(_ string: String) -> [UInt8] { Array(string.utf8) }

@Suite struct SocketPacketTests {
    static func decode(_ messages: [WebSocketMessage]) throws -> [SocketPacket] {
        var decoder = SocketPacketDecoder(maximumAttachments: 10)
        var packets: [SocketPacket] = []
        for message in messages { if let packet = try decoder.decode(message) { packets.append(packet) } }
        return packets
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var wire: String
        var packet: SocketPacket
        var attachments: [[UInt8]] = []
        var testDescription: String { wire }
    }

    static let place0 = #"{"_placeholder":true,"num":0}"#
    static let place1 = #"{"_placeholder":true,"num":1}"#

    static let examples: [Example] = [
        .init(wire: "0", packet: .init(body: .connect(nil))),
        .init(wire: #"0{"token":"123"}"#, packet: .init(body: .connect(text(#"{"token":"123"}"#)))),
        .init(wire: "0/custom,", packet: .init(namespace: "/custom", body: .connect(nil))),
        .init(wire: #"0/a,{"b":"c,d"}"#, packet: .init(namespace: "/a", body: .connect(text(#"{"b":"c,d"}"#)))),
        .init(wire: "1", packet: .init(body: .disconnect)),
        .init(wire: "1/admin,", packet: .init(namespace: "/admin", body: .disconnect)),
        .init(wire: #"2["hello",1]"#, packet: .init(body: .event(name: "hello", .init(json: [text("1")])))),
        .init(wire: #"2["alone"]"#, packet: .init(body: .event(name: "alone", .init()))),
        .init(
            wire: #"2/admin,456["project:delete",123,{"a":["]",","]}]"#,
            packet: .init(
                namespace: "/admin", id: 456,
                body: .event(name: "project:delete", .init(json: [text("123"), text(#"{"a":["]",","]}"#)])))),
        .init(wire: "3456[]", packet: .init(id: 456, body: .acknowledgement(.init()))),
        .init(
            wire: #"3/admin,0["x",null]"#,
            packet: .init(
                namespace: "/admin", id: 0, body: .acknowledgement(.init(json: [text("\"x\""), text("null")])))),
        .init(
            wire: #"4{"message":"Not authorized"}"#,
            packet: .init(body: .connectError(text(#"{"message":"Not authorized"}"#)))),
        .init(
            wire: "52-/admin,12[\"hello\",\(place0),{\"deep\":[\(place1)]}]",
            packet: .init(
                namespace: "/admin", id: 12,
                body: .event(
                    name: "hello",
                    .init(values: [text(place0), text("{\"deep\":[\(place1)]}")], attachments: [[3], [2, 1]]))),
            attachments: [[3], [2, 1]]),
        .init(
            wire: "61-9[\(place0)]",
            packet: .init(id: 9, body: .acknowledgement(.init(values: [text(place0)], attachments: [[]]))),
            attachments: [[]]),
    ]

    @Test(arguments: examples) func bothWays(_ example: Example) throws {
        let messages = [.text(text(example.wire))] + example.attachments.map { WebSocketMessage.binary($0) }
        #expect(try SocketPacketTests.decode(messages) == [example.packet])
        #expect(example.packet.encoded() == messages)
    }

    @Test func lenientWhereTheReferenceIs() throws {
        #expect(
            try SocketPacketTests.decode([.text(text("0/chat?token=1,{}"))])
                == [.init(namespace: "/chat", body: .connect(text("{}")))])
        #expect(
            try SocketPacketTests.decode([.text(text("0/chat"))]) == [.init(namespace: "/chat", body: .connect(nil))])
        #expect(
            try SocketPacketTests.decode([.text(text(#"2 [ "a" , 1 ] "#))])
                == [.init(body: .event(name: "a", .init(json: [text("1")])))])
        #expect(
            try SocketPacketTests.decode([.text(text("2[7,1]"))])
                == [.init(body: .event(name: "7", .init(json: [text("1")])))])
        #expect(
            try SocketPacketTests.decode([.text(text(#"50-["a"]"#))]) == [.init(body: .event(name: "a", .init()))])
        // In a text packet a placeholder is an object like any other.
        #expect(try SocketPacketTests.decode([.text(text(#"2["a",{"_placeholder":true,"num":"x"}]"#))]).count == 1)
    }

    static let malformed: [(String, SocketPacketDecoder.Failure)] = [
        ("", .unknownType), ("7", .unknownType), ("abc", .unknownType), ("9[\"a\"]", .unknownType),
        ("2", .malformedPayload), ("2{}", .malformedPayload), ("2[]", .malformedPayload),
        ("2[null]", .malformedPayload),
        (#"2["a""#, .malformedPayload), (#"2["a"]x"#, .malformedPayload), (#"2["a",]"#, .malformedPayload),
        (#"2["a",01]"#, .malformedPayload), (#"2["a",.5]"#, .malformedPayload), (#"2["a",1.]"#, .malformedPayload),
        (#"2["a",1e]"#, .malformedPayload), (#"2["a",-]"#, .malformedPayload), (#"2["a",tru]"#, .malformedPayload),
        (#"2["a","\x"]"#, .malformedPayload), (#"2["a","\u12g4"]"#, .malformedPayload),
        (#"2["a",{"b"}]"#, .malformedPayload),
        (#"2["a",{"b":1,}]"#, .malformedPayload), (#"2["a",{b:1}]"#, .malformedPayload),
        ("2[\"a\",\"\u{1}\"]", .malformedPayload),
        (#"2["a",'b']"#, .malformedPayload), (#"2["a",NaN]"#, .malformedPayload), (#"2[{"a":1}]"#, .malformedPayload),
        (#"2["connect"]"#, .malformedPayload), (#"2["disconnect",1]"#, .malformedPayload),
        (#"2["connect_error"]"#, .malformedPayload), (#"2["newListener"]"#, .malformedPayload),
        (#"2abc["a"]"#, .malformedPayload), ("2/a[\"b\"]", .malformedPayload),
        ("2" + String(repeating: "[", count: 200_000), .malformedPayload),
        ("212345678901234567[\"a\"]", .malformedHeader), ("0[]", .malformedPayload), ("0\"x\"", .malformedPayload),
        ("0null", .malformedPayload), ("1{}", .malformedPayload), ("3[]", .malformedPayload),
        ("31{}", .malformedPayload),
        ("4", .malformedPayload), ("4[", .malformedPayload), ("5[\"a\"]", .malformedHeader),
        ("51[\"a\"]", .malformedHeader),
        ("5-[\"a\"]", .malformedHeader), ("5x-[\"a\"]", .malformedHeader), ("511-[\"a\"]", .tooManyAttachments),
        ("5999999999999-[\"a\"]", .tooManyAttachments), (#"51-["a",{"_placeholder":true,"num":1}]"#, .wrongPlaceholder),
        (#"51-["a",{"_placeholder":true,"num":-1}]"#, .wrongPlaceholder),
        (#"51-["a",{"_placeholder":true,"num":"0"}]"#, .wrongPlaceholder),
        (#"51-["a",{"_placeholder":true}]"#, .wrongPlaceholder),
        (#"51-["a",[{"_placeholder":true,"num":0.5}]]"#, .wrongPlaceholder),
    ]

    @Test(arguments: malformed) func malformedPackets(_ wire: String, _ failure: SocketPacketDecoder.Failure) {
        #expect(throws: failure) { try SocketPacketTests.decode([.text(text(wire))]) }
    }

    @Test func attachmentsOutOfPlace() {
        #expect(throws: SocketPacketDecoder.Failure.unexpectedMessage) {
            try SocketPacketTests.decode([.binary([1])])
        }
        #expect(throws: SocketPacketDecoder.Failure.unexpectedMessage) {
            try SocketPacketTests.decode([
                .text(text("51-[\"a\",\(SocketPacketTests.place0)]")), .text(text("2[\"b\"]")),
            ])
        }
        #expect(throws: SocketPacketDecoder.Failure.unexpectedMessage) {
            try SocketPacketTests.decode([
                .text(text("51-[\"a\",\(SocketPacketTests.place0)]")), .binary([1]), .binary([2]),
            ])
        }
    }

    @Test func argumentsAreMadeAndRead() {
        var arguments = EventArguments()
        arguments.append(string: "quote \" back \\ line \n é 👍 \u{1}")
        arguments.append(binary: [1, 2])
        arguments.append(json: text("[1]"))
        arguments.append(binary: [])
        #expect(arguments.values[0] == text(#""quote \" back \\ line \u000a é 👍 \u0001""#))
        #expect(arguments.string(at: 0) == "quote \" back \\ line \n é 👍 \u{1}")
        #expect(arguments.binary(at: 1) == [1, 2])
        #expect(arguments.binary(at: 3) == [])
        #expect(arguments.string(at: 1) == nil && arguments.binary(at: 2) == nil && arguments.string(at: 9) == nil)
        #expect(JSONText.string(text(#""\ud83d\udc4d\/\t\u00e9""#)[...]) == "👍/\té")
        #expect(JSONText.string(text(#""\ud83d""#)[...]) == "\u{FFFD}")
    }

    /// Mutations of good packets: refused or understood, and what is understood can be said again.
    @Test func mutatedPackets() throws {
        var random = SplitMix64(seed: 5)
        var understood = 0
        for _ in 0..<20_000 {
            var bytes = text(SocketPacketTests.examples.randomElement(using: &random)!.wire)
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes.randomElement(using: &random)!, at: place)
                }
            }
            var decoder = SocketPacketDecoder(maximumAttachments: 3)
            guard var packet = try? decoder.decode(.text(bytes)) else { continue }
            understood += 1
            // A name that was a number comes back as a string.
            let again = packet.encoded()
            #expect(again.count == 1)
            packet.namespace = String(packet.namespace)
            #expect(try SocketPacketTests.decode(again) == [packet])
        }
        #expect(understood > 1000)
    }
}
