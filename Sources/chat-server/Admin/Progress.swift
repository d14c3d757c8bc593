internal import Glibc

/// One line on the terminal that tells how far a long verb is; nothing where stderr is no terminal.
struct Progress {
    private let isShown: Bool
    private let noun: String
    private let started = Progress.now
    private var shownAt = 0.0
    private var width = 0

    /// - Parameter sharesTerminal: the verb's output goes to stdout; on a terminal the line would be in its way.
    init(_ noun: String, sharesTerminal: Bool = false) {
        self.noun = noun
        isShown = isatty(STDERR_FILENO) == 1 && !(sharesTerminal && isatty(STDOUT_FILENO) == 1)
    }

    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// - Parameter share: how much of the whole is done, 0…1; nil: not known.
    mutating func update(count: Int, share: Double?) {
        guard isShown, Self.now - shownAt >= 0.2 else { return }
        shownAt = Self.now
        show(Self.text(noun, count, share, seconds: shownAt - started))
    }

    /// Removes the line.
    mutating func finish() {
        guard isShown, width > 0 else { return }
        show("")
        writeAll([0x0D], to: STDERR_FILENO)
    }

    private mutating func show(_ text: String) {
        let padding = String(repeating: " ", count: max(0, width - text.count))
        writeAll(Array("\r\(text)\(padding)".utf8), to: STDERR_FILENO)
        width = text.count
    }

    /// `1200 messages, 600/s, 0:05 left`.
    static func text(_ noun: String, _ count: Int, _ share: Double?, seconds: Double) -> String {
        var text = "\(count) \(noun)"
        guard seconds > 0 else { return text }
        text += ", \(Int(Double(count) / seconds))/s"
        if let share, share > 0, share <= 1 {
            let left = Int(seconds * (1 - share) / share)
            let clock =
                "\(left / 60 % 60 < 10 && left >= 3600 ? "0" : "")\(left / 60 % 60):\(left % 60 < 10 ? "0" : "")\(left % 60)"
            text += ", \(left >= 3600 ? "\(left / 3600):" : "")\(clock) left"
        }
        return text
    }
}
