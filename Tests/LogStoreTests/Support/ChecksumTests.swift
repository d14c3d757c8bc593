import LogStore
import Testing

@Suite("Checksums")
struct ChecksumTests {
    /// RFC 3720, appendix B.4, and the check value of the CRC catalogues.
    static let crcVectors: [([UInt8], UInt32)] = [
        ([UInt8](repeating: 0x00, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        ([UInt8](0..<32), 0x46DD_794E),
        ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
        (iscsiReadCommand, 0xD996_3A56),
        (Array("123456789".utf8), 0xE306_9283),
        ([], 0),
    ]

    /// The iSCSI SCSI Read (10) command PDU of RFC 3720.
    static let iscsiReadCommand: [UInt8] = [
        0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
        0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ]

    @Test(arguments: crcVectors)
    func crc32cOfThePublishedVectors(_ bytes: [UInt8], _ expected: UInt32) {
        #expect(bytes.crc32c == expected)
        #expect(bytes.withUnsafeBytes { Checksum.crc32cPortable($0) } == expected)
    }

    @Test func crc32cByTableAndInHardwareAgreeAtEveryLengthAndAlignment() {
        let bytes = Self.sanityBuffer(128)
        for start in 0..<16 {
            for end in start...bytes.count {
                let (fast, portable) = bytes[start..<end].withUnsafeBytes {
                    (Checksum.crc32c($0), Checksum.crc32cPortable($0))
                }
                #expect(fast == portable, "\(start)..<\(end)")
            }
        }
    }

    /// The input of xxHash's own sanity check: the top byte of a multiplicative generator.
    static func sanityBuffer(_ count: Int) -> [UInt8] {
        var state: UInt64 = 2_654_435_761
        return (0..<count).map { _ in
            defer { state &*= 11_400_714_785_074_694_797 }
            return UInt8(state >> 56)
        }
    }

    /// xxHash's published sanity values (tests/sanity_test_vectors.h): each length class of the algorithm, seed 0.
    static let vectors: [(Int, UInt64)] = [
        (0, 0x2D06_8005_38D3_94C2), (1, 0xC44B_DFF4_074E_ECDB), (6, 0x27B5_6A84_CD2D_7325),
        (12, 0xA713_DAF0_DFBB_77E7), (24, 0xA3FE_70BF_9D35_10EB), (48, 0x397D_A259_ECBA_1F11),
        (80, 0xBCDE_FBBB_2C47_C90A), (128, 0xFCFF_2412_6754_D861), (195, 0xCD94_217E_E362_EC3A),
        (240, 0x81C3_C2B6_7F56_8CCF), (241, 0xC5A6_39EC_D203_0E5E), (403, 0xCDEB_804D_65C6_DEA4),
        (512, 0x617E_4959_9013_CB6B), (2048, 0xDD59_E2C3_A5F0_38E0), (4160, 0x4F32_3B15_321E_94E1),
    ]

    @Test(arguments: vectors)
    func xxh3OfThePublishedVectors(_ count: Int, _ expected: UInt64) {
        #expect(Self.sanityBuffer(count).withUnsafeBytes { Checksum.xxh3($0, seed: 0) } == expected)
    }

    /// The same with the published seed: the seeded path is code of its own.
    static let seededVectors: [(Int, UInt64)] = [
        (0, 0xA8A6_B918_B2F0_364A), (1, 0x032B_E332_DD76_6EF8), (6, 0x8458_9C11_6AB5_9AB9),
        (12, 0xE730_3E1B_2336_DE0E), (24, 0x850E_80FC_35BD_D690), (48, 0xADC2_CBAA_44AC_C616),
        (80, 0xC6DD_0CB6_9953_2E73), (195, 0xBA68_003D_370C_B3D9),
    ]

    @Test(arguments: seededVectors)
    func seededXXH3OfThePublishedVectors(_ count: Int, _ expected: UInt64) {
        let seed: UInt64 = 0x9E37_79B1_85EB_CA8D
        #expect(Self.sanityBuffer(count).withUnsafeBytes { Checksum.xxh3($0, seed: seed) } == expected)
    }

    @Test func wideXXH3OfTheEmptyInput() {
        let wide = [UInt8]().withUnsafeBytes { Checksum.xxh3Wide($0, seed: 0) }
        #expect((wide.low, wide.high) == (0x6001_C324_468D_497F, 0x99AA_06D3_0147_98D8))
    }

    @Test func seedsDifferByEveryPartOfThePlace() {
        var seeds = Set<UInt64>()
        for store in 0..<4 as Range<UInt64> {
            for file in 0..<16 as Range<UInt64> {
                for block in 0..<64 as Range<UInt64> {
                    seeds.insert(Checksum.seed(store: store, file: file, offset: block * 4096))
                }
            }
        }
        #expect(seeds.count == 4 * 16 * 64)
    }
}
