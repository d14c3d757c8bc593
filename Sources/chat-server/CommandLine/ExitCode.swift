/// What the process tells its caller; documented in docs/operating.md and by `chat-server help`.
enum ExitCode: Int32, CaseIterable, Sendable {
    case success = 0
    case failure = 1
    case usage = 2
    case configuration = 3
    case damaged = 4
    case inUse = 5
    case unsupported = 6
    case diskFailed = 7

    var summary: String {
        switch self {
        case .success: "done; for `serve`: stopped by SIGTERM or SIGINT after every request was answered"
        case .failure: "failed, for example because the disk reported an error; stderr says what failed"
        case .usage: "the command line is wrong: an unknown verb or flag, or an argument that is missing"
        case .configuration:
            "the configuration is wrong: an unknown setting, a value that does not fit, a missing secret"
        case .damaged: "data in the store is damaged; stderr names the file and the offset"
        case .inUse: "the data directory or the address is in use by another process"
        case .unsupported: "the directory is no store, or holds a store of a newer format"
        case .diskFailed:
            "the disk failed under `serve`, which then stopped; what was acknowledged is in the log, the rest is unknown"
        }
    }
}

/// A verb could not do its work: what to tell the operator, one sentence a line, and the exit code.
struct CommandFailure: Error, Equatable {
    let exitCode: ExitCode
    let messages: [String]

    init(_ exitCode: ExitCode, _ message: String) { self.init(exitCode, messages: [message]) }

    init(_ exitCode: ExitCode, messages: [String]) {
        self.exitCode = exitCode
        self.messages = messages
    }
}
