extension Verb {
    static let version = Verb("version", "print the version") { invocation throws(CommandFailure) in
        invocation.console.output("chat-server \(Version.current)")
        return .success
    }
}
