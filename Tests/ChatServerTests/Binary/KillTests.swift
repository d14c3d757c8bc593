import ChatEngine
import Glibc
import TestSupport
import Testing

@testable import chat_server

/// The real server, killed under load.
@Suite struct KillTests {
    /// SIGKILL at random moments: nothing acknowledged is lost, nothing is there twice or in part.
    @Test func nothingAcknowledgedIsLost() async throws {
        try await onOwnThread {
            let directory = try TemporaryDirectory()
            let rounds = isTorture ? 200 : 6
            let seed = UInt64.random(in: .min ... .max)
            var random = SplitMix64(seed: seed)
            let load = WriteLoad(clients: 6)
            var unanswered = 0
            for round in 1...rounds {
                let server = try ServerProcess(directory: directory.path)
                unanswered += try load.check(server.client())
                let target = load.acknowledged + 1 + Int(random.next() % 300)
                let microseconds = Double(random.next() % 2000)
                let pid = server.process.pid
                load.run(port: server.port, seed: seed &+ UInt64(round)) { count in
                    guard count == target else { return }
                    // From the moment of an answer to a random one within the next group.
                    let moment = ChildProcess.now + microseconds / 1e6
                    while ChildProcess.now < moment {}
                    kill(pid, SIGKILL)
                }
                try #require(try server.process.wait() == .killed(signal: SIGKILL))
            }
            let server = try ServerProcess(directory: directory.path)
            unanswered += try load.check(server.client())
            #expect(try server.stop() == .exited(0))
            #expect(try ServerBinary.run(["verify", directory.path]).ending == .exited(0))
            #expect(load.acknowledged >= rounds)
            print(
                "kill -9: \(rounds) rounds, \(load.clientCount) connections, \(load.acknowledged) messages acknowledged,",
                "all there; \(unanswered) more were on the disk and not yet answered (seed \(seed))")
        }
    }
}
