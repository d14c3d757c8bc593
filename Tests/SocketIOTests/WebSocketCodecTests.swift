import TestSupport
import Testing

@testable import SocketIO

@Suite struct WebSocketCodecTests {
    static func receive(_ codec: WebSocketCodec, _ bytes: [UInt8]) -> [WebSocketCodec.Event] {
        bytes.withUnsafeBytes { codec.receive($0) }
    }

    static func codec(limit: Int = 1 << 20) -> WebSocketCodec {
        let codec = WebSocketCodec()
        codec.limitMessages(to: limit)
        return codec
    }

    @Test func messagesInEveryCut() {
        let bytes =
            Frame.text("héllo") + Frame.binary([0, 255]) + Frame.client(1, Array("fr".utf8), fin: false)
            + Frame.client(9, [7]) + Frame.client(0, Array("ag".utf8), fin: false) + Frame.client(0, [], fin: true)
        for cut in 0...bytes.count {
            let codec = WebSocketCodecTests.codec()
            let events =
                WebSocketCodecTests.receive(codec, Array(bytes[..<cut]))
                + WebSocketCodecTests.receive(codec, Array(bytes[cut...]))
            #expect(
                events == [
                    .message(.text(Array("héllo".utf8))), .message(.binary([0, 255])),
                    .message(.text(Array("frag".utf8))),
                ])
            #expect(Frame.all(codec.output) == [Frame.Server(opcode: 10, payload: [7])])
            codec.output = []
            #expect(codec.isAtRest)
        }
    }

    @Test func restsBetweenFramesOnly() {
        let codec = WebSocketCodecTests.codec()
        #expect(codec.isAtRest)
        let frame = Frame.text(String(repeating: "x", count: 70_000))
        for end in [1, 2, 10, 14, 15, 8000, frame.count - 1] {
            let codec = WebSocketCodecTests.codec()
            _ = WebSocketCodecTests.receive(codec, Array(frame[..<end]))
            #expect(!codec.isAtRest, "after \(end) bytes")
            #expect(WebSocketCodecTests.receive(codec, Array(frame[end...])).count == 1)
            #expect(codec.isAtRest)
        }
        _ = WebSocketCodecTests.receive(codec, Frame.client(2, [1], fin: false))
        #expect(!codec.isAtRest)
        _ = WebSocketCodecTests.receive(codec, Frame.client(0, [2]))
        #expect(codec.isAtRest)
        codec.send(.text([65]))
        #expect(!codec.isAtRest)
        codec.output = []
        #expect(codec.isAtRest)
    }

    struct Violation: Sendable, CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        var code: UInt16 = 1002
        var testDescription: String { name }
    }

    static let violations: [Violation] = [
        .init(name: "not masked", bytes: Frame.client(1, [65], mask: nil)),
        .init(name: "reserved bit", bytes: Frame.client(1, [65], reserved: 4)),
        .init(name: "opcode 3", bytes: Frame.client(3, [])),
        .init(name: "opcode 11", bytes: Frame.client(11, [])),
        .init(name: "long ping", bytes: Frame.client(9, Array(repeating: 1, count: 126))),
        .init(name: "fragmented ping", bytes: Frame.client(9, [], fin: false)),
        .init(name: "continuation of nothing", bytes: Frame.client(0, [65])),
        .init(name: "new message inside one", bytes: Frame.client(1, [65], fin: false) + Frame.client(1, [65])),
        .init(name: "length in more bytes than needed", bytes: [0x82, 0xFE, 0, 1, 0, 0, 0, 0, 9]),
        .init(name: "bad UTF-8", bytes: Frame.client(1, [0xC0, 0xAF]), code: 1007),
        .init(name: "surrogate", bytes: Frame.client(1, [0xED, 0xA0, 0x80]), code: 1007),
        .init(name: "UTF-8 that ends early", bytes: Frame.client(1, [0xE2, 0x82]), code: 1007),
        .init(
            name: "bad UTF-8 over fragments",
            bytes: Frame.client(1, [0xE2, 0x82], fin: false) + Frame.client(0, [0x28]), code: 1007),
        .init(name: "close code 1005", bytes: Frame.client(8, [0x03, 0xED])),
        .init(name: "close code of one byte", bytes: Frame.client(8, [0x03])),
        .init(name: "close with a bad reason", bytes: Frame.client(8, [0x03, 0xE8, 0xFF]), code: 1007),
        .init(name: "too large", bytes: Frame.client(2, Array(repeating: 0, count: 1001)), code: 1009),
        .init(
            name: "too large in fragments",
            bytes: Frame.client(2, Array(repeating: 0, count: 600), fin: false)
                + Frame.client(0, Array(repeating: 0, count: 600)), code: 1009),
        .init(
            name: "huge claim", bytes: [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 1],
            code: 1009),
    ]

    @Test(arguments: violations) func violationsAreNamed(_ violation: Violation) throws {
        let codec = WebSocketCodecTests.codec(limit: 1000)
        #expect(WebSocketCodecTests.receive(codec, violation.bytes) == [.failed(code: violation.code)])
        let close = try #require(Frame.all(codec.output).first)
        #expect(close.opcode == 8)
        #expect(close.code == Int(violation.code))
        codec.output = []
        #expect(!codec.isAtRest)
    }

    @Test func closeFramesAreAnswered() {
        for (payload, code) in [([], 1005), ([0x03, 0xE8], 1000), ([0x0F, 0xA0, 104, 105], 4000)] as [([UInt8], UInt16)]
        {
            let codec = WebSocketCodecTests.codec()
            #expect(WebSocketCodecTests.receive(codec, Frame.client(8, payload)) == [.closed(code: code)])
            #expect(Frame.all(codec.output) == [Frame.Server(opcode: 8, payload: payload)])
        }
    }

    @Test func sendsWhatItIsGiven() {
        let codec = WebSocketCodecTests.codec()
        codec.send(.text(Array("a".utf8)))
        codec.send(.binary(Array(repeating: 3, count: 70_000)))
        codec.sendPing()
        codec.sendClose(code: 1001, reason: String(repeating: "é", count: 100))
        let frames = Frame.all(codec.output)
        #expect(frames.map(\.opcode) == [1, 2, 9, 8])
        #expect(frames[1].payload.count == 70_000)
        #expect(frames[3].code == 1001)
        #expect(frames[3].text.hasSuffix("éé") && frames[3].payload.count == 124)
    }

    /// Whatever comes, it neither traps nor goes on after an error.
    @Test func arbitraryBytes() {
        var random = SplitMix64(seed: 6455)
        for _ in 0..<2000 {
            let codec = WebSocketCodecTests.codec(limit: 4096)
            var failures = 0
            for _ in 0..<4 {
                var bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                if bytes.count > 1, Bool.random(using: &random) { bytes[1] |= 0x80 }
                for event in WebSocketCodecTests.receive(codec, bytes) {
                    switch event {
                    case .failed, .closed: failures += 1
                    case .message(let message):
                        #expect(failures == 0)
                        if case .text(let text) = message { #expect(String(validating: text, as: UTF8.self) != nil) }
                    }
                }
            }
            // A close is followed by nothing; an error is said once for each call after it.
            if failures > 0 { #expect(!codec.isAtRest) }
        }
    }
}
