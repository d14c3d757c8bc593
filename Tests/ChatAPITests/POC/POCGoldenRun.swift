import ChatEngine
import HTTPTransport
import TestSupport
import Testing

/// Plays golden cases against a fixture.
///
/// A case is a request `[method, path, body, headers]`; objects of the expected body are subsets; `$iso` and the like
/// match by form; `${name}` stands for a value that an earlier case saved.
struct POCGoldenRun {
    let fixture: POCFixture
    var saved: [String: String] = [:]

    init(_ fixture: POCFixture) { self.fixture = fixture }

    static func cases() throws -> [JSONValue] {
        try POCGoldenCases.text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    mutating func check(_ golden: JSONValue) async throws {
        let name = "case \(golden["n"]?.number ?? 0)"
        let request = try #require(golden["req"]).elements
        let reply = try await send(request)
        #expect(Double(reply.status) == golden["status"]?.number, "\(name): \(reply.text)")
        try compareReply(golden, reply, name)
        if case .object(let save)? = golden["save"] {
            for (variable, key) in save.pairs { saved[variable] = try reply.json[key.string ?? ""]?.string }
        }
        for step in golden["then"]?.elements ?? [] {
            // Those that are written in words are tests of their own.
            let parts = step.elements
            guard parts.first?.string?.contains(" ") == false, let status = parts[2].number else { continue }
            let then = try await send(Array(parts[..<2]))
            #expect(Double(then.status) == status, "\(name), then")
            if parts.count > 3 { compare(try then.json, parts[3], "\(name), then") }
        }
    }

    func compareReply(_ golden: JSONValue, _ reply: LoopbackReply, _ name: String) throws {
        if let body = golden["body"] { compare(try reply.json, body, name) }
        if case .object(let claims)? = golden["jwt"] {
            let token = try #require(try reply.json["token"]?.string)
            let part = token.split(separator: ".")[1]
            let actual = try JSONValue(parsing: try #require(Base64.decodeURL(String(part))))
            for (key, value) in claims.pairs where key != "exp-iat" { compare(actual[key], value, "\(name).\(key)") }
            #expect((actual["exp"]?.number ?? 0) - (actual["iat"]?.number ?? 0) == claims["exp-iat"]?.number)
        }
    }

    func send(_ request: [JSONValue]) async throws -> LoopbackReply {
        let method = try #require(request.first?.string)
        let path = substituted(try #require(request[1].string))
        var headers: [(String, String)] = []
        var body: [UInt8]?
        if request.count > 2 {
            headers.append(("Content-Type", "application/json"))
            if let raw = request[2].string {
                body = Array(raw.utf8)
            } else {
                body = Array(substituted(request[2].text).utf8)
            }
        }
        if request.count > 3, case .object(let more) = request[3] {
            headers += more.pairs.map { ($0.0, substituted($0.1.string ?? "")) }
        }
        if path.hasPrefix("/api"), let token = saved["tok"] { headers.append(("Authorization", "Bearer \(token)")) }
        return try await fixture.send(method, path, headers: headers, body: body)
    }

    func compare(_ actual: JSONValue?, _ expected: JSONValue, _ place: String) {
        guard let actual else {
            Issue.record("\(place) is not there")
            return
        }
        switch (actual, expected) {
        case (.object(let a), .object(let e)):
            for (key, value) in e.pairs { compare(a[key], value, "\(place).\(key)") }
        case (.array(let a), .array(let e)):
            #expect(a.count == e.count, "\(place) is \(actual.text)")
            for (index, pair) in zip(a, e).enumerated() { compare(pair.0, pair.1, "\(place)[\(index)]") }
        case (_, .string(let text)): #expect(matches(actual, text), "\(place) is \(actual.text), wanted \(text)")
        default: #expect(actual == expected, "\(place) is \(actual.text)")
        }
    }

    private func matches(_ actual: JSONValue, _ expected: String) -> Bool {
        switch (expected, actual) {
        case ("$iso", .string(let text)): text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil
        case ("$sess", .string(let text)): text.wholeMatch(of: /sess_[0-9a-z]+_[0-9a-z]{1,9}/) != nil
        case ("$msg", .string(let text)): text.wholeMatch(of: /msg_\d{13}_[0-9a-z]{1,9}/) != nil
        case ("$jwt", .string(let text)): text.split(separator: ".").count == 3
        case ("$str", .string(let text)): !text.isEmpty
        case ("$int", .number(let number)): number == number.rounded()
        case ("$num", .number), ("$bool", .bool), ("$arr", .array), ("$obj", .object), ("$any", _): true
        case (_, .string(let text)): text == substituted(expected)
        default: false
        }
    }

    func substituted(_ text: String) -> String { saved.reduce(text) { $0.replacing("${\($1.key)}", with: $1.value) } }
}
