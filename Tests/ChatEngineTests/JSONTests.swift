import ChatEngine
import Testing

@Suite struct JSONScannerTests {
    /// Texts that RFC 8259 allows: the classes that public suites test, in our own words.
    static let accepted: [String] = [
        "null", "true", "false", "0", "-0", "7", "-1", "1.5", "1e3", "1E+3", "1e-3", "0e1", "0.5e0",
        "123456789012345678901234",
        "1e400", "-1e-400", "\"\"", "\"a\"", " 1 ", "\t\n\r1\r\n", "[]", "[ ]", "[[]]", "[1]", "[1,2]", "[ 1 , 2 ]",
        "[null]",
        "[true,false]", "[[1],[2]]", "{}", "{ }", "{\"\":0}", "{\"a\":1}", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":[{}]}}",
        "{ \"a\" : 1 , \"b\" : 2 }", #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0000""#, #""\u0061""#,
        #""\uD83D\uDE00""#, #""\ud800""#, #""\udc00""#, #""\udc00\ud800""#, #""\\u0000""#, "\"\u{7F}\"", "\"é\"",
        "\"€\"",
        "\"😀\"", "\"\u{2028}\"", "\"\u{FFFF}\"", "\"\u{FEFF}\"", #"["a\\","b"]"#, #"{"\u0061":1}"#, "[0.1,-0.1]",
        "[1e00]", "[-0.0]", "[[[[[[[[]]]]]]]]", "\"asd \"", #""\u005C""#, #""\u0022""#,
    ]
    static let rejected: [String] = [
        "", " ", "nul", "nulL", "True", "truE", "fals", "NaN", "Infinity", "-", "+1", "01", "-01", ".5", "1.", "1.e1",
        "1e",
        "1e+", "1ea", "0x1", "1_000", "1 000", "--1", "\"", "\"a", "'a'", "\"\\\"", #""\a""#, #""\u""#, #""\u12""#,
        #""\u123g""#,
        #""\x41""#, #""\U0041""#, "\"\n\"", "\"\t\"", "\"\u{0}\"", "\"\u{1F}\"", "[", "]", "[1", "[1,", "[1,]", "[,1]",
        "[,]",
        "[1,,2]", "[1 2]", "[1;2]", "[1}", "[[1]", "{", "}", "{]", "{1:2}", "{a:1}", "{'a':1}", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1,,\"b\":2}", "{,}", "{\"a\" 1}", "{\"a\"::1}", "{\"a\":1 \"b\":2}", "{\"a\":1", "{\"a\":1]", "1 2",
        "{}{}", "[]]",
        "[1]x", "nulll", "\"a\"\"b\"", "// c\n1", "/* c */1", "1 // c", "\u{FEFF}1", "\u{A0}1", "\u{C}1", "\u{B}1",
        "[1]#",
        "undefined", "[\"\\\"]", "{\"a\":tru}", "@", "\\u0031", "[\u{0}]",
    ]

    @Test(arguments: accepted) func accepts(_ text: String) throws {
        let bytes = Array(text.utf8)
        var scanner = JSONScanner(bytes.span)
        _ = try scanner.document()
        // What is accepted can be built, and its compact text means the same.
        let value = try JSONValue(parsing: bytes)
        #expect(try JSONValue(parsing: value.serialized).serialized == value.serialized)
    }

