import ChatAPI
import ChatEngine
import HTTPTransport
import LogStore
import TestSupport
import Testing

/// Who may do what, and tokens that are none.
@Suite struct AIVOAccessTests {
    struct Caller: Sendable, CustomTestStringConvertible {
        var name: String
        var token: AIVOToken
        /// Learners of tenant-a that it reaches.
        var reaches: Set<String>
        var isAdmin = false
        var testDescription: String { name }
    }

    static let callers: [Caller] = [
        Caller(name: "admin", token: .admin, reaches: ["learner-1", "learner-2", "learner-3"], isAdmin: true),
        Caller(
            name: "super_admin", token: AIVOToken("s", "super_admin", "null"),
            reaches: ["learner-1", "learner-2", "learner-3"], isAdmin: true),
        Caller(name: "teacher", token: .teacher, reaches: ["learner-1", "learner-2"]),
        Caller(name: "teacher *", token: .wild, reaches: ["learner-1", "learner-2", "learner-3"]),
        Caller(
            name: "guardian *", token: AIVOToken("g", "guardian", #"["x","*"]"#),
            reaches: ["learner-1", "learner-2", "learner-3"]),
        Caller(name: "guardian", token: .guardian, reaches: ["learner-1"]),
        Caller(name: "student", token: AIVOToken("st", "student", #"["learner-3"]"#), reaches: ["learner-3"]),
        Caller(name: "student *", token: .wildStudent, reaches: []),
        Caller(
            name: "no role *", token: AIVOToken(#""sub":"n","tenant_id":"tenant-a","learner_scope":["*"]"#), reaches: []
        ),
        Caller(name: "no scope", token: AIVOToken(#""sub":"n","tenant_id":"tenant-a","role":"teacher""#), reaches: []),
        Caller(name: "scope of text", token: AIVOToken("t", "teacher", #""learner-1""#), reaches: []),
        Caller(name: "scope of an object", token: AIVOToken("t", "teacher", #"{"learner-1":true}"#), reaches: []),
        Caller(
            name: "scope with more than texts", token: AIVOToken("t", "teacher", #"[1,null,"learner-2"]"#),
            reaches: ["learner-2"]),
        Caller(
            name: "role of a number",
            token: AIVOToken(#""sub":"n","tenant_id":"tenant-a","role":7,"learner_scope":["*","learner-1"]"#),
            reaches: ["learner-1"]),
        Caller(name: "Admin", token: AIVOToken("t", "Admin", #"["learner-1"]"#), reaches: ["learner-1"]),
    ]

    /// The matrix of the contract: every caller, every operation, every learner.
    @Test(arguments: callers) func matrix(_ caller: Caller) async throws {
        let fixture = try AIVOFixture()
        for learner in ["learner-1", "learner-2", "learner-3"] {
            let isIn = caller.reaches.contains(learner)
            let thread = try await fixture.thread(learner, .admin)
            let foreign = try await fixture.say("by another", in: thread, .admin)
            func status(_ method: String, _ path: String, _ json: String? = nil) async throws -> Int {
                try await fixture.call(method, path, caller.token, json).status
            }
            let allowed = isIn ? 200 : 403
            let own = isIn ? (caller.isAdmin ? 200 : 403) : 403
            #expect(try await status("POST", "/threads", #"{"learner_id":"\#(learner)","title":"t"}"#) == allowed)
            #expect(try await status("GET", "/threads?learner_id=\(learner)") == allowed)
            #expect(try await status("GET", "/threads/\(thread)") == allowed)
            #expect(try await status("PUT", "/threads/\(thread)", "{}") == allowed)
            #expect(try await status("GET", "/threads/\(thread)/messages") == allowed)
            #expect(try await status("GET", "/threads/\(thread)/messages/\(foreign)") == allowed)
            let posted = try await fixture.call(
                "POST", "/threads/\(thread)/messages", caller.token, #"{"content":"c","sender_type":"student"}"#)
            #expect(posted.status == allowed)
            if isIn {
                let message = try #require(try posted.json["id"]?.string)
                #expect(try await status("PUT", "/threads/\(thread)/messages/\(message)", "{}") == 200)
                #expect(try await status("DELETE", "/threads/\(thread)/messages/\(message)") == 200)
            }
            #expect(try await status("PUT", "/threads/\(thread)/messages/\(foreign)", "{}") == own)
            #expect(try await status("DELETE", "/threads/\(thread)/messages/\(foreign)") == own)
            let export = #"{"learner_id":"\#(learner)","export_type":"full"}"#
            #expect(try await status("POST", "/privacy/export", export) == allowed)
            #expect(try await status("DELETE", "/threads/\(thread)") == allowed)
            let deletion = #"{"learner_id":"\#(learner)","deletion_type":"full"}"#
            #expect(try await status("POST", "/privacy/delete", deletion) == allowed)
        }
        #expect(try await fixture.call("GET", "/privacy/log", caller.token).status == (caller.isAdmin ? 200 : 403))
    }

    @Test(arguments: callers) func listsShowTheScope(_ caller: Caller) async throws {
        let fixture = try AIVOFixture()
        for learner in ["learner-1", "learner-2", "learner-3"] { _ = try await fixture.thread(learner, .admin) }
        let list = try await fixture.call("GET", "/threads", caller.token).json
        let learners = (list["threads"]?.array ?? []).compactMap { $0["learner_id"]?.string }
        #expect(Set(learners) == caller.reaches)
        #expect(list["total"] == .number(Double(caller.reaches.count)))
    }

    /// Nobody sees another tenant's data, whatever the role.
    @Test func tenants() async throws {
        let fixture = try AIVOFixture()
        let thread = try await fixture.thread()
        let message = try await fixture.say("secret", in: thread)
        let export = try await fixture.call(
            "POST", "/privacy/export", .teacher, #"{"learner_id":"learner-1","export_type":"full"}"#)
        let id = try #require(try export.json["export_id"]?.string)
        for token in [AIVOToken.otherAdmin, AIVOToken("s", "super_admin", #"["*"]"#, tenant: "tenant-b")] {
            for path in ["/threads/\(thread)", "/threads/\(thread)/messages", "/threads/\(thread)/messages/\(message)"]
            {
                #expect(try await fixture.call("GET", path, token).status == 404)
            }
            #expect(try await fixture.call("PUT", "/threads/\(thread)", token, "{}").status == 404)
            #expect(try await fixture.call("DELETE", "/threads/\(thread)", token).status == 404)
            #expect(try await fixture.call("DELETE", "/threads/\(thread)/messages/\(message)", token).status == 404)
            #expect(try await fixture.call("GET", "/privacy/export/\(id)", token).status == 404)
            #expect(try await fixture.call("GET", "/privacy/export/\(id)/download", token).status == 404)
            let log = try await fixture.call("GET", "/privacy/log", token)
            #expect(log.status == 200 && !log.text.contains(id))
            let erased = try await fixture.call(
                "POST", "/privacy/delete", token, #"{"learner_id":"learner-1","deletion_type":"full"}"#)
            #expect(erased.status == 200)
        }
        #expect(try await fixture.call("GET", "/threads/\(thread)/messages/\(message)").status == 200)
    }

    // MARK: Tokens

    static let attacks: [(name: String, token: String)] = {
        func token(_ change: (inout AIVOToken) -> Void) -> String {
            var token = AIVOToken.admin
            change(&token)
            return token.text
        }
        let good = AIVOToken.admin.text
        let parts = good.split(separator: ".").map(String.init)
        return [
            ("empty", ""), ("two parts", parts[0] + "." + parts[1]), ("four parts", good + ".x"),
            ("no signature", parts[0] + "." + parts[1] + "."),
            ("alg none", Base64.encodeURL(Array(#"{"alg":"none","typ":"JWT"}"#.utf8)) + "." + parts[1] + "."),
            ("alg none, signed", token { $0.header = #"{"alg":"none"}"# }),
            ("alg NONE", token { $0.header = #"{"alg":"NONE"}"# }),
            ("alg HS384", token { $0.header = #"{"alg":"HS384"}"# }),
            ("alg RS256 with the secret", token { $0.header = #"{"alg":"RS256"}"# }),
            ("alg in small letters", token { $0.header = #"{"alg":"hs256"}"# }),
            ("no alg", token { $0.header = #"{"typ":"JWT"}"# }),
            ("critical extension", token { $0.header = #"{"alg":"HS256","crit":["exp"]}"# }),
            ("another key", token { $0.key = Array("another-secret".utf8) }),
            ("empty key", token { $0.key = [] }),
            ("swapped payload", parts[0] + "." + AIVOToken.teacher.text.split(separator: ".")[1] + "." + parts[2]),
            ("signature of other bits", String(good.dropLast(2)) + "AA"),
            ("padding", good + "="), ("blank behind", good + " x"),
            ("payload of an array", token { $0.payload = "[]" }),
            ("payload of text", token { $0.payload = "x" }),
            ("expired", AIVOToken.expired.text),
            (
                "exp of text",
                token { $0.payload = #"{"sub":"a","tenant_id":"tenant-a","role":"admin","exp":"4102444800"}"# }
            ),
            ("exp of null", token { $0.payload = #"{"sub":"a","tenant_id":"tenant-a","role":"admin","exp":null}"# }),
            ("not yet", token { $0.payload = #"{"sub":"a","tenant_id":"tenant-a","role":"admin","nbf":4102444800}"# }),
            (
                "issued later",
                token { $0.payload = #"{"sub":"a","tenant_id":"tenant-a","role":"admin","iat":4102444800}"# }
            ),
            ("sub of a number", token { $0.payload = #"{"sub":7,"tenant_id":"tenant-a","role":"admin"}"# }),
            ("no sub", token { $0.payload = #"{"tenant_id":"tenant-a","role":"admin"}"# }),
            ("empty sub", token { $0.payload = #"{"sub":"","tenant_id":"tenant-a","role":"admin"}"# }),
            ("sub twice", token { $0.payload = #"{"sub":"a","sub":"b","tenant_id":"tenant-a","role":"admin"}"# }),
            (
                "tenant twice",
                token { $0.payload = #"{"sub":"a","tenant_id":"tenant-b","tenant_id":"tenant-a","role":"admin"}"# }
            ),
        ]
    }()

    @Test(arguments: Route.allCases) func attacksAreRefused(_ route: Route) async throws {
        let fixture = try AIVOFixture(route)
        for attack in Self.attacks {
            let reply = try await fixture.send(
                "GET", "/api/v1/threads", nil, headers: [("Authorization", "Bearer \(attack.token)")])
            #expect(reply.status == 401, "\(attack.name): \(reply.text)")
            #expect(reply.text == #"{"detail":"Authentication required"}"#, "\(attack.name)")
            #expect(reply.header("WWW-Authenticate") == nil)
        }
        let good = AIVOToken.admin.text
        for field in [
            "", "Bearer", "Basic \(good)", good, "Bearer\t\(good)", "Bearer \(good) \(good)", "Bearer,\(good)",
        ] {
            let reply = try await fixture.send("GET", "/api/v1/threads", nil, headers: [("Authorization", field)])
            #expect(reply.status == 401, "\(field)")
        }
    }

    /// What the original asked for the tenant only says so; a token without one says so everywhere.
    @Test func texts() async throws {
        let fixture = try AIVOFixture()
        let operations: [(method: String, path: String, asksForTenant: Bool)] = [
            ("POST", "/threads", false), ("GET", "/threads", false), ("GET", "/threads/x", true),
            ("PUT", "/threads/x", false), ("DELETE", "/threads/x", false), ("POST", "/threads/x/messages", false),
            ("GET", "/threads/x/messages", true), ("GET", "/threads/x/messages/y", true),
            ("PUT", "/threads/x/messages/y", false), ("DELETE", "/threads/x/messages/y", false),
            ("POST", "/privacy/export", false), ("POST", "/privacy/delete", false), ("GET", "/privacy/export/x", false),
            ("GET", "/privacy/export/x/download", false), ("GET", "/privacy/delete/x", false),
            ("GET", "/privacy/log", false),
        ]
        for (method, path, asksForTenant) in operations {
            let nobody = try await fixture.call(method, path, nil)
            #expect(nobody.status == 401)
            #expect(nobody.text == (asksForTenant ? AIVOGoldenCases.e401T : AIVOGoldenCases.e401), "\(method) \(path)")
            let tenantless = try await fixture.call(method, path, .tenantless)
            #expect(tenantless.status == 401)
            #expect(tenantless.text == AIVOGoldenCases.e401T, "\(method) \(path)")
        }
    }

    @Test func userIDStandsInForSub() async throws {
        let token = AIVOToken(#""user_id":"u-7","tenant_id":"tenant-a","role":"admin""#)
        let reply = try await AIVOFixture().call("POST", "/threads", token, #"{"learner_id":"l","title":"t"}"#)
        #expect(try reply.json["created_by"]?.string == "u-7")
    }

    /// With `trust-sender-type` off a token can speak as its role only; admins as anybody.
    @Test func senderTypes() async throws {
        let fixture = try AIVOFixture { $0.trustsSenderType = false }
        let thread = try await fixture.thread()
        func say(_ type: String, _ token: AIVOToken) async throws -> Int {
            try await fixture.call(
                "POST", "/threads/\(thread)/messages", token, #"{"content":"c","sender_type":"\#(type)"}"#
            ).status
        }
        #expect(try await say("teacher", .teacher) == 200)
        #expect(try await say("assistant", .teacher) == 403)
        #expect(try await say("teacher", .guardian) == 403)
        #expect(try await say("guardian", .guardian) == 200)
        #expect(try await say("assistant", .admin) == 200)
    }
}
