internal import Glibc

/// The server's log: events of a level that is wanted, as lines, on one descriptor. Safe from any thread.
final class Logger: Sendable {
    let level: LogLevel
    private let formatter: LogFormatter
    private let writer: LogWriter
    private let clock: @Sendable () -> Int64

    /// - Parameter clock: milliseconds since 1970-01-01T00:00:00Z.
    init(
        level: LogLevel, formatter: LogFormatter, descriptor: Int32, maximumBufferedBytes: Int = 4 << 20,
        clock: @escaping @Sendable () -> Int64 = wallClockMilliseconds
    ) {
        self.level = level
        self.formatter = formatter
        self.clock = clock
        writer = LogWriter(descriptor: descriptor, maximumBytes: maximumBufferedBytes) { count in
            var line: [UInt8] = []
            let event = LogEvent(.warning, "log lines dropped", fields: [("lines", .integer(Int64(count)))])
            formatter.append(event, milliseconds: clock(), to: &line)
            return line
        }
    }

    /// The log on stderr, as the settings want it: `auto` asks whether stderr is a terminal.
    convenience init(_ settings: LogSettings) {
        let isTerminal = isatty(STDERR_FILENO) == 1
        let formatter: LogFormatter =
            switch settings.format {
            case .json: .json
            case .human: .human(colours: isTerminal)
            case .auto: isTerminal ? .human(colours: true) : .json
            }
        self.init(level: settings.level, formatter: formatter, descriptor: STDERR_FILENO)
    }

    /// Logs the event if its level is wanted.
    func log(_ event: LogEvent) {
        guard event.level >= level else { return }
        write(event)
    }

    func debug(_ message: String, _ fields: [(name: String, value: LogValue)] = []) {
        log(LogEvent(.debug, message, fields: fields))
    }

    func info(_ message: String, _ fields: [(name: String, value: LogValue)] = []) {
        log(LogEvent(.info, message, fields: fields))
    }

    func warning(_ message: String, _ fields: [(name: String, value: LogValue)] = []) {
        log(LogEvent(.warning, message, fields: fields))
    }

    func error(_ message: String, _ fields: [(name: String, value: LogValue)] = []) {
        log(LogEvent(.error, message, fields: fields))
    }

    /// Returns when every event logged before is written; before the process exits.
    func flush() { writer.flush() }

    /// Flushes and ends the log's thread; events after it are dropped.
    func close() { writer.close() }

    private func write(_ event: LogEvent) {
        let now = clock()
        writer.append(isUrgent: event.level >= .warning) { line in
            formatter.append(event, milliseconds: now, to: &line)
        }
    }
}
