internal import ChatEngine
internal import Glibc
internal import LogStore

extension Verb {
    /// Reads what `export` wrote.
    static let importLines = Verb(
        "import", "read sessions and messages from JSON lines",
        positionals: [.place, Positional("FILE", isRequired: false, "what `export` wrote; else stdin")],
        notes: [
            "Makes the directory and the store where they are missing. What is there stays; a session's state follows the "
                + "file if the file's is newer. The same file again changes nothing, and an import that was cut short is "
                + "finished by doing it again.",
            "It brings back what the file has, erased data too: erase it again where that matters.",
        ]
    ) { invocation throws(CommandFailure) in
        let positionals = invocation.arguments.positionals
        var source = try ImportSource(path: positionals.count > 1 ? positionals[1] : nil)
        let report = try AdminTarget.run(positionals[0], mayMake: true) { target throws(CommandFailure) in
            try run(&source, target)
        }
        invocation.console.output(
            "imported \(report.sessions) sessions, \(report.messages) messages and \(report.documents) documents; "
                + "\(report.present) lines were there already, \(report.skipped) were skipped")
        guard source.hasEnd else {
            throw CommandFailure(.failure, "the file ends without its last line: the export it is from was cut short")
        }
        return .success
    }

    private static func run(
        _ source: inout ImportSource, _ target: AdminTarget
    ) throws(CommandFailure) -> ImportReport {
        var report = ImportReport()
        var progress = Progress("lines")
        defer { progress.finish() }
        while let piece = try source.next() {
            report += try send(piece, source.linesBefore, target)
            progress.update(count: source.lines, share: source.share)
        }
        return report
    }

    private static func send(
        _ piece: [UInt8], _ linesBefore: Int, _ target: AdminTarget
    ) throws(CommandFailure) -> ImportReport {
        switch target {
        case .directory(let directory, let engine):
            do throws(ImportError) {
                return try engine.importLines(piece, .operator)
            } catch {
                switch error {
                case .line(let line, let reason):
                    throw CommandFailure(.failure, "line \(linesBefore + line) \(reason)")
                case .store(let error):
                    throw CommandFailure(.failure, "\(directory): \(OperationRefusal(error).reason)")
                }
            }
        case .server(let client):
            let (reply, body) = try client.send("POST", "/import", contentType: "application/x-ndjson", body: piece)
            let answer = try? JSONValue(parsing: body)
            if let line = answer?["line"]?.number, let reason = answer?["error"]?.string {
                throw CommandFailure(.failure, "line \(linesBefore + Int(line)) \(reason)")
            }
            guard reply.status == 200, let answer else { throw target.refusal(reply.status, answer) }
            func count(_ name: String) -> Int { Int(answer[name]?.number ?? 0) }
            var report = ImportReport()
            report.sessions = count("sessions")
            report.messages = count("messages")
            report.documents = count("documents")
            report.present = count("present")
            report.skipped = count("skipped")
            return report
        }
    }
}

/// The lines of a file in pieces of whole lines.
struct ImportSource {
    /// Lines of the pieces before the newest one, and with it.
    private(set) var linesBefore = 0
    private(set) var lines = 0
    /// Whether the last line so far is the one that ends an export.
    private(set) var hasEnd = false

    private let descriptor: Int32
    private let path: String
    /// Of a regular file.
    private let totalBytes: Int?
    private var bytes = 0
    private var rest: [UInt8] = []
    private var isAtEnd = false

    private static let pieceBytes = 512 << 10

    init(path: String?) throws(CommandFailure) {
        self.path = path ?? "stdin"
        if let path, path != "-" {
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw CommandFailure(.failure, "\(path) cannot be read: \(String(cString: strerror(errno)))")
            }
        } else {
            descriptor = STDIN_FILENO
        }
        var information = stat()
        let isFile = fstat(descriptor, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
        totalBytes = isFile ? Int(information.st_size) : nil
    }

    var share: Double? { totalBytes.map { Double(bytes) / Double(max(1, $0)) } }

    /// - Returns: nil at the end.
    mutating func next() throws(CommandFailure) -> [UInt8]? {
        var end: Int?
        while end == nil {
            if rest.count >= Self.pieceBytes || isAtEnd { end = rest.lastIndex(of: 0x0A).map { $0 + 1 } }
            if isAtEnd {
                // A last line without its end is a line all the same.
                end = rest.count
            } else if end == nil {
                guard rest.count <= AdminOperations.bodyBytes else {
                    throw CommandFailure(.failure, "line \(lines + 1) of \(path) is too long")
                }
                try fill()
            }
        }
        guard let end, end > 0 else { return nil }
        let piece = Array(rest[..<end])
        rest.removeFirst(end)
        bytes += end
        linesBefore = lines
        lines += piece.count { $0 == 0x0A } + (piece.last == 0x0A ? 0 : 1)
        let lastLine = piece.dropLast(piece.last == 0x0A ? 1 : 0).split(separator: 0x0A).last ?? []
        hasEnd = lastLine.starts(with: #"{"type":"end""#.utf8)
        return piece
    }

    private mutating func fill() throws(CommandFailure) {
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(.failure, "\(path) cannot be read: \(String(cString: strerror(errno)))")
            }
            isAtEnd = count == 0
            rest += piece[..<count]
            return
        }
    }
}