    @Test(arguments: rejected) func rejects(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: JSONError.self) {
            var scanner = JSONScanner(bytes.span)
            _ = try scanner.document()
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    /// Every prefix of a valid document is rejected, never a trap.
    @Test func rejectsEveryPrefix() throws {
        let text = Array(#"{"a":[1,-2.5e+3,"x\u00e9\ud83d\ude00\n",true,false,null,{"b":{}}]}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text[..<length])) }
        }
        _ = try JSONValue(parsing: text)
    }

    /// Every single changed byte is accepted or rejected by scanner and tree alike.
    @Test func agreesOnEveryMutation() {
        let text = Array(#"{"a":[1,-2.5e3,"x\u00e9"],"b":null}"#.utf8)
        var accepted = 0
        for index in text.indices {
            for byte in UInt8(0)..<0x80 {
                var changed = text
                changed[index] = byte
                guard let value = try? JSONValue(parsing: changed) else { continue }
                accepted += 1
                #expect((try? JSONValue(parsing: value.serialized)) == value)
            }
        }
        #expect(accepted > 500)
    }

    static let errorPlaces: [(String, JSONError)] = [
        ("", JSONError(.unexpectedEnd, at: 0)), ("{\"userId\":", JSONError(.unexpectedEnd, at: 10)),
        ("[1,]", JSONError(.unexpectedByte(UInt8(ascii: "]")), at: 3)), ("{}x", JSONError(.trailingText, at: 2)),
        ("\"\u{1}\"", JSONError(.controlCharacter, at: 1)), (#""\q""#, JSONError(.badEscape, at: 2)),
        ("-x", JSONError(.badNumber, at: 1)),
    ]

    @Test(arguments: errorPlaces) func placesErrors(_ text: String, _ expected: JSONError) {
        #expect(throws: expected) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test func holdsItsLimits() throws {
        let limits = JSONLimits(depth: 3, bytes: 20)
        _ = try JSONValue(parsing: Array("[[[1]]]".utf8), limits: limits)
        #expect(throws: JSONError(.tooDeep, at: 3)) { try JSONValue(parsing: Array("[[[[1]]]]".utf8), limits: limits) }
        #expect(throws: JSONError(.tooDeep, at: 3)) {
            try JSONValue(parsing: Array(#"[[[{"a":1}]]]"#.utf8), limits: limits)
        }
        #expect(throws: JSONError(.tooLarge, at: 20)) {
            try JSONValue(parsing: Array(repeating: 0x20, count: 20) + [0x31], limits: limits)
        }
        // Far beyond any stack: a hundred thousand brackets are refused, not followed.
        #expect(throws: JSONError(.tooDeep, at: 512)) { try JSONValue(parsing: Array(repeating: 0x5B, count: 100_000)) }
    }

    static let contents: [(String, JSONToken.Contents)] = [
        (#""\u0000""#, JSONToken.Contents([.escape, .nul])), (#""\ud800""#, [.escape, .loneSurrogate]),
        (#""\ud83d\ude00""#, [.escape]), (#""\ud83dx\ude00""#, [.escape, .loneSurrogate]),
        (#""\ud83d\ud83d\ude00""#, [.escape, .loneSurrogate]), (#""\ude00""#, [.escape, .loneSurrogate]),
        (#"{"a":["\ud800"]}"#, [.escape, .loneSurrogate, .elements]), ("[]", []), ("[0]", [.elements]),
        ("1.5", [.fraction]),
        (#""\\ud800""#, [.escape]), (#""\ud83d\n\ude00""#, [.escape, .loneSurrogate]),
    ]

    @Test(arguments: contents) func reportsContents(_ text: String, _ expected: JSONToken.Contents) throws {
        let bytes = Array(text.utf8)
        var scanner = JSONScanner(bytes.span)
        #expect(try scanner.document().contents == expected)
    }
}

@Suite struct JSONValueTests {
    static let printed: [(String, String)] = [
        (#"{"b":1,"a":2,"b":3}"#, #"{"b":3,"a":2}"#), (#"{"\u0061":1,"a":2}"#, #"{"a":2}"#), ("1.0", "1"), ("-0", "0"),
        ("1e400", "null"), ("-1e400", "null"), ("12345678901234567890", "12345678901234567000"), ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"), ("123456789012345680000", "123456789012345680000"), ("1e-6", "0.000001"),
        ("1e-7", "1e-7"), ("1.5e-9", "1.5e-9"), ("0.1", "0.1"), ("0.30000000000000004", "0.30000000000000004"),
        ("5e-324", "5e-324"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740993", "9007199254740992"),
        ("-1.25", "-1.25"), ("100", "100"), ("1.50", "1.5"), ("123.456e5", "12345600"), ("4.35", "4.35"),
        ("9999999999999999999999", "1e+22"), ("-1e-7", "-1e-7"), ("0.00001234", "0.00001234"),
        ("1.2345678901234567e25", "1.2345678901234566e+25"),
        (#""\u0041\u00e9\ud83d\ude00\/""#, #""Aé😀/""#), (#""\ud800x""#, "\"\u{FFFD}x\""),
        (#""\u0001\b\t\n\f\r\"\\""#, #""\u0001\b\t\n\f\r\"\\""#),
        ("\"\u{7F}\u{2028}<>&\"", "\"\u{7F}\u{2028}<>&\""), ("[ 1 , [ ] , { } ]", "[1,[],{}]"),
        ("[null,true,false]", "[null,true,false]"),
    ]

    @Test(arguments: printed) func printsAsJavaScript(_ text: String, _ expected: String) throws {
        let value = try JSONValue(parsing: Array(text.utf8))
        #expect(String(decoding: value.serialized, as: UTF8.self) == expected)
    }

    @Test func keepsKeysApartThatOnlyLookAlike() throws {
        let value = try JSONValue(parsing: Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))
        #expect(value.serialized == Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))
    }

    @Test func findsMembersOfLargeObjects() throws {
        var text = "{"
        for index in 0..<2000 { text += "\"k\(index % 1000)\":\(index)," }
        text.removeLast()
        let value = try JSONValue(parsing: Array((text + "}").utf8))
        guard case .object(let object) = value else { throw JSONError(.badNumber, at: 0) }
        #expect(object.count == 1000)
        #expect(object.keys[999] == "k999")
        #expect(value["k7"]?.number == 1007)
    }

    static let ordered: [(String, String)] = [
        (#"{"provider":"deepseek","tokens":3}"#, #"{"tokens":3,"provider":"deepseek"}"#),
        (#"{"b":1,"aa":2,"a":3,"B":4}"#, #"{"B":4,"a":3,"b":1,"aa":2}"#),
        (#"{"x":1,"10":2,"9":3,"01":4,"-1":5}"#, #"{"9":3,"10":2,"x":1,"-1":5,"01":4}"#),
        (#"{"4294967295":1,"4294967294":2}"#, #"{"4294967294":2,"4294967295":1}"#),
        (#"{"a":[{"bb":1,"c":2}],"":0}"#, #"{"":0,"a":[{"c":2,"bb":1}]}"#),
        (#"{"é":1,"zz":2,"z":3}"#, #"{"z":3,"zz":2,"é":1}"#),
        (#"{"a":1.0,"a":2}"#, #"{"a":2}"#), ("{}", "{}"),
        (#"{"b":1,"a":1.0,"\u0061":2.50,"b":{"d":-0,"c":1e2}}"#, #"{"a":2.5,"b":{"c":100,"d":0}}"#),
        (#" { "b" : [ ] , "a" : [ 1 , null , true , "x y" ] } "#, #"{"a":[1,null,true,"x y"],"b":[]}"#),
        (#"{"a":"\/\u0041\n\"\u00e9","\"":"}"}"#, #"{"\"":"}","a":"/A\n\"é"}"#), ("[]", "[]"),
        (#"[[{"bb":{},"a":-1}],12345678901234567890]"#, #"[[{"a":-1,"bb":{}}],12345678901234567000]"#),
    ]

    @Test(arguments: ordered) func ordersAsJSONB(_ text: String, _ expected: String) throws {
        let canonical = JSONBOrder.canonical(Array(text.utf8))
        #expect(String(decoding: canonical, as: UTF8.self) == expected)
        #expect(try JSONValue(parsing: canonical) == JSONValue(parsing: Array(expected.utf8)))
    }

    @Test func validatesRawDocuments() throws {
        #expect(try RawJSON(validating: Array(#"{"a":1}"#.utf8)).bytes.count == 7)
        #expect(throws: JSONError.self) { try RawJSON(validating: Array("{a}".utf8)) }
    }

    static let sequences: [([UInt8], Bool)] =
        [
            ([0x61], true), ([0xC3, 0xA9], true), ([0xE2, 0x82, 0xAC], true), ([0xF0, 0x9F, 0x98, 0x80], true),
            ([0xF4, 0x8F, 0xBF, 0xBF], true), ([0xEF, 0xBF, 0xBF], true), ([0xC0, 0x80], false), ([0xC1, 0xBF], false),
            ([0xE0, 0x9F, 0xBF], false), ([0xED, 0xA0, 0x80], false), ([0xF0, 0x8F, 0xBF, 0xBF], false),
            ([0xF4, 0x90, 0x80, 0x80], false), ([0xF5, 0x80, 0x80, 0x80], false), ([0x80], false), ([0xC3], false),
            ([0xE2, 0x82], false), ([0xF0, 0x9F, 0x98], false), ([0xFF], false), ([0xC3, 0x28], false),
            ([0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0xFE], false), ([], true),
        ] as [([UInt8], Bool)]

    @Test(arguments: sequences) func checksUTF8(_ bytes: [UInt8], _ isValid: Bool) {
        #expect(UTF8Validation.isValid(bytes) == isValid)
        #expect(UTF8Validation.isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil))
        #expect(UTF8Validation.isValid(UTF8Validation.repaired(bytes)))
    }
}
