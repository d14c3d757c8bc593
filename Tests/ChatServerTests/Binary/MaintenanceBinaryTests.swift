import ChatEngine
import Glibc
import TestSupport
import Testing

@testable import chat_server

/// What the real server does beside answering: scrub and retention, as an operator sees them.
@Suite struct MaintenanceBinaryTests {
    /// A store with all its data in tables.
    private func demo(_ directory: String, importing text: String? = nil) throws {
        if let text {
            let files = try TemporaryDirectory()
            try files.write(text, to: "in", mode: 0o600)
            let result = try ServerBinary.run(["import", directory, files.path + "/in"])
            #expect(result.ending == .exited(0), "\(result.error)")
        } else {
            #expect(try ServerBinary.run(["init", "--data-dir", directory, "--demo"]).ending == .exited(0))
        }
        // An export begins with a flush.
        #expect(try ServerBinary.run(["export", directory]).ending == .exited(0))
    }

    @Test func theScrubFindsWhatHasRotted() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            try demo(directory.path)
            let name = try #require(try directory.names().first { $0.hasPrefix("s-02-") })
            let descriptor = open(directory.path + "/" + name, O_RDWR)
            #expect(descriptor >= 0)
            var byte: UInt8 = 0
            #expect(pread(descriptor, &byte, 1, 200) == 1)
            byte ^= 1
            #expect(pwrite(descriptor, &byte, 1, 200) == 1)
            close(descriptor)
            let server = try ServerProcess(directory: directory.path, arguments: ["--admin", "127.0.0.1:0"])
            _ = try server.process.waitForLine("the scrub") {
                ServerProcess.event($0, "the scrub found damage; restore the file from a backup")
            }
            let admin = LoopbackClient(port: try #require(server.adminPort))
            let ready = try admin.send("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(ready.text.hasPrefix("ok\ndamaged: \(name) at offset "))
            let metrics = try admin.send("GET", "/metrics").text
            #expect(metrics.contains("\nchat_store_damaged_tables 1\n"))
            // What is not in the table is served.
            let made = try server.client().json("POST", "/api/sessions/create", #"{"userId":"new"}"#)
            #expect(made.status == 201)
            #expect(try server.stop() == .exited(0))
        }
    }

    /// Everything is past its retention: hidden at once, and removed when the operator has confirmed.
    @Test func anExpiryOfEverythingWaitsForTheOperator() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            try demo(
                directory.path,
                importing: """
                    {"type":"export","version":1}
                    {"type":"session","tenant":"orion","user":"ann","id":"s","createdAt":"2020-01-01T00:00:00Z"}
                    {"type":"message","tenant":"orion","session":"s","sequence":1,"createdAt":"2020-01-01T00:00:00Z","id":"m","role":"user","content":"old"}
                    {"type":"end"}
                    """)
            let server = try ServerProcess(
                directory: directory.path, settings: ["retention.orion=30d"], arguments: ["--admin", "127.0.0.1:0"])
            let sessions = try server.client().json("GET", "/api/sessions/list?userId=ann")
            #expect(sessions.body["count"]?.number == 0)
            _ = try server.process.waitForLine("the warning") {
                ServerProcess.event(
                    $0,
                    "more than half of all messages would expire at once; this waits a day, or for a confirmation")
            }
            let admin = LoopbackClient(port: try #require(server.adminPort))
            #expect(try admin.send("POST", "/retention/confirm", json: "{}").status == 200)
            let expired = try server.process.waitForLine("the removal") {
                ServerProcess.event($0, "messages past their retention were removed")
            }
            #expect(expired["messages"]?.number == 1)
            #expect(expired["sessions"]?.number == 1)
            #expect(try server.stop() == .exited(0))
            // Without the setting it would be visible again, if it were still there.
            let again = try ServerProcess(directory: directory.path)
            let rest = try again.client().json("GET", "/api/sessions/list?userId=ann")
            #expect(rest.body["count"]?.number == 0)
            #expect(try again.stop() == .exited(0))
        }
    }
}
