import BenchmarkSupport
import Glibc

/// This program again, in a process of its own.
struct ChildProcess {
    private let id: pid_t
    private let output: UnsafeMutablePointer<FILE>

    init(_ arguments: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw BenchmarkFailure(description: "pipe: errno \(errno)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        var words: [UnsafeMutablePointer<CChar>?] = (["store-benchmark"] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var id = pid_t()
        let status = posix_spawn(&id, "/proc/self/exe", &actions, nil, &words, environ)
        close(ends[1])
        guard status == 0, let output = fdopen(ends[0], "r") else {
            throw BenchmarkFailure(description: "posix_spawn: \(status)")
        }
        self.id = id
        self.output = output
    }

    /// The next line of what it prints; nil at the end.
    func line() -> String? {
        var text: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(text) }
        let count = getline(&text, &capacity, output)
        guard count > 0, let text else { return nil }
        return String(cString: text)
    }

    /// Prints what it prints until it ends by itself.
    func relay() throws {
        while let line = line() { print("  " + line, terminator: "") }
        var status: Int32 = 0
        waitpid(id, &status, 0)
        fclose(output)
        guard status == 0 else { throw BenchmarkFailure(description: "a child ended with \(status)") }
    }

    func kill() {
        Glibc.kill(id, SIGKILL)
        waitpid(id, nil, 0)
        fclose(output)
    }
}
