@preconcurrency internal import Glibc

/// The program: hands the command line to the verbs and exits with what they say.
@main
struct ChatServer {
    static func main() {
        let dispatcher = Dispatcher(verbs: Verb.all, environment: processEnvironment(), console: .standard)
        exit(dispatcher.run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    /// The variables of the process; read before any thread exists, since the C library does not guard them.
    private static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text)
            if let equals = pair.firstIndex(of: "=") {
                variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            entry += 1
        }
        return variables
    }
}
