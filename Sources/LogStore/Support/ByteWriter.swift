/// An owned, growing byte buffer that is written once and then looked at.
///
/// All integers are little-endian unless the name says otherwise.
package struct ByteWriter: Sendable {
    package private(set) var bytes: [UInt8]

    package init(reserving capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    package var count: Int { bytes.count }

    package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    package mutating func u8(_ v: UInt8) { bytes.append(v) }
    package mutating func u16(_ v: UInt16) { fixed(v.littleEndian) }
    package mutating func u32(_ v: UInt32) { fixed(v.littleEndian) }
    package mutating func u64(_ v: UInt64) { fixed(v.littleEndian) }

    /// The low `width` bytes of `v`, most significant first: fixed-width numbers that sort as bytes.
    package mutating func bigEndian(_ v: UInt64, width: Int) {
        var shift = (width - 1) * 8
        while shift >= 0 {
            bytes.append(UInt8(truncatingIfNeeded: v >> UInt64(shift)))
            shift -= 8
        }
    }

    /// LEB128, 1 to 10 bytes.
    package mutating func varint(_ v: UInt64) {
        var v = v
        while v >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: v) | 0x80)
            v >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: v))
    }

    /// A varint length, then the bytes.
    package mutating func lengthPrefixed(_ b: [UInt8]) {
        varint(UInt64(b.count))
        bytes.append(contentsOf: b)
    }

    package mutating func lengthPrefixed(_ s: String) {
        var s = s
        s.withUTF8 { u in
            varint(UInt64(u.count))
            unsafe bytes.append(contentsOf: u)
        }
    }

    package mutating func raw(_ b: [UInt8]) { bytes.append(contentsOf: b) }
    package mutating func raw(_ b: UnsafeRawBufferPointer) { unsafe bytes.append(contentsOf: b) }

    package mutating func zeros(_ n: Int) { bytes.append(contentsOf: repeatElement(0, count: n)) }

    /// Zero bytes until `count` is a multiple of `alignment`.
    package mutating func pad(to alignment: Int) {
        let rest = bytes.count % alignment
        if rest != 0 { bytes.append(contentsOf: repeatElement(0, count: alignment - rest)) }
    }

    /// Overwrites four bytes written before.
    package mutating func patch(u32 v: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= bytes.count)
        for i in 0..<4 { bytes[offset + i] = UInt8(truncatingIfNeeded: v >> UInt32(8 * i)) }
    }

    /// Overwrites eight bytes written before.
    package mutating func patch(u64 v: UInt64, at offset: Int) {
        precondition(offset >= 0 && offset + 8 <= bytes.count)
        for i in 0..<8 { bytes[offset + i] = UInt8(truncatingIfNeeded: v >> UInt64(8 * i)) }
    }

    /// Overwrites bytes written before.
    package mutating func overwrite(at offset: Int, with other: [UInt8]) {
        precondition(offset >= 0 && offset + other.count <= bytes.count)
        for i in 0..<other.count { bytes[offset + i] = other[i] }
    }

    package consuming func take() -> [UInt8] { bytes }

    private mutating func fixed<T: FixedWidthInteger>(_ v: T) {
        unsafe withUnsafeBytes(of: v) { unsafe bytes.append(contentsOf: $0) }
    }
}
