import Glibc
import Testing

@testable import chat_server

/// docs/operating.md holds what the program prints.
@Suite struct DocumentTests {
    @Test(arguments: ["settings", "exit-codes"])
    func tablesAreThoseOfTheCode(name: String) throws {
        let table = name == "settings" ? SettingsDocument.table : SettingsDocument.exitCodes
        let document = try readDocument("docs/operating.md")
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex { $0.hasPrefix("<!-- \(name):begin") })
        let end = try #require(lines.firstIndex { $0.hasPrefix("<!-- \(name):end") })
        #expect(lines[(begin + 1)..<end].joined(separator: "\n") == table, "run `chat-server help settings`")
    }

    @Test func ignoredVariablesAreNamed() throws {
        let document = try readDocument("docs/operating.md")
        for name in Setting.ignoredVariables { #expect(document.contains("`\(name)`")) }
    }

    @Test func everyVerbIsInTheReadme() throws {
        let readme = try readDocument("README.md")
        for verb in Verb.all { #expect(readme.contains("`\(verb.name)"), "\(verb.name)") }
    }

    private func readDocument(_ path: String) throws -> String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let descriptor = open(root + "/" + path, O_RDONLY)
        try #require(descriptor >= 0, "cannot open \(path)")
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
