import ChatAPI
import ChatEngine
import HTTPTransport
import TestSupport
import Testing

/// All golden cases of the contract, in process and over a socket, in their order against one fresh surface a mode.
@Suite struct OrionGoldenTests {
    @Test(arguments: Route.allCases) func versionOne(_ route: Route) async throws {
        let fixture = try OrionFixture(route, OrionConfiguration())
        try await GoldenRun(fixture).run("base", expecting: 21)
    }

    @Test(arguments: Route.allCases) func rateLimit(_ route: Route) async throws {
        let fixture = try OrionFixture(route, OrionConfiguration())
        try await GoldenRun(fixture).run("429", expecting: 1)
    }

    @Test(arguments: Route.allCases) func hardened(_ route: Route) async throws {
        let fixture = try OrionFixture(route, .hardened(.forTests))
        try await GoldenRun(fixture).run("jwt", expecting: 3)
    }
}

private struct GoldenRun {
    let fixture: OrionFixture
    var saved: [String: String]

    init(_ fixture: OrionFixture) {
        self.fixture = fixture
        saved = ["u": "user-7@example.com", "jwt": TestToken().text(at: fixture.clock.now())]
    }

    func run(_ mode: String, expecting count: Int) async throws {
        var run = self
        var done = 0
        for line in OrionGoldenCases.text.split(separator: "\n") {
            let golden = try JSONValue(parsing: Array(line.utf8))
            guard golden["mode"]?.string == mode else { continue }
            try await run.check(golden)
            done += 1
        }
        #expect(done == count)
    }

    private mutating func check(_ golden: JSONValue) async throws {
        let name = "\(golden["n"]?.number ?? 0) \(golden["name"]?.string ?? "")"
        let request = try #require(golden["req"])
        var reply = try await send(request)
        if request["repeat"] != nil {
            var sent = 1
            while reply.status == 200, sent < 201 {
                reply = try await send(request)
                sent += 1
            }
            #expect(sent == 201)
        }
        let expected = try #require(golden["res"])
        #expect(Double(reply.status) == expected["status"]?.number, "\(name): \(reply.text)")
        for (header, value) in expected["headers"]?.object?.pairs ?? [] {
            let actual = reply.header(header)
            if let text = value.string {
                #expect(matches(.string(actual ?? ""), text), "\(name): \(header) is \(actual ?? "absent")")
            } else {
                #expect(actual == nil, "\(name): \(header)")
            }
        }
        guard let body = expected["body"] else { return }
        if body == .null {
            #expect(reply.body.isEmpty, "\(name)")
            return
        }
        try compare(try reply.json, body, "\(name):")
        for (variable, key) in golden["save"]?.object?.pairs ?? [] {
            saved[variable] = try reply.json[key.string ?? ""]?.string
        }
    }

    private func send(_ request: JSONValue) async throws -> LoopbackReply {
        let method = try #require(request["method"]?.string)
        let path = substituted(try #require(request["path"]?.string)).replacing("@", with: "%40")
        var headers = (request["headers"]?.object?.pairs ?? []).map { ($0.0, substituted($0.1.string ?? "")) }
        var body: [UInt8]?
        if let json = request["json"] {
            headers.append(("Content-Type", "application/json"))
            body = Array(substituted(String(decoding: json.serialized, as: UTF8.self)).utf8)
        } else if let raw = request["raw"]?.string {
            body = Array(raw.utf8)
        }
        return try await fixture.send(method, path, headers: headers, body: body)
    }

    /// Keys in their order, except inside metadata.
    private func compare(_ actual: JSONValue, _ expected: JSONValue, _ place: String) throws {
        switch (actual, expected) {
        case (.object(let a), .object(let e)):
            if place.hasSuffix(".metadata") {
                #expect(Set(a.keys) == Set(e.keys), "\(place)")
            } else {
                #expect(a.keys == e.keys, "\(place)")
            }
            for key in e.keys {
                try compare(a[key] ?? .null, e[key] ?? .null, "\(place).\(key)")
            }
        case (.array(let a), .array(let e)):
            #expect(a.count == e.count, "\(place)")
            for (index, pair) in zip(a, e).enumerated() { try compare(pair.0, pair.1, "\(place)[\(index)]") }
        case (_, .string(let text)):
            #expect(matches(actual, text), "\(place) is \(String(decoding: actual.serialized, as: UTF8.self))")
        default:
            #expect(actual == expected, "\(place)")
        }
    }

    private func matches(_ actual: JSONValue, _ expected: String) -> Bool {
        switch (actual, expected) {
        case (.number, "#"), (.string, "*"): return true
        case (.string(let text), "T"): return text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil
        case (.string(let text), _):
            guard expected.hasPrefix("~") else { return text == substituted(expected) }
            guard let pattern = try? Regex(String(expected.dropFirst())) else { return false }
            return (try? pattern.firstMatch(in: text)) != nil
        default: return false
        }
    }

    private func substituted(_ text: String) -> String {
        saved.reduce(text) { $0.replacing("{{\($1.key)}}", with: $1.value) }
    }
}

extension JSONObject {
    var pairs: [(String, JSONValue)] { Array(zip(keys, values)) }
}
