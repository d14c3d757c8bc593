import Testing

/// The rules of style that a machine can hold. Patterns are put together from pieces, so that this file passes them.
@Suite struct TidyTests {
    private let tree = SourceTree.repository

    @Test func theTreeWasFound() {
        #expect(tree.sources.count > 20)
        #expect(tree.files.contains { $0.path == "README.md" })
        #expect(tree.files.contains { $0.path == "docs/operating.md" })
    }

    @Test func functionsAreShort() {
        for file in tree.swift {
            for function in scanFunctions(file.code) where function.lineCount > 100 {
                Issue.record("\(file.path):\(function.line): \(function.name) has \(function.lineCount) lines of 100")
            }
        }
    }

    @Test func filesAreShort() {
        for file in tree.swift where file.lines.count > 1000 {
            Issue.record("\(file.path) has \(file.lines.count) lines of 1000")
        }
    }

    @Test func nothingForbiddenInTheSources() {
        expectNone("try" + "!", in: tree.sources, "handle the error")
        for file in tree.sources {
            for (line, imported) in imports(file) where imported == "Foundation" {
                Issue.record("\(file.path):\(line): Foundation is too large; FoundationEssentials will do")
            }
        }
    }

    @Test func onlyTheCommandLinePrints() {
        let others = tree.sources.filter { !$0.path.hasPrefix("Sources/chat-server/CommandLine/") }
        for file in others {
            for (index, line) in file.code.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            where callsPrint(line) {
                Issue.record("\(file.path):\(index + 1): prints outside the command line")
            }
        }
    }

    @Test func nothingIsLeftForLater() {
        for mark in ["TO" + "DO", "FIX" + "ME", "XX" + "X"] {
            for file in tree.files where file.path != "LICENSE" {
                for (index, line) in file.lines.enumerated() where containsWord(mark, line) {
                    Issue.record("\(file.path):\(index + 1): \(mark)")
                }
            }
        }
    }

    @Test func noPathOfAMachine() {
        for path in ["/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", ".lib" + "rary/"] {
            expectNone(path, in: tree.files, "a path of one machine")
        }
    }

    @Test func theReadmeIsShort() throws {
        let readme = try #require(tree.files.first { $0.path == "README.md" })
        #expect(readme.lines.count <= 151)
        #expect(readme.text.contains("make run"))
        #expect(readme.text.contains("make test"))
    }

    /// docs/ARCHITECTURE.md: chat-server → (ChatAPI, Events) → (Agents, HTTPTransport, SocketIO, ChatEngine, …) → LogStore.
    @Test func importsPointDownwards() {
        let layers = [
            "LogStore", "HTTPTransport", "SocketIO", "Upstream", "Kafka", "ChatEngine", "Agents", "Events",
            "ChatAPI", "chat_server",
        ]
        let allowed: [String: Set<String>] = [
            "LogStore": [], "HTTPTransport": [], "SocketIO": ["HTTPTransport"], "Upstream": [], "Kafka": [],
            "ChatEngine": ["LogStore"],
            "Agents": ["Upstream", "ChatEngine", "LogStore"],
            "Events": ["HTTPTransport", "Kafka", "Upstream", "ChatEngine", "LogStore"],
            "ChatAPI": ["Agents", "HTTPTransport", "SocketIO", "Upstream", "ChatEngine", "LogStore"],
            "chat-server": [
                "Agents", "ChatAPI", "Events", "HTTPTransport", "SocketIO", "Upstream", "ChatEngine", "LogStore",
            ],
        ]
        for file in tree.sources {
            let module = String(file.path.split(separator: "/")[1])
            guard let below = allowed[module] else {
                Issue.record("\(file.path): the module \(module) is not in the list of layers")
                continue
            }
            for (line, imported) in imports(file) where layers.contains(imported) && !below.contains(imported) {
                Issue.record("\(file.path):\(line): \(module) must not import \(imported)")
            }
        }
    }

