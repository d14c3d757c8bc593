import Glibc

/// The repository's own text files, as the tidy tests read them.
struct SourceTree {
    struct File: Sendable {
        /// From the repository's root.
        let path: String
        let text: String

        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        /// The text with comments and the insides of string literals as blanks; line ends stay.
        var code: String { blankedCode(text) }
    }

    let files: [File]

    var swift: [File] { files.filter { $0.path.hasSuffix(".swift") } }
    var sources: [File] { swift.filter { $0.path.hasPrefix("Sources/") } }

    /// Read once from the repository that this file belongs to.
    static let repository: SourceTree = {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        var files: [File] = []
        for entry in ["Sources", "Tests", "docs", "scripts", ".ci", "Benchmarks"] {
            collect(root: root, path: entry, into: &files)
        }
        for name in names(of: root) where !name.hasPrefix(".") || name.hasPrefix(".swift-format") {
            if let text = read(root + "/" + name) { files.append(File(path: name, text: text)) }
        }
        return SourceTree(files: files.sorted { $0.path < $1.path })
    }()

    private static func collect(root: String, path: String, into files: inout [File]) {
        for name in names(of: root + "/" + path) where name != ".build" {
            let inner = path + "/" + name
            if let text = read(root + "/" + inner) {
                files.append(File(path: inner, text: text))
            } else {
                collect(root: root, path: inner, into: &files)
            }
        }
    }

    private static func names(of directory: String) -> [String] {
        guard let entries = opendir(directory) else { return [] }
        defer { closedir(entries) }
        var names: [String] = []
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// nil for a directory, or what is no UTF-8 text (golden stores).
    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { return String(validating: bytes, as: UTF8.self) ?? "" }
            bytes += chunk[..<count]
        }
    }
}
