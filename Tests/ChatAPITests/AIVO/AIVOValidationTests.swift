import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

@testable import ChatAPI

/// Refusals, byte by byte those of the original's framework.
@Suite struct AIVOValidationTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var json: JSONValue
        var method: String { json["m"]?.string ?? "" }
        var path: String { json["p"]?.string ?? "" }
        var testDescription: String { "\(method) \(path) \(json["b"]?.string ?? "")" }
    }

    static let rows: [Row] = FastAPIRows.text.split(separator: "\n").compactMap {
        (try? JSONValue(parsing: Array($0.utf8))).map { Row(json: $0) }
    }

    @Test func everyRowIsRead() {
        #expect(Self.rows.count == 207)
        #expect(Self.rows.count { $0.json["s"] == .number(422) } > 150)
    }

    /// Every row: what FastAPI refuses is refused with the same elements in the same order; what it takes is taken.
    @Test(arguments: Route.allCases) func refusals(_ route: Route) async throws {
        let fixture = try AIVOFixture(route)
        for row in Self.rows {
            let body = row.json["b"]?.string.map { Array($0.utf8) }
            let type = row.json["ct"]?.string.map { [("Content-Type", $0)] } ?? []
            let reply = try await fixture.send(row.method, "/api/v1" + row.path, .wild, headers: type, body: body)
            if row.json["s"] == .number(422) {
                #expect(reply.status == 422, "\(row): \(reply.text)")
                #expect(try reply.json == row.json["r"], "\(row): \(reply.text)")
            } else {
                #expect([200, 404].contains(reply.status), "\(row): \(reply.text)")
            }
        }
    }

    /// Times are read as pydantic reads them.
    @Test func times() throws {
        var read = 0
        for row in Self.rows where row.json["s"] == .number(200) {
            guard let expected = row.json["r"]?["before"]?.number else { continue }
            let request = Request(target: row.path)
            let text = try #require(request.queryItems.first { $0.name == "before" }?.value)
            #expect(Double(try PydanticTime.parse(text).microseconds) == expected, "\(row)")
            read += 1
        }
        #expect(read > 15)
    }

    /// The list of keys is FastAPI's, in its order.
    @Test func orderOfKeys() async throws {
        let reply = try await AIVOFixture().call("POST", "/threads", .teacher, #"{"learner_id":""}"#)
        #expect(
            reply.text
                == #"{"detail":[{"type":"string_too_short","loc":["body","learner_id"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}},{"type":"missing","loc":["body","title"],"msg":"Field required","input":{"learner_id":""}}]}"#
        )
    }

    @Test func numbersOfManyDigits() async throws {
        let digits = String(repeating: "1", count: 4301)
        let reply = try await AIVOFixture().call("GET", "/threads?limit=\(digits)")
        #expect(reply.status == 422)
        #expect(try reply.json["detail"]?.array?.first?["type"]?.string == "int_parsing_size")
    }

    /// What is no text at all is no JSON error: FastAPI gives up with 400.
    @Test(arguments: [
        [UInt8]([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]), Array(String(repeating: "[", count: 100_000).utf8),
    ]) func unreadable(_ body: [UInt8]) async throws {
        let reply = try await AIVOFixture().send(
            "POST", "/api/v1/threads", headers: [("Content-Type", "application/json")], body: body)
        #expect(reply.status == 400)
        #expect(reply.text == #"{"detail":"There was an error parsing the body"}"#)
    }

    /// JSON has no lone surrogates: pydantic refuses them in texts, and the metadata column could not hold them.
    @Test(arguments: [
        (#"{"learner_id":"learner-1","title":"\ud800"}"#, "title"),
        (#"{"learner_id":"learner-1","title":"t","metadata":{"a":["\udc00"]}}"#, "metadata"),
    ]) func loneSurrogates(_ body: String, _ field: String) async throws {
        let reply = try await AIVOFixture().call("POST", "/threads", .teacher, body)
        let error = try #require(try reply.json["detail"]?.array?.first)
        #expect(error["type"]?.string == "string_unicode")
        #expect(error["loc"] == .array([.string("body"), .string(field)]))
    }

    /// NaN and the infinities are not JSON, whatever Python says.
    @Test(arguments: ["NaN", "Infinity", "-Infinity"]) func notANumber(_ word: String) async throws {
        let reply = try await AIVOFixture().call("POST", "/threads", .teacher, "{\"a\":\(word)}")
        let error = try #require(try reply.json["detail"]?.array?.first)
        #expect(error["type"]?.string == "json_invalid")
        #expect(error["loc"] == .array([.string("body"), .number(5)]))
    }

    /// Metadata comes back with the last of two members with one name, in the first one's place, and big numbers whole.
    @Test func metadataKeepsWhatItHolds() async throws {
        let fixture = try AIVOFixture()
        let reply = try await fixture.call(
            "POST", "/threads", .teacher,
            #"{"learner_id":"learner-1","title":"t","metadata":{ "z":1, "n":123456789012345678901234567890, "z" : {"b":[1.50, "\u00e9\/"] , "b":2}}}"#
        )
        #expect(reply.text.contains(#""metadata":{"z":{"b":2},"n":123456789012345678901234567890}"#), "\(reply.text)")
    }

    /// A request without a valid token is answered 401 whatever its body (decision 5).
    @Test func authenticationComesFirst() async throws {
        let fixture = try AIVOFixture()
        #expect(try await fixture.call("POST", "/threads", nil, "{").status == 401)
        #expect(try await fixture.call("GET", "/threads?limit=0", .expired).status == 401)
    }

    /// No declared operation takes what the validation cannot check.
    @Test func everyDeclarationCanBeChecked() throws {
        let schemas = Dictionary(SurfaceDescription.aivo.schemas.map { ($0.name, $0.1) }) { first, _ in first }
        for operation in AIVOOperation.allCases {
            let declaration = operation.declaration
            for parameter in declaration.parameters where parameter.place == .query {
                switch parameter.schema.kind {
                case .integer, .string, .choice, .instant: break
                default: Issue.record("\(operation): \(parameter.name)")
                }
            }
            guard case .reference(let name)? = declaration.body?.schema.kind else { continue }
            guard case .object(let properties)? = schemas[name]?.kind else {
                Issue.record("\(operation) has no object for a body")
                continue
            }
            for property in properties {
                switch property.schema.kind {
                case .string, .choice, .object: break
                default: Issue.record("\(operation): \(property.name)")
                }
            }
        }
    }
}
