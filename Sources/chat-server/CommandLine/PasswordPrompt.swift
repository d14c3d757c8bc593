internal import ChatEngine
internal import Glibc

/// Takes a new password in: asked for twice on a terminal, where it is not shown, else the first line of the input. It is
/// hashed at once and goes nowhere else.
///
/// On a terminal every byte is read as it is typed, and interrupt and the like are taken as bytes: so the terminal is as
/// it was before, whatever the user presses.
enum PasswordPrompt {
    /// The text form of the hash.
    static func hash(_ console: Console) throws(CommandFailure) -> String {
        let password = isatty(STDIN_FILENO) == 1 ? try asked(console) : try line()
        guard let hash = PasswordHash(of: password) else {
            throw CommandFailure(
                .usage, "a password has 1 to \(PasswordHash.longestPasswordBytes) bytes, and none of them is NUL")
        }
        return hash.text
    }

    private static func asked(_ console: Console) throws(CommandFailure) -> String {
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { throw unreadable }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else { throw unreadable }
        defer { _ = tcsetattr(STDIN_FILENO, TCSANOW, &before) }
        console.error("Password:")
        let first = try typed()
        console.error("Again:")
        guard try typed() == first else { throw CommandFailure(.usage, "that was not the same password") }
        return first
    }

    /// Bytes up to return, with the keys that erase.
    private static func typed() throws(CommandFailure) -> String {
        var bytes: [UInt8] = []
        while true {
            switch try byte() {
            case nil, 0x03, 0x04, 0x1A, 0x1C: throw CommandFailure(.failure, "no password was given")
            case 0x0A, 0x0D: return try text(bytes)
            case 0x08, 0x7F:
                // A whole character: its bytes behind the first begin with the bits 10.
                while let last = bytes.popLast(), last & 0xC0 == 0x80 {}
            case 0x15: bytes = []
            case let byte?: if bytes.count <= PasswordHash.longestPasswordBytes { bytes.append(byte) }
            }
        }
    }

    private static func line() throws(CommandFailure) -> String {
        var bytes: [UInt8] = []
        while bytes.count <= PasswordHash.longestPasswordBytes + 1, let next = try byte(), next != 0x0A {
            bytes.append(next)
        }
        if bytes.last == 0x0D { bytes.removeLast() }
        return try text(bytes)
    }

    private static func text(_ bytes: [UInt8]) throws(CommandFailure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.usage, "the password is not UTF-8")
        }
        return text
    }

    /// nil at the end of the input.
    private static func byte() throws(CommandFailure) -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count >= 0 { return count == 0 ? nil : byte }
            if errno != EINTR { throw unreadable }
        }
    }

    private static var unreadable: CommandFailure {
        CommandFailure(.failure, "the password cannot be read: \(String(cString: strerror(errno)))")
    }
}
