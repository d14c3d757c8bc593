import Testing

@testable import chat_server

@Suite struct JSON5ParserTests {
    typealias Content = JSON5Parser.Content

    @Test func theForms() throws {
        let value = try JSON5Parser.parse(
            """
            // a comment
            {
              unquoted: 'and you can "quote" me', "a-b": [1, +2, -.5, 0x1F, -0x10, 2., 1e3,],
              /* over
                 lines */ t: true, f: false, n: null,
              line: "one \\
            two", e: "\\u00e9\\x41\\n\\ud83d\\ude00\\/",
            }
            """)
        guard case .object(let members) = value.content else {
            Issue.record("no object")
            return
        }
        let contents = Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value.content) })
        #expect(contents["unquoted"] == .string("and you can \"quote\" me"))
        guard case .array(let elements) = contents["a-b"] else {
            Issue.record("no list")
            return
        }
        #expect(elements.map(\.content) == ["1", "2", "-.5", "31", "-16", "2.", "1e3"].map { Content.number($0) })
        #expect(contents["t"] == .boolean(true))
        #expect(contents["f"] == .boolean(false))
        #expect(contents["n"] == .null)
        #expect(contents["line"] == .string("one two"))
        #expect(contents["e"] == .string("\u{E9}A\n\u{1F600}/"))
        #expect(members.map(\.line) == [3, 3, 5, 5, 5, 6, 7])
    }

    @Test(arguments: [
        ("", 1, "missing"), ("{", 1, "does not end"), ("{a 1}", 1, "colon"), ("{a:1 b:2}", 1, "comma"),
        ("{a:1}\n}", 2, "after the end"), ("[1\n2]", 2, "comma"), ("{a:1,\na:2}", 2, "again; it was set in line 1"),
        ("\"abc", 1, "does not end"), ("'a\nb'", 1, "does not end"), ("/* \n\n", 1, "does not end"),
        ("{a:yes}", 1, "quotes"),
        ("01", 1, "not a number"), ("1x", 1, "not a number"), ("0x", 1, "not a number"), ("--1", 1, "not a number"),
        ("'\\ud800'", 1, "surrogate"), ("'\\u12'", 1, "hexadecimal"), ("'\\1'", 1, "escape"), ("NaN", 1, "not a value"),
        ("{,}", 1, "unexpected"), ("/", 1, "unexpected"), ("\u{1}", 1, "unexpected"), ("-", 1, "not a number"),
        ("0x-1", 1, "not a number"),
    ])
    func whatIsWrongAndWhere(text: String, line: Int, reason: String) {
        let failure = #expect(throws: JSON5Parser.Failure.self) { try JSON5Parser.parse(text) }
        #expect(failure?.line == line)
        #expect(failure?.reason.contains(reason) == true, "\(failure?.reason ?? "")")
    }

    @Test func nestingIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        let failure = #expect(throws: JSON5Parser.Failure.self) { try JSON5Parser.parse(deep) }
        #expect(failure?.reason == "nested too deeply")
    }

    /// Every prefix of a file and every single damaged byte is an answer or an error, never a trap.
    @Test func damagedInputNeverTraps() {
        let text = "{a:[1,'\\u00e9\\x41\u{E9}'],/*c*/\"b\":{c:0x1F,d:-.5e1},//e\n t:true,}"
        let bytes = Array(text.utf8)
        var runs = 0
        for end in 0...bytes.count {
            _ = try? JSON5Parser.parse(String(decoding: bytes[..<end], as: UTF8.self))
            runs += 1
        }
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var damaged = bytes
                damaged[index] = byte
                _ = try? JSON5Parser.parse(String(decoding: damaged, as: UTF8.self))
                runs += 1
            }
        }
        #expect(runs == bytes.count * 257 + 1)
        #expect((try? JSON5Parser.parse(text)) != nil)
    }
}
