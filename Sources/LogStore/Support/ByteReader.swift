/// Reads what `ByteWriter` wrote, from memory that may hold anything.
///
/// Every read is bounds-checked; the first one that does not fit throws `Malformed` with its offset. It never traps and
/// never allocates more than the bytes that are there.
package struct ByteReader: ~Escapable {
    private let bytes: RawSpan
    package private(set) var offset: Int

    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) {
        self.bytes = bytes
        self.offset = 0
    }

    /// The input does not have the expected form at `offset`.
    package struct Malformed: Error, Hashable, Sendable {
        package var offset: Int
        package var what: String
        package init(offset: Int, what: String) {
            self.offset = offset
            self.what = what
        }
    }

    package var remaining: Int { bytes.byteCount - offset }
    package var isAtEnd: Bool { remaining == 0 }

    package func malformed(_ what: String) -> Malformed { Malformed(offset: offset, what: what) }

    @_lifetime(self: copy self)
    package mutating func u8() throws(Malformed) -> UInt8 { try fixed(UInt8.self) }
    @_lifetime(self: copy self)
    package mutating func u16() throws(Malformed) -> UInt16 { try fixed(UInt16.self) }
    @_lifetime(self: copy self)
    package mutating func u32() throws(Malformed) -> UInt32 { try fixed(UInt32.self) }
    @_lifetime(self: copy self)
    package mutating func u64() throws(Malformed) -> UInt64 { try fixed(UInt64.self) }

    /// `width` bytes, most significant first.
    @_lifetime(self: copy self)
    package mutating func bigEndian(width: Int) throws(Malformed) -> UInt64 {
        guard width <= remaining else { throw malformed("number") }
        var v: UInt64 = 0
        for i in 0..<width { v = v << 8 | UInt64(bytes.checkedByte(at: offset + i)) }
        offset += width
        return v
    }

    @_lifetime(self: copy self)
    package mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard remaining > 0 else { throw malformed("varint") }
            let b = bytes.checkedByte(at: offset)
            offset += 1
            if shift == 63 && b > 1 { throw malformed("varint above 64 bits") }
            value |= UInt64(b & 0x7F) << shift
            if b < 0x80 { return value }
            shift += 7
            if shift > 63 { throw malformed("varint above 64 bits") }
        }
    }

    /// A count or length: a varint that is at most `limit` and at most what an `Int` holds.
    @_lifetime(self: copy self)
    package mutating func length(limit: Int) throws(Malformed) -> Int {
        let v = try varint()
        guard v <= UInt64(limit) else { throw malformed("length \(v) above \(limit)") }
        return Int(v)
    }

    @_lifetime(self: copy self)
    package mutating func array(_ count: Int) throws(Malformed) -> [UInt8] {
        guard count >= 0, count <= remaining else { throw malformed("\(count) bytes") }
        let start = offset
        offset += count
        return unsafe bytes.withUnsafeBytes { unsafe Array($0[start..<start + count]) }
    }

    /// `array`, behind what another one holds.
    @_lifetime(self: copy self)
    package mutating func append(_ count: Int, to other: inout [UInt8]) throws(Malformed) {
        guard count >= 0, count <= remaining else { throw malformed("\(count) bytes") }
        unsafe bytes.withUnsafeBytes { unsafe other.append(contentsOf: $0[offset..<offset + count]) }
        offset += count
    }

    /// A varint length, then the bytes.
    @_lifetime(self: copy self)
    package mutating func lengthPrefixed() throws(Malformed) -> [UInt8] { try array(try length(limit: remaining)) }

    /// A length-prefixed string; must be UTF-8.
    @_lifetime(self: copy self)
    package mutating func string() throws(Malformed) -> String {
        let at = offset
        guard let s = String(validating: try lengthPrefixed(), as: UTF8.self) else {
            throw Malformed(offset: at, what: "UTF-8")
        }
        return s
    }

    @_lifetime(self: copy self)
    package mutating func skip(_ count: Int) throws(Malformed) {
        guard count >= 0, count <= remaining else { throw malformed("\(count) bytes") }
        offset += count
    }

    @_lifetime(self: copy self)
    private mutating func fixed<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) throws(Malformed) -> T {
        let width = MemoryLayout<T>.size
        guard width <= remaining else { throw malformed("\(T.self)") }
        let v = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: T.self)
        offset += width
        return T(littleEndian: v)
    }
}

extension RawSpan {
    /// The byte at `offset`, which the caller has checked.
    fileprivate func checkedByte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
    }
}

extension Array where Element == UInt8 {
    /// Runs `body` on a reader over the whole array.
    package func read<R>(
        _ body: (inout ByteReader) throws(ByteReader.Malformed) -> R
    ) throws(ByteReader.Malformed) -> R {
        var reader = unsafe ByteReader(span.bytes)
        return try body(&reader)
    }
}