    @Test func everyPackageIsInstalledByTheScript() throws {
        let manifest = try #require(tree.files.first { $0.path == "Package.swift" })
        let script = try #require(tree.files.first { $0.path == "scripts/install-dependencies.sh" })
        let parts = manifest.text.split(separator: ".apt([\"").dropFirst()
        #expect(parts.count > 4)
        for part in parts {
            let package = part.prefix { $0 != "\"" }
            #expect(script.text.contains("\"\(package)|"), "\(package)")
        }
    }

    private func expectNone(_ pattern: String, in files: [SourceTree.File], _ reason: String) {
        for file in files {
            for (index, line) in file.lines.enumerated() where line.contains(pattern) {
                Issue.record("\(file.path):\(index + 1): \(pattern): \(reason)")
            }
        }
    }
}

/// The module of every import, with its line.
private func imports(_ file: SourceTree.File) -> [(line: Int, module: String)] {
    var found: [(Int, String)] = []
    for (index, line) in file.code.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let words = line.split(separator: " ")
        guard let place = words.firstIndex(of: "import"), place + 1 < words.count,
            words[..<place].allSatisfy({
                ["package", "internal", "private", "public", "fileprivate"].contains($0) || $0.hasPrefix("@")
            })
        else { continue }
        let kinds: [Substring] = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        let name = kinds.contains(words[place + 1]) && place + 2 < words.count ? words[place + 2] : words[place + 1]
        found.append((index + 1, String(name.prefix { $0 != "." })))
    }
    return found
}

private func callsPrint(_ line: Substring) -> Bool {
    guard let range = line.firstRange(of: "print(") ?? line.firstRange(of: "debugPrint(") else { return false }
    guard range.lowerBound > line.startIndex else { return true }
    let before = line[line.index(before: range.lowerBound)]
    return !(before.isLetter || before.isNumber || before == "_") && !line.contains("func print(")
}

private func containsWord(_ word: String, _ line: Substring) -> Bool {
    line.ranges(of: word).contains { range in
        let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : " "
        let after = range.upperBound < line.endIndex ? line[range.upperBound] : " "
        return !before.isLetter && !after.isLetter && before != "-" && after != "-"
    }
}

/// The scanner itself: a tidy suite that sees nothing would pass everything.
@Suite struct SwiftScannerTests {
    @Test func commentsAndTextsAreBlanked() {
        let code = blankedCode(
            #"""
            a // func f() {
            /* b /* nested */ func g() { */ c
            let s = "func \(x("}")) {" + """
              func h() {
              """ + #"raw " \ func"# ; d
            """#)
        #expect(!code.contains("func"))
        #expect(code.contains("a ") && code.contains(" c\n") && code.contains("; d"))
        #expect(code.count(where: { $0 == "\n" }) == 4)
    }

    @Test func functionsAndTheirLengths() {
        let functions = scanFunctions(
            blankedCode(
                """
                protocol P {
                    func requirement() -> Int
                    init(a: Int)
                }
                struct S {
                    init() { self.init(a: 1) }
                    func f(
                        _ body: () -> Void = {},
                        b: Int
                    ) throws -> Int
                    where T: P {
                        if true {
                            return "}"
                        }
                    }
                    subscript(i: Int) -> Int { i }
                    deinit {
                    }
                }
                """))
        #expect(
            functions == [
                ScannedFunction(name: "init", line: 6, lineCount: 1),
                ScannedFunction(name: "func f", line: 7, lineCount: 9),
                ScannedFunction(name: "subscript", line: 16, lineCount: 1),
                ScannedFunction(name: "deinit ", line: 17, lineCount: 2),
            ])
    }

    @Test func aLongFunctionIsSeen() {
        let body = String(repeating: "    x += 1\n", count: 99)
        #expect(scanFunctions("func f() {\n\(body)}\n").map(\.lineCount) == [101])
    }
}
