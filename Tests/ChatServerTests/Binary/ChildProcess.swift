import Glibc
import Synchronization

/// Why a child process could not be started, or did not do what was waited for.
enum ChildError: Error, CustomStringConvertible {
    case system(call: String, code: Int32)
    case notBuilt(path: String)
    /// What was waited for did not come in time.
    case timeout(waitingFor: String, standardError: String)
    /// The process ended while something else was waited for.
    case ended(waitingFor: String, Ending, standardError: String)

    var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .notBuilt(let path): "\(path) is missing: `swift build --build-tests` makes it beside the tests"
        case .timeout(let what, let error): "timeout while waiting for \(what); stderr:\n\(error)"
        case .ended(let what, let ending, let error): "\(ending) while waiting for \(what); stderr:\n\(error)"
        }
    }
}

/// How a process ended.
enum Ending: Equatable {
    case exited(Int32)
    case killed(signal: Int32)
}

/// A program with its output in our hands. Confined to one thread; what it writes is read while something is waited for.
final class ChildProcess {
    let pid: pid_t
    private(set) var standardOutput = ""
    private(set) var standardError = ""
    private var pipes: [(descriptor: Int32, isError: Bool)]
    private var ending: Ending?

    /// - Parameter command: the program, found as a shell finds it, and its arguments.
    init(_ command: [String], environment: [String: String] = [:]) throws {
        let (pid, output, error) = try Self.starting.withLock { _ in try Self.start(command, environment) }
        self.pid = pid
        pipes = [(output, false), (error, true)]
    }

    /// Held from the making of the pipes until they are closed on exec: a child of another thread that started in
    /// between would keep the end of the stream from us.
    private static let starting = Mutex(())

    private static func start(
        _ command: [String], _ environment: [String: String]
    ) throws -> (pid: pid_t, output: Int32, error: Int32) {
        let output = try pipe()
        let error = try pipe()
        defer {
            close(output.writer)
            close(error.writer)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writer, 1)
        posix_spawn_file_actions_adddup2(&actions, error.writer, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var arguments = command.map { strdup($0) } + [nil]
        // Nothing of the tester's own settings reaches the server; PATH is for the wrappers.
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let variables = environment.merging(["PATH": path]) { given, _ in given }
        var environment = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var child = pid_t()
        let code = posix_spawnp(&child, command[0], &actions, &attributes, &arguments, &environment)
        guard code == 0 else {
            close(output.reader)
            close(error.reader)
            throw ChildError.system(call: "posix_spawnp \(command[0])", code: code)
        }
        return (child, output.reader, error.reader)
    }

    deinit {
        if ending == nil {
            Glibc.kill(pid, SIGKILL)
            reap()
        }
        for pipe in pipes { close(pipe.descriptor) }
    }

    private static func pipe() throws -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw ChildError.system(call: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    func kill(_ signal: Int32) { if ending == nil { Glibc.kill(pid, signal) } }

    /// Waits until the process has ended and everything that it wrote is read.
    func wait(seconds: Double = 30, for what: String = "the end of the process") throws -> Ending {
        let deadline = Self.now + seconds
        while !pipes.isEmpty { try readMore(until: deadline, what) }
        return reap()
    }

    /// Waits until the process has written a line to stderr that `find` makes something of.
    func waitForLine<Value>(
        _ what: String, seconds: Double = 30, _ find: (Substring) -> Value?
    ) throws -> Value {
        let deadline = Self.now + seconds
        while true {
            for line in standardError.split(separator: "\n") {
                if let value = find(line) { return value }
            }
            guard pipes.contains(where: { $0.isError }) else {
                throw ChildError.ended(waitingFor: what, reap(), standardError: standardError)
            }
            try readMore(until: deadline, what)
        }
    }

    /// Sleeps in poll until there is something to read, and reads it.
    private func readMore(until deadline: Double, _ what: String) throws {
        var waiting = pipes.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        let milliseconds = Int32(max(0, (deadline - Self.now) * 1000))
        guard poll(&waiting, nfds_t(waiting.count), milliseconds) != 0 else {
            throw ChildError.timeout(waitingFor: what, standardError: standardError)
        }
        for (index, entry) in waiting.enumerated().reversed() where entry.revents != 0 {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(entry.fd, &buffer, buffer.count)
            if count > 0 {
                let text = String(decoding: buffer[..<count], as: UTF8.self)
                if pipes[index].isError { standardError += text } else { standardOutput += text }
            } else if count == 0 || errno != EINTR {
                close(entry.fd)
                pipes.remove(at: index)
            }
        }
    }

    @discardableResult
    private func reap() -> Ending {
        if let ending { return ending }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        let result: Ending = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
        ending = result
        return result
    }

    /// Seconds of the monotonic clock.
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
