import ChatEngine
import LogStore
import Testing

@Suite struct TextTests {
    static let titles: [(String, String)] = [
        ("", "New Chat"), ("   ", "New Chat"), (String(repeating: " ", count: 51), "New Chat"),
        ("Hello, ORION!", "Hello, ORION!"),
        ("\u{FEFF}\u{A0}\u{2028} x \u{3000}", "x"), ("  a\nb  ", "a\nb"),
        (String(repeating: "b", count: 50), String(repeating: "b", count: 50)),
        (String(repeating: "b", count: 51), String(repeating: "b", count: 50) + "..."),
        ("  " + String(repeating: "c", count: 49), String(repeating: "c", count: 49) + "..."),
        (String(repeating: "x", count: 49) + " y", String(repeating: "x", count: 49) + " ..."),
        (String(repeating: "x", count: 49) + "😀z", String(repeating: "x", count: 49) + "\u{FFFD}..."),
        (String(repeating: "😀", count: 25), String(repeating: "😀", count: 25)),
        (String(repeating: "😀", count: 26), String(repeating: "😀", count: 25) + "..."),
        (String(repeating: "é", count: 51), String(repeating: "é", count: 50) + "..."), ("\u{200B}x", "\u{200B}x"),
    ]

    @Test(arguments: titles) func derivesTitles(_ text: String, _ title: String) {
        #expect(SessionTitle.derived(from: UTF8Text(text)).string == title)
    }

    static let integers: [(String, Int?)] =
        [
            ("1", 1), ("2.9", 2), ("2abc", 2), ("1e3", 1), ("0x10", 16), ("0X1f", 31), ("+1", 1), (" 1", 1),
            ("\u{A0}\n7", 7),
            ("-1", -1), ("-0", 0), ("0", 0), ("007", 7), ("", nil), (" ", nil), ("abc", nil), ("+", nil), ("--1", nil),
            ("0x", nil),
            ("x1", nil), ("٣", nil), ("100000000000000000000", Int.max), ("1,2", 1), ("Infinity", nil), ("0b11", 0),
            (".5", nil),
        ] as [(String, Int?)]

    @Test(arguments: integers) func parsesIntegers(_ text: String, _ value: Int?) {
        #expect(JavaScriptInteger.parse(text) == value)
    }

    static let dates: [(String, Int64)] =
        [
            ("1970-01-01", 0), ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2026-11-21T08:22:10.625Z", 1_795_249_330_625_000),
            ("2026-11-21T10:22:10.625+02:00", 1_795_249_330_625_000),
            ("2026-11-21t08:22:10.625z", 1_795_249_330_625_000), ("2024-02-29", 1_709_164_800_000_000),
            ("2000-02-29T23:59:59-05:30", 951_888_599_000_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59.9999999Z", 253_402_300_799_999_999),
        ] as [(String, Int64)]

    @Test(arguments: dates) func parsesDates(_ text: String, _ microseconds: Int64) {
        #expect(Calendar.parse(text)?.microseconds == microseconds)
    }

    static let badDates: [String] = [
        "", "not-a-date", "2025-13-45", "2025-02-29", "1900-02-29", "2025-00-10", "2025-10-00", "2025-04-31",
        "2025-1-1", "20251006",
        "10/06/2025", "today", "infinity", "1733000000000", "2025-10-06T10:00:00", "2025-10-06T10:00Z",
        "2025-10-06 10:00:00Z",
        "2025-10-06T24:00:00Z", "2025-10-06T10:60:00Z", "2025-10-06T10:00:61Z", "2025-10-06T10:00:00.Z",
        "2025-10-06T10:00:00 02:00",
        "2025-10-06T10:00:00+0200", "2025-10-06T10:00:00+24:00", "2025-10-06T10:00:00Zx", "2025-10-06T", "-2025-10-06",
        "２025-10-06",
        "2025-10-06T10:00:00+02", " 2025-10-06",
    ]

    @Test(arguments: badDates) func refusesDates(_ text: String) {
        #expect(Calendar.parse(text) == nil)
    }

    /// Printing and parsing are inverse on every day of 400 years and at odd times.
    @Test func printsDates() {
        var day: Int64 = -80_000
        while day < 80_000 {
            let time = Timestamp(microseconds: day * 86_400_000_000 + 45_296_123_456)
            #expect(
                Calendar.parse(time.isoMilliseconds)?.microseconds == time.microseconds / 1000 * 1000
                    - (time.microseconds < 0 && time.microseconds % 1000 != 0 ? 1000 : 0))
            var bytes: [UInt8] = []
            bytes.append(isoMicroseconds: time)
            #expect(Calendar.parse(String(decoding: bytes, as: UTF8.self)) == time)
            day += 97
        }
        #expect(Timestamp(microseconds: 1_795_249_330_625_999).isoMilliseconds == "2026-11-21T08:22:10.625Z")
    }
}

@Suite struct MessageIDTests {
    static let texts: [String] = [
        "msg_1759613274353_bzwr0k14l", "msg_1759613274353_00000000000", "msg_0_a", "msg_01_a", "msg_1_", "msg__a",
        "msg_1759613274353_ABC",
        "msg_1759613274353_1234567890123", "msg_9999999999999999_a", "0f8fad5b-d9cb-469f-a165-70867728950e",
        "0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5bd9cb469fa16570867728950e", "", "anything at all 😀",
        "msg_1_a_b", "session_1_a",
        "msg_999999999999999_zzzzzzzzzzzz", "00000000-0000-0000-0000-000000000000",
    ]

    @Test(arguments: texts) func survivesAnyText(_ text: String) throws {
        let id = MessageID(text)
        #expect(id.string == text)
        // And through the stored form.
        let decoded = try StoredForm.roundTrip(Message(id: id, role: .user, content: "x"))
        #expect(decoded.id.string == text)
    }

    @Test func choosesCompactForms() {
        if case .timed = MessageID("msg_1759613274353_bzwr0k14l") {} else { Issue.record("not compact") }
        if case .uuid = MessageID("0f8fad5b-d9cb-469f-a165-70867728950e") {} else { Issue.record("not compact") }
        if case .verbatim = MessageID("msg_01_a") {} else { Issue.record("a leading zero would be lost") }
    }
}
