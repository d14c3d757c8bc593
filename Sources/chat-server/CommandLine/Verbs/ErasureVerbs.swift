internal import ChatEngine
internal import Glibc
internal import LogStore

extension Flag {
    /// Unlike `--admin` of `serve` it does not stand for a setting.
    static let adminOfServer = Flag(
        "--admin", "HOST:PORT", summary: "the admin listener of the server that runs on the directory")
    static let tenant = Flag(
        "--tenant", "T", summary: "the tenant as the store names it: orion, poc, llm:ORGANISATION, aivo:TENANT")
    static let user = Flag("--user", "U", summary: "one user of the tenant")
    static let learner = Flag("--learner", "L", summary: "the same as --user")
    static let session = Flag("--session", "ID", summary: "one session of the tenant")
    static let wait = Flag("--wait", summary: "return when no byte is left in any file")
}

extension Verb {
    /// Erases somebody's data.
    static let erase = Verb(
        "erase", "erase a tenant, a user or a session",
        flags: [.dataDirectory, .adminOfServer, .tenant, .user, .learner, .session, .wait, .json],
        notes: [
            "The data disappears at once; its bytes leave every file of the directory when the server has merged them "
                + "away and `store.deletion-grace` is over. `erasures` tells how far that is.",
            "With --data-dir and --wait the files go without a grace: no copy of the directory may be under way.",
        ]
    ) { invocation throws(CommandFailure) in
        let subject = try SubjectFlags.required(invocation)
        let waits = invocation.arguments.has(.wait)
        var options = StoreOptions()
        if waits { options.deletionGraceSeconds = 0 }
        let finished = WaitedFlag()
        let job = try AdminTarget.run(
            invocation, options: options, report: { if case .erased = $0 { finished.raise() } }
        ) { target throws(CommandFailure) in
            var job = try target.order("POST", "/erase", subject)
            while waits, job["status"]?.string != "completed" {
                // A server's log tells too, but not to us; a second is short for what may take hours.
                if case .directory = target { finished.wait() } else { sleep(1) }
                let jobs = try target.order("GET", "/erasures")["erasures"]?.elements ?? []
                guard let same = jobs.first(where: { $0["number"] == job["number"] && $0["subject"] == job["subject"] })
                else { throw CommandFailure(.failure, "the erasure is no longer in the ledger") }
                job = same
            }
            return job
        }
        invocation.console.output(
            invocation.arguments.has(.json)
                ? String(decoding: job.serialized, as: UTF8.self) : ErasureText.line(job))
        return .success
    }

    static let erasures = Verb(
        "erasures", "list erasures and how far they are", flags: [.dataDirectory, .adminOfServer, .json],
        notes: ["`pending` means that some file may still hold a byte. The ledger names nobody: numbers only."]
    ) { invocation throws(CommandFailure) in
        let reply = try AdminTarget.run(invocation) { target throws(CommandFailure) in
            try target.order("GET", "/erasures")
        }
        if invocation.arguments.has(.json) {
            invocation.console.output(String(decoding: reply.serialized, as: UTF8.self))
        } else {
            for job in reply["erasures"]?.elements ?? [] { invocation.console.output(ErasureText.line(job)) }
        }
        return .success
    }

    /// Legal holds.
    static let hold = Verb(
        "hold", "place, lift or list legal holds", positionals: [Positional("ACTION", "add, remove or list")],
        flags: [.dataDirectory, .adminOfServer, .tenant, .user, .learner, .session, .json],
        notes: ["While a hold is there nothing of the tenant, user or session is deleted, erased or expires."]
    ) { invocation throws(CommandFailure) in
        let action = invocation.arguments.positionals[0]
        guard ["add", "remove", "list"].contains(action) else {
            let hint = nearestName(to: action, in: ["add", "remove", "list"]).map { "; did you mean \($0)?" } ?? ""
            throw CommandFailure(.usage, "hold does not know \"\(action)\", only add, remove and list\(hint)")
        }
        let subject = try action == "list" ? nil : SubjectFlags.required(invocation)
        let filter = try action == "list" ? SubjectFlags.given(invocation) : nil
        let reply = try AdminTarget.run(invocation) { target throws(CommandFailure) in
            switch action {
            case "add": try target.order("POST", "/hold", subject)
            case "remove": try target.order("DELETE", "/hold", subject)
            default: try target.order("GET", "/holds")
            }
        }
        guard let filter else {
            invocation.console.output(action == "add" ? "the hold is placed" : "the hold is lifted")
            return .success
        }
        let holds = (reply["holds"]?.elements ?? []).filter { hold in
            zip(filter.keys, filter.values).allSatisfy { hold[$0] == $1 }
        }
        if invocation.arguments.has(.json) {
            let object = JSONValue.object(["holds": .array(holds)])
            invocation.console.output(String(decoding: object.serialized, as: UTF8.self))
            return .success
        }
        for hold in holds {
            let parts = ["tenant", "user", "session"].compactMap { name in
                hold[name]?.string.map { "\(name) \($0)" }
            }
            invocation.console.output(parts.joined(separator: ", "))
        }
        return .success
    }
}

/// Whose data the flags name.
private enum SubjectFlags {
    static func given(_ invocation: Invocation) throws(CommandFailure) -> JSONObject {
        func value(_ flag: Flag) -> String? { invocation.arguments.values[flag.name]?.last }
        var subject = JSONObject()
        if let tenant = value(.tenant) { subject["tenant"] = .string(tenant) }
        guard value(.user) == nil || value(.learner) == nil else {
            throw CommandFailure(.usage, "--learner is another name for --user; give one of them")
        }
        if let user = value(.user) ?? value(.learner) { subject["user"] = .string(user) }
        if let session = value(.session) {
            guard subject["user"] == nil else {
                throw CommandFailure(.usage, "give --user or --session, not both: a session id is unique in its tenant")
            }
            subject["session"] = .string(session)
        }
        return subject
    }

    static func required(_ invocation: Invocation) throws(CommandFailure) -> JSONObject {
        let subject = try given(invocation)
        guard subject["tenant"] != nil else {
            throw CommandFailure(
                .usage, "\(invocation.verb.name) needs --tenant, and --user or --session for a part of it")
        }
        return subject
    }
}

private enum ErasureText {
    static func line(_ job: JSONValue) -> String {
        func count(_ name: String) -> Int { Int(job[name]?.number ?? 0) }
        var line = "\(job["status"]?.string ?? "?"): \(job["subject"]?.string ?? "?") \(job["number"]?.string ?? "?")"
        if let tenant = job["tenant"]?.string { line += " of \(tenant)" }
        line += ", \(count("sessions")) sessions, \(count("messages")) messages"
        line += ", ordered \(job["orderedAt"]?.string ?? "?")"
        if let done = job["completedAt"]?.string { line += ", completed \(done)" }
        return line
    }
}

extension JSONValue {
    var elements: [JSONValue] { if case .array(let values) = self { values } else { [] } }
}
