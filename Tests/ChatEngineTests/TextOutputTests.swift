import ChatEngine
import LogStore
import TestSupport
import Testing

/// What replies are written with, against the slowest way that can be read at a glance.
@Suite struct TextOutputTests {
    @Test func everyByteIsEscapedAtEveryPlace() {
        let random = SplitMix64Random(seed: 11)
        for length in 0...80 {
            for _ in 0..<200 {
                let text = (0..<length).map { _ -> UInt8 in
                    // Many of the bytes that need an escape, and of their neighbours; some that are not ASCII.
                    let edges: [UInt8] = [
                        0, 8, 9, 10, 13, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x7F, 0x80, 0xA2, 0xDC, 0xFF,
                    ]
                    return edges[Int(random.next() % UInt64(edges.count))]
                }
                var out: [UInt8] = []
                out.append(jsonString: text)
                #expect(out == Self.escaped(text))
            }
        }
    }

    @Test func longRunsStayWhole() {
        // Whole blocks without an escape, and one byte that needs one at each place.
        for place in 0..<140 {
            var text = [UInt8](repeating: 0x61, count: 140)
            text[place] = place % 2 == 0 ? 0x22 : 0x01
            var out: [UInt8] = []
            out.append(jsonString: text)
            #expect(out == Self.escaped(text))
        }
    }

    private static func escaped(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x22]
        for byte in text {
            switch byte {
            case 0x22: out += #"\""#.utf8
            case 0x5C: out += #"\\"#.utf8
            case 0x08: out += #"\b"#.utf8
            case 0x09: out += #"\t"#.utf8
            case 0x0A: out += #"\n"#.utf8
            case 0x0C: out += #"\f"#.utf8
            case 0x0D: out += #"\r"#.utf8
            case 0..<0x20: out += "\\u00".utf8 + [byte < 16 ? 0x30 : 0x31] + String(byte & 15, radix: 16).utf8
            default: out.append(byte)
            }
        }
        return out + [0x22]
    }

    @Test(arguments: [0, 1, -1, 9, 10, -10, 99, 100, 1_234_567_890_123, Int64.max, Int64.min])
    func decimals(_ value: Int64) {
        var out: [UInt8] = [0x20]
        out.append(decimal: value)
        #expect(String(decoding: out, as: UTF8.self) == " \(value)")
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z"),
            (1_709_251_199_999_999, "2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999999Z"),
            (1_795_286_457_229_001, "2026-11-21T18:40:57.229Z", "2026-11-21T18:40:57.229001Z"),
            (253_402_300_799_000_000, "9999-12-31T23:59:59.000Z", "9999-12-31T23:59:59.000000Z"),
        ] as [(Int64, String, String)])
    func times(_ microseconds: Int64, _ milliseconds: String, _ full: String) {
        var out: [UInt8] = []
        out.append(isoMilliseconds: Timestamp(microseconds: microseconds))
        #expect(String(decoding: out, as: UTF8.self) == milliseconds)
        out = []
        out.append(isoMicroseconds: Timestamp(microseconds: microseconds))
        #expect(String(decoding: out, as: UTF8.self) == full)
    }

    @Test func base36KeepsItsZeros() {
        for (value, width, text) in [
            (0, 1, "0"), (35, 1, "z"), (36, 2, "10"), (36, 9, "000000010"), (1295, 12, "0000000000zz"),
        ] {
            var out: [UInt8] = []
            Base36(random: UInt64(value), width: UInt8(width)).write(to: &out)
            #expect(String(decoding: out, as: UTF8.self) == text)
        }
    }
}
