internal import Glibc

/// A directory of its own for one test, gone with the value.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/chat-server-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("mkdtemp below \(base): errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    /// Depth first, without following links. What cannot be removed stays.
    private static func remove(_ path: String) {
        // Only of a directory does the attempt to unlink fail with these, so links and files are gone here.
        guard unlink(path) != 0, errno == EISDIR || errno == EPERM else { return }
        for name in names(path) { remove(path + "/" + name) }
        rmdir(path)
    }

    private static func names(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
