internal import CXXHash

/// Checksums of the on-disk format (docs/format.md, "Checksums").
///
/// XXH3 is seeded with the place a thing lives at, so that an intact block read from the wrong place does not verify.
package enum Checksum {
    /// XXH3-64 of `bytes`.
    package static func xxh3(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        unsafe lsXXH3(bytes.baseAddress, bytes.count, seed)
    }

    /// XXH3-128 of `bytes`, low half first.
    package static func xxh3Wide(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> (low: UInt64, high: UInt64) {
        var low: UInt64 = 0
        var high: UInt64 = 0
        unsafe lsXXH3Wide(bytes.baseAddress, bytes.count, seed, &low, &high)
        return (low, high)
    }

    /// The seed of a thing at `offset` of the file `fileID` of the store `store`. SplitMix64 finaliser over the mix.
    package static func seed(store: UInt64, file: UInt64, offset: UInt64) -> UInt64 {
        var z = store ^ (file &* 0x9E37_79B9_7F4A_7C15) ^ (offset &+ 0xD1B5_4A32_D192_ED03)
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// CRC-32C (RFC 3720, appendix B.4) of `bytes`; in hardware where there is SSE 4.2, else by table.
    package static func crc32c(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard hasHardwareCRC else { return unsafe crc32cPortable(bytes) }
        return unsafe lsCRC32CHardware(bytes.baseAddress, bytes.count, 0)
    }

    /// The same by table, one byte at a time.
    package static func crc32cPortable(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = ~UInt32(0)
        for i in 0..<bytes.count {
            let byte = unsafe bytes[i]
            crc = crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8)
        }
        return ~crc
    }

    private static let hasHardwareCRC = lsHasCRC32C() != 0

    private static let crcTable: [UInt32] = (0..<256).map { (i: UInt32) in
        (0..<8).reduce(i) { c, _ in c & 1 == 1 ? 0x82F6_3B78 ^ (c >> 1) : c >> 1 }
    }
}

extension Array where Element == UInt8 {
    /// CRC-32C of the array.
    package var crc32c: UInt32 { unsafe withUnsafeBytes { unsafe Checksum.crc32c($0) } }
}
