import ChatEngine
import Glibc
import TestSupport
import Testing

@testable import chat_server

/// The real server on a file system of 64 MiB that somebody else fills.
@Suite struct FullDiskTests {
    private let insufficient =
        #"{"error":"Insufficient Storage","message":"The server's disk is full: nothing was saved. "#
        + #"Reading and deleting go on."}"#

    @Test(.enabled(if: MountNamespace.isAvailable, "needs the right to mount in a namespace of its own"))
    func appendsAreRefusedAndTheRestGoesOn() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(
                directory: directory.path, arguments: ["--admin", "127.0.0.1:0"],
                wrapper: MountNamespace.wrapper(after: "mount -t tmpfs -o size=64m tmpfs \(directory.path)"))
            // The mount is seen through the server's own view of the file system.
            let ballast = try Ballast("/proc/\(server.process.pid)/root\(directory.path)/ballast")
            let client = server.client()
            let admin = LoopbackClient(port: try #require(server.adminPort))
            #expect(try admin.send("GET", "/readyz").status == 200)

            let kept = try createSession(client)
            let doomed = try createSession(client)
            var saved: [String] = []
            for number in 1...5 { #expect(try save("before \(number)", kept, client, &saved).status == 201) }

            try ballast.fill()
            try readUntilTheStoreLooksAtTheDisk(kept, client, expecting: saved)
            let refusal = try save("refused", kept, client, &saved)
            #expect(refusal.status == 507)
            #expect(refusal.text == insufficient)
            let create = try client.send("POST", "/api/sessions/create", json: #"{"userId":"ann"}"#)
            #expect(create.status == 507)
            #expect(create.text == insufficient)
            #expect(try listed(kept, client) == saved)
            #expect(try client.json("GET", "/api/sessions/\(kept)").status == 200)
            #expect(try client.json("GET", "/health").body["status"]?.string == "degraded")
            #expect(try admin.send("GET", "/readyz").status == 503)
            #expect(try admin.send("GET", "/livez").status == 200)
            let deleted = try client.json("POST", "/api/sessions/delete", #"{"sessionId":"\#(doomed)"}"#)
            #expect(deleted.status == 200)
            #expect(try client.json("GET", "/api/sessions/\(doomed)").status == 404)

            ballast.remove()
            try readUntilTheStoreLooksAtTheDisk(kept, client, expecting: saved)
            for number in 1...5 { #expect(try save("after \(number)", kept, client, &saved).status == 201) }
            #expect(try listed(kept, client) == saved)
            #expect(try client.json("GET", "/health").body["status"]?.string == "healthy")
            #expect(try admin.send("GET", "/readyz").status == 200)
            let metrics = try admin.send("GET", "/metrics").text.split(separator: "\n")
            #expect(metrics.contains(#"chat_http_rejects_total{surface="orion",status="507"} 2"#))
            #expect(metrics.contains("chat_store_accepting_appends 1"))
            let syncs = metrics.first { $0.hasPrefix("chat_store_log_sync_seconds_count ") }
            let groups = metrics.first { $0.hasPrefix("chat_store_groups_total ") }
            // Two sessions, ten messages and a delete, each in a group of its own.
            #expect(groups == "chat_store_groups_total 13")
            #expect(syncs == "chat_store_log_sync_seconds_count 13")
            #expect(try server.stop() == .exited(0))
            print("full disk: \(saved.count) messages acknowledged, all there; recovered without a restart")
        }
    }

    private func createSession(_ client: LoopbackClient) throws -> String {
        let reply = try client.json("POST", "/api/sessions/create", #"{"userId":"ann"}"#)
        try #require(reply.status == 201)
        return try #require(reply.body["sessionId"]?.string)
    }

    private func save(
        _ content: String, _ session: String, _ client: LoopbackClient, _ saved: inout [String]
    ) throws -> LoopbackReply {
        let reply = try client.send(
            "POST", "/api/sessions/save-message",
            json: #"{"sessionId":"\#(session)","role":"user","content":"\#(content)"}"#)
        if reply.status == 201 { saved.append(content) }
        return reply
    }

    private func listed(_ session: String, _ client: LoopbackClient) throws -> [String] {
        let body = try client.json("GET", "/api/sessions/messages?sessionId=\(session)").body
        return (body["messages"]?.array ?? []).compactMap { $0["content"]?.string }
    }

    /// The store looks at the disk with the first write that comes a second or more after its last look. Until then
    /// reads go on; a write would use up what the log has reserved.
    private func readUntilTheStoreLooksAtTheDisk(
        _ session: String, _ client: LoopbackClient, expecting saved: [String]
    ) throws {
        let moment = ChildProcess.now + 1.1
        while ChildProcess.now < moment { try #require(try listed(session, client) == saved) }
    }
}

/// A file that takes all the space there is. Closed on exec: a child of another test would keep its space taken.
private struct Ballast {
    private let path: String

    init(_ path: String) throws {
        self.path = path
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ChildError.system(call: "create \(path)", code: errno) }
        close(descriptor)
    }

    func fill() throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw ChildError.system(call: "open \(path)", code: errno) }
        defer { close(descriptor) }
        for size in [1 << 20, 4096] {
            let block = [UInt8](repeating: 0, count: size)
            while write(descriptor, block, size) > 0 {}
            guard errno == ENOSPC else { throw ChildError.system(call: "write \(path)", code: errno) }
        }
    }

    func remove() { unlink(path) }
}
