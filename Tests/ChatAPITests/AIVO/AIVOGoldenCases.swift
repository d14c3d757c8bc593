/// The golden cases of the contract, a line each: number, token, request, status, body, and what to save of it. In bodies
/// `<uuid>` and `<ts>` stand for their patterns, `*` for any text, and `{{NAME}}` for what was saved. Keys are compared
/// as sets, exactly.
enum AIVOGoldenCases {
    struct Case: Sendable {
        var name: String
        /// nil: none.
        var token: String?
        var method: String
        /// Below the prefix, unless it begins with a dot.
        var path: String
        var json: String?
        var status: Int
        /// nil: not looked at.
        var body: String?
        /// Name and the reply's member.
        var save: (name: String, key: String)?
        /// Texts that the reply says must be later than those saved, by name: member and name.
        var later: (key: String, than: String)?
    }

    private static func row(
        _ name: String, _ token: String?, _ method: String, _ path: String, _ json: String? = nil, _ status: Int = 200,
        _ body: String? = nil, save: (String, String)? = nil, later: (String, String)? = nil
    ) -> Case {
        Case(
            name: name, token: token, method: method, path: path, json: json, status: status, body: body, save: save,
            later: later)
    }

    static let e401 = #"{"detail":"Authentication required"}"#
    static let e401T = #"{"detail":"Tenant context required"}"#
    static let e403 = #"{"detail":"Access denied: Insufficient permissions for this learner"}"#
    static let e404T = #"{"detail":"Thread not found"}"#
    static let e404M = #"{"detail":"Message not found"}"#
    static let thread1 =
        #"{"id":"{{TH1}}","tenant_id":"tenant-a","learner_id":"learner-1","title":"Test Thread","description":"A test","metadata":{"test":true},"created_by":"user-teach","created_at":"<ts>","updated_at":"<ts>"}"#

