import Testing

@testable import chat_server

@Suite struct SettingValueTests {
    @Test(arguments: [
        ("250ms", 250), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000), ("0", 0),
    ])
    func durations(text: String, milliseconds: Int64) throws {
        let duration = try #require(Duration(settingText: text))
        #expect(duration.wholeMilliseconds == milliseconds)
        #expect(Duration(settingText: duration.settingText) == duration)
    }

    @Test(arguments: ["", "5", "s", "-5s", "1.5h", "5 m", "5M", "9223372036854775807d", "٣s"])
    func noDurations(text: String) { #expect(Duration(settingText: text) == nil) }

    @Test(arguments: [("4096", 4096), ("1B", 1), ("16KiB", 16_384), ("64MiB", 64 << 20), ("2GiB", 2 << 30), ("0", 0)])
    func sizes(text: String, bytes: Int) {
        #expect(parseByteCount(text) == bytes)
        #expect(parseByteCount(byteCountText(bytes)) == bytes)
    }

    @Test(arguments: ["", "KiB", "64MB", "64mib", "-1", "1.5MiB", "9223372036854775807KiB"])
    func noSizes(text: String) { #expect(parseByteCount(text) == nil) }

    @Test(arguments: [
        ("127.0.0.1:3002", "127.0.0.1", 3002, true), ("[::1]:0", "::1", 0, true),
        ("localhost:80", "localhost", 80, true),
        ("0.0.0.0:1", "0.0.0.0", 1, false), ("[2001:db8::1]:443", "2001:db8::1", 443, false),
        ("127.9.9.9:1", "127.9.9.9", 1, true), ("example.org:65535", "example.org", 65_535, false),
    ])
    func addresses(text: String, host: String, port: UInt16, isLoopback: Bool) throws {
        let address = try SocketAddress(parsing: text)
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.isLoopback == isLoopback)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", ":80", "host", "host:", "host:65536", "host:-1", "::1:80", "[::1]", "[host]:1", "a b:1", "[]:1",
    ])
    func noAddresses(text: String) { #expect(throws: SettingValueError.self) { try SocketAddress(parsing: text) } }

    @Test func listenersNameSurfaces() throws {
        #expect(try Listener(parsing: "127.0.0.1:1=orion,orion").surfaces == ["orion"])
        let error = #expect(throws: SettingValueError.self) { try Listener(parsing: "127.0.0.1:1=orionn") }
        #expect(error?.reason.hasSuffix("did you mean orion?") == true)
        #expect(throws: SettingValueError.self) { try Listener(parsing: "127.0.0.1:1=") }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
        ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false),
        ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("::/0", "127.0.0.1", false),
    ])
    func blocksContainAddresses(block: String, address: String, isInside: Bool) throws {
        let bytes = try #require(numericAddress(address))
        #expect(try AddressBlock(parsing: block).contains(bytes) == isInside)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::1/129", "/8", "a/8", "10.0.0.0/8/8", "10.0.0.0/-1"])
    func noBlocks(text: String) { #expect(throws: SettingValueError.self) { try AddressBlock(parsing: text) } }

    @Test(arguments: ["https://a.example/", "a.example", "https://*.example", "://x", "https://"])
    func noOrigins(text: String) {
        #expect(throws: SettingValueError.self) { try SettingType.list(.origin).parse(.text(text)) }
    }

    @Test(arguments: ["https://a.example", "https://*.*.example", "*://a.example", "https://*.a/"])
    func noPatterns(text: String) {
        #expect(throws: SettingValueError.self) { try SettingType.list(.originPattern).parse(.text(text)) }
    }

    @Test func choicesIgnoreCapitalsAndKnowAliases() throws {
        let type = SettingType.choice(["info", "warning"], aliases: ["warn": "warning"])
        #expect(try type.parse(.text("WARN")) == .text("warning"))
        #expect(try type.parse(.text("Info")) == .text("info"))
        let error = #expect(throws: SettingValueError.self) { try type.parse(.text("warnin")) }
        #expect(error?.reason == "\"warnin\" is not one of info, warning; did you mean warning?")
    }

    @Test func fileValuesMustHaveTheRightType() throws {
        #expect(try SettingType.integer(0...9).parse(.number("5")) == .integer(5))
        #expect(try SettingType.bytes(0...9).parse(.number("5")) == .bytes(5))
        #expect(throws: SettingValueError.self) { try SettingType.duration(.zero ... .seconds(9)).parse(.number("5")) }
        #expect(throws: SettingValueError.self) { try SettingType.boolean.parse(.number("1")) }
        #expect(throws: SettingValueError.self) { try SettingType.text.parse(.boolean(true)) }
        #expect(throws: SettingValueError.self) { try SettingType.text.parse(.list(["a"])) }
        #expect(throws: SettingValueError.self) { try SettingType.integer(0...9).parse(.number("10")) }
        #expect(throws: SettingValueError.self) { try SettingType.listeners.parse(.list([])) }
    }
}

@Suite struct NearestNameTests {
    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("kitten", "sitting", 3), ("", "ab", 2),
    ])
    func distances(a: String, b: String, distance: Int) {
        #expect(editDistance(a, b) == distance)
        #expect(editDistance(b, a) == distance)
    }

    @Test func onlyNearNamesAreSuggested() {
        #expect(nearestName(to: "serv", in: ["verify", "serve"]) == "serve")
        #expect(nearestName(to: "SERVE", in: ["serve"]) == "serve")
        #expect(nearestName(to: "zzzzzz", in: ["verify", "serve"]) == nil)
        #expect(nearestName(to: String(repeating: "x", count: 1_000_000), in: ["serve"]) == nil)
    }
}
