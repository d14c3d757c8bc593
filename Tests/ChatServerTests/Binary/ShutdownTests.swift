import ChatEngine
import Glibc
import TestSupport
import Testing

@testable import chat_server

/// How the real server stops.
@Suite struct ShutdownTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalUnderLoadEndsInOrder(signal: Int32) async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let load = WriteLoad(clients: 6)
            let server = try ServerProcess(directory: directory.path)
            let pid = server.process.pid
            load.run(port: server.port, seed: 1) { count in if count == 150 { kill(pid, signal) } }
            #expect(try server.process.wait(seconds: 10) == .exited(0))
            #expect(load.acknowledged >= 150)
            let again = try ServerProcess(directory: directory.path)
            #expect(again.opened["clean"] == .bool(true))
            // What is answered is drained: nothing was on its way when the log was sealed.
            try load.check(again.client())
            #expect(try again.stop() == .exited(0))
            print("signal \(signal): \(load.acknowledged) messages acknowledged, all there after an orderly end")
        }
    }

    /// A request whose body never ends keeps the first signal's drain waiting; the second one does not wait.
    @Test func aSecondSignalEndsAtOnce() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let server = try ServerProcess(directory: directory.path)
            let slow = server.client()
            let created = try slow.json("POST", "/api/sessions/create", #"{"userId":"ann"}"#)
            #expect(created.status == 201)
            try slow.sendRaw(
                "POST /api/sessions/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
            // The interim reply tells that the server has taken the request up.
            #expect(try slow.readInterimReply().status == 100)
            server.process.kill(SIGTERM)
            _ = try server.process.waitForLine("the first signal") {
                ServerProcess.event($0, "SIGTERM received, stopping")
            }
            let start = ChildProcess.now
            server.process.kill(SIGTERM)
            #expect(try server.process.wait(seconds: 10) == .exited(ExitCode.failure.rawValue))
            // The first signal alone would have waited for eight seconds.
            #expect(ChildProcess.now - start < 4)
            let again = try ServerProcess(directory: directory.path)
            let sessions = try again.client().json("GET", "/api/sessions/list?userId=ann")
            #expect(sessions.body["count"]?.number == 1)
        }
    }

    /// A limit on the size of files makes an append fail with something else than a full disk.
    @Test func aFailedWriteEndsTheServerWithItsOwnCode() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            // In units of 512 bytes: the first log file's first reservation (4 MiB) fits, the next does not.
            let limited = ["/bin/sh", "-c", "ulimit -f 10000; exec \"$0\" \"$@\""]
            let server = try ServerProcess(
                directory: directory.path, settings: ["store.log-file-bytes=64MiB", "store.head-bytes=64MiB"],
                wrapper: limited)
            let client = server.client()
            let created = try client.json("POST", "/api/sessions/create", #"{"userId":"ann"}"#)
            let session = try #require(created.body["sessionId"]?.string)
            var saved = 0
            var refusal = 201
            while refusal == 201 {
                let content = String(repeating: "x", count: 500_000)
                let reply = try client.json(
                    "POST", "/api/sessions/save-message",
                    #"{"sessionId":"\#(session)","role":"user","content":"\#(content)"}"#)
                refusal = reply.status
                if refusal == 201 { saved += 1 }
                try #require(saved < 20, "the limit had no effect")
            }
            #expect(refusal == 503)
            #expect(try server.process.wait(seconds: 10) == .exited(ExitCode.diskFailed.rawValue))
            let sentence = server.process.standardError.split(separator: "\n").last ?? ""
            #expect(sentence.hasPrefix("chat-server: the disk under \(directory.path) failed (append w-"))

            let again = try ServerProcess(directory: directory.path)
            let listed = try again.client().json("GET", "/api/sessions/messages?sessionId=\(session)")
            let count = try #require(listed.body["count"]?.number)
            // The outcome of the one that failed is unknown: it may have reached the disk.
            #expect(count == Double(saved) || count == Double(saved + 1))
            #expect(try again.stop() == .exited(0))
        }
    }
}
