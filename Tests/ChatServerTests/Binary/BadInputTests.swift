import ChatEngine
import Glibc
import TestSupport
import Testing

@testable import chat_server

/// Everything that §6 of orion's contract says about bodies and malformed requests, said to the real server.
@Suite struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var method = "POST"
        var path = "/api/sessions/create"
        var headers = [("Content-Type", "application/json")]
        var body: [UInt8]?
        let status: Int
        /// What the reply's body begins with.
        let answer: String

        var testDescription: String { name }
    }

    /// The table runs over one connection: none of these mistakes costs the client its connection, or another request.
    @Test func everyMistakeIsAnsweredAndChangesNothing() async throws {
        try await onOwnThread {
            let server = try ServerProcess(directory: try TemporaryDirectory().path)
            let client = server.client()
            for row in Self.cases {
                let reply = try client.send(row.method, row.path, headers: row.headers, body: row.body)
                #expect(reply.status == row.status, "\(row.name): \(reply.text)")
                #expect(reply.text.hasPrefix(row.answer), "\(row.name): \(reply.text)")
                #expect(reply.header("Content-Type") == "application/json; charset=utf-8", "\(row.name)")
                #expect(reply.header("X-Content-Type-Options") == "nosniff", "\(row.name)")
            }
            #expect(client.connectionsMade == 1)
            let users = ["ann", "b"].map { "/api/sessions/list?userId=\($0)" }
            let counts = try users.map { try client.json("GET", $0).body["count"]?.number }
            #expect(counts == [Double(Self.cases.filter { $0.status == 201 }.count - 1), 1])
            #expect(try server.stop() == .exited(0))
            print("bad input: \(Self.cases.count) requests over one connection")
        }
    }

    private static let missing = #"{"error":"Missing required field: userId"}"#
    private static let invalid = #"{"error":"Invalid JSON","message":""#
    private static let ann = #"{"userId":"ann"}"#

    private static func json(_ text: String, _ status: Int, _ answer: String) -> Case {
        Case(name: "body \(text.prefix(30))", body: Array(text.utf8), status: status, answer: answer)
    }

    private static func typed(_ type: String?, _ body: [UInt8], _ status: Int, _ answer: String) -> Case {
        Case(
            name: "type \(type ?? "none")", headers: type.map { [("Content-Type", $0)] } ?? [], body: body,
            status: status, answer: answer)
    }

    private static func coded(_ coding: String, _ body: [UInt8], _ status: Int, _ answer: String) -> Case {
        Case(
            name: "coding \(coding)", headers: [("Content-Type", "application/json"), ("Content-Encoding", coding)],
            body: body, status: status, answer: answer)
    }

    private static func query(_ path: String, _ status: Int, _ answer: String) -> Case {
        Case(name: path, method: "GET", path: path, headers: [], status: status, answer: answer)
    }

    private static let cases: [Case] = {
        let utf16: [UInt8] = [0xFF, 0xFE] + ann.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let create = #"{"sessionId":"session_"#
        return [
            json(#"{"userId":"#, 400, invalid), json("null", 400, invalid), json("\"s\"", 400, invalid),
            json("5", 400, invalid), json("true", 400, invalid), json(" \n", 400, invalid), json("{}x", 400, invalid),
            json("{\"userId\":\"\u{1}\"}", 400, invalid), json("{'userId':'ann'}", 400, invalid),
            json(String(repeating: "[", count: 100_000), 400, invalid),
            json("[]", 400, missing), json("{}", 400, missing), json("", 400, missing),
            json(#"{"userId":""}"#, 400, missing), json(#"{"userId":null}"#, 400, missing),
            json(#"{"userId":0}"#, 400, missing), json(#"{"userId":false}"#, 400, missing),
            json(#"{"userId":"a\u0000b"}"#, 400, #"{"error":"#),
            json(#"{"userId":"\#(String(repeating: "u", count: 256))"}"#, 400, #"{"error":"Invalid field: userId""#),
            json(#"{"userId":"ann","firstMessage":5}"#, 400, #"{"error":"Invalid field: firstMessage""#),
            json(#"{"userId":"a","userId":"b","unknown":[{}]}"#, 201, create),
            json("\u{FEFF}" + ann, 201, create),
            Case(name: "no body at all", body: nil, status: 400, answer: missing),
            Case(
                name: "exactly 1 MiB", body: padded(to: 1 << 20), status: 201, answer: create),
            Case(
                name: "one byte more", body: padded(to: 1 << 20 + 1), status: 413,
                answer: #"{"error":"Payload Too Large","message":"request entity too large"}"#),
            Case(
                name: "a broken body where none is wanted", method: "GET", path: "/health", body: Array("{".utf8),
                status: 400, answer: invalid),
            Case(
                name: "a broken body for no route", method: "PUT", path: "/nowhere", body: Array("{".utf8),
                status: 400, answer: invalid),
            typed("text/plain", Array(ann.utf8), 400, missing), typed(nil, Array(ann.utf8), 400, missing),
            typed("application/vnd.api+json", Array(ann.utf8), 400, missing),
            typed("application/x-www-form-urlencoded", Array("userId=ann".utf8), 400, missing),
            typed("APPLICATION/JSON; charset=UTF-8", Array(ann.utf8), 201, create),
            typed("application/json; charset=utf-16", utf16, 201, create),
            typed(
                "application/json; charset=iso-8859-1", Array(ann.utf8), 415, #"{"error":"Unsupported Media Type","#),
            coded("gzip", storedGzip(Array(ann.utf8)), 201, create),
            coded("gzip", Array("no gzip".utf8), 400, #"{"error":"Invalid request body","#),
            coded("gzip", Array(storedGzip(Array(ann.utf8)).dropLast(9)), 400, #"{"error":"Invalid request body","#),
            coded("br", Array(ann.utf8), 415, #"{"error":"Unsupported Media Type","#),
            query("/api/sessions/%E0", 400, #"{"error":"Invalid parameter: sessionId","#),
            query("/api/sessions/%zz", 400, #"{"error":"Invalid parameter: sessionId","#),
            query("/api/sessions/nobody", 404, #"{"error":"Session not found"}"#),
            query("/api/sessions/list", 400, #"{"error":"Missing required query parameter: userId"}"#),
            query("/api/sessions/list?userId=ann&limit=abc", 400, #"{"error":"Invalid query parameter: limit","#),
            query("/api/sessions/list?userId=ann&limit=-1", 400, #"{"error":"Invalid query parameter: limit","#),
            query(
                "/api/sessions/list?userId=ann&startDate=soon", 400, #"{"error":"Invalid query parameter: startDate""#),
            query(
                "/api/sessions/list?userId=ann&endDate=2025-13-45", 400, #"{"error":"Invalid query parameter: endDate""#
            ),
            query("/api/sessions/list?userId=ann&cursor=forged", 400, #"{"error":"Invalid query parameter: cursor""#),
            query("//api/sessions/list", 404, #"{"error":"Not Found","message":"Cannot GET //api/sessions/list""#),
        ]
    }()

    /// A valid body of so many bytes.
    private static func padded(to count: Int) -> [UInt8] {
        let frame = #"{"userId":"ann","ignored":""}"#
        let padding = String(repeating: "x", count: count - frame.utf8.count)
        return Array(#"{"userId":"ann","ignored":"\#(padding)"}"#.utf8)
    }

    /// gzip (RFC 1952) of one stored block (RFC 1951 §3.2.4).
    private static func storedGzip(_ bytes: [UInt8]) -> [UInt8] {
        func little(_ value: UInt32, _ width: Int) -> [UInt8] {
            (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
        }
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        let length = UInt32(bytes.count)
        let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1]
        return header + little(length, 2) + little(~length, 2) + bytes + little(~crc, 4) + little(length, 4)
    }

    // MARK: Below the application

    @Test func malformedRequestsCostTheirConnectionOnly() async throws {
        let requests: [(name: String, text: String, status: Int)] = [
            ("no Host", "GET /health HTTP/1.1\r\n\r\n", 400),
            (
                "both lengths",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400
            ),
            ("two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
            ("an unknown method", "BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (
                "a long header",
                "GET / HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "a", count: 17_000) + "\r\n\r\n", 431
            ),
        ]
        try await onOwnThread {
            let server = try ServerProcess(directory: try TemporaryDirectory().path)
            for request in requests {
                let client = server.client()
                try client.sendRaw(request.text)
                let reply = try client.readReply()
                #expect(reply.status == request.status, "\(request.name)")
                #expect(reply.header("Connection")?.lowercased() == "close", "\(request.name)")
                #expect(reply.body.isEmpty, "\(request.name)")
                #expect(try server.client().send("GET", "/health").status == 200)
            }
            #expect(try server.stop() == .exited(0))
        }
    }

    @Test func chunkedBodiesAndExpectContinue() async throws {
        try await onOwnThread {
            let server = try ServerProcess(directory: try TemporaryDirectory().path)
            let client = server.client()
            let head = "POST /api/sessions/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            try client.sendRaw(
                head + "Transfer-Encoding: chunked\r\n\r\n6\r\n{\"user\r\na\r\nId\":\"ann\"}\r\n0\r\n\r\n")
            #expect(try client.readReply().status == 201)
            try client.sendRaw(head + "Content-Length: 16\r\nExpect: 100-continue\r\n\r\n")
            #expect(try client.readInterimReply().status == 100)
            try client.sendRaw(Self.ann)
            #expect(try client.readReply().status == 201)
            #expect(try client.json("GET", "/api/sessions/list?userId=ann").body["count"]?.number == 2)
            #expect(try server.stop() == .exited(0))
        }
    }
}