    static let all: [Case] = [
        row(
            "G01", nil, "GET", "./", nil, 200,
            #"{"service":"AIVO Chat Service","version":"1.0.0","description":"*","docs":"/docs","health":"/health","features":{"privacy_compliance":true,"rate_limiting":false,"message_retention":"365 days","max_thread_messages":1000}}"#
        ),
        row(
            "G02", nil, "GET", "./health", nil, 200,
            #"{"status":"healthy","service":"chat-svc","version":"1.0.0","database":"healthy","environment":"*","tenant_isolated":true,"privacy_compliant":true,"instance":"*"}"#
        ),
        row("G03", nil, "GET", "/health", nil, 200, #"{"status":"healthy","service":"chat-service"}"#),
        row("G04 none", nil, "GET", "/threads", nil, 401, e401),
        row("G04 junk", "junk", "GET", "/threads", nil, 401, e401),
        row("G05 expired", "EXP", "GET", "/threads", nil, 401, e401),
        row("G06", "NOTEN", "GET", "/threads", nil, 401, e401T),
        row(
            "G07", "TEACH", "POST", "/threads",
            #"{"learner_id":"learner-1","title":"Test Thread","description":"A test","metadata":{"test":true},"created_by":"evil","tenant_id":"tenant-b"}"#,
            200,
            #"{"id":"<uuid>","tenant_id":"tenant-a","learner_id":"learner-1","title":"Test Thread","description":"A test","metadata":{"test":true},"created_by":"user-teach","created_at":"<ts>","updated_at":"<ts>"}"#,
            save: ("TH1", "id")),
        row(
            "G08", "TEACH", "POST", "/threads", #"{"learner_id":"learner-2","title":"Second"}"#, 200,
            #"{"id":"<uuid>","tenant_id":"tenant-a","learner_id":"learner-2","title":"Second","description":null,"metadata":{},"created_by":"user-teach","created_at":"<ts>","updated_at":"<ts>"}"#,
            save: ("TH2", "id")),
        row(
            "G09", "TEACH", "POST", "/threads", #"{"learner_id":"learner-1"}"#, 422,
            #"{"detail":[{"type":"missing","loc":["body","title"],"msg":"Field required","input":{"learner_id":"learner-1"}}]}"#
        ),
        row("G11", "TEACH", "POST", "/threads", #"{"learner_id":"learner-999","title":"no"}"#, 403, e403),
        row(
            "G12", "TEACH", "GET", "/threads", nil, 200,
            #"{"threads":["#
                + #"{"id":"{{TH2}}","tenant_id":"tenant-a","learner_id":"learner-2","title":"Second","description":null,"metadata":{},"created_by":"user-teach","created_at":"<ts>","updated_at":"<ts>"},"#
                + thread1 + #"],"total":2,"limit":20,"offset":0}"#),
        row(
            "G14 own", "GUARD", "GET", "/threads", nil, 200,
            #"{"threads":["# + thread1 + #"],"total":1,"limit":20,"offset":0}"#),
        row("G14 foreign", "GUARD", "GET", "/threads?learner_id=learner-2", nil, 403, e403),
        row("G16", "ADMIN", "GET", "/threads/{{TH1}}", nil, 200, thread1),
        row("G17", "OTHER", "GET", "/threads/{{TH1}}", nil, 404, e404T),
        row("G17 list", "OTHER", "GET", "/threads", nil, 200, #"{"threads":[],"total":0,"limit":20,"offset":0}"#),
        row("G18", nil, "GET", "/threads/{{TH1}}", nil, 401, e401T),
        row(
            "G19", "GUARD", "PUT", "/threads/{{TH1}}", #"{"title":"Renamed","metadata":{"b":2},"description":null}"#,
            200,
            #"{"id":"{{TH1}}","tenant_id":"tenant-a","learner_id":"learner-1","title":"Renamed","description":"A test","metadata":{"b":2},"created_by":"user-teach","created_at":"<ts>","updated_at":"<ts>"}"#,
            save: ("U19", "updated_at")),
        row(
            "G20", "TEACH", "POST", "/threads/{{TH1}}/messages",
            #"{"content":"Hello, this is a test message!","sender_type":"teacher","message_type":"text","metadata":{"test":true},"type":"user"}"#,
            200,
            #"{"id":"<uuid>","thread_id":"{{TH1}}","content":"Hello, this is a test message!","sender_id":"user-teach","sender_type":"teacher","message_type":"text","metadata":{"test":true},"created_at":"<ts>","updated_at":null}"#,
            save: ("M1", "id")),
        row("G20 bump", "TEACH", "GET", "/threads/{{TH1}}", nil, 200, nil, later: ("updated_at", "U19")),
        row(
            "G21", "GUARD", "POST", "/threads/{{TH1}}/messages", #"{"content":"AI says hi","sender_type":"assistant"}"#,
            200,
            #"{"id":"<uuid>","thread_id":"{{TH1}}","content":"AI says hi","sender_id":"user-guard","sender_type":"assistant","message_type":"text","metadata":{},"created_at":"<ts>","updated_at":null}"#,
            save: ("M2", "id")),
        row(
            "G23", "TEACH", "GET", "/threads/{{TH1}}/messages", nil, 200,
            #"{"messages":[{"id":"{{M2}}","thread_id":"{{TH1}}","content":"AI says hi","sender_id":"user-guard","sender_type":"assistant","message_type":"text","metadata":{},"created_at":"<ts>","updated_at":null},{"id":"{{M1}}","thread_id":"{{TH1}}","content":"Hello, this is a test message!","sender_id":"user-teach","sender_type":"teacher","message_type":"text","metadata":{"test":true},"created_at":"<ts>","updated_at":null}],"total":2,"limit":50,"offset":0}"#
        ),
        row(
            "G25 edit", "GUARD", "PUT", "/threads/{{TH1}}/messages/{{M1}}", #"{"content":"hack"}"#, 403,
            #"{"detail":"Can only edit your own messages"}"#),
        row(
            "G25 delete", "GUARD", "DELETE", "/threads/{{TH1}}/messages/{{M1}}", nil, 403,
            #"{"detail":"Can only delete your own messages"}"#),
        row(
            "G26", "TEACH", "PUT", "/threads/{{TH1}}/messages/{{M1}}", #"{"content":"Edited"}"#, 200,
            #"{"id":"{{M1}}","thread_id":"{{TH1}}","content":"Edited","sender_id":"user-teach","sender_type":"teacher","message_type":"text","metadata":{"test":true},"created_at":"<ts>","updated_at":"<ts>"}"#
        ),
        row(
            "G27", "GUARD", "DELETE", "/threads/{{TH1}}/messages/{{M2}}", nil, 200,
            #"{"message":"Message deleted successfully"}"#),
        row("G27 gone", "GUARD", "GET", "/threads/{{TH1}}/messages/{{M2}}", nil, 404, e404M),
        row("G27 other thread", "TEACH", "GET", "/threads/{{TH2}}/messages/{{M1}}", nil, 404, e404M),
        // Not the source's asymmetry: `*` of a student counts nowhere (decision 5).
        row("B1 list", "STUDW", "GET", "/threads", nil, 200, #"{"threads":[],"total":0,"limit":20,"offset":0}"#),
        row("B1 get", "STUDW", "GET", "/threads/{{TH2}}", nil, 403, e403),
        row(
            "G28", "TEACH", "POST", "/privacy/export", #"{"learner_id":"learner-1","export_type":"full"}"#, 200,
            #"{"export_id":"<uuid>","status":"pending","requested_at":"<ts>"}"#, save: ("EX", "export_id")),
        row(
            "G29", "TEACH", "POST", "/privacy/delete", #"{"learner_id":"learner-2","deletion_type":"messages_only"}"#,
            200,
            #"{"deletion_id":"<uuid>","status":"pending","requested_at":"<ts>"}"#, save: ("DE", "deletion_id")),
        row(
            "G29 missing", "TEACH", "POST", "/privacy/delete", #"{"learner_id":"learner-2"}"#, 422,
            #"{"detail":[{"type":"missing","loc":["body","deletion_type"],"msg":"Field required","input":{"learner_id":"learner-2"}}]}"#
        ),
        row("G30", "ADMIN", "DELETE", "/threads/{{TH1}}", nil, 200, #"{"message":"Thread deleted successfully"}"#),
        row("G30 get", "ADMIN", "GET", "/threads/{{TH1}}", nil, 404, e404T),
        row("G30 messages", "ADMIN", "GET", "/threads/{{TH1}}/messages", nil, 404, e404T),
        row("G30 again", "ADMIN", "DELETE", "/threads/{{TH1}}", nil, 404, e404T),
        row("G30 export row", "ADMIN", "GET", "/privacy/export/{{EX}}", nil, 200, nil),
        row("G30 deletion row", "ADMIN", "GET", "/privacy/delete/{{DE}}", nil, 200, nil),
        row("B3", "TEACH", "PATCH", "/threads", nil, 405, #"{"detail":"Method Not Allowed"}"#),
        row("B3 unknown", "TEACH", "GET", "/nope", nil, 404, #"{"detail":"Not Found"}"#),
    ]
}
