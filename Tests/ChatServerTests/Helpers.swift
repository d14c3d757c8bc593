import Glibc
import Synchronization

@testable import chat_server

/// Lines that somebody wrote, from any thread.
final class Lines: Sendable {
    private let lines = Mutex("")

    func append(_ line: String, lineEnd: String = "\n") { lines.withLock { $0 += line + lineEnd } }
    var text: String { lines.withLock { $0 } }
}

/// Threads of the test's own: the parallel test runner has too few to block.
enum Threads {
    private final class Job: Sendable {
        let body: @Sendable (Int) -> Void
        let index: Int
        init(_ index: Int, _ body: @escaping @Sendable (Int) -> Void) {
            self.index = index
            self.body = body
        }
    }

    /// Runs `body` on `count` threads at once and returns when all have ended.
    static func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let threads = (0..<count).map { index in
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { argument in
                    let job = Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue()
                    job.body(job.index)
                    return nil
                }, Unmanaged.passRetained(Job(index, body)).toOpaque())
            return thread
        }
        for thread in threads { pthread_join(thread, nil) }
    }
}

/// A directory of the test's own, removed with its files at the end.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/chat-server-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TemporaryDirectoryError(code: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    struct TemporaryDirectoryError: Error { let code: Int32 }

    func write(_ text: String, to name: String, mode: mode_t) throws {
        try write(Array(text.utf8), to: name, mode: mode)
    }

    func write(_ bytes: [UInt8], to name: String, mode: mode_t = 0o600) throws {
        let descriptor = open(path + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0, writeAll(bytes, to: descriptor) else {
            throw TemporaryDirectoryError(code: errno)
        }
        close(descriptor)
    }

    deinit {
        if let entries = opendir(path) {
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(entries)
        }
        rmdir(path)
    }
}
