import LogStore
import TestSupport
import Testing

@Suite("Byte coding")
struct ByteCodingTests {
    /// One of everything, as the formats use it.
    private struct Sample: Equatable {
        var a: UInt8
        var b: UInt16
        var c: UInt32
        var d: UInt64
        var key: UInt64
        var number: UInt64
        var bytes: [UInt8]
        var text: String
        var tail: [UInt8]

        init(_ random: inout SplitMix64) {
            a = .random(in: 0...(.max), using: &random)
            b = .random(in: 0...(.max), using: &random)
            c = .random(in: 0...(.max), using: &random)
            d = random.next()
            key = random.next() >> 24
            number = random.next() >> UInt64.random(in: 0..<64, using: &random)
            bytes = ByteCodingTests.noise(Int.random(in: 0..<200, using: &random), &random)
            text = String(repeating: "grüße 🦆", count: Int.random(in: 0..<4, using: &random))
            tail = ByteCodingTests.noise(5, &random)
        }

        func encoded() -> [UInt8] {
            var writer = ByteWriter()
            writer.u8(a)
            writer.u16(b)
            writer.u32(c)
            writer.u64(d)
            writer.bigEndian(key, width: 5)
            writer.varint(number)
            writer.lengthPrefixed(bytes)
            writer.lengthPrefixed(text)
            writer.raw(tail)
            return writer.take()
        }

        init(decoding reader: inout ByteReader) throws(ByteReader.Malformed) {
            a = try reader.u8()
            b = try reader.u16()
            c = try reader.u32()
            d = try reader.u64()
            key = try reader.bigEndian(width: 5)
            number = try reader.varint()
            bytes = try reader.lengthPrefixed()
            text = try reader.string()
            tail = try reader.array(5)
        }
    }

    private static func noise(_ count: Int, _ random: inout SplitMix64) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private func decode<R>(
        _ bytes: [UInt8], _ body: (inout ByteReader) throws(ByteReader.Malformed) -> R
    ) -> Result<R, ByteReader.Malformed> {
        do throws(ByteReader.Malformed) {
            return .success(try bytes.read(body))
        } catch {
            return .failure(error)
        }
    }

    private func refusal<R>(
        _ bytes: [UInt8], _ body: (inout ByteReader) throws(ByteReader.Malformed) -> R
    ) -> ByteReader.Malformed? {
        switch decode(bytes, body) {
        case .success: nil
        case .failure(let error): error
        }
    }

    @Test func everythingComesBack() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<500 {
            let sample = Sample(&random)
            let (back, atEnd) = try decode(sample.encoded()) { (reader) throws(ByteReader.Malformed) in
                (try Sample(decoding: &reader), reader.isAtEnd)
            }.get()
            #expect(back == sample)
            #expect(atEnd)
        }
    }

    @Test func truncationAtEveryByteIsAnErrorWithinTheInput() throws {
        var random = SplitMix64(seed: 2)
        for _ in 0..<20 {
            let bytes = Sample(&random).encoded()
            for count in 0..<bytes.count {
                let error = try #require(
                    refusal(Array(bytes[..<count])) { (reader) throws(ByteReader.Malformed) in
                        try Sample(decoding: &reader)
                    })
                #expect(error.offset >= 0 && error.offset <= count)
            }
        }
    }

    @Test func noiseNeverTraps() {
        var random = SplitMix64(seed: 3)
        var refused = 0
        for _ in 0..<20_000 {
            let bytes = Self.noise(Int.random(in: 0..<64, using: &random), &random)
            let error = refusal(bytes) { (reader) throws(ByteReader.Malformed) in try Sample(decoding: &reader) }
            if error != nil { refused += 1 }
        }
        #expect(refused > 15_000)
    }

    static let varints: [(UInt64, [UInt8])] = [
        (0, [0]), (1, [1]), (127, [0x7F]), (128, [0x80, 1]), (300, [0xAC, 2]), (16_383, [0xFF, 0x7F]),
        (UInt64.max, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
    ]

    @Test(arguments: varints)
    func varintsAreLEB128(_ value: UInt64, _ bytes: [UInt8]) throws {
        var writer = ByteWriter()
        writer.varint(value)
        #expect(writer.bytes == bytes)
        let back = decode(bytes) { (reader) throws(ByteReader.Malformed) in try reader.varint() }
        #expect(try back.get() == value)
    }

    static let badVarints: [[UInt8]] = [
        [UInt8](repeating: 0xFF, count: 9) + [2],
        [UInt8](repeating: 0x80, count: 10) + [0],
        [UInt8](repeating: 0xFF, count: 64),
        [0x80],
        [],
    ]

    @Test(arguments: badVarints)
    func badVarintsAreRefused(_ bytes: [UInt8]) {
        #expect(refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.varint() } != nil)
    }

    @Test func lengthsAreCheckedBeforeAnythingIsAllocated() {
        var writer = ByteWriter()
        writer.varint(1 << 62)
        let bytes = writer.take()
        #expect(refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.lengthPrefixed() } != nil)
        #expect(refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.length(limit: 100) } != nil)
        #expect(refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.skip(.max) } != nil)
        #expect(refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.array(-1) } != nil)
        #expect(refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.bigEndian(width: 99) } != nil)
    }

    @Test func stringsMustBeUTF8() {
        let bytes: [UInt8] = [3, 0x61, 0xFF, 0x62]
        let error = refusal(bytes) { (reader) throws(ByteReader.Malformed) in try reader.string() }
        #expect(error == ByteReader.Malformed(offset: 0, what: "UTF-8"))
    }

    @Test func bigEndianNumbersSortAsBytes() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<1000 {
            let pair = (random.next() >> 24, random.next() >> UInt64.random(in: 24..<64, using: &random))
            var (left, right) = (ByteWriter(), ByteWriter())
            left.bigEndian(pair.0, width: 5)
            right.bigEndian(pair.1, width: 5)
            #expect(left.bytes.lexicographicallyPrecedes(right.bytes) == (pair.0 < pair.1))
        }
    }

    @Test func paddingAndPatching() {
        var writer = ByteWriter()
        writer.raw([1, 2, 3])
        writer.pad(to: 8)
        #expect(writer.bytes == [1, 2, 3, 0, 0, 0, 0, 0])
        writer.pad(to: 8)
        #expect(writer.count == 8)
        writer.patch(u32: 0x0403_0201, at: 4)
        #expect(writer.bytes == [1, 2, 3, 0, 1, 2, 3, 4])
        writer.patch(u64: 0x0807_0605_0403_0201, at: 0)
        #expect(writer.bytes == [1, 2, 3, 4, 5, 6, 7, 8])
    }
}
