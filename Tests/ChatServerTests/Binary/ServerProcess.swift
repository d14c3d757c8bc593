import ChatEngine
import Glibc
import TestSupport

/// The program as it is built, in a process of its own. `swift build --build-tests` puts it beside the tests.
enum ServerBinary {
    static func path() throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw ChildError.system(call: "readlink /proc/self/exe", code: errno) }
        let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path =
            own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/chat-server"
        guard access(path, X_OK) == 0 else { throw ChildError.notBuilt(path: path) }
        return path
    }

    /// Runs it to its end.
    /// - Parameter wrapper: a command that the program's is appended to.
    static func run(_ arguments: [String], wrapper: [String] = []) throws -> (
        ending: Ending, output: String, error: String
    ) {
        let child = try ChildProcess(wrapper + [try path()] + arguments)
        let ending = try child.wait()
        return (ending, child.standardOutput, child.standardError)
    }
}

/// `chat-server serve` on a port that the system chose.
final class ServerProcess {
    let process: ChildProcess
    let port: UInt16
    /// Where the admin listener is, if there is one.
    let adminPort: UInt16?
    /// The event "store opened".
    let opened: JSONValue

    /// Starts it and waits until it listens. Heads and log files are small, so that a short load sees flushes and
    /// rotations; no request is refused for its rate.
    init(
        directory: String, settings: [String] = [], arguments: [String] = [], wrapper: [String] = [],
        environment: [String: String] = [:]
    ) throws {
        let common = ["store.head-bytes=1MiB", "store.log-file-bytes=1MiB", "orion.rate-limit=0", "log.format=json"]
        let flags = (common + settings).flatMap { ["--set", $0] }
        let listen = ["serve", "--data-dir", directory, "--listen", "127.0.0.1:0"]
        process = try ChildProcess(
            wrapper + [try ServerBinary.path()] + listen + flags + arguments, environment: environment)
        port = try Self.port(process, 0)
        adminPort = arguments.contains("--admin") ? try Self.port(process, 1) : nil
        opened = try process.waitForLine("the store to open") { Self.event($0, "store opened") }
    }

    /// The ports of the first `count` listeners, in their order.
    func ports(_ count: Int) throws -> [UInt16] { try (0..<count).map { try Self.port(process, $0) } }

    private static func port(_ process: ChildProcess, _ index: Int) throws -> UInt16 {
        try process.waitForLine("the server to listen") { _ in
            let events = process.standardError.split(separator: "\n").compactMap { event($0, "listening") }
            return index < events.count ? events[index]["port"]?.number.map { UInt16($0) } : nil
        }
    }

    static func event(_ line: Substring, _ message: String) -> JSONValue? {
        guard let value = try? JSONValue(parsing: Array(line.utf8)), value["message"]?.string == message else {
            return nil
        }
        return value
    }

    func client() -> LoopbackClient { LoopbackClient(port: port) }

    /// Stops it in an orderly way.
    /// - Returns: how it ended.
    func stop() throws -> Ending {
        process.kill(SIGTERM)
        return try process.wait(seconds: 10, for: "the end after SIGTERM")
    }
}

extension JSONValue {
    var array: [JSONValue] { if case .array(let values) = self { values } else { [] } }
}

extension LoopbackClient {
    /// Sends a request and reads its reply as JSON.
    func json(_ method: String, _ path: String, _ body: String? = nil) throws -> (status: Int, body: JSONValue) {
        let reply = try body.map { try send(method, path, json: $0) } ?? send(method, path)
        return (reply.status, try JSONValue(parsing: reply.body))
    }
}
